"""Findings as people read them."""

from __future__ import annotations

from condabox.reporting.findings import Finding, Group
from condabox.reporting.findings_text import findings_text
from tests.conftest import ROOT

FORGE = "conda-forge"
FINDINGS = (
    Finding.ok(Group.SETTINGS, "settings", "/srv/team/condabox.toml"),
    Finding.problem(
        Group.SETTINGS,
        "SSL_CERT_FILE",
        "/etc/corp.pem: is not there",
        hint="let SSL_CERT_FILE name a file of certificates in PEM, or unset it",
    ),
    Finding.ok(Group.DISK, "cache", "/home/me/.cache/condabox: 212 GB free, 4.1 GB in use"),
    Finding.note(
        Group.CHANNELS,
        FORGE,
        "https://one.example/conda-forge: nobody answers",
        hint="check the channel's name, the network and the mirrors in condabox.toml",
    ),
    Finding.ok(Group.CHANNELS, FORGE, "https://two.example/conda-forge has linux-64, noarch"),
    Finding.ok(Group.REGISTRIES, "docker.io mirror", "cache.example:5000/hub answers"),
    Finding.problem(
        Group.REGISTRIES,
        "ghcr.io",
        "ghcr.io refuses the credentials from docker-credential-pass, which "
        "/home/me/.docker/config.json names: DENIED denied",
        hint="log in with `docker login ghcr.io`",
    ),
    Finding.problem(
        Group.ENVIRONMENTS,
        "envs/ai.yml",
        "envs/ai.conda-lock.yml is stale\n    dependencies: + numpy",
        hint="run `condabox lock envs/ai.yml`",
    ),
    Finding.note(
        Group.DOCKER,
        "command",
        "docker is not on PATH",
        hint="condabox builds and pushes without it; install it to load images into it",
    ),
    # groups stand in their order, whatever the order of what was found
    Finding.ok(Group.GPU, "driver", "570.124.06, runs CUDA 12.8 and older"),
    Finding.ok(Group.GPU, "envs/ai.yml", "CUDA 12.8 runs with this driver"),
    Finding.ok(Group.PODMAN, "command", "5.4.0, linux/amd64, rootless, overlay"),
    Finding.ok(Group.PLATFORMS, "linux/arm64", "runs here by emulation"),
)


def test_the_text_of_many_findings() -> None:
    expected = (ROOT / "tests/golden/doctor.txt").read_text()

    assert findings_text(FINDINGS) + "\n" == expected


def test_no_problems_are_told_too() -> None:
    (ok,) = FINDINGS[:1]

    assert findings_text([ok]).splitlines()[-1] == "no problems"
    assert findings_text([]) == "no problems"


def test_terminals_are_not_steered_and_nothing_is_cut() -> None:
    long = "x" * 300
    finding = Finding.note(Group.GPU, "a\x1b[2J", f"{long}\x07\r\nb\x9b", hint="\u202ec")

    text = findings_text([finding])

    assert all(line.isprintable() for line in text.split("\n"))
    assert long in text


def test_json_has_every_key() -> None:
    (ok, problem) = FINDINGS[:2]

    assert ok.to_json() == {
        "group": "settings",
        "name": "settings",
        "state": "ok",
        "detail": "/srv/team/condabox.toml",
        "hint": None,
    }
    assert problem.to_json()["state"] == "problem"
