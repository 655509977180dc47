"""What the records in an image say: conda's, and those of Python's distributions."""

from __future__ import annotations

import base64
import configparser
import csv
import email.parser
import json
import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from condabox.decode import DecodeError, mapping, required, strings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from condabox.decode import JSON
    from condabox.verification.contents import ImageContents

_META = re.compile(r"(?:(?P<prefix>.*)/)?conda-meta/[^/]+\.json")
_METADATA = re.compile(
    r"(?P<info>(?P<site>(?P<prefix>.*)/lib/[^/]+/site-packages)/[^/]+\.dist-info)/METADATA"
)
_SEPARATORS = re.compile(r"[-_.]+")
_LONGEST_WORD = 200
"""Characters of a name or a version."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ENCODED = re.compile(r"sha256=([A-Za-z0-9_-]{43})")
_NO_FILES = frozenset({"directory", "softlink"})
_MADE_ANEW = ".pyc"


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaRecord:
    """A conda package, as its file in ``conda-meta`` tells of it; paths are the image's.

    ``sha256`` is the archive's, "" where that is not told.  ``digests`` are the SHA-256 of its
    files as they are installed, as far as they are told.
    """

    path: str
    name: str
    version: str
    build: str
    depends: tuple[str, ...]
    requested: bool
    url: str
    sha256: str
    files: tuple[str, ...]
    digests: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A distribution of Python, as its ``dist-info`` tells of it; paths are the image's.

    ``name`` is normalized (PEP 503).  ``conda`` is the conda package that brings it, and None for
    a wheel.  ``scripts`` are its console scripts, by name, with what they call.  ``digests`` are
    the SHA-256 of its files, as far as they are told: of conda's packages, before conda installed.
    """

    info: str
    site: str
    name: str
    version: str
    requires: tuple[str, ...]
    requested: bool
    conda: str | None
    scripts: Mapping[str, str]
    files: tuple[str, ...]
    digests: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What is installed in one prefix, which is a path of the image without a leading slash."""

    prefix: str
    records: tuple[CondaRecord, ...]
    distributions: tuple[Distribution, ...]
    python: str | None
    """The path of its interpreter."""

    @property
    def python_version(self) -> str | None:
        """The version of its interpreter, as conda knows it."""
        return next((each.version for each in self.records if each.name == "python"), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """All environments of an image, by prefix, and the records that cannot be read."""

    environments: tuple[Environment, ...]
    damaged: tuple[str, ...] = field(default=())


def normalized(name: str) -> str:
    """Return the name of a distribution as PEP 503 compares it."""
    return _SEPARATORS.sub("-", name).lower()


def read_installed(contents: ImageContents) -> Installed:
    """Read all records above the base of an image."""
    records: dict[str, list[CondaRecord]] = {}
    damaged: list[str] = []
    for path in sorted(contents.tree.keys() & contents.own):
        if (found := _META.fullmatch(path)) is None:
            continue
        try:
            record = _record(contents, path, prefix=found["prefix"] or "")
            records.setdefault(found["prefix"] or "", []).append(record)
        except (DecodeError, ValueError, RecursionError):
            damaged.append(path)
    distributions: dict[str, list[Distribution]] = {prefix: [] for prefix in records}
    owners = {
        path: each.name for found in records.values() for each in found for path in each.files
    }
    for path in sorted(contents.tree.keys() & contents.own):
        match = _METADATA.fullmatch(path)
        if match is None or match["prefix"] not in records:
            continue
        try:
            one = _distribution(contents, match["info"], site=match["site"], owners=owners)
            distributions[match["prefix"]].append(one)
        except (csv.Error, ValueError, configparser.Error):
            damaged.append(path)
    return Installed(
        environments=tuple(
            Environment(
                prefix=prefix,
                records=tuple(found),
                distributions=tuple(distributions[prefix]),
                python=_python(contents, prefix),
            )
            for prefix, found in sorted(records.items())
        ),
        damaged=tuple(damaged),
    )


def _python(contents: ImageContents, prefix: str) -> str | None:
    places = (posixpath.join(prefix, "bin", name) for name in ("python", "python3"))
    return next((place for place in places if contents.is_program(place)), None)


def _record(contents: ImageContents, path: str, *, prefix: str) -> CondaRecord:
    data = contents.data(path)
    if data is None:
        raise DecodeError("is too large", at="")
    document = mapping(json.loads(data), at="")
    sha256 = document.get("sha256")
    requested = document.get("requested_specs") or document.get("requested_spec")
    return CondaRecord(
        path=path,
        name=_word(required(document, "name", str, at="")),
        version=_word(required(document, "version", str, at="")),
        build=_word(required(document, "build", str, at="")),
        depends=_listed(document, "depends"),
        requested=requested not in (None, [], "", "None"),
        url=str(document.get("url") or ""),
        sha256=sha256 if isinstance(sha256, str) and _SHA256.fullmatch(sha256) else "",
        files=tuple(_inside(prefix, _listed(document, "files"), prefix)),
        digests=_digests_of_conda(document, prefix),
    )


def _digests_of_conda(document: JSON, prefix: str) -> dict[str, bytes]:
    """Read ``paths_data``; links are as good as what they lead to, and byte code is made anew."""
    data = document.get("paths_data")
    rows = data.get("paths") if isinstance(data, dict) else None
    found: dict[str, bytes] = {}
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or row.get("path_type") in _NO_FILES:
            continue
        path, sha256 = row.get("_path"), row.get("sha256_in_prefix") or row.get("sha256")
        if isinstance(path, str) and isinstance(sha256, str) and _SHA256.fullmatch(sha256):
            found |= dict.fromkeys(_hashed(prefix, path, prefix), bytes.fromhex(sha256))
    return found


def _digests_of_python(rows: Iterable[list[str]], site: str, prefix: str) -> dict[str, bytes]:
    """Read RECORD as the wheel specification has it: ``path,sha256=…,size``."""
    found: dict[str, bytes] = {}
    for row in rows:
        match = _ENCODED.fullmatch(row[1]) if len(row) > 1 else None
        if match is not None:
            digest = base64.urlsafe_b64decode(f"{match[1]}=")
            found |= dict.fromkeys(_hashed(site, row[0], prefix), digest)
    return found


def _hashed(folder: str, name: str, prefix: str) -> Iterator[str]:
    return _inside(folder, () if name.endswith(_MADE_ANEW) else (name,), prefix)


def _word(text: str) -> str:
    if len(text) > _LONGEST_WORD:
        raise DecodeError(f"has {len(text)} characters", at="")
    return text


def _listed(document: JSON, key: str) -> tuple[str, ...]:
    value = document.get(key)
    return () if value is None else strings(value, at=key)


def _inside(folder: str, names: tuple[str, ...], prefix: str) -> Iterator[str]:
    """Yield the paths that ``names``, relative to ``folder``, mean, if they are in ``prefix``."""
    start = f"{prefix}/" if prefix else ""
    for name in names:
        path = posixpath.normpath(posixpath.join("/", folder, name)).lstrip("/")
        if path and path.startswith(start):
            yield path


def _distribution(
    contents: ImageContents, info: str, *, site: str, owners: Mapping[str, str]
) -> Distribution:
    # only the headers: what follows them is the project's description
    headers = email.parser.Parser().parsestr(_text(contents, f"{info}/METADATA"), headersonly=True)
    name, version = headers.get("Name"), headers.get("Version")
    if not name or not version:
        raise DecodeError("has no name or no version", at="")
    rows = [row for row in csv.reader(_text(contents, f"{info}/RECORD").splitlines()) if row]
    prefix = site.rsplit("/lib/", 1)[0]
    return Distribution(
        info=info,
        site=site,
        name=normalized(_word(str(name).strip())),
        version=_word(str(version).strip()),
        requires=tuple(str(each).strip() for each in headers.get_all("Requires-Dist", [])),
        requested=f"{info}/REQUESTED" in contents.tree,
        conda=owners.get(f"{info}/METADATA"),
        scripts=_scripts(_text(contents, f"{info}/entry_points.txt")),
        files=tuple(_inside(site, tuple(row[0] for row in rows), prefix)),
        digests=_digests_of_python(rows, site, prefix),
    )


def _text(contents: ImageContents, path: str) -> str:
    return (contents.data(path) or b"").decode(errors="replace")


def _scripts(text: str) -> dict[str, str]:
    parser = configparser.ConfigParser(
        delimiters=("=",), interpolation=None, strict=False, default_section=""
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    if not parser.has_section("console_scripts"):
        return {}
    return {
        name: value.strip() for name, value in parser.items("console_scripts") if "/" not in name
    }
