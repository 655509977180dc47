"""What the locker tells `solver_command`, past conda-lock that stands between them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import SolveError
from condabox.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.errors import CondaboxError

VARIABLE = "CONDABOX_SOLVER"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverRequest:
    """How to reach the channels, and where to leave the reason when there is no solution.

    ``specs`` are, by subdir, everything that the environment asks for.
    """

    settings: Settings
    specs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    failure: Path | None = None

    def to_variable(self) -> str:
        """Return the value of the environment variable `VARIABLE`."""
        return json.dumps(
            {
                "cache": str(self.settings.cache_dir),
                "mirrors": dict(self.settings.channel_mirrors),
                "specs": dict(self.specs),
                "failure": str(self.failure) if self.failure else None,
            }
        )

    @classmethod
    def of_environment(cls, env: Mapping[str, str]) -> SolverRequest:
        """Read `VARIABLE`, or the settings of the folder that a person calls the solver in."""
        if VARIABLE not in env:
            return cls(settings=load_settings(Path.cwd(), env=env))
        told = json.loads(env[VARIABLE])
        return cls(
            settings=Settings(
                cache_dir=Path(told["cache"]),
                channel_mirrors={url: tuple(urls) for url, urls in told["mirrors"].items()},
            ),
            specs={subdir: tuple(specs) for subdir, specs in told["specs"].items()},
            failure=Path(told["failure"]) if told["failure"] else None,
        )

    def report(self, error: CondaboxError, *, subdir: str) -> None:
        """Leave ``error`` where the locker looks for it."""
        if self.failure is not None:
            document = {"subdir": subdir, "message": error.message, "hint": error.hint}
            self.failure.write_text(json.dumps(document))

    def reported(self) -> SolveError | None:
        """Return the error that a solver left, if one did."""
        if self.failure is None or not self.failure.exists():
            return None
        told = json.loads(self.failure.read_text())
        return SolveError(f"{told['subdir']}: {told['message']}", hint=told["hint"])
