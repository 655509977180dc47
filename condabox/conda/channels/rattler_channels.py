"""What the processes that ask channels by py-rattler have in common."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rattler import (
    Channel,
    Gateway,
    GenericVirtualPackage,
    MatchSpec,
    MultiSource,
    PackageName,
    SourceConfig,
    Subdir,
    Version,
    solve,
)
from rattler.exceptions import (
    FetchRepoDataError,
    GatewayError,
    InvalidChannelError,
    InvalidMatchSpecError,
)
from rattler.networking import fetch_repo_data
from rattler.package import BuildString

from condabox.conda.channels.access import Access, redacted
from condabox.conda.channels.channel import without_credentials
from condabox.conda.channels.rattler_client import (
    RETRIES,
    CredentialsError,
    make_client,
    make_private_client,
)
from condabox.conda.channels.reachability import listens

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from rattler import RepoDataRecord
    from rattler.networking import Client
    from rattler.repo_data import SparseRepoData

_T = TypeVar("_T")

_LONGEST = 600.0
"""Seconds after which a channel is given up that neither answers nor refuses."""

_BUSY = re.compile(r"\((?:408|429|5\d\d) |error reading a body|error decoding response body")
_REFUSED = re.compile(
    r"\((?:401|403|407) |requested authentication|is not set$|credentials for rattler$",
    re.MULTILINE,
)
_BROKEN = re.compile(
    r"failed to (?:parse|decode)|(?:invalid|missing) (?:type|value|field)"
    r"|\(404 .*\.msgpack\.zst"  # an index that tells of what is no longer there
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a channel that is busy, or breaks off, is asked again.

    ``retries`` are rattler's own; after these, what it gives up is waited for ``waits`` seconds.
    """

    retries: int = RETRIES
    waits: tuple[float, ...] = (1.0, 10.0)

    async def ask(self, asking: Callable[[], Awaitable[_T]]) -> _T:
        """Ask until there is an answer; give up what says nothing at all."""
        for wait in self.waits:
            try:
                return await asyncio.wait_for(asking(), _LONGEST)
            except (GatewayError, FetchRepoDataError) as error:
                if not _BUSY.search(str(error)):
                    raise
            await asyncio.sleep(wait)
        return await asyncio.wait_for(asking(), _LONGEST)


PATIENT = Patience()


class RefusedError(Exception):
    """There is no answer; the explanation is for the user."""

    def __init__(self, message: str, *, hint: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ChannelError(Exception):
    """A channel was not asked, or what it answered cannot be read."""


UNREACHABLE = (
    GatewayError,
    FetchRepoDataError,
    InvalidChannelError,
    OSError,
    ChannelError,
    CredentialsError,
)
"""What can go wrong with a channel."""


def answer(work: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, object]]]) -> None:
    """Answer one request and leave before the interpreter's end can crash."""
    request = json.load(sys.stdin)

    async def answered() -> Mapping[str, object]:
        try:
            return await work(request)
        except RefusedError as error:
            return {"error": error.message, "hint": error.hint}
        except UNREACHABLE as error:
            refused = unreachable([explained(error)])
            return {"error": refused.message, "hint": refused.hint}

    try:
        json.dump(asyncio.run(answered()), sys.stdout)
    except KeyboardInterrupt:
        os._exit(130)
    sys.stdout.flush()
    os._exit(0)


