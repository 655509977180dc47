"""The pip section, locked for every platform through the real conda-lock, from an index nearby."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

from condabox.errors import SolveError, SpecError
from tests.fakes.pip_index import HTML_TYPE, JSON_TYPE, FakeWheel, PipIndex
from tests.fakes.pip_project import EVERY_SUBDIR, PipProject, names, python_package

if TYPE_CHECKING:
    from pathlib import Path


def test_versions_extras_and_what_they_bring_are_locked_with_their_hashes(
    project: PipProject, index: PipIndex
) -> None:
    index.wheels = [
        *(FakeWheel(name="alpha", version=version) for version in ("1.0", "1.5", "2.0", "3.0rc1")),
        FakeWheel(name="server", requires=("loop; extra == 'fast'", "docs; extra == 'doc'")),
        FakeWheel(name="loop", requires=("Deep_Er>=1,<2",)),
        *(FakeWheel(name="deep_er", version=version) for version in ("0.9", "1.8", "2.1")),
        FakeWheel(name="docs"),
    ]

    found = project.lock("alpha<2", "Server[fast]")["linux-64"]

    assert sorted(found) == [
        "alpha-1.5-py3-none-any.whl",
        "deep_er-1.8-py3-none-any.whl",
        "loop-1.0-py3-none-any.whl",
        "server-1.0-py3-none-any.whl",
    ]
    known = {wheel.filename: wheel.sha256 for wheel in index.wheels}
    assert {name: package.sha256 for name, package in found.items()} == {
        name: known[name] for name in found
    }
    assert {package.url.rpartition("/")[0] for package in found.values()} == {
        f"http://{index.host}/files"
    }


def test_markers_of_the_system_hold_for_each_platform_near_and_far(
    project: PipProject, index: PipIndex
) -> None:
    index.wheels = [
        FakeWheel(
            name="app",
            requires=(
                "colors; sys_platform == 'win32'",
                "notify; platform_system == 'Darwin'",
                "loop; os_name == 'posix' and sys_platform != 'darwin'",
            ),
        ),
        *(FakeWheel(name=name) for name in ("colors", "notify", "loop", "pipes", "service")),
    ]

    found = project.lock(
        "app",
        "pipes; sys_platform == 'linux'",
        "service ; platform_system == 'Windows'",
        subdirs=EVERY_SUBDIR,
    )

    assert {subdir: names(wheels) for subdir, wheels in found.items()} == {
        "linux-64": ["app", "loop", "pipes"],
        "linux-aarch64": ["app", "loop", "pipes"],
        "osx-arm64": ["app", "notify"],
        "win-64": ["app", "colors", "service"],
    }


def test_each_platform_gets_the_wheel_that_is_made_for_it(
    project: PipProject, index: PipIndex
) -> None:
    tags = (
        "cp311-cp311-manylinux_2_17_x86_64",
        "cp312-cp312-macosx_10_13_x86_64",
        "cp312-cp312-macosx_11_0_arm64",
        "cp312-cp312-manylinux2014_aarch64.manylinux_2_17_aarch64",
        "cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64",
        "cp312-cp312-musllinux_1_2_x86_64",
        "cp312-cp312-win32",
        "cp312-cp312-win_amd64",
        "cp312-cp312-win_arm64",
    )
    index.wheels = [
        *(FakeWheel(name="native", tag=tag) for tag in tags),
        *(FakeWheel(name="stable", tag=f"cp39-abi3-{tag[12:]}") for tag in tags[1:]),
        *(FakeWheel(name="either", tag=tag) for tag in ("py3-none-any", "cp312-cp312-win_amd64")),
    ]

    found = project.lock("native", "stable", "either", subdirs=EVERY_SUBDIR)

    platforms = {
        "linux-64": "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "linux-aarch64": "manylinux2014_aarch64.manylinux_2_17_aarch64",
        "osx-arm64": "macosx_11_0_arm64",
        "win-64": "win_amd64",
    }
    assert {subdir: sorted(wheels) for subdir, wheels in found.items()} == {
        subdir: [
            f"either-1.0-{'cp312-cp312-win_amd64' if subdir == 'win-64' else 'py3-none-any'}.whl",
            f"native-1.0-cp312-cp312-{platform}.whl",
            f"stable-1.0-cp39-abi3-{platform}.whl",
        ]
        for subdir, platform in platforms.items()
    }


def test_what_conda_has_is_not_installed_again_under_another_spelling_or_name(
    tmp_path: Path, index: PipIndex
) -> None:
    project = PipProject(
        tmp_path,
        conda=[
            python_package("msgpack-python", "1.1"),
            python_package("numpy", "1.26.0"),
            python_package("typing_extensions", "4.15"),
            python_package("zope.interface", "7.0"),
        ],
        names={"msgpack-python": "msgpack", "numpy": "numpy"},
    )
    project.use(index)
    index.wheels = [
        FakeWheel(
            name="app", requires=("NumPy>=1", "Typing.Extensions", "zope-interface", "msgpack")
        ),
        FakeWheel(name="msgpack", version="1.1"),
        *(FakeWheel(name="numpy", version=version) for version in ("1.26.0", "2.4.0")),
        FakeWheel(name="typing_extensions", version="4.15"),
        FakeWheel(name="zope_interface", version="7.0"),
    ]

    found = project.lock("app", "numpy", "Zope.Interface")

    assert sorted(found["linux-64"]) == ["app-1.0-py3-none-any.whl"]


def test_what_was_withdrawn_is_for_another_python_or_unfinished_is_passed_over(
    project: PipProject, index: PipIndex
) -> None:
    index.wheels = [
        FakeWheel(name="yanked", version="1.0"),
        FakeWheel(name="yanked", version="1.1", yanked=True),
        FakeWheel(name="recent", version="1.0", requires_python=">=3.9"),
        FakeWheel(name="recent", version="2.0", requires_python=">=3.13"),
        FakeWheel(name="unfinished", version="1.0"),
        FakeWheel(name="unfinished", version="2.0rc1"),
        FakeWheel(name="insisted", version="1.1", yanked=True),
    ]

    found = project.lock("yanked", "recent", "unfinished", "insisted==1.1")

    versions = {package.name: package.version for package in found["linux-64"].values()}
    assert versions == {"yanked": "1.0", "recent": "1.0", "unfinished": "1.0", "insisted": "1.1"}


def test_an_index_that_speaks_json_to_whom_it_is_asked_by_is_understood(
    project: PipProject, index: PipIndex
) -> None:
    index.wheels = [FakeWheel(name="app")]
    page = Request(f"{index.url}/app/", headers={"Accept": JSON_TYPE})
    with urlopen(page) as answer:
        assert answer.headers["Content-Type"] == JSON_TYPE

    found = project.lock("app")

    assert names(found["linux-64"]) == ["app"]
    # conda-lock does not ask for JSON, and gets what every index has
    assert index.answers == [JSON_TYPE, HTML_TYPE]


@pytest.mark.parametrize("way", ["pip.conf", "PIP_CONFIG_FILE", "PIP_INDEX_URL"])
def test_the_index_is_the_one_that_pip_is_configured_with(
    tmp_path: Path, index: PipIndex, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    project = PipProject(tmp_path)
    index.wheels = [FakeWheel(name="app")]
    configuration = tmp_path / "pip.conf"
    if way == "PIP_INDEX_URL":
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
    else:
        configuration.write_text(f"[global]\nindex-url = {index.url}/\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    if way == "pip.conf":
        monkeypatch.delenv("PIP_CONFIG_FILE")
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
        (tmp_path / "config" / "pip").mkdir(parents=True)
        configuration.rename(tmp_path / "config" / "pip" / "pip.conf")

    found = project.lock("app")

    assert names(found["linux-64"]) == ["app"]


def test_further_indexes_are_asked_too_and_the_newest_version_counts(
    tmp_path: Path, index: PipIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = PipProject(tmp_path)
    index.wheels = [FakeWheel(name="app", requires=("inner",)), FakeWheel(name="inner")]
    with PipIndex(FakeWheel(name="inner", version="1.2"), FakeWheel(name="own")) as second:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", second.url)

        found = project.lock("app", "own")["linux-64"]

    assert {package.filename: package.url.split("/")[2] for package in found.values()} == {
        "app-1.0-py3-none-any.whl": index.host,
        "inner-1.2-py3-none-any.whl": second.host,
        "own-1.0-py3-none-any.whl": second.host,
    }


@pytest.mark.parametrize("way", ["url", "netrc"])
def test_credentials_open_the_index_and_are_not_locked(
    tmp_path: Path, index: PipIndex, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    project = PipProject(tmp_path)
    index.wheels = [FakeWheel(name="app")]
    index.credentials = "me:s3cret"
    if way == "url":
        monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//me:s3cret@"))
    else:
        monkeypatch.setenv("PIP_INDEX_URL", index.url)
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password s3cret\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))

    found = project.lock("app")["linux-64"]

    assert [package.url for package in found.values()] == [index.url_of(index.wheels[0])]
    assert "s3cret" not in project.lock_path.read_text()
    assert not any("s3cret" in text for text in project.warnings)


def test_credentials_of_an_index_that_refuses_them_are_not_told(
    tmp_path: Path, index: PipIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = PipProject(tmp_path)
    index.wheels = [FakeWheel(name="app")]
    index.credentials = "me:right"
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//me:wr0ng@"))

    with pytest.raises(SolveError) as caught:
        project.lock("app")

    assert "wr0ng" not in f"{caught.value.message}{caught.value.hint}"


@pytest.mark.parametrize(
    "requirement",
    [
        "git+https://git.example/app",
        "app @ git+https://git.example/app@v1",
        "app @ http://files.example/app-1.0.tar.gz",
        "app @ http://me:s3cret@files.example/app-1.0-py3-none-any.whl",
    ],
)
def test_what_has_no_fixed_bytes_or_tells_secrets_is_refused_at_its_line(
    project: PipProject, requirement: str
) -> None:
    with pytest.raises(SpecError, match=r"env\.yml:7: dependencies\[1\]\.pip\[0\]: ") as caught:
        project.lock(requirement)

    assert caught.value.hint
    assert "s3cret" not in f"{caught.value.message}{caught.value.hint}"


def test_wheels_do_not_come_for_a_newer_c_library_than_the_base_has(
    project: PipProject, index: PipIndex
) -> None:
    index.wheels = [
        FakeWheel(name="native", tag="cp312-cp312-manylinux_2_28_x86_64"),
        FakeWheel(name="newer", tag="cp312-cp312-manylinux_2_38_x86_64"),
    ]

    found = project.lock("native", base="ubuntu:20.04")

    assert names(found["linux-64"]) == ["native"]
    with pytest.raises(SolveError, match=r"newer 1\.0 has no wheel"):
        project.lock("newer", base="ubuntu:20.04")
