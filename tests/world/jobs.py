"""One job for every package of the world, done once: results are kept by a hash of what goes in."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from condabox.files import write_atomically
from tests.world.architectures import ARCHITECTURES
from tests.world.archive import Built, write_package
from tests.world.debian_packages import build_debian_package
from tests.world.handmade import PROBE, build_prefix_probe, build_python_abi
from tests.world.wheel_packages import build_noarch_package, build_platform_package

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.world.apt import Deb
    from tests.world.archive import Metadata
    from tests.world.bytecode import Interpreter
    from tests.world.debian_recipes import DebianRecipe
    from tests.world.patching import Provider
    from tests.world.wheels import Wheel

_RECORD = "record.json"
_HASH_LENGTH = 7

# What makes packages out of inputs.  A change elsewhere leaves them as they are.
_MAKERS = (
    "architectures",
    "archive",
    "bytecode",
    "cpython",
    "debian_edits",
    "debian_packages",
    "elf",
    "frozen",
    "handmade",
    "jobs",
    "patching",
    "wheel_packages",
    "wheel_recipes",
    "wheels",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What every job works with; ``providers`` maps library names, by subdir."""

    cache: Path
    patchelf: Path
    interpreter: Interpreter
    providers: Mapping[str, Mapping[str, Provider]]


class Job(Protocol):
    """Makes packages out of inputs that are at hand."""

    @property
    def weight(self) -> int:
        """About how long it takes; any unit."""

    def inputs(self) -> object:
        """Return all that the result depends on, as JSON can write it."""

    def build(
        self, workshop: Workshop, *, staging: Path, output: Path, build_hash: str
    ) -> list[Built]:
        """Write the packages into ``output``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianJob:
    """A conda package of Debian packages."""

    recipe: DebianRecipe
    debs: tuple[Deb, ...]
    subdir: str

    @property
    def weight(self) -> int:
        """The bytes to unpack."""
        return sum(deb.path.stat().st_size for deb in self.debs)

    def inputs(self) -> object:
        """Return the recipe, and what apt says of the packages."""
        return [self.subdir, repr(self.recipe), [[deb.path.name, deb.sha256] for deb in self.debs]]

    def build(
        self, workshop: Workshop, *, staging: Path, output: Path, build_hash: str
    ) -> list[Built]:
        """Build the one package."""
        return [
            build_debian_package(
                self.recipe,
                self.debs,
                architecture=ARCHITECTURES[self.subdir],
                providers=workshop.providers[self.subdir],
                interpreter=workshop.interpreter,
                patchelf=workshop.patchelf,
                staging=staging,
                output=output,
                build_hash=build_hash,
            )
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelJob:
    """The conda packages of one version of a project: one noarch, or one for each subdir."""

    wheels: tuple[tuple[str, Wheel], ...]
    depends: tuple[tuple[str, ...], ...]

    @property
    def weight(self) -> int:
        """The bytes to unpack; they count more than Debian's, for they are also compiled."""
        return 2 * sum(wheel.path.stat().st_size for _, wheel in self.wheels)

    def inputs(self) -> object:
        """Return the wheels' digests, and what was made of their requirements."""
        digests = [
            [subdir, wheel.path.name, hashlib.sha256(wheel.path.read_bytes()).hexdigest()]
            for subdir, wheel in self.wheels
        ]
        return [digests, self.depends]

    def build(
        self, workshop: Workshop, *, staging: Path, output: Path, build_hash: str
    ) -> list[Built]:
        """Build every package; what the second has in common with the first is compiled once."""
        built: list[Built] = []
        compiled = None
        for (subdir, wheel), depends in zip(self.wheels, self.depends, strict=True):
            own = staging / subdir
            own.mkdir()
            if subdir == "noarch":
                built.append(
                    build_noarch_package(wheel, depends=depends, staging=own, output=output)
                )
                continue
            (output / subdir).mkdir()
            built.append(
                build_platform_package(
                    wheel,
                    depends=depends,
                    architecture=ARCHITECTURES[subdir],
                    providers=workshop.providers[subdir],
                    interpreter=workshop.interpreter,
                    patchelf=workshop.patchelf,
                    staging=own,
                    output=output / subdir,
                    build_hash=build_hash,
                    compiled=compiled,
                )
            )
            compiled = own
        return built


