"""Signals that end a program, while a container is made, runs and is removed."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    _Handler = Callable[[int, FrameType | None], object] | int | None

_ENDING = tuple(
    number
    for number in signal.Signals  # Windows has not all of them
    if number.name in {"SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"}
)
_TYPED = tuple(number for number in _ENDING if number.name in {"SIGINT", "SIGQUIT"})


def has_terminal() -> bool:
    """Say whether what is typed at a terminal reaches this process."""
    if os.name != "posix":
        return os.isatty(0)
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


class Interrupts:
    """Takes the signals that end a program for as long as the context is open.

    At first they end this one, by an exception, so that what is on the way cleans up.  They can be
    passed on to a container instead, or be held while there is nothing to be left half-done.
    Only the main thread may take signals: in any other this does nothing.
    """

    def __init__(self) -> None:
        self._before: dict[int, _Handler] = {}
        self._control: int | None = None
        self._held: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in _ENDING}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def forward_to(self, control: int | None) -> None:
        """Write the number of each signal to the file descriptor ``control`` from now on."""
        self._control = control

    def hold_typed(self) -> None:
        """Ignore what is typed at the terminal, which reaches our child itself."""
        self._held = _TYPED

    def hold(self) -> None:
        """Ignore all of the signals from now on."""
        self._held = _ENDING

    def _handle(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if number in self._held:
            return
        if self._control is not None:
            os.write(self._control, bytes([number]))
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(128 + number)
