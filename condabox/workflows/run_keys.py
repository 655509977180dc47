"""The public keys that a development container lets in."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import BackendError, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KINDS = frozenset(
    {"ssh-ed25519", "ssh-rsa", "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"}
    | {f"ecdsa-sha2-nistp{bits}" for bits in (256, 384, 521)}
)
"""What a line with a public key says it is.  Certificates and dead kinds are none."""
_LARGEST = 1 << 16
"""Bytes of all keys: Linux lets no variable be larger than twice that."""
_USUAL = frozenset(
    f"id_{kind}" for kind in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss")
)
"""The private keys that ssh(1) tries by itself."""
_PATIENCE = 5.0
"""Seconds for an agent, which may ask its user for leave."""
_LENGTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeys:
    """Those that are let in, one in a line, and the files that they are from."""

    text: str
    files: tuple[Path, ...] = ()

    def identity(self, *, env: Mapping[str, str]) -> Path | None:
        """Return the private key that ssh has to be told of, as it tries none of these itself."""
        folder = _folder(env)
        private = [file.with_suffix("") for file in self.files if file.suffix == ".pub"]
        there = [file.absolute() for file in private if file.is_file()]
        if any(file.parent == folder and file.name in _USUAL for file in there):
            return None
        return next(iter(there), None)


def public_keys(files: Sequence[Path], *, env: Mapping[str, str]) -> PublicKeys:
    """Return the keys in ``files``; without files those of ``~/.ssh``, or else of the ssh agent.

    Nothing where there is none.  Raise SpecError for a file that was named and has none, or that
    is larger than any key.
    """
    found = _of_files(files) if files else _of_user(env)
    keys = dict.fromkeys(key for inside in found.values() for key in inside)
    text = "\n".join(keys if files or keys else dict.fromkeys(_of_agent(env)))
    if len(text.encode()) > _LARGEST:
        raise SpecError(
            f"the public keys are larger than {_LARGEST >> 10} KiB",
            hint="name those that are needed with --ssh-key",
        )
    return PublicKeys(text=text, files=tuple(file for file, inside in found.items() if inside))


def _of_files(files: Sequence[Path]) -> dict[Path, tuple[str, ...]]:
    return {file: _named(file) for file in map(_expanded, files)}


def _named(file: Path) -> tuple[str, ...]:
    try:
        text = _text(file)
    except OSError as error:
        raise SpecError(f"{file} cannot be read: {error.strerror}") from None
    if text is None:
        raise SpecError(f"{file} is not a file")
    keys = tuple(_keys(text))
    if not keys:
        beside = file.with_name(f"{file.name}.pub")
        secret = "PRIVATE KEY" in text
        raise SpecError(
            f"{file} is a private key" if secret else f"{file} has no public key in it",
            hint=f"the public one is {beside}" if secret else "public keys end in .pub",
        )
    return keys


def _expanded(file: Path) -> Path:
    try:
        return file.expanduser()
    except RuntimeError:
        raise SpecError(f"{file}: nobody has such a home") from None


def _folder(env: Mapping[str, str]) -> Path | None:
    home = env.get("HOME") or env.get("USERPROFILE")
    return Path(home, ".ssh").absolute() if home else None


def _of_user(env: Mapping[str, str]) -> dict[Path, tuple[str, ...]]:
    folder = _folder(env)
    # By name, so that the same keys make the same text.
    return {file: _readable(file) for file in sorted(folder.glob("*.pub"))} if folder else {}


def _readable(file: Path) -> tuple[str, ...]:
    try:
        return tuple(_keys(_text(file) or ""))
    except OSError:
        return ()  # it is for nobody's eyes, then


def _of_agent(env: Mapping[str, str]) -> tuple[str, ...]:
    """Return what an agent has: the keys of password managers and tokens are in no file."""
    if not env.get("SSH_AUTH_SOCK"):
        return ()
    try:
        done = process.attempt(["ssh-add", "-L"], env=env, seconds=_PATIENCE)
    except BackendError:
        return ()
    return tuple(_keys(done.stdout.decode(errors="replace"))) if done.returncode == 0 else ()


def _text(file: Path) -> str | None:
    """Return what is in ``file``; None where that is a pipe or the like, which may have no end."""
    if file.exists() and not file.is_file():
        return None
    with file.open("rb") as stream:
        data = stream.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise SpecError(
            f"{file} is larger than {_LARGEST >> 10} KiB",
            hint="name the keys that are needed with --ssh-key",
        )
    return data.decode("utf-8-sig", errors="replace")


def _keys(text: str) -> Iterator[str]:
    """Yield the lines that sshd(8) takes from a file of authorized keys."""
    for line in text.splitlines():
        key = line.replace("\t", " ").strip()
        if key.isprintable() and not key.startswith("#") and _is_key(key.split()):
            yield key


def _is_key(words: Sequence[str]) -> bool:
    return any(kind in _KINDS and _kind_of(blob) == kind for kind, blob in pairwise(words))


def _kind_of(blob: str) -> str:
    """Return the first of a key's fields (RFC 4253, 6.6), which says what it is."""
    try:
        data = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return ""
    length = int.from_bytes(data[:_LENGTH])
    return data[_LENGTH : _LENGTH + length].decode("ascii", errors="replace")
