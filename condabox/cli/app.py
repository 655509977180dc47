"""The command line: its commands, and the one place where errors become words and exit codes."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Annotated

import typer

import condabox
from condabox.cli.console import say
from condabox.errors import CondaboxError

app = typer.Typer(
    name="condabox",
    help="From a conda environment.yml to a small, reproducible container image.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:  # noqa: FBT001  (the signature that typer calls)
    if wanted:
        typer.echo(f"condabox {condabox.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """From a conda environment.yml to a small, reproducible container image."""


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  (as Python calls it)
    """End by an exception, so that half-written files and worker processes go, too."""
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command; end with the exit code of its error, as `condabox.errors` lists them."""
    from condabox.cli import commands

    commands.register(app)
    signal.signal(signal.SIGTERM, _end)
    try:
        app()
    except CondaboxError as error:
        say(f"condabox: error: {error.message}")
        if error.hint:
            say(f"  hint: {error.hint}")
        raise SystemExit(error.exit_code) from None
    except OSError as error:
        # A full disk, a folder that nobody may read: where no better words were found.
        where = f"{error.filename}: " if error.filename else ""
        say(f"condabox: error: {where}{error.strerror or error}")
        raise SystemExit(1) from None
    except Exception:
        say("condabox: this is a bug in condabox; please report it with what follows")
        raise
