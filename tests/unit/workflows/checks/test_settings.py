"""What is said of settings, of conda's configuration, of proxies and certificates."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.errors import CondaboxError
from condabox.reporting.findings import State
from condabox.workflows.checks.scene import read_scenes
from condabox.workflows.checks.settings import settings_checks
from tests.fakes.certificates import make_certificates
from tests.fakes.checking import found, lines
from tests.fakes.httpserver import unanswered_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.reporting.findings import Finding

ENVIRONMENT = "name: x\nchannels: [conda-forge]\ndependencies: [python]\nplatforms: [linux-64]\n"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def look(home: Path, **env: str) -> dict[str, Finding]:
    env = {"HOME": str(home), **env}
    (scene,) = read_scenes((), env=env)
    return {each.name: each for each in found(settings_checks(scene, env=env))}


def test_without_any_configuration_all_is_by_default(tmp_path: Path) -> None:
    said = look(tmp_path)

    assert list(said) == ["condabox", "settings", ".condarc"]
    assert {each.state for each in said.values()} == {State.OK}
    assert said["settings"].detail.startswith("no condabox.toml")
    assert said[".condarc"].detail.startswith("no .condarc")


def test_the_file_that_holds_is_named(tmp_path: Path) -> None:
    (tmp_path / "condabox.toml").touch()
    other = tmp_path / "other.toml"
    other.touch()

    assert look(tmp_path)["settings"].detail == str(tmp_path / "condabox.toml")
    assert look(tmp_path, CONDABOX_CONFIG=str(other))["settings"].detail == (
        f"{other} (named by CONDABOX_CONFIG)"
    )


def test_broken_settings_are_a_problem_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "condabox.toml").write_text("[registries\n")

    said = look(tmp_path)["settings"]

    assert said.state is State.PROBLEM
    assert f"{tmp_path}/condabox.toml: is not TOML" in said.detail
    assert said.hint


def test_a_broken_condarc_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / ".condarc").write_text("channel_alias: [1]\n")

    said = look(tmp_path)[".condarc"]

    assert (said.state, str(tmp_path) in said.detail) == (State.PROBLEM, True)


def test_what_conda_s_configuration_changes_is_told_without_its_secrets(tmp_path: Path) -> None:
    (tmp_path / ".condarc").write_text(
        "channel_alias: https://me:secret@conda.example/t/secret/all\n"
        "custom_channels: {ours: https://me:secret@conda.example}\n"
        "default_channels: [https://conda.example/main]\n"
        "proxy_servers: {https: http://me:secret@proxy.example:3128}\n"
        "ssl_verify: false\n"
    )

    said = look(tmp_path)[".condarc"]

    assert said.detail == (
        f"{tmp_path}/.condarc: channel_alias https://conda.example/all; custom_channels ours; "
        "1 multichannel: defaults; proxy for https: proxy.example:3128; "
        "ssl_verify false: every certificate of a channel is trusted"
    )
    assert said.state is State.NOTE


def test_all_files_of_conda_s_that_are_read_are_named(tmp_path: Path) -> None:
    named = tmp_path / "named.yml"
    named.touch()
    (tmp_path / ".condarc").write_text("always_yes: true\n")

    said = look(tmp_path, CONDARC=str(named))[".condarc"]

    assert said.detail == f"{tmp_path}/.condarc, {named}: nothing of channels and their network"


@pytest.fixture
def proxy() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize("url", ["http://{0}", "http://me:secret@{0}/", "{0}", "socks5://{0}"])
def test_a_proxy_that_takes_connections(tmp_path: Path, proxy: str, url: str) -> None:
    said = look(tmp_path, HTTPS_PROXY=url.format(proxy))["HTTPS_PROXY"]

    assert (said.state, said.detail) == (State.OK, f"{proxy} takes connections")


def test_a_proxy_that_is_gone_is_a_problem(tmp_path: Path) -> None:
    gone = unanswered_url().replace("http://", "http://me:secret@")

    said = look(tmp_path, http_proxy=gone, HTTP_PROXY="http://ignored:1")

    assert said["http_proxy"].state is State.PROBLEM
    assert "nobody answers" in said["http_proxy"].detail
    assert "HTTP_PROXY" not in said
    assert "secret" not in repr(said)


@pytest.mark.parametrize("url", ["http://[::1", "http://host:port", "://", "http://"])
def test_what_is_no_proxy_is_a_problem_that_is_not_quoted(tmp_path: Path, url: str) -> None:
    said = look(tmp_path, ALL_PROXY=url)["ALL_PROXY"]

    assert said.state is State.PROBLEM


def test_certificates_that_can_be_read(tmp_path: Path) -> None:
    authority = make_certificates(tmp_path).authority

    said = look(tmp_path, SSL_CERT_FILE=str(authority), REQUESTS_CA_BUNDLE=str(tmp_path))

    assert {each.state for each in said.values()} == {State.OK}
    assert said["SSL_CERT_FILE"].detail == str(authority)


def test_certificates_that_cannot_be_read_are_problems(tmp_path: Path) -> None:
    text = tmp_path / "text.pem"
    text.write_text("no certificate")

    said = look(tmp_path, SSL_CERT_FILE=str(tmp_path / "none"), REQUESTS_CA_BUNDLE=str(text))

    assert lines(each for name, each in said.items() if name.isupper()) == [
        f"problem SSL_CERT_FILE: {tmp_path}/none: is not there",
        f"problem REQUESTS_CA_BUNDLE: {text} has no certificates that can be read",
    ]
    assert ssl.SSLError.__mro__[1] is OSError  # so that it has to be looked for first


def test_environments_of_the_same_settings_are_one_scene(tmp_path: Path) -> None:
    (tmp_path / "condabox.toml").touch()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "condabox.toml").touch()
    paths = [tmp_path / name for name in ("a.yml", "own/b.yml", "envs/c.yml", "none.yml")]
    (tmp_path / "envs").mkdir()
    for path in paths[:3]:
        path.write_text(ENVIRONMENT)

    first, second = read_scenes(paths, env={"HOME": str(tmp_path)})

    assert list(first.environments) == [paths[0], paths[3], paths[2]]
    assert [spec.path for spec in first.specs] == [paths[0], paths[2]]
    assert isinstance(first.environments[paths[3]], CondaboxError)
    assert [spec.path for spec in second.specs] == [paths[1]]


def test_a_folder_that_is_gone_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    assert look(tmp_path)["settings"].state is State.PROBLEM
    assert not Path(gone).exists()
