"""The configuration of the SSH server, which has keys alone, and no rights but the user's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from condabox.development.container.folder import write_private
from condabox.development.container.places import OWN
from condabox.development.container.supervision import Service
from condabox.development.container.variables import for_sessions
from condabox.development.container.words import say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from condabox.development.container.places import System

NO_LOGIN = (
    "this user has no line in /etc/passwd with a shell that runs, and the image has no nss_wrapper "
    "to show one: start the container with --user 1000:0"
)


_MOST = 200_000
"""Bytes that sessions can be told: sshd's processes pass on no more than 256 KiB to each other."""
_OVERHEAD = 8
"""Bytes of its length and its end, as they are passed on."""


def ssh_service(
    system: System,
    *,
    env: Mapping[str, str],
    folder: Path,
    login: str,
    port: int,
    keys: Sequence[bytes],
) -> Service:
    """Write what sshd reads into ``folder``, where its host key is, and return how to start it."""
    session = for_sessions(env)
    setenv, left_out = quoted(session)
    if left_out:
        names = ", ".join(left_out)
        say(f"SSH sessions go without variables that are too long or of several lines: {names}")
    template = system.at(f"{OWN}/config/sshd_config").read_text(encoding="utf-8")
    config = template.format(port=port, folder=folder, user=login, env=setenv)
    write_private(folder / "authorized_keys", b"\n".join([*keys, b""]))
    write_private(folder / "sshd_config", os.fsencode(config))
    # by its whole path, as it starts itself anew for each connection
    command = (system.tool("sshd"), "-D", "-e", "-f", str(folder / "sshd_config"))
    return Service(name="SSH", command=command, env=session)


def quoted(env: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return the value of sshd_config(5)'s SetEnv, and the names of those that it cannot say.

    It is one line, as only the first one counts.  Where there is too much of them, the longest
    are left out.
    """
    said, left_out = [], []
    left = _MOST
    # by name where they are of one length
    for name, value in sorted(env.items(), key=lambda item: (len(item[0] + item[1]), item)):
        setting = f"{name}={value}".replace("\\", "\\\\").replace('"', '\\"')
        needed = len(os.fsencode(setting)) + _OVERHEAD
        if "\n" in setting or needed > left:
            left_out.append(name)
        else:
            left -= needed
            said.append(f'"{setting}"')
    return " ".join(sorted(said)), tuple(sorted(left_out))
