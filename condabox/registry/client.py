"""One registry: how it is reached, who we are to it, and what is read from it.

The API is distribution-spec's `spec.md`.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from condabox.errors import DigestMismatchError, ImageError, RegistryError
from condabox.oci import mediatype
from condabox.oci.digest import Digest, expect_digest
from condabox.oci.document import parse_document
from condabox.oci.reference import DOCKER_HUB
from condabox.registry.addresses import host_of, is_loopback, joined, origin_of
from condabox.registry.failures import damaged, pull_failure, words_of
from condabox.registry.tokens import Authorizer
from condabox.registry.tokenserver import Access, AuthorizationRequest
from condabox.registry.transport import ATTEMPTS, ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.content import Content
    from condabox.registry.certificates import Trust
    from condabox.registry.credentials import Credentials
    from condabox.registry.messages import Response, Stream
    from condabox.registry.transport import Transport

_HUB_API = "registry-1.docker.io"
_ANSWER_LIMIT = 8 << 20
"""Twice of what distribution-spec asks registries to accept as a manifest."""
_ERROR_LIMIT = 64 << 10
_MANIFEST_TYPES = (*mediatype.INDEXES, *mediatype.MANIFESTS)
ACCEPT = {"Accept": ", ".join(_MANIFEST_TYPES)}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    url: str
    trust: Trust


class RegistryClient:
    """Talks to the registry at ``host``; may be used by several threads.

    An ``insecure`` host, and every one on this machine, may have an unknown certificate or
    speak plain HTTP, as with Docker.
    """

    def __init__(
        self, *, host: str, insecure: bool, transport: Transport, credentials: Credentials
    ) -> None:
        self.host = host
        self._insecure = insecure or _is_local(host)
        self.transport = transport
        self._authorizer = Authorizer(host=host, transport=transport, credentials=credentials)
        self._endpoint: _Endpoint | None = None
        self._lock = threading.Lock()

    def digest(self, repository: str, selector: str) -> Digest | None:
        """Return what the tag ``selector`` points to, or None when it takes a GET to know it.

        Docker Hub does not count these requests as pulls.
        """
        access = Access.to_pull(repository)
        answer = self.request("HEAD", manifest_path(repository, selector), access, headers=ACCEPT)
        return stated_digest(answer) if answer.status == HTTPStatus.OK else None

    def manifest(self, repository: str, selector: str) -> bytes:
        """Fetch the manifest or index that ``selector``, a tag or a digest, points to."""
        answer = self._manifest(repository, selector)
        if ":" in selector and str(Digest.of(answer.body)) != selector:
            # What is damaged on its way is so seldom twice.
            answer = self._manifest(repository, selector)
            try:
                expect_digest(Digest.of(answer.body), want=Digest.parse(selector))
            except DigestMismatchError as error:
                raise damaged(error.message) from None
        _check_type(answer)
        return answer.body

    def _manifest(self, repository: str, selector: str) -> Response:
        access = Access.to_pull(repository)
        answer = self.request("GET", manifest_path(repository, selector), access, headers=ACCEPT)
        if answer.status != HTTPStatus.OK:
            raise self._pull_failure(answer, selector if ":" in selector else "")
        return answer

    @contextmanager
    def blob(self, repository: str, digest: Digest, *, offset: int) -> Iterator[Stream]:
        """Open a blob from byte ``offset`` on, if the registry can do so.

        A stream of status 200 begins at 0 all the same, one of 416 has nothing from there on.
        """
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        access = Access.to_pull(repository)
        path = f"/v2/{repository}/blobs/{digest}"
        with self._stream("GET", path, access, headers=headers) as stream:
            if not _is_blob(stream, offset=offset):
                raise self._pull_failure(stream.read(limit=_ERROR_LIMIT), str(digest))
            yield stream

    @contextmanager
    def elsewhere(self, url: str, *, offset: int) -> Iterator[Stream]:
        """Open a blob at ``url``, which an image names, as `blob` does; nobody there knows us."""
        host = host_of(url)
        if origin_of(url)[0] not in {"http", "https"}:
            raise RegistryError(f"{host or url}: neither http nor https leads there")
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self.transport.stream("GET", url, headers=headers) as stream:
            if not _is_blob(stream, offset=offset):
                raise RegistryError(f"{host}: status {stream.status}")
            yield stream

    def request(
        self,
        method: str,
        address: str,
        access: Access,
        *,
        headers: Mapping[str, str] | None = None,
        body: Content | None = None,
    ) -> Response:
        """Return the whole answer to a request that may be repeated, whatever its status.

        ``address`` is a path, or what the registry gave as a location.
        """
        return self.transport.read_whole(
            lambda: self._stream(method, address, access, headers=headers, body=body),
            limit=_ANSWER_LIMIT,
            host=self.host,
        )

    def request_once(
        self,
        method: str,
        address: str,
        access: Access,
        *,
        headers: Mapping[str, str] | None = None,
        body: Content | None = None,
    ) -> Response:
        """Return the answer to a request that must not be repeated blindly.

        Raise ConnectionLostError when it is not known what has become of it.
        """
        with self._stream(
            method, address, access, headers=headers, body=body, attempts=1
        ) as stream:
            return stream.read(limit=_ERROR_LIMIT)

    @property
    def source(self) -> str:
        """Where the credentials come from that were used last, empty where there were none."""
        return self._authorizer.source

    def words(self, answer: Response) -> str:
        """Return what the registry says in a refusal, for people."""
        return self._authorizer.without_secrets(words_of(answer.body))

    def _pull_failure(self, answer: Response, what: str) -> RegistryError:
        said = self.words(answer)
        return pull_failure(answer, said, host=self.host, source=self.source, what=what)

    @contextmanager
    def _stream(
        self,
        method: str,
        address: str,
        access: Access,
        *,
        headers: Mapping[str, str] | None,
        body: Content | None = None,
        attempts: int = ATTEMPTS,
    ) -> Iterator[Stream]:
        endpoint = self._reached()
        url = joined(endpoint.url, address)
        # Uploads may go to storage elsewhere, which must not learn who we are, nor may ask.
        ours = origin_of(url) == origin_of(endpoint.url)
        request = AuthorizationRequest(host=self.host, access=access, url=url, trust=endpoint.trust)
        authorization = self._authorizer.header(request) if ours else None
        for last in (False, True):
            sent = dict(headers or {})
            if authorization:
                sent["Authorization"] = authorization
            with self.transport.stream(
                method, url, headers=sent, body=body, trust=endpoint.trust, attempts=attempts
            ) as stream:
                self._pass_on_warnings(stream)
                asked = ours and origin_of(stream.url) == origin_of(endpoint.url)
                if stream.status != HTTPStatus.UNAUTHORIZED or not asked or last:
                    yield stream
                    return
                challenges = stream.headers.get("www-authenticate", "")
                authorization = self._authorizer.answer(
                    challenges, request=request, refused=authorization
                )
                if authorization is None:
                    yield stream
                    return
                with suppress(ConnectionLostError, RegistryError):
                    stream.read(limit=_ERROR_LIMIT)  # so that the connection can be used again

    def _pass_on_warnings(self, stream: Stream) -> None:
        # distribution-spec, "Warnings": they are for the user, and for nobody else.
        if header := stream.headers.get("warning"):
            said = self._authorizer.without_secrets(header)
            self.transport.notices.warn(host_of(stream.url), said)

    def _reached(self) -> _Endpoint:
        name = _HUB_API if self.host == DOCKER_HUB else self.host
        with self._lock:
            if self._endpoint is None:
                trust = self.transport.trust(self.host, verify=not self._insecure)
                endpoint = _Endpoint(url=f"https://{name}", trust=trust)
                if self._insecure and not self.transport.reachable(
                    f"https://{name}/v2/", trust=trust
                ):
                    endpoint = _Endpoint(url=f"http://{name}", trust=trust)
                self._endpoint = endpoint
            return self._endpoint


def manifest_path(repository: str, selector: str) -> str:
    """Return where the manifest that ``selector``, a tag or a digest, points to is."""
    return f"/v2/{repository}/manifests/{selector}"


def stated_digest(answer: Response) -> Digest | None:
    """Return which manifest or blob the registry says that it is about, if it does."""
    try:
        return Digest.parse(answer.headers.get("docker-content-digest", ""))
    except ImageError:
        return None


def _is_blob(stream: Stream, *, offset: int) -> bool:
    beyond = bool(offset) and stream.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    return beyond or stream.status in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}


def _check_type(answer: Response) -> None:
    # distribution-spec, "Pulling manifests": clients SHOULD reject unless both are the same
    announced = answer.headers.get("content-type", "").partition(";")[0].strip()
    stated = parse_document(answer.body, what="image manifest").get("mediaType", announced)
    if announced in _MANIFEST_TYPES and stated != announced:
        raise ImageError(
            f"the registry calls it {announced}, and it calls itself {str(stated)[:100]}",
            hint="do not trust where it comes from",
        )


def _is_local(host: str) -> bool:
    return is_loopback(origin_of(f"//{host}")[1])
