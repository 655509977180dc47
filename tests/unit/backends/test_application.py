"""The application counts like a package: what it imports and reads stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.appfiles import AppDirectory, AppFile, AppLink
from condabox.backends.application import TESTS, WORDS, observe_application
from condabox.conda.envfile import section
from condabox.conda.envfile.section import Healthcheck, ImageSection
from condabox.errors import ImageError

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.pruning.facts import PackageFacts

IMPORT = "import numpy.tests.a\n"


def observed(folder: Path, name: str, text: str | bytes) -> PackageFacts:
    path = folder / "file"
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(data)
    file = AppFile(path=f"app/{name}", source=path, size=len(data), executable=False)
    entries = (AppDirectory(path="app"), AppLink(path="app/link", target=name), file)
    return observe_application(entries, image=ImageSection())


def notebook(*cells: tuple[str, str | list[str]]) -> str:
    return json.dumps({"cells": [{"cell_type": kind, "source": text} for kind, text in cells]})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("main.py", IMPORT, id="source"),
        pytest.param("gui.pyw", IMPORT, id="pyw"),
        pytest.param("serve", f"#!/usr/bin/env python3\n{IMPORT}", id="program"),
        pytest.param("a.ipynb", notebook(("code", ["%time x\n", IMPORT])), id="notebook"),
        pytest.param("a.ipynb", notebook(("code", "x = 1"), ("code", IMPORT)), id="text"),
    ],
)
def test_what_a_file_imports_counts(tmp_path: Path, name: str, text: str) -> None:
    assert observed(tmp_path, name, text).imports == {f"/app/{name}": ("numpy.tests.a",)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("notes.txt", IMPORT, id="text"),
        pytest.param("serve", f"#!/bin/sh\n{IMPORT}", id="shell"),
        pytest.param("empty", "", id="empty"),
        pytest.param("a.ipynb", notebook(("markdown", IMPORT)), id="markdown"),
        pytest.param("a.ipynb", "{", id="broken"),
        pytest.param("a.ipynb", b"\xff\xfe", id="bytes"),
        pytest.param("a.ipynb", "[" * 200_000, id="deep"),
        pytest.param("a.ipynb", '{"cells": [1, {"cell_type": "code", "source": 1}]}', id="odd"),
        pytest.param("a.ipynb", '{"cells": 1}', id="no-list"),
        pytest.param("a.ipynb", "[]", id="no-table"),
    ],
)
def test_other_files_import_nothing(tmp_path: Path, name: str, text: str | bytes) -> None:
    assert observed(tmp_path, name, text).imports == {}


def test_what_a_file_reads_counts(tmp_path: Path) -> None:
    text = "from importlib.resources import files\nfiles('pandas').joinpath('tests/data/x.csv')\n"

    found = observed(tmp_path, "main.py", text)

    assert found.resources == {"/app/main.py": ("pandas",)}
    assert found.data == {"/app/main.py": ("pandas/tests/data",)}


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    gone = AppFile(path="app/x", source=tmp_path / "gone", size=1, executable=False)

    with pytest.raises(ImageError, match="cannot be read"):
        observe_application((gone,), image=ImageSection())


@pytest.mark.parametrize(
    "image",
    [
        ImageSection(cmd=("python", "-m", "numpy.tests")),
        ImageSection(entrypoint=("python", "-mnumpy.tests")),
        ImageSection(cmd=("sh", "-c", "exec python -m numpy.tests --fast")),
        ImageSection(cmd=("gunicorn", "numpy.tests:app")),
        ImageSection(cmd=("python", "-c", "import numpy.tests; numpy.tests.run()")),
        ImageSection(healthcheck=Healthcheck(cmd=("python", "-m", "numpy.tests"))),
        ImageSection(test=section.TestSection(commands=("python -m numpy.tests",))),
    ],
)
def test_modules_that_a_command_names_count(image: ImageSection) -> None:
    (names,) = observe_application((), image=image).imports.values()

    assert {"numpy.tests", "numpy.tests.__main__"} <= {*names}


def test_paths_in_a_command_are_no_modules() -> None:
    image = ImageSection(cmd=("/app/numpy.tests", "--x=./a.tests", "a-b", "1.5"))

    assert observe_application((), image=image).imports.get(WORDS, ()) == ()


def test_imports_of_the_tests_count() -> None:
    image = ImageSection(test=section.TestSection(imports=("a.b",)))

    assert observe_application((), image=image).imports == {TESTS: ("a.b",)}
