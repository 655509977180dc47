"""A conda channel as artifacts of a registry, and the way to a registry that rattler can go.

rattler reaches registries by HTTPS on port 443 alone, which no test may take.  It goes through a
proxy that leads every host to one port on this machine.
"""

from __future__ import annotations

import hashlib
import json
import select
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import zstandard

from tests.fakes.certificates import make_certificates
from tests.fakes.channel import write_channel
from tests.fakes.httpserver import HttpHandler, HttpServer
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pytest

    from tests.fakes.certificates import Certificates
    from tests.fakes.channel import FakePackage

REGISTRY = "registry.example"
OCI = f"oci://{REGISTRY}/mirrors/forge"
"""The channel of `channel_in_registry`."""

_REPODATA = "application/vnd.conda.repodata.v1+json"
_PACKAGES = {
    ".conda": "application/vnd.conda.package.v2",
    ".tar.bz2": "application/vnd.conda.package.v1",
}


class SecureRegistry(FakeRegistry):
    """A registry that speaks HTTPS, as rattler wants it."""

    def __init__(self, certificates: Certificates) -> None:
        super().__init__(certificates=certificates)


def push_channel(registry: FakeRegistry, root: Path, *, name: str) -> None:
    """Put the channel at ``root`` into ``registry``, as conda's mirrors on ghcr.io are."""
    for path in sorted(root.glob("*/*")):
        repository, data = f"{name}/{path.parent.name}", path.read_bytes()
        if path.name == "repodata.json":
            layers = {_REPODATA: data, f"{_REPODATA}+zst": zstandard.compress(data)}
            _push(registry, f"{repository}/repodata.json", "latest", layers)
            continue
        suffix = next(suffix for suffix in _PACKAGES if path.name.endswith(suffix))
        package, version, build = path.name.removesuffix(suffix).rsplit("-", 2)
        # a repository's name begins with no underscore, and a tag has no + ! =
        package = f"zzz{package}" if package.startswith("_") else package
        tag = f"{version}-{build}"
        for character, word in (("+", "__p__"), ("!", "__e__"), ("=", "__eq__")):
            tag = tag.replace(character, word)
        _push(registry, f"{repository}/{package}", tag, {_PACKAGES[suffix]: data})


def _push(registry: FakeRegistry, repository: str, tag: str, layers: dict[str, bytes]) -> None:
    manifest = {
        "schemaVersion": 2,
        "config": _stored(registry, "application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [_stored(registry, kind, data) for kind, data in layers.items()],
    }
    registry.tag(repository, tag, json.dumps(manifest).encode())


def _stored(registry: FakeRegistry, media_type: str, data: bytes) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    registry.blobs[digest] = data
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


class Tunnel(HttpServer):
    """A proxy on 127.0.0.1 that leads all hosts that it is asked for to one registry."""

    def __init__(self, registry: FakeRegistry) -> None:
        super().__init__(_Handler)
        self.target = registry.port


class _Handler(HttpHandler):
    fake: Tunnel

    def respond(self) -> None:
        self.note()
        with socket.create_connection(("127.0.0.1", self.fake.target)) as target:
            self.send_response(200)
            self.end_headers()
            ends = {self.connection: target, target: self.connection}
            while True:
                for source in select.select(list(ends), [], [])[0]:
                    data = source.recv(1 << 16)
                    if not data:
                        return
                    ends[source].sendall(data)


@contextmanager
def channel_in_registry(
    folder: Path, packages: Iterable[FakePackage], env: pytest.MonkeyPatch
) -> Iterator[SecureRegistry]:
    """Run a registry with the channel `OCI`, which is where all HTTPS of this process leads to."""
    certificates = make_certificates(folder, REGISTRY)
    write_channel(folder / "pushed", packages)
    registry = SecureRegistry(certificates)
    push_channel(registry, folder / "pushed", name="mirrors/forge")
    with registry, Tunnel(registry) as tunnel:
        env.setenv("SSL_CERT_FILE", str(certificates.authority))
        env.setenv("HTTPS_PROXY", tunnel.url)
        yield registry
