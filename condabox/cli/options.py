"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from condabox.platforms import Platform

Environments = Annotated[
    list[Path], typer.Argument(help="Environment files to lock.", metavar="ENV")
]

ImageName = Annotated[
    str,
    typer.Argument(
        help="Name in the local store, path of an OCI layout or archive, or a registry's image.",
        metavar="IMAGE",
    ),
]

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")]

Platforms = Annotated[
    str | None,
    typer.Option(
        "--platform",
        help="Platforms, separated by commas, like linux/amd64,linux/arm64. Default: to build, "
        "this machine's, or else the file's first; to lock, all of the file's.",
        metavar="PLATFORM,...",
    ),
]

OnePlatform = Annotated[
    str | None,
    typer.Option(
        "--platform", help="Which of the image's platforms, like linux/arm64.", metavar="PLATFORM"
    ),
]


def parse_platform(text: str | None) -> Platform | None:
    """Read the value of ``--platform`` where it is one."""
    return None if text is None else Platform.parse(text)


def parse_platforms(text: str | None) -> tuple[Platform, ...]:
    """Read the value of ``--platform``; nothing for none given."""
    if text is None:
        return ()
    return tuple(dict.fromkeys(Platform.parse(part.strip()) for part in text.split(",")))
