"""What is told of tools, and what an image for development is refused for."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from condabox.oci.layout import ImageLayout
from tests.fakes.devtools import configure, development_project, python_package, write_tools
from tests.fakes.images import make_image
from tests.fakes.packages import File, make_package
from tests.fakes.project import index_channel

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.project import Project

SPEC, LOCK, BUDGET = 3, 4, 11
"""The exit codes of what is wrong in files and in their locks, and of too many layers."""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return development_project(tmp_path)


def test_the_tools_file_says_nothing_of_the_image(project: Project) -> None:
    first = project.build("--dev")
    tools = project.root / "dev-tools.yml"
    lock = (project.root / "dev-tools.conda-lock.yml").read_bytes()
    tools.write_text(
        f"{tools.read_text()}  prefix: /srv/tools\n  user: '7:7'\n  cmd: [a]\n"
        "  builder: {image: other}\n  test: {imports: [a], commands: [git --version]}\n"
        "variables: {A: b}\n"
    )

    done = project.run("build", "--dev", "environment.yml", "-o", "image", "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["digest"] == first["digest"]
    assert (project.root / "dev-tools.conda-lock.yml").read_bytes() == lock
    for key in ("condabox.cmd", "condabox.user", "condabox.prefix", "condabox.builder"):
        assert f"dev-tools.yml: {key} has no effect" in done.stderr
    assert "dev-tools.yml: variables has no effect" in done.stderr
    assert "dev-tools.yml: condabox.test runs nowhere" in done.stderr


def test_what_decides_which_tools_there_are_has_effect(project: Project) -> None:
    write_tools(project.root, more="condabox: {base: 'debian:12', cuda: '12.8'}\n")
    image = make_image(project.root / "bases", {"bin/sh": b""})
    ImageLayout.create(project.root / "base" / "library" / "debian").add([image], name="12")

    done = project.run("build", "--dev", "environment.yml", "-o", "image")

    assert done.returncode == 0, done.stderr
    assert "has no effect" not in done.stderr
    lock = (project.root / "dev-tools.conda-lock.yml").read_text()
    assert '"__glibc":"2.36"' in lock
    assert '"__cuda":"12.8"' in lock


def test_a_warning_about_tools_names_their_file_once(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    program = File("#!/bin/sh\n", executable=True)
    make_package(folder, "rsync", noarch="generic", files={"bin/git": program})
    index_channel(project.channel, sorted(folder.glob("*.conda")))
    tools = write_tools(
        project.root, more="condabox: {prune: {keep: ['nothing:**'], drop: ['share/none']}}\n"
    )
    tools.write_text(tools.read_text().replace("[git,", "[git, rsync,"))

    answer: dict[str, Any] = project.build("--dev")

    told = [text for text in answer["images"][0]["warnings"] if "dev-tools.yml" in text]
    assert [text.count("dev-tools.yml") for text in told] == [1] * len(told)
    assert any("bin/git is in" in text for text in told)
    for entry in ("nothing:**", "share/none"):
        assert f"dev-tools.yml: condabox.prune: {entry!r} matches no file of any package" in told


def refused(project: Project, *arguments: str, code: int = SPEC) -> str:
    """Return why a build of development fails, with ``code``."""
    done = project.run("build", "--dev", "environment.yml", "-o", "image", *arguments)
    assert done.returncode == code, done.stderr
    assert "hint:" in done.stderr
    assert not (project.root / "image").exists()
    return done.stderr


@pytest.mark.parametrize("policy", ["--locked", "--frozen"])
def test_what_may_make_no_lock_makes_no_tools_either(project: Project, policy: str) -> None:
    assert project.run("lock", "environment.yml").returncode == 0

    assert f"build without {policy} once" in refused(project, policy)

    assert not (project.root / "dev-tools.yml").exists()
    write_tools(project.root)
    assert "dev-tools.conda-lock.yml does not exist" in refused(project, policy, code=LOCK)


def test_tools_that_are_named_and_not_there_are_an_error(project: Project) -> None:
    configure(project, "  dev: {tools: nowhere.yml}\n")

    assert "condabox.dev.tools: nowhere.yml does not exist" in refused(project)


def test_stale_tools_are_an_error(project: Project) -> None:
    write_tools(project.root)
    project.build("--dev")
    shutil.rmtree(project.root / "image")
    tools = project.root / "dev-tools.yml"
    tools.write_text(tools.read_text().replace("git, ", ""))

    assert "dev-tools.conda-lock.yml is stale" in refused(project, code=LOCK)


def test_tools_are_an_environment_file(project: Project) -> None:
    write_tools(project.root)
    assert project.run("lock", "dev-tools.yml").returncode == 0
    configure(project, "  dev: {tools: dev-tools.conda-lock.yml}\n")

    assert "dev-tools.conda-lock.yml is a lock file: development images" in refused(project)


def test_tools_for_a_newer_base_are_refused(project: Project) -> None:
    image = make_image(project.root / "bases", {"bin/sh": b"", "etc/passwd": b""})
    ImageLayout.create(project.root / "base" / "library" / "debian").add([image], name="11")
    configure(project, "  base: debian:11\n  dev: {}\n")
    tools = write_tools(project.root)

    told = refused(project)

    assert "dev-tools.yml: the tools were chosen for glibc 2.39, and debian:11" in told
    (project.root / "dev-tools.conda-lock.yml").unlink()
    section = told.partition("say `")[2].partition("`")[0]
    tools.write_text(f"{tools.read_text()}condabox:\n  {section}\n")
    project.build("--dev")


def test_tools_that_are_written_run_on_every_base(project: Project) -> None:
    image = make_image(project.root / "bases", {"bin/sh": b"", "etc/passwd": b""})
    ImageLayout.create(project.root / "base" / "library" / "rockylinux").add([image], name="8")
    configure(project, "  base: rockylinux:8\n  dev: {}\n")

    done = project.run("build", "--dev", "environment.yml", "-o", "image")

    assert done.returncode == 0, done.stderr
    assert "glibc 2" not in done.stderr


def test_a_platform_without_a_kernel_is_refused(project: Project) -> None:
    configure(project, "  env: {A: b}\n")
    text = project.environment.read_text().replace("[linux-64]", "[linux-64, linux-aarch64]")
    project.environment.write_text(
        text.replace("- alpha\n", "- alpha\n  - ipykernel # [linux64]\n")
    )

    project.build("--dev", "--platform", "linux/amd64")
    shutil.rmtree(project.root / "image")

    for platforms in ("linux/arm64", "linux/amd64,linux/arm64"):
        told = refused(project, "--platform", platforms, code=LOCK)
        assert "has nothing for dev on linux-aarch64, and no ipykernel" in told


@pytest.mark.parametrize(
    ("path", "named"), [("etc/passwd", "etc/passwd"), ("opt/tools/bin/git", "opt/tools")]
)
def test_an_application_does_not_take_the_place_of_development_s(
    project: Project, path: str, named: str
) -> None:
    file = project.root / "app" / path
    file.parent.mkdir(parents=True)
    file.write_text("")
    configure(project, "  dev: {}\n  app: [{src: app, dest: /}]\n")
    project.build()
    shutil.rmtree(project.root / "image")

    assert f"environment.yml: condabox.app: /{named}: development images" in refused(project)


def test_too_many_layers_are_refused_before_there_is_one(project: Project) -> None:
    files = [{f"share/{number}": b""} for number in range(115)]
    image = make_image(project.root / "bases", {"bin/sh": b"", "etc/passwd": b""}, *files)
    ImageLayout.create(project.root / "base" / "library" / "debian").add([image], name="12")
    configure(project, "  base: debian:12\n  dev: {}\n")

    told = refused(project, code=BUDGET)

    assert "122 layers, and 120 are the most that run" in told
    assert "--layers, and build prod with the same" in told
    assert not (project.cache / "layers").exists()
    done = project.run("build", "environment.yml", "-o", "image")
    assert done.returncode == 0, done.stderr


def test_tools_without_what_the_image_starts_are_refused(project: Project) -> None:
    tools = write_tools(project.root)
    tools.write_text(tools.read_text().replace("jupyterlab, openssh, tini", "tini"))

    told = refused(project)

    assert "dev-tools.yml: the tools for linux-64 lack jupyterlab, openssh, python" in told


def test_tools_with_an_old_python_are_refused(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "packages"
    (folder / python_package(folder).name).unlink()
    make_package(folder, "python", "3.10.1", noarch="generic")
    index_channel(project.channel, sorted(folder.glob("*.conda")))
    write_tools(project.root)

    assert "have no Python 3.11 or newer" in refused(project)


def test_tools_for_another_platform_are_refused(project: Project) -> None:
    write_tools(project.root)
    text = project.environment.read_text().replace("[linux-64]", "[linux-64, linux-aarch64]")
    project.environment.write_text(text)

    told = refused(project, "--platform", "linux/amd64,linux/arm64")

    assert "dev-tools.yml is not for linux-aarch64" in told


def test_what_would_be_in_the_image_for_all_is_refused_and_not_told(project: Project) -> None:
    configure(project, "  dev: {}\n  env: {JUPYTER_TOKEN: sesame}\n")

    told = refused(project)

    assert "condabox.env.JUPYTER_TOKEN" in told
    assert "sesame" not in told


def test_what_may_not_fit_is_told(project: Project, tmp_path: Path) -> None:
    bare = make_image(tmp_path / "bare", {"lib64/ld-linux-x86-64.so.2": b""})
    ImageLayout.create(project.root / "base" / "library" / "bare").add([bare], name="1")
    configure(project, "  base: bare:1\n  user: app\n  dev: {}\n")

    done = project.run("build", "--dev", "environment.yml", "-o", "image")

    assert done.returncode == 0, done.stderr
    assert "condabox.user: app is root, or a name" in done.stderr
    assert "the base has no shell" in done.stderr
