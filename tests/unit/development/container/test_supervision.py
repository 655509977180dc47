"""Services that are real processes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT

_SCRIPT = """
import os, sys
sys.path.insert(0, {root!r})
from condabox.development.container.supervision import Service, supervise
services = [
    Service(name=f"S{{number}}", command=("/bin/sh", "-c", script), env=dict(os.environ))
    for number, script in enumerate(sys.argv[1:])
]
{before}
sys.exit(supervise(services, patience=0.3))
"""
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
FOREVER = "echo ready; exec sleep 1000"
STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.05; done"


class Supervised:
    """A supervisor in a process of its own."""

    def __init__(self, *scripts: str, before: str = "") -> None:
        script = _SCRIPT.format(root=str(ROOT), before=before)
        self.started = subprocess.Popen(
            [sys.executable, "-I", "-c", script, *scripts],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, word: str) -> None:
        assert self.started.stdout is not None
        while line := self.started.stdout.readline():
            if line.strip() == word:
                return
        pytest.fail(f"nothing said {word}")

    def end(self) -> tuple[int, str, str]:
        """Return status and outputs, once nobody is left who could write to them."""
        stdout, stderr = self.started.communicate(timeout=60)
        return self.started.returncode, stdout, stderr


@pytest.mark.parametrize(
    ("script", "status"), [("exit 3", 3), ("kill -9 $$", 137), ("kill -15 $$", 143)]
)
def test_a_service_that_ends_ends_the_container(script: str, status: int) -> None:
    said = f"condabox: S0 ended with status {status}, and so does the container\n"

    assert Supervised(script).end() == (status, "", said)


def test_no_service_ends_well() -> None:
    said = "condabox: S0 ended of itself, and so does the container, with status 1\n"

    assert Supervised("exit 0").end() == (1, "", said)


def test_the_others_are_told_to_end() -> None:
    other = "trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    supervised = Supervised("read line < /dev/null; sleep 0.3; exit 5", other)
    supervised.wait_for("ready")

    status, said, log = supervised.end()

    assert (status, said) == (5, "told\n")
    assert log == "condabox: S0 ended with status 5, and so does the container\n"


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_ends_all_of_them(number: signal.Signals) -> None:
    supervised = Supervised(
        "trap 'echo told; exit 4' TERM; echo ready; while :; do sleep 0.05; done"
    )
    supervised.wait_for("ready")

    supervised.started.send_signal(number)

    assert supervised.end() == (128 + number, "told\n", "")


@pytest.mark.parametrize("scripts", [(STUBBORN,), (FOREVER, STUBBORN), (STUBBORN, FOREVER)])
def test_who_does_not_listen_is_killed(scripts: tuple[str, ...]) -> None:
    supervised = Supervised(*scripts)
    for _ in scripts:
        supervised.wait_for("ready")

    supervised.started.send_signal(signal.SIGTERM)

    assert supervised.end() == (143, "", "")


def test_the_first_signal_counts() -> None:
    supervised = Supervised("trap 'echo told' TERM; echo ready; while :; do sleep 0.05; done")
    supervised.wait_for("ready")

    supervised.started.send_signal(signal.SIGINT)
    supervised.wait_for("told")
    supervised.started.send_signal(signal.SIGTERM)

    assert supervised.end()[0] == 128 + signal.SIGINT


def test_what_a_service_has_started_ends_with_it() -> None:
    # who is left would keep the pipe open, and `end` waiting
    supervised = Supervised(f"({STUBBORN}) & sleep 0.3; exit 6")

    assert supervised.end()[0] == 6


def test_what_a_killed_service_has_started_ends_with_it() -> None:
    supervised = Supervised(f"trap '' TERM; (exec sleep 1000) & {STUBBORN}")
    supervised.wait_for("ready")

    supervised.started.send_signal(signal.SIGTERM)

    assert supervised.end()[0] == 143


def test_children_of_others_do_not_count() -> None:
    before = "os.posix_spawn('/bin/true', ['true'], {})"
    supervised = Supervised("sleep 0.3; exit 7", before=before)

    assert supervised.end()[0] == 7


def test_services_have_the_signals_that_programs_expect() -> None:
    supervised = Supervised("grep -E 'Sig(Blk|Ign)' /proc/self/status; exit 1")

    _, said, _ = supervised.end()

    # those above belong to the C library
    assert [int(line.split()[1], 16) & 0x7FFFFFFF for line in said.splitlines()] == [0, 0]


def test_services_have_sessions_of_their_own() -> None:
    supervised = Supervised("cut -d' ' -f6 /proc/self/stat; echo $$; exit 1")

    session, pid = supervised.end()[1].split()

    assert session == pid


def test_what_cannot_start_is_named_and_the_others_end() -> None:
    missing = "services.append(Service(name='SSH', command=('/no/sshd', '-D'), env={}))"
    first = "trap 'echo told; exit 0' TERM; echo ready; while :; do sleep 0.05; done"
    supervised = Supervised(first, STUBBORN, before=missing)

    status, _, log = supervised.end()

    assert status == 1
    assert log == ("condabox: SSH cannot start: /no/sshd: No such file or directory\n")
