"""Locks in files and in commits of a real repository."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from condabox.errors import LockError, ToolMissingError
from condabox.events import SilentReporter
from condabox.reporting.lockdiff import Kind, Presence
from condabox.workflows.diff import DiffRequest, diff_locks
from tests.fakes.lockfiles import FORGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.reporting.lockdiff import LockDiff

pytestmark = pytest.mark.tool("git")

ENVIRONMENT = "name: ai\nchannels: [conda-forge]\ndependencies: [numpy]\nplatforms: [linux-64]\n"
PIXI = """\
version: 6
environments:
  gpu:
    channels:
    - url: https://conda.anaconda.org/conda-forge/
    packages:
      linux-64:
      - conda: {url}
packages:
- conda: {url}
  sha256: abababababababababababababababababababababababababababababababab
"""


def lock(**versions: str) -> str:
    """Return a lock file with ``versions`` by the name of their packages."""
    return yaml.safe_dump(
        {
            "version": 1,
            "metadata": {"channels": [{"url": "conda-forge"}], "platforms": ["linux-64"]},
            "package": [
                {
                    "name": name,
                    "version": version,
                    "manager": "conda",
                    "platform": "linux-64",
                    "dependencies": {},
                    "url": f"{FORGE}/linux-64/{name}-{version}-0.conda",
                    "hash": {"sha256": "ab" * 32},
                }
                for name, version in versions.items()
            ],
        }
    )


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository in ``root``, where the test runs."""

    root: Path

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True
        ).stdout

    def commit(self, files: Mapping[str, str], *, message: str = "work") -> None:
        """Write ``files`` and commit everything."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(content)
        self.git("add", "--all")
        self.git("commit", "--message", message)


class Messages(SilentReporter):
    def __init__(self) -> None:
        self.found: list[str] = []

    def message(self, text: str) -> None:
        self.found.append(text)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A. Tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    repository = Repository(root)
    repository.git("init", "--quiet", "--initial-branch", "main")
    return repository


def compare(old: str, new: str, *, environment: str | None = None) -> tuple[LockDiff, list[str]]:
    reporter = Messages()
    request = DiffRequest(old=old, new=new, environment=environment)
    return diff_locks(request, reporter=reporter), reporter.found


def versions(old: str, new: str) -> list[tuple[str, str | None, str | None]]:
    diff, _ = compare(old, new)
    return [
        (
            change.name,
            change.before.package.version if change.before else None,
            change.after.package.version if change.after else None,
        )
        for subdir in diff.subdirs
        for change in subdir.changes
    ]


def problem(old: str, new: str) -> LockError:
    with pytest.raises(LockError) as caught:
        compare(old, new)
    return caught.value


def test_two_files(repository: Repository) -> None:
    (repository.root / "old.lock").write_text(lock(numpy="1"))
    (repository.root / "new.lock").write_text(lock(numpy="2"))

    diff, messages = compare("old.lock", str(repository.root / "new.lock"))

    assert (diff.old, diff.new) == (Path("old.lock"), repository.root / "new.lock")
    assert (diff.counts, messages) == ({Kind.UP: 1}, [])


@pytest.fixture
def history(repository: Repository) -> Repository:
    """A lock that moved twice, the second time without a commit."""
    first = {"envs/ai.yml": ENVIRONMENT, "envs/ai.conda-lock.yml": lock(numpy="1")}
    repository.commit(first, message="first: it")
    repository.git("tag", "--annotate", "--message", "one", "v1")
    repository.commit({"envs/ai.conda-lock.yml": lock(numpy="2")})
    (repository.root / "envs/ai.conda-lock.yml").write_text(lock(numpy="3"))
    return repository


@pytest.mark.parametrize(
    "old",
    [
        pytest.param("HEAD~1:envs/ai.conda-lock.yml", id="commit"),
        pytest.param("main~1:envs/ai.conda-lock.yml", id="branch"),
        pytest.param("v1:envs/ai.conda-lock.yml", id="tag"),
        pytest.param("v1^{}:envs/ai.conda-lock.yml", id="braces"),
        pytest.param("HEAD^{/first: it}:envs/ai.conda-lock.yml", id="colon in braces"),
        pytest.param("HEAD~1:./envs/ai.conda-lock.yml", id="dot"),
        pytest.param("HEAD~1:envs/../envs//ai.conda-lock.yml", id="way round"),
        pytest.param("HEAD~1:envs/ai.yml", id="environment file"),
    ],
)
@pytest.mark.usefixtures("history")
def test_a_file_in_a_commit(old: str) -> None:
    assert versions(old, "envs/ai.yml") == [("numpy", "1", "3")]
    assert versions(old, "HEAD:envs/ai.yml") == [("numpy", "1", "2")]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("envs/ai.yml", id="from the root, as git has it"),
        pytest.param("ai.yml", id="from the current folder"),
        pytest.param("ai.conda-lock.yml", id="lock in the current folder"),
        pytest.param("./ai.conda-lock.yml", id="dot"),
        pytest.param("../envs/ai.conda-lock.yml", id="two dots"),
    ],
)
def test_in_a_subfolder(history: Repository, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(history.root / "envs")

    diff, _ = compare(f"HEAD~1:{path}", "ai.yml")

    assert str(diff.old) == "HEAD~1:envs/ai.conda-lock.yml"
    assert diff.counts == {Kind.UP: 1}


def test_in_a_subfolder_the_root_comes_first_as_in_git(
    history: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.commit({"ai.conda-lock.yml": lock(numpy="9")})
    monkeypatch.chdir(history.root / "envs")

    assert versions("HEAD:ai.conda-lock.yml", "HEAD:./ai.conda-lock.yml") == [("numpy", "9", "3")]


def test_the_lock_of_an_environment_file_is_the_one_beside_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit({"ai.yml": ENVIRONMENT, "envs/ai.conda-lock.yml": lock(numpy="1")})
    monkeypatch.chdir(repository.root / "envs")

    diff, messages = compare("HEAD:../ai.yml", "ai.conda-lock.yml")

    assert messages == ["there is no HEAD:ai.conda-lock.yml: it counts as an empty lock"]
    assert [each.presence for each in diff.subdirs] == [Presence.NEW]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("envs/ai.conda-lock.yml", id="lock"),
        pytest.param("envs/ai.yml", id="environment"),
    ],
)
def test_the_first_lock_is_compared_with_nothing(repository: Repository, path: str) -> None:
    repository.commit({"envs/ai.yml": ENVIRONMENT})
    repository.commit({"envs/ai.conda-lock.yml": lock(numpy="1")})

    diff, messages = compare(f"HEAD~1:{path}", path)

    assert messages == ["there is no HEAD~1:envs/ai.conda-lock.yml: it counts as an empty lock"]
    assert str(diff.old) == "HEAD~1:envs/ai.conda-lock.yml"
    assert versions(f"HEAD~1:{path}", path) == [("numpy", None, "1")]


def test_a_lock_that_its_commit_has_no_more_is_compared_too(history: Repository) -> None:
    history.git("rm", "--quiet", "--force", "envs/ai.conda-lock.yml")
    history.git("commit", "--message", "no lock")

    diff, messages = compare("HEAD~1:envs/ai.yml", "HEAD:envs/ai.yml")

    assert messages == ["there is no HEAD:envs/ai.conda-lock.yml: it counts as an empty lock"]
    assert [each.presence for each in diff.subdirs] == [Presence.OLD]


def test_a_renamed_lock_is_compared_under_both_names(history: Repository) -> None:
    history.git("mv", "--force", "envs/ai.conda-lock.yml", "envs/new.conda-lock.yml")

    assert versions("HEAD:envs/ai.conda-lock.yml", "envs/new.conda-lock.yml") == [
        ("numpy", "2", "3")
    ]
    error = problem("HEAD:envs/ai.conda-lock.yml", "envs/ai.conda-lock.yml")
    assert error.message == "envs/ai.conda-lock.yml does not exist"


def test_a_file_of_that_very_name_comes_first(history: Repository) -> None:
    (history.root / "HEAD:envs").mkdir()
    (history.root / "HEAD:envs/ai.conda-lock.yml").write_text(lock(numpy="7"))

    assert versions("HEAD:envs/ai.conda-lock.yml", "HEAD~1:envs/ai.yml") == [("numpy", "7", "1")]


def test_neither_is_there(history: Repository) -> None:
    error = problem("HEAD:typo.yml", "HEAD~1:typo.yml")

    assert error.message == "there is neither HEAD:typo.yml nor HEAD~1:typo.yml"
    assert history.git("status", "--short") == " M envs/ai.conda-lock.yml\n"


@pytest.mark.parametrize(
    "rev", ["nowhere", "HEAD~9", "HEAD..main", "a b", "$(touch x)", "HEAD~1 --", "v1^{blob}"]
)
@pytest.mark.usefixtures("history")
def test_an_unknown_revision_is_an_error(rev: str) -> None:
    error = problem(f"{rev}:envs/ai.yml", "envs/ai.yml")

    assert error.message == f"git knows no revision {rev} here"
    assert error.hint
    assert "fetch it first" in error.hint


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("missing.yml", id="no such file"),
        pytest.param(r"C:\envs\ai.yml", id="Windows"),
        pytest.param("C:/envs/ai.yml", id="Windows, other slashes"),
        pytest.param("https://example.org/ai.conda-lock.yml", id="URL"),
        pytest.param("HEAD:/envs/ai.yml", id="path from nowhere"),
        pytest.param("HEAD:", id="no path"),
        pytest.param(":envs/ai.yml", id="no revision"),
        pytest.param("--output=stolen:envs/ai.yml", id="option of git's"),
        pytest.param("HEAD^{:envs/ai.yml", id="open brace"),
    ],
)
def test_odd_names_are_files_that_do_not_exist(history: Repository, text: str) -> None:
    error = problem(text, "envs/ai.yml")

    assert error.message == f"{Path(text)} does not exist"
    assert error.hint == "name a lock file, or one in a commit like HEAD~1:envs/ai.yml"
    assert sorted(path.name for path in history.root.iterdir()) == [".git", "envs"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("envs", "envs cannot be read: Is a directory", id="folder"),
        pytest.param("", ". cannot be read: Is a directory", id="nothing"),
        pytest.param("HEAD:envs", "HEAD:envs is not a file", id="folder in a commit"),
        pytest.param("x" * 300, f"{'x' * 300} cannot be read: File name too long", id="too long"),
        pytest.param("HEAD:../x", "there is neither HEAD:../x nor", id="out of the repository"),
    ],
)
@pytest.mark.usefixtures("history")
def test_what_cannot_be_read(text: str, message: str) -> None:
    assert problem(text, text).message.startswith(message)


def test_no_lock_is_an_error_that_names_its_commit(history: Repository) -> None:
    history.commit({"envs/notes.yml": "a: 1\n"})

    assert problem("HEAD:envs/notes.yml", "envs/ai.yml").message == (
        "HEAD:envs/notes.yml is not a lock file"
    )


def test_an_environment_that_was_never_locked_says_how(repository: Repository) -> None:
    repository.commit({"ai.yml": ENVIRONMENT})

    error = problem("ai.yml", "ai.yml")

    assert error.message == "ai.conda-lock.yml does not exist"
    assert error.hint == "run `condabox lock ai.yml` to make it"


def test_outside_of_a_repository_git_says_so(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    error = problem("HEAD:ai.yml", "HEAD:ai.yml")

    assert error.message.startswith("HEAD cannot be looked up: not a git repository")
    assert repository.root.exists()


def test_in_a_repository_without_commits_there_is_no_revision(repository: Repository) -> None:
    assert repository.git("status")
    assert problem("HEAD:ai.yml", "HEAD:ai.yml").message == "git knows no revision HEAD here"


def test_without_git_files_can_be_compared_still(
    history: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    diff, _ = compare("envs/ai.yml", "envs/ai.yml")

    assert not diff.changed
    with pytest.raises(ToolMissingError, match="git is not on PATH"):
        compare("HEAD:envs/ai.yml", str(history.root / "envs/ai.yml"))


def test_locks_of_two_tools_can_be_compared(repository: Repository) -> None:
    url = f"{FORGE}/linux-64/numpy-2-0.conda"
    repository.commit({"ai.conda-lock.yml": lock(numpy="1"), "pixi.lock": PIXI.format(url=url)})

    diff, _ = compare("HEAD:ai.conda-lock.yml", "pixi.lock", environment="gpu")

    assert diff.counts == {Kind.UP: 1}
    assert problem("ai.conda-lock.yml", "pixi.lock").message.startswith("pixi.lock: environments")
