"""Proof, part 3: what links lead to, and what runs scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.pruning.prefix import Need, readable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.pruning.prefix import Prefix


class Links:
    """What links and first lines of scripts name.

    A link to a folder needs no file of it: others need what is in there, or nobody does.
    """

    def __init__(self, prefix: Prefix) -> None:
        self._prefix = prefix
        self._scripts: dict[str, str] = {}
        for package in prefix.packages:
            self._scripts.update(package.scripts)

    def first(self) -> Iterator[Need]:
        """Tell what the links and scripts that nobody takes need."""
        for path in sorted(self._prefix.links.keys() | self._scripts.keys()):
            if path not in self._prefix.taken:
                yield from self.then(path)

    def then(self, path: str) -> Iterator[Need]:
        """Tell what ``path`` leads to, or is run by."""
        if path in self._prefix.links:
            yield from self._on_the_way(path, f"{readable(path)} is a link to it")
        elif path in self._scripts:
            program = self._scripts[path]
            because = f"{readable(path)} is run by {readable(program)}"
            yield from self._on_the_way(program if "/" in program else f"bin/{program}", because)

    def _on_the_way(self, path: str, because: str) -> Iterator[Need]:
        if (way := self._prefix.follow(path)) is not None:
            for each in (*way.passed, way.end):
                if each in self._prefix.taken:
                    yield Need(path=each, because=because)
