"""Puts the prefix where packages have a placeholder for it, in streams of any size.

The rules are those of conda and rattler: in text every occurrence is replaced; in binary files the
text that a NUL ends keeps its length, filled up with NULs.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from condabox.content import CHUNK_SIZE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_SHEBANG = 127
"""What Linux reads of a first line before version 5.1, its newline not counted."""

_MAX_FIRST_LINE = 1 << 16

_SHEBANG = re.compile(rb"#! *(?P<path>/(?:\\ |[^ \n\r\t])*)(?P<options>.*)", re.DOTALL)
_PYTHON = re.compile(rb"python(?:[0-9]+(?:\.[0-9]+)?)?")


def replace_in_text(
    chunks: Iterable[bytes], *, placeholder: bytes, prefix: bytes
) -> Iterator[bytes]:
    """Yield ``chunks`` with ``prefix`` for ``placeholder``, and a shebang that the kernel takes."""
    stream = iter(chunks)
    head = _through_first_line(stream)
    line, newline, rest = head.partition(b"\n")
    if head.startswith(b"#!") and (newline or len(head) <= _MAX_FIRST_LINE):
        yield replace_in_shebang(line, placeholder=placeholder, prefix=prefix)
        head = newline + rest
    held = b""
    for chunk in itertools.chain((head,), stream):
        *before, after = (held + chunk).split(placeholder)
        # An occurrence may begin in these last bytes and end in the next chunk.
        after, held = _split_tail(after, len(placeholder) - 1)
        yield prefix.join((*before, after))
    yield held


def replace_in_shebang(line: bytes, *, placeholder: bytes, prefix: bytes) -> bytes:
    """Return a script's first line (without newline) as it has to be in ``prefix``.

    What is longer than the kernel reads, or would contain a space, becomes a line for ``env``, or
    for Python, which must not be found by PATH, a line that is both shell and Python.
    """
    if b" " in prefix:
        if placeholder not in line:
            return line
        return _through_env(line).replace(placeholder, prefix)
    replaced = line.replace(placeholder, prefix)
    return replaced if len(replaced) <= MAX_SHEBANG else _through_env(replaced)


def replace_in_binary(
    chunks: Iterable[bytes], *, placeholder: bytes, prefix: bytes
) -> Iterator[bytes]:
    """Yield ``chunks`` with ``prefix`` for ``placeholder``, as many bytes as went in.

    ``prefix`` is not longer than ``placeholder``, which contains no NUL.
    """
    patch = _BinaryPatch(placeholder, prefix)
    for chunk in chunks:
        yield from patch.feed(chunk)
    yield from patch.finish()


class _BinaryPatch:
    """Where a binary stream stands: within a text that has to be filled up, or not."""

    def __init__(self, placeholder: bytes, prefix: bytes) -> None:
        self._placeholder = placeholder
        self._prefix = prefix
        self._held = b""
        self._inside = False
        self._missing = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        data = self._held + chunk
        position = 0
        while True:
            if not self._inside:
                start = data.find(self._placeholder, position)
                if start < 0:
                    ready, self._held = _split_tail(data[position:], len(self._placeholder) - 1)
                    yield ready
                    return
                yield data[position:start]
                position, self._inside = start, True
            end = data.find(b"\0", position)
            if end < 0:
                *before, after = data[position:].split(self._placeholder)
                after, self._held = _split_tail(after, len(self._placeholder) - 1)
                yield self._joined((*before, after))
                return
            yield self._joined(data[position:end].split(self._placeholder))
            yield from self._filling()
            position, self._inside = end, False

    def finish(self) -> Iterator[bytes]:
        yield self._held
        yield from self._filling()

    def _joined(self, parts: Iterable[bytes]) -> bytes:
        parts = tuple(parts)
        self._missing += (len(parts) - 1) * (len(self._placeholder) - len(self._prefix))
        return self._prefix.join(parts)

    def _filling(self) -> Iterator[bytes]:
        while self._missing:
            count = min(self._missing, CHUNK_SIZE)
            self._missing -= count
            yield bytes(count)


def _through_first_line(stream: Iterator[bytes]) -> bytes:
    # Reads on only where there is a shebang; a first line longer than any kernel's is just text.
    head = b""
    for chunk in stream:
        head += chunk
        is_open = head.startswith(b"#!") and b"\n" not in head and len(head) <= _MAX_FIRST_LINE
        if len(head) > 1 and not is_open:
            break
    return head


def _through_env(line: bytes) -> bytes:
    found = _SHEBANG.fullmatch(line)
    if found is None:
        return line
    path, options = found["path"], found["options"]
    program = path.rpartition(b"/")[2]
    if _PYTHON.fullmatch(program):
        return b"#!/bin/sh\n'''exec' \"" + path + b'"' + options + b' "$0" "$@" #\'\'\''
    return b"#!/usr/bin/env " + program + options


def _split_tail(data: bytes, count: int) -> tuple[bytes, bytes]:
    cut = max(len(data) - count, 0)
    return data[:cut], data[cut:]
