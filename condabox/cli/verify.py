"""``condabox verify``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from condabox.cli.build_options import Dev, Layers
from condabox.cli.console import choose_reporter
from condabox.cli.options import Json, OnePlatform, Quiet, parse_platform
from condabox.layering import DEFAULT_BUDGET


def verify(
    target: Annotated[
        str,
        typer.Argument(
            help="Image: a name in the local store, path of an OCI layout or archive, or a "
            "registry's; or an environment file, whose image is then built.",
            metavar="IMAGE|ENV",
        ),
    ],
    *,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            help="Environment file that IMAGE was built from: its lock and its tests count, too.",
            metavar="ENV",
        ),
    ] = None,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Build it again without cached layers; compare digests."),
    ] = False,
    engine: Annotated[
        Literal["auto", "docker", "podman", "unshare", "none"],
        typer.Option(help="What runs the checks; none looks at files and records alone."),
    ] = "auto",
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds for one check.", metavar="SECONDS")
    ] = 60.0,
    platform: OnePlatform = None,
    dev: Dev = False,
    layers: Layers = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Prove that an image works: import, start and compare what is in it.

    Checks run in a container without network, that nothing of stays. Exits with 10 where it finds
    problems.
    """
    from condabox.errors import VerificationFailedError
    from condabox.reporting.findings_text import findings_text
    from condabox.settings import load_settings, source_date_epoch
    from condabox.workflows.build_request import Variant
    from condabox.workflows.run import Engine
    from condabox.workflows.subjects import is_description
    from condabox.workflows.verify import verify as verify_image
    from condabox.workflows.verify_request import VerifyRequest

    request = VerifyRequest(
        target=target,
        against=against,
        engine=None if engine == "none" else Engine(engine),
        platform=parse_platform(platform),
        variant=Variant.DEV if dev else Variant.PROD,
        rebuild=rebuild,
        seconds=timeout,
        budget=DEFAULT_BUDGET if layers is None else layers,
        epoch=source_date_epoch(os.environ),
    )
    file = against or (Path(target) if is_description(target) else None)
    settings = load_settings(file.parent if file else Path.cwd(), env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    found = verify_image(request, settings=settings, env=os.environ, reporter=reporter)
    if as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
    else:
        typer.echo(f"{found.name}  {found.platform}  {found.digest}\n")
        typer.echo(findings_text(found.findings))
    if found.has_problems:
        raise typer.Exit(VerificationFailedError.exit_code)
