"""Room for packages, layers and images."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.reporting.findings import Finding, Group
from condabox.reporting.formats import format_size
from condabox.workflows.checks.running import PATIENCE, Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.settings import Settings

_LATE = "is it a network file system that does not answer? choose another `cache-dir`"


def disk_checks(settings: Settings) -> tuple[Check, ...]:
    """Return the checks of the folders that condabox writes to."""
    return (
        Check(
            group=Group.DISK,
            name="cache",
            run=partial(
                _folder, "cache", settings.cache_dir, enough=10e9, least=1e9, setting="`cache-dir`"
            ),
            late=_LATE,
        ),
        Check(
            group=Group.DISK,
            name="temporary",
            run=partial(
                _folder,
                "temporary",
                Path(tempfile.gettempdir()),
                enough=1e9,
                least=1e8,
                setting="TMPDIR",
            ),
            late="set TMPDIR to another folder",
        ),
    )


def _folder(
    name: str, folder: Path, *, enough: float, least: float, setting: str
) -> Iterator[Finding]:
    """Look at ``folder``, in which ``enough`` bytes should be free, and ``least`` must be."""
    elsewhere = f"or choose another folder with {setting}"
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(b"\0")
            file.flush()
        free = shutil.disk_usage(there).free
    except OSError as error:
        detail = f"{folder}: cannot be written: {error.strerror}"
        hint = f"make it writable, {elsewhere}"
        yield Finding.problem(Group.DISK, name, detail, hint=hint)
        return
    used = f", {_used(folder)} in use" if name == "cache" and folder.is_dir() else ""
    detail = f"{folder}: {format_size(free)} free{used}"
    if free < least:
        yield Finding.problem(Group.DISK, name, detail, hint=f"make room, {elsewhere}")
    elif free < enough:
        hint = f"a large environment needs more: make room, {elsewhere}"
        yield Finding.note(Group.DISK, name, detail, hint=hint)
    else:
        yield Finding.ok(Group.DISK, name, detail)


def _used(folder: Path) -> str:
    """Say how large all files in ``folder`` are, or those that can be counted in a short time."""
    until = time.monotonic() + PATIENCE / 2
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # gone meanwhile
                size += Path(parent, name).lstat().st_size
        if time.monotonic() > until:
            return f"more than {format_size(size)}"
    return format_size(size)
