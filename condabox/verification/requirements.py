"""What ``pip check`` looks for, told by the records alone: so it holds for every architecture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from condabox.conda.envfile.markers import marker_environment
from condabox.reporting.findings import Finding, Group
from condabox.reporting.formats import counted, printable
from condabox.verification.installed import normalized

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.verification.installed import Distribution, Environment

_OF_WHEELS = "let pip's block of the environment file ask for it, and lock again"
_OF_CONDA = (
    "conda's packages need it under another name, or not at all; if not, report it to who builds "
    "the package"
)


def requirement_findings(environment: Environment, *, subdir: str) -> tuple[Finding, ...]:
    """Check that every distribution has what it requires, extras aside.

    What a wheel lacks is a problem.  For conda's packages conda's own dependencies count, and
    the metadata of projects often says something else: that is a note.
    """
    if environment.python_version is None or not environment.distributions:
        return ()
    known = _markers(environment.python_version, subdir)
    by_name = {each.name: each for each in environment.distributions}
    found = tuple(
        finding
        for one in environment.distributions
        for finding in _findings(one, by_name, known=known)
    )
    detail = f"{counted(len(by_name), 'distribution')} have what they require"
    return found or (Finding.ok(Group.CONTENTS, "requirements", detail),)


def _markers(python: str, subdir: str) -> dict[str, str]:
    return {
        **marker_environment(subdir),
        "extra": "",
        "implementation_version": python,
        "platform_release": "",
        "platform_version": "",
        "python_full_version": python,
        "python_version": ".".join(python.split(".")[:2]),
    }


def _findings(
    one: Distribution, by_name: Mapping[str, Distribution], *, known: dict[str, str]
) -> Iterator[Finding]:
    for text in one.requires:
        if (lack := _lack(text, by_name, known=known)) is None:
            continue
        detail = f"requires {printable(text)}, {lack}"
        if one.conda is None:
            yield Finding.problem(Group.CONTENTS, one.name, detail, hint=_OF_WHEELS)
        else:
            yield Finding.note(Group.CONTENTS, one.name, detail, hint=_OF_CONDA)


def _lack(text: str, by_name: Mapping[str, Distribution], *, known: dict[str, str]) -> str | None:
    """Return what is wrong with a requirement; None where it is met, or is not for here."""
    try:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate(known):
            return None
    except (InvalidRequirement, InvalidVersion, UndefinedComparison, UndefinedEnvironmentName):
        return "which cannot be understood"
    there = by_name.get(normalized(wanted.name))
    if there is None:
        return "which is not there"
    try:
        fits = wanted.specifier.contains(Version(there.version), prereleases=True)
    except InvalidVersion:
        fits = False
    return None if fits else f"and {printable(there.version)} is there"
