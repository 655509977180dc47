"""What can go wrong while the test world is made."""

from __future__ import annotations


class WorldError(Exception):
    """The world cannot be made here; the message says why and what would help."""
