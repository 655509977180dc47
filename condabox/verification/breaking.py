"""Did a program break, or was it only not used well?  Told by the last words it said."""

from __future__ import annotations

import re

_BREAKS = re.compile(
    r"error while loading shared libraries|cannot open shared object file|symbol lookup error"
    r"|Fatal Python error|Can't locate \S+ in @INC|Cannot find module '"
)
"""What loaders and interpreters say where something is missing: ld.so, Python, Perl, Node.js."""
_TRACEBACK = re.compile(
    r"Traceback \(most recent call last\)|^ +File \".*\", line \d+", re.MULTILINE
)
"""Of a long traceback only the end is known, and that of a syntax error has no first line."""
_NAMED = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception|NotFound))\b", re.MULTILINE)
_RAISED = re.compile(r"^(?:\w+\.)*([A-Za-z_]\w*)(?::|$)", re.MULTILINE)
"""The line that follows a traceback, whatever the class is called."""
_NOT_THERE = frozenset(
    {"AttributeError", "DistributionNotFound", "ImportError"}
    | {"ModuleNotFoundError", "PackageNotFoundError"}
)
"""How Python says that what a script begins with is not there."""
_OF_ITS_WORK = frozenset(
    {"ConnectionError", "ConnectionRefusedError", "EOFError", "KeyboardInterrupt", "SystemExit"}
    | {"TimeoutError", "gaierror"}
)
"""What is raised where there is nobody to ask: no person, and no network."""
_OF_ITS_WORDS = re.compile(r"--help|--version|\bsys\.argv\b")
_MISSING = re.compile(r"ModuleNotFoundError: No module named '([^']+)'")
_ASKS_FOR_MORE = re.compile(r"\binstall\b|\w\[[\w,-]+\]")
"""``install it``, or ``tool[cli]``."""


def missing_module(said: str) -> str | None:
    """Return the module that Python missed last; None where it missed none."""
    found = _MISSING.findall(said)
    return found[-1] if found else None


def is_broken(said: str) -> bool:
    """Tell whether a program that ended badly lacks something, or has it in a wrong form.

    It is not where it complains of how it was called, wants a person or a network, or asks for an
    optional extra itself.
    """
    if _BREAKS.search(said):
        return True
    named = _NAMED.findall(said)
    if named and named[-1] in _NOT_THERE:
        return True
    begin = max((found.start() for found in _TRACEBACK.finditer(said)), default=None)
    if begin is None:
        return False
    raised = _RAISED.search(said, begin)
    if (raised is not None and raised[1] in _OF_ITS_WORK) or _OF_ITS_WORDS.search(said, begin):
        return False
    return raised is None or not _wants_an_extra(said, message=raised.start())


def _wants_an_extra(said: str, *, message: int) -> bool:
    missing = missing_module(said)
    if "ImportError" in _NAMED.findall(said) or (missing is not None and "." in missing):
        return False
    return _ASKS_FOR_MORE.search(said, message) is not None
