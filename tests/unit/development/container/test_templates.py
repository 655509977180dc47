"""The files that a container's services and shells read."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.unit.development.container.conftest import executable

TEMPLATES = ROOT / "templates" / "dev"
SHELLCHECK = Path(sysconfig.get_path("scripts")) / "shellcheck"


@pytest.mark.parametrize("name", ["kernel", "profile.sh"])
def test_shells_have_nothing_against_it(name: str) -> None:
    command = [str(SHELLCHECK), "--shell", "sh", str(TEMPLATES / name)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stdout == ""


def test_the_kernel_is_no_python_that_jupyter_could_replace() -> None:
    spec = json.loads((TEMPLATES / "kernel.json").read_text())

    assert spec["argv"] == ["/opt/tools/condabox/kernel", "-f", "{connection_file}"]


def test_the_kernel_is_the_environments(tmp_path: Path) -> None:
    executable(tmp_path / "bin/python", '#!/bin/sh\necho "$@"\n')
    command = ["sh", str(TEMPLATES / "kernel"), "-f", "a b"]

    done = subprocess.run(
        command, env={"CONDA_PREFIX": str(tmp_path)}, capture_output=True, text=True, check=True
    )

    assert done.stdout == "-m ipykernel_launcher -f a b\n"
    assert subprocess.run(command, env={}, capture_output=True, check=False).returncode != 0


@pytest.mark.parametrize(
    ("env", "path"),
    [({"CONDABOX_PATH": "/a b:$c"}, "/a b:$c"), ({}, "/bin"), ({"CONDABOX_PATH": ""}, "/bin")],
)
def test_login_shells_take_their_path_back(env: dict[str, str], path: str) -> None:
    script = f'PATH=/bin; . "{TEMPLATES}/profile.sh"; printf %s "$PATH"'

    done = subprocess.run(
        ["/bin/sh", "-euc", script], env=env, capture_output=True, text=True, check=True
    )

    assert done.stdout == path


def test_what_login_shells_make_the_group_may_change() -> None:
    script = f'umask 0022; . "{TEMPLATES}/profile.sh"; umask'

    done = subprocess.run(
        ["/bin/sh", "-euc", script], env={}, capture_output=True, text=True, check=True
    )

    assert done.stdout == "0002\n"
