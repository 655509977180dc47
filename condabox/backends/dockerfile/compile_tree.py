"""Gives every Python file of an environment its byte code; run by the environment's own Python.

    python -s -S -B -W ignore compile_tree.py TREE

TREE has files of the environment, at their paths in it: the environment itself, or what is about to
be added.  Its sources get unchecked-hash byte code (PEP 552), which needs no time to be right, and
lose what their packages brought.  The bytes are the same on any day and any machine.

It stands alone, but for `bytecode_worker` beside it.
"""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

TYPE_CHECKING = False  # as typing's own, which takes long to import
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

LARGEST_SOURCE = 2 << 20
"""Larger files, in bytes, get no byte code: to compile one takes a hundred times its size."""


def main() -> None:
    """Compile with all processors."""
    library = Path(os.__file__).parent
    tree = Path(sys.argv[1], library.relative_to(sys.base_prefix))
    sources = sorted(_cleared(tree))
    count = len(os.sched_getaffinity(0))
    worker = runpy.run_path(str(Path(__file__).with_name("bytecode_worker.py")))
    children = [
        _started(worker, [(each, str(library / each.relative_to(tree))) for each in some])
        for some in [sources[first::count] for first in range(count)]
    ]
    statuses = [os.waitpid(child, 0)[1] for child in children]
    sys.exit(any(statuses))


def _cleared(tree: Path) -> Iterator[Path]:
    """Yield the sources below ``tree``; the byte code that is there for one of them goes."""
    for name, folders, files in os.walk(tree):
        folder = Path(name)
        present = {each[:-3] for each in files if each.endswith(".py")}
        for each in files:
            if each.endswith(".pyc") and each[:-4] in present:
                (folder / each).unlink()
        if "__pycache__" in folders:
            _clear(folder / "__pycache__", present)
        for stem in present:
            source = folder / f"{stem}.py"
            if not source.is_symlink() and source.stat().st_size <= LARGEST_SOURCE:
                yield source


def _clear(cache: Path, present: set[str]) -> None:
    for path in [*cache.glob("*.pyc")]:
        stem, _, level = path.name[:-4].rpartition(".opt-")
        named = stem if stem and level.isalnum() else path.name[:-4]
        if named.rpartition(".")[0] in present:
            path.unlink()
    if not any(cache.iterdir()):
        cache.rmdir()


def _started(worker: dict[str, Any], sources: Sequence[tuple[Path, str]]) -> int:
    """Start a process that compiles ``sources``, each with the path that it will have."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        for source, path in sources:
            _compile(worker, source, path)
        status = 0
    finally:
        # it must not go on as its parent does
        if status:
            sys.excepthook(*sys.exc_info())
        os._exit(status)


def _compile(worker: dict[str, Any], source: Path, path: str) -> None:
    try:
        data = worker["compile_source"](source.read_bytes(), path)
    except worker["_REFUSED"]:
        return  # as compileall does: some are for other versions of Python, or tests of its parser
    cache = source.with_name("__pycache__")
    cache.mkdir(exist_ok=True)
    (cache / f"{source.stem}.{sys.implementation.cache_tag}.pyc").write_bytes(data)


if __name__ == "__main__":
    main()
