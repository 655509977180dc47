"""What the two backends make differently, on purpose: this list, and nothing else.

`test_same_images` fails for a difference that is not in it, and for one that occurs no more.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.contract.comparing import Difference

_DIST_INFO = "*/site-packages/*.dist-info"


@dataclass(frozen=True, slots=True)
class Intended:
    """A difference that is meant to be: where, in which aspect, and why."""

    subjects: str
    aspect: str
    reason: str

    def covers(self, difference: Difference) -> bool:
        found = fnmatch.fnmatchcase(difference.subject, self.subjects)
        return found and difference.aspect == self.aspect


INTENDED = (
    Intended(
        "opt/*/conda-meta/*.json",
        "provenance",
        "micromamba tells from which mirror a package came and how it linked it; the direct "
        "backend tells the lock's URL",
    ),
    Intended(
        f"{_DIST_INFO}/INSTALLER",
        "content",
        "pip is who installed the wheel, or condabox",
    ),
    Intended(
        f"{_DIST_INFO}/REQUESTED",
        "kind",
        "pip marks what it was asked for by name (PEP 376), which is all of the lock",
    ),
    Intended(
        f"{_DIST_INFO}/direct_url.json",
        "kind",
        "pip tells the URL of what it was given by URL (PEP 610); it has no credentials",
    ),
    Intended(
        f"{_DIST_INFO}/RECORD",
        "content",
        "it lists the other three, and hashes only of what the wheel itself has them for",
    ),
    Intended(
        "opt/*/bin/*-of-wheel",
        "content",
        "pip writes its own text for entry points, and calls the interpreter python, not python3.x",
    ),
    Intended(
        "opt/*/bin/unmarked-of-wheel",
        "mode",
        "a script whose wheel was made on Windows has no x bit with pip; condabox gives it one",
    ),
    Intended(
        "label org.opencontainers.image.*",
        "kind",
        "a Dockerfile cannot take a label of its base away: it is emptied",
    ),
    Intended(
        "field ArgsEscaped",
        "kind",
        "BuildKit says it of every CMD; it means something on Windows alone",
    ),
    Intended(
        "srv/it's here",
        "kind",
        "WORKDIR makes the folder; where it is missing, engines make it when a container starts",
    ),
)


def unintended(found: Iterable[Difference], *, of: Iterable[Intended] = ()) -> list[Difference]:
    """Return the differences that nobody meant, not even ``of`` what built it."""
    meant = (*INTENDED, *of)
    return [each for each in found if not any(intended.covers(each) for intended in meant)]


def gone(found: Iterable[Difference]) -> list[Intended]:
    """Return what is meant to be different and is not, anywhere in ``found``."""
    everything = list(found)
    return [each for each in INTENDED if not any(map(each.covers, everything))]
