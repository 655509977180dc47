"""An index of wheels that yanks, speaks JSON (PEP 691) and asks for passwords, as indexes do."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import threading
import zipfile
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import unquote

from packaging.utils import canonicalize_name

JSON_TYPE = "application/vnd.pypi.simple.v1+json"
HTML_TYPE = "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeWheel:
    """A wheel and what its index tells of it: ``told`` is the kind of hash, None for none."""

    name: str
    version: str = "1.0"
    tag: str = "py3-none-any"
    requires: tuple[str, ...] = ()
    requires_python: str = ""
    yanked: bool = False
    told: Literal["md5", "sha256"] | None = "sha256"

    @property
    def filename(self) -> str:
        return f"{self.name}-{self.version}-{self.tag}.whl"

    @property
    def archive(self) -> bytes:
        info = f"{self.name}-{self.version}.dist-info"
        lines = ["Metadata-Version: 2.1", f"Name: {self.name}", f"Version: {self.version}"]
        if self.requires_python:
            lines.append(f"Requires-Python: {self.requires_python}")
        lines += [f"Requires-Dist: {requirement}" for requirement in self.requires]
        files = {
            f"{info}/METADATA": "\n".join(lines) + "\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {self.tag}\n",
            f"{info}/RECORD": "",
        }
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, text in files.items():
                archive.writestr(zipfile.ZipInfo(path), text)
        return buffer.getvalue()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.archive).hexdigest()

    def told_hash(self) -> dict[str, str]:
        return {self.told: hashlib.new(self.told, self.archive).hexdigest()} if self.told else {}


class PipIndex:
    """Serves wheels on 127.0.0.1 while the context is open.

    ``credentials`` are asked for everywhere; ``answers`` has the type of every page that was given.
    """

    def __init__(self, *wheels: FakeWheel) -> None:
        self.wheels = list(wheels)
        self.credentials: str | None = None
        self.answers: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """The address that pip is given."""
        return f"http://{self.host}/simple"

    def url_of(self, wheel: FakeWheel) -> str:
        """The address of the file itself."""
        return f"http://{self.host}/files/{wheel.filename}"

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
            def do_GET(self) -> None:
                if not fake._allows(self.headers.get("Authorization")):
                    self.send_error(HTTPStatus.UNAUTHORIZED)
                    return
                found = fake._answer(unquote(self.path), self.headers.get("Accept") or "")
                if found is None:
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                kind, body = found
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Handler

    def _allows(self, authorization: str | None) -> bool:
        if self.credentials is None:
            return True
        expected = base64.b64encode(self.credentials.encode()).decode()
        return authorization == f"Basic {expected}"

    def _answer(self, path: str, accept: str) -> tuple[str, bytes] | None:
        top, _, name = path.strip("/").partition("/")
        if top == "files":
            archives = {wheel.filename: wheel.archive for wheel in self.wheels}
            return ("application/octet-stream", archives[name]) if name in archives else None
        found = [wheel for wheel in self.wheels if canonicalize_name(wheel.name) == name]
        if not found:
            return None
        kind = JSON_TYPE if JSON_TYPE in accept else HTML_TYPE
        self.answers.append(kind)
        page = _json_page(name, found) if kind == JSON_TYPE else _html_page(found)
        return kind, page.encode()


def _json_page(name: str, wheels: list[FakeWheel]) -> str:
    files = [
        {
            "filename": wheel.filename,
            "url": f"/files/{wheel.filename}",
            "hashes": wheel.told_hash(),
            "requires-python": wheel.requires_python or None,
            "yanked": wheel.yanked,
        }
        for wheel in wheels
    ]
    return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": files})


def _html_page(wheels: list[FakeWheel]) -> str:
    lines = ["<!DOCTYPE html>"]
    for wheel in wheels:
        address = f"/files/{wheel.filename}"
        for kind, digest in wheel.told_hash().items():
            address += f"#{kind}={digest}"
        attributes = f"href='{address}'"
        if wheel.requires_python:
            attributes += f" data-requires-python='{html.escape(wheel.requires_python)}'"
        if wheel.yanked:
            attributes += " data-yanked='broken'"
        lines.append(f"<a {attributes}>{wheel.filename}</a>")
    return "\n".join(lines) + "\n"
