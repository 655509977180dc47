"""What channels say when they are asked by the dozen, and how long they are waited for."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from condabox.conda.channels.probe import SourceAnswer, probe_channels
from condabox.settings import Settings
from tests.fakes.certificates import make_certificates
from tests.fakes.channel import ChannelServer, FakePackage, small_world, write_channel
from tests.fakes.httpserver import unanswered_url
from tests.fakes.solving import BASIC, PASSWORD, TOKEN, USER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 8.0
"""What the doctor has, in seconds."""

FORGE = "https://conda.anaconda.org/conda-forge"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    write_channel(tmp_path / "channel", small_world())
    with ChannelServer(tmp_path / "channel") as server:
        yield server


def probe(
    folder: Path,
    *mirrors: str,
    subdirs: tuple[str, ...] = ("linux-64", "linux-aarch64"),
    seconds: float = 20,
) -> tuple[SourceAnswer, ...]:
    """Ask the mirrors of a channel that is itself not there."""
    gone = f"{unanswered_url()}/gone"
    settings = Settings(cache_dir=folder / "cache", channel_mirrors={gone: mirrors})
    answers = probe_channels([gone], subdirs=subdirs, settings=settings, seconds=seconds)[gone]
    assert answers[-1].url == gone
    assert answers[-1].problem == "nobody answers"
    assert not (folder / "cache").exists()
    return answers[:-1]


def test_a_channel_has_packages_by_subdir(server: ChannelServer, tmp_path: Path) -> None:
    (answer,) = probe(tmp_path, server.url)

    assert answer == SourceAnswer(
        url=server.url,
        packages={"linux-64": 7, "linux-aarch64": 6, "noarch": 6},
        problem="",
        hint="",
    )


def test_a_subdir_may_be_missing(tmp_path: Path) -> None:
    url = write_channel(tmp_path / "own", [FakePackage(name="x", subdir="noarch")])

    (answer,) = probe(tmp_path, url, subdirs=("linux-64", "linux-ppc64le"))

    assert answer.packages == {"linux-64": 0, "linux-ppc64le": 0, "noarch": 1}


@pytest.mark.parametrize(
    ("status", "expected", "hint"),
    [
        (401, "401 Unauthorized", "log in"),
        (403, "403 Forbidden", "log in"),
        (404, "404 Not Found", "check the channel's name"),
    ],
)
def test_refusals_are_told(
    server: ChannelServer, tmp_path: Path, status: int, expected: str, hint: str
) -> None:
    for subdir in ("linux-64", "linux-aarch64", "noarch"):
        for name in ("repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json"):
            server.statuses[f"/{subdir}/{name}"] = [status] * 9

    (answer,) = probe(tmp_path, server.url)

    assert expected in answer.problem
    assert answer.hint.startswith(hint)


def test_a_login_page_is_no_channel(tmp_path: Path) -> None:
    for subdir in ("linux-64", "linux-aarch64", "noarch"):
        folder = tmp_path / "channel" / subdir
        folder.mkdir(parents=True)
        (folder / "repodata.json").write_text("<!DOCTYPE html><title>Log in</title>")
    with ChannelServer(tmp_path / "channel") as server:
        (answer,) = probe(tmp_path, server.url)

    assert "login page" in answer.hint


def test_credentials_are_used_and_not_told(server: ChannelServer, tmp_path: Path) -> None:
    server.credentials, server.token = f"{USER}:{PASSWORD}", TOKEN
    wrong = f"http://{USER}:visible-wrong@{server.host}/t/visible-too"

    right, other = probe(tmp_path, f"http://{BASIC}@{server.host}/t/{TOKEN}", wrong)

    assert right.packages
    assert other.problem
    assert "visible" not in repr((right, other))


def test_a_variable_that_is_not_set(server: ChannelServer, tmp_path: Path) -> None:
    (answer,) = probe(tmp_path, f"{server.url}/t/$NO_SUCH_TOKEN")

    assert answer.problem == "the variable NO_SUCH_TOKEN is not set"
    assert answer.hint.startswith("log in")


@pytest.mark.parametrize("private", ["", "me:password@"])
def test_an_authority_that_nobody_knows_is_told_at_once(tmp_path: Path, private: str) -> None:
    write_channel(tmp_path / "channel", small_world())
    certificates = make_certificates(tmp_path)
    with ChannelServer(tmp_path / "channel", certificates=certificates) as server:
        (answer,) = probe(tmp_path, server.url.replace("://", f"://{private}"), seconds=PATIENCE)

    assert "certificate" in answer.problem


@pytest.mark.parametrize("private", ["", "me:password@"])
def test_who_is_busy_is_told_at_once(server: ChannelServer, tmp_path: Path, private: str) -> None:
    """The doctor does not wait for what may pass: that is what it is asked about."""
    for subdir in ("linux-64", "linux-aarch64", "noarch"):
        for name in ("repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json"):
            server.statuses[f"/{subdir}/{name}"] = [503] * 99

    (answer,) = probe(tmp_path, server.url.replace("://", f"://{private}"), seconds=PATIENCE)

    assert "503 Service Unavailable" in answer.problem


def test_who_takes_connections_and_says_nothing_holds_up_nobody(
    server: ChannelServer, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = f"http://127.0.0.1:{silent.getsockname()[1]}"
        late, good = probe(tmp_path, hanging, server.url, seconds=2)

    assert late.problem == "gave no repodata in 2 seconds"
    assert good.packages


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (answer,) = probe(tmp_path, (tmp_path / "none").as_uri())

    assert "No such file" in answer.problem
