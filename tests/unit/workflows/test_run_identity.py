"""What a development container's volume, host and label are called by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from condabox.oci.config import ContainerConfig
from condabox.workflows.run_identity import development_identity, plain_name
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image

ENVIRONMENT = "name: ai\nchannels: [conda-forge]\ndependencies: [python]\n"
EXPLICIT = "# platform: linux-64\n@EXPLICIT\n"


@pytest.fixture
def titled(tmp_path: Path) -> Image:
    config = ContainerConfig(labels={"org.opencontainers.image.title": "titled"})
    return make_image(tmp_path / "made", config=config)


def write(path: Path, text: str = ENVIRONMENT) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return str(path)


def never() -> Image:
    pytest.fail("nothing has to be built")


def test_projects_with_one_name_are_two(tmp_path: Path) -> None:
    one, other = (development_identity(write(tmp_path / name / "env.yml"), never) for name in "ab")

    assert one != other
    assert re.fullmatch("condabox-ai-[0-9a-f]{6}", one)


def test_a_file_is_the_same_by_each_of_its_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "envs" / "env.yml")
    (tmp_path / "link.yml").symlink_to("envs/env.yml")
    monkeypatch.chdir(tmp_path)

    names = {
        development_identity(each, never)
        for each in (path, "envs/env.yml", "./envs/../envs/env.yml", "link.yml")
    }

    assert len(names) == 1


def test_what_is_in_a_file_may_change(tmp_path: Path) -> None:
    before = development_identity(write(tmp_path / "env.yml"), never)
    after = development_identity(write(tmp_path / "env.yml", ENVIRONMENT + "# more\n"), never)

    assert before == after


def test_a_lock_has_the_name_of_its_image_and_a_place(tmp_path: Path, titled: Image) -> None:
    found = development_identity(write(tmp_path / "all.txt", EXPLICIT), lambda: titled)

    assert re.fullmatch("condabox-titled-[0-9a-f]{6}", found)


def test_an_image_has_its_title_alone(titled: Image) -> None:
    assert development_identity("ai:dev", lambda: titled) == "condabox-titled"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("ai", "ai"),
        ("Größe 2", "Gr-e-2"),
        ("../../etc", "etc"),
        ("a/b:c", "a-b-c"),
        ("\x1b[2J", "2J"),
        ("-", "environment"),
        ("", "environment"),
        ("a" * 1000, "a" * 100),
    ],
)
def test_a_name_is_as_plain_as_volumes_need_it(title: str, name: str) -> None:
    assert plain_name(title) == name
