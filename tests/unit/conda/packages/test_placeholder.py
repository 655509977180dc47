from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from condabox.conda.packages.placeholder import (
    replace_in_binary,
    replace_in_shebang,
    replace_in_text,
)

OLD = b"/old/place"
NEW = b"/new"

pieces = st.lists(
    st.sampled_from([OLD, OLD[:4], OLD[4:], OLD[:-1], b"/", b"\0", b"\n", b"#!", b" ", b"text"])
)
contents = pieces.map(b"".join)
"""Bytes that are full of placeholders, halves of placeholders, and what ends them."""


def cut(data: bytes, widths: list[int]) -> list[bytes]:
    """Cut ``data`` into chunks of ``widths``; the last one takes what is left."""
    chunks, start = [], 0
    for width in widths:
        chunks.append(data[start : start + width])
        start += width
    return [*chunks, data[start:]]


def text_at_once(data: bytes, old: bytes, new: bytes) -> bytes:
    if data.startswith(b"#!"):
        line, newline, rest = data.partition(b"\n")
        return (
            replace_in_shebang(line, placeholder=old, prefix=new) + newline + rest.replace(old, new)
        )
    return data.replace(old, new)


def binary_at_once(data: bytes, old: bytes, new: bytes) -> bytes:
    return re.sub(
        re.escape(old) + rb"[^\0]*",
        lambda found: found[0].replace(old, new).ljust(len(found[0]), b"\0"),
        data,
    )


@given(contents, st.lists(st.integers(0, 12)))
@example(b"#!" + OLD + b"/bin/python", [1])
@example(b"#!" + b"/x" * 70 + b"\n" + OLD, [5, 140])
def test_text_does_not_depend_on_chunks(data: bytes, widths: list[int]) -> None:
    streamed = replace_in_text(cut(data, widths), placeholder=OLD, prefix=NEW)

    assert b"".join(streamed) == text_at_once(data, OLD, NEW)


@given(contents, st.lists(st.integers(0, 12)))
def test_a_longer_prefix_is_fine_in_text(data: bytes, widths: list[int]) -> None:
    prefix = OLD * 3

    streamed = replace_in_text(cut(data, widths), placeholder=OLD, prefix=prefix)

    assert b"".join(streamed) == text_at_once(data, OLD, prefix)


@given(contents, st.lists(st.integers(0, 12)))
@example(OLD + b":" + OLD + b"\0\0", [3, 9])
@example(b"x" + OLD, [1])
def test_binary_does_not_depend_on_chunks(data: bytes, widths: list[int]) -> None:
    streamed = b"".join(replace_in_binary(cut(data, widths), placeholder=OLD, prefix=NEW))

    assert streamed == binary_at_once(data, OLD, NEW)
    assert len(streamed) == len(data)


@given(contents)
def test_the_same_prefix_changes_nothing(data: bytes) -> None:
    assert b"".join(replace_in_binary([data], placeholder=OLD, prefix=OLD)) == data


@pytest.mark.parametrize("placeholder", [b"a", b"aa", b"abab"])
@given(st.lists(st.sampled_from([b"a", b"b", b"\0"])), st.lists(st.integers(0, 3)))
def test_placeholders_that_overlap_themselves(
    placeholder: bytes, letters: list[bytes], widths: list[int]
) -> None:
    data = b"".join(letters)

    text = replace_in_text(cut(data, widths), placeholder=placeholder, prefix=b"c")
    binary = replace_in_binary(cut(data, widths), placeholder=placeholder, prefix=b"c")

    assert b"".join(text) == data.replace(placeholder, b"c")
    assert b"".join(binary) == binary_at_once(data, placeholder, b"c")


def test_the_end_of_a_c_string_is_filled_up_and_the_next_one_stays() -> None:
    data = b"P=/old/place/a:/old/place/b\0next\0"

    patched = b"".join(replace_in_binary([data], placeholder=OLD, prefix=NEW))

    assert patched == b"P=/new/a:/new/b" + b"\0" * 12 + b"\0next\0"


@pytest.mark.parametrize(
    ("line", "prefix", "expected"),
    [
        (b"#!/old/place/bin/perl -w", b"/new", b"#!/new/bin/perl -w"),
        (b"#!/bin/sh", b"/new", b"#!/bin/sh"),
        (b"#!/bin/sh", b"/with space", b"#!/bin/sh"),
        (b"#!/old/place/bin/perl -w", b"/with space", b"#!/usr/bin/env perl -w"),
        (
            b"#!/old/place/bin/python3.12 -E",
            b"/with space",
            b"#!/bin/sh\n'''exec' \"/with space/bin/python3.12\" -E \"$0\" \"$@\" #'''",
        ),
        (b"#!/old/place/bin/perl", b"/" + b"x" * 200, b"#!/usr/bin/env perl"),
        (b"#! /old/place/bin/my\\ tool -a", b"/" + b"x" * 200, b"#!/usr/bin/env my\\ tool -a"),
        (
            b"#!/old/place/bin/python",
            b"/" + b"x" * 200,
            b"#!/bin/sh\n'''exec' \"/" + b"x" * 200 + b'/bin/python" "$0" "$@" #\'\'\'',
        ),
        (
            b"#!/old/place/bin/python3-config",
            b"/" + b"x" * 200,
            b"#!/usr/bin/env python3-config",
        ),
        (b"#!/old/place/bin/caf\xe9 \xff", b"/new", b"#!/new/bin/caf\xe9 \xff"),
        (b"#!old/place" + b"x" * 200, b"/new", b"#!old/place" + b"x" * 200),
    ],
)
def test_shebangs_are_what_the_kernel_takes(line: bytes, prefix: bytes, expected: bytes) -> None:
    assert replace_in_shebang(line, placeholder=OLD, prefix=prefix) == expected


@pytest.mark.parametrize(("length", "is_kept"), [(127, True), (128, False)])
def test_linux_reads_127_bytes_of_a_shebang(length: int, *, is_kept: bool) -> None:
    prefix = b"/" + b"x" * (length - len(b"#!//bin/perl"))

    line = replace_in_shebang(b"#!/old/place/bin/perl", placeholder=OLD, prefix=prefix)

    assert (line == b"#!" + prefix + b"/bin/perl") is is_kept


def test_a_first_line_without_end_is_text() -> None:
    data = b"#!" + b"x" * 100_000 + OLD

    patched = b"".join(replace_in_text(cut(data, [50_000]), placeholder=OLD, prefix=NEW))

    assert patched == data.replace(OLD, NEW)
