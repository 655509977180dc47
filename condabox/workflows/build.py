"""From an environment file to an image: in the local store and Docker, an archive or a layout."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from condabox.backends.direct import build_image
from condabox.conda.condarc import read_condarc
from condabox.conda.locker import lock_path
from condabox.conda.lockreader import read_lock_file
from condabox.conda.section import ImageSection
from condabox.conda.spec import read_environment
from condabox.conda.virtual_packages import DEFAULT_BASE
from condabox.errors import DigestMismatchError, ImageError, LockError, SpecError, ToolMissingError
from condabox.oci.image import index_of
from condabox.oci.reference import Reference
from condabox.outputs.docker import daemon_answers, load_into_docker
from condabox.outputs.files import check_output, write_images
from condabox.outputs.store import LocalStore
from condabox.plan import BuildPlan
from condabox.platforms import host_subdir, platform_of_subdir, subdir_of_platform
from condabox.workflows.lock import LockRequest, lock, require_current, require_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.backends.result import BuildResult
    from condabox.conda.lockfile import LockFile
    from condabox.conda.spec import EnvironmentSpec
    from condabox.events import Reporter
    from condabox.oci.compress import Compression
    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from condabox.platforms import Platform
    from condabox.settings import Settings

PROD = frozenset({"main"})
"""The categories of the lock that an image gets."""

_OF_MACOS = {"osx-64": "linux-64", "osx-arm64": "linux-aarch64", "win-64": "linux-64"}
"""What containers run on, where they do not run on the host itself."""


class LockPolicy(StrEnum):
    """What a build may do about its lock file."""

    MAKE = "make"
    """Make a missing one; a stale one is an error."""
    LOCKED = "locked"
    """Neither may it be missing nor stale."""
    FROZEN = "frozen"
    """Use it as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """What the user asked for."""

    environment: Path
    names: tuple[str, ...]
    """References for the image; ``NAME:latest`` where there are none."""
    platforms: tuple[Platform, ...]
    """The host's, or else the environment file's first, where there are none."""
    base: str | None
    output: Path | None
    load: bool
    lock_policy: LockPolicy
    budget: int
    compression: Compression
    epoch: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOutcome:
    """What came out.  ``digest`` is the manifest's, or the index's of several platforms."""

    names: tuple[str, ...]
    digest: Digest
    results: tuple[BuildResult, ...]
    places: tuple[str, ...]
    """Where the image is now, for people."""

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "names": list(self.names),
            "digest": str(self.digest),
            "places": list(self.places),
            "images": [
                {
                    "platform": str(result.platform),
                    "digest": str(result.image.digest),
                    "config": str(result.image.manifest.config.digest),
                    "layers": [
                        {
                            "title": layer.title,
                            "packages": list(layer.packages),
                            "digest": str(descriptor.digest),
                            "compressed": layer.compressed,
                            "unpacked": layer.unpacked,
                            "cached": layer.cached,
                        }
                        for layer, descriptor in zip(
                            result.layers, result.image.manifest.layers, strict=True
                        )
                    ],
                    "warnings": list(result.warnings),
                }
                for result in self.results
            ],
        }


