"""A small conda channel: archives of a few bytes with true hashes, and their repodata."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message
    from pathlib import Path

    from tests.fakes.certificates import Certificates

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


class ChannelServer:
    """Serves a folder on 127.0.0.1 while the context is open, with faults on demand.

    ``statuses`` maps a path to what it answers first, before it answers well, with ``retry_after``
    seconds where that is set; ``cut`` has paths whose answers break off, that many times.
    ``credentials`` (user:password), a ``bearer`` token and a ``token`` of conda's are asked for
    everywhere.  ``etag`` answers are not sent twice, and stay good for ``max_age`` seconds.
    """

    def __init__(self, root: Path, *, certificates: Certificates | None = None) -> None:
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
        self.authorizations: list[str | None] = []
        handler = type("Handler", (_Handler,), {"fake": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        if certificates is not None:
            self._server.socket = certificates.wrapped(self._server.socket)
        self._scheme = "http" if certificates is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"{self._scheme}://{self.host}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _status(self, path: str, headers: Message) -> tuple[str, int]:
        """Return the path without conda's token, and how to answer."""
        if self.token is not None:
            if not path.startswith(f"/t/{self.token}/"):
                return path, HTTPStatus.NOT_FOUND
            path = path.removeprefix(f"/t/{self.token}")
        if not self._knows(headers.get("Authorization")):
            return path, HTTPStatus.UNAUTHORIZED
        if self.statuses.get(path):
            return path, self.statuses[path].pop(0)
        if not self._file(path).is_file():
            return path, HTTPStatus.NOT_FOUND
        if self.etag is not None and headers.get("If-None-Match") == self.etag:
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
        if self.credentials is not None:
            expected = base64.b64encode(self.credentials.encode()).decode()
            return authorization == f"Basic {expected}"
        return True

    def _file(self, path: str) -> Path:
        name = unquote(path).lstrip("/")
        return self.root / (f"{name}index.html" if path.endswith("/") else name)

    def _type(self, path: str) -> str:
        return "text/html" if path.endswith("/") else "application/octet-stream"


class _Handler(BaseHTTPRequestHandler):
    fake: ChannelServer

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.fake.requests.append(self.path)
        self.fake.authorizations.append(self.headers.get("Authorization"))
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        fake = self.fake
        path, status = fake._status(self.path, self.headers)
        data = fake._file(path).read_bytes() if status == HTTPStatus.OK else b""
        self.send_response(status)
        self.send_header("Content-Type", fake._type(path))
        self.send_header("Content-Length", str(len(data)))
        for name, value in fake._more(status).items():
            self.send_header(name, value)
        self.end_headers()
        if fake.cut.get(path, 0) > 0 and body and data:
            fake.cut[path] -= 1
            data = data[: len(data) // 2]
        if body:
            # a client that has heard enough goes
            with suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass
