"""Reads ``dependencies:`` of an environment file, with its pip block and platform selectors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.envfile.markers import is_of_platform, marker_environment, may_hold
from condabox.conda.envfile.match_spec import package_name
from condabox.conda.envfile.pip_requirement import marker_of, project_name, requirements
from condabox.conda.envfile.reading import FieldError, text
from condabox.decode import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from packaging.markers import Marker

    from condabox.conda.envfile.document import Document
    from condabox.conda.envfile.reading import Problems

SELECTORS: Mapping[str, frozenset[str]] = {
    "linux-64": frozenset({"linux", "linux64", "unix"}),
    "linux-aarch64": frozenset({"aarch64", "linux", "unix"}),
    "linux-ppc64le": frozenset({"linux", "ppc64le", "unix"}),
    "osx-64": frozenset({"osx", "osx64", "unix"}),
    "osx-arm64": frozenset({"arm64", "osx", "unix"}),
    "win-64": frozenset({"win", "win64"}),
}
"""Which platform selectors hold for a subdir, as in conda-lock's src_parser/selectors.py."""

_KNOWN_SELECTORS = sorted(frozenset.union(*SELECTORS.values()))
_SELECTOR = re.compile(r"#.*\[(?P<selector>[^\[\]]+)\](?P<tail>.*)$")
_PAIR = re.compile(r"-\s+[\"']?(?P<name>[\w.-]+)[\"']?\s*:\s+[\"']?(?P<version>[^\"'#\s]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One match spec or pip requirement.

    ``at`` is the dotted path of the entry in the environment file that it stands in, and ``line``
    that entry's line, from 1.  pip requirements alone have a ``marker``.
    """

    text: str
    name: str
    at: str
    line: int
    selector: str | None = None
    marker: Marker | None = None

    def applies_to(self, subdir: str) -> bool:
        """Tell whether ``subdir`` gets it, by its selector and as far as known by its marker."""
        selected = self.selector is None or self.selector in SELECTORS[subdir]
        known = marker_environment(subdir)
        return selected and (self.marker is None or may_hold(self.marker, known))


def read_dependencies(
    value: object, *, at: str, document: Document, folder: Path, problems: Problems
) -> tuple[tuple[Dependency, ...], tuple[Dependency, ...]]:
    """Return conda's and pip's dependencies; what is wrong goes to ``problems``.

    ``folder`` is the environment file's, where ``-r`` looks for requirements files.
    """
    if value is None or value == []:
        hint = "an environment has at least `- python`"
        problems.add(FieldError("names no package", at=at, hint=hint))
        return (), ()
    reader = _Reader(document=document, folder=folder, problems=problems)
    with problems.collected():
        reader.refuse_selector(at)
    entries = problems.each(value, reader.entry, at=at)
    conda = tuple(one for found, _ in entries for one in found)
    pip = tuple(one for _, found in entries for one in found)
    for found, limits in ((conda, "selectors"), (pip, "selectors, or markers of the platform,")):
        for first, second in _duplicates(found):
            lines = f"on line {first.line} and again on line {second.line}"
            hint = f"join the two, or give them {limits} that exclude each other"
            if _are_of_python(first, second):
                hint = f"Python's version is only known when all is locked: {hint}"
            problems.add(FieldError(f"{first.name} is asked for {lines}", at=at, hint=hint))
    return conda, pip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    document: Document
    folder: Path
    problems: Problems

    def entry(self, item: object, at: str) -> tuple[tuple[Dependency, ...], tuple[Dependency, ...]]:
        """Read one entry of the list: a match spec, or the pip block."""
        if not isinstance(item, dict):
            return (self.conda(item, at),), ()
        block = self.pip_block(item, at)
        found = self.problems.each(block, self.pip, at=join(at, "pip"))
        return (), tuple(one for several in found for one in several)

    def conda(self, item: object, at: str) -> Dependency:
        """Read one match spec."""
        if item is None:
            raise FieldError("is empty", at=at, hint="name a package behind the dash, or remove it")
        if not isinstance(item, str):
            raise FieldError(
                "expected the name of a package",
                at=at,
                hint="write name and version as one word: `- python=3.12`",
            )
        return Dependency(
            text=item.strip(),
            name=package_name(item, at=at),
            at=at,
            line=self._line(at),
            selector=self._selector(at),
        )

    def pip_block(self, item: Mapping[object, object], at: str) -> object:
        """Return what stands below ``pip:``."""
        if "pip" not in item or len(item) > 1:
            raise FieldError(
                "expected a string, got a mapping", at=at, hint=self._unpaired(at, equals="=")
            )
        self.refuse_selector(at)
        if not item["pip"]:
            raise FieldError(
                "pip has no requirement", at=at, hint="indent the pip block under `- pip:`"
            )
        return item["pip"]

    def pip(self, item: object, at: str) -> tuple[Dependency, ...]:
        """Read one entry of the pip block; ``-r`` makes it several."""
        if isinstance(item, dict):
            raise FieldError(
                "expected a string, got a mapping", at=at, hint=self._unpaired(at, equals="==")
            )
        selector = self._selector(at)
        return tuple(
            Dependency(
                text=requirement,
                name=project_name(requirement),
                at=at,
                line=self._line(at),
                selector=selector,
                marker=marker_of(requirement),
            )
            for requirement in requirements(text(item, at), at=at, folder=self.folder)
        )

    def refuse_selector(self, at: str) -> None:
        """Raise FieldError for a selector on a line that others hang below."""
        if self._selector(at) is not None:
            raise FieldError(
                "has a selector, but is no single dependency",
                at=at,
                hint="put a selector behind each entry that it is for",
            )

    def _line(self, at: str) -> int:
        return self.document.line(at) or 1

    def _selector(self, at: str) -> str | None:
        """Return the selector in the comment behind ``at``, refusing what conda-lock would skip."""
        found = _SELECTOR.search(self.document.line_text(at))
        if found is None:
            return None
        selector = found["selector"]
        if selector not in _KNOWN_SELECTORS:
            raise FieldError(
                f"[{selector}] is no selector, and conda-lock drops the line on every platform",
                at=at,
                hint=f"one of {', '.join(_KNOWN_SELECTORS)}; for a mere comment, do without "
                "the brackets",
            )
        if "(" in found["tail"] or ")" in found["tail"]:
            raise FieldError(
                f"conda-lock does not see [{selector}] in front of parentheses",
                at=at,
                hint=f"let the comment end with [{selector}]",
            )
        return selector

    def _unpaired(self, at: str, *, equals: str) -> str:
        """Guess what ``- python: 3.10`` should have been, from the text: 3.10 is 3.1 by now."""
        found = _PAIR.search(self.document.line_text(at))
        if found is None:
            return "write each dependency as one string; pip's stand below `- pip:`"
        operator = "" if found["version"][0] in "<>=!~" else equals
        return f"write it as `- {found['name']}{operator}{found['version']}`"


def _are_of_python(*several: Dependency) -> bool:
    """Tell whether more than the platform would have to tell ``several`` apart."""
    return all(one.marker is not None and not is_of_platform(one.marker) for one in several)


def _duplicates(found: Sequence[Dependency]) -> Iterator[tuple[Dependency, Dependency]]:
    """Yield what two entries ask for on one platform: conda-lock would forget the first."""
    seen: dict[tuple[str, str], Dependency] = {}
    for second in found:
        places = [(second.name, subdir) for subdir in SELECTORS if second.applies_to(subdir)]
        first = next((seen[place] for place in places if place in seen), None)
        if first is not None:
            yield first, second
        seen.update(dict.fromkeys(places, second))
