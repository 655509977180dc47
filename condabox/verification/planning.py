"""From what is installed to what is tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from condabox.reporting.findings import Group
from condabox.verification.archived import installed_in_site, left_out_modules
from condabox.verification.checks import command_check, import_check, script_check
from condabox.verification.installed import normalized
from condabox.verification.modules import modules_of, sites_of
from condabox.verification.wanted import first_word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.conda.envfile.section import TestSection
    from condabox.verification.archived import Archived
    from condabox.verification.checks import Check
    from condabox.verification.contents import ImageContents
    from condabox.verification.installed import CondaRecord, Distribution, Environment
    from condabox.verification.wanted import Wanted

_EXTRA = re.compile(r"\bextra\s*==")
_DYNLOAD = re.compile(r"(.*)/lib-dynload/")
_LONGEST_SCRIPT = 30.0
"""Seconds: a program that tells of itself later than this does something else instead."""


def environment_checks(
    environment: Environment,
    wanted: Wanted,
    archived: Mapping[str, Archived],
    *,
    contents: ImageContents,
    seconds: float,
) -> tuple[Check, ...]:
    """Return what is tried of the packages in one prefix, none of it longer than ``seconds``.

    Those that are ``wanted`` are imported, and their programs started.  Of what the own tests of
    those that are ``archived`` import, only the package's own modules count, and none of them that
    was left out.
    """
    return (
        *_imports(environment, wanted, seconds=seconds),
        *_scripts(environment, wanted, contents=contents, seconds=min(seconds, _LONGEST_SCRIPT)),
        *_own_tests(environment, archived, seconds=seconds),
    )


def test_checks(
    test: TestSection, *, python: str | None, has_shell: bool, seconds: float
) -> tuple[Check, ...]:
    """Return what the environment file's ``test:`` asks for."""
    imports = (
        import_check(
            Group.TESTS, name, (name,), python=python or "python", seconds=seconds, folder=None
        )
        for name in test.imports
    )
    commands = (command_check(each, has_shell=has_shell, seconds=seconds) for each in test.commands)
    return (*imports, *commands)


def _imports(environment: Environment, wanted: Wanted, *, seconds: float) -> Iterator[Check]:
    if environment.python is None:
        return
    for package in _chosen(environment, wanted):
        if modules := _modules(environment, package):
            yield import_check(
                Group.IMPORTS, package.name, modules, python=environment.python, seconds=seconds
            )


def _chosen(environment: Environment, wanted: Wanted) -> tuple[CondaRecord | Distribution, ...]:
    records = (each for each in environment.records if each.name in wanted.conda)
    wheels = (
        each
        for each in environment.distributions
        if each.conda is None and each.name in wanted.wheels
    )
    return (*records, *wheels)


def _modules(environment: Environment, package: CondaRecord | Distribution) -> tuple[str, ...]:
    # metadata may be gone, and modules still be there
    sites = sites_of(package.files) | {each.site for each in environment.distributions}
    # Python's own modules that are libraries, and need others
    sites |= {f"{found[1]}/lib-dynload" for found in map(_DYNLOAD.match, package.files) if found}
    return tuple(
        module for site in sorted(sites) for module in modules_of(package.files, site=site)
    )


def _scripts(
    environment: Environment, wanted: Wanted, *, contents: ImageContents, seconds: float
) -> Iterator[Check]:
    folder = f"{environment.prefix}/bin".lstrip("/")
    names = {
        name
        for one in environment.distributions
        if (one.conda in wanted.conda if one.conda else one.name in wanted.wheels)
        for name in one.scripts
    }
    # a program that is no Python's is mostly called like its package: curl, git, node
    names |= {
        each.name
        for each in environment.records
        if each.name in wanted.conda and f"{folder}/{each.name}" in each.files
    }
    for name in sorted(names):
        if contents.is_program(f"{folder}/{name}"):
            yield script_check(name, f"{folder}/{name}", seconds=seconds)


def _own_tests(
    environment: Environment, archived: Mapping[str, Archived], *, seconds: float
) -> Iterator[Check]:
    if environment.python is None:
        return
    there = installed_in_site(environment)
    for record in environment.records:
        if (archive := archived.get(record.name)) is None:
            continue
        own, gone = _modules(environment, record), left_out_modules(archive, there)
        modules = tuple(
            module
            for module in archive.imports
            if module not in gone and any(f"{module}.".startswith(f"{each}.") for each in own)
        )
        if modules:
            yield import_check(
                Group.PACKAGE_TESTS,
                record.name,
                modules,
                python=environment.python,
                seconds=seconds,
                optional=_extras(environment, record),
            )


def _extras(environment: Environment, record: CondaRecord) -> frozenset[str]:
    """Return the projects that a package names for its extras, and for nothing else."""
    told = [
        text
        for one in environment.distributions
        if one.conda == record.name
        for text in one.requires
    ]
    extras = {text for text in told if _EXTRA.search(text.partition(";")[2])}
    needed = {normalized(first_word(text)) for text in told if text not in extras}
    return frozenset(normalized(first_word(text)) for text in extras) - needed
