"""A stand-in for micromamba: the options that conda-lock gives it, and answers in its form.

It solves with rattler, and shares nothing with condabox: it knows no mirrors and no settings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote, urlsplit

from rattler import (
    Channel,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    PackageName,
    Subdir,
    Version,
    solve,
)
from rattler.exceptions import SolverError
from rattler.package import BuildString

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    try:
        records = asyncio.run(_solve(arguments.channel, arguments.specs))
    except SolverError as error:
        _answer({"success": False, "solver_problems": [str(error)], "message": str(error)}, 1)
    records.sort(key=lambda record: record.name.normalized)
    actions = [_action(record) for record in records]
    plan = {"PREFIX": arguments.prefix, "FETCH": actions, "LINK": actions}
    _answer({"actions": plan, "dry_run": True, "prefix": arguments.prefix, "success": True}, 0)


async def _solve(channels: Sequence[str], specs: Sequence[str]) -> list[RepoDataRecord]:
    subdir = os.environ["CONDA_SUBDIR"]
    return await solve(
        [Channel(url) for url in channels if not _is_virtual(url)],
        [MatchSpec(spec, strict=False) for spec in specs],
        gateway=Gateway(),
        platforms=[Subdir(subdir), Subdir("noarch")],
        virtual_packages=[v for url in channels for v in _virtual_packages(url, subdir)],
    )


def _is_virtual(url: str) -> bool:
    return "conda-lock-fake-repodata-" in url


def _virtual_packages(url: str, subdir: str) -> Iterator[GenericVirtualPackage]:
    if not _is_virtual(url):
        return
    repodata = Path(unquote(urlsplit(url).path)) / subdir / "repodata.json"
    for package in json.loads(repodata.read_bytes())["packages"].values():
        yield GenericVirtualPackage(
            PackageName(package["name"]),
            Version(package["version"]),
            BuildString(package.get("build") or "0"),
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
