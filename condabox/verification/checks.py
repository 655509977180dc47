"""What is run in an image to prove that it works, as values."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from condabox.reporting.findings import Group

IMPORTED = 77
"""What an import ends with: a module that ends Python while it is imported does not choose it."""

_MOST_SHOWN = 5

_IMPORT = f"""\
import importlib, os, sys, traceback
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(2, ("\\n%s: %s: %s\\n" % (name, type(error).__name__, error)).encode())
        os._exit(1)
sys.stdout.flush()
os._exit({IMPORTED})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing to try.

    The first of ``attempts``, each a command's arguments, that ends with ``success`` is enough.
    ``folder`` is where it runs, None the image's working directory.  ``optional`` are the projects,
    as PEP 503 writes them, that a package's own test may miss.
    """

    group: Group
    name: str
    does: str
    """For people: ``import numpy``, ``uvicorn --help``."""
    attempts: tuple[tuple[str, ...], ...]
    success: int = 0
    folder: str | None = None
    seconds: float
    optional: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, object]:
        """Return what the probe reads."""
        return {
            "attempts": [list(each) for each in self.attempts],
            "success": self.success,
            "folder": self.folder,
            "seconds": self.seconds,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a check ended, in the probe's words.

    ``attempt`` counts from 0.  ``status`` is negative for a signal.  ``said`` is the end of what
    it printed.
    """

    how: str
    attempt: int = 0
    status: int | None = None
    said: str = ""


def import_check(
    group: Group,
    name: str,
    modules: tuple[str, ...],
    *,
    python: str,
    seconds: float,
    folder: str | None = "/",
    optional: frozenset[str] = frozenset(),
) -> Check:
    """Return the check that ``modules`` can be imported, one after the other, by ``python``."""
    return Check(
        group=group,
        name=name,
        does=f"import {listed(modules)}",
        attempts=((f"/{python}", "-c", _IMPORT, *modules),),
        success=IMPORTED,
        folder=folder,
        seconds=seconds,
        optional=optional,
    )


def listed(modules: tuple[str, ...]) -> str:
    """Name the first of ``modules``, and count the others."""
    shown, more = ", ".join(modules[:_MOST_SHOWN]), len(modules) - _MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def script_check(name: str, path: str, *, seconds: float) -> Check:
    """Return the check that the program at ``path`` starts, and tells of itself."""
    return Check(
        group=Group.SCRIPTS,
        name=name,
        does=f"{name} --help",
        attempts=((f"/{path}", "--help"), (f"/{path}", "--version")),
        folder="/",
        seconds=seconds,
    )


def command_check(command: str, *, has_shell: bool, seconds: float) -> Check:
    """Return the check that the environment file's ``command`` succeeds.

    Where the image has no shell, its words are the arguments.
    """
    return Check(
        group=Group.TESTS,
        name="command",
        does=command,
        attempts=(("/bin/sh", "-c", command) if has_shell else _words(command),),
        seconds=seconds,
    )


def _words(command: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(command)) or (command,)
    except ValueError:  # a quote is not closed
        return (command,)
