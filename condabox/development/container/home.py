"""The home of the container's user, and where pip installs for that user."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.development.container.places import WORKSPACE
from condabox.development.container.words import Refused, say

if TYPE_CHECKING:
    from collections.abc import Mapping


def settle_home(env: Mapping[str, str], *, folder: Path) -> Path:
    """Return the home that can be written: the one of ``env``, else one in ``folder``.

    Raise Refused for a home that no line of passwd(5) can name.
    """
    wanted = env.get("HOME") or WORKSPACE
    if not wanted.startswith("/") or ":" in wanted or not wanted.isprintable():
        raise Refused(f"HOME is {wanted!r}: leave it out, or name a folder that begins with /")
    home = Path(wanted)
    why = _unfit(home)
    if why is None:
        return home
    home = folder / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    say(f"{wanted} {why}, so home is {home}: what is there goes when the container stops")
    return home


def _unfit(home: Path) -> str | None:
    try:
        mode = home.stat().st_mode
    except PermissionError:
        return "cannot be reached"
    except OSError:
        return "does not exist"
    written = stat.S_ISDIR(mode) and os.access(home, os.W_OK | os.X_OK)
    return None if written else "cannot be written"


def make_user_site(*, home: Path, prefix: Path) -> None:
    """Make the folders for which `pip install --user` is, of each Python in ``prefix``.

    A kernel that starts before they are there does not look into them, ever.
    """
    for library in prefix.glob("lib/python3.*"):
        # conda has links to it, by shorter names
        if library.is_dir() and not library.is_symlink():
            site = home / ".local" / "lib" / library.name / "site-packages"
            with suppress(OSError):  # pip says what it has against it
                site.mkdir(parents=True, exist_ok=True)
