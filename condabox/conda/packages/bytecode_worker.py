"""Compiles Python sources that come in on standard input; run by the Python that will use them.

It runs alone under any CPython since 3.8 and imports built-in modules only, so that nothing of its
surroundings can change what it does.

A request is two frames, the source's future path and the source; a frame is its length in four
bytes, big-endian, and that many bytes.  An answer is one frame, the `.pyc` file, or `FAILED` in
place of the length.  The first frame, unasked, is the version and the cache tag.
"""

from __future__ import annotations

import _frozen_importlib_external
import _imp
import gc
import marshal
import sys

TYPE_CHECKING = False  # as typing's own, which is not built in
if TYPE_CHECKING:
    from types import CodeType

LENGTH_BYTES = 4
FAILED = b"\xff\xff\xff\xff"

_UNCHECKED_HASH = b"\x01\0\0\0"  # PEP 552: a hash, of which nobody checks whether it still fits
_SHARED = [sys.intern(text) for text in ("", *map(chr, range(256)))]
"""The strings that a process has once, interned from the start: marshal tells whether they are, and
else that would depend on whether some other source had one of them as a name (``import *``)."""

_SORTED_SETS = (3, 11)  # the first version to write sets in an order that does not depend on hashes
_CODE = type((lambda: None).__code__)
_PARTS = tuple(
    name
    for name in (
        *("co_code", "co_consts", "co_names", "co_filename", "co_name", "co_qualname"),
        *(("co_linetable",) if hasattr(_CODE, "co_linetable") else ("co_lnotab",)),
        # Since 3.11 the names of variables are one hidden tuple; these three are made on demand.
        *(("co_exceptiontable",) if sys.version_info >= (3, 11) else ()),
        *(("co_varnames", "co_freevars", "co_cellvars") if sys.version_info < (3, 11) else ()),
    )
    if hasattr(_CODE, name)
)

# Everything that `compile` raises for a source that it was not made for, MemoryError included:
# that is what old parsers say to deep nesting.
_REFUSED = (SyntaxError, ValueError, ArithmeticError, RuntimeError, MemoryError, SystemError)


def main() -> None:
    """Answer requests until standard input ends."""
    del sys.path[0]  # the folder of this file, whose modules are not Python's own
    gc.disable()  # nothing here makes cycles worth collecting
    read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
    version = ".".join(map(str, sys.version_info[:2]))
    greeting = f"{version} {sys.implementation.cache_tag}".encode()
    write(len(greeting).to_bytes(LENGTH_BYTES, "big") + greeting)
    sys.stdout.buffer.flush()
    while True:
        header = read(LENGTH_BYTES)
        if not header:
            return
        path = read(int.from_bytes(header, "big")).decode("utf-8", "surrogateescape")
        source = read(int.from_bytes(read(LENGTH_BYTES), "big"))
        try:
            pyc = compile_source(source, path)
        except _REFUSED:
            write(FAILED)
        else:
            write(len(pyc).to_bytes(LENGTH_BYTES, "big"))
            write(pyc)
        sys.stdout.buffer.flush()


def compile_source(source: bytes, path: str) -> bytes:
    """Return the unchecked-hash `.pyc` file of ``source``, whose tracebacks will say ``path``."""
    code = compile(source, path, "exec", dont_inherit=True, optimize=0)
    magic = _frozen_importlib_external.MAGIC_NUMBER
    digest = _imp.source_hash(int.from_bytes(magic, "little"), source)
    return magic + _UNCHECKED_HASH + digest + _dump(_with_own_sets(code))


def _with_own_sets(code: CodeType) -> CodeType:
    """Give each place in ``code`` a set of its own.

    Functions share equal sets, unless a string in them is one that the process has had before:
    then interning it makes a new set in each place.
    """
    constants = tuple(map(_with_own_set, code.co_consts))
    same = all(map(_is, constants, code.co_consts))
    return code if same else code.replace(co_consts=constants)


def _with_own_set(value: object) -> object:
    if isinstance(value, _CODE):
        return _with_own_sets(value)
    if isinstance(value, tuple):
        items = tuple(map(_with_own_set, value))
        return value if all(map(_is, items, value)) else items
    if isinstance(value, frozenset):
        # in an order that does not depend on that of the old one
        return frozenset(map(_with_own_set, sorted(value, key=repr)))
    return value


def _is(one: object, other: object) -> bool:
    return one is other


def _dump(code: CodeType) -> bytes:
    """Marshal ``code`` to bytes that depend on its value alone.

    marshal marks an object for later reference unless it holds the only reference to it, so the
    marks tell what else the process did.  Held here as well, everything is marked.
    """
    held: list[object] = []
    _hold(code, held)
    return marshal.dumps(code)


def _hold(value: object, held: list[object]) -> None:
    held.append(value)
    if isinstance(value, tuple):
        for item in value:
            _hold(item, held)
    elif isinstance(value, frozenset):
        if sys.version_info < _SORTED_SETS and not all(map(_has_fixed_hash, value)):
            raise ValueError("the order of this set differs from process to process")
        for item in value:
            _hold(item, held)
    elif isinstance(value, _CODE):
        for name in _PARTS:
            _hold(getattr(value, name), held)


def _has_fixed_hash(value: object) -> bool:
    """Tell whether ``value`` hashes alike in every process; None and ... do by their address."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(_has_fixed_hash, value))
    return isinstance(value, (str, bytes, int, float, complex))


if __name__ == "__main__":
    main()
