"""A Docker daemon on another machine, by the ssh command, as Docker's own command reaches it.

The SDK's way needs another client of ssh to be installed, even where it starts the command, and has
no limit of time.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import tempfile
import threading
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from condabox.errors import ToolMissingError
from condabox.process import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ADDRESS = re.compile(
    r"ssh://(?:(?P<user>[^@:/\s]+)@)?(?P<host>\[[\w:.%]+\]|[^@:/?#\[\]\s]+)"
    r"(?::(?P<port>\d+))?(?P<path>/[^?#\s]*)?"
)

# nobody can answer a question: ssh has no terminal here
_OPTIONS = ("-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10")
_PIECE = 1 << 16


def dial_command(host: str) -> list[str]:
    """Return the command whose input and output are a connection to the daemon at ``host``.

    That is ``ssh://[USER@]HOST[:PORT][/SOCKET]``; raise ToolMissingError for anything else.
    """
    parts = _ADDRESS.fullmatch(host)
    if parts is None:
        raise ToolMissingError(
            "the address of the Docker daemon is none that ssh can reach",
            hint="set DOCKER_HOST to ssh://[USER@]HOST[:PORT]",
        )
    user = ["-l", unquote(parts["user"])] if parts["user"] else []
    port = ["-p", parts["port"]] if parts["port"] else []
    path = (parts["path"] or "").rstrip("/")
    at = ["--host", f"unix://{path}"] if path else []
    remote = shlex.join(["docker", *at, "system", "dial-stdio"])
    return ["ssh", *_OPTIONS, *user, *port, "--", parts["host"].strip("[]"), remote]


@contextmanager
def tunnel(host: str) -> Iterator[str]:
    """Give the address of a socket that leads to the daemon at ``host``, until the context ends.

    Nobody but this user can connect to it.
    """
    command = dial_command(host)
    with (
        tempfile.TemporaryDirectory(prefix="condabox-") as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        path = str(Path(folder, "docker.sock"))
        listener.bind(path)
        listener.listen()
        ended = threading.Event()
        accepting = threading.Thread(target=_accept, args=(listener, command, ended))
        accepting.start()
        try:
            yield f"unix://{path}"
        finally:
            ended.set()
            with suppress(OSError), socket.socket(socket.AF_UNIX) as last:
                last.connect(path)  # so that it looks whether it has ended
            accepting.join()


def _accept(listener: socket.socket, command: Sequence[str], ended: threading.Event) -> None:
    passing: list[tuple[threading.Thread, socket.socket]] = []
    while True:
        connection, _ = listener.accept()
        if ended.is_set():
            connection.close()
            break
        thread = threading.Thread(target=_pass_on, args=(connection, command))
        thread.start()
        passing.append((thread, connection))
    for thread, connection in passing:
        _hang_up(connection)
        thread.join()


def _pass_on(connection: socket.socket, command: Sequence[str]) -> None:
    """Let a new connection to the daemon have what comes, and send back what it says."""
    with connection, suppress(ToolMissingError), Worker(command) as ssh:
        answers = threading.Thread(target=_send_back, args=(ssh.stdout.fileno(), connection))
        answers.start()
        with suppress(OSError):  # either side has gone
            for data in iter(partial(connection.recv, _PIECE), b""):
                ssh.stdin.write(data)
                ssh.stdin.flush()
        ssh.end()
        answers.join()


def _send_back(number: int, connection: socket.socket) -> None:
    with suppress(OSError):
        for data in iter(partial(os.read, number, _PIECE), b""):
            connection.sendall(data)
    _hang_up(connection)


def _hang_up(connection: socket.socket) -> None:
    """End a connection for whoever waits for it, in any thread."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
