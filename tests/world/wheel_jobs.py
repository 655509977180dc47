"""Decide which wheels make which conda packages."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from tests.world.architectures import ARCHITECTURES
from tests.world.jobs import LockOnlyJob, WheelJob
from tests.world.lock_only import LOCK_ONLY, describe_python, describe_wheel
from tests.world.pip import fetch_wheels, size_at_hand
from tests.world.wheel_recipes import PYTORCH, PYTORCH_LIMIT, conda_name
from tests.world.wheels import read_wheel, requirements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.world.wheels import Wheel

_PINS = Path(__file__).with_name("wheels.txt")
_OLDER_PINS = Path(__file__).with_name("older-wheels.txt")

# PyTorch has no small wheel for the other one at hand.
_PYTORCH_SUBDIR = "linux-64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """All wheels, by subdir; a pure one stands once, under `noarch`."""

    wheels: Mapping[str, tuple[Wheel, ...]]
    notes: tuple[str, ...]


def read_pins(path: Path = _PINS) -> tuple[str, ...]:
    """Return the lines of a file of pins, without comments."""
    lines = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return tuple(line for line in lines if line)


def collect_wheels(subdirs: Sequence[str], *, cache: Path) -> Collection:
    """Download every pinned wheel, older versions too, and PyTorch where it is small enough."""
    found: defaultdict[str, list[Wheel]] = defaultdict(list)
    for pins in (read_pins(), read_pins(_OLDER_PINS)):
        wanted = pins
        for subdir in subdirs:
            paths = fetch_wheels(wanted, architecture=ARCHITECTURES[subdir], cache=cache)
            wheels = [read_wheel(path) for path in paths]
            found["noarch"] += [wheel for wheel in wheels if wheel.pure]
            found[subdir] += [wheel for wheel in wheels if not wheel.pure]
            # One pure wheel serves all.
            pure = {f"{wheel.project}=={wheel.version}" for wheel in found["noarch"]}
            wanted = tuple(pin for pin in wanted if _normal(pin) not in pure)
    notes: tuple[str, ...] = ()
    if _PYTORCH_SUBDIR in subdirs:
        architecture = ARCHITECTURES[_PYTORCH_SUBDIR]
        size = size_at_hand(PYTORCH, architecture=architecture)
        if size is None or size > PYTORCH_LIMIT:
            notes = (f"no pytorch: pip has no small wheel of {PYTORCH} at hand",)
        else:
            (path,) = fetch_wheels((PYTORCH,), architecture=architecture, cache=cache)
            found[_PYTORCH_SUBDIR].append(read_wheel(path))
    return Collection(wheels={key: tuple(found[key]) for key in found}, notes=notes)


def wheel_jobs(collection: Collection) -> Iterator[WheelJob]:
    """Yield one job for each version of each project."""
    by_version: defaultdict[tuple[str, str], list[tuple[str, Wheel]]] = defaultdict(list)
    for subdir, wheels in sorted(collection.wheels.items()):
        for wheel in wheels:
            by_version[wheel.project, wheel.version].append((subdir, wheel))
    projects = {wheel.project: wheel for _, wheel in _newest_last(collection)}
    for _, group in sorted(by_version.items()):
        depends = tuple(
            requirements(
                wheel,
                # What is noarch needs the same everywhere.
                markers=ARCHITECTURES["linux-64" if subdir == "noarch" else subdir].markers,
                wheels=projects,
            )
            for subdir, wheel in group
        )
        yield WheelJob(wheels=tuple(group), depends=depends)


def lock_only_jobs(collection: Collection, *, subdir: str, python: str) -> Iterator[LockOnlyJob]:
    """Yield a job for each platform that is only locked for, with what ``subdir`` has wheels of."""
    projects = {wheel.project: wheel for _, wheel in _newest_last(collection)}
    for platform in LOCK_ONLY.values():
        wheels = sorted(collection.wheels[subdir], key=lambda wheel: wheel.path.name)
        described = (describe_wheel(wheel, platform, projects=projects) for wheel in wheels)
        yield LockOnlyJob(packages=(describe_python(platform, version=python), *described))


def pypi_mapping(collection: Collection) -> bytes:
    """Write conda-lock's table of names for all projects of the world."""
    projects = sorted({wheel.project for _, wheel in _newest_last(collection)})
    table = {
        project: {"conda_name": conda_name(project), "pypi_name": project} for project in projects
    }
    return json.dumps(table, indent=1).encode()


def _newest_last(collection: Collection) -> list[tuple[str, Wheel]]:
    pairs = [(key, wheel) for key, wheels in collection.wheels.items() for wheel in wheels]
    return sorted(pairs, key=lambda pair: (pair[1].timestamp, pair[1].project, pair[0]))


def _normal(pin: str) -> str:
    name, _, version = pin.partition("==")
    return f"{canonicalize_name(name)}=={version}"
