"""Where the files of ``templates/`` are, in a wheel and in a checkout."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def templates() -> Traversable:
    """Return the folder of templates, wherever condabox is installed."""
    shipped = files("condabox") / "_templates"
    return shipped if shipped.is_dir() else Path(__file__).parent.parent / "templates"
