"""What the locker tells `solver_command`, past conda-lock that stands between them, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import SolveError
from condabox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.errors import CondaboxError

VARIABLE = "CONDABOX_SOLVER"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverRequest:
    """How to reach the channels, what to prefer, and where to leave what conda-lock forgets.

    ``main`` is solved first where it names anything, and its packages then stand.  ``also`` is
    asked for beyond what conda-lock passes on.  ``preferred`` are URLs of packages that are taken
    again wherever that is possible.
    """

    settings: Settings
    main: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    report: Path | None = None

    def to_variable(self) -> str:
        """Return the value of the environment variable `VARIABLE`."""
        return json.dumps(
            {
                "cache": str(self.settings.cache_dir),
                "mirrors": dict(self.settings.channel_mirrors),
                "main": self.main,
                "also": self.also,
                "preferred": self.preferred,
                "report": str(self.report) if self.report else None,
            }
        )

    @classmethod
    def of_environment(cls, env: Mapping[str, str]) -> SolverRequest | None:
        """Read `VARIABLE`; None where a person calls the solver."""
        if VARIABLE not in env:
            return None
        told = json.loads(env[VARIABLE])
        return cls(
            settings=Settings(
                cache_dir=Path(told["cache"]),
                channel_mirrors={url: tuple(urls) for url, urls in told["mirrors"].items()},
            ),
            main=tuple(told["main"]),
            also=tuple(told["also"]),
            preferred=tuple(told["preferred"]),
            report=Path(told["report"]) if told["report"] else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverReport:
    """What a solver leaves for the locker.

    ``sizes`` are of archives in bytes, by package; ``moved`` says for each package of ``main``
    that could not stand what became of it.
    """

    sizes: Mapping[str, int]
    moved: tuple[str, ...] = ()

    def write(self, path: Path) -> None:
        """Leave the report at ``path``."""
        path.write_text(json.dumps({"sizes": dict(self.sizes), "moved": self.moved}))

    @classmethod
    def read(cls, path: Path) -> SolverReport:
        """Read what a solver left; a solver that is not condabox's leaves nothing."""
        if not path.exists():
            return cls(sizes={})
        told = json.loads(path.read_text())
        return cls(sizes=told["sizes"], moved=tuple(told["moved"]))


def report_failure(error: CondaboxError, path: Path) -> None:
    """Leave ``error`` at ``path``, where the locker looks for it."""
    path.write_text(json.dumps({"message": error.message, "hint": error.hint}))


def reported_failure(path: Path) -> SolveError | None:
    """Return the error that a solver left, if one did."""
    told = json.loads(path.read_text()) if path.exists() else {}
    if "message" not in told:
        return None
    return SolveError(told["message"], hint=told["hint"])
