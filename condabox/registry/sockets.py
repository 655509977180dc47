"""The connections that are open, so that another thread can break those which hang."""

from __future__ import annotations

import socket
import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class OpenSockets:
    """Knows every socket whose connecting it was told of, for as long as it lives."""

    def __init__(self) -> None:
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._shut = False

    def trace(self, event: str, info: Mapping[str, object]) -> None:
        """Take note of what happens to a connection, as httpcore tells it."""
        if not event.endswith((".connect_tcp.complete", ".start_tls.complete")):
            return
        find = getattr(info.get("return_value"), "get_extra_info", None)
        found = find("socket") if find else None
        if isinstance(found, socket.socket):
            with self._lock:
                self._sockets.add(found)
                if self._shut:
                    _break(found)

    def shut(self) -> None:
        """Break every connection, and those that are still to come, in both directions."""
        with self._lock:
            self._shut = True
            for each in tuple(self._sockets):
                _break(each)

    def reopen(self) -> None:
        """Leave the connections that come from now on alone."""
        with self._lock:
            self._shut = False


def _break(connection: socket.socket) -> None:
    # To close it would not wake who waits for it; and of TLS there is nothing left to say.
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
