"""NVIDIA's driver: what its own program tells, and which CUDA it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import ToolFailedError
from condabox.outputs import nvidia
from condabox.outputs.nvidia import (
    Driver,
    Support,
    cdi_specifications,
    find_driver,
    oldest_driver,
    support,
    toolkit_version,
)
from tests.fakes.pipes import Pipe
from tests.fakes.programs import MISMATCH, NVIDIA_570, NVIDIA_610, Programs

if TYPE_CHECKING:
    from pathlib import Path

H100 = "NVIDIA H100 80GB HBM3"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    return Programs(tmp_path / "bin", monkeypatch)


def driver(version: str = "", cuda: str = "") -> Driver:
    return Driver(version=version, cuda=cuda, gpus=())


def test_the_driver_its_gpus_and_its_cuda(programs: Programs) -> None:
    programs.nvidia_smi(NVIDIA_570, *[f"{H100}, 570.124.06"] * 2)

    assert find_driver(seconds=60) == Driver(version="570.124.06", cuda="12.8", gpus=(H100, H100))


def test_newer_ones_tell_the_cuda_of_the_user_mode_driver(programs: Programs) -> None:
    programs.nvidia_smi(NVIDIA_610, "NVIDIA B200, 610.43.02")

    assert find_driver(seconds=60) == Driver(
        version="610.43.02", cuda="13.3", gpus=("NVIDIA B200",)
    )


@pytest.mark.parametrize("shown", ["N/A ", "Not Found"])
def test_a_driver_without_cuda_has_none(programs: Programs, shown: str) -> None:
    programs.nvidia_smi(NVIDIA_570.replace("12.8", shown), f"{H100}, 570.124.06")

    assert find_driver(seconds=60) == Driver(version="570.124.06", cuda="", gpus=(H100,))


@pytest.mark.parametrize(
    ("said", "status", "hint"),
    [
        pytest.param(MISMATCH, 18, "restart the machine", id="updated"),
        pytest.param(
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make "
            "sure that the latest NVIDIA driver is installed and running.\n\n",
            9,
            "kernel",
            id="not loaded",
        ),
        pytest.param("No devices were found\n", 6, "kernel", id="no devices"),
        pytest.param("", 1, "kernel", id="silent"),
    ],
)
def test_a_driver_that_does_not_work(programs: Programs, said: str, status: int, hint: str) -> None:
    programs.say("nvidia-smi", said, status=status)

    with pytest.raises(ToolFailedError) as caught:
        find_driver(seconds=60)

    first = said.partition("\n")[0] or f"nvidia-smi ended with status {status}"
    assert caught.value.message == first
    assert hint in str(caught.value.hint)


def test_without_the_program_the_library_is_asked(
    programs: Programs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Library:
        def cuDriverGetVersion(self, version: object) -> int:  # noqa: N802  (its name)
            version._obj.value = 12040  # type: ignore[attr-defined]  # as ctypes keeps it
            return 0

    assert programs.folder.is_dir()
    (tmp_path / "version").write_text("550.54.15\n")
    monkeypatch.setattr(nvidia, "_MODULE", tmp_path / "version")
    monkeypatch.setattr("ctypes.CDLL", lambda _: Library())

    assert find_driver(seconds=60) == Driver(version="550.54.15", cuda="12.4", gpus=())


def test_a_driver_that_hangs_is_not_waited_for(programs: Programs, tmp_path: Path) -> None:
    pipe = Pipe(tmp_path / "pipe")
    programs.add("nvidia-smi", pipe.hanging)

    with pytest.raises(ToolFailedError, match=r"nvidia-smi .* gave no answer in 1 seconds"):
        find_driver(seconds=1)

    assert pipe.read_all() == b""


def test_most_machines_have_no_driver(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise OSError(f"{name}: cannot open shared object file")

    assert programs.folder.is_dir()
    monkeypatch.setattr("ctypes.CDLL", missing)

    assert find_driver(seconds=60) is None


@pytest.mark.parametrize(
    ("cuda", "version", "newest", "expected"),
    [
        ("12.8", "570.124.06", "12.8", Support.FULL),
        ("12.4", "570.124.06", "12.8", Support.FULL),
        ("11.8", "570.124.06", "12.8", Support.FULL),
        ("12.10", "570.124.06", "12.8", Support.MINOR),
        ("12.9", "525.60.13", "12.0", Support.MINOR),
        ("11.8", "450.80.02", "11.0", Support.MINOR),
        ("13.0", "570.124.06", "12.8", Support.NONE),
        ("12.0", "470.42.01", "11.4", Support.NONE),
        ("10.2", "410.48", "10.0", Support.NONE),
        ("12.8", "525.60.13", "", Support.MINOR),
        ("12.8", "525.60.2", "", Support.NONE),
        ("13.0", "580.65.06", "", Support.MINOR),
        ("14.0", "700.1", "", Support.UNKNOWN),
        ("12.8", "", "", Support.UNKNOWN),
    ],
)
def test_which_cuda_a_driver_runs(cuda: str, version: str, newest: str, expected: Support) -> None:
    assert support(cuda, driver(version, newest)) is expected


VERSIONS = st.tuples(st.integers(11, 15), st.integers(0, 12)).map(lambda v: f"{v[0]}.{v[1]}")


@given(locked=VERSIONS, newest=VERSIONS)
def test_what_a_driver_runs_a_newer_one_runs_as_well(locked: str, newest: str) -> None:
    order = [Support.NONE, Support.MINOR, Support.FULL]
    major, minor = map(int, newest.split("."))
    before = support(locked, driver(cuda=newest))

    for newer in (f"{major}.{minor + 1}", f"{major + 1}.0"):
        assert order.index(support(locked, driver(cuda=newer))) >= order.index(before)


def test_the_oldest_driver_in_words() -> None:
    assert oldest_driver("12.8") == "a driver for CUDA 12, 525.60.13 or newer"
    assert oldest_driver("14.1") == "a driver for CUDA 14.1"


def test_the_container_toolkit(programs: Programs) -> None:
    assert toolkit_version(seconds=60) is None
    programs.say("nvidia-ctk", "NVIDIA Container Toolkit CLI version 1.17.8\ncommit: f202b80a9b\n")
    assert toolkit_version(seconds=60) == "1.17.8"
    programs.say("nvidia-ctk", "something else")
    assert toolkit_version(seconds=60) == "of unknown version"


def test_specifications_are_those_of_nvidia(tmp_path: Path) -> None:
    (tmp_path / "nvidia.yaml").write_text("cdiVersion: 0.5.0\nkind: nvidia.com/gpu\n")
    (tmp_path / "amd.json").write_text('{"kind": "amd.com/gpu"}')
    (tmp_path / "old.json.bak").write_text('{"kind": "nvidia.com/gpu"}')
    (tmp_path / "folder.yaml").mkdir()

    found = cdi_specifications([tmp_path / "none", tmp_path])

    assert found == (tmp_path / "nvidia.yaml",)
