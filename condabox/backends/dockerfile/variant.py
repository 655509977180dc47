"""The part of a Dockerfile, and of its context, that makes one variant of an image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from condabox.backends.activated import activation_of
from condabox.backends.dockerfile.instructions import Instructions, instructions, shared, without
from condabox.backends.dockerfile.prune_script import prune_script
from condabox.backends.dockerfile.sources import Sources
from condabox.conda.packages.bytecode import byte_code_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.backends.dockerfile.surveyed import Surveyed
    from condabox.backends.survey import Survey
    from condabox.oci.config import ContainerConfig


class Name(StrEnum):
    """Which environment a part is about."""

    PROD = ""
    DEV = "dev"
    """What development adds to the same one."""
    TOOLS = "tools"
    """One of its own."""

    @property
    def suffix(self) -> str:
        """What its files are called after."""
        return f"-{self}" if self else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What the template says of one platform alone."""

    architecture: str
    base: str
    config: Instructions


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """What the template says of one variant.

    ``pip`` is "installed" where the environment has it, "bundled" where it comes out of Python's
    own library, and "" where there are no wheels.  ``config`` is what all platforms have, and
    ``alike`` whether that is all.  ``adds`` tells whether there are packages to install.
    """

    python: bool
    pip: str
    adds: bool
    platforms: tuple[Platform, ...]
    config: Instructions

    @property
    def alike(self) -> bool:
        """Whether the configuration is the same for all platforms."""
        return all(platform.config == Instructions() for platform in self.platforms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The packages of an environment, or of a part of it; ``each`` is for one platform.

    ``mirrors`` are by canonical URL of a channel.
    """

    each: Sequence[Surveyed]
    mirrors: Mapping[str, tuple[str, ...]]
    name: Name

    def stages(self, below: Sequence[ContainerConfig]) -> Stages:
        """Return what the template says; ``below`` are the configurations that FROM brings."""
        found = [
            instructions(each.config(), below=config)
            for each, config in zip(self.each, below, strict=True)
        ]
        common = shared(found)
        return Stages(
            python=self.python,
            pip=self.pip,
            adds=self.adds,
            platforms=tuple(
                Platform(
                    architecture=each.architecture, base=each.base(), config=without(one, common)
                )
                for each, one in zip(self.each, found, strict=True)
            ),
            config=common,
        )

    @property
    def python(self) -> bool:
        """Whether it has Python."""
        return any(each.known.python for each in self.each)

    @property
    def pip(self) -> str:
        """Where pip is, as `Stages` has it."""
        if not any(self._sources(each).wheels for each in self.each):
            return ""
        installed = all(
            any((package.manager, package.name) == ("conda", "pip") for package in known.packages)
            for known in (each.known for each in self.each)
        )
        return "installed" if installed else "bundled"

    @property
    def adds(self) -> bool:
        """Whether there are packages to install."""
        return any(self._sources(each).packages for each in self.each)

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Yield the files that are for one platform each."""
        if self.name is Name.DEV and not self.adds:
            return
        sources = [self._sources(each) for each in self.each]
        suffix = self.name.suffix
        for each, source in zip(self.each, sources, strict=True):
            folder = f"linux-{each.architecture}"
            explicit = source.explicit(each.plan.locked.subdir)
            yield f"{folder}/packages{suffix}.txt", explicit.encode()
            if any(other.wheels for other in sources):
                yield f"{folder}/requirements{suffix}.txt", source.requirements().encode()
            yield f"{folder}/prune{suffix}.sh", self._prune_script(each, f"prune{suffix}.sh")

    def hosts(self) -> Iterator[str]:
        """Yield the hosts that packages come from."""
        for each in self.each:
            yield from self._sources(each).hosts()

    def warnings(self) -> Iterator[str]:
        """Tell what a build cannot do, or what is not in the image."""
        for each in self.each:
            # the environment's own may go without its name, as it is the one that is built
            name = f"{each.plan.source}: " if self.name is Name.TOOLS else ""
            for text in self._warnings_of(each):
                yield text if text.startswith(name) else name + text

    def _warnings_of(self, each: Surveyed) -> Iterator[str]:
        for host in self._sources(each).behind_tokens():
            yield (
                f"{host} wants a token in its URLs, and the context has none: it would be in "
                "the image; let a mirror ask for user and password, which netrc has"
            )
        if self.name is not Name.TOOLS:  # nobody activates them
            yield from activation_of(each.plan, each.known).problems
        yield from each.known.decision.warnings(each.plan.source)

    def _prune_script(self, each: Surveyed, name: str) -> bytes:
        removed = each.known.decision.removed
        ours = {package.sha256 for package in self._sources(each).packages}
        return prune_script(
            (removals for sha256, removals in removed.items() if sha256 in ours),
            staying=[*each.known.staying(), *_compiled(each.known)],
            name=name,
        )

    def _sources(self, each: Surveyed) -> Sources:
        is_dev = self.name is Name.DEV
        packages = [package for package in each.known.packages if package.prod != is_dev]
        return Sources(packages=packages, mirrors=self.mirrors)


def _compiled(known: Survey) -> Iterator[str]:
    """Yield where the image has byte code that no package brings."""
    if known.python is None:
        return
    gone = {path for removals in known.decision.removed.values() for path in removals}
    for path in known.staying():
        made = byte_code_of(path, known.python)
        if made and made not in gone:
            yield made
