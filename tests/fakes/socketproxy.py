"""Stands between a client and a server on a Unix socket, and counts what the client sends."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PIECE = 1 << 16


class SocketProxy:
    """Passes everything on until ``most`` bytes were sent, and then nothing more."""

    def __init__(self, folder: Path, server: str) -> None:
        self.socket = folder / "proxy.sock"
        self.server = server
        self.sent = 0
        self.most: int | None = None
        self.full = threading.Event()
        """Set when ``most`` bytes were sent."""
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[SocketProxy]:
        handler = type("Handler", (_Handler,), {"proxy": self})
        with _Server(str(self.socket), handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
            thread.start()
            try:
                yield self
            finally:
                server.shutdown()
                thread.join()

    def let_all_through(self) -> None:
        """Forget that there is a ``most``."""
        self.most = None
        self.full.clear()

    def count(self, size: int) -> bool:
        """Count what was sent, and say whether it may be passed on."""
        with self._lock:
            self.sent += size
            if self.most is not None and self.sent > self.most:
                self.full.set()
            return not self.full.is_set()


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True


class _Handler(BaseRequestHandler):
    proxy: SocketProxy

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
            server.connect(self.proxy.server)
            answers = threading.Thread(target=self.pass_back, args=(server,), daemon=True)
            answers.start()
            with suppress(OSError):
                while data := self.request.recv(_PIECE):
                    if self.proxy.count(len(data)):
                        server.sendall(data)
            with suppress(OSError):
                # Who sends no more may wait for an answer; who broke off is not there.
                server.shutdown(socket.SHUT_WR)
            answers.join()

    def pass_back(self, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_PIECE):
                self.request.sendall(data)
            self.request.shutdown(socket.SHUT_WR)
