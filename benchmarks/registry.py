"""A registry of this machine, and the images that were pushed to it."""

from __future__ import annotations

import contextlib
import json
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from condabox.oci.compress import decompressed
from tests.fakes.dockerregistry import DockerRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

_DAEMON = Path("/run/docker.pid")
_FILES = "storage/docker/registry/v2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What an image has: bytes as they are sent, and bytes of the files when they are unpacked."""

    compressed: int
    unpacked: int


@contextlib.contextmanager
def registry(bench: Bench) -> Iterator[DockerRegistry]:
    """Let a registry run that has nothing."""
    with (
        tempfile.TemporaryDirectory(dir=bench.directory) as name,
        DockerRegistry(Path(name)).running() as running,
    ):
        yield running


def daemon() -> list[int]:
    """Return the process of Docker's daemon, where it is one of this machine."""
    with contextlib.suppress(OSError, ValueError):
        return [int(_DAEMON.read_text())]
    return []


def stored(running: DockerRegistry) -> dict[Path, int]:
    """Return the size of every blob that the registry has."""
    files = (running.folder / _FILES).glob("blobs/*/*/*/data")
    return {path: path.stat().st_size for path in files}


def pushed(running: DockerRegistry, name: str) -> Pushed:
    """Return the sizes of the image ``name:1``."""
    tag = running.folder / _FILES / "repositories" / name / "_manifests/tags/1/current/link"
    manifest = _document(running, tag.read_text())
    if "manifests" in manifest:
        manifest = _document(running, manifest["manifests"][0]["digest"])
    layers = manifest["layers"]
    return Pushed(
        compressed=sum(layer["size"] for layer in layers),
        unpacked=sum(_unpacked(running, layer) for layer in layers),
    )


def _document(running: DockerRegistry, digest: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_blob(running, digest).read_bytes())
    return document


def _blob(running: DockerRegistry, digest: str) -> Path:
    value = digest.removeprefix("sha256:")
    return running.folder / _FILES / "blobs" / "sha256" / value[:2] / value / "data"


def _unpacked(running: DockerRegistry, layer: dict[str, Any]) -> int:
    with (
        _blob(running, layer["digest"]).open("rb") as blob,
        tarfile.open(
            fileobj=decompressed(blob, media_type=layer["mediaType"]), mode="r|"
        ) as members,
    ):
        return sum(member.size for member in members)
