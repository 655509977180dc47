"""Make conda packages of wheels."""

from __future__ import annotations

import csv
import fnmatch
import os
import re
import shutil
import zipfile
from typing import TYPE_CHECKING

from tests.world.architectures import SITE_PACKAGES
from tests.world.archive import Metadata, placeholder, write_package
from tests.world.patching import set_search_paths
from tests.world.wheel_recipes import TAR_BZ2, WHEEL_EDITS, WheelEdit, conda_name
from tests.world.wheels import python_requirement

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.world.architectures import Architecture
    from tests.world.archive import Built
    from tests.world.bytecode import Interpreter
    from tests.world.patching import Provider
    from tests.world.wheels import Wheel

_ENTRY_POINT = """\
#!{prefix}/bin/python
import re
import sys

from {module} import {first}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit({function}())
"""


def build_noarch_package(
    wheel: Wheel, *, depends: tuple[str, ...], staging: Path, output: Path
) -> Built:
    """Make a `noarch: python` package: its entry points and byte code are made at installation."""
    name = conda_name(wheel.project)
    _unpack(wheel, staging, site_packages="site-packages", scripts="python-scripts")
    metadata = Metadata(
        name=name,
        version=wheel.version,
        build="pyhd8ed1ab_0",
        subdir="noarch",
        license=wheel.license,
        summary=wheel.summary,
        timestamp=wheel.timestamp,
        depends=tuple(sorted((*depends, python_requirement(wheel.requires_python)))),
        noarch="python",
        entry_points=wheel.scripts,
        imports=wheel.packages,
        tar_bz2=wheel.project in TAR_BZ2,
    )
    return write_package(staging, metadata, directory=output)


def build_platform_package(
    wheel: Wheel,
    *,
    depends: tuple[str, ...],
    architecture: Architecture,
    providers: Mapping[str, Provider],
    interpreter: Interpreter,
    patchelf: Path,
    staging: Path,
    output: Path,
    build_hash: str,
    compiled: Path | None,
) -> Built:
    """Make a package for one subdir and one Python, with byte code and scripts in it.

    ``compiled`` is the staged tree of the same project for another subdir, if there is one.
    """
    name = conda_name(wheel.project)
    _unpack(wheel, staging, site_packages=SITE_PACKAGES, scripts="bin")
    _edit(staging, WHEEL_EDITS.get(wheel.project, WheelEdit()))
    for script in wheel.scripts:
        _write_entry_point(staging, script, prefix=placeholder(name))
    libraries = set_search_paths(staging, providers=providers, patchelf=patchelf)
    interpreter.compile(staging, mtime=wheel.timestamp, like=compiled)
    metadata = Metadata(
        name=name,
        version=wheel.version,
        build=f"{'cpu_' if name == 'pytorch' else ''}py311h{build_hash}_0",
        subdir=architecture.subdir,
        license=wheel.license,
        summary=wheel.summary,
        timestamp=wheel.timestamp,
        depends=tuple(
            sorted(
                {
                    *depends,
                    *(library.requirement() for library in libraries),
                    "python >=3.11,<3.12.0a0",
                    "python_abi 3.11.* *_cp311",
                }
            )
        ),
        imports=wheel.packages,
        tar_bz2=wheel.project in TAR_BZ2,
    )
    return write_package(staging, metadata, directory=output)


def _unpack(wheel: Wheel, staging: Path, *, site_packages: str, scripts: str) -> None:
    prefix = placeholder(conda_name(wheel.project))
    record: list[str] = []
    info = f"{site_packages}/{wheel.info}"
    with zipfile.ZipFile(wheel.path) as archive:
        for member in archive.infolist():
            if member.is_dir():
                continue
            place = installed_path(member.filename, site_packages=site_packages, scripts=scripts)
            record.append(os.path.relpath(place, site_packages))
            if place == f"{info}/RECORD":
                continue
            target = staging / place
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out)
            executable = place.startswith(f"{scripts}/") or (member.external_attr >> 16) & 0o100
            target.chmod(0o755 if executable else 0o644)
            if place.startswith(f"{scripts}/"):
                _set_interpreter(target, prefix)
    (staging / info / "INSTALLER").write_text("conda\n")
    record.append(f"{wheel.info}/INSTALLER")
    with (staging / info / "RECORD").open("w", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows((path, "", "") for path in sorted(record))


def installed_path(name: str, *, site_packages: str, scripts: str) -> str:
    """Return where a package has a wheel's file: what is in ``.data`` is spread."""
    top, _, rest = name.partition("/")
    if not top.endswith(".data"):
        return f"{site_packages}/{name}"
    kind, _, path = rest.partition("/")
    if kind == "headers":
        return f"include/python3.11/{top.partition('-')[0]}/{path}"
    roots = {"purelib": site_packages, "platlib": site_packages, "scripts": scripts, "data": ""}
    return f"{roots[kind]}/{path}".lstrip("/")


def _set_interpreter(script: Path, prefix: str) -> None:
    content = script.read_bytes()
    if content.startswith(b"#!python"):
        script.write_bytes(re.sub(rb"\A#!pythonw?", f"#!{prefix}/bin/python".encode(), content))


def _edit(staging: Path, edit: WheelEdit) -> None:
    for path in sorted(staging.rglob("*")) if edit.drop else ():
        name = path.relative_to(staging).as_posix()
        if path.is_file() and any(fnmatch.fnmatchcase(name, rule) for rule in edit.drop):
            path.unlink()
    for source, target in edit.moves:
        if (staging / source).is_dir():
            (staging / target).parent.mkdir(parents=True, exist_ok=True)
            (staging / source).rename(staging / target)


def _write_entry_point(staging: Path, script: str, *, prefix: str) -> None:
    name, _, target = script.partition(" = ")
    module, _, function = target.partition(":")
    path = staging / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        _ENTRY_POINT.format(
            prefix=prefix, module=module, first=function.partition(".")[0], function=function
        )
    )
    path.chmod(0o755)
