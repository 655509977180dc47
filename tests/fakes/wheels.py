"""A small index of wheels, as PEP 503 wants its pages."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def publish(
    root: Path,
    name: str,
    version: str,
    *,
    tag: str,
    requires: tuple[str, ...] = (),
    files: Mapping[str, str] | None = None,
) -> str:
    """Put a wheel of ``files`` into the index at ``root`` and return its sha256."""
    filename = f"{name}-{version}-{tag}.whl"
    archive = root / "files" / filename
    archive.parent.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}"
        )
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        for path, text in (files or {}).items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "")
    return _list(root, name, filename)


def publish_source(root: Path, name: str, version: str) -> str:
    """Put a source distribution, of no use to anybody, into the index at ``root``."""
    archive = root / "files" / f"{name}-{version}.tar.gz"
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(b"no archive")
    return _list(root, name, archive.name)


def _list(root: Path, name: str, filename: str) -> str:
    digest = hashlib.sha256((root / "files" / filename).read_bytes()).hexdigest()
    page = root / "simple" / name / "index.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    before = page.read_text() if page.exists() else "<!DOCTYPE html>\n"
    page.write_text(f"{before}<a href='/files/{filename}#sha256={digest}'>{filename}</a>\n")
    return digest
