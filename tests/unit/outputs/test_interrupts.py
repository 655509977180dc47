"""Signals to this very process, and where they end."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from condabox.outputs.interrupts import Interrupts, has_terminal

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX")


def test_ctrl_c_is_what_it_always_is() -> None:
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_other_signals_end_the_program_through_its_cleaning_up(number: signal.Signals) -> None:
    with Interrupts(), pytest.raises(SystemExit) as caught:
        signal.raise_signal(number)

    assert caught.value.code == 128 + number


def test_signals_are_passed_on() -> None:
    reading, writing = os.pipe()
    with Interrupts() as interrupts:
        interrupts.forward_to(writing)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
    os.close(writing)

    received = os.read(reading, 10)
    os.close(reading)

    assert received == bytes([signal.SIGINT, signal.SIGTERM])


def test_signals_are_held() -> None:
    with Interrupts() as interrupts:
        interrupts.hold()
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)


def test_what_is_typed_is_held_alone() -> None:
    with Interrupts() as interrupts:
        interrupts.hold_typed()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)


def test_handlers_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with Interrupts():
        assert signal.getsignal(signal.SIGTERM) != before

    assert signal.getsignal(signal.SIGTERM) == before


def test_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def work() -> None:
        with Interrupts():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [before]


def test_a_closed_standard_input_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(_: int) -> bool:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("os.isatty", closed)

    assert not has_terminal()
