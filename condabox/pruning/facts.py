"""What a proof must know of a package: who needs whom, by paths and names alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from condabox.decode import (
    DecodeError,
    each,
    join,
    mapping,
    optional,
    required,
    sequence,
    string_mapping,
    strings,
    typed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from condabox.decode import JSON

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfFacts:
    """What the dynamic linker reads of an ELF file.

    ``runpath`` has the folders of its RUNPATH, or of its RPATH where it has no other.  Those in the
    prefix begin with ``$ORIGIN``, all others are as written.  ``machine`` is ``EM_X86_64`` or
    another of the gABI's names, or the number of one without.
    """

    soname: str | None
    needed: tuple[str, ...]
    runpath: tuple[str, ...]
    machine: str

    def to_json(self) -> dict[str, object]:
        """Return the document that `from_json` reads."""
        return {
            "soname": self.soname,
            "needed": list(self.needed),
            "runpath": list(self.runpath),
            "machine": self.machine,
        }

    @classmethod
    def from_json(cls, obj: object, *, at: str = "") -> ElfFacts:
        """Read what `to_json` returned; raise DecodeError when it is something else."""
        fields: JSON = mapping(obj, at=at)
        return cls(
            soname=optional(fields, "soname", str, at=at),
            needed=strings(fields.get("needed"), at=join(at, "needed")),
            runpath=strings(fields.get("runpath"), at=join(at, "runpath")),
            machine=required(fields, "machine", str, at=at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFacts:
    """The facts of one package, for one minor version of Python and any prefix.

    All paths are final and relative to the prefix.  ``sizes`` has the bytes of every file as the
    archive has it, and of the scripts that entry points become; ``links`` what symbolic links say.
    ``libraries`` are the ELF files.

    ``imports`` has the absolute names that a Python file may import, in order.  Who imports ``a.b``
    imports ``a`` before, and the last parts may be no modules: ``from a import b`` is ``a.b``.
    ``resources`` has the packages whose data a file reads, ``entry_points`` the modules that any
    entry point names.

    ``data`` has the folders of tests that a file names where it reads files: ``a/tests`` is one in
    the package ``a``, and need not exist.

    ``scripts`` tells of files in ``bin/`` who runs them: a path in the prefix (``bin/python3.12``),
    one outside of it (``/bin/sh``), or a name that ``env`` looks up on PATH (``python3``).
    """

    sizes: Mapping[str, int]
    links: Mapping[str, str]
    libraries: Mapping[str, ElfFacts]
    imports: Mapping[str, tuple[str, ...]]
    resources: Mapping[str, tuple[str, ...]]
    entry_points: tuple[str, ...]
    scripts: Mapping[str, str]
    data: Mapping[str, tuple[str, ...]]

    def to_json(self) -> dict[str, object]:
        """Return the document that `from_json` reads; what folders and names share is there once.

        Sizes are in the order of files, and imports are numbers of names.
        """
        files = _split(self.sizes, "/")
        names = _split(chain.from_iterable(self.imports.values()), ".")
        numbers = {name: number for number, name in enumerate(_joined(names, ".", at="names"))}
        return {
            "files": files,
            "sizes": [self.sizes[path] for path in _joined(files, "/", at="files")],
            "links": dict(self.links),
            "libraries": {path: library.to_json() for path, library in self.libraries.items()},
            "names": names,
            "imports": {
                path: [numbers[name] for name in imported]
                for path, imported in self.imports.items()
            },
            "resources": {path: list(packages) for path, packages in self.resources.items()},
            "entry_points": list(self.entry_points),
            "scripts": dict(self.scripts),
            "data": {path: list(folders) for path, folders in self.data.items()},
        }

    @classmethod
    def from_json(cls, obj: object, *, at: str = "") -> PackageFacts:
        """Read what `to_json` returned; raise DecodeError when it is something else."""
        fields: JSON = mapping(obj, at=at)

        def by_path(key: str, read: Callable[[object, str], _T]) -> dict[str, _T]:
            where = join(at, key)
            found = mapping(fields.get(key), at=where)
            return {path: read(fact, join(where, path)) for path, fact in found.items()}

        files = _joined(fields.get("files"), "/", at=join(at, "files"))
        names = _joined(fields.get("names"), ".", at=join(at, "names"))
        return cls(
            sizes=_sizes(fields.get("sizes"), files, at=join(at, "sizes")),
            links=string_mapping(fields.get("links"), at=join(at, "links")),
            libraries=by_path("libraries", lambda fact, where: ElfFacts.from_json(fact, at=where)),
            imports=by_path("imports", lambda fact, where: _numbered(fact, names, at=where)),
            resources=by_path("resources", lambda fact, where: strings(fact, at=where)),
            entry_points=strings(fields.get("entry_points"), at=join(at, "entry_points")),
            scripts=string_mapping(fields.get("scripts"), at=join(at, "scripts")),
            data=by_path("data", lambda fact, where: strings(fact, at=where)),
        )


def _split(texts: Iterable[str], separator: str) -> dict[str, list[str]]:
    """Return the last parts of ``texts`` by what is before them, each once and sorted."""
    split: dict[str, list[str]] = {}
    for before, _, last in sorted({text.rpartition(separator) for text in texts}):
        split.setdefault(before, []).append(last)
    return split


def _joined(value: object, separator: str, *, at: str) -> list[str]:
    """Return the texts that `_split` took apart, in the same order."""
    return [
        f"{before}{separator}{last}" if before else last
        for before, parts in mapping(value, at=at).items()
        for last in strings(parts, at=join(at, before))
    ]


def _sizes(value: object, files: Sequence[str], *, at: str) -> dict[str, int]:
    sizes = each(value, lambda item, where: typed(item, int, at=where), at=at)
    if len(sizes) != len(files):
        raise DecodeError(f"there are {len(sizes)} for {len(files)} files", at=at)
    return dict(zip(files, sizes, strict=True))


def _numbered(value: object, names: Sequence[str], *, at: str) -> tuple[str, ...]:
    """Return those of ``names`` whose numbers are the list ``value``."""
    found = []
    for number in sequence(value, at=at):
        if type(number) is not int or not 0 <= number < len(names):
            raise DecodeError(f"{number!r} is not the number of a name", at=at)
        found.append(names[number])
    return tuple(found)
