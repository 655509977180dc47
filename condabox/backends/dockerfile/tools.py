"""What development has beside its environment, as a Dockerfile makes it: tools, files, a user."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.backends.base_accounts import accounts_of
from condabox.backends.dockerfile.context import (
    ContextFile,
    ContextFolder,
    ContextLink,
    with_folders,
)
from condabox.backends.dockerfile.surveyed import Development, Surveyed
from condabox.backends.dockerfile.variant import Name, Variant
from condabox.backends.survey import survey_on
from condabox.backends.tool_commands import USUAL_SHELL, tool_commands
from condabox.content import BytesContent
from condabox.development.account import user_of
from condabox.development.files import PROFILE, command_links, own_files, profile
from condabox.development.places import ACCOUNT, COMMANDS, WORKSPACE
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.backends.dockerfile.context import ContextEntry
    from condabox.base import Base
    from condabox.development.files import OwnFile
    from condabox.events import Reporter
    from condabox.plan import BuildPlan
    from condabox.settings import Settings

_FOLDER = "dev"
_COMMANDS = "commands"


def development_on(
    base: Base, tools: BuildPlan, *, settings: Settings, reporter: Reporter
) -> Development:
    """Look at the packages of ``tools``, and at who logs in to ``base`` with which shell.

    Raise SpecError where there is no shell, without which nobody logs in.
    """
    shell = accounts_of(base, cache_dir=settings.cache_dir).shell
    if shell is None:
        raise SpecError(
            "the base has no shell, and neither SSH nor the kernels of notebooks run without one",
            hint="choose another `base:` for development",
        )
    known = survey_on(base, tools, settings=settings, reporter=reporter)
    return Development(tools=Surveyed(plan=tools, known=known), shell=shell)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolsStage:
    """What the template says of tools and user; see its own comment."""

    prefix: str
    library: str
    python: bool
    pip: str
    name: str
    uid: int
    owner: str
    account: str
    workspace: str
    commands: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The tools of the development images ``each``, of which there is one for every platform."""

    each: Sequence[Development]
    mirrors: Mapping[str, tuple[str, ...]]

    @property
    def variant(self) -> Variant:
        """The tools as an environment of its own."""
        surveyed = [development.tools for development in self.each]
        return Variant(each=surveyed, mirrors=self.mirrors, name=Name.TOOLS)

    def stage(self, image: BuildPlan) -> ToolsStage:
        """Return what the template says of them in ``image``, for whichever platform."""
        tools = self.each[0].tools
        user = user_of(image.image.user)
        shells = {development.shell for development in self.each}
        return ToolsStage(
            prefix=tools.plan.image.prefix,
            library=library_of(tools),
            python=self.variant.python,
            pip=self.variant.pip,
            name=ACCOUNT,
            uid=user.uid,
            owner=f"{user.uid}:0",
            account=user.line(shells.pop() if len(shells) == 1 else USUAL_SHELL),
            workspace=WORKSPACE,
            commands=COMMANDS,
        )

    def entries(self) -> Iterator[tuple[str, ContextEntry]]:
        """Yield what is condabox's own in the images, which commands of the tools are, too."""
        files = sorted({**own_files(), PROFILE: profile()}.items())
        yield from with_folders((f"{_FOLDER}{place}", _file(file)) for place, file in files)
        for development in self.each:
            tools = development.tools
            # a tool may be there for one platform alone
            folder = f"linux-{tools.architecture}/{_COMMANDS}"
            yield folder, ContextFolder()
            links = command_links(tool_commands(tools.plan, tools.known))
            for place, target in links.items():
                yield f"{folder}/{posixpath.basename(place)}", ContextLink(target=target)


def _file(file: OwnFile) -> ContextFile:
    return ContextFile(content=BytesContent(file.content), executable=file.executable)


def library_of(surveyed: Surveyed) -> str:
    """Return where Python's own library is in an environment, like ``lib/python3.12``."""
    python = surveyed.known.python
    return python.site_packages.removesuffix("/site-packages") if python else ""
