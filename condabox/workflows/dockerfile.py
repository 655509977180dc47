"""What ``condabox dockerfile`` does: it writes a Dockerfile and its context, and builds nothing."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.backends.dockerfile.assembly import image_name
from condabox.backends.dockerfile.context import SECRETS
from condabox.backends.dockerfile.writing import write_context
from condabox.conda.channels.channel import located_channels
from condabox.conda.channels.condarc import read_condarc
from condabox.layering import DEFAULT_BUDGET
from condabox.oci.compress import Compression
from condabox.platforms import PLATFORM_OF_SUBDIR
from condabox.registry.addresses import is_loopback
from condabox.workflows.build_request import BuildRequest, Variant
from condabox.workflows.build_source import find_source
from condabox.workflows.build_tools import with_tools
from condabox.workflows.docker_context import planned_context
from condabox.workflows.images import host_platform
from condabox.workflows.planning import requested_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.backends.dockerfile.context import DockerContext
    from condabox.conda.envfile.section import PruneProfile
    from condabox.events import Reporter
    from condabox.platforms import Platform
    from condabox.settings import Settings
    from condabox.workflows.build_request import LockPolicy

_DEFAULT_PARENT = Path("docker")


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerfileRequest:
    """The images that are meant: the same words mean the same as in a `BuildRequest`.

    ``platforms`` are all of the lock where there are none.  ``output`` is ``docker/NAME`` where it
    is None.
    """

    environment: Path
    lock_file: Path | None = None
    lock_environment: str | None = None
    platforms: tuple[Platform, ...] = ()
    base: str | None = None
    cuda: str | None = None
    prune: PruneProfile | None = None
    lock_policy: LockPolicy
    variant: Variant = Variant.PROD
    epoch: int | None = None
    output: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenContext:
    """A context, the folder that it was written to, and the command that builds it.

    ``host`` is the platform of images that run on this machine.
    """

    context: DockerContext
    folder: Path
    platforms: tuple[Platform, ...]
    host: Platform

    @property
    def command(self) -> str:
        """The command that builds what was asked for."""
        return self.commands[0]

    @property
    def commands(self) -> tuple[str, ...]:
        """The same for each variant that the context is of, with what was asked for first.

        They are for one platform, this machine's if it can; of several, buildx makes all.
        """
        name = image_name(self.context.name)
        if self.context.target == Variant.PROD:
            return (self._command("--tag", name),)
        return (
            self._command("--tag", f"{name}:{Variant.DEV.tag}", "--target", Variant.DEV),
            self._command("--tag", name, "--target", Variant.PROD),
        )

    def _command(self, *options: str) -> str:
        words = ["docker", "build", *options]
        if self.host not in self.platforms:
            words += ["--platform", str(self.platforms[0])]
        if any(map(is_loopback, self.context.hosts)):
            words += ["--network", "host"]
        return f"DOCKER_BUILDKIT=1 {shlex.join([*words, path_word(self.folder)])}"

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "folder": str(self.folder),
            "files": list(self.context.entries),
            "platforms": [str(platform) for platform in self.platforms],
            "target": self.context.target,
            "secrets": list(SECRETS),
            "command": self.command,
            "warnings": list(self.context.warnings),
        }


def write_dockerfile(
    request: DockerfileRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> WrittenContext:
    """Write the Dockerfile of ``request`` and its context.

    Packages are fetched where nothing is known of them; a missing lock file is made, if the
    request allows it.
    """
    context, platforms = plan_context(request, settings=settings, env=env, reporter=reporter)
    folder = request.output or _DEFAULT_PARENT / image_name(context.name)
    write_context(context.entries, folder)
    return WrittenContext(context=context, folder=folder, platforms=platforms, host=host_platform())


def plan_context(
    request: DockerfileRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> tuple[DockerContext, tuple[Platform, ...]]:
    """Decide everything about the images of ``request``, and return what a build is given.

    The platforms are those that it can be built for.
    """
    build = _for_its_platforms(request, settings=settings, env=env, reporter=reporter)
    source = requested_source(build, settings=settings, env=env, reporter=reporter)
    source = with_tools(build, source, settings=settings, env=env, reporter=reporter)
    names = read_condarc(env).channels
    located = located_channels(source.all_channels, settings=settings, names=names)
    planned = planned_context(build, source, settings=located, reporter=reporter)
    return planned.context, build.platforms


def path_word(path: Path) -> str:
    """Return ``path`` as no command takes it for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)


def _for_its_platforms(
    request: DockerfileRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> BuildRequest:
    build = _build_request(request)
    if build.platforms:
        return build
    lock = find_source(build, settings=settings, env=env, reporter=reporter).lock
    subdirs = (subdir for subdir in PLATFORM_OF_SUBDIR if subdir in lock.subdirs)
    return replace(build, platforms=tuple(PLATFORM_OF_SUBDIR[subdir] for subdir in subdirs))


def _build_request(request: DockerfileRequest) -> BuildRequest:
    return BuildRequest(
        environment=request.environment,
        lock_file=request.lock_file,
        lock_environment=request.lock_environment,
        names=(),
        platforms=request.platforms,
        base=request.base,
        cuda=request.cuda,
        prune=request.prune,
        output=None,
        load=False,
        lock_policy=request.lock_policy,
        variant=request.variant,
        budget=DEFAULT_BUDGET,
        compression=Compression.GZIP,
        epoch=request.epoch,
    )
