"""What the application needs of packages: its own files, and what starts it and tests it."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING

from condabox.appfiles import AppFile
from condabox.backends.top_layer import PathContent
from condabox.pruning.facts import PackageFacts
from condabox.pruning.observe import is_program
from condabox.pruning.sources import absolute, around, read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from condabox.appfiles import AppEntry
    from condabox.conda.envfile.section import ImageSection
    from condabox.pruning.sources import Source

TESTS = "condabox.test"
"""Stands for a file's path where the environment file names imports."""

WORDS = "condabox.cmd"
"""The same, where commands of the environment file name modules."""

_SOURCES = (".py", ".pyw")
_NOTEBOOK = ".ipynb"

# ``-m a.b``, ``-ma.b``, ``a.b:app`` and what stands in a program's text, but no part of a path.
_MODULE = re.compile(r"(?<![\w./=-])(?:-m\s*)?([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?![\w./-])")


def observe_application(entries: Sequence[AppEntry], *, image: ImageSection) -> PackageFacts:
    """Return the facts of what belongs to no package; ImageError where a file cannot be read."""
    files = [entry for entry in entries if isinstance(entry, AppFile)]
    sources = {f"/{file.path}": source for file in files if (source := _read(file)) is not None}
    imports = {
        TESTS: image.test.imports,
        WORDS: tuple(sorted(_named(image))),
        **{path: absolute(source.imports, package=None) for path, source in sources.items()},
    }
    resources = {path: absolute(source.resources, package=None) for path, source in sources.items()}
    data = {path: around(source, package=None) for path, source in sources.items()}
    return PackageFacts(
        sizes={},
        links={},
        libraries={},
        imports={path: names for path, names in sorted(imports.items()) if names},
        resources={path: names for path, names in sorted(resources.items()) if names},
        entry_points=(),
        scripts={},
        data={path: folders for path, folders in sorted(data.items()) if folders},
    )


def _read(file: AppFile) -> Source | None:
    """Read a source, a program of Python's or a notebook; return None for other files."""
    chunks = PathContent(path=file.source, size=file.size).chunks()
    if file.path.endswith(_NOTEBOOK):
        return read_source([_code(b"".join(chunks))])
    first = next(chunks, b"")
    if file.path.endswith(_SOURCES) or is_program(first):
        return read_source(chain((first,), chunks))
    return None


def _code(notebook: bytes) -> bytes:
    """Return the code of a notebook (nbformat 4); a broken one has none."""
    try:
        document = json.loads(notebook)
    except (ValueError, RecursionError):
        return b""
    cells = document.get("cells") if isinstance(document, dict) else None
    return "\n".join(
        chain.from_iterable(map(_lines, cells if isinstance(cells, list) else ()))
    ).encode(errors="replace")


def _lines(cell: object) -> Iterator[str]:
    if not isinstance(cell, dict) or cell.get("cell_type") != "code":
        return
    source = cell.get("source")
    lines: Iterable[object] = source if isinstance(source, list) else (source,)
    yield from (line for line in lines if isinstance(line, str))


def _named(image: ImageSection) -> Iterator[str]:
    """Yield what may be names of modules in the commands of ``image``, and what ``-m`` runs."""
    health = image.healthcheck
    words = (
        *(image.entrypoint or ()),
        *(image.cmd or ()),
        *(health.cmd if health is not None else ()),
        *image.test.commands,
    )
    for text in (" ".join(words), *words):
        for name in _MODULE.findall(text):
            yield from (name, f"{name}.__main__")
