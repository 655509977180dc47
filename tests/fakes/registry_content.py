"""What a registry holds, and what distribution-spec says of putting things into it."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from condabox.oci.digest import Digest
from condabox.oci.mediatype import OCI_INDEX, RESTRICTED
from tests.fakes.httpserver import Answer

if TYPE_CHECKING:
    from tests.fakes.httpserver import Seen

_RANGE = re.compile(r"([0-9]+)-([0-9]+)")


def error(
    status: int, code: str, message: str = "", *, headers: dict[str, str] | None = None
) -> Answer:
    """Return an error as distribution-spec wants it."""
    said = {"code": code, "message": message or f"{code.lower()} it is"}
    return Answer(status, json.dumps({"errors": [said]}).encode(), headers or {})


def route(request: Seen) -> str:
    """Return what is asked for: the path without ``/v2/`` and the query."""
    return urlsplit(request.path).path.removeprefix("/v2/")


@dataclass(slots=True)
class Upload:
    """A session: where it was said to be, and what has arrived."""

    repository: str
    states: set[str] = field(default_factory=set)
    data: bytearray = field(default_factory=bytearray)


class Content:
    """Blobs, manifests and unfinished uploads of a registry's repositories."""

    def __init__(self) -> None:
        self.manifests: dict[tuple[str, str], bytes] = {}
        self.blobs: dict[str, bytes] = {}
        """By digest.  What was put here by hand is in every repository."""
        self.links: set[tuple[str, str]] = set()
        self.uploads: dict[str, Upload] = {}
        self.upload_url = ""
        """What the locations of uploads begin with; they are relative at first."""
        self.mounts = True
        self.chunk_min_length: int | None = None
        self.referrers_api = True
        self.page = 1000
        """How many tags and referrers are listed at a time."""

    def link(self, repository: str, data: bytes) -> Digest:
        digest = Digest.of(data)
        self.blobs[str(digest)] = data
        self.links.add((repository, str(digest)))
        return digest

    def blob(self, repository: str, digest: str) -> bytes | None:
        by_hand = all(linked != digest for _, linked in tuple(self.links))
        storage = repository == "storage" or repository.startswith("/storage")
        if by_hand or storage or (repository, digest) in self.links:
            return self.blobs.get(digest)
        return None

    def tag(self, repository: str, tag: str, raw: bytes) -> Digest:
        self.manifests[repository, tag] = raw
        return self.add_document(repository, raw)

    def add_document(self, repository: str, raw: bytes) -> Digest:
        digest = Digest.of(raw)
        self.manifests[repository, str(digest)] = raw
        return digest

    def handle(self, request: Seen) -> Answer:
        """Answer what is not about a blob or a manifest that is there."""
        path = route(request)
        if request.method == "POST" and path.endswith("/blobs/uploads/"):
            return self.begin(path.removesuffix("/blobs/uploads/"), request.query)
        if "/blobs/uploads/" in path:
            return self.upload(request)
        if request.method == "PUT" and "/manifests/" in path:
            return self.put_manifest(request)
        if path.endswith("/tags/list"):
            return self.tags(path.removesuffix("/tags/list"), request.query)
        if "/referrers/" in path:
            return self.referrers(request)
        return error(404, "BLOB_UNKNOWN")

    def begin(self, repository: str, query: dict[str, str]) -> Answer:
        digest, source = query.get("mount", ""), query.get("from", "")
        if self.mounts and (source, digest) in self.links:
            self.links.add((repository, digest))
            return Answer(201, headers={"Location": f"/v2/{repository}/blobs/{digest}"})
        session = uuid.uuid4().hex
        self.uploads[session] = Upload(repository)
        shortest = self.chunk_min_length
        extra = {"OCI-Chunk-Min-Length": str(shortest)} if shortest else {}
        return Answer(202, headers={**self.position(session), **extra})

    def position(self, session: str) -> dict[str, str]:
        """Say how much of an upload is there, and where to go on: each time somewhere else."""
        upload = self.uploads[session]
        state = f"_state={len(upload.states)}%2Fx%3D%3D&b=a+c"
        upload.states.add(state)
        path = f"/v2/{upload.repository}/blobs/uploads/{session}?{state}"
        last = max(0, len(upload.data) - 1)
        return {"Location": f"{self.upload_url}{path}", "Range": f"0-{last}"}

    def upload(self, request: Seen) -> Answer:
        """Go on with an upload, or end it."""
        session = route(request).rpartition("/")[2]
        upload = self.uploads.get(session)
        state = re.sub(r"&digest=[^&]*$", "", urlsplit(request.path).query)
        if upload is None or state not in upload.states:
            return error(404, "BLOB_UPLOAD_UNKNOWN")
        if request.method == "DELETE":
            del self.uploads[session]
            return Answer(204)
        if request.method == "GET":
            return Answer(204, headers=self.position(session))
        wrong = self.misplaced(upload, request.headers)
        if wrong:
            return error(416, "RANGE_INVALID", wrong, headers=self.position(session))
        upload.data += request.body
        if request.method == "PATCH":
            return Answer(202, headers=self.position(session))
        return self.finish(session, upload, request.query.get("digest", ""))

    def misplaced(self, upload: Upload, headers: dict[str, str]) -> str:
        """Say what is wrong with the range of a chunk."""
        stated = headers.get("content-range")
        if stated is None:
            return ""
        match = _RANGE.fullmatch(stated)
        if match is None:
            return f"{stated} is no range"
        first, last = int(match[1]), int(match[2])
        if first != len(upload.data):
            return f"{first} is not {len(upload.data)}"
        length = int(headers.get("content-length", "-1"))
        return "" if length == last - first + 1 else "the length is another"

    def finish(self, session: str, upload: Upload, digest: str) -> Answer:
        del self.uploads[session]
        data = bytes(upload.data)
        if str(Digest.of(data)) != digest:
            return error(400, "DIGEST_INVALID", "provided digest did not match")
        self.link(upload.repository, data)
        location = f"/v2/{upload.repository}/blobs/{digest}"
        return Answer(201, headers={"Location": location, "Docker-Content-Digest": digest})

    def put_manifest(self, request: Seen) -> Answer:
        repository, selector = route(request).split("/manifests/")
        document, digest = json.loads(request.body), Digest.of(request.body)
        if request.headers.get("content-type") != document.get("mediaType"):
            return error(400, "MANIFEST_INVALID", "its type is another")
        if selector.startswith("sha256:") and selector != str(digest):
            return error(400, "DIGEST_INVALID")
        if lost := self.lost(repository, document):
            return error(404, "MANIFEST_BLOB_UNKNOWN", ", ".join(lost))
        self.tag(repository, selector, request.body)
        extra = {}
        if (subject := document.get("subject")) and self.referrers_api:
            extra = {"OCI-Subject": subject["digest"]}
        location = f"/v2/{repository}/manifests/{digest}"
        return Answer(
            201, headers={"Location": location, "Docker-Content-Digest": str(digest), **extra}
        )

    def lost(self, repository: str, document: dict[str, Any]) -> list[str]:
        """Return what a manifest speaks of and the repository has not."""
        layers = document.get("layers", ())
        # As Debian's docker-registry has it: these are not its business.
        kept = [
            each for each in layers if each["mediaType"] not in RESTRICTED or "urls" not in each
        ]
        blobs = [*kept, *filter(None, [document.get("config")])]
        lost = [each["digest"] for each in blobs if (repository, each["digest"]) not in self.links]
        manifests = [each["digest"] for each in document.get("manifests", ())]
        return lost + [each for each in manifests if (repository, each) not in self.manifests]

    def tags(self, repository: str, query: dict[str, str]) -> Answer:
        known = [name for place, name in self.manifests if place == repository]
        if not known:
            return error(404, "NAME_UNKNOWN")
        names = sorted(name for name in known if ":" not in name and name > query.get("last", ""))
        shown = names[: self.page]
        extra = {}
        if len(names) > len(shown):
            extra = {"Link": f'</v2/{repository}/tags/list?last={shown[-1]}>; rel="next"'}
        return Answer(200, json.dumps({"name": repository, "tags": shown}).encode(), extra)

    def referrers(self, request: Seen) -> Answer:
        repository, digest = route(request).split("/referrers/")
        if not self.referrers_api:
            return Answer(404, b"404 page not found\n")
        found = [
            self.described(raw)
            for (place, name), raw in sorted(self.manifests.items())
            if place == repository
            and ":" in name
            and json.loads(raw).get("subject", {}).get("digest") == digest
        ]
        start = int(request.query.get("start", "0"))
        shown = found[start : start + self.page]
        extra = {}
        if len(found) > start + self.page:
            path = f"/v2/{repository}/referrers/{digest}?start={start + self.page}"
            extra = {"Link": f'<{path}>; rel="next"'}
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": shown}
        return Answer(200, json.dumps(index).encode(), {"Content-Type": OCI_INDEX, **extra})

    def described(self, raw: bytes) -> dict[str, object]:
        document = json.loads(raw)
        return {
            "mediaType": document["mediaType"],
            "digest": str(Digest.of(raw)),
            "size": len(raw),
            "artifactType": document.get("artifactType") or document["config"]["mediaType"],
            "annotations": document.get("annotations", {}),
        }
