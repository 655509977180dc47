"""Docker as a place to put images.  The only place that knows its SDK."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import BackendError, ToolFailedError, ToolMissingError
from condabox.oci.archive import archive_chunks
from condabox.oci.mediatype import OCI_LAYER_OF, OCI_LAYER_ZSTD

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import docker

    from condabox.events import Reporter, Task
    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from condabox.oci.reference import Reference

_DEFAULT_HOST = "unix:///var/run/docker.sock"
_PING_TIMEOUT = 3.0
_LOAD_TIMEOUT = 3600
_MOST_COMPARED = 200
"""Images of the daemon that are looked at for layers it has already."""
_FIRST_WITH_ZSTD = 23
_LOADED = re.compile(r"Loaded image(?: ID)?: (\S+)")
_HINT = "start Docker, or set DOCKER_HOST"


def daemon_answers(env: Mapping[str, str] | None = None) -> bool:
    """Say, quickly and without a message, whether there is a Docker daemon."""
    return _answers(_host(os.environ if env is None else env))


def load_into_docker(
    images: Sequence[Image], *, names: Sequence[Reference], reporter: Reporter
) -> str:
    """Load one image, for each platform one, under ``names``; return what it can be run by.

    Docker's classic store has room for one platform, which is the daemon's own where there is an
    image for it.  Layers that the daemon has already are not sent, where it can do without.
    """
    with _client() as client:
        version = client.version()
        _check_compression(images, version=version.get("Version", ""))
        known: frozenset[Digest] = frozenset()
        if not _uses_containerd(client):
            images = [_for_architecture(version.get("Arch", ""), images)]
            known = _layers_to_omit(images[0], client)
        if known:
            try:
                return _load(client, images, names=names, omit=known, reporter=reporter)
            except ToolFailedError:
                # Somebody removed the image that had these layers.
                return _load(client, images, names=names, omit=(), reporter=reporter)
        return _load(client, images, names=names, omit=(), reporter=reporter)


def has_image(image: Image) -> str | None:
    """Return the daemon's ID of ``image`` if it has it."""
    import docker  # noqa: PLC0415

    with _client() as client:
        # The classic store's IDs are the configs' digests, containerd's the manifests'.
        for digest in (image.manifest.config.digest, image.digest):
            try:
                return str(client.images.get(str(digest)).id)
            except docker.errors.ImageNotFound:
                continue
    return None


def _load(
    client: docker.DockerClient,
    images: Sequence[Image],
    *,
    names: Sequence[Reference],
    omit: Collection[Digest],
    reporter: Reporter,
) -> str:
    blobs = {
        layer.digest: layer.size
        for image in images
        for layer in image.manifest.layers
        if layer.digest not in omit
    }
    with reporter.task("Loading into Docker", total=sum(blobs.values())) as task:
        chunks = _counted(archive_chunks(images, names=names, omit=omit), task)
        answers = list(client.api.load_image(chunks))  # type: ignore[no-untyped-call]
    loaded = None
    for answer in answers:
        if reason := answer.get("error") or answer.get("message"):
            raise ToolFailedError(f"Docker did not load the image: {reason}")
        if match := _LOADED.search(answer.get("stream", "")):
            loaded = match[1]
    if loaded is None:
        raise ToolFailedError("Docker did not say that it loaded the image")
    return loaded


def _counted(chunks: Iterator[bytes], task: Task) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        task.advance(len(chunk))


def _uses_containerd(client: docker.DockerClient) -> bool:
    """Say whether the daemon's store is containerd's: it keeps indexes, and wants every blob."""
    driver = client.info().get("DriverStatus") or []
    return any("io.containerd.snapshotter" in str(value) for value in driver)


def _for_architecture(architecture: str, images: Sequence[Image]) -> Image:
    own = (image for image in images if image.platform.architecture == architecture)
    return next(own, images[0])