def plan_environment(
    request: BuildRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> tuple[BuildPlan, ...]:
    """Decide everything about the images of ``request``, for each platform one.

    A missing lock file is made, if the request allows it.
    """
    _references(request)
    _check_places(request)
    spec = read_environment(request.environment)
    for key in _without_effect(spec.image):
        reporter.warning(f"{spec.path}: condabox.{key} is checked but has no effect yet")
    subdirs = _subdirs(request, spec)
    locked = _lock_file(request, spec, subdirs, settings=settings, env=env, reporter=reporter)
    bases = {subdir: _pinned_base(request, spec, locked, subdir) for subdir in subdirs}
    return tuple(
        BuildPlan(
            name=spec.name,
            source=spec.path,
            platform=platform_of_subdir(subdir),
            locked=locked.environment(subdir, categories=PROD),
            lock=locked,
            base=bases[subdir][0],
            base_digest=bases[subdir][1],
            image=spec.image,
            variables=spec.variables,
            budget=request.budget,
            compression=request.compression,
            epoch=request.epoch,
        )
        for subdir in subdirs
    )


def build_environment(
    request: BuildRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> BuildOutcome:
    """Build the images of ``request`` and put them where it says.

    Without an output they go to the local store and, where a daemon answers, into Docker.
    """
    plans = plan_environment(request, settings=settings, env=env, reporter=reporter)
    references = _references(request) or (Reference.parse(f"{plans[0].name}:latest"),)
    store = LocalStore(settings.cache_dir)
    results = tuple(
        build_image(plan, settings=settings, blobs=store.blobs, reporter=reporter) for plan in plans
    )
    images = tuple(result.image for result in results)
    try:
        places = _put(request, images, references, store=store, reporter=reporter)
    except DigestMismatchError as error:
        raise ImageError(
            f"the local store is damaged: {error.message}",
            hint=f"remove {settings.cache_dir / 'store'}, and build again",
        ) from None
    return BuildOutcome(
        names=tuple(reference.familiar() for reference in references),
        digest=images[0].digest if len(images) == 1 else index_of(images).descriptor.digest,
        results=results,
        places=places,
    )


def _references(request: BuildRequest) -> tuple[Reference, ...]:
    references = tuple(map(Reference.parse, request.names))
    for reference in references:
        if reference.digest is not None:
            raise SpecError(
                f"{reference.familiar()}: an image cannot be given a digest",
                hint="name it by a tag: the digest follows from what is in it",
            )
    return references


def _check_places(request: BuildRequest) -> None:
    """Refuse before the work what could not take the image after it."""
    if request.output is not None:
        check_output(request.output)
    if request.load and not daemon_answers():
        raise ToolMissingError("no Docker daemon answers", hint="start Docker, or leave out --load")


def _without_effect(section: ImageSection) -> Iterator[str]:
    """Yield the keys that were given, and that only later versions of condabox will act on."""
    default = ImageSection()
    for key in ("prune", "test"):
        if getattr(section, key) != getattr(default, key):
            yield key
    if section.dev.jupyter_port != default.dev.jupyter_port:
        yield "dev.jupyter"
    if section.dev.ssh_port != default.dev.ssh_port:
        yield "dev.ssh"


def _subdirs(request: BuildRequest, spec: EnvironmentSpec) -> tuple[str, ...]:
    if request.platforms:
        return tuple(map(subdir_of_platform, request.platforms))
    host = host_subdir()
    preferred = _OF_MACOS.get(host, host)
    return (preferred,) if preferred in spec.platforms else spec.platforms[:1]


def _lock_file(
    request: BuildRequest,
    spec: EnvironmentSpec,
    subdirs: Sequence[str],
    *,
    settings: Settings,
    env: Mapping[str, str],
    reporter: Reporter,
) -> LockFile:
    path = lock_path(spec.path)
    if not path.exists():
        if request.lock_policy is not LockPolicy.MAKE:
            raise LockError(
                f"{path} does not exist, and --{request.lock_policy.value} forbids to make it",
                hint=f"run `condabox lock {spec.path}` and commit the file",
            )
        require_platforms(spec, subdirs, known=spec.platforms)
        lock(LockRequest(environments=(spec.path,)), settings=settings, env=env, reporter=reporter)
    found = read_lock_file(path)
    if request.lock_policy is not LockPolicy.FROZEN:
        require_platforms(spec, subdirs, known={*spec.platforms, *found.subdirs})
        require_current(spec, found, subdirs=subdirs, names=read_condarc(env).channels)
    return found


def _pinned_base(
    request: BuildRequest, spec: EnvironmentSpec, locked: LockFile, subdir: str
) -> tuple[str, str | None]:
    if request.base is not None:
        return request.base, None
    base = spec.image.base or DEFAULT_BASE
    return base, locked.base_digests.get(subdir) if locked.base == base else None


def _put(
    request: BuildRequest,
    images: Sequence[Image],
    references: Sequence[Reference],
    *,
    store: LocalStore,
    reporter: Reporter,
) -> tuple[str, ...]:
    places: list[str] = []
    if request.output is None:
        store.save(images, names=references)
        places.append("in the local store")
    else:
        write_images(request.output, images, names=references)
        places.append(f"in {request.output}")
    if request.load or (request.output is None and daemon_answers()):
        load_into_docker(images, names=references, reporter=reporter)
        places.append("in Docker")
    return tuple(places)
