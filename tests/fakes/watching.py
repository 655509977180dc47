"""Watches what is read of an image, and what is told about it meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

from condabox.errors import ImageError
from condabox.oci.image import BlobSource

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from condabox.events import Task
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.digest import Digest
    from condabox.oci.image import Image


@dataclass(slots=True)
class WatchedBlobs(BlobSource):
    """Remembers what of ``blobs`` was wanted."""

    blobs: BlobSource
    at: Collection[Digest] = ()
    """What cannot be opened; ``broken_by`` comes instead."""
    broken_by: type[BaseException] = ImageError
    fetched: list[Digest] = field(default_factory=list)
    opened: list[Digest] = field(default_factory=list)

    def open(self, descriptor: Descriptor) -> BinaryIO:
        self.opened.append(descriptor.digest)
        if descriptor.digest in self.at:
            raise self.broken_by(f"{descriptor.digest} is out of reach")
        return self.blobs.open(descriptor)

    def fetch(self, descriptors: Sequence[Descriptor]) -> None:
        self.fetched += [each.digest for each in descriptors]


def watched(
    image: Image, *, at: Collection[Digest] = (), broken_by: type[BaseException] = ImageError
) -> tuple[Image, WatchedBlobs]:
    """Return the same image, whose blobs are watched."""
    blobs = WatchedBlobs(image.blobs, at, broken_by)
    return replace(image, blobs=blobs), blobs


class WatchingReporter:
    """Remembers each task with its total and what was done of it, and each message.

    Warnings are messages, and stand alone as well.
    """

    def __init__(self) -> None:
        self.tasks: list[tuple[str, int | None, int]] = []
        self.messages: list[str] = []
        self.warnings: list[str] = []

    @contextmanager
    def task(self, description: str, *, total: int | None) -> Iterator[Task]:
        counter = Counter()
        try:
            yield counter
        finally:
            self.tasks.append((description, total, counter.done))

    def message(self, text: str) -> None:
        self.messages.append(text)

    def warning(self, text: str) -> None:
        self.messages.append(text)
        self.warnings.append(text)


class Counter:
    """Adds up what was done, and was not told of before."""

    def __init__(self) -> None:
        self.done = 0

    def advance(self, amount: int) -> None:
        assert amount >= 0
        self.done += amount
