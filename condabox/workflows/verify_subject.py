"""What is verified: an image, and what it was made from as far as that is known."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.backends.direct import build_image
from condabox.conda.channels.channel import located_channels
from condabox.conda.channels.condarc import read_condarc
from condabox.conda.envfile.match_spec import package_name
from condabox.conda.envfile.spec import read_environment
from condabox.conda.lockfiles.locks import is_lock
from condabox.errors import SpecError
from condabox.oci.compress import Compression
from condabox.outputs.store import LocalStore
from condabox.verification.wanted import wanted_by_spec
from condabox.workflows.build_request import BuildRequest, LockPolicy, Variant
from condabox.workflows.build_tools import with_tools
from condabox.workflows.images import select_image
from condabox.workflows.planning import completed, plans_of, requested_source, require_direct
from condabox.workflows.subjects import find_image, is_description

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.plan import BuildPlan
    from condabox.platforms import Platform
    from condabox.settings import Settings
    from condabox.verification.wanted import Wanted
    from condabox.workflows.verify_request import VerifyRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An image, and its plan, environment file and settings where these are known.

    With the ``settings`` the plan's packages are reached.
    """

    name: str
    image: Image
    plan: BuildPlan | None
    spec: EnvironmentSpec | None
    variant: Variant
    settings: Settings

    @property
    def wanted(self) -> Wanted | None:
        """What the user asked for, where there is an environment file that tells it."""
        if self.spec is None or self.plan is None:
            return None
        wanted = wanted_by_spec(self.spec, self.plan.locked.subdir)
        dev = self.spec.image.dev
        if self.variant is Variant.PROD or dev is None:
            return wanted
        more = (package_name(each, at="condabox.dev.dependencies") for each in dev.dependencies)
        return replace(wanted, conda=wanted.conda | frozenset(more))


def find_subject(
    request: VerifyRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> Subject:
    """Return what ``request`` means; the image of an environment file is built."""
    path = Path(request.target)
    if is_description(request.target):
        if request.against is not None:
            raise SpecError(
                f"{path} is an environment file, and --against names another one",
                hint="--against is for an IMAGE: it says what that was built from",
            )
        plan, spec, located = _planned(
            path, request, request.platform, settings=settings, env=env, reporter=reporter
        )
        image = build_from(plan, settings=located, reporter=reporter)
        return Subject(
            name=str(path),
            image=image,
            plan=plan,
            spec=spec,
            variant=request.variant,
            settings=located,
        )
    found = find_image(
        request.target, platform=request.platform, settings=settings, reporter=reporter
    )
    image = select_image(found, request.platform)
    image.fetch_layers()
    subject = Subject(
        name=request.target,
        image=image,
        plan=None,
        spec=None,
        variant=request.variant,
        settings=settings,
    )
    if request.against is None:
        return subject
    plan, spec, located = _planned(
        request.against, request, image.platform, settings=settings, env=env, reporter=reporter
    )
    return replace(subject, plan=plan, spec=spec, settings=located)


def _planned(
    path: Path,
    request: VerifyRequest,
    platform: Platform | None,
    *,
    settings: Settings,
    env: Mapping[str, str],
    reporter: Reporter,
) -> tuple[BuildPlan, EnvironmentSpec | None, Settings]:
    build = BuildRequest(
        environment=path,
        names=(),
        platforms=() if platform is None else (platform,),
        base=None,
        output=None,
        load=False,
        lock_policy=LockPolicy.MAKE if request.against is None else LockPolicy.FROZEN,
        variant=request.variant,
        budget=request.budget,
        compression=Compression.GZIP,
        epoch=request.epoch,
    )
    source = requested_source(build, settings=settings, env=env, reporter=reporter)
    if request.against is None:
        require_direct(source)
    if request.against is None or request.rebuild:
        source = with_tools(build, source, settings=settings, env=env, reporter=reporter)
    (plan, *_) = plans_of(build, source, settings=settings, reporter=reporter)
    spec = None if is_lock(path.read_bytes()) else read_environment(path)
    names = read_condarc(env).channels
    return plan, spec, located_channels(source.all_channels, settings=settings, names=names)


def build_from(plan: BuildPlan, *, settings: Settings, reporter: Reporter) -> Image:
    """Carry out ``plan``, and put the image nowhere but into the cache."""
    complete = completed(plan, settings=settings, reporter=reporter)
    blobs = LocalStore(settings.cache_dir).blobs
    return build_image(complete, settings=settings, blobs=blobs, reporter=reporter).image


@contextmanager
def built_again(plan: BuildPlan, *, settings: Settings, reporter: Reporter) -> Iterator[Image]:
    """Carry out ``plan`` with a cache that has packages, and nothing that was made of them."""
    packages = settings.cache_dir / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rebuild-", dir=settings.cache_dir) as name:
        folder = Path(name)
        (folder / packages.name).symlink_to(packages.resolve())
        yield build_from(plan, settings=replace(settings, cache_dir=folder), reporter=reporter)
