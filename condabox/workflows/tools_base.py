"""Whether the tools of development run on the base of an environment, as far as names tell."""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING

from condabox.conda.channels.virtual_packages import (
    CONSERVATIVE_GLIBC,
    glibc_of,
    known_glibc_of,
    virtual_packages,
)
from condabox.conda.lockfiles.version_order import compare_versions
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.events import Reporter
    from condabox.workflows.build_source import BuildSource

_GLIBC = "__glibc"


def check_libc(
    source: BuildSource, tools: BuildSource, bases: Mapping[str, str], *, reporter: Reporter
) -> None:
    """Raise SpecError where ``tools`` were chosen for a newer C library than their base has.

    ``bases`` are the images, by subdir, that the environment ``source`` is built on.  Of one that
    is not known by its name that is no more than a warning.
    """
    warnings: dict[str, None] = {}
    for subdir, base in bases.items():
        wanted, has = _wanted(tools, subdir), _present(source, subdir, base)
        if wanted is None or compare_versions(wanted, has) <= 0:
            continue
        hint = (
            f'let {tools.path} say `virtual-packages: {{linux: {{{_GLIBC}: "{has}"}}}}` below '
            f"`condabox:`, and run `condabox lock {tools.path}`"
        )
        chosen = f"{tools.path}: the tools were chosen for glibc {wanted}"
        if known_glibc_of(base) is None and has == CONSERVATIVE_GLIBC:
            unknown = f"nobody knows what {base} has, which {source.path} is built on"
            warnings[f"{chosen}, and {unknown}: {hint}"] = None
        else:
            raise SpecError(
                f"{chosen}, and {base}, which {source.path} is built on, has {has}", hint=hint
            )
    for text in warnings:
        reporter.warning(text)


def _wanted(tools: BuildSource, subdir: str) -> str | None:
    inputs = tools.lock.inputs.get(subdir)
    return _version(inputs.virtual_packages) if inputs else None


def _present(source: BuildSource, subdir: str, base: str) -> str:
    """Return what ``base`` has, by its name or by what the environment file says of it."""
    overrides = source.image.virtual_packages
    told = _version(virtual_packages(subdir, base=base, cuda=None, overrides=overrides))
    return max(glibc_of(base), told or "", key=cmp_to_key(compare_versions))


def _version(packages: Mapping[str, str]) -> str | None:
    """Return the version of the C library, without its build."""
    found = packages.get(_GLIBC)
    return found.partition(" ")[0] if found else None
