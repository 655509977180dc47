"""What ``condabox prune`` tells is what a build leaves out."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from condabox.cli.console import choose_reporter
from condabox.platforms import Platform
from condabox.pruning.explain import Explainer, Outcome
from condabox.settings import load_settings
from condabox.workflows.build_request import LockPolicy, Variant
from condabox.workflows.prune import PruneRequest, decide_pruning
from tests.fakes.packages import make_package
from tests.fakes.project import ROOT, Project, make_project

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.envfile.section import PruneProfile
    from tests.world.world import World

SECTION = """\
  prune:
    keep: ['**/kept.a']
    drop: [etc/*, nothing]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    files = {
        "lib/libz.a": b"12345",
        "lib/kept.a": b"1",
        "share/man/man1/z.1": b"123",
        "include/z.h": b"1234567",
        "etc/z.conf": b"12",
        "bin/z": b"1",
    }
    archive = make_package(tmp_path / "packages", "zlib", files=files)
    return make_project(tmp_path / "project", archives=[archive], specs=["zlib"], section=SECTION)


@pytest.fixture(scope="module")
def real(world: World, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of ``envs/`` with a cache of its own, in the test world."""
    root = tmp_path_factory.mktemp("real")
    shutil.copytree(ROOT / "envs", root / "envs")
    env = {"CONDABOX_CONFIG": str(world.settings), "XDG_CACHE_HOME": str(root / "cache")}
    return Project(root=root, env=env)


def answer(project: Project, *arguments: str) -> dict[str, object]:
    done = project.run(
        "prune", "environment.yml", "--platform", "linux/amd64", "--json", *arguments
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_build_leaves_out_what_is_told(project: Project) -> None:
    told = answer(project)

    built = project.build("--platform", "linux/amd64")["images"]

    assert isinstance(built, list)
    assert told["left_out"] == {"paths": 3, "bytes": 10}
    assert told["more"] == {"slim": {"paths": 1, "bytes": 7}}
    assert built[0]["pruned"] == {
        "drop": {"paths": 1, "bytes": 2},
        "manuals": {"paths": 1, "bytes": 3},
        "static-libraries": {"paths": 1, "bytes": 5},
    }
    assert told["rules"] == {
        rule: {**saving, "needed": 0}
        for rule, saving in built[0]["pruned"].items()
        if rule != "drop"
    }
    assert told["dropped"] == built[0]["pruned"]["drop"]


def test_another_profile_is_asked_for(project: Project) -> None:
    slim, none = answer(project, "--prune", "slim"), answer(project, "--prune", "none")

    assert slim["left_out"] == {"paths": 4, "bytes": 17}
    assert slim["more"] == {}
    assert none["left_out"] == {"paths": 0, "bytes": 0}
    assert none["more"] == {
        "safe": {"paths": 3, "bytes": 10},
        "slim": {"paths": 4, "bytes": 17},
    }


def test_entries_that_match_nothing_are_told(project: Project) -> None:
    done = project.run("prune", "environment.yml", "--explain", "--platform", "linux/amd64")

    assert done.returncode == 0, done.stderr
    assert "condabox.prune: 'nothing' matches no file of any package" in done.stderr
    assert "keep: **/kept.a" in done.stdout


def test_paths_are_explained(project: Project) -> None:
    done = project.run(
        *("prune", "environment.yml", "--platform", "linux/amd64", "--explain"),
        *("lib/libz.a", "/opt/env/lib/kept.a", "etc/z.conf", "/etc/passwd", "lib/libz.so"),
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "lib/libz.a\n"
        "  zlib 1.0 0: 5 B\n"
        "  left out by static-libraries (low risk)\n"
        "    only a linker reads them, and the environment has none\n"
        "\n"
        "/opt/env/lib/kept.a\n"
        "  zlib 1.0 0: 1 B\n"
        "  stays by `keep: **/kept.a`\n"
        "\n"
        "etc/z.conf\n"
        "  zlib 1.0 0: 2 B\n"
        "  left out by `drop: etc/*`\n"
        "\n"
        "/etc/passwd\n"
        "  not in the prefix: rules are for packages alone\n"
        "\n"
        "lib/libz.so\n"
        "  no package has it\n"
        "  did you mean lib/libz.a?\n"
    )


def test_a_stale_lock_is_an_error(project: Project) -> None:
    assert project.run("prune", "environment.yml", "--locked").returncode == 4

    answer(project)
    text = project.environment.read_text()
    project.environment.write_text(text.replace("- zlib", "- zlib =2"))

    assert project.run("prune", "environment.yml").returncode == 4
    assert answer(project, "--frozen")["left_out"] == {"paths": 3, "bytes": 10}


@pytest.mark.world
@pytest.mark.parametrize("profile", ["none", "safe", "slim"])
def test_every_path_of_a_real_environment_is_explained_as_it_was_decided(
    real: Project, profile: PruneProfile
) -> None:
    env = real.variables()
    environment = real.root / "envs" / "serving.yml"
    request = PruneRequest(
        environment=environment,
        platform=Platform(os="linux", architecture="amd64"),
        prune=profile,
        lock_policy=LockPolicy.MAKE,
        variant=Variant.PROD,
    )

    _, pruned = decide_pruning(
        request,
        settings=load_settings(environment.parent, env=env),
        env=env,
        reporter=choose_reporter(quiet=True),
    )

    explainer = Explainer(pruned)
    outcomes = set()
    for package in pruned.packages:
        removed = pruned.decision.removed.get(package.sha256, {})
        kept = {each.path for each in pruned.decision.kept.get(package.sha256, ())}
        for path in pruned.paths[package.sha256]:
            verdict = explainer.verdict(path, package)
            assert (path, verdict.stays) == (path, path not in removed)
            is_needed = verdict.outcome is Outcome.NEEDED and verdict.profile is None
            assert (path, is_needed) == (path, path in kept)
            outcomes.add(verdict.outcome)
    assert (Outcome.LEFT_OUT in outcomes) == (profile != "none")
    assert {Outcome.NEVER, Outcome.NEEDED, Outcome.NO_RULE, Outcome.SPARED} <= outcomes
