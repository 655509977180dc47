"""Finds in what conda-lock prints the reason why it failed."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from condabox.conda.channels.access import redacted
from condabox.errors import SolveError

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.process import Completed

AGAINST_PROD = "what development needs does not go with prod: "
"""What the reason begins with where prod alone has a solution."""

_FROM_SOLVER = re.compile(
    r"^Could not lock the environment for platform \S+\n(?!    Command:)(.+?)^    Command:",
    re.MULTILINE | re.DOTALL,
)
_NO_JSON = re.compile(r"^Failed to parse json, ", re.MULTILINE)
_SOLVER_ENDED = re.compile(
    r"^subprocess\.CalledProcessError: Command '\[.*\]' "
    r"(?:returned non-zero exit (?P<status>status \d+)|died with <Signals\.(?P<signal>\w+): \d+>)"
    r"\.\n?\Z",
    re.MULTILINE,
)
_COMMAND = re.compile(r"^    Command: .*\n", re.MULTILINE)
_HEADING = re.compile(r"^    STD(?:OUT|ERR):\n", re.MULTILINE)
_TRACEBACK = "Traceback (most recent call last):\n"
_EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?([A-Z]\w*): (.*)\Z", re.MULTILINE | re.DOTALL)
_NO_WHEEL = re.compile(r"Unable to find installation candidates for (\S+) \(([^)]+)\)")
_REFUSED = re.compile(r"Authorization error accessing (\S+)")
_SHOWN = 2000


def names_unreachable(done: Completed) -> bool:
    """Tell whether conda-lock failed because it cannot download its table of package names."""
    return done.returncode != 0 and "in _get_pypi_lookup" in done.stderr


def explain(stderr: str, *, environment: Path, solver: str | None) -> SolveError:
    """Turn what conda-lock printed before it failed into an error of ours.

    ``solver`` is the user's own, where condabox's is not asked.
    """
    stderr = redacted(stderr)  # a person's own solver may repeat the addresses that it was given
    explained = _FROM_SOLVER.search(stderr)
    if explained is not None and not _NO_JSON.search(stderr, 0, explained.start()):
        return SolveError(
            explained[1].strip(),
            hint="loosen a version, or add the channel that has the package",
        )
    ended = _SOLVER_ENDED.search(stderr)
    if ended is not None:
        return _of_broken_solver(ended, stderr, solver=solver)
    refused = _REFUSED.search(stderr)
    if refused is not None:
        return SolveError(
            f"{environment}: pip's index refuses {refused[1]}",
            hint="log in: credentials come from pip's configuration, [pip] index-url in "
            "condabox.toml, or netrc",
        )
    if "in _get_info_from_sdist" in stderr:
        return SolveError(
            f"{environment}: a package that pip is asked for has no wheel, only its source",
            hint="choose a version that has one, or take the package from a conda channel",
        )
    # conda-lock's pip solver gives the environment this name
    message = _last_exception(stderr).replace("-dummy-package-", environment.stem)
    return _of_pip(message, environment=environment)


def _of_broken_solver(ended: re.Match[str], stderr: str, *, solver: str | None) -> SolveError:
    """Tell of a solver that failed before it could explain anything."""
    end = f"ended with {ended['status']}" if ended["status"] else f"was ended by {ended['signal']}"
    before = stderr.rpartition(_TRACEBACK)[0]
    said = _last_lines(_HEADING.sub("", _COMMAND.split(before, maxsplit=1)[-1]))
    return SolveError(
        f"{solver or 'the solver'} {end}" + (f":\n{said}" if said else " and did not say why"),
        hint=f"see whether `{shlex.quote(solver)} --version` works, or leave --solver away: "
        "condabox has its own"
        if solver
        else "run the command again",
    )


def _of_pip(message: str, *, environment: Path) -> SolveError:
    if message.startswith(AGAINST_PROD):
        return SolveError(
            f"{environment}: {message[:_SHOWN]}",
            hint="ask for other versions below `dev:`, or of what pip installs",
        )
    no_wheel = _NO_WHEEL.search(message)
    if no_wheel is not None:
        return SolveError(
            f"{environment}: pip: {no_wheel[1]} {no_wheel[2]} has no wheel for the platform "
            "and Python that it is locked for",
            hint="choose a version that has one, or take the package from a conda channel",
        )
    if "does not have the sha256 that is asked for" in message:
        return SolveError(
            f"{environment}: pip: {message}",
            hint="leave the hash away, or name the file that has it",
        )
    if "Incompatible constraints" in message or "version solving failed" in message:
        return SolveError(
            f"{environment}: {message[:_SHOWN]}",
            hint="what conda installs stays as it is: choose versions that go with it",
        )
    if "Got pip specs without Python" in message:
        return SolveError(
            f"{environment}: packages from pip need Python",
            hint="add `python` to `dependencies:`",
        )
    reason = message[:_SHOWN] or "conda-lock failed and did not say why"
    return SolveError(f"{environment}: {reason}")


def _last_exception(stderr: str) -> str:
    """Return the message that a traceback ends with, or the last lines where there is none."""
    _, trace, ending = stderr.rpartition("\n  File ")
    found = _EXCEPTION.search(ending) if trace else None
    if found is not None:
        return found[2].strip()
    return _last_lines(stderr)


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-5:])[-_SHOWN:]
