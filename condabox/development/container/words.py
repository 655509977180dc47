"""What a container says, and how it says no."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

_STDERR = 2
REFUSED = 2
"""The exit status where what was asked for cannot be."""


class Refused(Exception):  # noqa: N818  (what it says is no fault of a program)
    """The container cannot start as it was told to; the message says what to do about it."""


def say(text: str) -> None:
    """Write a line into the container's log, if that is open and takes it."""
    if sys.stderr:  # else the number is free, or that of another file
        with suppress(OSError):  # services run as well where nobody can read of them
            # what Python keeps for a later attempt would change the exit status
            os.write(_STDERR, f"condabox: {text}\n".encode(errors="backslashreplace"))
