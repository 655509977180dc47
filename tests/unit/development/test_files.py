from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import condabox.development.container
from condabox.appfiles import AppDirectory, AppFile, AppLink
from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.development import places
from condabox.development.files import (
    PROFILE,
    check_application,
    command_links,
    commands_of,
    own_files,
    profile,
)
from condabox.errors import SpecError
from condabox.resources import templates

if TYPE_CHECKING:
    from condabox.appfiles import AppEntry

CONTAINER = Path(str(condabox.development.container.__file__)).parent


def package(name: str) -> LockedPackage:
    return LockedPackage(
        name=name,
        version="1.0",
        manager="conda",
        url=f"https://conda.anaconda.org/conda-forge/noarch/{name}-1.0-0.conda",
        sha256=name,
        category="main",
        dependencies=(),
    )


def test_every_template_and_every_module_is_in_the_image() -> None:
    files = {**own_files(), PROFILE: profile()}
    contents = [file.content for file in files.values()]

    shipped = [each for each in templates().joinpath("dev").iterdir() if each.is_file()]
    assert len(shipped) > 1
    assert [each.name for each in shipped if each.read_bytes() not in contents] == []
    modules = sorted(path for path in CONTAINER.iterdir() if path.suffix == ".py")
    inside = f"{places.OWN}/start/condabox/development/container"
    for path in modules:
        place = f"{places.OWN}/start" if path.name == "__main__.py" else inside
        assert files[f"{place}/{path.name}"].content == path.read_bytes()


def test_all_lies_in_the_tools_prefix_and_programs_alone_are_executable() -> None:
    files = own_files()

    assert list(files) == sorted(files)
    assert all(path.startswith(f"{places.TOOLS}/") for path in files)
    assert [path for path, file in files.items() if file.executable] == [f"{places.OWN}/kernel"]


def test_what_starts_the_image_and_asks_for_its_health_is_there() -> None:
    files = own_files()

    assert f"{places.ENTRYPOINT[-1]}/__main__.py" in files
    assert places.HEALTH[-1] in files


@pytest.mark.parametrize("program", ["start", "health.py"])
def test_what_runs_finds_its_modules_where_they_lie(tmp_path: Path, program: str) -> None:
    """Python is told to look nowhere but in its own library."""
    for path, file in own_files().items():
        target = tmp_path / path.removeprefix(f"{places.OWN}/").lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)

    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / program), "true"],
        env={"HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "ModuleNotFoundError" not in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_are_programs_of_what_was_asked_for() -> None:
    paths = {
        "git": ("bin/git", "bin/git-shell", "libexec/git-core/git-add", "share/bin/no"),
        "jupyterlab": ("bin/jupyter-lab", "bin/sub/tool", "lib/python3.12/site-packages/x.py"),
        "jupyter_core": ("bin/jupyter",),
        "openssl": ("bin/openssl",),
        "openssh": ("bin/ssh", "bin/sshd", "sbin/sshd"),
    }

    found = commands_of(
        [package(name) for name in paths], paths, named={"git", "jupyterlab", "openssh"}
    )

    assert found == ("git", "git-shell", "jupyter", "jupyter-lab", "ssh")


def test_what_the_environment_has_too_is_not_called_from_the_tools() -> None:
    names = ("python", "python3.12", "pip3", "conda", "tini", "tini-static", "pydoc3", "2to3")
    paths = {"python": tuple(f"bin/{name}" for name in names), "tool": ("bin/pip", "bin/tool")}

    found = commands_of([package("python"), package("tool")], paths, named=paths.keys())

    assert found == ("tool",)


def test_links_lead_to_the_tools_programs() -> None:
    assert command_links(["git"]) == {"/opt/tools/commands/git": "../bin/git"}


def app_file(path: str) -> AppFile:
    return AppFile(path=path, source=Path("app"), size=0, executable=False)


@pytest.mark.parametrize(
    ("entry", "place", "hint"),
    [
        (app_file("etc/passwd"), "/etc/passwd", "user: '1000:0'"),
        (AppLink(path="etc/passwd", target="accounts"), "/etc/passwd", "user: '1000:0'"),
        (AppDirectory(path="etc/passwd"), "/etc/passwd", "user: '1000:0'"),
        (AppLink(path="etc", target="srv/etc"), "/etc/passwd", "user: '1000:0'"),
        (app_file("etc/profile.d/condabox.sh"), PROFILE, "another name"),
        (app_file("etc/profile.d"), PROFILE, "another name"),
        (app_file("opt/tools/bin/git"), places.TOOLS, "another `dest:`"),
        (AppDirectory(path="opt/tools"), places.TOOLS, "another `dest:`"),
        (AppLink(path="opt", target="srv"), places.TOOLS, "another `dest:`"),
        (app_file("workspace"), places.WORKSPACE, "another `dest:`"),
        (AppLink(path="workspace", target="srv"), places.WORKSPACE, "another `dest:`"),
    ],
)
def test_an_application_that_takes_the_place_of_development_s_is_refused(
    entry: AppEntry, place: str, hint: str
) -> None:
    with pytest.raises(SpecError) as caught:
        check_application([AppDirectory(path="srv"), entry], environment=Path("envs/ai.yml"))

    assert str(caught.value) == (
        f"envs/ai.yml: condabox.app: /{entry.path}: development images have their own {place}"
    )
    assert hint in str(caught.value.hint)


def test_an_application_may_lie_beside_and_above_and_in_the_workspace() -> None:
    entries: list[AppEntry] = [
        AppDirectory(path="etc"),
        app_file("etc/passwd-"),
        AppDirectory(path="etc/profile.d"),
        app_file("etc/profile.d/app.sh"),
        AppDirectory(path="opt"),
        app_file("opt/tools.txt"),
        app_file("opt/toolset/tool"),
        AppDirectory(path="workspace"),
        app_file("workspace/notebook.ipynb"),
    ]

    check_application(entries, environment=Path("envs/ai.yml"))
