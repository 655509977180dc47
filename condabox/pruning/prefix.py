"""The prefix as it is before anything goes: which paths there are, and where links lead."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from condabox.pruning.facts import PackageFacts
    from condabox.pruning.selection import Selection

_Fact = TypeVar("_Fact")

_MOST_LINKS = 40  # as many as Linux follows on the way to one file


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A path that was to go, and what breaks without it, for people."""

    path: str
    because: str


class Requirement(Protocol):
    """One kind of things that files need of each other.

    It tells of paths in `Prefix.taken` alone, and need not tell twice of one.
    """

    def first(self) -> Iterator[Need]:
        """Tell what all that nobody takes needs."""
        ...

    def then(self, path: str) -> Iterator[Need]:
        """Tell what ``path`` needs, which was to go and stays."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Where a path leads: to ``end``, which is no link, through the links ``passed``."""

    end: str
    passed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefix:
    """All packages together.

    ``packages`` know nothing of paths that they lose to others.  ``paths`` are files and links,
    ``folders`` their names by folder.  ``taken`` are those that are to go.
    """

    packages: tuple[PackageFacts, ...]
    paths: AbstractSet[str]
    folders: Mapping[str, Sequence[str]]
    links: Mapping[str, str]
    taken: AbstractSet[str]

    @classmethod
    def of(cls, facts: Mapping[str, PackageFacts], selection: Selection) -> Prefix:
        """Put packages, given in link order, together: what several have is the last one's."""
        packages: list[PackageFacts] = []
        everything: set[str] = set()
        folders: defaultdict[str, list[str]] = defaultdict(list)
        links: dict[str, str] = {}
        taken: set[str] = set()
        for key in reversed(tuple(facts)):
            package = _without(facts[key], everything)
            taken |= selection.taken.get(key, {}).keys() - everything
            for paths in (package.sizes, package.links):
                for path in paths:
                    folder, _, name = path.rpartition("/")
                    folders[folder].append(name)
                everything.update(paths)
            links.update(package.links)
            packages.append(package)
        return cls(
            packages=tuple(packages), paths=everything, folders=folders, links=links, taken=taken
        )

    def follow(self, path: str) -> Way | None:
        """Go where ``path`` leads, as Linux does; None for out of the prefix or round in circles.

        What is at the end need not exist.
        """
        if path.startswith("/"):
            return None
        where, ahead = "", path.split("/")[::-1]
        if path in self.paths:  # and so in no folder that is a link
            if path not in self.links:
                return Way(end=path)
            where, _, name = path.rpartition("/")
            ahead = [name]
        passed: list[str] = []
        while ahead:
            part = ahead.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                if not where:
                    return None
                where = where.rpartition("/")[0]
                continue
            here = inside(where, part)
            target = self.links.get(here)
            if target is None:
                where = here
                continue
            passed.append(here)
            if len(passed) > _MOST_LINKS or target.startswith("/"):
                return None
            ahead.extend(target.split("/")[::-1])
        return Way(end=where, passed=tuple(passed))


def inside(folder: str, name: str) -> str:
    """Join the two; the prefix itself is the folder ``""``."""
    return f"{folder}/{name}" if folder else name


def readable(path: str) -> str:
    """Return ``path`` for one line of text: names of files may be of any bytes."""
    return path if path.isprintable() else ascii(path)


def _without(package: PackageFacts, lost: AbstractSet[str]) -> PackageFacts:
    if lost.isdisjoint(package.sizes) and lost.isdisjoint(package.links):
        return package
    return replace(
        package,
        sizes=_rest(package.sizes, lost),
        links=_rest(package.links, lost),
        libraries=_rest(package.libraries, lost),
        imports=_rest(package.imports, lost),
        resources=_rest(package.resources, lost),
        scripts=_rest(package.scripts, lost),
        data=_rest(package.data, lost),
    )


def _rest(facts: Mapping[str, _Fact], lost: AbstractSet[str]) -> dict[str, _Fact]:
    return {path: fact for path, fact in facts.items() if path not in lost}
