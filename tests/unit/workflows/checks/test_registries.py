"""What is said of registries, their mirrors and the credentials for them."""

from __future__ import annotations

import base64
import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from condabox.conda.envfile.spec import parse_environment
from condabox.registry.transport import Transport
from condabox.reporting.findings import State
from condabox.settings import RegistrySettings, Settings
from condabox.workflows.checks import registries
from condabox.workflows.checks.registries import registry_checks
from tests.fakes.checking import found, lines
from tests.fakes.gate import Gate
from tests.fakes.httpserver import unanswered_url
from tests.fakes.pipes import Pipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.reporting.findings import Finding
    from tests.fakes.programs import Programs

PASSWORD = "open-sesame"  # noqa: S105  (of nothing)
ME = f"me:{PASSWORD}"
ENCODED = base64.b64encode(ME.encode()).decode()
AUTH = {"auth": ENCODED}


@dataclass(slots=True, kw_only=True)
class Machine:
    """A home with Docker's configuration, and settings."""

    home: Path
    hub: str
    """Where docker.io is looked for, and nowhere else."""
    registries: dict[str, RegistrySettings] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        return self.home / ".docker" / "config.json"

    def log_in(self, **document: object) -> None:
        self.config.parent.mkdir(exist_ok=True)
        self.config.write_text(json.dumps(document))

    def look(self, base: str | None = None) -> tuple[Finding, ...]:
        settings = Settings(cache_dir=self.home, registries=self.registries)
        text = (
            f"channels: [x]\ndependencies: [x]\nplatforms: [linux-64]\ncondabox: {{base: {base}}}"
        )
        specs = (parse_environment(text, path=self.home / "ai.yml"),) if base else ()
        with Transport() as transport:
            checks = registry_checks(
                specs, settings=settings, transport=transport, env={"HOME": str(self.home)}
            )
            told = found(checks)
            transport.stop()
        assert PASSWORD not in repr(told)
        assert ENCODED not in repr(told)
        return told

    def said(self, base: str | None = None) -> list[str]:
        """Return what is said of all but docker.io."""
        return lines(each for each in self.look(base) if each.name != "docker.io")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    host = unanswered_url().removeprefix("http://")
    monkeypatch.setattr("condabox.registry.client._HUB_API", host)
    return Machine(home=tmp_path, hub=host)


@pytest.fixture
def gate() -> Iterator[Gate]:
    with Gate() as gate:
        yield gate


@pytest.fixture
def other() -> Iterator[Gate]:
    with Gate() as gate:
        yield gate


def test_docker_hub_is_where_bases_come_from(machine: Machine) -> None:
    (hub,) = machine.look()

    assert (hub.name, hub.state) == ("docker.io", State.PROBLEM)
    assert "docker.io cannot be reached" in hub.detail


def test_docker_hub_is_not_needed_for_another_base(machine: Machine, gate: Gate) -> None:
    told = machine.look(f"{gate.host}/team/base:1.0")

    assert [(each.name, each.state) for each in told] == [
        ("docker.io", State.NOTE),
        (gate.host, State.OK),
    ]
    assert [each.name for each in machine.look("oci:base")] == ["docker.io"]


def test_a_mirror_stands_in_for_its_registry(machine: Machine, gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "layouts").mkdir()
    gone = unanswered_url().removeprefix("http://")
    mirrors = (f"oci:{tmp_path}/layouts", f"oci:{tmp_path}/none", f"{gone}/a", f"{gate.host}/hub")
    machine.registries["docker.io"] = RegistrySettings(mirrors=mirrors)

    told = lines(machine.look())

    assert told[0] == f"ok docker.io mirror: oci:{tmp_path}/layouts"
    assert told[1].startswith(f"note docker.io mirror: oci:{tmp_path}/none is no folder;")
    assert told[2].startswith("note docker.io mirror: 127.0.0.1")
    assert told[3] == f"ok docker.io mirror: {gate.host}/hub answers"
    assert told[4].startswith("note docker.io: ")
    assert told[4].endswith("another address of docker.io answers")


def test_credentials_are_taken_from_a_file(machine: Machine, gate: Gate) -> None:
    gate.rules.user = ME
    machine.log_in(auths={gate.host: AUTH})

    assert machine.said() == [
        f"ok {gate.host}: {gate.host} takes the credentials from {machine.config}"
    ]


def test_credentials_are_taken_from_a_helper(
    machine: Machine, gate: Gate, programs: Programs
) -> None:
    gate.rules.user = ME
    machine.log_in(credHelpers={gate.host: "test"})
    answer = {"Username": "me", "Secret": PASSWORD}
    programs.say("docker-credential-test", json.dumps(answer))

    helper = f"docker-credential-test, which {machine.config} names"
    assert machine.said() == [f"ok {gate.host}: {gate.host} takes the credentials from {helper}"]


