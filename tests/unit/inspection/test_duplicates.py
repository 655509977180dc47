"""The same thing at several places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.inspection.duplicates import duplicates_of, soname_of
from condabox.inspection.report import DuplicateReport
from condabox.inspection.stack import stacked
from tests.fakes.contents import contents
from tests.fakes.tars import hardlink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.tars import Entry

ONE = b"1" * 100_000
TWO = b"2" * 120_000
SMALL = b"3" * 100


def duplicates(*layers: Sequence[Entry], base: range = range(0)) -> tuple[DuplicateReport, ...]:
    stack = stacked(contents(*each) for each in layers)
    return duplicates_of(stack, base=base)


def test_the_same_content_at_several_paths() -> None:
    found = duplicates([("x/a", ONE), ("y/b", ONE), ("c", TWO)], [("z/c", ONE)], base=range(1))

    assert found == (
        DuplicateReport(
            kind="content",
            what="a",
            paths=("/x/a", "/y/b", "/z/c"),
            wasted=200_000,
            in_base=True,
        ),
    )


def test_what_is_small_hidden_or_linked_is_not_told() -> None:
    assert duplicates([("a", SMALL), ("b", SMALL)]) == ()
    assert duplicates([("a", ONE)], [("a", ONE)]) == ()
    assert duplicates([("a", ONE), hardlink("b", "a")]) == ()


def test_the_same_library_in_the_base_and_in_a_wheel() -> None:
    found = duplicates(
        [("usr/lib/libgomp.so.1.0.0", ONE)],
        [("opt/env/x.libs/libgomp-0123abcd.so.1.0.0", TWO), ("opt/env/lib/libz.so.1", TWO)],
        base=range(1),
    )

    libraries = [each for each in found if each.kind == "library"]
    assert libraries == [
        DuplicateReport(
            kind="library",
            what="libgomp.so.1",
            paths=("/opt/env/x.libs/libgomp-0123abcd.so.1.0.0", "/usr/lib/libgomp.so.1.0.0"),
            wasted=100_000,
            in_base=True,
        )
    ]


def test_the_same_library_of_the_same_content_is_told_once() -> None:
    found = duplicates([("a/libz.so.1", ONE), ("b/libz.so.1", ONE)])

    assert [each.kind for each in found] == ["content"]


def test_libraries_for_other_processors_are_meant_to_be_there() -> None:
    paths = ("lib/libc.so.6", "lib/glibc-hwcaps/x86-64-v3/libc.so.6")

    assert duplicates([(paths[0], ONE), (paths[1], TWO)]) == ()


@pytest.mark.parametrize(
    ("path", "soname"),
    [
        ("lib/libz.so.1.3.1", "libz.so.1"),
        ("lib/libz.so.1", "libz.so.1"),
        ("x.libs/libz-0123abcd.so.1.3.1", "libz.so.1"),
        ("numpy.libs/libgfortran-040039e1-0352e75f.so.5.0.0", "libgfortran.so.5"),
        ("numpy.libs/libopenblas-0123abcd.so", "libopenblas.so"),
        ("lib/libstdc++.so.6.0.33", "libstdc++.so.6"),
        ("lib/libtorch.so", None),
        ("lib/_umath.cpython-312.so", None),
        ("lib/libz.so.1.py", None),
        ("lib/libz.a", None),
    ],
)
def test_names_of_libraries(path: str, soname: str | None) -> None:
    assert soname_of(path) == soname
