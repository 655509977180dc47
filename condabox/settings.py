"""A project's settings: where things come from and where they are cached."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from condabox.decode import DecodeError, each, join, mapping, optional, reject_unknown, typed
from condabox.errors import SpecError

if TYPE_CHECKING:
    from condabox.decode import JSON

SETTINGS_FILE = "condabox.toml"

_SCHEMES = ("https", "http", "file")
_CHANNEL_SCHEMES = (*_SCHEMES, "oci")

_LAST_SECOND = 253402300799  # of the year 9999, the last that RFC 3339 can write


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrySettings:
    """How one registry is reached."""

    mirrors: tuple[str, ...] = ()
    insecure: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What ``condabox.toml`` says; ``path`` is the file that said it, if there is one."""

    path: Path | None = None
    cache_dir: Path
    channel_mirrors: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    registries: Mapping[str, RegistrySettings] = field(default_factory=dict)
    pip_index_url: str | None = field(default=None, repr=False)
    pypi_mapping: str | None = None


def load_settings(start: Path, *, env: Mapping[str, str]) -> Settings:
    """Read the nearest settings from ``start`` upwards, or the file that CONDABOX_CONFIG names.

    ``start`` is a folder.  Raise SpecError for settings that cannot be read or understood.
    """
    found = _named(env) or _nearest(start.resolve())
    if found is None:
        return Settings(cache_dir=_default_cache(env))
    path, table, at = found
    try:
        return _parse(table, at=at, path=path, env=env)
    except DecodeError as error:
        raise SpecError(f"{path}: {error}") from None


def source_date_epoch(env: Mapping[str, str]) -> int | None:
    """Return SOURCE_DATE_EPOCH in seconds, as reproducible-builds.org specifies it."""
    text = env.get("SOURCE_DATE_EPOCH")
    if text is None:
        return None
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_SECOND))
    if not digits or int(text) > _LAST_SECOND:
        raise SpecError(
            f"SOURCE_DATE_EPOCH={text[:40]!r} is not a time",
            hint="seconds since 1970 in digits, such as `git log -1 --format=%ct` prints; "
            "or unset it",
        )
    return int(text)


def _named(env: Mapping[str, str]) -> tuple[Path, JSON, str] | None:
    name = env.get("CONDABOX_CONFIG")
    if not name:
        return None
    path = Path(name).absolute()
    if not path.is_file():
        raise SpecError(f"CONDABOX_CONFIG names {path}, which is not a file")
    document = _load(path)
    if path.name == "pyproject.toml":
        return path, _tool_table(document, path=path) or {}, "tool.condabox"
    return path, document, ""


def _nearest(start: Path) -> tuple[Path, JSON, str] | None:
    for folder in (start, *start.parents):
        own, project = folder / SETTINGS_FILE, folder / "pyproject.toml"
        table = _tool_table(_load(project), path=project) if project.is_file() else None
        if own.is_file():
            if table is not None:
                raise SpecError(
                    f"{own} and [tool.condabox] in {project} both hold settings",
                    hint="keep one of them",
                )
            return own, _load(own), ""
        if table is not None:
            return project, table, "tool.condabox"
    return None


def _load(path: Path) -> JSON:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SpecError(f"{path}: is not UTF-8", hint="save it as UTF-8") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SpecError(f"{path}: is not TOML: {error}") from None


def _tool_table(document: JSON, *, path: Path) -> JSON | None:
    tool = document.get("tool")
    if not isinstance(tool, Mapping) or "condabox" not in tool:
        return None
    try:
        return mapping(tool["condabox"], at="tool.condabox")
    except DecodeError as error:
        raise SpecError(f"{path}: {error}") from None


def _parse(table: JSON, *, at: str, path: Path, env: Mapping[str, str]) -> Settings:
    reject_unknown(table, ("cache-dir", "channels", "registries", "pip", "conda-lock"), at=at)
    cache_dir = optional(table, "cache-dir", str, at=at)
    if cache_dir == "":
        raise DecodeError("is empty", at=join(at, "cache-dir"))
    channels = _table(table, "channels", known=("mirrors",), at=at)
    mirrors_at = join(join(at, "channels"), "mirrors")
    pip = _table(table, "pip", known=("index-url",), at=at)
    locker = _table(table, "conda-lock", known=("pypi-mapping",), at=at)
    return Settings(
        path=path,
        cache_dir=(path.parent / _expand(cache_dir, env=env) if cache_dir else _default_cache(env)),
        channel_mirrors={
            _channel(channel, at=mirrors_at): each(
                urls,
                lambda item, where: _url(item, at=where, schemes=_CHANNEL_SCHEMES),
                at=join(mirrors_at, channel),
            )
            for channel, urls in mapping(channels.get("mirrors", {}), at=mirrors_at).items()
        },
        registries=_registries(table, at=at),
        pip_index_url=_optional_url(pip, "index-url", at=join(at, "pip")),
        pypi_mapping=_mapping_url(locker, at=join(at, "conda-lock")),
    )


