"""What makes a lock stale, also by hand, is what `condabox lock` mends, and no more."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from condabox.conda.channels.channel import ANACONDA
from condabox.conda.channels.condarc import read_condarc
from condabox.conda.envfile.spec import read_environment
from condabox.errors import LockError, StaleLockError
from condabox.oci.layout import ImageLayout
from condabox.platforms import PLATFORM_OF_SUBDIR
from condabox.workflows.lock_check import require_current
from tests.fakes.channel import ChannelServer, FakePackage, small_world, write_channel
from tests.fakes.images import make_image
from tests.fakes.wheels import publish
from tests.integration.test_lock import DEPENDENCIES, Project

if TYPE_CHECKING:
    from collections.abc import Iterator

UNTOLD = "inputs: the lock does not tell them"
CHANGED = "packages: not as they were locked"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Have a project with a wheel from an index."""
    root = tmp_path / "index"
    root.mkdir()
    with ChannelServer(root) as index:
        publish(index.root, "app", "1.0", tag="py3-none-any", requires=("base",))
        publish(index.root, "base", "1.0", tag="py3-none-any")
        made = Project(tmp_path)
        made.settings = replace(made.settings, pip_index_url=f"{index.url}/simple")
        made.write(DEPENDENCIES + "  - pip: [app]\n", section="base: oci:/nowhere")
        yield made


def edit(project: Project, pattern: str, replacement: str = "") -> None:
    """Change the lock in the first place where ``pattern`` is found."""
    text = project.lock_path.read_text()
    text, found = re.subn(pattern, replacement, text, count=1, flags=re.MULTILINE)
    assert found
    project.lock_path.write_text(text)


def assert_refused_by_a_build(project: Project) -> None:
    spec, names = read_environment(project.path), read_condarc(project.env).channels
    with pytest.raises(StaleLockError):
        require_current(spec, project.locked, subdirs=["linux-64"], names=names)


@pytest.mark.parametrize(
    ("pattern", "replacement", "reason"),
    [
        pytest.param(r"^  custom_metadata:\n(?:    .*\n)+", "", UNTOLD, id="conda-lock's own"),
        pytest.param(
            r"^    condabox-inputs-linux-64: .*\n", "", f"{UNTOLD} (linux-64)", id="no inputs"
        ),
        pytest.param(
            r"^- name: libblas\n(?:  .*\n)+?(?=- )", "", f"{CHANGED} (linux-64)", id="no libblas"
        ),
        pytest.param(
            r"^- name: base\n(?:  .*\n)+?(?=- )", "", f"{CHANGED} (linux-64)", id="no wheel"
        ),
        pytest.param(
            r"(base-1\.0-py3-none-any\.whl\n.*\n +sha256: ).*",
            r"\g<1>" + "0" * 64,
            f"{CHANGED} (linux-64)",
            id="a wheel's hash",
        ),
        pytest.param(
            r"(numpy-)1\.26\.0(-0\.conda)",
            r"\g<1>2.1.0\2",
            f"{CHANGED} (linux-64)",
            id="an archive",
        ),
    ],
)
def test_what_was_changed_by_hand_is_mended(
    project: Project, pattern: str, replacement: str, reason: str
) -> None:
    project.lock()
    before = project.lock_path.read_bytes()
    edit(project, pattern, replacement)

    assert project.changes() == (reason,)
    assert_refused_by_a_build(project)
    project.lock()
    assert project.lock_path.read_bytes() == before


def test_a_platform_that_was_changed_by_hand_is_not_mended_by_being_kept(project: Project) -> None:
    project.lock()
    edit(project, r"^- name: libblas\n(?:  .*\n)+?(?=- )")

    project.lock("linux-aarch64", update_all=True)
    assert project.changes() == (f"{CHANGED} (linux-64)",)
    project.lock("linux-64")
    assert project.changes() == ()


@pytest.fixture
def based(project: Project) -> Project:
    """Have a base that can be reached, for both platforms."""
    images = [
        make_image(project.folder / name, {"file": name.encode()}, platform=platform)
        for name, platform in zip(("a", "b"), PLATFORM_OF_SUBDIR.values(), strict=False)
    ]
    ImageLayout.create(project.folder / "base").add(images, name="latest")
    project.write(section=f"base: 'oci:{project.folder}/base:latest'")
    project.lock()
    return project


PIN = r"^    condabox-base-digest-linux-64: .*\n"
SEAL = r"^    condabox-base-seal-linux-64: .*\n"
OTHER_BASE = "base: not as it was locked (linux-64)"


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        pytest.param(PIN, "", id="no digest"),
        pytest.param(r"(digest-linux-64: sha256:).*", r"\g<1>" + "0" * 64, id="another digest"),
        pytest.param(SEAL, "", id="made before there were seals"),
    ],
)
def test_a_base_that_was_changed_by_hand_is_resolved_again(
    based: Project, pattern: str, replacement: str
) -> None:
    before = based.lock_path.read_bytes()
    edit(based, pattern, replacement)

    assert based.changes() == (OTHER_BASE,)
    assert_refused_by_a_build(based)
    assert based.lock().written
    assert based.lock_path.read_bytes() == before


