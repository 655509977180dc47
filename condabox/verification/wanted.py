"""Which packages the user asked for: by the environment file, or as far as an image tells it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.verification.installed import normalized

if TYPE_CHECKING:
    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.verification.installed import Environment

_FIRST_WORD = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Names of conda's packages, and of wheels as PEP 503 writes them."""

    conda: frozenset[str]
    wheels: frozenset[str]


def wanted_by_spec(spec: EnvironmentSpec, subdir: str) -> Wanted:
    """Return what the environment file names for ``subdir``, development aside."""
    return Wanted(
        conda=frozenset(each.name for each in spec.dependencies if each.applies_to(subdir)),
        wheels=frozenset(normalized(each.name) for each in spec.pip if each.applies_to(subdir)),
    )


def wanted_in(environment: Environment) -> Wanted:
    """Return what installers noted as asked for; without a note, what nothing else needs."""
    conda = {each.name for each in environment.records if each.requested}
    own = [each for each in environment.distributions if each.conda is None]
    wheels = {each.name for each in own if each.requested}
    if not conda and not wheels:
        needed = _needed(environment)
        conda = {each.name for each in environment.records} - needed
        wheels = {each.name for each in own} - needed
    return Wanted(conda=frozenset(conda), wheels=frozenset(wheels))


def _needed(environment: Environment) -> set[str]:
    """Return the names that some other package depends on."""
    brought_by = {each.name: each.conda or each.name for each in environment.distributions}
    needed = set[str]()
    for record in environment.records:
        needed |= {first_word(each) for each in record.depends} - {record.name}
    for one in environment.distributions:
        names = {normalized(first_word(each)) for each in one.requires if "extra ==" not in each}
        needed |= {brought_by.get(name, name) for name in names} - {one.conda or one.name}
    return needed


def first_word(text: str) -> str:
    """Return the name that a match spec or a requirement begins with."""
    found = _FIRST_WORD.match(text)
    return found[0] if found else ""
