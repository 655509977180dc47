"""Opens the image that another is built on, wherever it is."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import ImageError, RegistryError, ToolFailedError
from condabox.files import replacing
from condabox.oci.archive import read_archive
from condabox.oci.digest import Digest
from condabox.oci.image import read_document, read_image
from condabox.oci.layout import ImageLayout
from condabox.oci.model import Descriptor
from condabox.oci.names import find, names_of
from condabox.oci.reference import Reference
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import ConfigCredentials
from condabox.registry.mirrors import LayoutPlace, places
from condabox.registry.transfer import Fetcher, stated_media_type
from condabox.registry.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.oci.layout import BlobDirectory
    from condabox.platforms import Platform
    from condabox.registry.credentials import Credentials
    from condabox.registry.mirrors import RegistryPlace
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
    reference, which comes from its registry, or a mirror, into ``blobs``.  What is there by its
    digest is not asked for again.  Without ``credentials`` docker's and podman's are used.
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
    with Transport() as transport:
        opener = _Opener(
            transport=transport,
            credentials=credentials or ConfigCredentials.from_environment(os.environ),
            platform=platform,
            blobs=blobs,
            reporter=reporter,
        )
        image = opener.open(reference, settings)
    return Base(image=image, name=_annotated(reference))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opener:
    """Looks for a reference in one place after the other."""

    transport: Transport
    credentials: Credentials
    platform: Platform
    blobs: BlobDirectory
    reporter: Reporter

    def open(self, reference: Reference, settings: Settings) -> Image:
        folder = settings.path.parent if settings.path else Path.cwd()
        selector = str(reference.digest or reference.tag)
        failures: list[tuple[object, RegistryError | ImageError]] = []
        for place in places(reference, settings.registries, folder=folder):
            try:
                if isinstance(place, LayoutPlace):
                    return self._from_layout(place, reference)
                return self._fetched(place, selector)
            except (RegistryError, ImageError) as error:
                failures.append((place, error))
        raise _found_nowhere(reference, failures)

    def _from_layout(self, place: LayoutPlace, reference: Reference) -> Image:
        layout = ImageLayout.open(place.path)
        if reference.digest is None:
            return layout.resolve(reference.tag, platform=self.platform)
        size = layout.blobs.size(reference.digest)
        if size is None:
            raise ImageError(f"{place}: has no image {reference.digest}")
        descriptor = Descriptor(media_type="", digest=reference.digest, size=size)
        media_type = stated_media_type(read_document(layout.blobs, descriptor))
        return read_image(
            layout.blobs, replace(descriptor, media_type=media_type), platform=self.platform
        )

    def _fetched(self, place: RegistryPlace, selector: str) -> Image:
        client = RegistryClient(
            host=place.host,
            insecure=place.insecure,
            transport=self.transport,
            credentials=self.credentials,
        )
        fetcher = Fetcher(
            client=client, repository=place.repository, blobs=self.blobs, reporter=self.reporter
        )
        return fetcher.fetch(selector, platform=self.platform)


def _found_nowhere(
    reference: Reference, failures: Sequence[tuple[object, RegistryError | ImageError]]
) -> RegistryError | ImageError:
    _, last = failures[-1]
    if len(failures) == 1:
        return type(last)(f"{reference.familiar()}: {last.message}", hint=last.hint)
    reasons = "".join(f"\n    {place}: {error.message}" for place, error in failures)
    hint = next((error.hint for _, error in failures if error.hint), None)
    return type(last)(f"{reference.familiar()} can be had from none of these:{reasons}", hint=hint)


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