class Channels:
    """The channels in their order, each one where it answers, and what their records are called."""

    def __init__(self, *, subdir: str, cache: str, patience: Patience = PATIENT) -> None:
        self._cache = Path(cache)
        self._patience = patience
        self._canonical: dict[str, str] = {}
        client = make_client(retries=self._patience.retries)
        self.gateway = make_gateway(self._cache, client=client)
        self.platforms = [Subdir(subdir), Subdir("noarch")]
        self.sources: list[Channel | MultiSource] = []

    async def add(self, canonical: str, *, sources: Sequence[str]) -> None:
        """Take the first of ``sources`` that has repodata for the channel ``canonical``.

        Raise RefusedError, with what each one said, where none has.
        """
        problems: dict[str, None] = {}
        *mirrors, last = map(Access.of, sources)
        for access in (*mirrors, last):
            try:
                if access.unset:
                    raise ChannelError(f"the variable {access.unset[0]} is not set")
                if access is not last and not await listens(access.url):
                    raise ChannelError("nobody answers")
                found = await self._open(access, patient=access is last)
            except UNREACHABLE as error:
                problems[f"{access.url}: {explained(error)}"] = None
            else:
                self.sources.append(found)
                self._canonical[Channel(access.url).base_url] = f"{canonical}/"
                return
        raise unreachable(list(problems))

    async def _open(self, access: Access, *, patient: bool) -> Channel | MultiSource:
        channel = Channel(access.url)
        opening = partial(self._private if access.private else self._public, channel, access)
        return await self.ask(partial(self._patience.ask, opening) if patient else opening, channel)

    async def ask(self, asking: Callable[[], Awaitable[_T]], *channels: Channel) -> _T:
        """Ask, and once more without what the cache has of ``channels`` where that is broken.

        What arrived broken may otherwise be good for hours, and a shard for ever.
        """
        try:
            return await asking()
        except UNREACHABLE as error:
            if not _BROKEN.search(str(error)):
                raise
        for channel in channels:
            self.gateway.clear_repodata_cache(channel, self.platforms, clear_disk=True)
        shutil.rmtree(self._cache / "shards-v1", ignore_errors=True)
        return await asking()

    async def _public(self, channel: Channel, _: Access) -> Channel | MultiSource:
        await self.gateway.names([channel], self.platforms, channel_relations="disabled")
        return channel

    async def _private(self, channel: Channel, access: Access) -> Channel | MultiSource:
        """Read all of a channel's repodata: the gateway has one client for all channels."""
        client = make_private_client(access, retries=self._patience.retries)
        found: list[SparseRepoData] = []
        for platform in self.platforms:
            try:
                found += await fetch_repo_data(
                    channels=[channel],
                    platforms=[platform],
                    cache_path=self._cache,
                    callback=None,
                    client=client,
                )
            except OSError as error:
                if error.errno is not None:
                    raise
                raise ChannelError(f"failed to parse repodata.json: {error}") from None
            except FetchRepoDataError as error:
                # as for the gateway, a channel need not have every subdir, but noarch
                if platform is self.platforms[-1] or "not found" not in str(error):
                    raise
        return MultiSource(access.url, found)

    async def solve(
        self,
        specs: Sequence[MatchSpec],
        *,
        virtual_packages: Sequence[GenericVirtualPackage],
        kept: Sequence[RepoDataRecord] = (),
        constraints: Sequence[str] = (),
    ) -> list[RepoDataRecord]:
        """Return the records that satisfy ``specs``, those of ``kept`` wherever that is possible.

        Raise rattler's SolverError when there is no solution.
        """
        solving = partial(
            solve,
            self.sources,
            [*map(self.located, specs), *_names_alone(specs)],
            gateway=self.gateway,
            platforms=self.platforms,
            locked_packages=kept,
            virtual_packages=virtual_packages,
            constraints=constraints,
            # packages come from the channels that the environment names, and from no others
            channel_relations="disabled",
        )
        public = (source for source in self.sources if isinstance(source, Channel))
        return await self.ask(partial(self._patience.ask, solving), *public)

    def located(self, spec: MatchSpec) -> MatchSpec:
        """Return ``spec``, which may name a channel, as it has to be where that channel answers.

        Raise RefusedError for a channel that was not added.
        """
        if spec.channel is None:
            return spec
        named, name = spec.channel.base_url, spec.channel.name
        for base, canonical in self._canonical.items():
            if canonical == named or canonical.endswith(f"/{name}/"):
                rest = str(spec).removeprefix(f"{name}::")
                rest = re.sub(r'channel="[^"]*"(?:, )?', "", rest).removesuffix("[]")
                return MatchSpec(f"{base.rstrip('/')}::{rest}", strict=False)
        raise RefusedError(
            f"{spec}: {name} is not among the channels",
            hint=f"name one of {', '.join(url.rstrip('/') for url in self._canonical.values())}",
        )

    async def records(self, urls: Sequence[str]) -> list[RepoDataRecord]:
        """Return the records of ``urls``, canonical ones, that the channels still have."""
        if not urls:
            return []
        names = sorted({url.rpartition("/")[2].rsplit("-", 2)[0] for url in urls})
        found = await self.gateway.query(
            self.sources, self.platforms, names, recursive=False, channel_relations="disabled"
        )
        wanted = set(urls)
        return [record for some in found for record in some if self.url_of(record) in wanted]

    def url_of(self, record: RepoDataRecord) -> str:
        """Return the canonical URL of the archive of ``record``."""
        base = record.channel
        if base in self._canonical and record.url.startswith(base):
            return self._canonical[base] + record.url.removeprefix(base)
        # repodata may name another place for its packages (CEP-15)
        return without_credentials(record.url)

    def channel_of(self, record: RepoDataRecord) -> str:
        """Return the canonical URL of the channel that ``record`` is from."""
        return self._canonical.get(record.channel, record.channel).rstrip("/")


def make_gateway(cache: Path, *, client: Client) -> Gateway:
    """Return a gateway to all kinds of channels that ``client`` can ask."""
    # registries have no sharded repodata, and refuse what they do not have
    whole = {"oci://": SourceConfig(sharded_enabled=False)}
    return Gateway(cache_dir=cache, per_channel_config=whole, client=client)


def _names_alone(specs: Sequence[MatchSpec]) -> list[MatchSpec]:
    """Return what lets the solver see all records of the packages that ``specs`` ask for.

    The gateway leaves out those that do not match.  A channel that has none but such then seems not
    to have the package, and a later channel is taken against strict priority.
    """
    names = {spec.name.normalized for spec in specs if spec.channel is None}
    return [MatchSpec(name) for name in sorted(names)]


def match_spec(text: str) -> MatchSpec:
    """Read what a user wrote; raise RefusedError when it is no match spec."""
    try:
        return MatchSpec(text, strict=False)
    except InvalidMatchSpecError as error:
        raise RefusedError(f"{text!r} is not a match spec: {error}", hint=None) from None


def virtual_package(name: str, text: str) -> GenericVirtualPackage:
    """Make a virtual package of ``"version"`` or ``"version build"``."""
    version, _, build = text.partition(" ")
    return GenericVirtualPackage(PackageName(name), Version(version), BuildString(build or "0"))


def explained(error: Exception) -> str:
    """Return what rattler says, without secrets."""
    if isinstance(error, TimeoutError):
        return f"gave no answer in {_LONGEST:.0f} seconds"
    return redacted(str(error)).strip()


def unreachable(problems: Sequence[str]) -> RefusedError:
    """Return the error for channels of which ``problems`` were told."""
    message = "\n".join(problems)
    hint = "check the channel's name, the network and the mirrors in condabox.toml"
    if _REFUSED.search(message):
        hint = (
            "log in: credentials come from netrc, RATTLER_AUTH_FILE, or the channel's URL, where "
            "$NAME stands for a variable"
        )
    elif _BROKEN.search(message):
        hint = "did a proxy or a login page answer for the channel? if not, index it again"
    return RefusedError(message, hint=hint)
