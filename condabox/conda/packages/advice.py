"""What there is to do about a package that is not what the lock says."""

from __future__ import annotations

LOCK_AGAIN = "lock again with `condabox lock --update {name}`, or with the tool that wrote the lock"
"""Plain ``condabox lock`` leaves a lock that is current as it is, and takes none of other tools."""
