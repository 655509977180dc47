"""What the last words of a program tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.verification.breaking import is_broken, missing_module

TRACEBACK = "Traceback (most recent call last):\n  File x\n"
MISSING = f"{TRACEBACK}ModuleNotFoundError: No module named 'y'\n\n"
PART_MISSING = f"{TRACEBACK}ModuleNotFoundError: No module named 'y.z'\n\n"


@pytest.mark.parametrize(
    "said",
    [
        f"{TRACEBACK}OSError: libgomp.so.1: cannot open shared object file: No such file\n",
        "tool: libgomp.so.1: cannot open shared object file: No such file\n",
        f"{TRACEBACK}FileNotFoundError: [Errno 2] No such file or directory: '/x/schema.json'\n",
        f"{TRACEBACK}NameError: name 'x' is not defined\n",
        f"{TRACEBACK}KeyError: 'x'\n",
        f"{TRACEBACK}IndexError: list index out of range\n",
        f"{TRACEBACK}a.b.Oops\n",
        '  File "/opt/env/bin/tool", line 3\n    x = (\nSyntaxError: invalid syntax\n',
        '  File "/opt/env/x.py", line 3, in f\n    f()\nNameError: what was before is cut off\n',
        f"{TRACEBACK}ImportError: a\n\n{TRACEBACK}RuntimeError: numpy failed\n",
        f"{MISSING}{TRACEBACK}RuntimeError: it failed\n",
        f"{PART_MISSING}{TRACEBACK}RuntimeError: please install y\n",
        f"{MISSING}{TRACEBACK}ImportError: please install y\n",
        "ImportError: libX.so: undefined symbol: foo\n",
        f"{TRACEBACK}ImportError: libX.so: gone\n\n{TRACEBACK}RuntimeError: install it again\n",
        f"{TRACEBACK}    installed = [x[cli]]\nRuntimeError: it failed\n",
        "Fatal Python error: init_fs_encoding: failed\n",
        "/opt/env/bin/tool: symbol lookup error: /opt/env/lib/libx.so: undefined symbol: y\n",
        "Can't locate Foo.pm in @INC (you may need to install the Foo module)\n",
        "Error: Cannot find module 'x'\nRequire stack:\n",
    ],
)
def test_a_script_that_breaks_off_is_a_problem(said: str) -> None:
    assert is_broken(said)


@pytest.mark.parametrize(
    "said",
    [
        "usage: tool FILE\n",
        "error: no such option: --help\n",
        f"{TRACEBACK}SystemExit: 2\n",
        f"{TRACEBACK}FileNotFoundError: [Errno 2] No such file or directory: '--help'\n",
        f"{TRACEBACK}ValueError: invalid literal for int() with base 10: '--help'\n",
        f"{TRACEBACK}    name = sys.argv[2]\nIndexError: list index out of range\n",
        f"{TRACEBACK}EOFError: EOF when reading a line\n",
        f"{TRACEBACK}ConnectionRefusedError: [Errno 111] Connection refused\n",
        f"{MISSING}{TRACEBACK}RuntimeError: please install y\n",
        f"{MISSING}{TRACEBACK}RuntimeError: use tool[cli]\n",
        f'{TRACEBACK}RuntimeError: for this "tool[cli]" is needed:\n\nNote: pip install "tool"\n',
        f"{TRACEBACK}EOFError: EOF\nBye:\n",
    ],
)
def test_a_script_that_was_not_used_well_is_none(said: str) -> None:
    assert not is_broken(said)


@pytest.mark.parametrize(
    ("said", "module"),
    [
        ("", None),
        ("ImportError: No module named 'x'", None),
        (MISSING, "y"),
        (MISSING + PART_MISSING, "y.z"),
    ],
)
def test_the_module_that_was_missed_last(said: str, module: str | None) -> None:
    assert missing_module(said) == module


@given(st.text())
def test_whatever_a_program_says_can_be_judged(said: str) -> None:
    assert is_broken(f"{said}\nFatal Python error: {said}")
    assert is_broken(said) in {True, False}
