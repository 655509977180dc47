"""Byte code of real packages: made by the locked Python, the same in every way to make it."""

from __future__ import annotations

import random
import shlex
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox import process
from condabox.conda.channels.solver import solve
from condabox.conda.channels.virtual_packages import virtual_packages
from condabox.conda.lockfiles.lockfile import LockedEnvironment, LockedPackage
from condabox.conda.packages import interpreter
from condabox.conda.packages.bytecode import BytecodeCompiler
from condabox.conda.packages.entry import FileEntry, Spool
from condabox.conda.packages.fetch import fetch_archives
from condabox.conda.packages.interpreter import find_interpreter
from condabox.conda.packages.package import link_package
from condabox.conda.packages.python import PythonInfo
from condabox.events import SilentReporter
from condabox.oci.layout import ImageLayout
from condabox.platforms import host_subdir, platform_of_subdir
from condabox.settings import load_settings
from tests.world.world import CANONICAL_CHANNEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from condabox.conda.packages.entry import PrefixEntry
    from condabox.settings import Settings
    from tests.world.world import World

pytestmark = pytest.mark.world

FOREIGN = "linux-aarch64"
QEMU = "qemu-aarch64-static"


@pytest.fixture(scope="module")
def settings(world: World, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = load_settings(world.settings.parent, env={"HOME": "/nonexistent"})
    return replace(found, cache_dir=tmp_path_factory.mktemp("cache"))


def environment(settings: Settings, subdir: str, *specs: str) -> LockedEnvironment:
    records = solve(
        specs,
        channels=(CANONICAL_CHANNEL,),
        subdir=subdir,
        virtual_packages=virtual_packages(subdir, base=None, cuda=None),
        settings=settings,
    )
    packages = tuple(
        LockedPackage(
            name=record.name,
            version=record.version,
            manager="conda",
            url=record.url,
            sha256=record.sha256,
            category="main",
            dependencies=tuple(sorted({spec.split()[0] for spec in record.depends})),
        )
        for record in records
    )
    return LockedEnvironment(subdir=subdir, channels=(CANONICAL_CHANNEL,), packages=packages)


@pytest.fixture(scope="module")
def native(settings: Settings) -> LockedEnvironment:
    return environment(settings, host_subdir(), "python", "fastapi", "numpy")


@pytest.fixture(scope="module")
def python(native: LockedEnvironment) -> PythonInfo:
    assert native.python is not None
    return PythonInfo(version=native.python.version)


@pytest.fixture(scope="module")
def own_python(native: LockedEnvironment, settings: Settings) -> Path:
    return find_interpreter(native, None, settings=settings, reporter=SilentReporter())


@pytest.fixture(scope="module")
def emulated_python(
    world: World, python: PythonInfo, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a script that runs the arm64 Python of the same version, on arm64's C library."""
    folder = tmp_path_factory.mktemp("arm64")
    root, prefix = folder / "root", folder / "prefix"
    root.mkdir()
    layout = ImageLayout.open(world.base_layouts / "library/ubuntu")
    base = layout.resolve("24.04", platform=platform_of_subdir(FOREIGN))
    for layer in base.manifest.layers:
        blob = layout.blobs.path_of(layer.digest)
        subprocess.run(["tar", "-xzf", blob, "-C", root], check=True)
    env = environment(settings, FOREIGN, f"python=={python.version}")
    packages = interpreter._closure(env.packages)
    archives = fetch_archives(packages, settings=settings, reporter=SilentReporter())
    for package in packages:
        with Spool(folder) as spool:
            archive = archives[package.sha256]
            found = link_package(archive, package, prefix=str(prefix), python=python, spool=spool)
            interpreter._write(found, prefix)
    command = [str(shutil.which(QEMU)), "-L", str(root), str(prefix / python.executable)]
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
    script.chmod(0o755)
    return script


@pytest.fixture
def entries(
    native: LockedEnvironment, python: PythonInfo, settings: Settings, tmp_path: Path
) -> Iterator[tuple[PrefixEntry, ...]]:
    """Yield what python, fastapi and numpy consist of."""
    chosen = [p for p in native.packages if p.name in {"python", "fastapi", "numpy"}]
    archives = fetch_archives(chosen, settings=settings, reporter=SilentReporter())
    with Spool(tmp_path) as spool:
        yield tuple(
            entry
            for package in chosen
            for entry in link_package(
                archives[package.sha256], package, prefix="/opt/env", python=python, spool=spool
            )
        )


def compiled(
    entries: Sequence[PrefixEntry], *, executable: Path, python: PythonInfo, folder: Path
) -> dict[str, bytes]:
    with Spool(folder) as spool, BytecodeCompiler(executable) as compiler:
        found = compiler.compile(entries, prefix="/opt/env", python=python, spool=spool)
        return {
            entry.path: b"".join(entry.content.chunks())
            for entry in found
            if isinstance(entry, FileEntry) and entry.path.endswith(".pyc")
        }


def test_python_runs_from_its_byte_code_without_a_look_at_the_sources(
    entries: tuple[PrefixEntry, ...], own_python: Path, python: PythonInfo, tmp_path: Path
) -> None:
    prefix = tmp_path / "elsewhere"
    with Spool(tmp_path) as spool, BytecodeCompiler(own_python) as compiler:
        found = compiler.compile(entries, prefix="/opt/env", python=python, spool=spool)
        interpreter._write(found, prefix)
    for source in (prefix / "lib/python3.11/json").glob("*.py"):
        source.write_text("raise AssertionError('read from the source')")

    script = "import json; json.loads('{')"
    done = process.attempt(
        [str(prefix / python.executable), "-I", "-B", "-c", script],
        env={"LD_LIBRARY_PATH": str(own_python.parent.parent / "lib")},
    )

    assert "JSONDecodeError" in done.stderr


def test_order_and_company_do_not_matter(
    entries: tuple[PrefixEntry, ...], own_python: Path, python: PythonInfo, tmp_path: Path
) -> None:
    shuffled = random.Random(0).sample(entries, len(entries))  # noqa: S311  (any order will do)
    few = [entry for entry in entries if "/fastapi/" in entry.path]

    together = compiled(entries, executable=own_python, python=python, folder=tmp_path)
    again = compiled(shuffled, executable=own_python, python=python, folder=tmp_path)
    alone = compiled(few, executable=own_python, python=python, folder=tmp_path)

    assert len(together) > 1000
    assert again == together
    assert len(alone) > 20
    assert alone == {path: together[path] for path in alone}


def test_a_foreign_environment_is_compiled_by_this_machines_python(
    settings: Settings, own_python: Path
) -> None:
    subdir = FOREIGN if host_subdir() != FOREIGN else "linux-64"
    foreign = environment(settings, subdir, "python")

    found = find_interpreter(foreign, None, settings=settings, reporter=SilentReporter())

    version = ["-c", "import platform; print(platform.python_version(), platform.machine())"]
    assert (
        process.run([str(found), *version]).stdout
        == process.run([str(own_python), *version]).stdout
    )


@pytest.mark.tool(QEMU)
@pytest.mark.skipif(host_subdir() == FOREIGN, reason="this machine is the other one")
def test_another_architecture_makes_the_same_bytes(
    entries: tuple[PrefixEntry, ...],
    own_python: Path,
    emulated_python: Path,
    python: PythonInfo,
    tmp_path: Path,
) -> None:
    few = [entry for entry in entries if "/json/" in entry.path or "/fastapi/" in entry.path]

    ours = compiled(few, executable=own_python, python=python, folder=tmp_path)
    theirs = compiled(few, executable=emulated_python, python=python, folder=tmp_path)

    assert len(ours) > 30
    assert theirs == ours
