"""Decides everything about the images of a request, and builds nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.conda.envfile.section import ImageSection, PruneSection
from condabox.conda.lockfiles.inputs import KERNEL
from condabox.conda.lockfiles.lockfile import PROD
from condabox.conda.packages.archive_depends import with_dependencies
from condabox.development.image import dev_section
from condabox.development.places import TOOLS, TOOLS_BUDGET
from condabox.errors import LockError, SpecError
from condabox.plan import BuildPlan
from condabox.platforms import platform_of_subdir
from condabox.workflows.build_base import planned_base, with_cuda
from condabox.workflows.build_source import find_source
from condabox.workflows.tools_base import check_libc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.conda.envfile.section import PruneProfile
    from condabox.events import Reporter
    from condabox.settings import Settings
    from condabox.workflows.build_request import BuildRequest
    from condabox.workflows.build_source import BuildSource


def requested_source(
    request: BuildRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> BuildSource:
    """Return what files say of the images, with what ``request`` says instead of some of it."""
    source = find_source(request, settings=settings, env=env, reporter=reporter)
    _require_variant(request, source)
    image = with_cuda(source.image, request.cuda, reporter=reporter)
    return replace(source, image=with_profile(image, request.prune))


def with_profile(section: ImageSection, profile: PruneProfile | None) -> ImageSection:
    """Return ``section`` for another ``profile``; with ``none``, packages are whole."""
    match profile:
        case None:
            return section
        case "none":
            return replace(section, prune=PruneSection(profile="none"))
        case _:
            return replace(section, prune=replace(section.prune, profile=profile))


def plans_of(
    request: BuildRequest, source: BuildSource, *, settings: Settings, reporter: Reporter
) -> tuple[BuildPlan, ...]:
    """Decide everything about the images of ``source``, for each of its platforms one."""
    bases = {
        subdir: planned_base(request, source, subdir, settings=settings, reporter=reporter)
        for subdir in source.subdirs
    }
    if source.tools is not None:
        names = {subdir: name for subdir, (name, _) in bases.items()}
        check_libc(source, source.tools, names, reporter=reporter)
    return tuple(
        BuildPlan(
            name=source.name,
            source=source.path,
            platform=platform_of_subdir(subdir),
            locked=source.lock.environment(subdir, categories=request.variant.categories),
            lock=source.lock,
            base=bases[subdir][0],
            base_digest=bases[subdir][1],
            image=source.image,
            variables=source.variables,
            budget=request.budget,
            compression=request.compression,
            epoch=request.epoch,
            tools=_tools(request, source.tools, subdir, bases[subdir]),
        )
        for subdir in source.subdirs
    )


def _tools(
    request: BuildRequest, tools: BuildSource | None, subdir: str, base: tuple[str, str | None]
) -> BuildPlan | None:
    """Decide about the tools: all but base and form of the layers is their own, or always so."""
    if tools is None:
        return None
    return BuildPlan(
        name=tools.name,
        source=tools.path,
        platform=platform_of_subdir(subdir),
        locked=tools.lock.environment(subdir, categories=frozenset({PROD})),
        lock=tools.lock,
        base=base[0],
        base_digest=base[1],
        image=ImageSection(prefix=TOOLS, prune=tools.image.prune, test=tools.image.test),
        variables={},
        budget=TOOLS_BUDGET,
        compression=request.compression,
        epoch=request.epoch,
    )


def completed(plan: BuildPlan, *, settings: Settings, reporter: Reporter) -> BuildPlan:
    """Return ``plan`` with the dependencies of its packages, also where its locks tell none."""
    tools = plan.tools
    return replace(
        plan,
        locked=with_dependencies(plan.locked, settings=settings, reporter=reporter),
        tools=tools and completed(tools, settings=settings, reporter=reporter),
    )


def plan_json(plan: BuildPlan) -> dict[str, object]:
    """Return what ``--dry-run`` prints of ``plan``, with the configuration of its variant."""
    return (plan if plan.tools is None else replace(plan, image=dev_section(plan))).to_json()


def require_direct(source: BuildSource) -> None:
    """Raise SpecError for what only a build of Docker's can do."""
    if source.image.apt:
        raise SpecError(
            f"{source.path}: condabox.apt: the direct backend runs nothing of the base, "
            "and so not apt",
            hint="build it with `--builder docker`, which does",
        )


def _require_variant(request: BuildRequest, source: BuildSource) -> None:
    """Raise LockError where an image would lack its variant, or what notebooks run in."""
    wanted = request.variant.categories - {PROD}
    for subdir in source.subdirs if wanted else ():
        found = source.lock.environment(subdir, categories=request.variant.categories).packages
        missing = sorted(wanted - {package.category for package in found})
        # prod itself may have what notebooks run in: then development may add nothing
        if missing and KERNEL not in {package.name for package in found}:
            raise LockError(
                f"{source.lock.path} has nothing for {', '.join(missing)} on {subdir}, and no "
                f"{KERNEL}, which notebooks run in",
                hint="let the environment file have `dev: {}` below `condabox:`, and run "
                "`condabox lock`",
            )
