"""Whether channels answer, by which of their addresses, and what they have."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from condabox.conda.channels.anaconda import anaconda_channels
from condabox.conda.channels.channel import located_channels, without_credentials
from condabox.conda.channels.probe import probe_channels
from condabox.errors import SpecError
from condabox.platforms import subdir_of_platform
from condabox.reporting.findings import Finding, Group
from condabox.workflows.checks.running import PATIENCE, Check
from condabox.workflows.images import host_platform

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.conda.channels.channel import ChannelNames
    from condabox.conda.channels.probe import SourceAnswer
    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.settings import Settings

_DEFAULT = "conda-forge"
_LATE = "check the network, and the mirrors in condabox.toml"
_UNKNOWN_AUTHORITY = (
    "name a file with the authority's certificate in SSL_CERT_FILE, or as `ssl_verify` in .condarc"
)


def channel_checks(
    specs: Sequence[EnvironmentSpec], *, settings: Settings, names: ChannelNames
) -> tuple[Check, ...]:
    """Return the check of the channels of ``specs``, or of conda-forge where there are none."""
    run = partial(_channels, specs, settings=settings, names=names)
    return (Check(group=Group.CHANNELS, name="channels", run=run, late=_LATE),)


def _channels(
    specs: Sequence[EnvironmentSpec], *, settings: Settings, names: ChannelNames
) -> Iterator[Finding]:
    subdirs = tuple(dict.fromkeys(subdir for spec in specs for subdir in spec.platforms))
    subdirs = subdirs or (subdir_of_platform(host_platform()),)
    called: dict[str, str] = {}
    for channel in _asked(specs):
        shown = without_credentials(channel)
        try:
            settings = located_channels([channel], settings=settings, names=names)
            urls = names.canonical([channel], subdir=subdirs[0])
            _refuse_anaconda(channel, urls, specs)
        except SpecError as error:
            hint = error.hint or "correct `channels:`, or the channel's entry in .condarc"
            yield Finding.problem(Group.CHANNELS, shown, error.message, hint=hint)
        else:
            called |= dict.fromkeys(urls, shown)
    answers = probe_channels(tuple(called), subdirs=subdirs, settings=settings, seconds=PATIENCE)
    for url, name in called.items():
        yield from channel_findings(name, answers[url], subdirs=(*subdirs, "noarch"))


def _asked(specs: Sequence[EnvironmentSpec]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for spec in specs for one in spec.channels)) or (_DEFAULT,)


def _refuse_anaconda(channel: str, urls: Sequence[str], specs: Sequence[EnvironmentSpec]) -> None:
    """Raise SpecError for a channel that nobody is asked for without the user's consent."""
    allowed = all(spec.image.allow_defaults for spec in specs if channel in spec.channels)
    if not allowed and (found := anaconda_channels(urls)):
        raise SpecError(
            f"{found[0]} is not asked: Anaconda's terms of service bill companies for it",
            hint="use conda-forge, or set `allow-defaults: true` below `condabox:`",
        )


def channel_findings(
    name: str, answers: Sequence[SourceAnswer], *, subdirs: Sequence[str]
) -> Iterator[Finding]:
    """Yield what the sources of a channel said, up to the first that a lock would take.

    What failed before it is a note.  Where none is left, all of them are problems.
    """
    working = next((each for each in answers if not each.problem), None)
    before = answers if working is None else answers[: answers.index(working)]
    failed = {f"{each.url}: {_brief(each.problem)}": _hint(each) for each in before}
    for detail, hint in failed.items():
        if working is None:
            yield Finding.problem(Group.CHANNELS, name, detail, hint=hint)
        else:
            yield Finding.note(Group.CHANNELS, name, detail, hint=hint)
    if working is not None:
        yield _what_it_has(name, working, subdirs=subdirs)


def _what_it_has(name: str, answer: SourceAnswer, *, subdirs: Sequence[str]) -> Finding:
    there = [subdir for subdir in subdirs if answer.packages.get(subdir)]
    missing = [subdir for subdir in subdirs if subdir not in there]
    if not there:
        hint = f"is it the right channel, and indexed for {', '.join(missing)}?"
        return Finding.note(Group.CHANNELS, name, f"{answer.url} has no packages", hint=hint)
    more = f", and nothing for {', '.join(missing)}" if missing else ""
    return Finding.ok(Group.CHANNELS, name, f"{answer.url} has {', '.join(there)}{more}")


def _brief(problem: str) -> str:
    """Return the first and the last of the causes that rattler tells."""
    first, *others = [line.removeprefix("Caused by: ") for line in problem.splitlines() if line]
    return "\n".join([first, *others[-1:]])


def _hint(answer: SourceAnswer) -> str:
    return _UNKNOWN_AUTHORITY if "certificate" in answer.problem else answer.hint
