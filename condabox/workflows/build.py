"""From an environment file or a lock to an image, and with it to where it is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.backends.docker.builder import find_builder
from condabox.conda.channels.channel import located_channels
from condabox.conda.channels.condarc import read_condarc
from condabox.errors import (
    BackendError,
    DigestMismatchError,
    ImageError,
    SpecError,
    ToolMissingError,
)
from condabox.oci.image import index_of
from condabox.oci.reference import Reference
from condabox.outputs.docker import check_takes, daemon_answers, load_into_docker
from condabox.outputs.files import check_output, write_images
from condabox.outputs.store import LocalStore
from condabox.registry.push import check_push, push_images
from condabox.workflows.build_direct import DirectBuild
from condabox.workflows.build_docker import DockerBuild
from condabox.workflows.build_request import Backend
from condabox.workflows.build_tools import with_tools
from condabox.workflows.planning import plans_of, requested_source, require_direct
from condabox.workflows.push import check_places, known_places
from condabox.workflows.tag_template import expand, fields_of, provisional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.backends.result import BuildResult
    from condabox.events import Reporter
    from condabox.oci.digest import Digest
    from condabox.oci.image import Image
    from condabox.plan import BuildPlan
    from condabox.registry.push import PushResult
    from condabox.settings import Settings
    from condabox.workflows.build_request import BuildRequest
    from condabox.workflows.build_source import BuildSource

_WHERE = "say where: -t registry.example/team/name:tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOutcome:
    """What came out.  ``digest`` is the manifest's, or the index's of several platforms."""

    names: tuple[str, ...]
    digest: Digest
    results: tuple[BuildResult, ...]
    places: tuple[str, ...]
    """Where on this machine the image is now, for people."""
    pushed: tuple[PushResult, ...] = ()
    """One for each repository."""

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "names": list(self.names),
            "digest": str(self.digest),
            "places": list(self.places),
            "pushed": [result.to_json() for result in self.pushed],
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
                    "pruned": {
                        rule: {"paths": saving.paths, "bytes": saving.size}
                        for rule, saving in result.pruned.items()
                    },
                    "warnings": list(result.warnings),
                }
                for result in self.results
            ],
        }


def plan_environment(
    request: BuildRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> tuple[BuildPlan, ...]:
    """Decide everything about the images of ``request``, for each platform one.

    A missing lock file is made, if the request allows it; of one that tells no sha256, the
    channels are asked.
    """
    _places(request)
    _check_outputs(request)
    source = _source(request, settings=settings, env=env, reporter=reporter)
    return plans_of(request, source, settings=settings, reporter=reporter)


def build_environment(
    request: BuildRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> BuildOutcome:
    """Build the images of ``request`` and put them where it says.

    Without a place they go to the local store and, where a daemon answers, into Docker.  Whether
    each place takes them is found out before anything is locked or built.
    """
    places_to_push = _places(request)
    _check_outputs(request)
    if request.push:
        check_push(places_to_push, settings=settings)
    builder = find_builder(env) if request.backend is Backend.DOCKER else None
    source = _source(request, settings=settings, env=env, reporter=reporter)
    names = read_condarc(env).channels
    settings = located_channels(source.all_channels, settings=settings, names=names)
    if builder is None:
        work: DirectBuild | DockerBuild = DirectBuild.plan(
            request, source, settings=settings, reporter=reporter
        )
    else:
        work = DockerBuild.plan(
            request, source, builder, settings=settings, env=env, reporter=reporter
        )
    references = _references(request, work.plans[0])
    store = LocalStore(settings.cache_dir)
    with work.carried_out(settings=settings, blobs=store.blobs, reporter=reporter) as results:
        images = tuple(result.image for result in results)
        try:
            places = _put(request, images, references, store=store, reporter=reporter)
            pushed = _push(request, images, references, settings=settings, reporter=reporter)
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
        pushed=pushed,
    )


def _source(
    request: BuildRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> BuildSource:
    source = requested_source(request, settings=settings, env=env, reporter=reporter)
    if request.backend is Backend.DIRECT:
        require_direct(source)
    return with_tools(request, source, settings=settings, env=env, reporter=reporter)


def _places(request: BuildRequest) -> tuple[Reference, ...]:
    """Return the names as far as they are known before the lock is, all of them checked."""
    references = tuple(Reference.parse(provisional(name)) for name in request.names)
    for reference in references:
        if reference.digest is not None:
            raise SpecError(
                f"{reference.familiar()}: an image cannot be given a digest",
                hint="name it by a tag: the digest follows from what is in it",
            )
    if request.push:
        if not references:
            raise SpecError("the image has no name: it is not known where to push it", hint=_WHERE)
        check_places(references, hint=_WHERE)
    return references


def _references(request: BuildRequest, plan: BuildPlan) -> tuple[Reference, ...]:
    fields = fields_of(plan, request.variant)
    names = request.names or (f"{plan.name}:{request.variant.tag}",)
    return tuple(Reference.parse(expand(name, fields)) for name in names)


def _check_outputs(request: BuildRequest) -> None:
    """Refuse before the work what could not take the image after it, on this machine."""
    if request.output is not None:
        check_output(request.output)
    if request.load:
        if not daemon_answers():
            hint = "start Docker, or leave out --load"
            raise ToolMissingError("no Docker daemon answers", hint=hint)
        check_takes({request.compression.media_type})


def _put(
    request: BuildRequest,
    images: Sequence[Image],
    references: Sequence[Reference],
    *,
    store: LocalStore,
    reporter: Reporter,
) -> tuple[str, ...]:
    places: list[str] = []
    if request.output is not None:
        write_images(request.output, images, names=references)
        places.append(f"in {request.output}")
    elif not request.push:
        store.save(images, names=references)
        places.append("in the local store")
    unplaced = request.unasked and request.output is None and not request.push
    if request.load or (unplaced and _docker_takes(request, reporter=reporter)):
        load_into_docker(images, names=references, reporter=reporter)
        places.append("in Docker")
    return tuple(places)


def _docker_takes(request: BuildRequest, *, reporter: Reporter) -> bool:
    """Say whether Docker, for which nobody asked, is there and takes what was built."""
    if not daemon_answers():
        return False
    try:
        check_takes({request.compression.media_type})
    except BackendError as error:
        reporter.warning(f"{error.message}; the image is in the local store alone")
        return False
    return True


def _push(
    request: BuildRequest,
    images: Sequence[Image],
    references: Sequence[Reference],
    *,
    settings: Settings,
    reporter: Reporter,
) -> tuple[PushResult, ...]:
    """Push what is asked to be; last, because that is what others see."""
    if not request.push:
        return ()
    return push_images(
        images,
        references=references,
        settings=settings,
        reporter=reporter,
        elsewhere=known_places(references, settings=settings),
    )
