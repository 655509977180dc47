"""The pip section resolves as pip itself would on the target, and around what conda installs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import SolveError
from tests.fakes.pip_index import FakeWheel
from tests.fakes.pip_project import EVERY_SUBDIR, PipProject, names, python_package

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.pip_index import PipIndex


def test_markers_of_machine_and_python_hold_near_and_far(
    project: PipProject, index: PipIndex
) -> None:
    index.wheels = [
        FakeWheel(
            name="app",
            requires=(
                "cuda; platform_system == 'Linux' and platform_machine == 'x86_64'",
                "slow; implementation_name == 'pypy'",
                "older; platform_python_implementation == 'CPython' and python_version < '3.12'",
                "newer; python_full_version >= '3.12.4'",
            ),
        ),
        *(FakeWheel(name=name) for name in ("cuda", "slow", "older", "newer", "arm", "backport")),
        FakeWheel(name="gone"),
    ]

    found = project.lock(
        "app",
        "arm; platform_machine == 'aarch64' or platform_machine == 'arm64'",
        "backport; python_version < '3.11' and sys_platform != 'win32'",
        "gone; python_version >= '3.13'",
        subdirs=EVERY_SUBDIR,
    )

    assert {subdir: names(wheels) for subdir, wheels in found.items()} == {
        "linux-64": ["app", "cuda", "newer"],
        "linux-aarch64": ["app", "arm", "newer"],
        "osx-arm64": ["app", "arm", "newer"],
        "win-64": ["app", "newer"],
    }


def test_the_marker_of_all_that_is_asked_for_may_exclude_it(
    project: PipProject, index: PipIndex
) -> None:
    index.wheels = [FakeWheel(name="app")]

    found = project.lock("app; platform_machine == 'aarch64'", subdirs=EVERY_SUBDIR[:2])

    assert {subdir: names(wheels) for subdir, wheels in found.items()} == {
        "linux-64": [],
        "linux-aarch64": ["app"],
    }


def test_an_address_is_locked_with_the_hash_of_its_file(
    project: PipProject, index: PipIndex
) -> None:
    given = FakeWheel(name="given", version="1.2", requires=("more; extra == 'all'", "deep"))
    plain = FakeWheel(name="plain")
    only = FakeWheel(name="only", tag="cp312-cp312-win_amd64")
    index.wheels = [given, plain, only, FakeWheel(name="more"), FakeWheel(name="deep")]

    found = project.lock(
        f"given[all] @ {index.url_of(given)}#sha256={given.sha256}",
        f"plain @ {index.url_of(plain)}",
        f"only @ {index.url_of(only)} ; sys_platform == 'win32'",
        subdirs=("linux-64", "win-64"),
    )

    assert names(found["linux-64"]) == ["deep", "given", "more", "plain"]
    assert names(found["win-64"]) == ["deep", "given", "more", "only", "plain"]
    by_name = {package.name: package for package in found["win-64"].values()}
    for wheel in (given, plain, only):
        locked = by_name[wheel.name]
        assert (locked.version, locked.url, locked.sha256) == (
            wheel.version,
            index.url_of(wheel),
            wheel.sha256,
        )


def test_an_address_is_asked_again_for_every_lock(project: PipProject, index: PipIndex) -> None:
    index.wheels = [FakeWheel(name="app"), FakeWheel(name="deep")]
    address = f"app @ {index.url_of(index.wheels[0])}"
    project.lock(address)
    index.wheels[0] = FakeWheel(name="app", requires=("deep",))

    found = project.lock(address)["linux-64"]

    assert found[index.wheels[0].filename].sha256 == index.wheels[0].sha256
    assert names(found) == ["app", "deep"]


def test_an_address_with_other_bytes_than_asked_for_or_for_another_system_is_refused(
    project: PipProject, index: PipIndex
) -> None:
    app, foreign = FakeWheel(name="app"), FakeWheel(name="foreign", tag="cp312-cp312-win_amd64")
    index.wheels = [app, foreign]

    with pytest.raises(SolveError, match=r"app-1\.0\S* does not have the sha256"):
        project.lock(f"app @ {index.url_of(app)}#sha256={'0' * 64}")
    with pytest.raises(SolveError, match=r"foreign 1\.0 has no wheel for the platform"):
        project.lock(f"foreign @ {index.url_of(foreign)}")


def test_an_index_that_tells_another_hash_or_none_is_completed(
    project: PipProject, index: PipIndex
) -> None:
    index.wheels = [FakeWheel(name="silent", told=None), FakeWheel(name="weak", told="md5")]

    found = project.lock("silent", "weak")["linux-64"]

    known = {wheel.name: wheel.sha256 for wheel in index.wheels}
    assert {package.name: package.sha256 for package in found.values()} == known


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("ubuntu:20.04", "manylinux_2_27_x86_64"),
        ("ubuntu:22.04", "manylinux_2_34_x86_64"),
        ("ubuntu:24.04", "manylinux_2_39_x86_64"),
    ],
)
def test_the_newest_wheel_that_the_base_s_c_library_runs_is_locked(
    project: PipProject, index: PipIndex, base: str, expected: str
) -> None:
    tags = ("manylinux_2_27_x86_64", "manylinux_2_34_x86_64", "manylinux_2_39_x86_64")
    index.wheels = [FakeWheel(name="native", tag=f"py3-none-{tag}") for tag in tags]

    found = project.lock("native", base=base)["linux-64"]

    assert list(found) == [f"native-1.0-py3-none-{expected}.whl"]


def test_files_that_a_release_gets_later_are_seen(project: PipProject, index: PipIndex) -> None:
    index.wheels = [FakeWheel(name="native", tag="cp312-cp312-win_amd64")]
    project.lock("native", subdirs=("win-64",))
    index.wheels.append(FakeWheel(name="native", tag="cp312-cp312-manylinux_2_28_x86_64"))

    found = project.lock("native", subdirs=("linux-64", "win-64"))

    assert [list(found[subdir]) for subdir in found] == [
        ["native-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"],
        ["native-1.0-cp312-cp312-win_amd64.whl"],
    ]


def test_the_index_need_not_know_what_conda_has(tmp_path: Path, index: PipIndex) -> None:
    project = PipProject(
        tmp_path,
        conda=[python_package("msgpack-python", "1.1"), python_package("numpy", "1.26.0")],
        names={"msgpack-python": "msgpack"},
    )
    project.use(index)
    index.wheels = [FakeWheel(name="app", requires=("numpy<2", "msgpack"))]

    found = project.lock("app", "numpy")

    assert names(found["linux-64"]) == ["app"]


def test_a_version_is_chosen_that_goes_with_what_conda_has(tmp_path: Path, index: PipIndex) -> None:
    project = PipProject(tmp_path, conda=[python_package("numpy", "1.26.0")])
    project.use(index)
    index.wheels = [
        FakeWheel(name="app", version="1.0", requires=("numpy>=1",)),
        FakeWheel(name="app", version="2.0", requires=("numpy>=2",)),
        FakeWheel(name="numpy", version="2.4.0"),
    ]

    found = project.lock("app")

    assert list(found["linux-64"]) == ["app-1.0-py3-none-any.whl"]
    with pytest.raises(SolveError, match=r"env depends on numpy \(1\.26\.0\)"):
        project.lock("app==2.0")
    with pytest.raises(SolveError, match=r"numpy"):
        project.lock("numpy==2.4.0")


def test_extras_of_what_conda_has_come_from_the_index(tmp_path: Path, index: PipIndex) -> None:
    project = PipProject(tmp_path, conda=[python_package("server", "1.0")])
    project.use(index)
    index.wheels = [
        FakeWheel(name="server", requires=("loop; extra == 'fast'",)),
        FakeWheel(name="loop"),
    ]

    found = project.lock("server[fast]")

    assert names(found["linux-64"]) == ["loop"]
