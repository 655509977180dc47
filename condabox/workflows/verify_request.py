"""What the user asks ``condabox verify`` for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.workflows.build_request import Variant
from condabox.workflows.run import Engine

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.platforms import Platform

SECONDS = 60.0
"""For one check, unless the user says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What the user asked for.

    ``target`` is an image or an environment file, and ``against`` the environment file that an
    image was built from.  Where ``engine`` is None, nothing is run.  No check takes longer than
    ``seconds``.  ``budget`` and ``epoch`` are those of the build.
    """

    target: str
    against: Path | None = None
    engine: Engine | None = Engine.AUTO
    platform: Platform | None = None
    variant: Variant = Variant.PROD
    rebuild: bool = False
    seconds: float = SECONDS
    budget: int
    epoch: int | None
