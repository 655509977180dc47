"""A network that breaks: connections through it end after so many bytes."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading

from tests.fakes.httpserver import LocalServer


class Cutter(LocalServer):
    """Leads connections to the port ``target`` of this machine, and cuts some of them.

    ``cuts`` are the bytes that may still go to the server, one number for each connection that
    sends so many; when there are no more numbers, nothing is cut.
    """

    def __init__(self, target: int) -> None:
        super().__init__(_Handler)
        self.target = target
        self.cuts: list[int] = []
        self.lock = threading.Lock()

    def is_over(self, sent: int) -> bool:
        """Say whether a connection that has sent so much ends now."""
        with self.lock:
            if self.cuts and sent >= self.cuts[0]:
                self.cuts.pop(0)
                return True
            return False


class _Handler(socketserver.BaseRequestHandler):
    fake: Cutter
    request: socket.socket

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.fake.target)) as server:
            back = threading.Thread(target=self.back, args=(server,), daemon=True)
            back.start()
            sent = 0
            while data := self.received(self.request):
                server.sendall(data)
                sent += len(data)
                if self.fake.is_over(sent):
                    # As a reset, not as an end that one could take for the sender's own.
                    linger = struct.pack("ii", 1, 0)
                    for each in (server, self.request):
                        each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    break
            self.request.close()

    def back(self, server: socket.socket) -> None:
        try:
            while data := self.received(server):
                self.request.sendall(data)
        except OSError:
            return

    def received(self, source: socket.socket) -> bytes:
        try:
            return source.recv(1 << 16)
        except OSError:
            return b""
