"""A network that counts: what clients send to a server of this machine, headers and all."""

from __future__ import annotations

import socket
import socketserver
import threading
from contextlib import suppress

from tests.fakes.httpserver import LocalServer

_PIECE = 1 << 16


class Meter(LocalServer):
    """Leads connections to the port ``target`` of this machine; ``sent`` are the bytes so far."""

    def __init__(self, target: int) -> None:
        super().__init__(_Handler)
        self.target = target
        self.sent = 0
        self._lock = threading.Lock()

    def count(self, size: int) -> None:
        with self._lock:
            self.sent += size


class _Handler(socketserver.BaseRequestHandler):
    fake: Meter
    request: socket.socket

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.fake.target)) as server:
            answers = threading.Thread(target=self.pass_back, args=(server,), daemon=True)
            answers.start()
            with suppress(OSError):
                while data := self.request.recv(_PIECE):
                    self.fake.count(len(data))
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)
            answers.join()

    def pass_back(self, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_PIECE):
                self.request.sendall(data)
            self.request.shutdown(socket.SHUT_WR)
