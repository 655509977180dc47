"""What the archives of conda's packages have, and the image does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.reporting.findings import Finding, Group
from condabox.reporting.formats import printable
from condabox.verification.checks import listed
from condabox.verification.modules import sites_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from condabox.verification.installed import Environment
    from condabox.verification.wanted import Wanted

_IN_SITE = re.compile(r"(?:(?:.*/)?lib/[^/]+/)?site-packages/(.+)")
"""noarch packages have no folder of a Python's version yet."""
_METADATA = re.compile(
    r"[^/]+\.(?:dist-info/(?:METADATA|entry_points\.txt)"
    r"|egg-info(?:/(?:PKG-INFO|entry_points\.txt))?)"
)
_MODULE = re.compile(
    r"(?P<name>[^.]+?)(?:/__init__)?(?:\.py|(?:\.(?:cpython|pypy|abi)[\w-]*)?\.so)"
)
_SOME_SITE = re.compile(r"(.*/(?:site|dist)-packages)/")
_SOURCES = (".py", ".so")


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """What an archive tells of a package before anything is left out.

    ``imports`` are the modules that its own tests import.  ``files`` are those below
    ``site-packages``, relative to that.
    """

    imports: tuple[str, ...]
    files: frozenset[str]


def in_site(paths: Iterable[str]) -> frozenset[str]:
    """Return those of ``paths`` that are below ``site-packages``, relative to it."""
    return frozenset(found[1] for found in map(_IN_SITE.fullmatch, paths) if found)


def installed_in_site(environment: Environment) -> frozenset[str]:
    """Return what records list below ``site-packages``: a file of two packages one of them has."""
    records = (path for each in environment.records for path in each.files)
    distributions = (path for each in environment.distributions for path in each.files)
    return in_site((*records, *distributions))


def left_out_modules(archived: Archived, there: frozenset[str]) -> tuple[str, ...]:
    """Return what a package's own tests import, and what is not among the files that are there."""
    gone = _modules(archived.files - there) - _modules(archived.files & there)
    return tuple(each for each in archived.imports if each in gone)


def left_out_findings(
    environment: Environment, archived: Mapping[str, Archived]
) -> Iterator[Finding]:
    """Tell what was left out of packages, as far as Python or their own tests would miss it.

    Modules that only tests import are left out on purpose.  Metadata never is, unless the
    environment file asks for it, and then nothing finds the package's version or entry points.
    """
    there = installed_in_site(environment)
    for record in environment.records:
        if (archive := archived.get(record.name)) is None:
            continue
        if modules := left_out_modules(archive, there):
            yield Finding.note(
                Group.PACKAGE_TESTS,
                record.name,
                f"import {listed(modules)}: left out by pruning",
                hint="`prune: {keep: …}` of the environment file keeps what your program needs",
            )
        gone = sorted(filter(_METADATA.fullmatch, archive.files - there))
        if gone:
            detail = (
                f"its {printable(', '.join(gone))} was left out: Python does not know of it, or of "
                "its entry points"
            )
            hint = "`prune: {drop: …}` of the environment file should leave metadata alone"
            yield Finding.problem(Group.CONTENTS, record.name, detail, hint=hint)


def unreachable_findings(environment: Environment, wanted: Wanted) -> Iterator[Finding]:
    """Tell of wanted packages whose modules are in a folder where Python does not look."""
    for record in environment.records:
        if record.name not in wanted.conda or sites_of(record.files):
            continue
        modules = (each for each in record.files if each.endswith(_SOURCES))
        if folders := {found[1] for found in map(_SOME_SITE.match, modules) if found}:
            places = ", ".join(f"/{each}" for each in sorted(folders))
            detail = f"nothing of it is imported: its modules are in {printable(places)}"
            hint = "import it by hand, in `test:` of the environment file"
            yield Finding.note(Group.IMPORTS, record.name, detail, hint=hint)


def _modules(files: Iterable[str]) -> frozenset[str]:
    """Return the modules that ``files``, relative to site-packages, are."""
    found = map(_MODULE.fullmatch, files)
    return frozenset(each["name"].replace("/", ".") for each in found if each)
