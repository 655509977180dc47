"""Ties the parts of a lock together, so that none changes alone.

The packages of a subdir are tied to what they were made from, and the name of the base to its
digest.  What the lock has of the base for a subdir is one of these:

* a digest and its seal: the base is pinned;
* no digest, and a seal that says so: the base was out of reach when it was locked.  That is not
  stale.  Every `condabox lock` tries again, and a build says what it takes instead;
* anything else: the digest or the name was changed, removed or merged by hand, or the lock was made
  before there were seals.  That is stale.  `condabox lock` resolves the base again; out of reach,
  it is left out with a warning, because nobody knows whether the digest was right.

A subdir that is merely kept, while others are locked, keeps its digest without a seal: it was stale
before, and stays so.  Where the base itself changes it changes for all, kept ones too.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from condabox.decode import JSON

SEAL_KEY = "condabox-packages-"
"""Followed by a subdir; the value is what `seal` returns for it."""

BASE_SEAL_KEY = "condabox-base-seal-"
"""Followed by a subdir; the value is what `seal_base` returns for it."""

_FIELDS = ("manager", "name", "version", "url", "hash", "category", "dependencies")


def seal(entries: Iterable[JSON], *, inputs: str) -> str:
    """Return the SHA-256, in hexadecimal, of what a lock has for one subdir.

    ``entries`` are the subdir's packages as `read_plain_yaml` returns them, in any order, and
    ``inputs`` is the digest of its LockInputs.  Another spelling of the same YAML changes nothing.
    """
    # whole entries as text: nothing decides between equal ones
    packages = sorted(
        json.dumps([_texts(entry.get(name)) for name in _FIELDS], sort_keys=True)
        for entry in entries
    )
    return hashlib.sha256("\n".join((inputs, *packages)).encode()).hexdigest()


def seal_base(name: str | None, digest: str | None, *, subdir: str) -> str:
    """Return the SHA-256, in hexadecimal, of what a lock has of the base for ``subdir``.

    ``name`` is None where none of several was found, ``digest`` where the base was out of reach.
    """
    return hashlib.sha256(json.dumps([subdir, name, digest]).encode()).hexdigest()


def _texts(value: object) -> object:
    """Return a text, or a mapping's texts: what lies deeper is foreign, and may be endless."""
    return {k: _text(v) for k, v in value.items()} if isinstance(value, dict) else _text(value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
