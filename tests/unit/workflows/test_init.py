from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.spec import read_environment
from condabox.errors import SpecError
from condabox.workflows.init import write_example

if TYPE_CHECKING:
    from pathlib import Path


def test_the_example_is_an_environment_file_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "envs" / "My App.yml"

    write_example(path)

    spec = read_environment(path)
    assert (spec.name, spec.platforms) == ("my-app", ("linux-64", "linux-aarch64"))
    assert spec.image.cmd == ("python",)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "environment.yml"
    path.write_text("mine")

    with pytest.raises(SpecError):
        write_example(path)

    assert path.read_text() == "mine"
