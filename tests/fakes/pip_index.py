"""An index of wheels that yanks, speaks JSON (PEP 691) and asks for passwords, as indexes do."""

from __future__ import annotations

import hashlib
import html
import io
import json
import zipfile
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from tests.fakes.httpserver import Answer, HttpServer, basic

if TYPE_CHECKING:
    from tests.fakes.httpserver import Seen

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


class PipIndex(HttpServer):
    """Serves wheels while the context is open.

    ``credentials`` are asked for everywhere; ``answers`` has the type of every page that was given.
    """

    def __init__(self, *wheels: FakeWheel) -> None:
        super().__init__()
        self.wheels = list(wheels)
        self.credentials: str | None = None
        self.answers: list[str] = []

    @property
    def url(self) -> str:
        """The address that pip is given."""
        return f"{super().url}/simple"

    def url_of(self, wheel: FakeWheel) -> str:
        """The address of the file itself."""
        return f"http://{self.host}/files/{wheel.filename}"

    def answer(self, request: Seen) -> Answer:
        expected = None if self.credentials is None else basic(self.credentials)
        if expected not in {None, request.headers.get("authorization")}:
            return Answer(HTTPStatus.UNAUTHORIZED)
        found = self._found(unquote(request.path), request.headers.get("accept", ""))
        if found is None:
            return Answer(HTTPStatus.NOT_FOUND)
        kind, body = found
        return Answer(HTTPStatus.OK, body, {"Content-Type": kind})

    def _found(self, path: str, accept: str) -> tuple[str, bytes] | None:
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
