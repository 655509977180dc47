"""Layers laid over each other: what a container sees, and what of each layer it does not.

Layers are changesets, as image-spec layer.md says.  Nothing is refused here: an image that no
engine would unpack can be reported, too.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.inspection.layer_contents import LayerContents

_MOST_LINKS = 40
"""Symbolic links that are followed for one path, as many as Linux follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What comes of an image's layers together.

    Paths are those that the links in their folders lead to.  Layers are called by their places.
    """

    written: Sequence[Mapping[str, int]]
    """For each layer the files that it has, with their sizes."""
    removed: Sequence[frozenset[str]]
    """For each layer the files of lower ones that are no files any more."""
    files: Mapping[str, int]
    """What a container sees, with the layer that has it."""
    digests: Mapping[str, str]
    """Of those files that are large enough to have one."""
    hardlinks: Mapping[str, str]
    paths: Paths


@dataclass(frozen=True, slots=True)
class Paths:
    """Follows the symbolic links of an image; those that lead nowhere are not followed."""

    links: Mapping[str, str]
    _known: dict[str, str] = field(default_factory=dict)

    def real(self, path: str) -> str:
        """Return where ``path`` is; a link is where it is itself, and not what it leads to."""
        folder, _, name = path.rpartition("/")
        if folder not in self._known:
            self._known[folder] = self._followed(folder)
        return posixpath.join(self._known[folder], name)

    def folder(self, path: str) -> str:
        """Return the folder that ``path`` leads to."""
        return self._followed(path)

    def _followed(self, folder: str) -> str:
        waiting = folder.split("/")[::-1] if folder else []
        real: list[str] = []
        links = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                real = real[:-1]
                continue
            if part in {"", "."}:
                continue
            real.append(part)
            target = self.links.get("/".join(real))
            if target is None:
                continue
            links += 1
            if links > _MOST_LINKS:
                return folder
            real = [] if target.startswith("/") else real[:-1]
            waiting.extend(target.split("/")[::-1])
        return "/".join(real)


def stacked(layers: Iterable[LayerContents]) -> Stack:
    """Lay ``layers`` over each other, the bottom one first."""
    stacking = _Stacking()
    for layer in layers:
        stacking.add(layer)
    return Stack(
        written=stacking.written,
        removed=[frozenset(each) for each in stacking.removed],
        files=stacking.files,
        digests={
            path: digests[path]
            for path, layer in stacking.files.items()
            if path in (digests := stacking.digests[layer])
        },
        hardlinks=stacking.hardlinks,
        paths=Paths(stacking.links),
    )


class _Stacking:
    """The image as far as it was put together."""

    def __init__(self) -> None:
        self.written: list[dict[str, int]] = []
        self.removed: list[set[str]] = []
        self.digests: list[dict[str, str]] = []
        self.files: dict[str, int] = {}
        self.links: dict[str, str] = {}
        self.hardlinks: dict[str, str] = {}
        self._inside: dict[str, set[str]] = {"": set()}
        """The names in each directory."""

    def add(self, layer: LayerContents) -> None:
        """Lay one more layer on top; what it hides comes before what it has."""
        self.written.append({})
        self.removed.append(set())
        self.digests.append({})
        paths = Paths(self.links)
        for path in sorted(layer.emptied):
            folder = paths.folder(path)
            self._make(folder)
            for name in self._inside[folder].copy():
                self._drop(posixpath.join(folder, name))
        for path in sorted(layer.removed):
            real = paths.real(path)
            self._make(real.rpartition("/")[0])
            self._drop(real)
        for path, target in sorted(layer.symlinks.items()):
            real = Paths(self.links).real(path)
            self._place(real)
            self.links[real] = target
        paths = Paths(self.links)
        for path in sorted(layer.directories):
            self._make(paths.real(path))
        for path, target in layer.hardlinks.items():
            real = paths.real(path)
            self._place(real)
            self.hardlinks[real] = paths.real(target)
        for path, size in layer.files.items():
            self._add_file(paths.real(path), size, layer.digests.get(path))

    def _add_file(self, path: str, size: int, digest: str | None) -> None:
        number = len(self.written) - 1
        if path not in self.files:
            self._place(path)
        self.files[path] = number
        self.written[number][path] = size
        if digest is not None:
            self.digests[number][path] = digest

    def _place(self, path: str) -> None:
        """Make room for something at ``path`` that is not a directory."""
        folder, _, name = path.rpartition("/")
        self._make(folder)
        if name in self._inside[folder]:
            self._drop(path)
        self._inside[folder].add(name)

    def _make(self, folder: str) -> None:
        """Let ``folder``, and all that it is in, be directories."""
        missing = []
        while folder not in self._inside:
            missing.append(folder)
            folder = folder.rpartition("/")[0]
        for path in reversed(missing):
            self._drop(path)
            above, _, name = path.rpartition("/")
            self._inside[path] = set()
            self._inside[above].add(name)

    def _drop(self, path: str) -> None:
        """Take out what is at ``path``, and all below it."""
        folder, _, name = path.rpartition("/")
        self._inside.get(folder, set()).discard(name)
        number = len(self.written) - 1
        waiting = [path]
        while waiting:
            each = waiting.pop()
            layer = self.files.pop(each, number)
            if layer < number:
                self.removed[number].add(each)
            self.links.pop(each, None)
            self.hardlinks.pop(each, None)
            waiting.extend(f"{each}/{name}" for name in self._inside.pop(each, ()))
