"""How the solver reaches channels: past which faults, in which formats, under which names."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
import zstandard
from rattler.exceptions import GatewayError

from condabox.conda.channels import rattler_channels
from condabox.conda.channels.rattler_channels import PATIENT, Patience
from tests.fakes.channel import small_world
from tests.fakes.httpserver import unanswered_url
from tests.fakes.oci_channel import OCI, REGISTRY
from tests.fakes.shards import INDEX, write_shards
from tests.fakes.solving import BASIC, PASSWORD, USER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.channel import ChannelServer
    from tests.fakes.oci_channel import SecureRegistry
    from tests.fakes.solving import Solving

FORGE = "https://conda.anaconda.org/conda-forge"
TEAM = "https://corp.example/conda/team"
REPODATA = "/linux-64/repodata.json"


@pytest.mark.parametrize(
    ("spec", "channel"),
    [
        ("conda-forge::libc", FORGE),
        ("libc[channel=conda-forge]", FORGE),
        (f"{FORGE}::libc >=1,<2", FORGE),
        ("team::libc 9.* 0", TEAM),
        (f"libc[version='>=9', channel='{TEAM}']", TEAM),
    ],
)
def test_a_channel_in_a_match_spec_is_meant_wherever_it_is(
    server: ChannelServer, other: ChannelServer, solving: Solving, spec: str, channel: str
) -> None:
    other.credentials = f"{USER}:{PASSWORD}"
    solving.mirrors = {FORGE: (server.url,), TEAM: (f"http://{BASIC}@{other.host}",)}

    assert solving(spec, channels=(FORGE, TEAM))["libc"].channel == channel


def test_a_channel_in_a_match_spec_must_be_listed(server: ChannelServer, solving: Solving) -> None:
    error = solving.refused("bioconda::libc", channels=(server.url,))

    assert "bioconda is not among the channels" in error.message
    assert server.url in str(error.hint)


@pytest.mark.parametrize("status", [503, 429])
def test_a_channel_that_is_busy_is_asked_again(
    server: ChannelServer, solving: Solving, status: int
) -> None:
    server.retry_after = 1
    for subdir in ("linux-64", "noarch"):
        server.statuses[f"/{subdir}/repodata.json"] = [status, status]

    assert solving("libc", channels=(server.url,))


class Busy:
    """Refuses a few times before it answers."""

    def __init__(self, times: int, *, status: str = "503 Service Unavailable") -> None:
        self.times = times
        self.status = status

    async def __call__(self) -> str:
        if self.times > 0:
            self.times -= 1
            raise GatewayError(f"HTTP status server error ({self.status}) for url (http://x)")
        return "answer"


def test_patience_comes_to_an_end() -> None:
    patience = Patience(waits=(0.0, 0.0))

    assert asyncio.run(patience.ask(Busy(2))) == "answer"
    for fault in (Busy(3), Busy(1, status="400 Bad Request")):
        with pytest.raises(GatewayError):
            asyncio.run(patience.ask(fault))
    assert fault.times == 0


def test_who_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rattler_channels, "_LONGEST", 0.01)

    async def silent() -> None:
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(PATIENT.ask(silent))
    assert rattler_channels.explained(caught.value) == "gave no answer in 0 seconds"


@pytest.mark.parametrize("private", [True, False])
def test_repodata_that_breaks_off_is_fetched_again(
    server: ChannelServer, solving: Solving, *, private: bool
) -> None:
    server.cut[REPODATA] = 1
    server.credentials = f"{USER}:{PASSWORD}" if private else None
    channel = f"http://{BASIC}@{server.host}" if private else server.url

    assert solving("libc", channels=(channel,))


@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("content", [b'{"packages": {', b"<html>log in</html>", b""])
def test_what_is_no_repodata_does_not_stay_in_the_cache(
    server: ChannelServer, solving: Solving, content: bytes, *, private: bool
) -> None:
    server.etag, server.max_age = '"broken"', 3600
    server.credentials = f"{USER}:{PASSWORD}" if private else None
    channel = f"http://{BASIC}@{server.host}" if private else server.url
    path = server.root / "linux-64" / "repodata.json"
    good = path.read_bytes()
    path.write_bytes(content)
    error = solving.refused("libc", channels=(channel,))
    assert error.message.startswith(f"{server.url}: ")
    assert "login page" in str(error.hint)

    path.write_bytes(good)
    server.etag = '"good"'
    assert solving("libc", channels=(channel,))


def test_a_dead_mirror_is_passed_over(server: ChannelServer, solving: Solving) -> None:
    dead = unanswered_url()
    solving.mirrors = {FORGE: (dead, f"{server.url}/no/channel", server.url)}

    assert solving("libc", channels=(FORGE,))["libc"].channel == FORGE


def test_of_no_source_that_answers_each_is_named(server: ChannelServer, solving: Solving) -> None:
    dead = unanswered_url()
    solving.mirrors = {f"{server.url}/none": (dead, f"http://{BASIC}@{server.host}/nor/here")}
    error = solving.refused("libc", channels=(f"{server.url}/none",))

    lines = [line for line in error.message.splitlines() if not line.startswith("Caused by")]
    assert [line.partition(": ")[0] for line in lines] == [
        dead,
        f"{server.url}/nor/here",
        f"{server.url}/none",
    ]
    assert "nobody answers" in lines[0]


def test_a_stale_mirror_answers_with_what_it_has(
    server: ChannelServer, other: ChannelServer, solving: Solving
) -> None:
    """The order of mirrors is the user's; a newer package elsewhere is not looked for."""
    solving.mirrors = {other.url: (server.url,)}

    assert solving("libc", channels=(other.url,))["libc"].version == "1.2"


