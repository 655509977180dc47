"""What linters say of the jobs that `condabox init` writes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from condabox.workflows.init import CI, StartRequest, start_project
from tests.fakes.pipelines import scripts
from tests.fakes.project import ROOT

SCRIPTS = Path(sysconfig.get_path("scripts"))
SCHEMAS = {CI.GITHUB: "vendor.github-workflows", CI.GITLAB: "vendor.gitlab-ci"}
JOBS = [
    (CI.GITHUB, ".github/workflows/condabox-locks.yml"),
    (CI.GITHUB, ".github/workflows/condabox-images.yml"),
    (CI.GITLAB, ".gitlab/condabox.gitlab-ci.yml"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for ci in CI:
        folder = tmp_path / ci / "envs"
        start_project(StartRequest(environment=folder / "ai.yml", root=tmp_path / ci, ci=ci))
    return tmp_path


def test_every_template_is_looked_at(root: Path) -> None:
    written = {
        str(path.relative_to(root / ci))
        for ci in CI
        for path in (root / ci).rglob("*.yml")
        if path.parent.name != "envs"
    }
    assert written == {name for _, name in JOBS}
    assert len(list((ROOT / "templates" / "ci").rglob("*.yml"))) == len(JOBS)


@pytest.mark.parametrize(("ci", "name"), JOBS)
def test_it_follows_its_schema(root: Path, ci: CI, name: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[ci]]
    done = subprocess.run(
        [*command, str(root / ci / name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("ci", "name"), [each for each in JOBS if each[0] is CI.GITHUB])
def test_it_is_secure(root: Path, ci: CI, name: str) -> None:
    command = [str(SCRIPTS / "zizmor"), "--offline", "--persona", "pedantic", "--format", "json"]
    done = subprocess.run(
        [*command, str(root / ci / name)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(("ci", "name"), JOBS)
def test_its_scripts_are_sound(root: Path, ci: CI, name: str) -> None:
    for script in scripts(root / ci / name):
        done = subprocess.run(
            [str(SCRIPTS / "shellcheck"), "--shell", "bash", "-"],
            input=script,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("ci", "name"), JOBS)
def test_no_text_from_outside_becomes_a_part_of_a_script(root: Path, ci: CI, name: str) -> None:
    assert not any("${{" in script for script in scripts(root / ci / name))


def test_actions_are_pinned_by_commit(root: Path) -> None:
    for ci, name in JOBS:
        for action in re.findall(r"uses: (\S+)", (root / ci / name).read_text()):
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action)
