"""How the solver reaches private channels: by any credentials, and without keeping them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.conda.channels.condarc import INSECURE
from tests.fakes.certificates import make_certificates
from tests.fakes.channel import ChannelServer, FakePackage, small_world, write_channel
from tests.fakes.solving import BASIC, PASSWORD, TOKEN, USER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.solving import Solving

FORGE = "https://conda.anaconda.org/conda-forge"


def store(home: Path, credentials: object, *, host: str = "127.0.0.1") -> Path:
    path = home / "store.json"
    path.write_text(json.dumps({host: credentials}))
    return path


def test_user_and_password_in_the_url(server: ChannelServer, solving: Solving) -> None:
    server.credentials = f"{USER}:{PASSWORD}"
    found = solving("libc", channels=(f"http://{BASIC}@{server.host}",))

    assert found["libc"].url == f"{server.url}/linux-64/libc-1.2-0.conda"
    assert solving.secrets_kept(found)


def test_a_token_in_the_url(server: ChannelServer, solving: Solving) -> None:
    server.token = TOKEN
    found = solving("libc", channels=(f"{server.url}/t/{TOKEN}",))

    assert found["libc"].url == f"{server.url}/linux-64/libc-1.2-0.conda"
    assert solving.secrets_kept(found)


def test_credentials_of_a_mirror(server: ChannelServer, solving: Solving) -> None:
    server.credentials, server.token = f"{USER}:{PASSWORD}", TOKEN
    solving.mirrors = {FORGE: (f"http://{BASIC}@{server.host}/t/{TOKEN}",)}
    found = solving("libc", channels=(FORGE,))

    assert found["libc"].url == f"{FORGE}/linux-64/libc-1.2-0.conda"
    assert solving.secrets_kept(found)


@pytest.mark.parametrize(
    ("kind", "credentials"),
    [
        ("credentials", {"BasicHTTP": {"username": USER, "password": PASSWORD}}),
        ("bearer", {"BearerToken": TOKEN}),
        ("token", {"CondaToken": TOKEN}),
    ],
)
def test_rattler_s_own_stores(
    server: ChannelServer, solving: Solving, tmp_path: Path, kind: str, credentials: object
) -> None:
    setattr(server, kind, f"{USER}:{PASSWORD}" if kind == "credentials" else TOKEN)
    path = store(tmp_path, credentials)
    with pytest.MonkeyPatch.context() as env:
        env.setenv("RATTLER_AUTH_FILE", str(path))
        assert solving.secrets_kept(solving("libc", channels=(server.url,)))
    with pytest.MonkeyPatch.context() as env:
        env.setenv("HOME", str(tmp_path))
        (tmp_path / ".rattler").mkdir()
        path.rename(tmp_path / ".rattler" / "credentials.json")
        assert solving.secrets_kept(solving("libc", channels=(server.url,)))


def test_netrc(
    server: ChannelServer, solving: Solving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.credentials = f"{USER}:visible"
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password visible\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    assert solving.secrets_kept(solving("libc", channels=(server.url,)))


def test_channels_of_one_host_have_each_their_own(
    server: ChannelServer, other: ChannelServer, solving: Solving
) -> None:
    server.credentials, other.credentials = f"{USER}:visible-one", f"{USER}:visible-two"
    first, second = (
        f"http://{USER}:visible-{password}@{each.host}"
        for password, each in (("one", server), ("two", other))
    )
    found = solving("libc", "team-only", channels=(first, second))

    assert found["libc"].channel == server.url
    assert found["team-only"].channel == other.url
    # the first channel that has a package has it for good, private or not
    assert solving("libc", channels=(second, first))["libc"].version == "9.0"


def test_an_open_channel_is_not_told_the_other_s_credentials(
    server: ChannelServer, other: ChannelServer, solving: Solving
) -> None:
    other.credentials = f"{USER}:{PASSWORD}"
    solving("libc", "team-only", channels=(server.url, f"http://{BASIC}@{other.host}"))

    assert server.seen
    assert not any("authorization" in each.headers for each in server.seen)


def test_the_url_s_own_token_counts_more_than_a_stored_one(
    server: ChannelServer, solving: Solving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = TOKEN
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(store(tmp_path, {"CondaToken": "another"})))

    assert solving("libc", channels=(f"{server.url}/t/{TOKEN}",))


@pytest.mark.parametrize(
    ("kind", "url", "expected"),
    [
        ("credentials", "http://visible:wrong@HOST", "401 Unauthorized"),
        ("credentials", "http://HOST", "401 Unauthorized"),
        ("credentials", "http://$NOBODY:$NOTHING@HOST", "the variable NOBODY is not set"),
        ("token", "http://HOST/t/${NO_TOKEN}", "the variable NO_TOKEN is not set"),
    ],
)
def test_who_is_refused_is_told_how_to_log_in(
    server: ChannelServer, solving: Solving, kind: str, url: str, expected: str
) -> None:
    setattr(server, kind, "some:body")
    error = solving.refused("libc", channels=(url.replace("HOST", server.host),))

    assert error.message.startswith(f"{server.url}: ")
    assert expected in error.message
    assert "visible" not in str(error)
    assert "log in" in str(error.hint)


def test_a_store_that_cannot_be_read_is_named_and_not_quoted(
    server: ChannelServer, solving: Solving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = store(tmp_path, {"visible": "visible"})
    monkeypatch.setenv("RATTLER_AUTH_FILE", str(path))
    error = solving.refused("libc", channels=(server.url,))

    assert str(path) in error.message
    assert "visible" not in error.message
    assert "RATTLER_AUTH_FILE" in str(error.hint)


def test_a_private_channel_need_not_have_every_subdir(
    server: ChannelServer, solving: Solving
) -> None:
    server.credentials = f"{USER}:{PASSWORD}"
    write_channel(server.root, [FakePackage(name="pure", subdir="noarch")])
    (server.root / "linux-64" / "repodata.json").unlink()
    assert solving("pure", channels=(f"http://{BASIC}@{server.host}",))

    (server.root / "noarch" / "repodata.json").unlink()
    error = solving.refused("pure", channels=(f"http://{BASIC}@{server.host}",))
    assert "404 Not Found" in error.message


@pytest.mark.tool("openssl")
def test_certificates_of_one_s_own(
    solving: Solving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = make_certificates(tmp_path)
    write_channel(tmp_path / "tls", small_world())
    with ChannelServer(tmp_path / "tls", certificates=certificates) as server:
        server.credentials = f"{USER}:{PASSWORD}"
        channel = f"https://{BASIC}@{server.host}"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
        assert solving("libc", channels=(channel,))
        monkeypatch.delenv("SSL_CERT_FILE")
        monkeypatch.setenv(INSECURE, "1")
        assert solving("libc", channels=(channel,))
        condarc = tmp_path / "condarc"
        condarc.write_text(f"ssl_verify: {certificates.authority}\n")
        monkeypatch.delenv(INSECURE)
        monkeypatch.setenv("CONDARC", str(condarc))
        assert solving("libc", channels=(channel,))
