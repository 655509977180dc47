"""What `solver_command` is told past conda-lock, which calls it, and the failure that it leaves.

How to reach the channels comes in a variable, as there are credentials in it.  What to ask for
comes in a file: it is another for each stage of a lock, and may be longer than a variable.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import SolveError
from condabox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.errors import CondaboxError

VARIABLE = "CONDABOX_SOLVER"

_REQUEST = "solver.json"
_FAILURE = "failure.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverRequest:
    """What is asked for beyond what conda-lock passes on.

    ``preferred`` are URLs of packages that are taken again wherever that is possible.
    """

    also: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Leave the request in ``folder``, in the place of the last one."""
        (folder / _REQUEST).write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> SolverRequest:
        """Read what `write` left."""
        return cls.of_json(json.loads((folder / _REQUEST).read_text()))

    @classmethod
    def of_json(cls, told: Mapping[str, Sequence[str]]) -> SolverRequest:
        """Return the request that became ``told`` in a file."""
        return cls(also=tuple(told["also"]), preferred=tuple(told["preferred"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverCall:
    """How to reach the channels, and the folder that the locker writes to and looks into.

    A person who calls the solver has no such folder.
    """

    settings: Settings
    folder: Path | None = None

    def to_variable(self) -> str:
        """Return the value of the environment variable `VARIABLE`."""
        return json.dumps(
            {
                "cache": str(self.settings.cache_dir),
                "mirrors": dict(self.settings.channel_mirrors),
                "folder": str(self.folder) if self.folder else None,
            }
        )

    @classmethod
    def of_environment(cls, env: Mapping[str, str]) -> SolverCall | None:
        """Read `VARIABLE`; None where a person calls the solver."""
        if VARIABLE not in env:
            return None
        told = json.loads(env[VARIABLE])
        return cls(
            settings=Settings(
                cache_dir=Path(told["cache"]),
                channel_mirrors={url: tuple(urls) for url, urls in told["mirrors"].items()},
            ),
            folder=Path(told["folder"]) if told["folder"] else None,
        )

    @property
    def request(self) -> SolverRequest:
        """What the locker asks for; a person asks for nothing more."""
        return SolverRequest.read(self.folder) if self.folder else SolverRequest()

    def report(self, error: CondaboxError) -> None:
        """Leave ``error`` where the locker looks for it."""
        if self.folder is not None:
            told = {"message": error.message, "hint": error.hint}
            (self.folder / _FAILURE).write_text(json.dumps(told))


def reported_failure(folder: Path) -> SolveError | None:
    """Return the last error that a solver left, if one did."""
    path = folder / _FAILURE
    if not path.exists():
        return None
    told = json.loads(path.read_text())
    return SolveError(told["message"], hint=told["hint"])


def forget_failure(folder: Path) -> None:
    """Let a failure not count that another stage makes up for."""
    (folder / _FAILURE).unlink(missing_ok=True)
