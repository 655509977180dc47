from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.channels.condarc import INSECURE, condarc_files, read_condarc
from condabox.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.channels.condarc import Condarc


def read(home: Path, text: str, **env: str) -> Condarc:
    (home / ".condarc").write_text(text)
    return read_condarc({"HOME": str(home), **env})


def test_without_a_file_names_are_conda_s(tmp_path: Path) -> None:
    found = read_condarc({"HOME": str(tmp_path)})

    assert found.channels.canonical(["bioconda"]) == ("https://conda.anaconda.org/bioconda",)
    assert found.network_environment({}) == {}


def test_names_of_channels_are_honoured(tmp_path: Path) -> None:
    text = (
        "channel_alias: https://alias.example\n"
        "custom_channels: {team: 'https://team.example'}\n"
        "custom_multichannels: {both: [team, other]}\n"
        "default_channels: [https://defaults.example/main]\n"
    )
    names = read(tmp_path, text).channels

    assert names.canonical(["both", "defaults"]) == (
        "https://team.example/team",
        "https://alias.example/other",
        "https://defaults.example/main",
    )


def test_the_file_that_condarc_names_counts_most(tmp_path: Path) -> None:
    special = tmp_path / "special"
    special.write_text("channel_alias: https://two.example\ncustom_channels: {b: 'https://b'}\n")
    text = "channel_alias: https://one.example\ncustom_channels: {a: 'https://a'}\n"
    names = read(tmp_path, text, CONDARC=str(special)).channels

    assert names.canonical(["x", "a", "b"]) == (
        "https://two.example/x",
        "https://a/a",
        "https://b/b",
    )


def test_every_place_of_conda_s_is_read_in_its_order(tmp_path: Path) -> None:
    places = (
        "root/.condarc",
        "config/conda/condarc",
        ".conda/condarc.d/10-first.yml",
        ".conda/condarc.d/20-second.yaml",
        ".condarc",
        "prefix/condarc",
    )
    for number, place in enumerate(places):
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        custom = f"custom_channels: {{name-{number}: 'https://{number}.example'}}\n"
        path.write_text(f"channel_alias: https://{number}.example\n{custom}")
    (tmp_path / ".conda" / "condarc.d" / "notes.txt").write_text("[")
    env = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "CONDA_ROOT": str(tmp_path / "root"),
        "CONDA_PREFIX": str(tmp_path / "prefix"),
    }
    names = read_condarc(env).channels

    assert condarc_files(env) == tuple(tmp_path / place for place in places)
    assert names.alias == "https://5.example"
    assert list(names.custom) == [f"name-{number}" for number in range(len(places))]


def test_proxies_and_certificates_become_variables(tmp_path: Path) -> None:
    text = "ssl_verify: /corp.pem\nproxy_servers: {https: 'http://proxy.example:3128'}\n"
    found = read(tmp_path, text)

    assert found.network_environment({}) == {
        "https_proxy": "http://proxy.example:3128",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "SSL_CERT_FILE": "/corp.pem",
        "REQUESTS_CA_BUNDLE": "/corp.pem",
    }


def test_variables_that_are_set_stand(tmp_path: Path) -> None:
    found = read(tmp_path, "ssl_verify: /corp.pem\nproxy_servers: {https: 'http://p'}\n")
    env = {"https_proxy": "http://q", "SSL_CERT_FILE": "/mine.pem", "REQUESTS_CA_BUNDLE": "/m"}

    assert found.network_environment(env) == {}


@pytest.mark.parametrize(("value", "expected"), [("false", {INSECURE: "1"}), ("truststore", {})])
def test_ssl_verify_may_be_a_word(tmp_path: Path, value: str, expected: dict[str, str]) -> None:
    assert read(tmp_path, f"ssl_verify: {value}\n").network_environment({}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("channel_alias: [a]\n", "channel_alias: expected a string"),
        ("custom_channels: text\n", "custom_channels: expected a mapping"),
        ("ssl_verify: [1]\n", "ssl_verify: expected true, false or a path"),
        ("- list\n", "expected a mapping"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        read(tmp_path, text)

    assert str(tmp_path / ".condarc") in caught.value.message
    assert expected in caught.value.message


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "").ssl_verify is True
