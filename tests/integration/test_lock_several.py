"""Several environment files in one command: what is written, told and left alone."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.cli.app import main
from condabox.conda.lockfiles.lockreader import read_lock_file
from tests.fakes.channel import everywhere, small_world, write_channel
from tests.integration.test_lock import FORGE, Project

if TYPE_CHECKING:
    from collections.abc import Iterator


class Folder:
    """A folder of small environment files; `run` is ``condabox lock`` in it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.project = Project(folder)
        self.project.path.unlink()
        self.envs = self.project.path.parent
        self._monkeypatch = monkeypatch
        monkeypatch.chdir(folder)
        monkeypatch.delenv("CONDABOX_CONFIG", raising=False)
        (folder / "condabox.toml").write_text(
            f"cache-dir = 'cache'\n[channels.mirrors]\n'{FORGE}' = ['{self.channel.as_uri()}']\n"
        )

    @property
    def channel(self) -> Path:
        return self.project.channel

    def write(self, name: str, *dependencies: str, platforms: str = "[linux-64]") -> str:
        path = self.envs / f"{name}.yml"
        lines = "".join(f"  - {dependency}\n" for dependency in dependencies)
        path.write_text(
            f"name: {name}\nchannels: [conda-forge]\nplatforms: {platforms}\n"
            f"dependencies:\n{lines}condabox: {{base: 'oci:/nowhere'}}\n"
        )
        return f"envs/{name}.yml"

    def run(self, *arguments: str) -> int:
        self._monkeypatch.setattr(sys, "argv", ["condabox", "lock", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        return int(caught.value.code or 0)

    def lock_path(self, name: str) -> Path:
        return self.envs / f"{name}.conda-lock.yml"

    @property
    def locks(self) -> list[str]:
        return sorted(path.name for path in self.envs.glob("*.conda-lock.yml"))

    def versions(self, name: str, subdir: str = "linux-64") -> dict[str, str]:
        found = read_lock_file(self.lock_path(name)).environments[subdir]
        return {package.name: package.version for package in found.packages}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    return Folder(tmp_path, monkeypatch)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that nobody may write to; root may write to all that is not the system's."""
    if os.geteuid() == 0:
        yield Path("/sys")
        return
    path = tmp_path / "read-only"
    path.mkdir(mode=0o555)
    yield path
    path.chmod(0o755)


def test_what_could_be_locked_is_written_and_told(
    folder: Folder, capfd: pytest.CaptureFixture[str]
) -> None:
    files = [
        folder.write("bad", "conflicting"),
        folder.write("good", "libc"),
        folder.write("worse", "no-such-package"),
    ]

    assert folder.run(*files) == 5
    out, err = capfd.readouterr()
    assert out == "envs/good.conda-lock.yml\n  linux-64: 1 package\n"
    assert folder.locks == ["good.conda-lock.yml"]
    told = err[err.index("condabox: error: ") :].splitlines()
    assert told[0].startswith("condabox: error: envs/bad.yml: linux-64: Cannot solve")
    assert any(line.startswith("envs/worse.yml: linux-64: ") for line in told)
    assert "good" not in "\n".join(told)


def test_one_failure_among_several_names_its_file(
    folder: Folder, capfd: pytest.CaptureFixture[str]
) -> None:
    assert folder.run(folder.write("good", "libc"), folder.write("bad", "conflicting")) == 5

    assert "condabox: error: envs/bad.yml: linux-64: Cannot solve" in capfd.readouterr().err


def test_machines_get_what_was_written_and_what_failed(
    folder: Folder, capfd: pytest.CaptureFixture[str]
) -> None:
    assert folder.run("--json", folder.write("bad", "nowhere"), folder.write("good", "libc")) == 5

    by_path = {each["path"]: each for each in json.loads(capfd.readouterr().out)}
    bad, good = by_path["envs/bad.conda-lock.yml"], by_path["envs/good.conda-lock.yml"]
    assert bad["written"] is False
    assert "nowhere" in str(bad["error"])
    assert (good["written"], good["error"]) == (True, None)


@pytest.mark.parametrize(
    ("name", "text", "status"),
    [
        pytest.param("bad.yml", "name: [\n", 3, id="no YAML"),
        pytest.param("absent.yml", None, 3, id="no such file"),
        pytest.param("good.conda-lock.yml", "<<<<<<<\n", 4, id="a lock that cannot be read"),
    ],
)
def test_all_files_are_read_before_one_is_solved(
    folder: Folder, capfd: pytest.CaptureFixture[str], name: str, text: str | None, status: int
) -> None:
    first = folder.write("first", "libc")
    folder.write("good", "libc")
    if text is not None:
        (folder.envs / name).write_text(text)
    second = "envs/good.yml" if name.startswith("good") else f"envs/{name}"

    assert folder.run("--platform", "linux-64", first, second) == status
    out, err = capfd.readouterr()
    assert out == ""
    assert "locking" not in err
    assert f"envs/{name}" in err
    assert not folder.lock_path("first").exists()


def test_all_files_that_cannot_be_read_are_told(
    folder: Folder, capfd: pytest.CaptureFixture[str]
) -> None:
    assert folder.run("envs/a.yml", "envs/b.yml") == 3

    assert capfd.readouterr().err.splitlines()[0::2] == [
        "condabox: error: envs/a.yml: there is no such file",
        "envs/b.yml: there is no such file",
    ]


def test_a_package_that_is_in_one_of_the_locks_can_be_updated(
    folder: Folder, capfd: pytest.CaptureFixture[str]
) -> None:
    files = folder.write("a", "libblas"), folder.write("b", "libc")
    folder.run(*files)
    write_channel(folder.channel, [*small_world(), *everywhere("libblas", "4.0")])
    capfd.readouterr()

    assert folder.run("--update", "libblas", *files) == 0
    out, err = capfd.readouterr()
    assert "libblas is not in envs/b.conda-lock.yml\n" in err
    assert out.endswith("envs/b.conda-lock.yml is current\n")
    assert (folder.versions("a")["libblas"], folder.versions("b")["libc"]) == ("4.0", "1.2")


def test_a_package_that_is_in_none_of_them_is_told_before_one_is_solved(
    folder: Folder, capfd: pytest.CaptureFixture[str]
) -> None:
    files = folder.write("a", "libblas"), folder.write("b", "libc")
    folder.run(*files)
    folder.write("a", "libblas", "libc")
    capfd.readouterr()

    assert folder.run("--update", "libblas", "--update", "nmupy", *files) == 3
    out, err = capfd.readouterr()
    assert out == ""
    assert "locking" not in err
    assert "nmupy is not in envs/a.conda-lock.yml, envs/b.conda-lock.yml\n" in err


def test_a_package_of_other_platforms_alone_is_told(
    folder: Folder, capfd: pytest.CaptureFixture[str]
) -> None:
    platforms = "[linux-64, linux-aarch64]"
    file = folder.write("ai", "libc", "intel-only  # [linux64]", platforms=platforms)
    folder.run(file)
    capfd.readouterr()

    assert folder.run("--update", "intel-only", "--platform", "linux/arm64", file) == 3
    err = capfd.readouterr().err
    assert "intel-only is locked for linux-64 alone, not for linux-aarch64\n" in err
    assert "hint: leave out --platform" in err
    assert folder.run("--update", "intel-only", "--platform", "linux/amd64", file) == 0


def test_what_is_asked_for_and_not_locked_yet_may_be_named(folder: Folder) -> None:
    file = folder.write("ai", "libc")
    folder.run(file)
    folder.write("ai", "libc", "libblas")

    assert folder.run("--update", "libblas", file) == 0
    assert "libblas" in folder.versions("ai")


@pytest.mark.parametrize("name", ["", " ", "numpy=1", "numpy,libc", "conda-forge::numpy"])
def test_only_a_name_can_be_updated(
    folder: Folder, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    file = folder.write("ai", "libc")
    folder.run(file)
    capfd.readouterr()

    assert folder.run(f"--update={name}", file) == 3
    assert f"--update: {name!r} is not the name of a package\n" in capfd.readouterr().err


def test_the_lock_behind_a_link_is_what_changes(folder: Folder) -> None:
    file = folder.write("ai", "libc")
    locks = folder.folder / "locks"
    locks.mkdir()
    folder.lock_path("ai").symlink_to("../locks/ai.yml")
    folder.run(file)
    (locks / "ai.yml").chmod(0o640)
    folder.write("ai", "libc", "libblas")
    folder.run(file)

    assert folder.lock_path("ai").is_symlink()
    assert stat.S_IMODE((locks / "ai.yml").stat().st_mode) == 0o640
    assert set(folder.versions("ai")) == {"libc", "libblas"}


def test_a_new_lock_obeys_the_umask(folder: Folder) -> None:
    before = os.umask(0o027)
    try:
        folder.run(folder.write("ai", "libc"))
    finally:
        os.umask(before)

    assert stat.S_IMODE(folder.lock_path("ai").stat().st_mode) == 0o640


def test_two_links_to_one_lock_are_wrong_usage(folder: Folder) -> None:
    files = folder.write("a", "libc"), folder.write("b", "libblas")
    folder.lock_path("a").symlink_to(folder.lock_path("b"))

    assert folder.run(*files) == 2
    assert not folder.lock_path("b").exists()


def test_a_read_only_folder_is_found_before_anything_is_solved(
    folder: Folder, capfd: pytest.CaptureFixture[str], read_only: Path
) -> None:
    folder.lock_path("ai").symlink_to(read_only / "ai.yml")

    assert folder.run(folder.write("first", "libc"), folder.write("ai", "libc")) == 4
    out, err = capfd.readouterr()
    assert (out, folder.lock_path("first").exists()) == ("", False)
    assert err.splitlines() == [
        "condabox: error: envs/ai.conda-lock.yml cannot be written: Permission denied",
        f"  hint: let condabox write to {read_only}/ai.yml, and to its folder",
    ]


def test_a_current_lock_needs_no_writable_folder(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder.write("ai", "libc")
    folder.run(file)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("condabox.workflows.lock.check_rewritable", refuse)

    assert folder.run(file) == 0
    assert folder.run("--update", file) == 4


def test_a_full_disk_is_told_by_the_name_of_the_lock(
    folder: Folder, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)

    assert folder.run(folder.write("ai", "libc")) == 4
    err = capfd.readouterr().err
    assert "envs/ai.conda-lock.yml cannot be written: No space left on device" in err
    assert [path.name for path in folder.envs.iterdir()] == ["ai.yml"]