def test_a_base_that_was_changed_by_hand_is_not_mended_by_being_kept(based: Project) -> None:
    before = based.lock_path.read_bytes()
    edit(based, r"(digest-linux-64: sha256:).*", r"\g<1>" + "0" * 64)
    digests = based.locked.base_digests

    assert not based.lock("linux-aarch64").written
    based.lock("linux-aarch64", update_base=True)
    assert based.locked.base_digests == digests
    assert based.changes() == (OTHER_BASE,)
    based.lock("linux-64")
    assert based.lock_path.read_bytes() == before


def test_a_changed_base_out_of_reach_is_left_out(based: Project) -> None:
    before = based.lock_path.read_bytes()
    edit(based, PIN)
    (based.folder / "base").rename(based.folder / "elsewhere")

    based.lock()
    assert based.locked.base_digests.keys() == {"linux-aarch64"}
    assert any("the base is not pinned for linux/amd64" in text for text in based.warnings)
    assert based.changes() == ()
    assert not based.lock().written

    (based.folder / "elsewhere").rename(based.folder / "base")
    based.lock()
    assert based.lock_path.read_bytes() == before


def test_rubbish_is_no_digest(based: Project) -> None:
    edit(based, r"(digest-linux-64: ).*", r"\1rubbish")

    with pytest.raises(LockError, match=r"ai\.conda-lock\.yml.*condabox-base-digest-linux-64"):
        based.lock("linux-64")


def test_what_is_current_needs_no_cache(based: Project) -> None:
    based.settings = replace(based.settings, cache_dir=Path("/proc/nope"))

    assert not based.lock().written
    based.write("  - libc\n")
    with pytest.raises(LockError, match=r"the cache /proc/nope cannot be written") as caught:
        based.lock()
    assert "`cache-dir`" in str(caught.value.hint)


@pytest.fixture
def windows(tmp_path: Path) -> Project:
    """Have a project whose channels are Anaconda's, with one more on Windows."""
    made = Project(tmp_path)
    folders = {name: tmp_path / name for name in ("main", "r", "msys2")}
    for name, folder in folders.items():
        package = FakePackage(name=f"of-{name}", subdir="noarch")
        write_channel(folder, [package, *(small_world() if name == "main" else ())])
        (folder / "win-64").mkdir()
        repodata: dict[str, object] = {"info": {"subdir": "win-64"}, "packages": {}}
        (folder / "win-64" / "repodata.json").write_text(json.dumps(repodata))
    mirrors = {f"{ANACONDA}/pkgs/{name}": (path.as_uri(),) for name, path in folders.items()}
    made.settings = replace(
        made.settings, channel_mirrors={**made.settings.channel_mirrors, **mirrors}
    )
    return made


def ask(project: Project, platforms: str, *dependencies: str) -> None:
    project.write(
        "".join(f"  - {name}\n" for name in ("of-main", *dependencies)),
        channels="[defaults, conda-forge]",
        platforms=platforms,
        section="base: oci:/nowhere, allow-defaults: true",
    )


def test_defaults_are_more_on_windows_and_stable(windows: Project) -> None:
    ask(windows, "[linux-64, win-64]", "of-msys2  # [win]")
    windows.lock()

    urls = [
        c["url"] for c in yaml.safe_load(windows.lock_path.read_bytes())["metadata"]["channels"]
    ]
    assert urls == [
        *(f"{ANACONDA}/pkgs/{name}" for name in ("main", "r", "msys2")),
        "https://conda.anaconda.org/conda-forge",
    ]
    environments = windows.locked.environments
    assert list(environments["win-64"].channels) == urls
    assert list(environments["linux-64"].channels) == [*urls[:2], urls[3]]
    assert windows.versions("win-64") == {"of-main": "1.0", "of-msys2": "1.0"}
    assert windows.changes() == ()
    assert not windows.lock().written


@pytest.mark.parametrize("subdir", ["linux-64", "win-64"])
def test_with_defaults_one_platform_can_be_locked_alone(windows: Project, subdir: str) -> None:
    ask(windows, "[linux-64, win-64]")
    windows.lock()
    before = windows.lock_path.read_bytes()

    windows.lock(subdir, update_all=True)

    assert windows.lock_path.read_bytes() == before


@pytest.mark.parametrize(
    ("first", "added"),
    [("linux-64", "win-64"), ("win-64", "linux-64"), ("win-64", "linux-aarch64")],
)
def test_with_defaults_a_platform_can_be_added(windows: Project, first: str, added: str) -> None:
    ask(windows, f"[{first}]")
    windows.lock()
    kept = windows.locked.environments[first]
    ask(windows, f"[{first}, {added}]")

    windows.lock(added)

    assert windows.locked.environments[first] == kept
    assert windows.changes() == ()
    assert not windows.lock().written


def test_channels_that_only_a_dropped_platform_had_leave_the_lock(windows: Project) -> None:
    ask(windows, "[linux-64, win-64]")
    windows.lock()
    ask(windows, "[linux-64]")

    windows.lock()

    assert f"{ANACONDA}/pkgs/msys2" not in windows.locked.channels
