"""Channels of all kinds through the whole lock, and what of it a build asks for later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.channels.channel import located_channels
from condabox.conda.channels.condarc import read_condarc
from condabox.conda.envfile.spec import read_environment
from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.conda.packages.fetch import fetch_archives
from condabox.errors import SolveError, SpecError
from condabox.events import SilentReporter
from condabox.settings import Settings
from condabox.workflows.lock import LockRequest, lock
from tests.fakes.channel import ChannelServer, everywhere, small_world, write_channel
from tests.fakes.httpserver import unanswered_url
from tests.fakes.oci_channel import OCI, channel_in_registry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from tests.fakes.oci_channel import SecureRegistry

FORGE = "https://conda.anaconda.org/conda-forge"
ANACONDA = "https://repo.anaconda.com/pkgs"


class Environment:
    """An environment file in a home directory of its own, and how condabox sees the two."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.path = home / "env.yml"
        self.mirrors: dict[str, tuple[str, ...]] = {}
        self.variables: dict[str, str] = {}

    @property
    def settings(self) -> Settings:
        return Settings(cache_dir=self.home / "cache", channel_mirrors=self.mirrors)

    @property
    def env(self) -> Mapping[str, str]:
        return {"HOME": str(self.home), **self.variables}

    def lock(self, channels: str, *specs: str, section: str = "") -> dict[str, LockedPackage]:
        """Lock ``specs`` from ``channels``, and return the packages by name."""
        self.path.write_text(
            f"name: env\nchannels: {channels}\nplatforms: [linux-64]\n"
            f"dependencies: [{', '.join(specs)}]\n"
            f"condabox: {{base: 'oci:/nowhere'{section}}}\n"
        )
        request = LockRequest(environments=(self.path,))
        lock(request, settings=self.settings, env=self.env, reporter=SilentReporter())
        locked = read_lock_file(self.home / "env.conda-lock.yml")
        return {package.name: package for package in locked.packages["linux-64"]}

    def fetch(self, packages: Mapping[str, LockedPackage]) -> None:
        """Fetch ``packages`` as a build of the environment does."""
        settings = located_channels(
            read_environment(self.path).channels,
            settings=self.settings,
            names=read_condarc(self.env).channels,
        )
        fetch_archives(tuple(packages.values()), settings=settings, reporter=SilentReporter())


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    home = tmp_path / "home"
    home.mkdir()
    return Environment(home)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    write_channel(tmp_path / "served" / "team", small_world())
    with ChannelServer(tmp_path / "served") as server:
        yield server


@pytest.mark.parametrize(
    ("name", "condarc"),
    [
        ("team", "channel_alias: URL/t/$TOKEN\n"),
        ("team", "custom_channels: {team: URL/t/$TOKEN}\n"),
        ("ours", "custom_multichannels: {ours: [URL/t/$TOKEN/team]}\n"),
        ("defaults", "default_channels: [URL/t/tk-hidden/team]\n"),
    ],
)
def test_names_of_condarc_lead_to_private_channels(
    environment: Environment, server: ChannelServer, name: str, condarc: str
) -> None:
    environment.variables = {"TOKEN": "tk-hidden"}
    server.token = environment.variables["TOKEN"]
    (environment.home / ".condarc").write_text(condarc.replace("URL", server.url))
    found = environment.lock(f"[{name}]", "libc")
    environment.fetch(found)

    assert found["libc"].url == f"{server.url}/team/linux-64/libc-1.2-0.conda"


def test_variables_of_the_environment_file_hold_credentials(
    environment: Environment, server: ChannelServer
) -> None:
    server.credentials = "me:p@ss"
    environment.variables = {"WHO": "me", "WHAT": "p@ss"}
    found = environment.lock(f"['http://$WHO:${{WHAT}}@{server.host}/team']", "libc")
    environment.fetch(found)

    assert found["libc"].url == f"{server.url}/team/linux-64/libc-1.2-0.conda"


def test_a_package_may_name_its_channel(
    environment: Environment, server: ChannelServer, tmp_path: Path
) -> None:
    second = write_channel(tmp_path / "second", everywhere("libc", "9.0"))
    environment.mirrors = {FORGE: (f"{server.url}/team",)}
    found = environment.lock(f"['{second}', conda-forge]", "conda-forge::libc", "numpy")

    assert found["libc"].url == f"{FORGE}/linux-64/libc-1.2-0.conda"


