"""A repository that is written to: what is in it, and what is put there."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from condabox.content import BytesContent
from condabox.decode import each, mapping, typed
from condabox.errors import RegistryError
from condabox.oci.digest import Digest
from condabox.registry.addresses import joined
from condabox.registry.client import ACCEPT, manifest_path, stated_digest
from condabox.registry.failures import pull_failure, push_failure
from condabox.registry.tokenserver import Access
from condabox.registry.transport import ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.registry.client import RegistryClient
    from condabox.registry.messages import Response

_NEXT = re.compile(r'<([^>]*)>[^,]*;\s*rel="?next"?', re.IGNORECASE)
_MOST_PAGES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository on ``client``'s registry, with the right to write."""

    client: RegistryClient
    name: str

    def __str__(self) -> str:
        return f"{self.client.host}/{self.name}"

    @property
    def access(self) -> Access:
        """What the user must be allowed to do."""
        return Access.to_push(self.name)

    def has_blob(self, digest: Digest) -> bool:
        """Say whether the registry has the blob in this repository."""
        answer = self.client.request("HEAD", f"/v2/{self.name}/blobs/{digest}", self.access)
        return answer.status == HTTPStatus.OK

    def digest(self, selector: str) -> Digest | None:
        """Return the digest of what ``selector``, a tag or a digest, stands for; None for none."""
        path = manifest_path(self.name, selector)
        answer = self.client.request("HEAD", path, self.access, headers=ACCEPT)
        return stated_digest(answer) if answer.status == HTTPStatus.OK else None

    def manifest(self, selector: str) -> bytes | None:
        """Fetch what ``selector``, a tag or a digest, stands for; None where there is none."""
        path = manifest_path(self.name, selector)
        answer = self.client.request("GET", path, self.access, headers=ACCEPT)
        if answer.status == HTTPStatus.NOT_FOUND:
            return None
        if answer.status != HTTPStatus.OK:
            raise self._pull_failure(answer)
        return answer.body

    def put_manifest(self, selector: str, raw: bytes, *, media_type: str) -> Response:
        """Store a manifest or an index under ``selector``, a tag or its digest."""
        answer = self.client.request(
            "PUT",
            manifest_path(self.name, selector),
            self.access,
            headers={"Content-Type": media_type},
            body=BytesContent(raw),
        )
        what = f"{self}{'@' if ':' in selector else ':'}{selector}"
        if not answer.is_success:
            raise self.failure(answer, what)
        stored = stated_digest(answer)
        if stored not in {None, Digest.of(raw)}:
            raise RegistryError(
                f"{what}: the registry has stored something else, {stored}",
                hint="look for a proxy between here and there that changes what passes",
            )
        return answer

    def tags(self) -> tuple[str, ...]:
        """Return every tag of the repository; none where the registry does not know it."""
        found: list[str] = []
        for page in self.pages(f"/v2/{self.name}/tags/list"):
            if page.status == HTTPStatus.NOT_FOUND:
                return ()
            try:
                tags = mapping(json.loads(page.body), at="").get("tags") or []
                found += each(tags, lambda item, at: typed(item, str, at=at), at="tags")
            except (ValueError, RecursionError):
                raise RegistryError(
                    f"{self}: the registry's list of tags is none",
                    hint="did a proxy or a login page answer for the registry?",
                ) from None
        return tuple(found)

    def pages(self, address: str) -> Iterator[Response]:
        """Yield the pages of a list, the first alone where there is no such list."""
        for _ in range(_MOST_PAGES):
            answer = self.client.request("GET", address, self.access)
            if answer.status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
                raise self._pull_failure(answer)
            yield answer
            link = _NEXT.search(answer.headers.get("link", ""))  # RFC 8288
            if link is None:
                return
            address = joined(answer.url, link[1])
        raise RegistryError(
            f"{self}: a list of the registry goes on for ever", hint="ask who runs the registry"
        )

    def start_upload(self, *, mount: Digest | None = None, source: str = "") -> Response:
        """Begin to store a blob; perhaps it can be had from the repository ``source``."""
        address = f"/v2/{self.name}/blobs/uploads/"
        if mount is None:
            return self.client.request("POST", address, self.access)
        return self.client.request(
            "POST",
            f"{address}?{urlencode({'mount': str(mount), 'from': source})}",
            Access.to_push(self.name, mounting=source),
        )

    def cancel_upload(self, location: str) -> None:
        """Let the registry forget what was sent to ``location``; it may not care."""
        if location:
            with suppress(RegistryError, ConnectionLostError):
                nothing = BytesContent(b"")
                self.client.request_once("DELETE", location, self.access, body=nothing)

    def failure(self, answer: Response, what: str) -> RegistryError:
        """Describe why ``what`` cannot be stored."""
        said, client = self.client.words(answer), self.client
        return push_failure(answer.status, said, what=what, host=client.host, source=client.source)

    def _pull_failure(self, answer: Response) -> RegistryError:
        said, client = self.client.words(answer), self.client
        return pull_failure(answer, said, what=str(self), host=client.host, source=client.source)
