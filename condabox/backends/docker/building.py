"""Lets BuildKit build one platform, and takes the image out of where that leaves it."""

from __future__ import annotations

import csv
import io
import secrets as randomness
import shutil
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from condabox import process
from condabox.backends.docker import plain, rawjson
from condabox.backends.docker.builder import Progress
from condabox.backends.docker.failures import explained
from condabox.backends.docker.proxies import PROXIES, open_proxies
from condabox.backends.docker.watching import watch
from condabox.base import open_base
from condabox.errors import BackendError, ImageError
from condabox.oci.archive import read_archive
from condabox.oci.compressed import CompressedImages
from condabox.outputs.docker import remove_name
from condabox.registry.addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from condabox.backends.docker.builder import Builder
    from condabox.backends.docker.cache import CacheOptions
    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.oci.layout import BlobDirectory
    from condabox.platforms import Platform
    from condabox.settings import Settings

_BUILDX = "install Docker's buildx plugin"
_REPOSITORY = "condabox.invalid/build"
"""A name that nobody can mean (RFC 6761), for what is in the daemon until it is ours."""

_EPOCH = 1_000_000_000
"""What settle.sh gives to files: the same for all images, as some of their layers are, too."""

_BUILT = ".built-"
_OLD = 24 * 60 * 60
"""Seconds after which nobody writes an image any more."""

_EVENTS = {Progress.RAWJSON: rawjson.events, Progress.PLAIN: plain.events}


def build_platform(
    folder: Path,
    *,
    target: str,
    platform: Platform,
    epoch: int | None,
    hosts: Collection[str],
    builder: Builder,
    secrets: Mapping[str, Path],
    cache: CacheOptions,
    settings: Settings,
    blobs: BlobDirectory,
    reporter: Reporter,
) -> AbstractContextManager[Image]:
    """Build ``target`` of the context ``folder`` for ``platform``, and give the image in ``blobs``.

    ``epoch`` is SOURCE_DATE_EPOCH, where somebody set it: no file of a new layer is younger, if
    BuildKit is new enough.  ``hosts`` are those that the build asks.  An image that was built
    inside of a daemon stays there until the context ends, so that whoever wants it there by another
    name need not send it.  Raise BackendError.
    """
    build = _Build(
        builder=builder,
        options=(
            *("--target", target, "--platform", str(platform), "--progress", builder.progress),
            *("--build-arg", f"SOURCE_DATE_EPOCH={_EPOCH if epoch is None else epoch}"),
            *_network_options(hosts, env=builder.env),
            *_cache_options(cache, builder=builder),
            *_secret_options(secrets),
        ),
        folder=folder,
        platform=platform,
        reporter=reporter,
    )
    way = _out_of_daemon if builder.stored else _out_of_file
    return way(build, settings=settings, blobs=blobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    """What is to be done, but for where the image goes."""

    builder: Builder
    options: tuple[str, ...]
    folder: Path
    platform: Platform
    reporter: Reporter

    def run(self, *output: str) -> None:
        """Do it; raise BackendError, which says what went wrong."""
        command = (*self.builder.command, *self.options, *output, str(self.folder))
        with process.follow(command, env=self.builder.env) as program:
            read = _EVENTS[self.builder.progress]
            watched = watch(read(program.lines()), reporter=self.reporter)
            returncode = program.wait()
        if returncode != 0:
            raise explained(watched, returncode=returncode, platform=self.platform)


@contextmanager
def _out_of_daemon(build: _Build, *, settings: Settings, blobs: BlobDirectory) -> Iterator[Image]:
    with _name_in_daemon(build.builder, reporter=build.reporter) as name:
        build.run(*(["--load"] if build.builder.buildx else []), "--tag", name)
        yield open_base(
            f"docker:{name}",
            platform=build.platform,
            settings=settings,
            blobs=blobs,
            reporter=build.reporter,
        ).image


@contextmanager
def _out_of_file(build: _Build, *, settings: Settings, blobs: BlobDirectory) -> Iterator[Image]:
    saved = CompressedImages(folder=settings.cache_dir / "docker", blobs=blobs)
    with _folder_in(saved.folder) as temporary:
        file = temporary / "image.tar"
        output = {"type": "oci", "dest": str(file), "rewrite-timestamp": "true"}
        build.run("--output", _fields(output))
        image = read_archive(file).resolve(None, platform=build.platform)
        title = "Taking the image over"
        image = saved.put(image.digest.hex, image, title=title, reporter=build.reporter)
    yield image


def _network_options(hosts: Collection[str], *, env: Mapping[str, str]) -> Iterator[str]:
    """Yield what lets a build reach what this machine reaches.

    Proxies with passwords are not among it: a build has them as a secret.
    """
    yield from _each("--build-arg", open_proxies(env))
    names = (name for each in PROXIES if each != "NO_PROXY" for name in (each, each.lower()))
    proxies = (_host_of(env[name]) for name in names if env.get(name))
    if any(map(is_loopback, (*hosts, *proxies))):
        yield from ("--network", "host")


def _host_of(proxy: str) -> str:
    try:
        return urlsplit(proxy if "://" in proxy else f"//{proxy}").hostname or ""
    except ValueError:
        return ""


def _cache_options(cache: CacheOptions, *, builder: Builder) -> Iterator[str]:
    if not builder.buildx:
        _require_simple(cache)
    if cache.anew:
        yield "--no-cache"
    yield from _each("--cache-from", cache.cache_from)
    yield from _each("--cache-to", cache.cache_to)


def _require_simple(cache: CacheOptions) -> None:
    """Raise BackendError for a cache that only buildx knows what to do with."""
    if cache.cache_to:
        raise BackendError("this `docker build` cannot leave its cache elsewhere", hint=_BUILDX)
    for place in cache.cache_from:
        # what it does not understand it says, and goes on without
        if "=" in place:
            raise BackendError(
                f"this `docker build` takes a cache from images alone: {place}", hint=_BUILDX
            )


def _secret_options(secrets: Mapping[str, Path]) -> Iterator[str]:
    for name, path in sorted(secrets.items()):
        yield from ("--secret", _fields({"id": name, "src": str(path)}))


def _each(option: str, values: Sequence[str]) -> Iterator[str]:
    for value in values:
        yield from (option, value)


def _fields(fields: Mapping[str, str]) -> str:
    """Return a value of several fields as docker reads it: as a line of CSV."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(f"{key}={value}" for key, value in fields.items())
    return line.getvalue()


@contextmanager
def _name_in_daemon(builder: Builder, *, reporter: Reporter) -> Iterator[str]:
    """Give a name for an image, which it loses when the context ends, however that ends."""
    name = f"{_REPOSITORY}:{randomness.token_hex(8)}"
    try:
        yield name
    finally:
        try:
            remove_name(name, env=builder.env)
        except BackendError as error:
            reporter.warning(f"an image may still be called {name} in Docker: {error.message}")


@contextmanager
def _folder_in(parent: Path) -> Iterator[Path]:
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        folder = TemporaryDirectory(dir=parent, prefix=_BUILT)
    except OSError as error:
        raise ImageError(f"cannot write {parent}: {error.strerror}") from None
    with folder as name:
        yield Path(name)


def _sweep(parent: Path) -> None:
    """Remove what is left in ``parent`` of those that were killed long ago."""
    for folder in parent.glob(f"{_BUILT}*"):
        with suppress(OSError):  # another one sweeps, too
            if time.time() - folder.stat().st_mtime > _OLD:
                shutil.rmtree(folder)
