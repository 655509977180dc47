"""A development image is prod's, byte for byte, and tools that all environments share."""

from __future__ import annotations

import io
import json
import shutil
import stat
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from condabox.oci.compress import decompressed
from condabox.oci.layout import ImageLayout
from tests.fakes.devtools import configure, development_project, write_tools
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from tests.fakes.project import Project

OWN = 2
"""Layers of condabox's own on top: what starts the tools, and the user's."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return development_project(tmp_path)


def digests(answer: dict[str, Any]) -> list[str]:
    (image,) = answer["images"]
    return [layer["digest"] for layer in image["layers"]]


def tools_of(answer: dict[str, Any]) -> list[str]:
    """Return the digests of the layers from the tools' first one on, without the user's."""
    (image,) = answer["images"]
    first = next(n for n, layer in enumerate(image["layers"]) if "jupyterlab" in layer["packages"])
    return digests(answer)[first:-1]


def image_of(project: Project) -> Image:
    return ImageLayout.open(project.root / "image").resolve("example:dev", platform=None)


def members(image: Image, number: int) -> dict[str, tarfile.TarInfo]:
    layer = image.manifest.layers[number]
    with image.blobs.open(layer) as blob:
        data = decompressed(blob, media_type=layer.media_type).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member for member in tar}


def test_the_tools_and_what_starts_them_lie_on_prod(project: Project) -> None:
    prod = project.build()

    dev = project.build("--dev")

    assert digests(dev)[: len(digests(prod))] == digests(prod)
    image = image_of(project)
    own, place = members(image, -2), members(image, -1)
    assert own["opt/tools/commands/git"].linkname == "../bin/git"
    assert own["opt/tools/commands/jupyterlab"].linkname == "../bin/jupyterlab"
    assert {"opt/tools/commands/pip", "opt/tools/commands/tini"}.isdisjoint(own)
    assert stat.S_IMODE(own["opt/tools/condabox/kernel"].mode) == 0o755
    assert "opt/tools/conda-meta/history" in own
    assert [name for name in place if not place[name].isdir()] == [
        "etc/passwd",
        "etc/profile.d/condabox.sh",
    ]
    workspace = place["workspace"]
    assert (workspace.uid, workspace.gid, stat.S_IMODE(workspace.mode)) == (1000, 0, 0o775)
    assert {(each.uid, each.gid) for each in (*own.values(), place["etc/passwd"])} == {(0, 0)}
    assert image.config.config.entrypoint[0] == "/opt/tools/bin/tini"
    assert image.config.config.volumes == ("/workspace",)


def test_missing_tools_are_written_and_locked_and_that_is_said(project: Project) -> None:
    done = project.run("build", "--dev", "environment.yml", "-o", "image")

    assert done.returncode == 0, done.stderr
    assert "wrote dev-tools.yml" in done.stderr
    assert (project.root / "dev-tools.conda-lock.yml").is_file()
    before = (project.root / "dev-tools.conda-lock.yml").read_bytes()
    again = project.run("build", "--dev", "environment.yml", "-o", "image", "--locked")
    assert again.returncode == 0, again.stderr
    assert "dev-tools.yml" not in again.stderr
    assert (project.root / "dev-tools.conda-lock.yml").read_bytes() == before


def test_a_build_of_prod_knows_of_no_tools(project: Project) -> None:
    configure(project, "  dev: {tools: nowhere.yml}\n  env: {JUPYTER_TOKEN: x}\n")

    project.build()

    assert not list(project.root.glob("dev-tools*"))


def test_environments_share_the_tools_whatever_else_they_are(
    project: Project, tmp_path: Path
) -> None:
    first = project.build("--dev")
    other = make_image(
        tmp_path / "other",
        {"bin/bash": b"", "etc/passwd": b"app:x:7:7::/:/bin/sh\n", "usr/lib/libz.so.1": b""},
    )
    ImageLayout.create(project.root / "base" / "library" / "debian").add([other], name="12")
    configure(
        project,
        "  base: debian:12\n  prefix: /srv/env\n  user: '1001:0'\n"
        "  dev: {dependencies: [alpha], ssh: {port: 22}, jupyter: {port: 80}}\n",
        spec="beta",
    )
    (project.root / "environment.conda-lock.yml").unlink()

    second = project.build("--dev", "--prune", "none", "--layers", "1", "--cuda", "12.8")

    assert tools_of(second) == tools_of(first)
    assert digests(second)[-1] != digests(first)[-1]
    assert not set(digests(first)) & set(digests(second)) - set(tools_of(first))
    assert image_of(project).config.config.user == "1001:0"


def test_nothing_is_opened_where_nothing_has_changed(project: Project) -> None:
    before = project.build("--dev")
    for archive in (project.cache / "packages").rglob("*.conda"):
        archive.write_bytes(b"damaged")
    shutil.rmtree(project.cache / "facts")

    after = project.build("--dev")

    assert after["digest"] == before["digest"]


def test_it_is_the_same_image_in_another_place_on_another_day(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "100")
    before = project.build("--dev")
    root = tmp_path / "elsewhere"
    shutil.copytree(project.root, root, ignore=shutil.ignore_patterns("cache", "image"))
    settings = root / "condabox.toml"
    settings.write_text(settings.read_text().replace(str(project.root), str(root)))
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    after = type(project)(root=root).build("--dev")

    assert after["digest"] == before["digest"]
    image = image_of(project)
    assert image.config.created == "1970-01-01T00:01:40Z"
    made = range(len(digests(before)) - OWN - 1, len(digests(before)))
    assert max(each.mtime for n in made for each in members(image, n).values()) == 100


def test_tools_of_another_place_are_taken(project: Project) -> None:
    shared = project.root / "shared"
    shared.mkdir()
    write_tools(shared).rename(shared / "tools.yml")
    configure(project, "  dev: {tools: shared/tools.yml}\n")

    project.build("--dev")

    assert (shared / "tools.conda-lock.yml").is_file()
    assert not (project.root / "dev-tools.yml").exists()


def test_notebooks_run_in_prod_where_it_has_their_kernel(project: Project) -> None:
    """Development may add nothing then but the tools."""
    configure(project, "  env: {A: b}\n", spec="ipykernel")
    prod = project.build()

    dev = project.build("--dev")

    assert digests(dev)[: len(digests(prod))] == digests(prod)
    assert digests(dev)[len(digests(prod)) : -1] == tools_of(dev)


def test_a_dry_run_shows_both_and_builds_neither(project: Project) -> None:
    done = project.run("build", "--dev", "environment.yml", "-o", "image", "--dry-run", "-q")

    assert done.returncode == 0, done.stderr
    (plan,) = json.loads(done.stdout)
    assert plan["config"]["entrypoint"][0] == "/opt/tools/bin/tini"
    assert plan["tools"]["prefix"] == "/opt/tools"
    assert "jupyterlab" in {package["name"] for package in plan["tools"]["packages"]}
    assert not (project.root / "image").exists()
    assert not (project.cache / "packages").exists()


def test_all_packages_come_from_a_lock_without_an_environment_file(project: Project) -> None:
    assert project.run("lock", "environment.yml").returncode == 0
    write_tools(project.root)
    assert project.run("lock", "dev-tools.yml").returncode == 0
    project.environment.unlink()

    done = project.run("build", "--dev", "environment.conda-lock.yml", "-o", "image", "--frozen")

    assert done.returncode == 0, done.stderr
    project.assert_sound("image")


def test_other_commands_take_development_as_before(project: Project) -> None:
    project.build("--dev")

    for words in (
        ("prune", "--dev", "environment.yml"),
        ("inspect", "oci:image", "--format", "json"),
        ("verify", "image", "--engine", "none"),
        ("verify", "environment.yml", "--dev", "--engine", "none", "--rebuild"),
        ("dockerfile", "--dev", "environment.yml"),
    ):
        done = project.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
