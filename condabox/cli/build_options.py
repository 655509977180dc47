"""The options of ``condabox build``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from condabox.workflows.build_request import Variant

Source = Annotated[
    Path,
    typer.Argument(
        help="Environment file to build from; or a lock file: conda-lock's, an explicit one "
        "(@EXPLICIT) or a pixi.lock.",
        metavar="ENV",
        show_default=False,
    ),
]

LockFile = Annotated[
    Path | None,
    typer.Option(
        "--lock-file",
        help="Lock of any tool to take the packages from, as it is; ENV says all the rest.",
        metavar="FILE",
    ),
]

LockEnvironment = Annotated[
    str | None,
    typer.Option(
        "--environment", help="Which environment of a pixi.lock. Default: default.", metavar="NAME"
    ),
]

Tags = Annotated[
    list[str] | None,
    typer.Option(
        "--tag",
        "-t",
        help="Name of the image; may be given again. Its tag may have the fields {version}, "
        "{name}, {python}, {cuda} and {variant}. Default: NAME:latest, or NAME:dev.",
        metavar="REF",
    ),
]

Base = Annotated[
    str | None,
    typer.Option(
        "--base",
        help="Base image: registry reference, oci:DIR, oci-archive:FILE, docker-archive:FILE, "
        "docker:NAME, or cuda for NVIDIA's. Default: the environment file's, else ubuntu:24.04, "
        "and NVIDIA's where the packages need CUDA and do not bring it.",
        metavar="REF",
    ),
]


def _cuda(text: str) -> str:
    if text not in {"auto", "none"} and not re.fullmatch(r"[0-9]{1,3}\.[0-9]{1,3}", text):
        raise typer.BadParameter(f"{text!r} is neither auto, nor none, nor a version like 12.8")
    return text


Cuda = Annotated[
    str,
    typer.Option(
        "--cuda",
        help="What the image and its base say of CUDA, whatever the packages were locked for. "
        "Default: what the environment file says.",
        metavar="auto|none|X.Y",
        parser=_cuda,
        show_default=False,
    ),
]

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Write an archive (x.tar) or an OCI layout (dir/) instead of keeping the image in the "
        "local store.",
        metavar="PATH",
    ),
]

Load = Annotated[
    bool,
    typer.Option("--load", help="Load the image into Docker; fail where none answers."),
]

Push = Annotated[
    bool,
    typer.Option(
        "--push",
        help="Push the image to the registry of every --tag instead of keeping it in the local "
        "store; fail before the build where that is not possible.",
    ),
]

Locked = Annotated[
    bool,
    typer.Option("--locked", help="Fail when the lock file is missing or stale."),
]

Frozen = Annotated[
    bool,
    typer.Option("--frozen", help="Use the lock file as it is, stale or not."),
]

Variants = Annotated[
    list[Variant] | None,
    typer.Option(
        "--variant",
        help="prod, or dev: the same layers, and what is locked for development. Default: prod.",
        metavar="prod|dev",
    ),
]

Dev = Annotated[bool, typer.Option("--dev", help="Short for --variant dev.")]

Layers = Annotated[
    int,
    typer.Option(
        "--layers", min=0, max=100, help="How many packages get a layer of their own.", metavar="N"
    ),
]

MetadataFile = Annotated[
    Path | None,
    typer.Option(
        "--metadata-file", help="Write the result as JSON to a file as well.", metavar="FILE"
    ),
]

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Print the plan as JSON and build nothing; a missing lock file is made."
    ),
]
