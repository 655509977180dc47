"""What a development container's volume, host key and label are called by: all the same."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.conda.envfile.spec import read_environment
from condabox.conda.lockfiles.locks import is_lock
from condabox.workflows.subjects import is_description

if TYPE_CHECKING:
    from collections.abc import Callable

    from condabox.oci.image import Image

_TITLE = "org.opencontainers.image.title"
_LONGEST_NAME = 100
_DIGITS = 6


def development_identity(subject: str, image: Callable[[], Image]) -> str:
    """Return ``condabox-NAME`` for an image, ``condabox-NAME-DIGITS`` for a file.

    The digits are the path's: two projects may call their environments the same.  ``image`` gives
    that of ``subject``, which is asked for its title where no environment file tells a name.
    """
    if not is_description(subject):
        return f"condabox-{plain_name(_title(image()))}"
    path = Path(subject)
    name = _title(image()) if is_lock(path.read_bytes()) else read_environment(path).name
    place = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:_DIGITS]
    return f"condabox-{plain_name(name)}-{place}"


def plain_name(text: str) -> str:
    """Return ``text`` as far as volumes, labels and hosts can be called that."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", text[:_LONGEST_NAME]).strip("-_.")
    return plain or "environment"


def _title(image: Image) -> str:
    return image.config.config.labels.get(_TITLE, "")
