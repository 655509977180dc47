"""Opens the image that another is built on, wherever it is."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import ImageError, ImageNotFoundError, ToolFailedError
from condabox.files import replacing
from condabox.oci.archive import read_archive
from condabox.oci.digest import Digest
from condabox.oci.layout import ImageLayout
from condabox.oci.names import find, names_of
from condabox.oci.reference import Reference
from condabox.registry.credentials import ConfigCredentials
from condabox.registry.pull import Puller

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.events import Reporter
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.image import BlobSource, Image
    from condabox.oci.layout import BlobDirectory
    from condabox.platforms import Platform
    from condabox.registry.credentials import Credentials
    from condabox.settings import Settings

_LAYOUT = "oci:"
_ARCHIVES = ("oci-archive:", "docker-archive:")
_DAEMON = "docker:"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """An image to build on."""

    image: Image
    name: str | None
    """How others find it, for the annotation ``org.opencontainers.image.base.name``."""

    @property
    def digest(self) -> Digest:
        """The digest of its manifest: the same for as long as the base is."""
        return self.image.digest


def open_base(
    text: str,
    *,
    platform: Platform,
    settings: Settings,
    blobs: BlobDirectory,
    reporter: Reporter,
    credentials: Credentials | None = None,
) -> Base:
    """Open the image that ``text`` names, for ``platform``.

    ``oci:DIR[:TAG]``, ``oci-archive:FILE[:NAME]`` and ``docker-archive:FILE[:NAME]`` are read
    where they are, ``docker:NAME`` comes out of the daemon into the cache, and anything else is a
    reference, which comes from its registry, or a mirror, into ``blobs``, its layers when they are
    read.  What is there by its digest is not asked for again.  Without ``credentials`` docker's and
    podman's are used.
    """
    if text.startswith(_LAYOUT):
        return _of_layout(*path_and_name(text.removeprefix(_LAYOUT)), platform=platform)
    for prefix in _ARCHIVES:
        if text.startswith(prefix):
            return _of_archive(*path_and_name(text.removeprefix(prefix)), platform=platform)
    if text.startswith(_DAEMON):
        reference = Reference.parse(text.removeprefix(_DAEMON))
        archive = _saved(reference, folder=settings.cache_dir / "docker")
        image = read_archive(archive).resolve(None, platform=platform)
        return Base(image=image, name=_annotated(reference))
    reference = Reference.parse(text)
    puller = _puller(settings, blobs=blobs, reporter=reporter, credentials=credentials)
    image = puller.open(reference, platform=platform)
    return Base(image=image, name=_annotated(reference))


def open_whole(
    reference: Reference, *, settings: Settings, blobs: BlobDirectory, reporter: Reporter
) -> tuple[BlobSource, Descriptor]:
    """Return where the blobs are of what ``reference`` names for all platforms, and its descriptor.

    It comes from its registry, or a mirror, as `open_base` has it.
    """
    return _puller(settings, blobs=blobs, reporter=reporter).resolve(reference)


def open_first(
    names: Sequence[str],
    *,
    platform: Platform,
    settings: Settings,
    blobs: BlobDirectory,
    reporter: Reporter,
) -> tuple[str, Base]:
    """Open the first of ``names`` that exists, and return it with its name.

    Raise ImageNotFoundError where none does, and what `open_base` raises otherwise.
    """
    for name in names:
        try:
            base = open_base(
                name, platform=platform, settings=settings, blobs=blobs, reporter=reporter
            )
        except ImageNotFoundError:
            if len(names) == 1:
                raise
        else:
            return name, base
    raise ImageNotFoundError(
        f"there is no image {names[0]}, nor any down to {names[-1]}",
        hint="name one with `base:`",
    )


def pinned(text: str, digest: str) -> str:
    """Return what opens the image that ``text`` named when it had ``digest``.

    A reference gets the digest; what lies in a file has none to be asked for by.
    """
    if text.startswith((_LAYOUT, *_ARCHIVES, _DAEMON)):
        return text
    return str(replace(Reference.parse(text), digest=Digest.parse(digest)))


def path_and_name(text: str) -> tuple[Path, str | None]:
    """Split ``PATH[:NAME]``, both of which may have colons: the longest path that exists is one."""
    path, name = text, ""
    while path and not Path(path).exists():
        path, _, last = path.rpartition(":")
        name = f"{last}:{name}" if name else last
    if not path:
        path, _, name = text.partition(":")
    return Path(path), name or None


def _puller(
    settings: Settings,
    *,
    blobs: BlobDirectory,
    reporter: Reporter,
    credentials: Credentials | None = None,
) -> Puller:
    return Puller(
        registries=settings.registries,
        folder=settings.path.parent if settings.path else Path.cwd(),
        credentials=credentials or ConfigCredentials.from_environment(os.environ),
        blobs=blobs,
        reporter=reporter,
    )


def _of_layout(path: Path, name: str | None, *, platform: Platform) -> Base:
    layout = ImageLayout.open(path)
    image = layout.resolve(name, platform=platform)
    return Base(image=image, name=_name_of(layout.find(name, platform=platform)))


def _of_archive(path: Path, name: str | None, *, platform: Platform) -> Base:
    archive = read_archive(path)
    image = archive.resolve(name, platform=platform)
    entry = find(archive.index, name, where=str(path), platform=platform)
    return Base(image=image, name=_name_of(entry))


def _name_of(entry: Descriptor) -> str | None:
    # A layout's name may be a mere tag, which tells nobody where the image is.
    return next((name for name in names_of(entry) if ":" in name), None)


def _annotated(reference: Reference) -> str:
    # image-spec annotations.md: fully qualified, and no digest, which has one of its own.
    return str(replace(reference, digest=None))


def _saved(reference: Reference, *, folder: Path) -> Path:
    """Let the daemon save an image into ``folder``, unless that was done before."""
    docker = process.find("docker", hint="install Docker, or give the base as oci:DIR")
    name = reference.familiar()
    command = [docker, "image", "inspect", "--format", "{{.Id}}", name]
    done = process.attempt(command)
    if done.returncode != 0:
        if "no such image" not in done.stderr.lower():
            raise process.failure(command, done)
        raise ImageError(
            f"docker:{name}: the daemon has no such image",
            hint=f"pull it with `docker pull {name}`, or name it without docker:",
        )
    identity = done.stdout.decode(errors="replace").strip()
    saved = folder / f"{Digest.parse(identity).hex}.tar"
    if not saved.exists():
        try:
            with (
                replacing(saved) as file,
                process.Worker([docker, "image", "save", name]) as worker,
            ):
                shutil.copyfileobj(worker.stdout, file, _CHUNK)
                if worker.wait() != 0:
                    raise ToolFailedError(f"docker image save {name} failed")
        except OSError as error:
            raise ImageError(f"cannot write {saved}: {error.strerror}") from None
    return saved