def _table(table: JSON, key: str, *, known: tuple[str, ...], at: str) -> JSON:
    inner = mapping(table.get(key, {}), at=join(at, key))
    reject_unknown(inner, known, at=join(at, key))
    return inner


def _registries(table: JSON, *, at: str) -> dict[str, RegistrySettings]:
    at = join(at, "registries")
    registries = {}
    found = mapping(table.get("registries", {}), at=at)
    for host in found:
        where = join(at, host)
        _registry(host, at=where, path_allowed=False)
        inner = _table(found, host, known=("mirrors", "insecure"), at=at)
        registries[host] = RegistrySettings(
            mirrors=each(
                inner.get("mirrors", []),
                lambda item, place: _registry(item, at=place, path_allowed=True),
                at=join(where, "mirrors"),
            ),
            insecure=optional(inner, "insecure", bool, at=where) or False,
        )
    return registries


def _registry(value: object, *, at: str, path_allowed: bool) -> str:
    text = typed(value, str, at=at)
    host, _, path = text.partition("/")
    if "://" in text:
        raise DecodeError(
            "name the host alone; plain HTTP is `insecure = true` of its own table", at=at
        )
    if not host or "@" in text or any(map(str.isspace, text)) or (path and not path_allowed):
        raise DecodeError("is not a host, such as docker.io or 127.0.0.1:5000", at=at)
    return text.rstrip("/")


def _channel(name: str, *, at: str) -> str:
    if "@" in name or "/t/" in name:
        # not even its place may be told: that is the name
        raise DecodeError(
            "names a channel with its password or token, which no lock file has", at=at
        )
    return _url(name, at=join(at, name), schemes=_CHANNEL_SCHEMES)


def _optional_url(table: JSON, key: str, *, at: str) -> str | None:
    if key not in table:
        return None
    return _url(table[key], at=join(at, key), schemes=_SCHEMES)


def _mapping_url(table: JSON, *, at: str) -> str | None:
    found = _optional_url(table, "pypi-mapping", at=at)
    if found is not None and "@" in urlsplit(found).netloc:
        # it is an argument of conda-lock's command line, which everybody may read
        raise DecodeError("holds a password: keep it in ~/.netrc", at=join(at, "pypi-mapping"))
    return found


def _url(value: object, *, at: str, schemes: tuple[str, ...]) -> str:
    """Check an address without repeating it in the error: it may hold a password."""
    text = typed(value, str, at=at)
    try:
        parts, port = urlsplit(text), urlsplit(text).port
    except ValueError:
        raise DecodeError("is not a URL", at=at) from None
    if parts.scheme not in schemes or any(map(str.isspace, text)):
        listed = ", ".join(f"{scheme}://" for scheme in schemes[:-1])
        raise DecodeError(f"is not a URL that starts with {listed} or {schemes[-1]}://", at=at)
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise DecodeError("names a host: write file:///…", at=at)
    if parts.scheme != "file" and not parts.hostname:
        raise DecodeError("names no host", at=at)
    if parts.scheme == "oci" and port not in {None, 443}:
        raise DecodeError("names a port: packages come from registries on 443 alone", at=at)
    return text.rstrip("/")


def _expand(text: str, *, env: Mapping[str, str]) -> Path:
    if text == "~" or text.startswith("~/"):
        return _home(env) / text[2:]
    return Path(text)


def _default_cache(env: Mapping[str, str]) -> Path:
    base = Path(env.get("XDG_CACHE_HOME", ""))
    # XDG Base Directory Specification: a relative path is to be ignored
    return (base if base.is_absolute() else _home(env) / ".cache") / "condabox"


def _home(env: Mapping[str, str]) -> Path:
    home = env.get("HOME")
    if home:
        return Path(home)
    try:
        return Path.home()
    except RuntimeError:
        raise SpecError(
            "this user has no home directory for the cache", hint="set HOME or `cache-dir`"
        ) from None
