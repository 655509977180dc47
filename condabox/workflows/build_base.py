"""Which base a build starts from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.base import open_first
from condabox.conda.envfile.section import CUDA_BASE
from condabox.conda.lockfiles.base_choice import base_names
from condabox.errors import SpecError
from condabox.outputs.store import LocalStore
from condabox.platforms import platform_of_subdir

if TYPE_CHECKING:
    from condabox.conda.envfile.section import ImageSection
    from condabox.events import Reporter
    from condabox.settings import Settings
    from condabox.workflows.build_request import BuildRequest
    from condabox.workflows.build_source import BuildSource

NO_CUDA = "none"


def with_cuda(section: ImageSection, cuda: str | None, *, reporter: Reporter) -> ImageSection:
    """Return ``section`` for another ``cuda``; the packages stay the ones that were locked."""
    if cuda is None:
        return section
    if cuda == NO_CUDA:
        return replace(section, cuda=None)
    if section.cuda is None:
        reporter.warning(
            f"the packages were locked for no GPU, and --cuda does not change them: "
            f'`cuda: "{cuda}"` in the environment file does'
        )
    return replace(section, cuda=cuda)


def planned_base(
    request: BuildRequest,
    source: BuildSource,
    subdir: str,
    *,
    settings: Settings,
    reporter: Reporter,
) -> tuple[str, str | None]:
    """Return the base's name, and its digest where the lock pins it.

    What the user names is taken as it is today.  Registries are asked only where several bases
    could be meant, and the lock has none of them.
    """
    image, lock = source.image, source.lock
    if request.base == CUDA_BASE and image.cuda is None:
        raise SpecError("--base cuda: of which CUDA?", hint='give `cuda: "12.8"` in `condabox:`')
    if request.base is not None:
        image = replace(image, base=request.base)
    names = base_names(image, lock.prod_of_images)
    if request.base is None and lock.base in names:
        return lock.base, lock.base_digests.get(subdir)
    if len(names) == 1:
        return names[0], None
    name, _ = open_first(
        names,
        platform=platform_of_subdir(subdir),
        settings=settings,
        blobs=LocalStore(settings.cache_dir).blobs,
        reporter=reporter,
    )
    return name, None