@dataclass(frozen=True, slots=True, kw_only=True)
class HandmadeJob:
    """A package without a source: `python_abi`, or `prefix-probe` for one subdir."""

    name: str
    subdir: str

    @property
    def weight(self) -> int:
        """Next to nothing."""
        return 0

    def inputs(self) -> object:
        """Return what distinguishes it from the other handmade packages."""
        return [self.name, self.subdir]

    def build(
        self, workshop: Workshop, *, staging: Path, output: Path, build_hash: str
    ) -> list[Built]:
        """Build the one package."""
        if self.name != PROBE:
            return [build_python_abi(staging, output)]
        built = build_prefix_probe(
            staging,
            output,
            architecture=ARCHITECTURES[self.subdir],
            interpreter=workshop.interpreter,
            build_hash=build_hash,
        )
        return [built]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockOnlyJob:
    """The packages without files of a platform that is only locked for."""

    packages: tuple[Metadata, ...]

    @property
    def weight(self) -> int:
        """Next to nothing."""
        return 0

    def inputs(self) -> object:
        """Return what the packages say of themselves: there is nothing else in them."""
        return [repr(metadata) for metadata in self.packages]

    def build(
        self,
        workshop: Workshop,  # noqa: ARG002
        *,
        staging: Path,
        output: Path,
        build_hash: str,  # noqa: ARG002
    ) -> list[Built]:
        """Build every package."""
        return [write_package(staging, metadata, directory=output) for metadata in self.packages]


def do(job: Job, workshop: Workshop) -> tuple[Built, ...]:
    """Do ``job``, unless it has been done with the same inputs."""
    packages = workshop.cache / "packages"
    inputs = [job.inputs(), _makers_digest(), _providers_digest(workshop)]
    key = hashlib.sha256(json.dumps(inputs).encode()).hexdigest()
    directory = packages / key[:32]
    if not directory.exists():
        packages.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=workshop.cache, prefix=STAGING) as temporary:
            staging, output = Path(temporary, "staging"), Path(temporary, "output")
            staging.mkdir()
            output.mkdir()
            built = job.build(
                workshop, staging=staging, output=output, build_hash=key[:_HASH_LENGTH]
            )
            _write_record(output, built)
            output.rename(directory)
    return _read_record(directory)


STAGING = "staging-"
"""How the directories begin that a build which was killed leaves in the cache."""


def remove_unused(cache: Path, used: Iterable[Built]) -> None:
    """Remove the packages that older recipes made."""
    packages = cache / "packages"
    keep = {built.path.relative_to(packages).parts[0] for built in used}
    for path in sorted(packages.iterdir()):
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)


def remove_leftovers(cache: Path) -> None:
    """Remove what earlier builds, ended in the middle, left in ``cache``."""
    for path in sorted(cache.glob(f"{STAGING}*")):
        shutil.rmtree(path, ignore_errors=True)


def _write_record(output: Path, built: list[Built]) -> None:
    rows = [[each.path.relative_to(output).as_posix(), each.subdir, each.record] for each in built]
    write_atomically(output / _RECORD, json.dumps(rows).encode())


def _read_record(directory: Path) -> tuple[Built, ...]:
    rows = json.loads((directory / _RECORD).read_bytes())
    return tuple(
        Built(path=directory / name, subdir=subdir, record=record) for name, subdir, record in rows
    )


def _makers_digest() -> str:
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for name in _MAKERS:
        digest.update((here / f"{name}.py").read_bytes())
    return digest.hexdigest()


def _providers_digest(workshop: Workshop) -> str:
    rows = [
        [subdir, library, provider.name, provider.version]
        for subdir, libraries in sorted(workshop.providers.items())
        for library, provider in sorted(libraries.items())
    ]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
