"""What the user has configured: condabox's settings, conda's, proxies and certificates."""

from __future__ import annotations

import platform
import socket
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import condabox
from condabox.conda.channels.channel import DEFAULT_ALIAS, without_credentials
from condabox.conda.channels.condarc import condarc_files
from condabox.errors import CondaboxError
from condabox.reporting.findings import Finding, Group
from condabox.reporting.formats import counted
from condabox.workflows.checks.running import PATIENCE, Check

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from condabox.conda.channels.condarc import Condarc
    from condabox.workflows.checks.scene import Scene

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_LATE = "is it a network file system that does not answer?"
_MEND = "correct the file; until then no command works that reads it"


def settings_checks(scene: Scene, *, env: Mapping[str, str]) -> tuple[Check, ...]:
    """Return the checks of everything that other checks depend on."""
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "condabox": _versions,
        "settings": partial(_settings, scene, env=env),
        ".condarc": partial(_condarc, scene, env=env),
        "certificates": partial(_certificates, env=env),
        **{variable: partial(_proxy, variable, url) for variable, url in _proxies(env).items()},
    }
    return tuple(
        Check(group=Group.SETTINGS, name=name, run=run, late=_LATE) for name, run in looks.items()
    )


def _versions() -> Iterator[Finding]:
    found = f"{condabox.__version__}, Python {platform.python_version()}"
    machine = f"{sys.platform} {platform.machine()}"
    yield Finding.ok(Group.SETTINGS, "condabox", f"{found}, {machine}")


def _settings(scene: Scene, *, env: Mapping[str, str]) -> Iterator[Finding]:
    settings = scene.settings
    if isinstance(settings, CondaboxError):
        hint = settings.hint or _MEND
        yield Finding.problem(Group.SETTINGS, "settings", settings.message, hint=hint)
    elif settings.path is None:
        yield Finding.ok(Group.SETTINGS, "settings", "no condabox.toml: all is as by default")
    else:
        named = " (named by CONDABOX_CONFIG)" if env.get("CONDABOX_CONFIG") else ""
        yield Finding.ok(Group.SETTINGS, "settings", f"{settings.path}{named}")


def _condarc(scene: Scene, *, env: Mapping[str, str]) -> Iterator[Finding]:
    condarc = scene.condarc
    files = ", ".join(map(str, condarc_files(env)))
    if isinstance(condarc, CondaboxError):
        hint = condarc.hint or _MEND
        yield Finding.problem(Group.SETTINGS, ".condarc", condarc.message, hint=hint)
    elif not files:
        yield Finding.ok(Group.SETTINGS, ".condarc", "no .condarc: all is as by default")
    elif condarc.ssl_verify is False:
        hint = "set `ssl_verify` to the path of your authority's certificate"
        detail = f"{files}: {'; '.join(_said(condarc))}"
        yield Finding.note(Group.SETTINGS, ".condarc", detail, hint=hint)
    else:
        said = "; ".join(_said(condarc)) or "nothing of channels and their network"
        yield Finding.ok(Group.SETTINGS, ".condarc", f"{files}: {said}")


def _said(condarc: Condarc) -> Iterator[str]:
    """Yield what conda's configuration changes, without its credentials."""
    names = condarc.channels
    if names.alias != DEFAULT_ALIAS:
        yield f"channel_alias {without_credentials(names.alias)}"
    if names.custom:
        yield f"custom_channels {', '.join(sorted(names.custom))}"
    if names.multi:
        yield f"{counted(len(names.multi), 'multichannel')}: {', '.join(sorted(names.multi))}"
    for scheme, url in sorted(condarc.proxies.items()):
        yield f"proxy for {scheme}: {_place(url)}"
    if condarc.ssl_verify is False:
        yield "ssl_verify false: every certificate of a channel is trusted"
    elif condarc.ssl_verify is not True:
        yield f"ssl_verify {condarc.ssl_verify}"


def _proxies(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that name proxies; in capitals they count less, as everywhere."""
    found = {}
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if url := env.get(variable):
                found[variable] = url
                break
    return found


def _proxy(variable: str, url: str) -> Iterator[Finding]:
    place = _place(url)
    host, _, port = place.rpartition(":")
    hint = f"check {variable}, and whether the proxy runs"
    if not host or not port.isdecimal():
        yield Finding.problem(Group.SETTINGS, variable, "is not the address of a proxy", hint=hint)
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()
    except OSError as error:
        detail = f"{place}: nobody answers: {error.strerror or error}"
        yield Finding.problem(Group.SETTINGS, variable, detail, hint=hint)
    else:
        yield Finding.ok(Group.SETTINGS, variable, f"{place} takes connections")


def _place(url: str) -> str:
    """Return host and port alone: the rest of a proxy's address are credentials."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return ""
    host = parts.netloc.rpartition("@")[2]
    return host if parts.port else f"{host.rstrip(':')}:{port}"


def _certificates(*, env: Mapping[str, str]) -> Iterator[Finding]:
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        if name := env.get(variable):
            yield _bundle(variable, Path(name))


def _bundle(variable: str, path: Path) -> Finding:
    hint = f"let {variable} name a file of certificates in PEM, or unset it"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(
            path if path.is_file() else None, path if path.is_dir() else None
        )
    except ssl.SSLError:
        detail = f"{path} has no certificates that can be read"
        return Finding.problem(Group.SETTINGS, variable, detail, hint=hint)
    except (OSError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "is not there"
        return Finding.problem(Group.SETTINGS, variable, f"{path}: {reason}", hint=hint)
    return Finding.ok(Group.SETTINGS, variable, str(path))
