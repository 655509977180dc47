"""The layers that only development images have, beside packages of the environment: the tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.backends.activated import created
from condabox.backends.base_accounts import accounts_of
from condabox.backends.package_layers import package_layers, tools_warnings
from condabox.backends.prefix_layers import OLDEST
from condabox.backends.stacked import StackedLayer
from condabox.backends.survey import survey_on
from condabox.backends.tool_commands import USUAL_SHELL, tool_commands
from condabox.content import BytesContent
from condabox.development.account import passwd_with, user_of
from condabox.development.files import ACCOUNTS, PROFILE, command_links, own_files, profile
from condabox.development.places import TOOLS, WORKSPACE
from condabox.oci.layer import write_layer
from condabox.oci.tarball import TarDirectory, TarFile, TarLink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.backends.base_accounts import BaseAccounts
    from condabox.backends.prefix_layers import PrefixLayers
    from condabox.backends.survey import Survey
    from condabox.base import Base
    from condabox.events import Reporter
    from condabox.oci.layer import Layer
    from condabox.oci.layout import BlobDirectory
    from condabox.oci.tarball import TarEntry
    from condabox.plan import BuildPlan
    from condabox.pruning.decision import Removal
    from condabox.settings import Settings

_OWN_LAYERS = 2
"""What starts the tools, and user and workspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DevLayers:
    """What lies on top of the environment, and what there is to say of it.

    ``shell`` is the one that users log in with, ``created`` the time of the newest package, and
    ``pruned`` what is left out of the packages, by their sha256 and path.
    """

    layers: tuple[StackedLayer, ...]
    shell: str
    created: int
    pruned: Mapping[str, Mapping[str, Removal]]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The plan of the tools, what is known of them, and what makes their layers."""

    plan: BuildPlan
    known: Survey
    packages: PrefixLayers

    @property
    def count(self) -> int:
        """How many layers `dev_layers` makes."""
        return self.packages.count + _OWN_LAYERS


def tools_on(
    base: Base, plan: BuildPlan, *, settings: Settings, blobs: BlobDirectory, reporter: Reporter
) -> Tools:
    """Look at the packages of ``plan``, which is that of the tools, and make nothing of them."""
    known = survey_on(base, plan, settings=settings, reporter=reporter)
    packages = package_layers(plan, known, settings=settings, blobs=blobs, reporter=reporter)
    return Tools(plan=plan, known=known, packages=packages)


def dev_layers(
    plan: BuildPlan, tools: Tools, *, settings: Settings, blobs: BlobDirectory
) -> DevLayers:
    """Make the layers of ``tools``, and those that make a development image of ``plan`` of them."""
    known = tools.known
    accounts = accounts_of(known.base, cache_dir=settings.cache_dir)
    made = tools.packages.make()
    at = created(tools.plan, known)
    own = _written(_own_entries(tools.plan, known), tools.plan, created=at, blobs=blobs)
    place = _written(_place_entries(plan, accounts), plan, created=at, blobs=blobs)
    return DevLayers(
        layers=(
            *map(StackedLayer.of, made),
            StackedLayer(layer=own, title="what starts the tools"),
            StackedLayer(layer=place, title="user and workspace"),
        ),
        shell=accounts.shell or USUAL_SHELL,
        created=at,
        pruned=known.decision.removed,
        warnings=(
            *tools_warnings(tools.plan, known),
            *_shell_warnings(accounts),
        ),
    )


def _own_entries(tools: BuildPlan, known: Survey) -> Iterator[TarEntry]:
    """Yield what is in the tools' prefix and of no package."""
    yield _tar_file(f"{TOOLS}/conda-meta/history", b"")
    for path, file in own_files().items():
        yield _tar_file(path, file.content, executable=file.executable)
    for path, target in command_links(tool_commands(tools, known)).items():
        yield TarLink(path=path.lstrip("/"), target=target)


def _place_entries(plan: BuildPlan, accounts: BaseAccounts) -> Iterator[TarEntry]:
    """Yield what depends on the base and on the user."""
    user = user_of(plan.image.user)
    passwd = passwd_with(accounts.passwd, user, login_shell=accounts.shell or USUAL_SHELL)
    yield _tar_file(ACCOUNTS, passwd)
    yield _tar_file(PROFILE, profile().content)
    # group 0 is what clusters give to users of any number
    yield TarDirectory(path=WORKSPACE.lstrip("/"), mode=0o775, uid=user.uid, gid=0)


def _tar_file(path: str, content: bytes, *, executable: bool = False) -> TarFile:
    mode = 0o755 if executable else 0o644
    return TarFile(path=path.lstrip("/"), content=BytesContent(content), mode=mode)


def _written(
    entries: Iterator[TarEntry], plan: BuildPlan, *, created: int, blobs: BlobDirectory
) -> Layer:
    return write_layer(
        sorted(entries, key=lambda entry: entry.path.encode()),
        # condabox's own files have no age that is the same wherever it is installed
        mtime=min(OLDEST, created),
        compression=plan.compression,
        blobs=blobs,
        annotations={},
    )


def _shell_warnings(accounts: BaseAccounts) -> Iterator[str]:
    if accounts.shell is None:
        yield (
            "the base has no shell, and neither SSH nor the kernels of notebooks run without "
            "one: choose another `base:` for development"
        )
