"""``condabox-solver``: as much of conda's command line as conda-lock uses, over py-rattler.

    condabox-solver --version
    condabox-solver create  --prefix P --dry-run --json --override-channels --channel C… SPEC…
    condabox-solver install -p P --dry-run --json --override-channels --channel C… SPEC…
    condabox-solver list --no-pip -p P --json
    condabox-solver info --json

The subdir comes in ``CONDA_SUBDIR``.  Among the channels is one that conda-lock makes of virtual
packages alone, and one of stand-ins for wheels; they are what the solver takes for granted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from condabox import __version__
from condabox.conda.channels.channel import located_channels, without_credentials
from condabox.conda.channels.condarc import read_condarc
from condabox.conda.channels.solver import solve
from condabox.conda.lockfiles.inputs import package_of
from condabox.conda.locking.solver_request import SolverCall
from condabox.errors import CondaboxError
from condabox.platforms import host_subdir
from condabox.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.conda.channels.solver import PackageRecord
    from condabox.decode import JSON


def main() -> None:
    """Run the command line of this process."""
    arguments = _parser().parse_args()
    call = _call()
    subdir = os.environ.get("CONDA_SUBDIR") or host_subdir()
    try:
        document = _COMMANDS[arguments.command](arguments, call, subdir)
    except CondaboxError as error:
        call.report(error)
        _print({"success": False, "error": error.message, "message": error.message})
        raise SystemExit(1) from None
    _print(document)


def _call() -> SolverCall:
    """Return what the locker tells, or the settings of the folder that a person calls this in."""
    told = SolverCall.of_environment(os.environ)
    if told is not None:
        return told
    names = read_condarc(os.environ).channels
    settings = load_settings(Path.cwd(), env=os.environ)
    return SolverCall(settings=located_channels((), settings=settings, names=names))


def _print(document: object) -> None:
    sys.stdout.write(json.dumps(document, sort_keys=True, indent=2) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="condabox-solver", description="What conda-lock needs of conda, over py-rattler."
    )
    # conda-lock and ensureconda read the version behind a name
    parser.add_argument("--version", action="version", version=f"condabox-solver {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("create", "install"):
        command = commands.add_parser(name)
        command.add_argument("-p", "--prefix", type=Path, required=True)
        command.add_argument("--dry-run", action="store_true", required=True)
        command.add_argument("--json", action="store_true", required=True)
        command.add_argument("--override-channels", action="store_true", required=True)
        command.add_argument("-c", "--channel", action="append", default=[])
        command.add_argument("specs", nargs="*")
    listing = commands.add_parser("list")
    listing.add_argument("-p", "--prefix", type=Path, required=True)
    listing.add_argument("--no-pip", action="store_true")
    listing.add_argument("--json", action="store_true", required=True)
    info = commands.add_parser("info")
    info.add_argument("--json", action="store_true", required=True)
    return parser


def _create(arguments: argparse.Namespace, call: SolverCall, subdir: str) -> JSON:
    channels, granted = _channels(arguments.channel, subdir=subdir)
    request = call.request
    records = solve(
        [*request.also, *arguments.specs],
        channels=channels,
        subdir=subdir,
        virtual_packages=granted,
        settings=call.settings,
        keep=request.preferred,
    )
    return _actions(arguments.prefix, records)


def _install(arguments: argparse.Namespace, call: SolverCall, subdir: str) -> JSON:
    """Move the packages of ``specs`` as far as they go, and as few others as possible."""
    channels, granted = _channels(arguments.channel, subdir=subdir)
    installed = _installed(arguments.prefix)
    moved = {package_of(spec) for spec in arguments.specs}
    records = solve(
        [*arguments.specs, *sorted(installed)],
        channels=channels,
        subdir=subdir,
        virtual_packages=granted,
        settings=call.settings,
        keep=[str(entry["url"]) for name, entry in installed.items() if name not in moved],
    )
    present = {entry["url"] for entry in installed.values()}
    return _actions(arguments.prefix, [r for r in records if r.url not in present])


def _list(arguments: argparse.Namespace, _call: SolverCall, _subdir: str) -> object:
    return [
        {
            "base_url": str(entry["channel"]).rpartition("/")[0],
            "build_number": entry["build_number"],
            "build_string": entry["build"],
            "channel": entry["channel"],
            "dist_name": f"{entry['name']}-{entry['version']}-{entry['build']}",
            "name": entry["name"],
            "platform": entry["subdir"],
            "version": entry["version"],
        }
        for _, entry in sorted(_installed(arguments.prefix).items())
    ]


def _info(_arguments: argparse.Namespace, _call: SolverCall, subdir: str) -> JSON:
    folders = os.environ.get("CONDA_PKGS_DIRS", "")
    return {"pkgs_dirs": [folders] if folders else [], "platform": subdir}


_COMMANDS = {"create": _create, "install": _install, "list": _list, "info": _info}


def _channels(given: Sequence[str], *, subdir: str) -> tuple[list[str], dict[str, str]]:
    """Tell the channels of what is taken for granted from the real ones."""
    channels: list[str] = []
    granted: dict[str, str] = {}
    names = read_condarc(os.environ).channels
    for channel in given:
        found = _granted(channel, subdir=subdir)
        if found is None:
            channels.extend(names.located(channel))
        else:
            granted.update(found)
    return channels, granted


def _granted(channel: str, *, subdir: str) -> dict[str, str] | None:
    """Return virtual packages or stand-ins for wheels; None for a real channel."""
    parts = urlsplit(channel)
    if parts.scheme != "file" or "conda-lock-fake-repodata-" not in parts.path:
        return None
    repodata = json.loads((Path(unquote(parts.path)) / subdir / "repodata.json").read_bytes())
    return {
        package["name"]: f"{package['version']} {package['build']}"
        for package in repodata["packages"].values()
    }


def _installed(prefix: Path) -> dict[str, Mapping[str, object]]:
    entries = [json.loads(path.read_bytes()) for path in sorted(prefix.glob("conda-meta/*.json"))]
    return {str(entry["name"]): entry for entry in entries}


def _actions(prefix: Path, records: Sequence[PackageRecord]) -> JSON:
    return {
        "success": True,
        "dry_run": True,
        "prefix": str(prefix),
        "actions": {
            "PREFIX": str(prefix),
            "FETCH": [_fetch_action(record) for record in records],
            "LINK": [_link_action(record) for record in records],
        },
    }


def _fetch_action(record: PackageRecord) -> JSON:
    return {
        "build": record.build,
        "build_number": record.build_number,
        "channel": f"{record.channel}/{record.subdir}",
        "constrains": list(record.constrains),
        "depends": list(record.depends),
        "fn": record.filename,
        "md5": record.md5,
        "name": record.name,
        "sha256": record.sha256,
        "size": record.size,
        "subdir": record.subdir,
        "timestamp": record.timestamp,
        "url": record.url,
        "version": record.version,
    }


def _link_action(record: PackageRecord) -> JSON:
    return {
        "base_url": without_credentials(record.channel),
        "build_number": record.build_number,
        "build_string": record.build,
        "channel": record.channel,
        "dist_name": f"{record.name}-{record.version}-{record.build}",
        "name": record.name,
        "platform": record.subdir,
        "version": record.version,
    }


if __name__ == "__main__":
    main()
