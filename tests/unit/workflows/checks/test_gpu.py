"""What is said of the GPU, and of the CUDA that is locked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from condabox.conda.envfile.spec import parse_environment
from condabox.errors import LockError
from condabox.outputs import nvidia
from condabox.reporting.findings import State
from condabox.workflows.checks import gpu
from condabox.workflows.checks.gpu import gpu_checks
from tests.fakes.checking import found, lines
from tests.fakes.lockfiles import conda, lock_file, wheel
from tests.fakes.programs import MISMATCH, NVIDIA_570

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage, LockFile
    from condabox.reporting.findings import Finding
    from tests.fakes.programs import Programs

H100 = "NVIDIA H100 80GB HBM3"
ENGINE = {"ServerVersion": "28.2.2", "Runtimes": {"runc": {}}, "CDISpecDirs": ["/etc/cdi"]}


@dataclass(slots=True, kw_only=True)
class Machine:
    """Environments with their locks, and where specifications of devices are."""

    root: Path
    cdi: Path
    locks: dict[str, dict[str, list[LockedPackage]]] = field(default_factory=dict)

    def lock(self, path: Path) -> LockFile:
        name = path.name.removesuffix(".conda-lock.yml")
        if name not in self.locks:
            raise LockError(f"{path} does not exist")
        return lock_file(self.locks[name])

    def look(self, *names: str, section: str = "{}") -> list[Finding]:
        text = (
            "channels: [x]\ndependencies: [x]\nplatforms: [linux-64, linux-aarch64]\n"
            f"condabox: {section}\n"
        )
        specs = [parse_environment(text, path=self.root / f"{name}.yml") for name in names]
        return list(found(gpu_checks(specs)))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(root=tmp_path, cdi=tmp_path / "cdi")
    machine.cdi.mkdir()
    monkeypatch.setattr(gpu, "read_lock_file", machine.lock)
    monkeypatch.setattr(gpu, "cdi_specifications", lambda: nvidia.cdi_specifications([machine.cdi]))
    monkeypatch.setattr(nvidia, "_LIBRARY", "no-such-library.so")
    return machine


def test_most_machines_have_no_gpu(programs: Programs, machine: Machine) -> None:
    assert programs.folder.is_dir()
    machine.locks["ai"] = {"linux-64": [conda("cuda-version", "12.9")]}

    driver, ai = machine.look("ai")

    assert (driver.state, driver.detail) == (State.NOTE, "no NVIDIA driver on this machine")
    assert (ai.state, ai.detail) == (
        State.NOTE,
        "CUDA 12.9: cannot run here, needs a driver for CUDA 12, 525.60.13 or newer",
    )


def test_a_driver_with_all_that_containers_need(programs: Programs, machine: Machine) -> None:
    programs.nvidia_smi(NVIDIA_570, *[f"{H100}, 570.124.06"] * 8)
    programs.say("nvidia-ctk", "NVIDIA Container Toolkit CLI version 1.17.8\n")
    programs.say("docker", json.dumps(ENGINE))
    programs.say("podman", "{}")
    (machine.cdi / "nvidia.yaml").write_text("kind: nvidia.com/gpu")

    assert lines(machine.look()) == [
        "ok driver: 570.124.06, runs CUDA 12.8 and older",
        f"ok devices: 8 x {H100}",
        "ok container toolkit: 1.17.8",
        "ok in docker: CDI: docker run --device nvidia.com/gpu=all",
        "ok in podman: CDI: podman run --device nvidia.com/gpu=all",
    ]


def test_the_runtime_serves_docker_as_well(programs: Programs, machine: Machine) -> None:
    programs.nvidia_smi(NVIDIA_570, f"{H100}, 570.124.06")
    programs.say("docker", json.dumps({**ENGINE, "Runtimes": {"nvidia": {}, "runc": {}}}))

    assert lines(machine.look())[-1] == "ok in docker: runtime nvidia: docker run --gpus all"


def test_engines_that_do_not_know_the_gpu(programs: Programs, machine: Machine) -> None:
    programs.nvidia_smi(NVIDIA_570, f"{H100}, 570.124.06")
    programs.say("docker", json.dumps(ENGINE))
    programs.say("podman", "{}")

    *_, toolkit, docker, podman = machine.look()

    assert [each.state for each in (toolkit, docker, podman)] == [State.NOTE] * 3
    assert "nvidia-container-toolkit" in str(toolkit.hint)
    assert "nvidia-ctk runtime configure --runtime=docker" in str(docker.hint)
    assert "nvidia-ctk cdi generate" in str(podman.hint)


def test_a_driver_that_does_not_work_is_a_problem(programs: Programs, machine: Machine) -> None:
    programs.say("nvidia-smi", MISMATCH, status=18)
    machine.locks["ai"] = {"linux-64": [conda("cuda-version", "12.9")]}

    (told,) = machine.look("ai")

    assert (told.state, told.detail) == (
        State.PROBLEM,
        "Failed to initialize NVML: Driver/library version mismatch",
    )
    assert "restart" in str(told.hint)


@pytest.mark.parametrize(
    ("package", "expected", "hint"),
    [
        (conda("cuda-version", "12.8"), "ok: CUDA 12.8 runs with this driver", ""),
        (wheel("nvidia-cuda-runtime-cu12", "12.6.77"), "ok: CUDA 12.6 runs", ""),
        (conda("cuda-version", "12.9"), "note: CUDA 12.9 runs", 'set `cuda: "12.8"`'),
        (conda("cuda-version", "13.0"), "problem: CUDA 13.0 does not run", "580 or newer"),
        (conda("python", "3.12"), "ok: needs no GPU", ""),
    ],
)
def test_the_cuda_of_a_lock_against_the_driver(
    programs: Programs, machine: Machine, package: LockedPackage, expected: str, hint: str
) -> None:
    programs.nvidia_smi(NVIDIA_570, f"{H100}, 570.124.06")
    machine.locks["ai"] = {"linux-64": [package], "win-64": [conda("cuda-version", "1.0")]}

    told = machine.look("ai")[-1]

    assert told.name == str(machine.root / "ai.yml")
    assert f"{told.state}: {told.detail}".startswith(expected)
    assert hint in (told.hint or "")


def test_platforms_with_other_versions_are_told_apart(programs: Programs, machine: Machine) -> None:
    programs.nvidia_smi(NVIDIA_570, f"{H100}, 570.124.06")
    machine.locks["ai"] = {
        "linux-64": [conda("cuda-version", "12.8")],
        "linux-aarch64": [conda("cuda-version", "13.0")],
    }

    assert [each.state for each in machine.look("ai")[-2:]] == [State.OK, State.PROBLEM]


def test_without_a_lock_it_is_what_the_file_promises(programs: Programs, machine: Machine) -> None:
    programs.nvidia_smi(NVIDIA_570, f"{H100}, 570.124.06")

    told = machine.look("new", section='{cuda: "13.1"}')[-1]

    assert (told.state, told.detail) == (State.PROBLEM, "CUDA 13.1 does not run with this driver")


def test_a_platform_without_the_virtual_package_promises_nothing(
    programs: Programs, machine: Machine
) -> None:
    programs.nvidia_smi(NVIDIA_570, f"{H100}, 570.124.06")
    nowhere = '{cuda: "13.1", virtual-packages: {linux: {__cuda: null}}}'

    assert machine.look("new", section=nowhere)[-1].detail == "needs no GPU"


def test_a_driver_that_does_not_tell_its_cuda(programs: Programs, machine: Machine) -> None:
    programs.nvidia_smi(NVIDIA_570.replace("12.8", "N/A "), f"{H100}, 570.124.06")

    driver, *_, twelve = machine.look("new", section='{cuda: "12.9"}')
    *_, fourteen = machine.look("new", section='{cuda: "14.0"}')

    assert driver.detail == "570.124.06"
    assert "lock again" not in str(twelve.hint)
    assert (twelve.state, fourteen.state) == (State.NOTE, State.NOTE)
    assert "cannot be told" in fourteen.detail
