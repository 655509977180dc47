"""People name files as they see them: in the image, in the prefix, or half."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.pruning.lookup import Found, look_up

PREFIX = "/opt/env"
PATHS = frozenset(
    {
        *("bin/python", "lib/libz.so.1", "lib/libz.so.1.3", "lib/a[1].txt"),
        *("lib/python3.12/os.py", "lib/python3.12/site-packages/numpy/tests/test_a.py"),
        *("lib/python3.12/site-packages/numpy/only.pyc", "share/empty"),
    }
)


def found(text: str) -> Found:
    return look_up(text, PATHS, prefix=PREFIX)


@pytest.mark.parametrize(
    "text",
    [
        "bin/python",
        "/opt/env/bin/python",
        "./bin//python",
        "lib/../bin/python",
        "//opt/env/bin/python",
    ],
)
def test_a_file_is_relative_to_the_prefix_or_absolute(text: str) -> None:
    assert found(text) == Found(paths=("bin/python",))


@pytest.mark.parametrize("text", ["/bin/python", "/", "../x", "/opt/envoy/bin/python", "/app/a.py"])
def test_what_is_not_in_the_prefix_is_outside(text: str) -> None:
    assert found(text) == Found(outside=True)


def test_a_folder_is_all_that_is_below() -> None:
    site = "lib/python3.12/site-packages"
    both = (f"{site}/numpy/only.pyc", f"{site}/numpy/tests/test_a.py")

    assert found(f"{site}/") == Found(paths=both, is_several=True)
    assert found("/opt/env") == found(".") == Found(paths=tuple(sorted(PATHS)), is_several=True)


def test_a_glob_is_all_that_it_matches() -> None:
    assert found("lib/*.so.*").paths == ("lib/libz.so.1", "lib/libz.so.1.3")
    assert found("/opt/env/**/os.py").paths == ("lib/python3.12/os.py",)
    assert found("*.a") == Found(is_several=True)


def test_a_name_with_wildcards_means_itself_first() -> None:
    assert found("lib/a[1].txt") == Found(paths=("lib/a[1].txt",))


@pytest.mark.parametrize(
    "text", ["lib/python3.12/__pycache__/os.cpython-312.pyc", "lib/python3.12/os.pyc"]
)
def test_byte_code_is_about_its_source(text: str) -> None:
    assert found(text) == Found(paths=("lib/python3.12/os.py",), is_byte_code=True)


def test_byte_code_without_a_source_is_a_file_like_others() -> None:
    path = "lib/python3.12/site-packages/numpy/only.pyc"

    assert found(path) == Found(paths=(path,))


def test_what_ends_so_is_suggested() -> None:
    assert found("numpy/tests").near == ("lib/python3.12/site-packages/numpy/tests",)
    assert found("os.py").near == ("lib/python3.12/os.py",)


def test_what_is_called_so_elsewhere_is_suggested() -> None:
    assert found("lib/python3.11/os.py").near == ("lib/python3.12/os.py",)


def test_what_is_written_like_it_is_suggested() -> None:
    assert found("lib/libz.so").near == ("lib/libz.so.1", "lib/libz.so.1.3")
    assert found("nothing/like.it") == Found()


@given(st.text(max_size=20))
def test_whatever_is_asked_is_answered(text: str) -> None:
    answer = found(text)

    assert set(answer.paths) <= PATHS
    assert not (answer.paths and (answer.near or answer.outside))
