"""Several transfers at a time: the first failure ends all, and nobody waits for the stalled."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError
from condabox.registry import parallel
from condabox.registry.parallel import run_all, say_farewell
from condabox.registry.transport import ConnectionLostError, Transport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.registry import FakeRegistry


@contextmanager
def silence() -> Iterator[tuple[str, threading.Event]]:
    """Listen, and never answer; tell the address, and when somebody came."""
    came = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        guests: list[socket.socket] = []

        def welcome() -> None:
            guest, _ = server.accept()
            guests.append(guest)
            came.set()

        thread = threading.Thread(target=welcome, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", came
        thread.join(10)
        for guest in guests:
            guest.close()


def test_every_job_is_done(transport: Transport) -> None:
    done: list[int] = []

    run_all(
        [lambda number=number: done.append(number) for number in range(20)],  # type: ignore[misc]
        at_once=3,
        transport=transport,
        name="test",
    )

    assert sorted(done) == list(range(20))


def test_nothing_is_nothing_to_do(transport: Transport) -> None:
    run_all([], at_once=3, transport=transport, name="test")


def test_no_more_than_wanted_run_at_a_time(transport: Transport) -> None:
    running: list[int] = []
    most: list[int] = []
    meeting = threading.Barrier(2)

    def job() -> None:
        running.append(1)
        meeting.wait(10)
        most.append(len(running))
        meeting.wait(10)
        running.pop()

    run_all([job] * 6, at_once=2, transport=transport, name="test")

    assert set(most) == {2}


def test_a_failure_ends_what_is_stalled_and_the_rest_is_not_begun(
    transport: Transport, registry: FakeRegistry
) -> None:
    begun: list[str] = []

    with silence() as (url, came):

        def stalled() -> None:
            transport.request("GET", url, limit=10)

        def failing() -> None:
            came.wait(10)
            raise RegistryError("no")

        jobs = [stalled, failing, lambda: begun.append("third")]
        with pytest.raises(RegistryError, match="no"):
            run_all(jobs, at_once=2, transport=transport, name="test")

    assert begun == []
    assert transport.request("GET", f"{registry.url}/v2/", limit=10).status == 200


def test_an_interrupt_ends_what_is_stalled(transport: Transport) -> None:
    ended = threading.Event()

    with silence() as (url, came):

        def stalled() -> None:
            try:
                transport.request("GET", url, limit=10)
            finally:
                ended.set()

        def interrupting() -> None:
            came.wait(10)
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_all([stalled, interrupting], at_once=2, transport=transport, name="test")

        assert ended.wait(10)

    with pytest.raises(RegistryError, match="stopped"):
        transport.request("GET", url, limit=10)


def test_a_farewell_is_said_after_an_interrupt(
    transport: Transport, registry: FakeRegistry
) -> None:
    transport.stop()
    answers: list[int] = []

    def job() -> None:
        answers.append(transport.request("GET", f"{registry.url}/v2/", limit=10).status)

    say_farewell([job] * 7, at_once=2, transport=transport, name="test")

    assert answers == [200] * 7


def test_nobody_waits_for_a_farewell_that_is_not_heard(
    transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "_LAST_WORDS", 0.1)
    ended = threading.Event()

    with silence() as (url, _):

        def stalled() -> None:
            try:
                transport.request("GET", url, limit=10)
            finally:
                ended.set()

        say_farewell([stalled], at_once=1, transport=transport, name="test")

        assert ended.wait(10)


def test_what_connects_after_the_end_is_ended_too(registry: FakeRegistry) -> None:
    with Transport(sleep=lambda _: None) as transport:
        transport.request("GET", f"{registry.url}/v2/", limit=10)
        transport._sockets.shut()

        with (
            pytest.raises(ConnectionLostError),
            transport.stream("GET", f"{registry.url}/v2/", attempts=1),
        ):
            pass
