"""A project starts with files that work as they are, and nothing that is there is lost."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import condabox
from condabox.cli.init import Jobs
from condabox.conda.envfile.spec import read_environment
from condabox.errors import SpecError
from condabox.workflows.init import CI, StartRequest, hosted_ci, project_root, start_project
from tests.fakes.project import ROOT

FILES = {
    CI.GITHUB: (".github/workflows/condabox-locks.yml", ".github/workflows/condabox-images.yml"),
    CI.GITLAB: (".gitlab/condabox.gitlab-ci.yml",),
}


def start(root: Path, name: str = "environment.yml", *, ci: CI | None = None) -> tuple[str, ...]:
    written = start_project(StartRequest(environment=root / name, root=root, ci=ci))
    return tuple(path.relative_to(root).as_posix() for path in written)


def everything(root: Path) -> dict[str, str]:
    """Return what lies below ``root``, folders without content."""
    return {
        path.relative_to(root).as_posix(): path.read_text() if path.is_file() else ""
        for path in sorted(root.rglob("*"))
    }


def test_the_example_is_an_environment_file_that_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "envs" / "My App.yml"

    assert start(tmp_path, "envs/My App.yml") == ("envs/My App.yml", "envs/dev-tools.yml")

    spec = read_environment(path)
    assert (spec.name, spec.platforms) == ("my-app", ("linux-64", "linux-aarch64"))
    assert spec.image.cmd == ("python",)
    assert spec.image.dev is not None
    assert spec.image.dev.dependencies == ("ipdb",)
    assert f"condabox build '{path}'" in path.read_text()


@pytest.mark.parametrize("stem", ["0", "1.5", "1e5", "2024-01-01", "null", "no", "y"])
def test_a_name_is_one_also_where_yaml_has_another_idea_of_it(tmp_path: Path, stem: str) -> None:
    start(tmp_path, f"{stem}.yml")

    assert read_environment(tmp_path / f"{stem}.yml").name == stem
    assert yaml.safe_load((tmp_path / f"{stem}.yml").read_text())["name"] == stem


def test_what_the_example_only_suggests_can_be_read_too(tmp_path: Path) -> None:
    start(tmp_path)
    path = tmp_path / "environment.yml"
    text = re.sub(r"^( *)# (?=[a-z -]+[:{]|- |  )", r"\1", path.read_text(), flags=re.MULTILINE)
    path.write_text(text)

    spec = read_environment(path)

    assert spec.match_specs("linux-64") == ("python >=3.11", "fastapi")
    assert spec.pip_requirements("linux-64") == ("a-package-that-only-PyPI-has ==1.0",)
    assert spec.image.cuda == "12.8"
    assert spec.image.allow_cpu == frozenset({"xgboost"})
    assert spec.image.virtual_packages == {"linux": {"__glibc": "2.35"}}
    assert spec.image.workdir == "/app"


def test_the_tools_are_the_ones_of_this_repository(tmp_path: Path) -> None:
    start_project(StartRequest(environment=tmp_path / "a.yml", root=tmp_path))

    text = (tmp_path / "dev-tools.yml").read_text()
    assert text.replace(f"{tmp_path}/", "envs/") == (ROOT / "envs" / "dev-tools.yml").read_text()
    spec = read_environment(tmp_path / "dev-tools.yml")
    everywhere = {
        *("curl", "git", "jupyterlab", "openssh", "procps-ng", "python >=3.11", "rsync", "tini")
    }
    assert set(spec.match_specs("linux-aarch64")) == everywhere
    assert set(spec.match_specs("linux-64")) == everywhere | {"nss_wrapper"}


@pytest.mark.parametrize("ci", CI)
def test_jobs_name_the_environments_from_the_root_of_the_project(tmp_path: Path, ci: CI) -> None:
    written = start(tmp_path, "deep/er/ai.yml", ci=ci)

    assert written == ("deep/er/ai.yml", "deep/er/dev-tools.yml", *FILES[ci])
    for name in FILES[ci]:
        text = (tmp_path / name).read_text()
        assert '"deep/er/ai.yml deep/er/dev-tools.yml"' in text
        assert f"condabox=={condabox.__version__}" in text
        assert not re.search(r"\{\{\w", text)


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text("mine")

    with pytest.raises(SpecError, match=r"environment\.yml exists"):
        start(tmp_path, ci=None)

    assert everything(tmp_path) == {"environment.yml": "mine"}


@pytest.mark.parametrize("ci", CI)
def test_jobs_can_be_added_for_an_environment_that_is_there(tmp_path: Path, ci: CI) -> None:
    (tmp_path / "environment.yml").write_text("mine")

    written = start(tmp_path, ci=ci)

    assert (tmp_path / "environment.yml").read_text() == "mine"
    assert "environment.yml" not in written
    assert any("condabox" in path for path in written)


def test_the_tools_of_other_environments_are_kept(tmp_path: Path) -> None:
    (tmp_path / "dev-tools.yml").write_text("mine")

    assert start(tmp_path) == ("environment.yml",)
    assert (tmp_path / "dev-tools.yml").read_text() == "mine"


@pytest.mark.parametrize("ci", CI)
def test_no_tools_are_written_where_the_file_names_others(tmp_path: Path, ci: CI) -> None:
    (tmp_path / "environment.yml").write_text(
        "channels: [conda-forge]\ndependencies: [python]\n"
        "condabox: {dev: {tools: shared/tools.yml}}\n"
    )

    written = start(tmp_path, ci=ci)

    assert written == FILES[ci]
    assert "shared/tools.yml" in (tmp_path / written[0]).read_text()
    assert "dev-tools.yml" not in (tmp_path / written[0]).read_text()


@pytest.mark.parametrize(("ci", "name"), [(ci, name) for ci in CI for name in FILES[ci]])
@pytest.mark.parametrize("dangling", [False, True])
def test_jobs_that_are_there_are_left_alone(
    tmp_path: Path, ci: CI, name: str, *, dangling: bool
) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.symlink_to("nowhere") if dangling else path.write_text("mine")

    with pytest.raises(SpecError, match=f"{name} exists"):
        start(tmp_path, ci=ci)

    assert not (tmp_path / "environment.yml").exists()
    assert not (tmp_path / "dev-tools.yml").exists()


@pytest.mark.parametrize(("ci", "obstacle"), [(CI.GITHUB, ".github"), (CI.GITLAB, ".gitlab")])
def test_all_is_written_or_nothing(tmp_path: Path, ci: CI, obstacle: str) -> None:
    (tmp_path / obstacle).write_text("a file where a folder would be")

    with pytest.raises(SpecError, match="cannot be written: "):
        start(tmp_path, "envs/ai.yml", ci=ci)

    assert list(everything(tmp_path)) == [obstacle]


def test_the_file_of_the_tools_is_no_environment_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="tools for development") as raised:
        start(tmp_path, "dev-tools.yml")
    assert raised.value.hint == "choose another name for the environment"


@pytest.mark.parametrize("folder", [".", "..", "/"])
def test_a_folder_is_no_environment(folder: str) -> None:
    with pytest.raises(SpecError, match="exists"):
        start_project(StartRequest(environment=Path(folder), root=Path()))


@pytest.mark.parametrize("name", ["a\nname: b.yml", "a\x1b[31m.yml", "x\u2028/a.yml"])
def test_a_name_that_would_end_a_comment_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError, match="explain"):
        start(tmp_path, name)
    assert everything(tmp_path) == {}


@pytest.mark.parametrize(
    "name", ["a b.yml", "a;b.yml", "$(a).yml", '"a".yml', "-a.yml", "a{{tools}}.yml", "ü.yml"]
)
@pytest.mark.parametrize("ci", CI)
def test_jobs_name_no_file_that_a_shell_would_read_otherwise(
    tmp_path: Path, ci: CI, name: str
) -> None:
    with pytest.raises(SpecError, match="cannot be named in CI's jobs") as raised:
        start(tmp_path, name, ci=ci)

    assert "--ci none" in str(raised.value.hint)
    assert everything(tmp_path) == {}
    assert start(tmp_path, name) == (name, "dev-tools.yml")


@pytest.mark.parametrize("outside", ["../other/ai.yml", "link/ai.yml"])
def test_jobs_name_no_file_outside_of_the_project(tmp_path: Path, outside: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "other").mkdir()
    (root / "link").symlink_to("../other")

    with pytest.raises(SpecError, match="is not below"):
        start_project(StartRequest(environment=root / outside, root=root, ci=CI.GITHUB))


NAME = st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S", "Z"]), min_size=1)
PATHS = st.lists(st.one_of(st.sampled_from(["envs", "a.b", "x"]), NAME), min_size=1, max_size=3)


@given(parts=PATHS, ci=st.sampled_from(CI))
def test_whatever_the_name_the_jobs_read_it_as_it_is(
    parts: list[str], ci: CI, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("root")
    name = "/".join(parts) + ".yml"
    try:
        start_project(StartRequest(environment=root / name, root=root, ci=ci))
    except SpecError:
        assert everything(root) == {}
        return
    for file in FILES[ci]:
        found = yaml.safe_load((root / file).read_text())
        variables = found["env"] if ci is CI.GITHUB else found[".condabox"]["variables"]
        said = subprocess.run(
            ["bash", "-c", 'for each in $ENVIRONMENTS; do echo "$each"; done'],
            env={"ENVIRONMENTS": variables["ENVIRONMENTS"]},
            capture_output=True,
            text=True,
            check=True,
        )
        assert all((root / line).is_file() for line in said.stdout.splitlines())


def test_the_root_is_the_git_repository_around_the_file(tmp_path: Path) -> None:
    repository, worktree, plain = (tmp_path / name for name in ("repository", "worktree", "plain"))
    (repository / ".git").mkdir(parents=True)
    worktree.mkdir()
    (worktree / ".git").write_text("gitdir: elsewhere")
    plain.mkdir()

    assert project_root(Path("envs/new"), current=repository) == repository
    assert project_root(worktree / "envs", current=repository) == worktree
    assert project_root(Path("envs"), current=plain) == plain


@pytest.mark.tool("git")
@pytest.mark.parametrize(
    ("origin", "ci"),
    [
        ("git@github.com:team/gitlab-tools.git", CI.GITHUB),
        ("https://github.com/team/app", CI.GITHUB),
        ("ssh://git@gitlab.example.org:2222/github/app.git", CI.GITLAB),
        ("https://user:github@gitlab.com/team/app.git", CI.GITLAB),
        ("https://git.example.org/github/gitlab.git", None),
        ("/srv/github", None),
        (None, None),
    ],
)
def test_who_hosts_the_project_is_told_by_its_origin(
    tmp_path: Path, origin: str | None, ci: CI | None
) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    if origin:
        command = ["git", "-C", str(tmp_path), "remote", "add", "origin", origin]
        subprocess.run(command, check=True)

    assert hosted_ci(tmp_path) == ci


def test_who_hosts_the_project_is_told_by_its_other_jobs(tmp_path: Path) -> None:
    assert hosted_ci(tmp_path) is None
    (tmp_path / ".gitlab-ci.yml").write_text("")
    assert hosted_ci(tmp_path) is CI.GITLAB
    (tmp_path / ".github").mkdir()
    assert hosted_ci(tmp_path) is CI.GITHUB


def test_a_second_environment_gets_no_second_jobs(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    start(tmp_path, ci=hosted_ci(tmp_path))

    assert hosted_ci(tmp_path) is None


def test_without_git_nobody_hosts_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert hosted_ci(tmp_path) is None


def test_the_command_line_knows_the_same_hosts() -> None:
    assert {each.value for each in Jobs} == {*CI, "none"}
