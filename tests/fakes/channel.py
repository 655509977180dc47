"""A small conda channel: archives of a few bytes with true hashes, and their repodata."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import defaultdict
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

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
        FakePackage(name="ipdb", version="0.13", subdir="noarch", depends=("python", "idna")),
        FakePackage(name="conflicting", version="1.0", subdir="noarch", depends=("numpy <1",)),
    ]


class ChannelServer:
    """Serves a folder on 127.0.0.1 while the context is open, with faults on demand.

    ``statuses`` maps a path to what it answers first, before it answers well; ``cut`` has paths
    whose answers break off, that many times; ``credentials`` are asked for everywhere.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.statuses: dict[str, list[int]] = {}
        self.cut: dict[str, int] = {}
        self.credentials: str | None = None
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self._answer(body=False)

            def do_GET(self) -> None:
                fake.requests.append(self.path)
                self._answer(body=True)

            def _answer(self, *, body: bool) -> None:
                status = fake._status(self.path, self.headers.get("Authorization"))
                if status != HTTPStatus.OK:
                    self.send_error(status)
                    return
                data = fake._file(self.path).read_bytes()
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", fake._type(self.path))
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if not body:
                    return
                if fake.cut.get(self.path, 0) > 0:
                    fake.cut[self.path] -= 1
                    data = data[: len(data) // 2]
                self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Handler

    def _status(self, path: str, authorization: str | None) -> int:
        if self.credentials is not None:
            expected = base64.b64encode(self.credentials.encode()).decode()
            if authorization != f"Basic {expected}":
                return HTTPStatus.UNAUTHORIZED
        if self.statuses.get(path):
            return self.statuses[path].pop(0)
        return HTTPStatus.OK if self._file(path).is_file() else HTTPStatus.NOT_FOUND

    def _file(self, path: str) -> Path:
        name = unquote(path).lstrip("/")
        return self.root / (f"{name}index.html" if path.endswith("/") else name)

    def _type(self, path: str) -> str:
        return "text/html" if path.endswith("/") else "application/octet-stream"