def test_a_busy_channel_and_a_dead_mirror_delay_and_no_more(
    environment: Environment, server: ChannelServer
) -> None:
    environment.mirrors = {FORGE: (unanswered_url(), f"{server.url}/team")}
    server.statuses["/team/linux-64/repodata.json"] = [429, 503]
    server.retry_after = 1
    found = environment.lock("[conda-forge]", "libc")
    server.statuses["/team/linux-64/libc-1.2-0.conda"] = [503]
    environment.fetch(found)

    assert found["libc"].url == f"{FORGE}/linux-64/libc-1.2-0.conda"


def test_a_channel_that_refuses_is_told_with_what_to_do(
    environment: Environment, server: ChannelServer
) -> None:
    server.credentials = "me:right"

    with pytest.raises(SolveError, match=f"{server.url}/team: .*401 Unauthorized") as caught:
        environment.lock(f"['http://me:hidden@{server.host}/team']", "libc")
    assert "hidden" not in str(caught.value)
    assert "log in" in str(caught.value.hint)


def test_what_cannot_be_solved_says_why(environment: Environment, server: ChannelServer) -> None:
    with pytest.raises(SolveError, match=r"numpy <1, for which no candidates were found"):
        environment.lock(f"['{server.url}/team']", "conflicting")


@pytest.mark.parametrize(
    ("channels", "spec"),
    [
        ("[conda-forge, defaults]", "libc"),
        ("[pkgs/main]", "libc"),
        (f"['{ANACONDA}/r']", "libc"),
        ("[anaconda]", "libc"),
        ("[conda-forge]", "defaults::libc"),
        ("[conda-forge]", '"libc[channel=anaconda]"'),
    ],
)
def test_anaconda_s_channels_are_refused_before_they_are_asked(
    environment: Environment, channels: str, spec: str
) -> None:
    with pytest.raises(SpecError, match="Anaconda's terms of service") as caught:
        environment.lock(channels, spec)

    assert "allow-defaults: true" in str(caught.value.hint)
    assert not (environment.home / "env.conda-lock.yml").exists()


def test_development_is_no_way_around(environment: Environment) -> None:
    with pytest.raises(SpecError, match="Anaconda's terms of service"):
        environment.lock("[conda-forge]", "libc", section=", dev: {dependencies: ['main::ipdb']}")


def test_a_licence_allows_defaults(environment: Environment, server: ChannelServer) -> None:
    write_channel(server.root / "r", everywhere("r-base", "4.4"))
    environment.mirrors = {
        f"{ANACONDA}/main": (f"{server.url}/team",),
        f"{ANACONDA}/r": (f"{server.url}/r",),
    }
    found = environment.lock("[defaults]", "libc", "r-base", section=", allow-defaults: true")

    assert found["libc"].url == f"{ANACONDA}/main/linux-64/libc-1.2-0.conda"
    assert found["r-base"].url == f"{ANACONDA}/r/linux-64/r-base-4.4-0.conda"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecureRegistry]:
    packages = [*small_world(), *everywhere("_odd", "1.0+x")]
    with channel_in_registry(tmp_path, packages, monkeypatch) as registry:
        yield registry


@pytest.mark.tool("openssl")
def test_a_registry_is_locked_and_fetched_from(
    environment: Environment, registry: SecureRegistry
) -> None:
    found = environment.lock(f"['{OCI}']", "requests", "_odd")
    environment.fetch(found)

    assert found["_odd"].url == f"{OCI}/linux-64/_odd-1.0+x-0.conda"
    assert found["requests"].url == f"{OCI}/noarch/requests-2.32.0-0.conda"
    assert any("/zzz_odd/manifests/1.0__p__x-0" in line for line in registry.lines)


@pytest.mark.tool("openssl")
def test_a_registry_mirrors_conda_forge_behind_a_password(
    environment: Environment, registry: SecureRegistry
) -> None:
    registry.behaviour.basic = ("me", "hidden")
    environment.variables = {"PASSWORD": "hidden"}
    environment.mirrors = {FORGE: (OCI.replace("//", "//me:$PASSWORD@"),)}
    found = environment.lock("[conda-forge]", "libc")
    environment.fetch(found)

    assert found["libc"].url == f"{FORGE}/linux-64/libc-1.2-0.conda"


def test_a_registry_s_port_is_refused_where_it_is_written(environment: Environment) -> None:
    with pytest.raises(SpecError, match="port 443 alone"):
        environment.lock("['oci://127.0.0.1:5000/mirrors/forge']", "libc")
