"""``condabox run``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from condabox.cli.console import choose_reporter
from condabox.cli.options import OnePlatform, Quiet, parse_platform

if TYPE_CHECKING:
    from condabox.settings import Settings
    from condabox.workflows.run import RunRequest
    from condabox.workflows.run_dev import DevRunRequest

EngineName = Annotated[
    Literal["auto", "docker", "podman", "unshare"],
    typer.Option(help="What runs the container; unshare needs no engine and no root."),
]


def run(
    image: Annotated[
        str,
        typer.Argument(
            help="Name in the local store, path of an OCI layout or archive, or a registry's "
            "image; with --dev, an environment file or a lock, too.",
            metavar="IMAGE|ENV",
        ),
    ],
    command: Annotated[
        list[str] | None,
        typer.Argument(help="Command to run instead of the image's own.", metavar="-- COMMAND"),
    ] = None,
    *,
    dev: Annotated[
        bool,
        typer.Option(
            "--dev",
            help="Run an image for development, which is built where an environment file is "
            "given: with a home that stays, SSH for your keys, and JupyterLab.",
        ),
    ] = False,
    publish: Annotated[
        list[str] | None,
        typer.Option("--publish", "-p", help="Port to publish, like 8000:8000.", metavar="PORT"),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", help="Variable to set.", metavar="NAME[=VALUE]"),
    ] = None,
    volume: Annotated[
        list[str] | None,
        typer.Option(
            "--volume",
            "-v",
            help="What to keep, like data:/data, or a folder of this machine, like ./data:/data. "
            "With --dev, /workspace is kept in a volume of its own where nothing else is said.",
            metavar="VOLUME",
        ),
    ] = None,
    gpus: Annotated[
        Literal["auto", "all", "none"] | None,
        typer.Option(
            help="Give the container NVIDIA's GPUs; auto, where the image is made for them and "
            "there are any. Default: none; with --dev, auto.",
        ),
    ] = None,
    ssh_key: Annotated[
        list[Path] | None,
        typer.Option(
            "--ssh-key",
            help="File with public keys to let in. Default: all in ~/.ssh, else those of the ssh "
            "agent. Only with --dev.",
            metavar="FILE",
        ),
    ] = None,
    engine: EngineName = "auto",
    platform: OnePlatform = None,
    quiet: Quiet = False,
) -> None:
    """Run an image with Docker, podman or, rootless, with neither."""
    from condabox.outputs.volumes import Volume
    from condabox.workflows.run import Engine, RunRequest
    from condabox.workflows.run_gpus import Gpus

    words = without_separator(tuple(command or ()))
    volumes = tuple(map(Volume.parse, volume or ()))
    if dev:
        from condabox.workflows.run_dev import DevRunRequest

        if ssh_key and words:
            raise typer.BadParameter("--ssh-key is for SSH, which a command is instead of")
        development = DevRunRequest(
            subject=image,
            command=words,
            publish=tuple(publish or ()),
            env=tuple(env or ()),
            volumes=volumes,
            ssh_keys=tuple(ssh_key or ()),
            gpus=Gpus(gpus or "auto"),
            engine=Engine(engine),
            platform=parse_platform(platform),
        )
        raise typer.Exit(_develop(development, quiet=quiet))
    if ssh_key:
        raise typer.BadParameter("--ssh-key is for --dev: no other image has SSH")
    request = RunRequest(
        image=image,
        command=words,
        publish=tuple(publish or ()),
        env=tuple(env or ()),
        volumes=volumes,
        gpus=Gpus(gpus or "none"),
        engine=Engine(engine),
        platform=parse_platform(platform),
    )
    raise typer.Exit(_run(request, quiet=quiet))


def _run(request: RunRequest, *, quiet: bool) -> int:
    from condabox.settings import load_settings
    from condabox.workflows.run import run_image

    settings = load_settings(Path.cwd(), env=os.environ)
    reporter = choose_reporter(quiet=quiet)
    return run_image(request, settings=settings, env=os.environ, reporter=reporter)


def _develop(request: DevRunRequest, *, quiet: bool) -> int:
    from condabox.workflows.run import run_loaded
    from condabox.workflows.run_dev import prepare_development

    settings = settings_for(request.subject)
    reporter = choose_reporter(quiet=quiet)
    ready = prepare_development(request, settings=settings, env=os.environ, reporter=reporter)
    for line in ready.lines:
        typer.echo(line)
    return run_loaded(
        ready.loaded, ready.request, settings=settings, env=os.environ, reporter=reporter
    )


def settings_for(subject: str) -> Settings:
    """Read the settings that hold for a file, or else for an image from where we are."""
    from condabox.settings import load_settings
    from condabox.workflows.subjects import is_description

    folder = Path(subject).parent if is_description(subject) else Path.cwd()
    return load_settings(folder, env=os.environ)


def without_separator(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the command among the words after the subject; options raise BadParameter."""
    # Options end at the subject, so `--` is a word of the command; users write it nevertheless.
    if words[:1] == ("--",):
        return words[1:]
    if words and words[0].startswith("-"):
        raise typer.BadParameter(
            f"{words[0]} comes after IMAGE: options stand before it, and a command after --"
        )
    return words
