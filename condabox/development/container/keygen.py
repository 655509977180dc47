"""OpenSSH's own program for keys."""

from __future__ import annotations

import base64
import binascii
import errno
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

_REFUSALS = frozenset({1, 255})
"""Statuses for a key that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keygen:
    """``program`` is ssh-keygen, and ``env`` all of its variables."""

    program: str
    env: Mapping[str, str]

    def make(self, path: Path) -> bytes:
        """Write a new key to ``path``, where there is none, and return it."""
        self._run("-q", "-t", "ed25519", "-N", "", "-C", "condabox", "-f", str(path))
        return path.read_bytes()

    def public(self, path: Path) -> bytes | None:
        """Return the line with the public half of the private key in ``path``.

        None is for what is no such key, or asks for a password.
        """
        status, line = self._run("-y", "-P", "", "-f", str(path), refusals=_REFUSALS)
        return None if status else line

    def fingerprints(self, lines: Sequence[bytes]) -> frozenset[str]:
        """Return those of the public keys in ``lines``, whatever stands before and after them."""
        # One run for all of them: what it lists has no line numbers, but names the keys.
        given = b"\n".join([*lines, b""])
        _, listed = self._run("-l", "-f", "-", given=given, refusals=_REFUSALS)
        # a key's comment, which comes with it, may have any character but the end of the line
        words = (line.split(maxsplit=2) for line in listed.split(b"\n"))
        return frozenset(found[1].decode() for found in words if len(found) > 1)

    def _run(
        self, *words: str, given: bytes = b"", refusals: Collection[int] = ()
    ) -> tuple[int, bytes]:
        """Return status and output of the program, which reads ``given``.

        Raise OSError, with what it complains of, for a status that is neither 0 nor a refusal: so
        a program that does not run at all says nothing of keys.
        """
        with _memory(given) as reads, _memory() as output, _memory() as complaint:
            streams = enumerate((reads, output, complaint))
            actions = [(os.POSIX_SPAWN_DUP2, file.fileno(), number) for number, file in streams]
            command = (self.program, *words)
            pid = os.posix_spawn(self.program, command, self.env, file_actions=actions)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            for file in (output, complaint):
                file.seek(0)
            if status and status not in refusals:
                why = complaint.read().decode(errors="replace").strip()
                raise OSError(errno.EIO, why or f"it ended with status {status}", self.program)
            return status, output.read()


def fingerprint(key: bytes) -> str | None:
    """Return what OpenSSH calls the public key that is ``key`` in base64; None for what is none."""
    try:
        digest = hashlib.sha256(base64.b64decode(key, validate=True)).digest()
    except binascii.Error:
        return None
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _memory(data: bytes = b"") -> BinaryIO:
    file = os.fdopen(os.memfd_create("condabox"), "w+b")
    file.write(data)
    file.seek(0)
    return file
