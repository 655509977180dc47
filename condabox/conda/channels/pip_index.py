"""Where pip would find wheels on this machine: asked from pip itself, at run time."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from condabox import process
from condabox.conda.channels.channel import filled, without_credentials
from condabox.errors import ToolMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECTIONS = ("global", "install", ":env:")
"""Of pip's configuration; later ones count."""

_TOKEN = re.compile(r"/t/[^/]+(?=/)")

_DEFAULT_INDEX = re.compile(r"\(default\s+(https?://\S+?)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PipIndexes:
    """The indexes (PEP 503) that pip would ask, with their credentials, and its certificates.

    ``skipped`` are those that cannot be locked from, because they are not reached over HTTP.
    """

    urls: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    certificates: str | None = None

    def poetry_environment(self) -> dict[str, str]:
        """Return the variables that make conda-lock's pip solver ask these indexes.

        Variables rather than ``pip-repositories:``, so that neither the lock nor its content hash
        depends on where one machine finds its index.
        """
        env = {"POETRY_KEYRING_ENABLED": "false"}
        for url in self.urls:
            # The solver caches by the name, which may hold letters alone, and nothing secret.
            digest = hashlib.sha256(without_credentials(url).encode()).hexdigest()
            name = "CONDABOX_" + _letters(digest[:16])
            parts = urlsplit(url)
            host = parts.netloc.rpartition("@")[2]
            env[f"POETRY_REPOSITORIES_{name}_URL"] = parts._replace(netloc=host).geturl()
            if parts.username is not None:
                env[f"POETRY_HTTP_BASIC_{name}_USERNAME"] = unquote(parts.username)
                env[f"POETRY_HTTP_BASIC_{name}_PASSWORD"] = unquote(parts.password or "")
        return env

    def authenticated(self, url: str) -> str:
        """Return ``url`` with the credentials of the index on its host, if there are any."""
        parts = urlsplit(url)
        for index in self.urls:
            where, bare = urlsplit(index), urlsplit(without_credentials(index))
            if where != bare and bare.netloc == parts.netloc:
                token = _TOKEN.match(where.path)
                path = f"{token[0] if token else ''}{parts.path}"
                return parts._replace(netloc=where.netloc, path=path).geturl()
        return url


def certificate_environment(indexes: PipIndexes, env: Mapping[str, str]) -> dict[str, str]:
    """Return what makes every client trust what this machine was told to trust.

    Requests reads one variable, rustls another, pip has its own; each one stands in for the others.
    """
    bundle = (
        env.get("SSL_CERT_FILE")
        or env.get("REQUESTS_CA_BUNDLE")
        or env.get("CURL_CA_BUNDLE")
        or indexes.certificates
    )
    if not bundle:
        return {}
    names = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    return {name: bundle for name in names if not env.get(name)}


def pip_indexes(index_url: str | None) -> PipIndexes:
    """Ask pip for its indexes; ``index_url``, from condabox's settings, replaces the main one.

    ``$NAME``s in that are variables of this process.
    """
    configured = _configuration()
    main = filled(index_url or "", os.environ) or configured.get("index-url") or _default_index()
    given = [main, *configured.get("extra-index-url", "").split()]
    urls = dict.fromkeys(url.rstrip("/") for url in given if url)
    return PipIndexes(
        urls=tuple(url for url in urls if urlsplit(url).scheme in {"http", "https"}),
        skipped=tuple(
            without_credentials(url)
            for url in urls
            if urlsplit(url).scheme not in {"http", "https"}
        ),
        certificates=configured.get("cert"),
    )


def _configuration() -> dict[str, str]:
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for line in _ask_pip("config", "list").splitlines():
        name, equals, text = line.partition("=")
        section, _, key = name.rpartition(".")
        if equals and section in found:
            try:
                found[section][key] = str(ast.literal_eval(text))
            except (ValueError, SyntaxError):
                continue
    return {key: value for section in _SECTIONS for key, value in found[section].items()}


def _default_index() -> str | None:
    """Return the index that pip asks where nobody configured one, as its help tells."""
    match = _DEFAULT_INDEX.search(_ask_pip("install", "--help"))
    return match[1] if match else None


def _ask_pip(*arguments: str) -> str:
    """Return what pip prints: this Python's, or else the one on PATH; nothing without either."""
    # its help breaks lines, and with them addresses, at the terminal's width
    env = {**os.environ, "COLUMNS": "1000", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for command in ([sys.executable, "-m", "pip"], ["pip"]):
        try:
            done = process.attempt([*command, *arguments], env=env)
        except ToolMissingError:
            continue
        if done.returncode == 0:
            return done.stdout.decode(errors="replace")
    return ""


def _letters(hexadecimal: str) -> str:
    return "".join(chr(ord("A") + int(digit, 16)) for digit in hexadecimal)
