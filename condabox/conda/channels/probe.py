"""Whether channels answer, and what they have: asked where a lock would ask, and no longer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.channels.solver import channel_sources
from condabox.conda.channels.worker import ask_worker
from condabox.errors import SolveError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.settings import Settings

_STARTING = 3.0
"""Seconds that the process which asks has for itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAnswer:
    """What one address of a channel, without credentials, said.

    ``packages`` are numbers of names by subdir.  ``problem`` is empty where there is repodata.
    """

    url: str
    packages: Mapping[str, int]
    problem: str
    hint: str


def probe_channels(
    channels: Sequence[str], *, subdirs: Sequence[str], settings: Settings, seconds: float
) -> Mapping[str, tuple[SourceAnswer, ...]]:
    """Ask every source of each of ``channels``, canonical URLs, within ``seconds``, and but once.

    The sources are in the order in which a lock asks them.  Raise SolveError where they cannot be
    asked at all.
    """
    request = {
        "channels": [channel_sources(each, settings.channel_mirrors) for each in channels],
        "subdirs": list(subdirs),
        "seconds": seconds,
    }
    answer = ask_worker(
        "condabox.conda.channels.probe_worker",
        request,
        error=SolveError,
        task="asking channels",
        seconds=seconds + _STARTING,
    )
    return {
        channel: tuple(SourceAnswer(**each) for each in found)
        for channel, found in answer["channels"].items()
    }
