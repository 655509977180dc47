"""A stand-in for micromamba: the options that conda-lock gives it, and answers in its form.

It solves with rattler, and shares nothing with condabox: it knows no mirrors and no settings.  What
conda-lock puts into a channel of its own it takes for packages like any others, and tells of them.
The priority of channels is flexible, as micromamba's own default, unless the variable has another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rattler import Channel, ChannelPriority, Gateway, MatchSpec, Subdir, solve
from rattler.exceptions import SolverError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rattler import RepoDataRecord

ROOT = Path(__file__).parent.parent.parent


def install_micromamba(folder: Path) -> Path:
    """Put an executable of that name into ``folder`` and return it."""
    executable = folder / "micromamba"
    executable.write_text(
        f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m tests.fakes.micromamba "$@"\n'
    )
    executable.chmod(0o755)
    return executable


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write("2.3.0\n")
        return
    parser = argparse.ArgumentParser(prog="micromamba")
    create = parser.add_subparsers(required=True).add_parser("create")
    create.add_argument("--prefix", required=True)
    create.add_argument("--dry-run", action="store_true", required=True)
    create.add_argument("--json", action="store_true", required=True)
    create.add_argument("--override-channels", action="store_true", required=True)
    create.add_argument("--channel", action="append", default=[])
    create.add_argument("specs", nargs="*")
    arguments = parser.parse_args()
    if not arguments.specs:
        # an empty environment is no transaction
        _answer({"success": True}, 0)
    try:
        records = asyncio.run(_solve_by_priority(arguments.channel, arguments.specs))
    except SolverError as error:
        _answer({"success": False, "solver_problems": [str(error)], "message": str(error)}, 1)
    records.sort(key=lambda record: record.name.normalized)
    actions = [_action(record) for record in records]
    plan = {"PREFIX": arguments.prefix, "FETCH": actions, "LINK": actions}
    _answer({"actions": plan, "dry_run": True, "prefix": arguments.prefix, "success": True}, 0)


async def _solve_by_priority(channels: Sequence[str], specs: Sequence[str]) -> list[RepoDataRecord]:
    try:
        return await _solve(channels, specs, ChannelPriority.Strict)
    except SolverError:
        if os.environ.get("MAMBA_CHANNEL_PRIORITY") == "strict":
            raise
    # flexible: the first channel that has a package is only the one that is liked best
    return await _solve(channels, specs, ChannelPriority.Disabled)


async def _solve(
    channels: Sequence[str], specs: Sequence[str], priority: ChannelPriority
) -> list[RepoDataRecord]:
    subdir = os.environ["CONDA_SUBDIR"]
    return await solve(
        [Channel(url) for url in channels],
        [MatchSpec(spec, strict=False) for spec in specs],
        gateway=Gateway(),
        platforms=[Subdir(subdir), Subdir("noarch")],
        channel_priority=priority,
    )


def _action(record: RepoDataRecord) -> dict[str, Any]:
    return {
        "build": str(record.build),
        "build_number": record.build_number,
        "build_string": str(record.build),
        "channel": f"{record.channel}{record.subdir}",
        "constrains": record.constrains,
        "depends": record.depends,
        "fn": record.file_name,
        "md5": record.md5.hex() if record.md5 else "",
        "name": record.name.normalized,
        "sha256": record.sha256.hex() if record.sha256 else "",
        "size": record.size,
        "subdir": record.subdir,
        "url": record.url,
        "version": str(record.version),
    }


def _answer(document: object, status: int) -> NoReturn:
    sys.stdout.write(json.dumps(document, indent=4) + "\n")
    sys.stdout.flush()
    os._exit(status)  # rattler can crash at the interpreter's end


if __name__ == "__main__":
    main()