def _layers_to_omit(image: Image, client: docker.DockerClient) -> frozenset[Digest]:
    """Return the layers that a classic store needs no bytes of: they lie over what it has.

    moby `image/tarexport/load.go` opens a layer only if its chain ID is unknown.
    """
    wanted = [str(diff_id) for diff_id in image.config.diff_ids]
    count = 0
    for identity in client.api.images(quiet=True)[:_MOST_COMPARED]:
        found = client.api.inspect_image(identity)  # type: ignore[no-untyped-call]
        there = found.get("RootFS", {}).get("Layers") or []
        count = max(count, _common(wanted, there))
    layers = [layer.digest for layer in image.manifest.layers]
    return frozenset(layers[:count]) - frozenset(layers[count:])


def _common(wanted: Sequence[str], there: Sequence[str]) -> int:
    count = 0
    for one, other in zip(wanted, there, strict=False):
        if one != other:
            break
        count += 1
    return count


def _check_compression(images: Sequence[Image], *, version: str) -> None:
    major = version.partition(".")[0]
    zstd = any(
        OCI_LAYER_OF.get(layer.media_type) == OCI_LAYER_ZSTD
        for image in images
        for layer in image.manifest.layers
    )
    if zstd and major.isdecimal() and int(major) < _FIRST_WITH_ZSTD:
        raise BackendError(
            f"Docker {version} cannot load layers compressed with zstd",
            hint=f"build with --compression gzip, or use Docker {_FIRST_WITH_ZSTD} or newer",
        )


@contextmanager
def _client() -> Iterator[docker.DockerClient]:
    import docker  # noqa: PLC0415  (it takes longer to import than most commands run)

    host = _host(os.environ)
    if not _answers(host):
        raise ToolMissingError(f"no Docker daemon answers at {host}", hint=_HINT)
    try:
        client = docker.from_env(
            environment={**os.environ, "DOCKER_HOST": host}, timeout=_LOAD_TIMEOUT
        )
    except (docker.errors.DockerException, OSError) as error:
        raise ToolFailedError(f"Docker at {host}: {error}") from None
    try:
        yield client
    except (docker.errors.DockerException, OSError) as error:
        # requests' errors are OSErrors, too.
        reason = getattr(error, "explanation", None) or error
        raise ToolFailedError(f"Docker at {host}: {reason}") from None
    finally:
        client.close()


def _answers(host: str) -> bool:
    if not host.startswith("unix://"):
        return _sdk_answers(host)
    # The SDK takes longer to import than this takes.
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PING_TIMEOUT)
            connection.connect(host.removeprefix("unix://"))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in connection.recv(64)
    except (OSError, AttributeError):  # Windows has no such sockets
        return False


def _sdk_answers(host: str) -> bool:
    import docker  # noqa: PLC0415

    environment = {**os.environ, "DOCKER_HOST": host}
    try:
        client = docker.from_env(environment=environment, timeout=int(_PING_TIMEOUT))
        try:
            return bool(client.ping())
        finally:
            client.close()
    except (docker.errors.DockerException, OSError):
        return False


def _host(env: Mapping[str, str]) -> str:
    """Return the daemon's address as the docker command finds it: variable, context, default."""
    if host := env.get("DOCKER_HOST"):
        return host
    home = env.get("HOME") or env.get("USERPROFILE") or ""
    folder = Path(env.get("DOCKER_CONFIG") or Path(home, ".docker"))
    name = env.get("DOCKER_CONTEXT") or _string(_json(folder / "config.json"), "currentContext")
    if name and name != "default":
        key = hashlib.sha256(name.encode()).hexdigest()
        meta = _json(folder / "contexts" / "meta" / key / "meta.json")
        for part in ("Endpoints", "docker"):
            inner = meta.get(part)
            meta = inner if isinstance(inner, dict) else {}
        if host := _string(meta, "Host"):
            return host
    return _DEFAULT_HOST


def _json(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _string(obj: Mapping[str, object], key: str) -> str:
    value = obj.get(key)
    return value if isinstance(value, str) else ""