def test_of_two_that_know_who_we_are_the_one_is_named_that_was_used(
    machine: Machine, gate: Gate, programs: Programs
) -> None:
    gate.rules.user = ME
    old = {"auth": base64.b64encode(b"me:old").decode()}
    machine.log_in(auths={gate.host: old}, credsStore="test")
    answer = {"Username": "me", "Secret": PASSWORD}
    programs.say("docker-credential-test", json.dumps(answer))

    helper = f"docker-credential-test, which {machine.config} names"
    assert machine.said() == [f"ok {gate.host}: {gate.host} takes the credentials from {helper}"]


@pytest.mark.parametrize("tokens", [False, True])
def test_credentials_that_are_refused_are_a_problem(
    machine: Machine, gate: Gate, *, tokens: bool
) -> None:
    gate.rules.user, gate.rules.tokens = "me:changed", tokens
    machine.log_in(auths={gate.host: AUTH})

    told = machine.look()[-1]

    assert told.state is State.PROBLEM
    assert f"refuses the credentials from {machine.config}" in told.detail
    assert told.hint == f"log in with `docker login {gate.host}`"


def test_an_identity_token_is_not_told(machine: Machine, gate: Gate) -> None:
    gate.rules.user, gate.rules.tokens = "me:changed", True
    machine.log_in(auths={gate.host: {"identitytoken": PASSWORD}})

    assert "refuses the credentials" in machine.said()[0]


def test_who_is_not_logged_in_is_told_how(machine: Machine, gate: Gate) -> None:
    gate.rules.user = ME
    machine.registries[gate.host] = RegistrySettings()

    told = machine.look()[-1]

    assert (told.state, "nobody is logged in" in told.detail) == (State.NOTE, True)
    assert told.hint == f"log in with `docker login {gate.host}`"


def test_what_is_open_and_what_is_public_is_fine(machine: Machine, gate: Gate, other: Gate) -> None:
    other.rules.user, other.rules.tokens, other.rules.public = ME, True, True
    machine.registries |= {gate.host: RegistrySettings(), other.host: RegistrySettings()}
    machine.log_in(auths={gate.host: AUTH})

    assert sorted(machine.said()) == sorted(
        [
            f"ok {gate.host}: {gate.host} answers",
            f"ok {other.host}: {other.host} answers, and nobody is logged in: public images alone",
        ]
    )


def test_an_old_login_to_what_is_gone_is_a_note(machine: Machine) -> None:
    machine.log_in(auths={"gone.invalid/team": AUTH, "gone.invalid": AUTH})

    assert [line.partition(" cannot")[0] for line in machine.said()] == [
        "note gone.invalid: gone.invalid",
        "note gone.invalid: gone.invalid",
    ]


def test_a_helper_that_is_missing_is_told(machine: Machine, gate: Gate, programs: Programs) -> None:
    assert programs.folder.is_dir()
    gate.rules.user = ME
    machine.log_in(credHelpers={gate.host: "gone"})
    machine.registries[gate.host] = RegistrySettings()

    (line,) = machine.said()

    assert line.startswith(f"problem {gate.host}: docker-credential-gone, which ")
    assert line.endswith("cannot be run")


def test_a_helper_that_hangs_is_not_waited_for(
    machine: Machine, gate: Gate, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries, "PATIENCE", 2.0)
    pipe = Pipe(machine.home / "pipe")
    gate.rules.user = ME
    machine.log_in(credHelpers={gate.host: "slow"})
    machine.registries[gate.host] = RegistrySettings()
    programs.add("docker-credential-slow", pipe.hanging)

    told = machine.look()[-1]

    assert pipe.read_all() == b""
    said = "docker-credential-slow get gave no answer in 1 seconds"
    assert told.detail == f"{said}, for {gate.host}"
    assert "`docker-credential-slow get`" in str(told.hint)


def test_a_registry_that_takes_connections_and_says_nothing(
    machine: Machine, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registries, "PATIENCE", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        machine.registries |= {
            gate.host: RegistrySettings(mirrors=(f"{host}/x",)),
            host: RegistrySettings(insecure=True),
        }
        instead = f"another address of {gate.host} answers"
        assert machine.said() == [
            f"note {gate.host} mirror: {host}/x gave no answer in 1 seconds; {instead}",
            f"ok {gate.host}: {gate.host} answers",
        ]


@pytest.mark.parametrize("content", [f'{{"auths": {{"{PASSWORD}', f'["{PASSWORD}"]', "\xff"])
def test_an_unreadable_configuration_is_told_once_more(
    machine: Machine, gate: Gate, content: str
) -> None:
    machine.log_in()
    machine.config.write_text(content, encoding="latin-1")
    machine.registries[gate.host] = RegistrySettings()

    logins, registry = machine.said()

    assert logins.startswith(f"problem logins: {machine.config}: ")
    assert registry == f"ok {gate.host}: {gate.host} answers"
