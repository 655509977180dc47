"""All commands, in the order of ``--help``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.cli.build import build
from condabox.cli.diff import diff
from condabox.cli.doctor import doctor
from condabox.cli.images import images
from condabox.cli.init import init
from condabox.cli.load import load
from condabox.cli.lock import LockCommand, lock
from condabox.cli.push import push
from condabox.cli.run import run
from condabox.cli.save import save

if TYPE_CHECKING:
    import typer


def register(app: typer.Typer) -> None:
    """Add every command to ``app``."""
    app.command()(init)
    app.command(cls=LockCommand)(lock)
    for command in (diff, build, images, save, load, push):
        app.command()(command)
    app.command(
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
    )(run)
    app.command()(doctor)
