"""Starts a project: an example environment file that explains itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from condabox.errors import SpecError
from condabox.resources import templates

if TYPE_CHECKING:
    from pathlib import Path

_NOT_IN_NAMES = re.compile(r"[^a-z0-9._-]+")


def write_example(path: Path) -> None:
    """Write an example environment file to ``path``; raise SpecError where something is there."""
    name = _NOT_IN_NAMES.sub("-", path.stem.lower()).strip("._-") or "environment"
    text = (templates() / "environment.yml").read_text(encoding="utf-8")
    text = text.replace("{{name}}", name).replace("{{file}}", str(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise SpecError(f"{path} exists", hint="choose another name") from None
    except OSError as error:
        raise SpecError(f"{path} cannot be written: {error.strerror}") from None
