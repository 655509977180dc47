"""One registry's API, as in distribution-spec `spec.md`: manifests and blobs of repositories."""

from __future__ import annotations

import ipaddress
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from condabox.decode import each, mapping, optional
from condabox.errors import DigestMismatchError, ImageError, RegistryError
from condabox.oci import mediatype
from condabox.oci.digest import Digest, expect_digest
from condabox.oci.reference import DOCKER_HUB
from condabox.registry.tokens import AuthorizationRequest, Authorizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from condabox.registry.credentials import Credentials
    from condabox.registry.transport import Response, Stream, Transport

_HUB_API = "registry-1.docker.io"
_MANIFEST_LIMIT = 8 << 20
"""Twice of what distribution-spec asks registries to accept."""
_ERROR_LIMIT = 64 << 10
_ACCEPT = ", ".join((*mediatype.INDEXES, *mediatype.MANIFESTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    url: str
    verify: bool


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
        headers = {"Accept": _ACCEPT}
        with self._stream("HEAD", repository, f"manifests/{selector}", headers=headers) as stream:
            if stream.status != HTTPStatus.OK:
                return None
            text = stream.headers.get("docker-content-digest", "")
        try:
            return Digest.parse(text)
        except ImageError:
            return None

    def manifest(self, repository: str, selector: str) -> bytes:
        """Fetch the manifest or index that ``selector``, a tag or a digest, points to."""
        what = f"{self.host}/{repository}{'@' if ':' in selector else ':'}{selector}"
        answer = self._request(repository, f"manifests/{selector}")
        if answer.status != HTTPStatus.OK:
            raise self._failure(answer, what)
        if ":" in selector:
            try:
                expect_digest(Digest.of(answer.body), want=Digest.parse(selector))
            except DigestMismatchError as error:
                raise DigestMismatchError(f"{what}: {error.message}") from None
        return answer.body

    @contextmanager
    def blob(self, repository: str, digest: Digest, *, offset: int) -> Iterator[Stream]:
        """Open a blob from byte ``offset`` on; a stream of status 200 starts at 0 all the same."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        with self._stream("GET", repository, f"blobs/{digest}", headers=headers) as stream:
            if stream.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                answer = stream.read(limit=_ERROR_LIMIT)
                raise self._failure(answer, f"{self.host}/{repository}@{digest}")
            yield stream

    def _request(self, repository: str, path: str) -> Response:
        return self.transport.read_whole(
            lambda: self._stream("GET", repository, path, headers={"Accept": _ACCEPT}),
            limit=_MANIFEST_LIMIT,
            host=self.host,
        )

    @contextmanager
    def _stream(
        self, method: str, repository: str, path: str, *, headers: Mapping[str, str]
    ) -> Iterator[Stream]:
        endpoint = self._reached()
        url = f"{endpoint.url}/v2/{repository}/{path}"
        request = AuthorizationRequest(
            repository=repository,
            scope=f"repository:{repository}:pull",
            url=url,
            verify=endpoint.verify,
        )
        header = self._authorizer.header(request.scope)
        with self._opened(method, url, headers, header) as stream:
            if stream.status != HTTPStatus.UNAUTHORIZED:
                yield stream
                return
            challenges = stream.headers.get("www-authenticate", "")
            fresh = self._authorizer.answer(challenges, request=request, refused=header)
            if fresh is None:
                yield stream
                return
        with self._opened(method, url, headers, fresh) as stream:
            yield stream

    def _opened(
        self, method: str, url: str, headers: Mapping[str, str], authorization: str | None
    ) -> AbstractContextManager[Stream]:
        sent = {**headers, "Authorization": authorization} if authorization else headers
        return self.transport.stream(method, url, headers=sent, verify=self._reached().verify)

    def _reached(self) -> _Endpoint:
        name = _HUB_API if self.host == DOCKER_HUB else self.host
        with self._lock:
            if self._endpoint is None:
                self._endpoint = _Endpoint(url=f"https://{name}", verify=not self._insecure)
                if self._insecure and not self.transport.reachable(
                    f"https://{name}/v2/", verify=False
                ):
                    self._endpoint = _Endpoint(url=f"http://{name}", verify=False)
            return self._endpoint

    def _failure(self, answer: Response, what: str) -> RegistryError:
        said = _said(answer.body)
        detail = f": {said}" if said else ""
        hint = None
        if answer.status == HTTPStatus.NOT_FOUND:
            return RegistryError(
                f"{what}: the registry has no such image{detail}", hint="check the name and the tag"
            )
        if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            # Registries answer so for what does not exist, too.
            hint = f"check the name; if it is right, log in with `docker login {self.host}`"
        elif answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            hint = f"wait, log in with `docker login {self.host}`, or name a mirror in the settings"
        return RegistryError(f"{what}: status {answer.status}{detail}", hint=hint)


def _said(body: bytes) -> str:
    # distribution-spec, "Error Codes": {"errors": [{"code": …, "message": …}]}
    try:
        errors = each(
            mapping(json.loads(body), at="").get("errors"),
            lambda item, at: mapping(item, at=at),
            at="errors",
        )
        parts = [
            f"{optional(error, 'code', str, at='') or ''} "
            f"{optional(error, 'message', str, at='') or ''}".strip()
            for error in errors
        ]
    except (ValueError, RecursionError):
        return ""
    text = "; ".join(filter(None, parts))
    return "".join(character for character in text if character.isprintable())[:300]


def _is_local(host: str) -> bool:
    name = host.rsplit(":", 1)[0].strip("[]") if not host.endswith("]") else host.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
