from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox import process
from condabox.conda.channels import pip_index
from condabox.conda.channels.pip_index import PipIndexes, certificate_environment, pip_indexes
from condabox.errors import ToolMissingError
from condabox.process import Completed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What pip prints, by its first argument."""
    answers: dict[str, str] = {}

    def ask(*arguments: str) -> str:
        return answers.get(arguments[0], "")

    monkeypatch.setattr(pip_index, "_ask_pip", ask)
    return answers


def test_pip_s_variables_count_more_than_its_files(pip: dict[str, str]) -> None:
    pip["config"] = (
        ":env:.index-url='https://two.example/simple/'\n"
        "global.index-url='https://one.example/simple'\n"
        "global.extra-index-url='https://a.example/s file:///srv/simple\\nhttps://b.example/s'\n"
        "global.cert='/corp.pem'\n"
        "download.index-url='https://other.example'\n"
        "WARNING: something else\n"
    )

    assert pip_indexes(None) == PipIndexes(
        urls=("https://two.example/simple", "https://a.example/s", "https://b.example/s"),
        skipped=("file:///srv/simple",),
        certificates="/corp.pem",
    )


def test_the_setting_replaces_the_main_index(pip: dict[str, str]) -> None:
    pip["config"] = "global.index-url='https://one.example/simple'\n"

    assert pip_indexes("https://mine.example/simple").urls == ("https://mine.example/simple",)


def test_the_default_is_what_pip_s_help_says(pip: dict[str, str]) -> None:
    pip["install"] = (
        "  -i, --index-url <url>   Base URL (default https://main.example/simple). This"
    )

    assert pip_indexes(None).urls == ("https://main.example/simple",)


def test_without_pip_there_is_no_index(pip: dict[str, str]) -> None:
    assert pip == {}
    assert pip_indexes(None) == PipIndexes(urls=())


def test_the_real_pip_answers() -> None:
    assert all(url.startswith("http") for url in pip_indexes(None).urls)
    assert pip_indexes(None).urls


def test_credentials_go_by_variables_of_their_own() -> None:
    env = PipIndexes(urls=("https://me:p%40ss@one.example/simple",)).poetry_environment()

    assert sorted(env.values()) == ["false", "https://one.example/simple", "me", "p@ss"]
    names = {name for name in env if name.endswith(("_URL", "_USERNAME", "_PASSWORD"))}
    assert all(name.replace("_", "").isalpha() for name in names)


def test_a_token_stays_in_the_index_s_path_and_out_of_its_name() -> None:
    found = PipIndexes(urls=("https://index.example/t/hidden/simple",)).poetry_environment()
    open_one = PipIndexes(urls=("https://index.example/simple",)).poetry_environment()

    assert found.keys() == open_one.keys()
    assert "https://index.example/t/hidden/simple" in found.values()


def test_variables_of_the_setting_are_filled_in(
    pip: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pip == {}
    monkeypatch.setenv("INDEX_PASSWORD", "p@ss")

    assert pip_indexes("https://me:$INDEX_PASSWORD@mine.example/simple").urls == (
        "https://me:p%40ss@mine.example/simple",
    )


def test_what_is_left_out_is_named_without_credentials(pip: dict[str, str]) -> None:
    pip["config"] = "global.extra-index-url='ftp://me:hidden@old.example/simple'\n"

    assert pip_indexes("https://mine.example").skipped == ("ftp://old.example/simple",)


def test_each_index_has_a_name_of_its_own() -> None:
    indexes = PipIndexes(urls=("https://one.example/simple", "https://two.example/simple"))

    assert len([n for n in indexes.poetry_environment() if n.endswith("_URL")]) == 2


def test_credentials_are_for_the_index_s_host_alone() -> None:
    indexes = PipIndexes(urls=("https://me:secret@one.example/simple",))

    assert indexes.authenticated("https://one.example/f/a.whl") == (
        "https://me:secret@one.example/f/a.whl"
    )
    assert indexes.authenticated("https://two.example/f/a.whl") == "https://two.example/f/a.whl"


def test_a_token_in_the_index_s_path_is_asked_for_its_wheels_too() -> None:
    indexes = PipIndexes(
        urls=("https://open.example/simple", "https://one.example/t/secret/team/simple")
    )

    assert indexes.authenticated("https://one.example/team/f/a.whl") == (
        "https://one.example/t/secret/team/f/a.whl"
    )
    assert indexes.authenticated("https://open.example/f/a.whl") == "https://open.example/f/a.whl"


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({}, {"SSL_CERT_FILE": "/pip.pem", "REQUESTS_CA_BUNDLE": "/pip.pem"}),
        ({"SSL_CERT_FILE": "/a.pem"}, {"REQUESTS_CA_BUNDLE": "/a.pem"}),
        ({"REQUESTS_CA_BUNDLE": "/b.pem"}, {"SSL_CERT_FILE": "/b.pem"}),
        ({"SSL_CERT_FILE": "/a.pem", "REQUESTS_CA_BUNDLE": "/b.pem"}, {}),
    ],
)
def test_certificates_stand_in_for_each_other(
    env: Mapping[str, str], expected: Mapping[str, str]
) -> None:
    assert certificate_environment(PipIndexes(urls=(), certificates="/pip.pem"), env) == expected


def test_without_certificates_nothing_is_set() -> None:
    assert certificate_environment(PipIndexes(urls=()), {}) == {}


def test_the_pip_on_path_stands_in_for_one_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt(command: Sequence[str], **_: object) -> Completed:
        found = command[0] == "pip"
        return Completed(returncode=0 if found else 1, stdout=b"answer", stderr="")

    monkeypatch.setattr(process, "attempt", attempt)

    assert pip_index._ask_pip("config", "list") == "answer"


def test_no_pip_at_all_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def attempt(command: Sequence[str], **_: object) -> Completed:
        if command[0] == "pip":
            raise ToolMissingError("cannot run pip")
        return Completed(returncode=1, stdout=b"noise", stderr="No module named pip")

    monkeypatch.setattr(process, "attempt", attempt)

    assert pip_index._ask_pip("config", "list") == ""
