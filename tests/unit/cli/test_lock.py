from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from condabox.cli.app import main
from condabox.conda.channels.channel import ChannelNames
from condabox.conda.envfile.spec import read_environment
from condabox.conda.lockfiles.inputs import inputs_of
from condabox.conda.lockfiles.lockfile import LockFile
from condabox.reporting.lockcompare import compare_locks
from condabox.workflows.lock import LockResult

if TYPE_CHECKING:
    from condabox.workflows.lock import LockRequest

FORGE = "https://conda.anaconda.org/conda-forge"
PACKAGES = 300


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["condabox", "lock", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[LockRequest]:
    """Return what the command asks for; nothing is locked."""
    requests: list[LockRequest] = []

    def lock(request: LockRequest, **_: object) -> tuple[LockResult, ...]:
        requests.append(request)
        locked = LockFile.empty(Path("ai.conda-lock.yml"))
        diff = compare_locks(locked, locked)
        (environment,) = request.environments
        return (
            LockResult(
                environment=environment, locked=locked, diff=diff, before=True, written=False
            ),
        )

    monkeypatch.setattr("condabox.workflows.lock.lock", lock)
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
    ],
)
def test_wrong_usage_is_2(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    assert run(monkeypatch, *arguments) == 2


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


def write_big_lock(folder: Path) -> Path:
    """Write an environment, and a current lock of hundreds of packages."""
    environment = folder / "big.yml"
    asked = "".join(f"  - pkg{number}\n" for number in range(50))
    environment.write_text(
        f"name: big\nchannels: [conda-forge]\nplatforms: [linux-64]\ndependencies:\n{asked}"
    )
    spec = read_environment(environment)
    inputs = inputs_of(spec, "linux-64", names=ChannelNames())
    packages = [
        {
            "name": f"pkg{number}",
            "version": "1.0",
            "manager": "conda",
            "platform": "linux-64",
            "dependencies": {f"pkg{other}": ">=1" for other in range(number + 1, number + 8)},
            "url": f"{FORGE}/linux-64/pkg{number}-1.0-h0_0.conda",
            "hash": {"md5": "cd" * 16, "sha256": f"{number:064x}"},
            "category": "main",
            "optional": False,
        }
        for number in range(PACKAGES)
    ]
    metadata = {
        "content_hash": {"linux-64": ""},
        "channels": [{"url": FORGE, "used_env_vars": []}],
        "platforms": ["linux-64"],
        "sources": ["big.yml"],
        "custom_metadata": {
            "condabox": "1",
            "condabox-base": "ubuntu:24.04",
            "condabox-inputs-linux-64": inputs.to_text(),
        },
    }
    document = {"version": 1, "metadata": metadata, "package": packages}
    (folder / "big.conda-lock.yml").write_text(yaml.safe_dump(document))
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
