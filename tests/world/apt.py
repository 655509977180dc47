"""Fetch Debian packages with this machine's own apt sources, into private directories, rootless."""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from condabox import process
from tests.world.errors import WorldError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.world.architectures import Architecture

_PREFERENCES = """\
Package: *
Pin: release o=Debian
Pin-Priority: 990

Package: *
Pin: release n=*
Pin-Priority: -1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deb:
    """One downloaded Debian package."""

    path: Path
    sha256: str
    name: str
    version: str

    @property
    def upstream_version(self) -> str:
        """The version without epoch, Debian revision and repacking marks."""
        version = self.version.partition(":")[2] if ":" in self.version else self.version
        version = version.rpartition("-")[0] if "-" in version else version
        for mark in ("+dfsg", ".dfsg", "+ds", "+git", ".git", "~", "+"):
            version = version.partition(mark)[0]
        return version.replace("-", ".")


def fetch_debs(
    names: Sequence[str], *, architecture: Architecture, cache: Path
) -> Mapping[str, Deb]:
    """Download what is missing of ``names`` into ``cache`` and return every package by its name.

    The lists are refreshed first; offline, the ones of the last time serve.
    """
    options = _options(architecture, cache / f"apt-{architecture.debian}")
    updated = process.attempt(["apt-get", "update", "-qq", *options])
    listing = process.attempt(["apt-get", "--print-uris", "-qq", *options, "download", *names])
    if listing.returncode != 0:
        raise WorldError(
            f"apt does not know every package of {architecture.debian}: "
            f"{updated.stderr.strip()} {listing.stderr.strip()}\n"
            "  the test world is made from Debian 12 (bookworm), both of its architectures"
        )
    debs = [_parse_line(line, cache / "debs") for line in listing.stdout.decode().splitlines()]
    missing = [deb for deb in debs if not deb.path.exists()]
    if missing:
        _download(missing, options=options, directory=cache / "debs")
    return {deb.name: deb for deb in debs}


def open_data(deb: Path) -> tarfile.TarFile:
    """Open the files of ``deb``; their names start with ``./``."""
    data = process.run(["dpkg-deb", "--fsys-tarfile", str(deb)]).stdout
    return tarfile.open(fileobj=io.BytesIO(data))


def control_text(deb: Path) -> str:
    """Return the control file of ``deb``."""
    return process.run(["dpkg-deb", "--info", str(deb), "control"]).stdout.decode()


def sonames(deb: Path) -> tuple[str, ...]:
    """Return the libraries that ``deb`` says it provides, in its ``shlibs`` control file."""
    done = process.attempt(["dpkg-deb", "--info", str(deb), "shlibs"])
    if done.returncode != 0:
        return ()
    rows = (line.split() for line in done.stdout.decode().splitlines())
    return tuple(f"{row[0]}.so.{row[1]}" for row in rows if row and not row[0].endswith(":"))


def _options(architecture: Architecture, state: Path) -> list[str]:
    for name in ("lists/partial", "archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    (state / "preferences").write_text(_PREFERENCES)
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state,
        "Dir::Cache::archives": state / "archives",
        "Dir::Etc::preferences": state / "preferences",
        "Dir::Etc::preferencesparts": "/dev/null",
        "APT::Architecture": architecture.debian,
        "APT::Architectures::": architecture.debian,
        "APT::Update::Post-Invoke-Success::": "true",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Debug::NoLocking": "true",
    }
    if os.geteuid() == 0:
        settings["APT::Sandbox::User"] = "root"
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _parse_line(line: str, directory: Path) -> Deb:
    # 'http://…/x_1%3a2_amd64.deb' x_1%3a2_amd64.deb 1234 SHA256:…
    _, filename, _, checksum = shlex.split(line)
    name, version, _ = filename.removesuffix(".deb").split("_")
    return Deb(
        path=directory / filename,
        sha256=checksum.removeprefix("SHA256:").lower(),
        name=name,
        version=unquote(version),
    )


def _download(debs: Sequence[Deb], *, options: Sequence[str], directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory) as temporary:
        process.run(
            ["apt-get", "-qq", *options, "download", *(deb.name for deb in debs)],
            cwd=Path(temporary),
        )
        for deb in debs:
            arrived = Path(temporary, deb.path.name)
            if hashlib.sha256(arrived.read_bytes()).hexdigest() != deb.sha256:
                raise WorldError(f"{deb.path.name} is not what apt's lists promise")
            arrived.replace(deb.path)
