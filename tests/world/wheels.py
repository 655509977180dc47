"""Read a wheel's own metadata: what it is called, what it needs, what it can be started as."""

from __future__ import annotations

import calendar
import configparser
import email
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.world.architectures import PYTHON
from tests.world.wheel_recipes import conda_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from email.message import Message
    from pathlib import Path

_PATCH_LEVEL = f"{PYTHON}.2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One wheel and its metadata; ``project`` is normalised, ``version`` has no local part."""

    path: Path
    project: str
    version: str
    info: str
    pure: bool
    license: str
    summary: str
    requires_python: str
    requires: tuple[Requirement, ...]
    scripts: tuple[str, ...]
    packages: tuple[str, ...]
    timestamp: int


def read_wheel(path: Path) -> Wheel:
    """Read what ``path`` says of itself."""
    name, version, _, tags = parse_wheel_filename(path.name)
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        info = next(
            entry.partition("/")[0] for entry in names if entry.endswith(".dist-info/METADATA")
        )
        metadata = email.message_from_string(archive.read(f"{info}/METADATA").decode())
        entry_points = f"{info}/entry_points.txt"
        text = archive.read(entry_points).decode() if entry_points in names else ""
        years = [entry.date_time for entry in archive.infolist()]
    return Wheel(
        path=path,
        project=name,
        version=version.public,
        info=info,
        pure=all(tag.platform == "any" for tag in tags),
        license=_license(metadata),
        summary=metadata.get("Summary", ""),
        requires_python=metadata.get("Requires-Python", ""),
        requires=tuple(Requirement(text) for text in metadata.get_all("Requires-Dist", [])),
        scripts=tuple(_scripts(text)),
        packages=tuple(sorted(set(_packages(names)))),
        timestamp=_timestamp(max(years)),
    )


def requirements(
    wheel: Wheel, *, markers: Mapping[str, str], wheels: Mapping[str, Wheel]
) -> tuple[str, ...]:
    """Return what ``wheel`` needs as match specs, sorted, extras of others written out.

    ``markers`` are the platform's words of PEP 508, ``wheels`` all the projects of the world.
    """
    found: dict[str, SpecifierSet] = {}
    for requirement in _active(wheel, extras=("",), markers=markers, wheels=wheels):
        name = conda_name(canonicalize_name(requirement.name))
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return tuple(match_spec(name, found[name]) for name in sorted(found))


def match_spec(name: str, specifiers: SpecifierSet) -> str:
    """Write PEP 440 ``specifiers`` as conda does; it has no ``==1.*`` and no ``~=1.2.3``."""
    parts = []
    for specifier in sorted(specifiers, key=str):
        operator, version = specifier.operator, specifier.version
        if operator == "~=":
            parts += [f">={version}", version.rpartition(".")[0] + ".*"]
        elif operator in {"==", "==="}:
            parts.append(version if version.endswith(".*") else f"=={version}")
        else:
            parts.append(operator + version)
    return f"{name} {','.join(parts)}".rstrip()


def python_requirement(requires_python: str) -> str:
    """Return the lower bound of ``Requires-Python``, which is all that conda-forge keeps of it."""
    bounds = [spec for spec in SpecifierSet(requires_python) if spec.operator == ">="]
    return match_spec("python", SpecifierSet(str(bounds[0]) if bounds else ">=3"))


def _active(
    wheel: Wheel,
    *,
    extras: Iterable[str],
    markers: Mapping[str, str],
    wheels: Mapping[str, Wheel],
) -> Iterator[Requirement]:
    environment = {
        "implementation_name": "cpython",
        "implementation_version": _PATCH_LEVEL,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_version": "",
        "python_full_version": _PATCH_LEVEL,
        "python_version": PYTHON,
        **markers,
    }
    for requirement in wheel.requires:
        marker = requirement.marker
        if marker is not None and not any(
            marker.evaluate({**environment, "extra": extra}) for extra in extras
        ):
            continue
        if marker is None and "" not in extras:
            continue
        yield requirement
        if requirement.extras:
            other = wheels[canonicalize_name(requirement.name)]
            yield from _active(
                other, extras=sorted(requirement.extras), markers=markers, wheels=wheels
            )


def _license(metadata: Message) -> str:
    text = metadata.get("License-Expression") or metadata.get("License") or ""
    if text and "\n" not in text and len(text) < 60:
        return text
    classifiers = metadata.get_all("Classifier", [])
    names = [name.rpartition(" :: ")[2] for name in classifiers if name.startswith("License ::")]
    return names[0] if names else "LicenseRef-Unknown"


def _scripts(text: str) -> Iterator[str]:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(text)
    for section in ("console_scripts", "gui_scripts"):
        if parser.has_section(section):
            for name, target in parser.items(section):
                yield f"{name} = {target.partition('[')[0].strip()}"


def _packages(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name.endswith("/__init__.py") and name.count("/") == 1:
            yield name.partition("/")[0]


def _timestamp(date_time: tuple[int, ...]) -> int:
    # Builds with a fixed epoch say 1980: no package of today's formats is that old.
    return max(calendar.timegm((*date_time, 0, 0, 0)), 1_577_836_800)
