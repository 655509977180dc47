"""What is said of environment files, their locks, and the indexes of their wheels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.channels.pip_index import PipIndexes
from condabox.registry.transport import Transport
from condabox.reporting.findings import State
from condabox.workflows.checks import environments
from condabox.workflows.checks.environments import environment_checks
from condabox.workflows.checks.scene import read_scenes
from tests.fakes.certificates import make_certificates
from tests.fakes.checking import found, lines
from tests.fakes.current_lock import write_current_lock
from tests.fakes.httpserver import Answer, HttpServer, basic, unanswered_url
from tests.fakes.lockfiles import conda

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.reporting.findings import Finding
    from tests.fakes.httpserver import Seen

CONDA = "name: x\nchannels: [conda-forge]\ndependencies: [python]\nplatforms: [linux-64]\n"
WHEELS = CONDA.replace("[python]", "[python, pip, {pip: [Some.Wheel==1.0, another]}]")
PASSWORD = "open-sesame"  # noqa: S105  (of nothing)


class Index(HttpServer):
    """Has one project, perhaps for one user alone."""

    user: str | None = None

    def answer(self, request: Seen) -> Answer:
        if self.user and request.headers.get("authorization") != basic(self.user):
            return Answer(401)
        return Answer(200 if request.path == "/simple/another/" else 404)


@pytest.fixture
def index() -> Iterator[Index]:
    with Index() as index:
        yield index


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[PipIndexes]:
    """Return a list whose last entry is what pip is configured for."""
    configured: list[PipIndexes] = []
    monkeypatch.setattr(environments, "pip_indexes", lambda _: configured[-1])
    return configured


def look(*paths: Path) -> tuple[Finding, ...]:
    env = {"HOME": str(paths[0].parent)}
    (scene,) = read_scenes(paths, env=env)
    with Transport(sleep=lambda _: None) as transport:
        return found(environment_checks(scene, transport=transport, env=env))


def written(folder: Path, text: str) -> Path:
    path = folder / "ai.yml"
    path.write_text(text)
    return path


def asked(folder: Path) -> list[str]:
    """Return what is said of the index."""
    told = look(written(folder, WHEELS))
    return lines(each for each in told if each.name == "pip index")


def test_a_lock_that_is_not_there_is_made_by_a_build(tmp_path: Path) -> None:
    (told,) = look(written(tmp_path, CONDA))

    assert (told.name, told.state) == (str(tmp_path / "ai.yml"), State.NOTE)
    assert "ai.conda-lock.yml does not exist" in told.detail
    assert "condabox lock" in str(told.hint)


def test_a_lock_that_is_current_and_one_that_is_stale(tmp_path: Path) -> None:
    path = written(tmp_path, CONDA)
    write_current_lock(path, [conda("python")])
    (current,) = look(path)
    path.write_text(CONDA.replace("[python]", "[python, numpy]"))
    (stale,) = look(path)

    assert (current.state, current.detail) == (State.OK, "its lock is current, for linux-64")
    assert stale.state is State.PROBLEM
    assert "dependencies: + numpy" in stale.detail
    assert "condabox lock" in str(stale.hint)


def test_a_lock_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    path = written(tmp_path, CONDA)
    (tmp_path / "ai.conda-lock.yml").write_text("version: 1\n")

    (told,) = look(path)

    assert (told.state, bool(told.hint)) == (State.PROBLEM, True)


def test_environment_files_that_cannot_be_read_hide_no_others(tmp_path: Path) -> None:
    paths = [tmp_path / "none.yml", tmp_path / "broken.yml", written(tmp_path, CONDA)]
    paths[1].write_text("channels: 1\ndependencies: {}\n")

    told = look(*paths)

    assert [(each.name, each.state) for each in told] == [
        (str(paths[0]), State.PROBLEM),
        (str(paths[1]), State.PROBLEM),
        (str(paths[2]), State.NOTE),
    ]


def test_the_index_is_asked_for_one_of_the_wheels(
    tmp_path: Path, index: Index, pip: list[PipIndexes]
) -> None:
    index.user = f"me:{PASSWORD}"
    private = index.url.replace("http://", f"http://{index.user}@")
    skipped = ("file:///srv/simple",)
    pip.append(PipIndexes(urls=(f"{private}/simple",), skipped=skipped))

    assert asked(tmp_path) == [
        f"ok pip index: {index.url}/simple has another",
        "note pip index: file:///srv/simple is not asked: it is not reached over HTTP",
    ]


def test_without_wheels_no_index_is_asked(tmp_path: Path, pip: list[PipIndexes]) -> None:
    assert [each.name for each in look(written(tmp_path, CONDA))] == [str(tmp_path / "ai.yml")]
    assert pip == []


def test_an_index_that_wants_to_know_who_asks(
    tmp_path: Path, index: Index, pip: list[PipIndexes]
) -> None:
    index.user = f"me:{PASSWORD}"
    wrong = index.url.replace("http://", "http://me:wrong-password@")
    pip.append(PipIndexes(urls=(f"{wrong}/simple",)))

    assert asked(tmp_path) == [
        f"problem pip index: {index.url}/simple refuses who asks: status 401"
    ]


def test_an_index_without_the_project_may_be_the_wrong_one(
    tmp_path: Path, index: Index, pip: list[PipIndexes]
) -> None:
    pip.append(PipIndexes(urls=(index.url,)))

    assert asked(tmp_path) == [f"note pip index: {index.url} has no another"]


def test_an_index_that_is_gone_and_none_at_all(tmp_path: Path, pip: list[PipIndexes]) -> None:
    gone = unanswered_url()
    pip.append(PipIndexes(urls=(f"{gone}/simple",)))
    (line,) = asked(tmp_path)
    pip.append(PipIndexes(urls=()))
    (none,) = asked(tmp_path)

    assert line.startswith(f"problem pip index: {gone}/simple: ")
    assert none == "problem pip index: pip knows none"


def test_certificates_that_pip_alone_knows_are_no_problem(
    tmp_path: Path, pip: list[PipIndexes]
) -> None:
    certificates = make_certificates(tmp_path)
    with Index(certificates=certificates) as index:
        pip.append(PipIndexes(urls=(f"{index.url}/simple",)))
        (problem,) = asked(tmp_path)
        own = str(certificates.authority)
        pip.append(PipIndexes(urls=(f"{index.url}/simple",), certificates=own))
        (note,) = asked(tmp_path)

    assert problem.startswith("problem pip index: ")
    assert note.startswith("note pip index: ")
    assert "CERTIFICATE_VERIFY_FAILED" in note
