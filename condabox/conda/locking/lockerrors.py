"""Finds in what conda-lock prints the reason why it failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from condabox.conda.channels.access import redacted
from condabox.errors import SolveError

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.process import Completed

_FROM_SOLVER = re.compile(
    r"^Could not lock the environment for platform \S+\n(.*?)^    Command:",
    re.MULTILINE | re.DOTALL,
)
_EXCEPTION = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?([A-Z]\w*): (.*)\Z", re.MULTILINE | re.DOTALL)
_NO_WHEEL = re.compile(r"Unable to find installation candidates for (\S+) \(([^)]+)\)")
_REFUSED = re.compile(r"Authorization error accessing (\S+)")
_SHOWN = 2000


def names_unreachable(done: Completed) -> bool:
    """Tell whether conda-lock failed because it cannot download its table of package names."""
    return done.returncode != 0 and "in _get_pypi_lookup" in done.stderr


def explain(stderr: str, *, environment: Path) -> SolveError:
    """Turn what conda-lock printed before it failed into an error of ours."""
    stderr = redacted(stderr)  # a person's own solver may repeat the addresses that it was given
    solver = _FROM_SOLVER.search(stderr)
    if solver is not None:
        return SolveError(
            solver[1].strip(),
            hint="loosen a version, or add the channel that has the package",
        )
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


def _of_pip(message: str, *, environment: Path) -> SolveError:
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
    return "\n".join(stderr.strip().splitlines()[-5:])
