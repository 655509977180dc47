"""What ``condabox bake`` does: it writes the contexts of several environments, and a bake file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.backends.dockerfile.bakefile import BAKE_FILE, NETWORK_SINCE, Baked, bake_file
from condabox.backends.dockerfile.context import SECRETS, ContextFile
from condabox.backends.dockerfile.writing import contexts_in, write_contexts
from condabox.conda.envfile.spec import read_environment
from condabox.content import BytesContent
from condabox.development.places import TOOLS_FILE
from condabox.workflows.build_request import Variant
from condabox.workflows.dockerfile import DockerfileRequest, path_word, plan_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from condabox.backends.dockerfile.bakefile import BakeFile
    from condabox.conda.envfile.section import PruneProfile
    from condabox.events import Reporter
    from condabox.platforms import Platform
    from condabox.settings import Settings
    from condabox.workflows.build_request import LockPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class BakeRequest:
    """The fleet that is meant: the same words mean the same as in a `DockerfileRequest`.

    Development is part of it where an environment has a `dev:` section.
    """

    environments: tuple[Path, ...]
    platforms: tuple[Platform, ...] = ()
    prune: PruneProfile | None = None
    lock_policy: LockPolicy
    epoch: int | None = None
    output: Path = Path("docker")


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBakeFile:
    """A bake file, the folder that it was written to, and what it is about.

    ``others`` are the contexts in that folder that it is not about.
    """

    file: BakeFile
    folder: Path
    environments: tuple[Baked, ...]
    others: tuple[Path, ...] = ()

    @property
    def command(self) -> str:
        """The command that builds every image: buildx looks for contexts where it is started."""
        allowed = dict.fromkeys(each.network for each in self.environments if each.network)
        options = "".join(f" --allow network.{network}" for network in allowed)
        return f"cd {shlex.quote(path_word(self.folder))} && docker buildx bake{options}"

    def warnings(self) -> Iterator[str]:
        """Tell what a build cannot do, or what is not in the image, and what is left."""
        for each in self.environments:
            yield from (f"{each.source}: {warning}" for warning in each.context.warnings)
            if each.network:
                yield (
                    f"{each.source}: packages come from this machine: to bake it takes buildx "
                    f"{NETWORK_SINCE} or newer, which alone reads the network out of {BAKE_FILE}"
                )
        for folder in self.others:
            yield f"{folder} is there, too, and {BAKE_FILE} has nothing of it"

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "file": str(self.folder / BAKE_FILE),
            "environments": [
                {
                    "environment": str(each.source),
                    "folder": str(self.folder / each.image),
                    "platforms": [str(platform) for platform in each.platforms],
                }
                for each in self.environments
            ],
            "groups": {name: list(targets) for name, targets in self.file.groups.items()},
            "targets": list(self.file.targets),
            "secrets": list(SECRETS),
            "command": self.command,
            "warnings": list(self.warnings()),
        }


def write_bake_file(
    request: BakeRequest,
    *,
    settings_for: Callable[[Path], Settings],
    env: Mapping[str, str],
    reporter: Reporter,
) -> WrittenBakeFile:
    """Write the contexts of all environments, and at last what bakes them.

    What development of one has as its tools is no image of the fleet, though somebody names it.
    Nothing is written where one of them cannot be decided about, or has something else in its
    place; a disk that fails may leave a part, which the next call completes.  What was baked before
    and is no more stays, and is told.  ``settings_for`` gets the folder of an environment file.
    Raise SpecError for two environments that want the same name.
    """
    fleet = [_member(request, path) for path in request.environments]
    environments = tuple(
        _planned(each, settings=settings_for(each.path.parent), env=env, reporter=reporter)
        for each in _without_tools(fleet, reporter=reporter)
    )
    file = bake_file(environments)
    contexts = {request.output / each.image: each.context.entries for each in environments}
    text = ContextFile(content=BytesContent(file.text().encode()))
    write_contexts({**contexts, request.output: {BAKE_FILE: text}})
    others = tuple(each for each in contexts_in(request.output) if each not in contexts)
    return WrittenBakeFile(
        file=file, folder=request.output, environments=environments, others=others
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """An environment of the fleet; ``tools`` is the file of its development's, if it has any."""

    path: Path
    request: DockerfileRequest
    tools: Path | None

    def uses(self, other: _Member) -> bool:
        """Say whether ``other`` is what its development has as tools."""
        return self.tools is not None and self.tools.resolve() == other.path.resolve()


def _member(request: BakeRequest, path: Path) -> _Member:
    dev = read_environment(path).image.dev
    return _Member(
        path=path,
        request=DockerfileRequest(
            environment=path,
            platforms=request.platforms,
            prune=request.prune,
            lock_policy=request.lock_policy,
            variant=Variant.PROD if dev is None else Variant.DEV,
            epoch=request.epoch,
        ),
        tools=None if dev is None else dev.tools or path.with_name(TOOLS_FILE),
    )


def _without_tools(fleet: Sequence[_Member], *, reporter: Reporter) -> Iterator[_Member]:
    """Yield the members that are images of the fleet, and tell which are not."""
    for member in fleet:
        users = [each for each in fleet if each.uses(member) and not member.uses(each)]
        if users:
            reporter.message(
                f"left out {member.path}: it is the tools of {users[0].path}, for development"
            )
        else:
            yield member


def _planned(
    member: _Member, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> Baked:
    context, platforms = plan_context(member.request, settings=settings, env=env, reporter=reporter)
    return Baked(source=member.path, context=context, platforms=platforms)
