"""One blob goes into a repository, whatever happens to the connection on its way.

distribution-spec, "Pushing blobs": a small one in one request, a larger one in as few as the
registry, and what lies before it, lets pass.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from condabox.content import BytesContent
from condabox.registry.addresses import with_query
from condabox.registry.failures import codes_of, unreachable
from condabox.registry.transport import ATTEMPTS, ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.content import Content
    from condabox.errors import RegistryError
    from condabox.registry.blobreader import BlobReader
    from condabox.registry.messages import Response
    from condabox.registry.repository import Repository

SMALL = 16 << 20
"""A blob of at most this many bytes is sent in one request."""
_PIECES = (1 << 62, 64 << 20, SMALL)
"""How much of a larger one is sent at a time: all of it, as Docker does, until that fails."""
_SESSION_CODES = frozenset(
    {"BLOB_UPLOAD_INVALID", "BLOB_UPLOAD_UNKNOWN", "DIGEST_INVALID", "SIZE_INVALID"}
)
"""A session that a registry says this of is over; a new one may succeed."""
_GONE = HTTPStatus.NOT_FOUND
_MISPLACED = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
_RANGE = re.compile(r"(?:bytes[= ])?0-([0-9]{1,18})")
_BYTES = {"Content-Type": "application/octet-stream"}


class _MayPassError(Exception):
    """What was sent did not arrive; ``final`` is what to say when it never does."""

    def __init__(self, final: RegistryError, *, wait: float = 0.0, too_large: bool = False) -> None:
        super().__init__(final.message)
        self.final = final
        self.wait = wait
        self.too_large = too_large


class BlobUpload:
    """Sends the blob of ``reader`` to ``repository``.

    ``session`` is the answer of a registry which has begun already, because it had nothing to
    mount.  Who has run it in vain calls `abandon`.
    """

    def __init__(
        self, repository: Repository, reader: BlobReader, *, session: Response | None
    ) -> None:
        self._repository = repository
        self._client = repository.client
        self.reader = reader
        self._size = reader.descriptor.size
        self._what = f"{repository}: blob {reader.descriptor.digest}"
        self._pieces: tuple[int, ...] = _PIECES
        self._shortest = 1
        self._offset = 0
        self._location = ""
        if session:
            self._begin(session)

    def run(self) -> None:
        """Send it; raise RegistryError when that cannot succeed, or has not after attempts."""
        furthest, failures = 0, 0
        while True:
            try:
                self._send()
            except _MayPassError as failure:
                failures += 1
                if failures == ATTEMPTS:
                    raise failure.final from None
                self._client.transport.pause(
                    failures - 1, at_least=failure.wait, because=failure.final.message
                )
                if self._repository.has_blob(self.reader.descriptor.digest):
                    self.abandon()
                    return  # the answer was lost, not the blob
                self._find_place()
                if self._offset > furthest:
                    furthest, failures = self._offset, 0
                elif failure.too_large or failures > 1:
                    self._pieces = self._pieces[1:] or self._pieces
            else:
                return

    def abandon(self) -> None:
        """Let the registry forget what was begun and is not whole."""
        location, self._location = self._location, ""
        self._repository.cancel_upload(location)

    def _send(self) -> None:
        if not self._location:
            self._begin(self._repository.start_upload())
        if self._size <= SMALL:
            self._close(self.reader.part(0, self._size))
            return
        while self._offset < self._size:
            piece = max(self._pieces[0], self._shortest)
            self._send_piece(min(self._size, self._offset + piece))
        self._close(BytesContent(b""))

    def _send_piece(self, stop: int) -> None:
        headers = {**_BYTES, "Content-Range": f"{self._offset}-{stop - 1}"}
        part = self.reader.part(self._offset, stop)
        answer = self._ask("PATCH", self._location, part, headers=headers)
        self._move(answer)
        arrived = _arrived(answer) or stop
        self._offset = arrived if self._offset < arrived < stop else stop

    def _close(self, rest: Content) -> None:
        digest = str(self.reader.descriptor.digest)
        self._ask("PUT", with_query(self._location, [("digest", digest)]), rest, headers=_BYTES)
        self._location = ""

    def _begin(self, answer: Response) -> None:
        if not answer.is_success or not answer.location:
            raise self._repository.failure(answer, self._what)
        self._move(answer)
        self._offset = 0
        shortest = answer.headers.get("oci-chunk-min-length", "")
        self._shortest = int(shortest) if re.fullmatch("[0-9]{1,18}", shortest) else 1

    def _move(self, answer: Response) -> None:
        # Each answer says where the next request goes.
        self._location = answer.location or self._location

    def _find_place(self) -> None:
        """Find out what the registry has; where it does not tell, begin anew."""
        if self._location and self._size > SMALL:
            answer = self._client.request("GET", self._location, self._repository.access)
            arrived = _arrived(answer)
            if answer.is_success and arrived is not None and arrived <= self._size:
                self._move(answer)
                self._offset = arrived
                return
        self.abandon()
        self._offset = 0

    def _ask(
        self, method: str, address: str, body: Content, *, headers: Mapping[str, str]
    ) -> Response:
        try:
            answer = self._client.request_once(
                method, address, self._repository.access, headers=headers, body=body
            )
        except ConnectionLostError as error:
            raise _MayPassError(unreachable(self._client.host, str(error))) from None
        if answer.is_success:
            return answer
        failure = self._repository.failure(answer, self._what)
        codes = codes_of(answer.body)
        too_large = self._is_too_large(answer, codes)
        is_over = bool(codes & _SESSION_CODES) or (answer.status == _GONE and not codes)
        if not (too_large or is_over or answer.may_pass or answer.status == _MISPLACED):
            raise failure
        if is_over:
            self._location = ""
        raise _MayPassError(failure, wait=answer.wait, too_large=too_large)

    def _is_too_large(self, answer: Response, codes: frozenset[str]) -> bool:
        # Not in a registry's words: a proxy, which lets smaller requests pass.
        smaller = self._size > SMALL and len(self._pieces) > 1
        return answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and smaller and not codes


def _arrived(answer: Response) -> int | None:
    """Return how many bytes the registry has; registries write ``0-0`` for none."""
    match = _RANGE.match(answer.headers.get("range", ""))
    last = int(match[1]) if match else None
    return last + 1 if last else last
