"""The import tests that packages bring along, as conda-build and rattler-build keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.packages.archive import MAX_TEST_SIZE, PackageArchive
from condabox.conda.packages.own_tests import imports_of_tests
from condabox.errors import InstallError
from tests.fakes.packages import make_package

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.packages import ArchiveFormat

CONDA_BUILD = b"""\
#  tests for tool-1.0-0 (this is a generated file);
print('===== testing package: tool-1.0-0 =====');
print('running run_test.py');
#  --- run_test.py (begin) ---
import os, sys
import numpy as np
from tool import other
if sys.platform == "linux":
    import tool.linux
import tool.core
#  --- run_test.py (end) ---

print('===== tool-1.0-0 OK =====');
print("import: 'tool'")
import tool

print("import: 'tool.core'")
import tool.core

"""

RATTLER_BUILD = b"""\
- python:
    imports:
    - tool
    - tool.core
    pip_check: false
- script:
  - tool --help
- downstream: other
- package_contents: {files: [bin/tool]}
"""


def imports(
    tmp_path: Path, archive_format: ArchiveFormat = "conda", **info: bytes
) -> tuple[str, ...]:
    names = {"run_test": "test/run_test.py", "tests": "tests/tests.yaml"}
    path = make_package(
        tmp_path,
        "tool",
        files={"bin/tool": b"x"},
        archive_format=archive_format,
        info={names[key]: data for key, data in info.items()},
    )
    return imports_of_tests(PackageArchive(path=path, name=path.name))


@pytest.mark.parametrize("archive_format", ["conda", "tar.bz2"])
def test_conda_builds_imports(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    assert imports(tmp_path, archive_format, run_test=CONDA_BUILD) == ("tool.core", "tool")


@pytest.mark.parametrize("archive_format", ["conda", "tar.bz2"])
def test_rattler_builds_imports(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    assert imports(tmp_path, archive_format, tests=RATTLER_BUILD) == ("tool", "tool.core")


def test_a_package_without_tests_has_none(tmp_path: Path) -> None:
    assert imports(tmp_path) == ()


@pytest.mark.parametrize(
    "tests",
    [
        b"",
        b"x",
        b"{",
        b"[" * 10_000,
        b"- python: tool\n",
        b"- python: {imports: tool}\n",
        b"- python: {imports: [{a: b}, '1x', 'a b', 'a;b', 'a\\nimport os']}\n",
        b"- &a [*a]\n",
        b"\xff\xfe",
    ],
)
def test_what_is_no_test_tells_nothing(tmp_path: Path, tests: bytes) -> None:
    assert imports(tmp_path, tests=tests) == ()


@pytest.mark.parametrize(
    "script",
    [b"\0\xff", b"import a b\n", b"import tool; evil()\n", b" import tool\n", b"import \n"],
)
def test_other_lines_are_no_imports(tmp_path: Path, script: bytes) -> None:
    assert imports(tmp_path, run_test=script) == ()


def test_a_test_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    script = b"import tool\n" + b"#" * MAX_TEST_SIZE

    assert imports(tmp_path, run_test=script, tests=RATTLER_BUILD) == ("tool", "tool.core")


def test_there_is_an_end_to_imports(tmp_path: Path) -> None:
    script = b"".join(b"import m%d\n" % number for number in range(5000))

    assert len(imports(tmp_path, run_test=script)) == 1000


def test_a_damaged_archive_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "tool-1.0-0.conda"
    path.write_bytes(b"PK\x03\x04 no more")

    with pytest.raises(InstallError):
        imports_of_tests(PackageArchive(path=path, name=path.name))
