"""The check as a whole, with the solver, on a channel that has PyTorch as conda-forge has it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox import process
from condabox.conda.channels.solver import solve
from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.locking.gpu_builds import (
    CpuBuild,
    GpuBuilds,
    check_gpu_builds,
    gpu_message,
    require_gpu_builds,
    without_message,
)
from condabox.errors import SolveError
from condabox.process import Completed
from condabox.settings import Settings
from tests.fakes.channel import ChannelServer, FakePackage, write_channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from condabox.conda.envfile.values import CpuAllowed

CUDA = {"__cuda": "12.8"}
NEW_CPU = CpuBuild(
    name="pytorch",
    version="2.9.0",
    build="cpu_generic_py312_h0_0",
    instead="2.8.0 cuda129_generic_py312_h0_200",
)


def torch(version: str, cuda: str | None, *, python: str = "3.12") -> list[FakePackage]:
    """Return PyTorch and its library, which hold each other."""
    kind, number = "cpu", 0
    needs: tuple[str, ...] = ()
    if cuda is not None:
        kind, number = f"cuda{cuda.replace('.', '')}", 200
        needs = ("__cuda", f"cuda-version >={cuda},<{int(cuda.split('.')[0]) + 1}")
    tag = f"py{python.replace('.', '')}"
    return [
        FakePackage(
            name="libtorch",
            version=version,
            build=f"{kind}_generic_h0_{number}",
            depends=needs[1:],
            constrains=(f"pytorch {version} {kind}_generic_*_{number}",),
        ),
        FakePackage(
            name="pytorch",
            version=version,
            build=f"{kind}_generic_{tag}_h0_{number}",
            depends=(
                f"libtorch {version} {kind}_generic_h0_{number}",
                f"python {python}.*",
                *needs[:1],
            ),
        ),
    ]


def world() -> list[FakePackage]:
    """Return a channel whose newest PyTorch has no GPU build yet."""
    versions = [("12.9", "12"), ("13.0", "13")]
    return [
        *torch("2.9.0", None),
        *torch("2.8.0", None),
        *torch("2.8.0", "12.9"),
        *torch("2.8.0", "13.0"),
        *torch("2.7.0", "12.9"),
        *(
            FakePackage(
                name="cuda-version",
                version=version,
                subdir="noarch",
                constrains=(f"__cuda >={major}",),
            )
            for version, major in versions
        ),
        *(FakePackage(name="python", version=version) for version in ("3.12.4", "3.14.0")),
        FakePackage(name="torchmetrics", subdir="noarch", depends=("pytorch >=2.0",)),
        FakePackage(name="wants-new", subdir="noarch", depends=("pytorch >=2.9",)),
        FakePackage(
            name="pytorch-cpu", version="2.9.0", build="cpu_0", depends=("pytorch 2.9.0 cpu_*",)
        ),
        FakePackage(name="xgboost", version="3.0", build="cpu_h0_0"),
        FakePackage(name="xgboost", version="3.0", build="cuda129_h0_0", depends=("__cuda",)),
        FakePackage(name="broken", version="1", build="cpu_0"),
        FakePackage(name="broken", version="1", build="cuda_0", depends=("not-there",)),
        FakePackage(name="zlib"),
    ]


class Lock:
    """Locks in a channel and checks what came out."""

    def __init__(self, root: Path, packages: Iterable[FakePackage] = ()) -> None:
        self.root = root / "channel"
        self.url = write_channel(self.root, [*world(), *packages])
        self.settings = Settings(cache_dir=root / "cache")

    def lock(self, *specs: str, virtual_packages: Mapping[str, str]) -> tuple[LockedPackage, ...]:
        records = solve(
            specs,
            channels=[self.url],
            subdir="linux-64",
            virtual_packages=virtual_packages,
            settings=self.settings,
        )
        return tuple(
            LockedPackage(
                name=record.name,
                version=record.version,
                manager="conda",
                url=record.url,
                sha256=record.sha256,
                category="main",
                dependencies=(),
            )
            for record in records
        )

    def check(
        self,
        *specs: str,
        came: Sequence[str] = (),
        virtual_packages: Mapping[str, str] = CUDA,
        allowed: CpuAllowed = frozenset(),
        channel: str | None = None,
    ) -> GpuBuilds:
        """Check a lock of ``specs`` that came out as though ``came`` had been asked for too."""
        return check_gpu_builds(
            self.lock(*specs, *came, virtual_packages=virtual_packages),
            specs=specs,
            channels=[channel or self.url],
            subdir="linux-64",
            virtual_packages=virtual_packages,
            allowed=allowed,
            settings=self.settings,
        )


@pytest.fixture
def channel(tmp_path: Path) -> Lock:
    return Lock(tmp_path)


def test_a_cpu_build_that_is_newer_than_the_last_gpu_build_is_found(channel: Lock) -> None:
    found = channel.check("pytorch", "python=3.12")

    assert found == GpuBuilds(
        cpu=(
            CpuBuild(
                name="libtorch",
                version="2.9.0",
                build="cpu_generic_h0_0",
                instead="2.8.0 cuda129_generic_h0_200",
            ),
            NEW_CPU,
        )
    )


def test_a_dependency_of_what_was_asked_for_is_found_too(channel: Lock) -> None:
    assert NEW_CPU in channel.check("torchmetrics").cpu


def test_gpu_builds_are_named_and_cuda_is_not(channel: Lock) -> None:
    found = channel.check("pytorch=*=cuda*", "zlib")

    assert found == GpuBuilds(
        gpu=(
            "libtorch 2.8.0 cuda129_generic_h0_200",
            "pytorch 2.8.0 cuda129_generic_py312_h0_200",
        )
    )


def test_without_cuda_nothing_is_looked_at(channel: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = channel.lock("pytorch", virtual_packages={})
    monkeypatch.setattr(process, "attempt", lambda *_, **__: pytest.fail("a process was started"))

    found = check_gpu_builds(
        packages,
        specs=["pytorch"],
        channels=[channel.url],
        subdir="linux-64",
        virtual_packages={"__glibc": "2.39"},
        allowed=frozenset(),
        settings=channel.settings,
    )

    assert found == GpuBuilds()


def test_a_driver_that_is_too_old_for_all_gpu_builds_fits_none(channel: Lock) -> None:
    found = channel.check("pytorch", virtual_packages={"__cuda": "11.8"})

    assert found == GpuBuilds(
        without=(
            "libtorch 2.9.0 cpu_generic_h0_0",
            "pytorch 2.9.0 cpu_generic_py312_h0_0",
        )
    )


def test_an_older_driver_of_the_same_major_version_will_do(channel: Lock) -> None:
    assert NEW_CPU in channel.check("pytorch", virtual_packages={"__cuda": "12.0"}).cpu


def test_a_newer_cuda_than_the_driver_s_does_not_fit(tmp_path: Path) -> None:
    channel = Lock(tmp_path, torch("2.9.0", "13.0"))

    old = channel.check("pytorch", came=["pytorch=*=cpu*"])
    new = channel.check("pytorch", came=["pytorch=*=cpu*"], virtual_packages={"__cuda": "13.0"})

    assert NEW_CPU in old.cpu
    assert [one.instead for one in new.cpu] == [
        "2.9.0 cuda130_generic_h0_200",
        "2.9.0 cuda130_generic_py312_h0_200",
    ]


def test_a_dependency_that_forbids_the_gpu_builds_is_respected(channel: Lock) -> None:
    found = channel.check("pytorch", "wants-new")

    assert found.cpu == ()
    assert found.without[-1] == "pytorch 2.9.0 cpu_generic_py312_h0_0"


def test_the_version_that_was_asked_for_is_respected(channel: Lock) -> None:
    assert channel.check("pytorch>=2.9").cpu == ()


def test_the_python_that_was_locked_is_respected(tmp_path: Path) -> None:
    channel = Lock(tmp_path, torch("2.9.0", None, python="3.14"))

    assert channel.check("pytorch", "python", came=["python=3.14"]).cpu == ()


def test_a_gpu_build_that_cannot_be_installed_does_not_fit(channel: Lock) -> None:
    assert channel.check("broken") == GpuBuilds(without=("broken 1 cpu_0",))


def test_a_gpu_build_that_needs_another_python_does_not_fit(tmp_path: Path) -> None:
    channel = Lock(
        tmp_path,
        [
            FakePackage(name="net", build="cpu_0"),
            FakePackage(name="net", build="cuda_0", depends=("helper",)),
            FakePackage(name="helper", depends=("python 3.14.*",)),
        ],
    )

    found = channel.check("net", "python", came=["net=*=cpu*", "python=3.12"])

    assert found == GpuBuilds(without=("net 1.0 cpu_0",))


def test_what_cannot_be_installed_hides_nothing_else(channel: Lock) -> None:
    found = channel.check("broken", "xgboost", came=["xgboost=*=cpu*"])

    assert [one.name for one in found.cpu] == ["xgboost"]
    assert found.without == ("broken 1 cpu_0",)


@pytest.mark.parametrize(
    "specs", [["pytorch=*=cpu*"], ["pytorch-cpu"], ["pytorch", "pytorch-cpu"]], ids=str
)
def test_who_asks_for_a_cpu_build_gets_it(channel: Lock, specs: list[str]) -> None:
    assert channel.check(*specs) == GpuBuilds()


@pytest.mark.parametrize(
    "allowed", ["all", frozenset({"pytorch"}), frozenset({"libtorch"})], ids=["all", "one", "other"]
)
def test_what_is_allowed_may_be_a_cpu_build(channel: Lock, allowed: CpuAllowed) -> None:
    assert channel.check("pytorch", allowed=allowed) == GpuBuilds()


def test_what_is_allowed_allows_nothing_else(channel: Lock) -> None:
    found = channel.check(
        "pytorch", "xgboost", came=["xgboost=*=cpu*"], allowed=frozenset({"pytorch", "libtorch"})
    )

    assert [one.name for one in found.cpu] == ["xgboost"]


def test_a_package_that_left_its_channel_is_known_by_its_build_string(channel: Lock) -> None:
    (gone,) = channel.lock("xgboost=*=cpu*", virtual_packages={})

    found = check_gpu_builds(
        [replace(gone, url=gone.url.replace("cpu_h0", "cpu_h9"))],
        specs=["xgboost"],
        channels=[channel.url],
        subdir="linux-64",
        virtual_packages=CUDA,
        allowed=frozenset(),
        settings=channel.settings,
    )

    assert found.cpu == (
        CpuBuild(name="xgboost", version="3.0", build="cpu_h9_0", instead="3.0 cuda129_h0_0"),
    )


def test_a_build_with_needs_that_nobody_can_read_does_not_fit(tmp_path: Path) -> None:
    odd = FakePackage(name="odd", build="cuda_0", depends=("python ===>3",))
    channel = Lock(tmp_path, [odd, FakePackage(name="odd", build="cpu_0")])

    found = channel.check("odd", "python", came=["odd=*=cpu*"])

    assert found == GpuBuilds(without=("odd 1.0 cpu_0",))


def test_a_channel_is_asked_with_its_credentials(channel: Lock) -> None:
    with ChannelServer(channel.root) as server:
        server.credentials = "me:secret"

        found = channel.check("pytorch", channel=f"http://me:secret@{server.host}")

    assert NEW_CPU in found.cpu


def test_a_mirror_is_asked_first(channel: Lock) -> None:
    forge = "https://conda.anaconda.org/conda-forge"
    channel.settings = Settings(
        cache_dir=channel.settings.cache_dir, channel_mirrors={forge: (channel.url,)}
    )

    assert NEW_CPU in channel.check("pytorch", channel=forge).cpu


def test_a_channel_that_cannot_be_read_is_an_error_without_its_password(channel: Lock) -> None:
    with ChannelServer(channel.root) as server:
        server.credentials = "other:person"
        url = f"http://me:secret@{server.host}"
        with pytest.raises(SolveError) as caught:
            channel.check("pytorch", channel=url)

    assert server.host in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.hint is not None


def test_a_process_that_breaks_is_an_error(channel: Lock, monkeypatch: pytest.MonkeyPatch) -> None:
    packages = channel.lock("zlib", virtual_packages={})
    broken = Completed(returncode=-11, stdout=b"", stderr="it broke")
    monkeypatch.setattr(process, "attempt", lambda *_, **__: broken)

    with pytest.raises(SolveError, match=r"status -11.*\nit broke"):
        check_gpu_builds(
            packages,
            specs=["zlib"],
            channels=[channel.url],
            subdir="linux-64",
            virtual_packages=CUDA,
            allowed=frozenset(),
            settings=channel.settings,
        )


@pytest.mark.parametrize("specs", [["python=3.12", "pytorch>=2"], ["torchmetrics"]], ids=str)
def test_the_error_says_what_would_fit_and_how_to_get_it(specs: list[str]) -> None:
    builds = GpuBuilds(
        cpu=(
            CpuBuild(name="libtorch", version="2.9.0", build="cpu_h0", instead="2.8.0 cuda129_h0"),
            CpuBuild(name="pytorch", version="2.9.0", build="cpu_py", instead="2.8.0 cuda129_py"),
        )
    )

    with pytest.raises(SolveError) as caught:
        require_gpu_builds(builds, subdir="linux-64", specs=specs)

    assert caught.value.message == (
        "linux-64: CPU builds were chosen in spite of `cuda:`\n"
        "  libtorch 2.9.0 cpu_h0, though 2.8.0 cuda129_h0 fits\n"
        "  pytorch 2.9.0 cpu_py, though 2.8.0 cuda129_py fits"
    )
    assert caught.value.hint == (
        "add pytorch=*=*cuda* to `dependencies:`, or take them as they are: "
        "`allow-cpu: [libtorch, pytorch]` below `condabox:`"
    )


@pytest.mark.parametrize(
    ("instead", "spec"),
    [
        ("2.6 gpu_py39h0_0", "x=*=*gpu*"),
        ("2.6 py311_cu121", "x=2.6=py311_cu121"),
    ],
)
def test_the_hint_has_a_match_spec_that_gets_it(instead: str, spec: str) -> None:
    builds = GpuBuilds(cpu=(CpuBuild(name="x", version="2.7", build="cpu_0", instead=instead),))

    with pytest.raises(SolveError) as caught:
        require_gpu_builds(builds, subdir="win-64", specs=["needs-x"])

    assert str(caught.value.hint).startswith(f"add {spec} to ")


def test_the_hint_s_match_spec_does_what_it_says(channel: Lock) -> None:
    found = channel.check("torchmetrics", "pytorch=*=*cuda*")

    assert found.cpu == ()
    assert len(found.gpu) == 2


def test_what_is_well_raises_and_says_little() -> None:
    builds = GpuBuilds(gpu=("a 1 cuda_0", "b 2 cuda_1"))

    require_gpu_builds(builds, subdir="linux-64", specs=[])

    assert gpu_message(builds) == "GPU builds: a 1 cuda_0, b 2 cuda_1"
    assert without_message(builds) == gpu_message(GpuBuilds()) == ""


def test_cpu_builds_in_want_of_a_gpu_build_are_a_warning() -> None:
    assert without_message(GpuBuilds(without=("a 1 cpu_0", "b 2 cpu_1"))) == (
        "CPU builds in spite of `cuda:`, because no GPU build fits: a 1 cpu_0, b 2 cpu_1; "
        "another version, an older Python or a newer `cuda:` may have one"
    )
