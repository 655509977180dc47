"""What a build of Docker's is given for the images of a request."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from condabox.backends.dockerfile.assembly import docker_context
from condabox.backends.dockerfile.surveyed import Surveyed
from condabox.backends.dockerfile.tools import development_on
from condabox.backends.survey import survey
from condabox.outputs.store import LocalStore
from condabox.workflows.build_request import Variant
from condabox.workflows.planning import completed, plans_of

if TYPE_CHECKING:
    from condabox.backends.dockerfile.context import DockerContext
    from condabox.events import Reporter
    from condabox.plan import BuildPlan
    from condabox.settings import Settings
    from condabox.workflows.build_request import BuildRequest
    from condabox.workflows.build_source import BuildSource


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedContext:
    """A context, and what is known of the ``images`` that its target makes, for each platform."""

    context: DockerContext
    images: tuple[Surveyed, ...]


def planned_context(
    build: BuildRequest, source: BuildSource, *, settings: Settings, reporter: Reporter
) -> PlannedContext:
    """Decide everything about the images of ``build``, which ``source`` is for.

    ``settings`` know the channels of ``source``.  Development is prod and more: the context makes
    both then.
    """
    prod = _surveyed(
        replace(build, variant=Variant.PROD),
        replace(source, tools=None),
        settings=settings,
        reporter=reporter,
    )
    dev = (
        ()
        if build.variant is Variant.PROD
        else _surveyed(build, source, settings=settings, reporter=reporter)
    )
    project = settings.path or source.path
    context = docker_context(prod, dev, mirrors=settings.channel_mirrors, project=project.parent)
    return PlannedContext(context=context, images=dev or prod)


def _surveyed(
    build: BuildRequest, source: BuildSource, *, settings: Settings, reporter: Reporter
) -> tuple[Surveyed, ...]:
    return tuple(
        _survey_of(
            completed(plan, settings=settings, reporter=reporter),
            settings=settings,
            reporter=reporter,
        )
        for plan in plans_of(build, source, settings=settings, reporter=reporter)
    )


def _survey_of(plan: BuildPlan, *, settings: Settings, reporter: Reporter) -> Surveyed:
    blobs = LocalStore(settings.cache_dir).blobs
    known = survey(plan, settings=settings, blobs=blobs, reporter=reporter)
    development = (
        None
        if plan.tools is None
        else development_on(known.base, plan.tools, settings=settings, reporter=reporter)
    )
    return Surveyed(plan=plan, known=known, development=development)
