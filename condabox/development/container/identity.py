"""Who the container's user is: SSH, shells and git ask for a name, a home and a shell.

A container may be started with any user id, of which /etc/passwd has no line.  Instead of letting
everybody write to that file, programs are shown another one by a library of their own, nss_wrapper.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from condabox.development.container.folder import write_private
from condabox.development.container.groups import without_unmapped_terminals
from condabox.development.container.places import ACCOUNT, TOOLS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.development.container.places import System

_FIELDS = 7
_NUMBER = re.compile(r"[0-9]{1,10}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
"""A name that means itself in sshd_config(5), where others are patterns."""
_REFUSING = frozenset({"nologin", "false"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A line of passwd(5)."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """By which name one logs in, None where nobody can, and what programs need to see it."""

    name: str | None
    env: Mapping[str, str]


def identify(system: System, *, env: Mapping[str, str], home: Path, folder: Path) -> Identity:
    """Return the user's identity, with ``home`` as its home and a shell that runs.

    CRI-O and podman add lines of their own, with a shell that refuses, a home that is not ours, or
    the user id for a name: so a line of the user alone says nothing.
    """
    passwd = os.fsdecode(system.at("/etc/passwd").read_bytes())
    found = account_of(passwd, uid=system.uid)
    if found and not _runs(system, found.shell):
        found = None
    library = system.at(f"{TOOLS}/lib/libnss_wrapper.so")
    usable = found is not None and (found.name, found.home) == (ACCOUNT, str(home))
    groups = without_unmapped_terminals(system)
    if not library.exists() or (usable and groups is None):
        return Identity(name=found.name if found else None, env=env)
    accounts, group = system.at("/etc/passwd"), system.at("/etc/group")
    if not usable:
        shell = "/bin/bash" if _runs(system, "/bin/bash") else "/bin/sh"
        ours = Account(name=ACCOUNT, uid=system.uid, gid=system.gid, home=str(home), shell=shell)
        accounts = folder / "passwd"
        write_private(accounts, os.fsencode(with_account(passwd, ours)))
    if groups is not None:
        group = folder / "group"
        write_private(group, groups)
    preloaded = env.get("LD_PRELOAD", "")
    if str(library) not in preloaded.split(":"):
        preloaded = f"{library}:{preloaded}".rstrip(":")
    wrapped = {
        "LD_PRELOAD": preloaded,
        "NSS_WRAPPER_PASSWD": str(accounts),
        "NSS_WRAPPER_GROUP": str(group),
    }
    return Identity(name=ACCOUNT, env={**env, **wrapped})


def account_of(passwd: str, *, uid: int) -> Account | None:
    """Return the account that the C library finds for ``uid``, and finds again by its name."""
    accounts = [account for line in passwd.split("\n") if (account := _parsed(line))]
    found = next((each for each in accounts if each.uid == uid), None)
    if found is None or not _NAME.fullmatch(found.name):
        return None
    by_name = next(each for each in accounts if each.name == found.name)
    return replace(found, shell=found.shell or "/bin/sh") if by_name == found else None


def with_account(passwd: str, account: Account) -> str:
    """Return ``passwd`` with ``account`` as the only line of its name and of its user id."""
    kept = [
        line
        for line in passwd.split("\n")
        if line
        and line.split(":")[0] != account.name
        and not ((other := _parsed(line)) and other.uid == account.uid)
    ]
    ours = (account.name, "x", str(account.uid), str(account.gid), "condabox", account.home)
    return "\n".join([*kept, ":".join((*ours, account.shell)), ""])


def _parsed(line: str) -> Account | None:
    fields = line.split(":")
    if len(fields) != _FIELDS or not all(map(_NUMBER.fullmatch, fields[2:4])):
        return None
    name, _, uid, gid, _, home, shell = fields
    return Account(name=name, uid=int(uid), gid=int(gid), home=home, shell=shell)


def _runs(system: System, shell: str) -> bool:
    path = system.at(shell)
    return path.name not in _REFUSING and os.access(path, os.X_OK) and path.is_file()
