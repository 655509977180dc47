from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.conda.channels.solver import PackageRecord
from condabox.conda.lockfiles.lockfile import LockedEnvironment, LockFile
from condabox.conda.packages import interpreter
from condabox.conda.packages.fetch import archive_path
from condabox.conda.packages.interpreter import find_interpreter
from condabox.errors import InstallError, UnsafePathError
from condabox.events import SilentReporter
from condabox.platforms import host_subdir
from condabox.process import run
from condabox.settings import Settings
from tests.fakes.packages import PLACEHOLDER, File, Link, locked, locked_named, make_package

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage

HOST = host_subdir()
FOREIGN = "linux-ppc64le" if HOST != "linux-ppc64le" else "linux-64"
CHANNEL = "https://conda.anaconda.org/conda-forge"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


def python_script(version: str) -> File:
    """Return what passes for a Python in ``bin``: it says its version and where it is."""
    script = f'#!/bin/sh\n# {PLACEHOLDER}\necho "{version}"\n'
    return File(script, executable=True)


def cached(
    settings: Settings,
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, File | Link | str],
    depends: Sequence[str] = (),
) -> LockedPackage:
    """Return a package whose archive is in the cache already."""
    folder = settings.cache_dir / "made"
    folder.mkdir(parents=True, exist_ok=True)
    archive = make_package(folder, name, version, files=files)
    package = locked(archive, dependencies=depends)
    package = replace(package, url=f"{CHANNEL}/{HOST}/{archive.name}")
    path = archive_path(package, settings=settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(archive, path)
    return package


def cached_python(
    settings: Settings, version: str = "3.12.4", *, says: str | None = None
) -> tuple[LockedPackage, ...]:
    python = cached(
        settings,
        "python",
        version,
        files={
            "bin/python3.12": python_script(says or version),
            "bin/python": Link("python3.12"),
            "lib/python3.12/os.py": "x = 1\n",
        },
        depends=["libfoo", "pip"],
    )
    library = cached(settings, "libfoo", files={"lib/libfoo.so": "x"}, depends=["python"])
    other = cached(settings, "unneeded", files={"lib/unneeded": "x"})
    return (library, python, other)


def environment(packages: Sequence[LockedPackage], *, subdir: str = HOST) -> LockedEnvironment:
    return LockedEnvironment(subdir=subdir, channels=(CHANNEL,), packages=tuple(packages))


def lock_of(tmp_path: Path, packages: Mapping[str, Sequence[LockedPackage]]) -> LockFile:
    return LockFile(
        digest="",
        path=tmp_path / "x.conda-lock.yml",
        channels=(CHANNEL,),
        subdirs=tuple(sorted(packages)),
        packages={subdir: tuple(found) for subdir, found in packages.items()},
        inputs={},
        base=None,
        base_digests={},
    )


def found(env: LockedEnvironment, settings: Settings, lock: LockFile | None = None) -> Path:
    return find_interpreter(env, lock, settings=settings, reporter=SilentReporter())


def foreign_python() -> LockedPackage:
    return replace(locked_named("python", subdir=FOREIGN), version="3.12.4")


def test_the_locked_python_is_unpacked_with_what_it_needs(settings: Settings) -> None:
    path = found(environment(cached_python(settings)), settings)

    prefix = path.parent.parent
    assert path == prefix / "bin/python3.12"
    assert run([str(path)]).stdout == b"3.12.4\n"
    assert (prefix / "bin/python").readlink().name == "python3.12"
    assert (prefix / "lib/libfoo.so").exists()
    assert not (prefix / "lib/unneeded").exists()
    assert prefix.parent == settings.cache_dir / "interpreters"
    assert [each.name for each in prefix.parent.iterdir()] == [prefix.name]


def test_it_is_unpacked_once(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    env = environment(cached_python(settings))
    first = found(env, settings)
    monkeypatch.setattr(interpreter, "fetch_archives", None)

    assert found(env, settings) == first


def test_other_packages_are_another_interpreter(settings: Settings) -> None:
    library, python, other = cached_python(settings)
    changed = cached(settings, "libfoo", "1.1", files={"lib/libfoo.so": "y"})

    first = found(environment((library, python, other)), settings)
    second = found(environment((changed, python, other)), settings)

    assert first != second


def test_what_python_does_not_need_does_not_matter(settings: Settings) -> None:
    library, python, other = cached_python(settings)

    first = found(environment((library, python, other)), settings)

    assert found(environment((library, python)), settings) == first


def test_a_damaged_interpreter_is_unpacked_again(settings: Settings) -> None:
    env = environment(cached_python(settings))
    path = found(env, settings)
    path.write_bytes(b"")

    assert found(env, settings) == path
    assert run([str(path)]).stdout == b"3.12.4\n"


def test_two_at_once_get_the_same_one(settings: Settings) -> None:
    env = environment(cached_python(settings))

    with ThreadPoolExecutor(4) as pool:
        paths = set(pool.map(lambda _: found(env, settings), range(4)))

    (path,) = paths
    assert run([str(path)]).stdout == b"3.12.4\n"
    assert len(list((settings.cache_dir / "interpreters").iterdir())) == 1


def test_an_interpreter_of_another_version_is_refused(settings: Settings) -> None:
    env = environment(cached_python(settings, says="3.12.5"))

    with pytest.raises(InstallError, match=r"python 3\.12\.4 contains Python 3\.12\.5") as caught:
        found(env, settings)

    assert caught.value.hint
    assert not any((settings.cache_dir / "interpreters").iterdir())


def test_an_interpreter_that_does_not_run_is_refused(settings: Settings) -> None:
    python = cached(
        settings, "python", "3.12.4", files={"bin/python3.12": File("#!/missing", executable=True)}
    )

    with pytest.raises(InstallError, match="does not run on this machine"):
        found(environment([python]), settings)


def test_an_environment_without_python_is_refused(settings: Settings) -> None:
    with pytest.raises(InstallError, match="has no Python"):
        found(environment([]), settings)


def test_a_foreign_environment_uses_the_lock_of_this_machine(
    settings: Settings, tmp_path: Path
) -> None:
    native = cached_python(settings)
    lock = lock_of(tmp_path, {HOST: native, FOREIGN: [foreign_python()]})

    path = found(environment([foreign_python()], subdir=FOREIGN), settings, lock)

    assert path == found(environment(native), settings)


@pytest.mark.parametrize("locked_version", [None, "3.12.3"])
def test_a_foreign_environment_without_such_a_lock_is_solved_for(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    locked_version: str | None,
) -> None:
    native = cached_python(settings)
    calls: list[tuple[object, ...]] = []

    def solve(specs: Sequence[str], **others: object) -> tuple[PackageRecord, ...]:
        calls.append((tuple(specs), others["channels"], others["subdir"]))
        return tuple(record(package) for package in native)

    monkeypatch.setattr(interpreter, "solve", solve)
    lock = None
    if locked_version is not None:
        lock = lock_of(tmp_path, {HOST: cached_python(settings, locked_version)})
    env = environment([foreign_python()], subdir=FOREIGN)

    path = found(env, settings, lock)

    assert run([str(path)]).stdout == b"3.12.4\n"
    assert found(env, settings, lock) == path
    assert calls == [(("python==3.12.4",), (CHANNEL,), HOST)]


def record(package: LockedPackage) -> PackageRecord:
    return PackageRecord(
        name=package.name,
        version=package.version,
        build="0",
        build_number=0,
        subdir=HOST,
        channel=CHANNEL,
        url=package.url,
        filename=package.filename,
        sha256=package.sha256,
        md5="",
        size=0,
        timestamp=0,
        depends=tuple(f"{name} >=1,<2" for name in package.dependencies),
        constrains=(),
    )


def test_a_link_does_not_carry_another_packages_files_away(
    settings: Settings, tmp_path: Path
) -> None:
    # Each link stays in the prefix as it is written; together they do not.
    links = cached(
        settings, "links", files={"a/b/up": Link("../.."), "out": Link("a/b/up/../../evil")}
    )
    evil = cached(settings, "evil", files={"out/file": "x"}, depends=["links"])
    python = cached(settings, "python", "3.11.9", files={"bin/python3.11": python_script("3.11.9")})
    python = replace(python, dependencies=("evil", "links"))
    environment = LockedEnvironment(
        subdir=HOST, channels=(CHANNEL,), packages=(python, links, evil)
    )

    with pytest.raises(UnsafePathError):
        find_interpreter(environment, None, settings=settings, reporter=SilentReporter())

    assert not list(tmp_path.rglob("evil/file"))


def test_programs_and_libraries_for_macos_are_signed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = tmp_path / "prefix"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin" / "python3.11").write_bytes(b"\xcf\xfa\xed\xfe program")
    (prefix / "bin" / "python").symlink_to("python3.11")
    (prefix / "bin" / "pydoc").write_bytes(b"#!/bin/sh")
    tool = tmp_path / "tools" / "codesign"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/signed\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent))

    interpreter.sign(prefix)

    signed = (tmp_path / "signed").read_text()
    assert signed == f"--force --sign - {prefix}/bin/python3.11\n"