def shard_of(server: ChannelServer, name: str) -> Path:
    folder = server.root / "linux-64" / "shards"
    return next(
        path
        for path in folder.iterdir()
        if name.encode() in zstandard.decompress(path.read_bytes(), max_output_size=1 << 20)
    )


def test_a_sharded_channel_is_read_by_its_shards(server: ChannelServer, solving: Solving) -> None:
    write_shards(server.root, small_world())

    assert solving("libc", channels=(server.url,))
    assert not any(path.endswith("repodata.json") for path in server.requests)


@pytest.mark.parametrize(
    "content", [b"no archive", zstandard.compress(b"no index"), None], ids=["raw", "zst", "gone"]
)
def test_a_broken_shard_does_not_stay_in_the_cache(
    server: ChannelServer, solving: Solving, content: bytes | None
) -> None:
    write_shards(server.root, small_world())
    path = shard_of(server, "libc-1.2-0.conda")
    good = path.read_bytes()
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert "index it again" in str(solving.refused("libc", channels=(server.url,)).hint)

    path.write_bytes(good)
    assert solving("libc", channels=(server.url,))


def test_a_shard_that_breaks_off_is_fetched_again(server: ChannelServer, solving: Solving) -> None:
    write_shards(server.root, small_world())
    path = shard_of(server, "libc-1.2-0.conda")
    server.cut[f"/linux-64/shards/{path.name}"] = 1

    assert solving("libc", channels=(server.url,))


def test_a_broken_index_of_shards_is_told(server: ChannelServer, solving: Solving) -> None:
    write_shards(server.root, small_world())
    (server.root / "linux-64" / INDEX).write_bytes(b"no archive")

    assert INDEX in solving.refused("libc", channels=(server.url,)).message


@pytest.mark.tool("openssl")
def test_a_registry_is_a_channel(registry: SecureRegistry, solving: Solving) -> None:
    found = solving("requests", "_odd", channels=(OCI,))

    assert found["_odd"].url == f"{OCI}/linux-64/_odd-1.0+x-0.conda"
    assert {record.channel for record in found.values()} == {OCI}
    assert not any("shards" in line for line in registry.lines)


@pytest.mark.tool("openssl")
def test_a_proxy_of_condarc_s_leads_there_too(
    registry: SecureRegistry, solving: Solving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    condarc = tmp_path / "condarc"
    condarc.write_text(f"proxy_servers: {{https: '{os.environ['HTTPS_PROXY']}'}}\n")
    monkeypatch.setenv("CONDARC", str(condarc))
    monkeypatch.delenv("HTTPS_PROXY")

    assert solving("libc", channels=(OCI,))
    assert registry.lines


@pytest.mark.tool("openssl")
def test_a_registry_is_a_mirror_with_credentials(
    registry: SecureRegistry, solving: Solving
) -> None:
    registry.behaviour.basic = (USER, PASSWORD)
    registry.behaviour.token_realm = f"https://{REGISTRY}/token"
    solving.mirrors = {FORGE: (OCI.replace("//", f"//{BASIC}@"),)}
    found = solving("libc", channels=(FORGE,))

    assert found["libc"].channel == FORGE
    assert solving.secrets_kept(found)

    registry.behaviour.token_realm = None
    assert "log in" in str(solving.refused("libc", channels=(OCI,)).hint)


def test_the_store_for_rattler_does_not_outlive_the_solve(
    server: ChannelServer, solving: Solving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    server.credentials = f"{USER}:{PASSWORD}"
    solving("libc", channels=(f"http://{BASIC}@{server.host}",))

    assert list(folder.iterdir()) == []
