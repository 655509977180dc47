"""One blob comes out of a repository, whatever happens to the connection on its way.

distribution-spec, "Pulling blobs": where a connection broke the next one goes on, if the registry
lets it, and what arrived damaged is fetched once more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from condabox.errors import DigestMismatchError, RegistryError
from condabox.registry.failures import damaged, unreachable
from condabox.registry.transport import ATTEMPTS, ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from condabox.events import Task
    from condabox.oci.descriptor import Descriptor
    from condabox.oci.layout import BlobDirectory, BlobWriter
    from condabox.registry.messages import Stream
    from condabox.registry.transport import Transport

_RANGE = re.compile(r"bytes ([0-9]{1,18})-")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobOrigin:
    """Where a blob may be; ``opened`` takes the ``offset`` to read it from."""

    host: str
    opened: Callable[..., AbstractContextManager[Stream]]


class _MisplacedError(Exception):
    """What is sent does not begin where the last connection ended, nor before it."""


class BlobDownload:
    """Stores the blob of ``descriptor`` in ``blobs``.

    The task hears of each byte when it arrives the first time.
    """

    def __init__(
        self, descriptor: Descriptor, *, blobs: BlobDirectory, transport: Transport, task: Task
    ) -> None:
        self._descriptor = descriptor
        self._blobs = blobs
        self._transport = transport
        self._task = task
        self._furthest = 0
        self._failed_at = 0
        self._failures = 0

    def run(self, origin: BlobOrigin) -> None:
        """Fetch it; raise RegistryError where ``origin`` has it not, or damaged time and again."""
        self._failures = 0
        again = False
        while True:
            try:
                with self._blobs.writer(self._descriptor) as writer:
                    self._fill(writer, origin)
            except _MisplacedError as error:
                problem = f"{origin.host}: {self._descriptor.digest} arrives out of order"
                self._count(RegistryError(problem, hint="try again"), because=str(error))
            except DigestMismatchError as error:
                if again:
                    raise damaged(error.message) from None
                again = True
            else:
                return

    def _fill(self, writer: BlobWriter, origin: BlobOrigin) -> None:
        """Read the blob to its end, each time from where the connection broke."""
        while True:
            try:
                with origin.opened(offset=writer.size) as stream:
                    self._receive(stream, writer)
            except ConnectionLostError as error:
                self._count(unreachable(origin.host, str(error)), because=f"{origin.host}: {error}")
            else:
                return

    def _count(self, final: RegistryError, *, because: str) -> None:
        """Wait before the next attempt; raise ``final`` after some that brought nothing new."""
        self._failures = self._failures + 1 if self._furthest == self._failed_at else 1
        self._failed_at = self._furthest
        if self._failures == ATTEMPTS:
            raise final
        self._transport.pause(self._failures - 1, because=because)

    def _receive(self, stream: Stream, writer: BlobWriter) -> None:
        before, size = writer.size - _start(stream, asked=writer.size), self._descriptor.size
        if before < 0:
            raise _MisplacedError("it left out a part")
        for chunk in _skipping(stream.body, before):
            if writer.size + len(chunk) > size:
                problem = f"{self._descriptor.digest}: got more than {size} bytes"
                raise DigestMismatchError(problem)
            writer.write(chunk)
            self._task.advance(max(0, writer.size - self._furthest))
            self._furthest = max(self._furthest, writer.size)
        if writer.size < size:
            raise ConnectionLostError("the connection was closed too early")


def _start(stream: Stream, *, asked: int) -> int:
    """Return where in the blob the stream begins: servers without ranges send all of it."""
    if stream.status == HTTPStatus.OK:
        return 0
    if stream.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise _MisplacedError(f"it has nothing after {asked} bytes")
    match = _RANGE.match(stream.headers.get("content-range", ""))
    return int(match[1]) if match else asked


def _skipping(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Leave out the first ``count`` bytes, which are here."""
    for chunk in chunks:
        rest = chunk[count:]
        count = max(0, count - len(chunk))
        if rest:
            yield rest
