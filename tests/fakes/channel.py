"""A small conda channel: archives of a few bytes with true hashes, and their repodata."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote

from tests.fakes.httpserver import Answer, HttpServer, basic

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.fakes.certificates import Certificates
    from tests.fakes.httpserver import Seen

SUBDIRS = ("noarch", "linux-64", "linux-aarch64")


@dataclass(frozen=True, slots=True, kw_only=True)
class FakePackage:
    """One package of the channel; its archive is no real one."""

    name: str
    version: str = "1.0"
    subdir: str = "linux-64"
    build: str = "0"
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    content: bytes | None = None
    sha256: str | None = None

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-{self.build}.conda"

    @property
    def archive(self) -> bytes:
        if self.content is not None:
            return self.content
        return f"{self.subdir}/{self.filename}".encode() * 100

    def record(self) -> dict[str, object]:
        return {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": list(self.depends),
            "constrains": list(self.constrains),
            "subdir": self.subdir,
            "noarch": "python" if self.subdir == "noarch" else None,
            "md5": hashlib.md5(self.archive, usedforsecurity=False).hexdigest(),
            "sha256": self.sha256 or hashlib.sha256(self.archive).hexdigest(),
            "size": len(self.archive),
            "timestamp": 1_700_000_000_000,
        }


def everywhere(
    name: str, version: str = "1.0", *, depends: tuple[str, ...] = (), sha256: str | None = None
) -> list[FakePackage]:
    """Make a package for both of Linux's subdirs."""
    return [
        FakePackage(name=name, version=version, subdir=subdir, depends=depends, sha256=sha256)
        for subdir in SUBDIRS
        if subdir != "noarch"
    ]


def write_channel(root: Path, packages: Iterable[FakePackage]) -> str:
    """Write the channel at ``root`` and return its URL."""
    by_subdir: dict[str, list[FakePackage]] = defaultdict(list)
    for package in packages:
        by_subdir[package.subdir].append(package)
    for subdir in SUBDIRS:
        folder = root / subdir
        folder.mkdir(parents=True, exist_ok=True)
        for package in by_subdir[subdir]:
            (folder / package.filename).write_bytes(package.archive)
        repodata = {
            "info": {"subdir": subdir},
            "packages": {},
            "packages.conda": {p.filename: p.record() for p in by_subdir[subdir]},
            "repodata_version": 1,
        }
        (folder / "repodata.json").write_text(json.dumps(repodata))
    return root.as_uri()


def small_world() -> list[FakePackage]:
    """Return a dozen packages: Python, some libraries, one that wants a GPU."""
    return [
        *everywhere("python", "3.11.9", depends=("libc >=1", "__glibc >=2.17")),
        *everywhere("python", "3.12.4", depends=("libc >=1", "__glibc >=2.17")),
        *everywhere("libc", "1.2"),
        *everywhere("numpy", "1.26.0", depends=("python >=3.11,<3.13", "libblas")),
        *everywhere("numpy", "2.1.0", depends=("python >=3.11,<3.13", "libblas")),
        *everywhere("libblas", "3.9"),
        *everywhere("new-libc-only", "1.0", depends=("__glibc >=2.39",)),
        *everywhere("gpu-thing", "1.0", depends=("__cuda >=12",)),
        FakePackage(name="intel-only", version="1.0", subdir="linux-64"),
        FakePackage(name="pip", version="24.0", subdir="noarch", depends=("python >=3.8",)),
        FakePackage(name="requests", version="2.32.0", subdir="noarch", depends=("python", "idna")),
        FakePackage(name="idna", version="3.7", subdir="noarch", depends=("python",)),
        FakePackage(name="ipykernel", version="6.29", subdir="noarch", depends=("python",)),
        FakePackage(name="ipdb", version="0.13", subdir="noarch", depends=("python", "idna")),
        FakePackage(name="conflicting", version="1.0", subdir="noarch", depends=("numpy <1",)),
    ]


class ChannelServer(HttpServer):
    """Serves a folder while the context is open, with faults on demand.

    ``statuses`` maps a path to what it answers first, before it answers well, with ``retry_after``
    seconds where that is set; ``cut`` has paths whose answers break off, that many times.
    ``credentials`` (user:password), a ``bearer`` token and a ``token`` of conda's are asked for
    everywhere.  ``etag`` answers are not sent twice, and stay good for ``max_age`` seconds.
    ``requests`` has the paths of what was fetched, which HEAD does not.
    """

    def __init__(self, root: Path, *, certificates: Certificates | None = None) -> None:
        super().__init__(certificates=certificates)
        self.root = root
        self.statuses: dict[str, list[int]] = {}
        self.retry_after: int | None = None
        self.cut: dict[str, int] = {}
        self.credentials: str | None = None
        self.bearer: str | None = None
        self.token: str | None = None
        self.etag: str | None = None
        self.max_age: int | None = None
        self.requests: list[str] = []

    def answer(self, request: Seen) -> Answer:
        if request.method == "GET":
            self.requests.append(request.path)
        path, status = self._status(request)
        data = self._file(path).read_bytes() if status == HTTPStatus.OK else b""
        cut = None
        if self.cut.get(path, 0) > 0 and request.method == "GET" and data:
            self.cut[path] -= 1
            cut = len(data) // 2
        kind = "text/html" if path.endswith("/") else "application/octet-stream"
        return Answer(status, data, {"Content-Type": kind, **self._more(status)}, cut=cut)

    def _status(self, request: Seen) -> tuple[str, int]:
        """Return the path without conda's token, and how to answer."""
        path = request.path
        if self.token is not None:
            if not path.startswith(f"/t/{self.token}/"):
                return path, HTTPStatus.NOT_FOUND
            path = path.removeprefix(f"/t/{self.token}")
        if not self._knows(request.headers.get("authorization")):
            return path, HTTPStatus.UNAUTHORIZED
        if self.statuses.get(path):
            return path, self.statuses[path].pop(0)
        if not self._file(path).is_file():
            return path, HTTPStatus.NOT_FOUND
        if self.etag is not None and request.headers.get("if-none-match") == self.etag:
            return path, HTTPStatus.NOT_MODIFIED
        return path, HTTPStatus.OK

    def _more(self, status: int) -> dict[str, str]:
        headers = {}
        if self.retry_after is not None and status >= HTTPStatus.BAD_REQUEST:
            headers["Retry-After"] = str(self.retry_after)
        if self.etag is not None:
            headers["ETag"] = self.etag
        if self.max_age is not None:
            headers["Cache-Control"] = f"max-age={self.max_age}"
        return headers

    def _knows(self, authorization: str | None) -> bool:
        if self.bearer is not None:
            return authorization == f"Bearer {self.bearer}"
        return self.credentials is None or authorization == basic(self.credentials)

    def _file(self, path: str) -> Path:
        name = unquote(path).lstrip("/")
        return self.root / (f"{name}index.html" if path.endswith("/") else name)
