"""What the README shows is what condabox understands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import typer.main

from condabox.cli import commands
from condabox.conda.envfile.spec import read_environment
from condabox.settings import load_settings
from tests.fakes.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_environment_file_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "envs").mkdir()
    path = tmp_path / "envs" / "serving.yml"
    path.write_text(blocks("yaml")[0])

    spec = read_environment(path)

    assert spec.match_specs("linux-64")[-1] == "libgomp"
    assert "libgomp" not in spec.match_specs("osx-64")
    assert spec.image.workdir == "/app"


def test_the_settings_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "condabox.toml").write_text(blocks("toml")[0])

    settings = load_settings(tmp_path, env={"HOME": str(tmp_path)})

    assert settings.registries["127.0.0.1:5000"].insecure


@pytest.mark.parametrize(
    "line", re.findall(r"(?:\$|&&) condabox (.*?)(?:  +#.*)?$", README, flags=re.MULTILINE)
)
def test_every_command_has_the_options_shown(line: str) -> None:
    app = typer.Typer()
    commands.register(app)
    name, *arguments = line.partition(" -- ")[0].split()

    command = typer.main.get_group(app).commands[name]

    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in arguments if word.startswith("-")} <= known
