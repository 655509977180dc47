"""A build by BuildKit, of the Dockerfile that is written for it."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from condabox.backends.docker.building import build_platform
from condabox.backends.docker.results import result_of
from condabox.backends.docker.secrets import secret_files
from condabox.backends.dockerfile.writing import write_context
from condabox.errors import BackendError
from condabox.workflows.docker_context import planned_context

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.backends.docker.builder import Builder
    from condabox.backends.docker.cache import CacheOptions
    from condabox.backends.result import BuildResult
    from condabox.events import Reporter
    from condabox.oci.layout import BlobDirectory
    from condabox.plan import BuildPlan
    from condabox.settings import Settings
    from condabox.workflows.build_request import BuildRequest
    from condabox.workflows.build_source import BuildSource
    from condabox.workflows.docker_context import PlannedContext


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerBuild:
    """What is to be built, and by whom."""

    planned: PlannedContext
    builder: Builder
    cache: CacheOptions
    env: Mapping[str, str]

    @classmethod
    def plan(
        cls,
        request: BuildRequest,
        source: BuildSource,
        builder: Builder,
        *,
        settings: Settings,
        env: Mapping[str, str],
        reporter: Reporter,
    ) -> DockerBuild:
        """Decide everything about the images of ``request``, which ``source`` is for.

        Raise BackendError where the cache of one platform would take the place of another's.
        """
        _require_places(request.cache, platforms=len(source.subdirs))
        planned = planned_context(request, source, settings=settings, reporter=reporter)
        return cls(planned=planned, builder=builder, cache=request.cache, env=env)

    @property
    def plans(self) -> tuple[BuildPlan, ...]:
        """What is to be built, for each platform one."""
        return tuple(each.plan for each in self.planned.images)

    @contextmanager
    def carried_out(
        self, *, settings: Settings, blobs: BlobDirectory, reporter: Reporter
    ) -> Iterator[tuple[BuildResult, ...]]:
        """Build one platform after the other, and take the images into ``blobs``.

        A daemon that built them has them until the context ends.
        """
        context = self.planned.context
        with (
            TemporaryDirectory(prefix="condabox-docker-") as name,
            secret_files(
                context.hosts, settings=settings, env=self.env, reporter=reporter
            ) as secrets,
            ExitStack() as stack,
        ):
            folder = Path(name) / "context"
            write_context(context.entries, folder)
            built = [
                stack.enter_context(
                    build_platform(
                        folder,
                        target=context.target,
                        platform=each.plan.platform,
                        epoch=each.plan.epoch,
                        hosts=context.hosts,
                        builder=self.builder,
                        secrets=secrets,
                        cache=self.cache,
                        settings=settings,
                        blobs=blobs,
                        reporter=reporter,
                    )
                )
                for each in self.planned.images
            ]
            yield tuple(
                result_of(each, image, warnings=context.warnings)
                for each, image in zip(self.planned.images, built, strict=True)
            )


def _require_places(cache: CacheOptions, *, platforms: int) -> None:
    for place in cache.cache_to:
        # each image has the inline one in it
        if platforms > 1 and "type=inline" not in place.split(","):
            raise BackendError(
                f"--cache-to {place} has room for one platform's cache, and {platforms} are built",
                hint="build one platform after the other, each with a place of its own",
            )
