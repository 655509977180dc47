from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from condabox.conda.lockfiles.lockfile import LockFile
from condabox.reporting.lockcompare import compare_locks
from condabox.workflows.lock_plan import LockResult
from tests.fakes.current_lock import write_current_lock
from tests.fakes.lockfiles import conda

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.workflows.lock import LockRequest

PACKAGES = 300


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", "lock", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[LockRequest]:
    """Return what the command asks for in a folder with an ai.yml; nothing is locked."""
    monkeypatch.chdir(tmp_path)
    Path("ai.yml").touch()
    requests: list[LockRequest] = []

    def lock_each(request: LockRequest, **_: object) -> Iterator[LockResult]:
        requests.append(request)
        locked = LockFile.empty(Path("ai.conda-lock.yml"))
        diff = compare_locks(locked, locked)
        (environment,) = request.environments
        yield LockResult(
            environment=environment, locked=locked, diff=diff, before=True, written=False
        )

    monkeypatch.setattr("condabox.workflows.lock.lock_each", lock_each)
    return requests


@pytest.mark.parametrize(
    ("arguments", "names", "everything"),
    [
        (["ai.yml"], (), False),
        (["ai.yml", "--update"], (), True),
        (["--update", "ai.yml"], (), True),
        (["--update", "./ai.yml"], (), True),
        (["--update", "--quiet", "ai.yml"], (), True),
        (["ai.yml", "--update", "numpy"], ("numpy",), False),
        (["--update", "numpy", "ai.yml", "--update", "scipy"], ("numpy", "scipy"), False),
        (["--update=numpy", "ai.yml"], ("numpy",), False),
        (["--update", "ruamel.yaml", "ai.yml"], ("ruamel.yaml",), False),
        (["ai.yml", "--update", "ruamel.yaml"], ("ruamel.yaml",), False),
        (["--update=ruamel.yaml", "ai.yml"], ("ruamel.yaml",), False),
        (["--add", "ruamel.yaml", "--update", "ai.yml"], (), True),
        (
            ["--update", "scipy", "--platform", "linux/amd64", "--update", "ai.yml"],
            ("scipy",),
            True,
        ),
    ],
)
def test_update_may_stand_alone(
    monkeypatch: pytest.MonkeyPatch,
    asked: list[LockRequest],
    arguments: list[str],
    names: tuple[str, ...],
    everything: bool,  # noqa: FBT001  (a parameter of the test)
) -> None:
    assert run(monkeypatch, *arguments) == 0

    (request,) = asked
    assert (request.update, request.update_all) == (names, everything)
    assert request.environments == (Path("ai.yml"),)


def test_files_behind_an_update_that_stands_alone_are_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run(monkeypatch, "--update", "ruamel.yaml") == 3
    assert capsys.readouterr().err == (
        "condabox: error: ruamel.yaml does not exist\n"
        "  hint: name the environment file, too, if it is a package: `--update=ruamel.yaml ENV`\n"
    )


def test_an_empty_platform_is_not_every_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "--platform", "", "ai.yml") == 3


def test_platforms_are_oci_s_or_conda_s(
    monkeypatch: pytest.MonkeyPatch, asked: list[LockRequest]
) -> None:
    run(monkeypatch, "--platform", "linux/arm64, osx-arm64,win-64", "ai.yml")

    assert asked[0].subdirs == ("linux-aarch64", "osx-arm64", "win-64")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--check", "--update", "ai.yml"], id="check solves nothing"),
        pytest.param(["--check", "--add", "numpy", "ai.yml"], id="check changes nothing"),
        pytest.param(["--add", "numpy", "a.yml", "b.yml"], id="one file at a time"),
        pytest.param(["--update"], id="no environment"),
        pytest.param(["a.yml", "a.yaml"], id="two files of one lock"),
        pytest.param(["a.yml", "folder/../a.yml"], id="one file by two names"),
        pytest.param(["a.conda-lock.yml"], id="a lock alone"),
    ],
)
def test_wrong_usage_is_2(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    assert run(monkeypatch, *arguments) == 2


def test_locks_among_the_files_of_a_folder_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, asked: list[LockRequest]
) -> None:
    assert run(monkeypatch, "envs/ai.conda-lock.yml", "envs/ai.yml") == 0
    assert asked[0].environments == (Path("envs/ai.yml"),)


def test_a_lock_that_is_current_is_told_so(
    monkeypatch: pytest.MonkeyPatch, asked: list[LockRequest], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "ai.yml") == 0
    assert asked
    assert capsys.readouterr().out == "ai.conda-lock.yml is current\n"


def test_json_is_for_machines(
    monkeypatch: pytest.MonkeyPatch, asked: list[LockRequest], capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--json", "ai.yml")

    assert asked
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["path"], found["written"]) == ("ai.conda-lock.yml", False)
    assert found["changes"]["changed"] is False


def test_json_has_what_failed_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.yml").write_text("dependencies: 7\n")

    assert run(monkeypatch, "--json", "broken.yml", "none.yml") == 3

    found = json.loads(capsys.readouterr().out)
    assert [(each["environment"], each["written"]) for each in found] == [
        ("broken.yml", False),
        ("none.yml", False),
    ]
    assert all(each["error"].startswith(each["environment"]) for each in found)


def write_big_lock(folder: Path) -> Path:
    """Write an environment, and a current lock of hundreds of packages."""
    environment = folder / "big.yml"
    asked = "".join(f"  - pkg{number}\n" for number in range(50))
    environment.write_text(
        f"name: big\nchannels: [conda-forge]\nplatforms: [linux-64]\ndependencies:\n{asked}"
    )
    packages = (
        replace(
            conda(f"pkg{number}"),
            dependencies=tuple(f"pkg{other}" for other in range(number + 1, number + 8)),
        )
        for number in range(PACKAGES)
    )
    write_current_lock(environment, packages)
    return environment


@pytest.mark.parametrize(("line", "status"), [("", 0), ("  - one-more\n", 4)])
def test_a_check_asks_no_network_and_starts_no_program(
    tmp_path: Path, line: str, status: int
) -> None:
    environment = write_big_lock(tmp_path)
    with environment.open("a") as file:
        file.write(line)
    script = """
import socket, subprocess, sys

def refuse(*_, **__):
    raise SystemExit(99)

socket.socket = socket.create_connection = socket.getaddrinfo = subprocess.Popen = refuse
from condabox.cli.app import main
sys.argv = ["condabox", "lock", "--check", "big.yml"]
main()
"""
    root = Path(__file__).parent.parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(root), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == status, done.stderr
    assert ("dependencies: + one-more" in done.stderr) == bool(line)
