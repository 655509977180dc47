"""A project can be opened by editors in the image for development."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.envfile.spec import read_environment
from condabox.errors import SpecError
from condabox.workflows.init import CI, StartRequest, start_project

if TYPE_CHECKING:
    from pathlib import Path

FILE = ".devcontainer/devcontainer.json"


def start(root: Path, name: str = "envs/ai.yml", *, ci: CI | None = None) -> tuple[str, ...]:
    request = StartRequest(environment=root / name, root=root, ci=ci, devcontainer=True)
    return tuple(path.relative_to(root).as_posix() for path in start_project(request))


def said(root: Path) -> Any:
    return json.loads((root / FILE).read_text())


def write(path: Path, *, name: str = "studio") -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"name: {name}\nchannels: [conda-forge]\ndependencies: [python]\n")


def test_a_new_project_gets_its_file(tmp_path: Path) -> None:
    assert start(tmp_path) == ("envs/ai.yml", "envs/dev-tools.yml", FILE)

    assert said(tmp_path)["image"] == "ai:dev"
    assert said(tmp_path)["initializeCommand"][-1] == "envs/ai.yml"


def test_it_can_be_added_for_an_environment_that_is_there(tmp_path: Path) -> None:
    write(tmp_path / "envs" / "ai.yml")
    (tmp_path / "envs" / "dev-tools.yml").write_text("mine")
    before = (tmp_path / "envs" / "ai.yml").read_text()

    assert start(tmp_path) == (FILE,)

    assert (tmp_path / "envs" / "ai.yml").read_text() == before
    assert said(tmp_path)["name"] == "studio"
    assert said(tmp_path)["image"] == "studio:dev"


def test_no_tools_are_written_where_the_file_names_others(tmp_path: Path) -> None:
    write(tmp_path / "envs" / "ai.yml")
    with (tmp_path / "envs" / "ai.yml").open("a") as file:
        file.write("condabox: {dev: {tools: ../tools.yml}}\n")

    assert start(tmp_path) == (FILE,)


def test_jobs_and_editors_are_asked_for_together(tmp_path: Path) -> None:
    written = start(tmp_path, ci=CI.GITLAB)

    assert written == (
        "envs/ai.yml",
        "envs/dev-tools.yml",
        ".gitlab/condabox.gitlab-ci.yml",
        FILE,
    )


@pytest.mark.parametrize("there", [FILE, ".devcontainer.json"])
@pytest.mark.parametrize("dangling", [False, True])
def test_what_editors_read_already_is_left_alone(
    tmp_path: Path, there: str, *, dangling: bool
) -> None:
    path = tmp_path / there
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("nowhere") if dangling else path.write_text("mine")

    with pytest.raises(SpecError, match=f"{there} exists"):
        start(tmp_path)

    assert not (tmp_path / "envs").exists()


def test_another_choice_of_editors_is_no_obstacle(tmp_path: Path) -> None:
    other = tmp_path / ".devcontainer" / "gpu" / "devcontainer.json"
    other.parent.mkdir(parents=True)
    other.write_text("{}")

    assert FILE in start(tmp_path)
    assert other.read_text() == "{}"


@pytest.mark.parametrize("name", ["Studio", "a..b", "-a", "${localEnv:HOME}"])
def test_a_name_that_no_image_can_have_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path / "envs" / "ai.yml", name=f'"{name}"')

    with pytest.raises(SpecError):
        start(tmp_path)

    assert not (tmp_path / ".devcontainer").exists()


def test_an_environment_that_cannot_be_read_gets_no_file(tmp_path: Path) -> None:
    (tmp_path / "ai.yml").write_text("- a list")

    with pytest.raises(SpecError):
        start(tmp_path, "ai.yml")

    assert list(tmp_path.iterdir()) == [tmp_path / "ai.yml"]


@pytest.mark.parametrize("name", ["-a.yml", "a b.yml", "${localEnv:HOME}.yml", "ü.yml"])
def test_a_path_that_editors_would_read_otherwise_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match=r"cannot be named in \.devcontainer/devc") as raised:
        start(tmp_path, name)

    assert "do without --devcontainer" in str(raised.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_an_environment_outside_of_the_project_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    write(tmp_path / "other" / "ai.yml")

    with pytest.raises(SpecError, match="is not below"):
        start(root, "../other/ai.yml")


@given(stem=st.text(st.characters(codec="ascii", exclude_characters="/\x00"), min_size=1))
def test_whatever_the_file_is_called_the_image_is_the_one_that_a_build_makes(
    stem: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("root")
    try:
        start(root, f"{stem}.yml")
    except SpecError:
        assert not any(root.iterdir())
        return

    environment = root / said(root)["initializeCommand"][-1]
    assert said(root)["image"] == f"{read_environment(environment).name}:dev"
