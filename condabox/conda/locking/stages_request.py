"""What the locker tells the stages of one lock, and what they tell it, in files between them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from condabox.conda.locking.solver_request import SolverRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_REQUEST = "stages.json"
_REPORT = "report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagesRequest:
    """What solvers are asked for beyond what conda-lock knows.

    ``main`` and ``both`` are for condabox's own, in the stage of prod alone and in those of prod
    and development: what only development had decides nothing in the first.  ``dev`` are
    development's match specs, for every solver: conda-lock forgets those of packages that prod asks
    for too.
    """

    main: SolverRequest = field(default_factory=SolverRequest)
    both: SolverRequest = field(default_factory=SolverRequest)
    dev: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Leave the request in ``folder``."""
        (folder / _REQUEST).write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> StagesRequest:
        """Read what `write` left."""
        told = json.loads((folder / _REQUEST).read_text())
        return cls(
            main=SolverRequest.of_json(told["main"]),
            both=SolverRequest.of_json(told["both"]),
            dev=tuple(told["dev"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StagesReport:
    """What became of a lock's stages.

    ``sizes`` are of archives in bytes, by conda package.  ``moved`` says of each package of prod
    that could not stand what became of it, and ``shared`` are the names of prod's wheels that
    development has in the place of conda's packages.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    moved: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Leave the report in ``folder``."""
        told = {"sizes": dict(self.sizes), "moved": self.moved, "shared": self.shared}
        (folder / _REPORT).write_text(json.dumps(told))

    @classmethod
    def read(cls, folder: Path) -> StagesReport:
        """Read what `write` left."""
        told = json.loads((folder / _REPORT).read_text())
        return cls(sizes=told["sizes"], moved=tuple(told["moved"]), shared=tuple(told["shared"]))
