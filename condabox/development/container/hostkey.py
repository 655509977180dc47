"""The key by which those who log in know the container again."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from condabox.development.container.folder import add_private, read_file, write_private
from condabox.development.container.keygen import Keygen, fingerprint
from condabox.development.container.places import SECRETS
from condabox.development.container.words import Refused, say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.development.container.places import System

NAME = "ssh_host_ed25519_key"
_KEPT = f".local/state/condabox/{NAME}"
_NONE = "is no private key that can be read without a password"


def settle_host_key(system: System, *, env: Mapping[str, str], home: Path, folder: Path) -> str:
    """Put the host key into ``folder`` and return its fingerprint.

    It is the one that was mounted, else the one that home has kept of an earlier start, else a new
    one.  What is used is a copy: a cluster's volumes are readable by a group, and sshd takes no
    such key.  Raise Refused for a mounted key that is none.
    """
    keygen = Keygen(program=system.tool("ssh-keygen"), env=env)
    key, given, kept = folder / NAME, system.at(f"{SECRETS}/{NAME}"), home / _KEPT
    if (mounted := _mounted(given)) is not None:
        if found := _used(mounted, key=key, keygen=keygen):
            return found
        raise Refused(f"{given} {_NONE}")
    old = _kept(kept)
    if old is not None and (found := _used(old, key=key, keygen=keygen)):
        return found
    key.unlink(missing_ok=True)
    new = keygen.make(key)
    if old is not None:
        say(f"{kept} {_NONE}: a new one takes its place, and those who log in are warned of it")
        with suppress(OSError):
            kept.unlink()
    for data in (_agreed(kept, new), new):
        if found := _used(data, key=key, keygen=keygen):
            return found
    raise Refused(f"{key} {_NONE}, although it is new")


def _used(data: bytes, *, key: Path, keygen: Keygen) -> str | None:
    """Make ``data`` the key in use and return its fingerprint, None where it is no key."""
    # what mounts of one line leave out at its end
    write_private(key, data.rstrip() + b"\n")
    public = keygen.public(key)
    if public is None:
        return None
    # sshd would believe another one that lies there
    write_private(key.with_name(f"{NAME}.pub"), public)
    return fingerprint(public.split()[1])


def _mounted(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from None


def _kept(path: Path) -> bytes | None:
    try:
        return read_file(path)
    except OSError as error:
        say(f"{path} cannot be read ({error.strerror}), and the host key is another one")
        return None


def _agreed(kept: Path, data: bytes) -> bytes:
    """Keep ``data`` and return it, or what another container has kept there in the meantime."""
    with suppress(OSError):  # without a volume, or in another user's, the key is that of one start
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            add_private(kept, data)
        except FileExistsError:
            return read_file(kept) or data
    return data
