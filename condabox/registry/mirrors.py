"""Where an image is looked for: the mirrors of its registry in their order, then itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.oci.reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.settings import RegistrySettings

_LAYOUT = "oci:"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryPlace:
    """A repository of a registry."""

    host: str
    repository: str
    insecure: bool

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutPlace:
    """An OCI layout on this machine, in which images are called by their tag alone."""

    path: Path

    def __str__(self) -> str:
        return f"{_LAYOUT}{self.path}"


def places(
    reference: Reference, registries: Mapping[str, RegistrySettings], *, folder: Path
) -> tuple[RegistryPlace | LayoutPlace, ...]:
    """Return where ``reference`` may be, the preferred place first.

    A mirror is ``HOST[:PORT][/PREFIX]``, or ``oci:DIR``: then repository ``library/ubuntu`` is the
    layout ``DIR/library/ubuntu``, ``DIR`` being relative to ``folder``.
    """
    own = registries.get(reference.registry)
    found: list[RegistryPlace | LayoutPlace] = []
    for mirror in own.mirrors if own else ():
        if mirror.startswith(_LAYOUT):
            directory = Path(mirror.removeprefix(_LAYOUT)).expanduser()
            found.append(LayoutPlace(path=folder / directory / reference.repository))
        else:
            host, _, prefix = mirror.partition("/")
            path = f"{prefix.strip('/')}/{reference.repository}".lstrip("/")
            found.append(_place(host, path, registries))
    return (*found, _place(reference.registry, reference.repository, registries))


def repositories_of(
    reference: Reference, registries: Mapping[str, RegistrySettings]
) -> tuple[Reference, ...]:
    """Return the repositories of registries among the `places` of ``reference``."""
    return tuple(
        Reference(registry=place.host, repository=place.repository)
        for place in places(reference, registries, folder=Path())
        if isinstance(place, RegistryPlace)
    )


def _place(host: str, repository: str, registries: Mapping[str, RegistrySettings]) -> RegistryPlace:
    own = registries.get(host)
    return RegistryPlace(host=host, repository=repository, insecure=own.insecure if own else False)
