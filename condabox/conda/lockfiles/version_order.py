"""The order of conda packages' versions, as conda's documentation of ``VersionOrder`` tells it."""

from __future__ import annotations

import re
from itertools import zip_longest

_RUN = re.compile(r"[0-9]+|[^0-9]+")

Part = tuple[int, int, str]
"""A run of digits or of other characters: what kind, how many digits, and what is written."""

Component = list[Part]
"""What stands between two dots."""

_DEV: Part = (0, 0, "")
_WORD = 1
_NUMBER = 2
_POST: Part = (3, 0, "")
_ZERO: Part = (_NUMBER, 0, "")


def compare_versions(one: str, other: str) -> int:
    """Return -1 when ``one`` is older than ``other``, 1 when it is newer, and 0 otherwise.

    Every text has its place in this order, also those that conda refuses as versions.
    """
    nothing: Component = []
    for mine, yours in zip(_parsed(one), _parsed(other), strict=True):
        for components in zip_longest(mine, yours, fillvalue=nothing):
            # "1.1" is "1.1.0": what is missing counts as zero
            for part, counterpart in zip_longest(*components, fillvalue=_ZERO):
                if part != counterpart:
                    return -1 if part < counterpart else 1
    return 0


def _parsed(version: str) -> tuple[list[Component], list[Component], list[Component]]:
    """Return the epoch, the version and the local version."""
    epoch, _, rest = version.strip().lower().rpartition("!")
    main, _, local = rest.partition("+")
    return _components(epoch), _components(main), _components(local)


def _components(text: str) -> list[Component]:
    written = text.replace("-", "_")
    # openssl's way: an underscore at the end is a word, below all letters and above "dev"
    body = written.removesuffix("_")
    *first, last = body.replace("_", ".").split(".")
    return [_component(each) for each in (*first, last + written[len(body) :])]


def _component(text: str) -> Component:
    parts = [_part(run) for run in _RUN.findall(text)]
    # numbers are compared with numbers: "1.a1" is "1.0a1"
    return parts if parts and parts[0][0] == _NUMBER else [_ZERO, *parts]


def _part(run: str) -> Part:
    if run == "dev":
        return _DEV
    if run == "post":
        return _POST
    if run[0] in "0123456789":
        digits = run.lstrip("0")
        # of two numbers without leading zeros the longer one is larger; nothing is converted,
        # because Python refuses to read numbers of thousands of digits
        return _NUMBER, len(digits), digits
    return _WORD, 0, run
