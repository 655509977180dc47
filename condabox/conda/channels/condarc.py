"""What conda's own configuration, ``.condarc``, says of channels and of the network to them.

It is for packages alone.  A registry has passwords to push by, and who trusts every certificate of
a channel has not said that of a registry; the proxy variables and SSL_CERT_FILE hold for both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from condabox.conda.channels.channel import DEFAULT_ALIAS, ChannelNames
from condabox.decode import DecodeError, join, mapping, optional, string_mapping, strings
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.decode import JSON

INSECURE = "CONDABOX_TLS_NO_VERIFY"
"""Set to 1, it tells condabox's workers to trust every certificate (``ssl_verify: false``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condarc:
    """The keys that condabox honours, of all files together; later files win."""

    channels: ChannelNames = field(default_factory=ChannelNames)
    proxies: Mapping[str, str] = field(default_factory=dict)
    ssl_verify: bool | str = True

    def network_environment(self, env: Mapping[str, str]) -> dict[str, str]:
        """Return the variables that tell a program the same; those that ``env`` has stand."""
        found: dict[str, str] = {}
        for scheme in ("http", "https"):
            names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
            if scheme in self.proxies and not any(env.get(name) for name in names):
                found |= dict.fromkeys(names, self.proxies[scheme])
        if isinstance(self.ssl_verify, str):
            found |= {
                name: self.ssl_verify
                for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
                if not env.get(name)
            }
        elif not self.ssl_verify:
            found[INSECURE] = "1"
        return found


def read_condarc(env: Mapping[str, str]) -> Condarc:
    """Read the files that conda would read on this machine; raise SpecError for a broken one."""
    merged: dict[str, object] = {}
    for path in condarc_files(env):
        try:
            loaded = _load(path)
            for key in ("custom_channels", "custom_multichannels", "proxy_servers"):
                if key in loaded:
                    older = mapping(merged.get(key, {}), at=key)
                    loaded[key] = {**older, **mapping(loaded[key] or {}, at=key)}
            merged |= loaded
            _decode(merged, env=env)
        except DecodeError as error:
            raise SpecError(f"{path}: {error}") from None
    return _decode(merged, env=env)


def condarc_files(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Return the existing files, the one that counts most last, as `conda config --help` says."""
    home = Path(env["HOME"]) if env.get("HOME") else Path.home()
    config = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    found = [
        *_in(Path("/etc/conda")),
        *_in(Path("/var/lib/conda")),
        *(_in(Path(env["CONDA_ROOT"])) if env.get("CONDA_ROOT") else []),
        *_in(config / "conda"),
        *_in(home / ".conda"),
        home / ".condarc",
        *(_in(Path(env["CONDA_PREFIX"])) if env.get("CONDA_PREFIX") else []),
        *([Path(env["CONDARC"])] if env.get("CONDARC") else []),
    ]
    return tuple(path for path in found if path.is_file())


def _in(folder: Path) -> list[Path]:
    parts = (path for path in folder.glob("condarc.d/*") if path.suffix in {".yml", ".yaml"})
    return [folder / ".condarc", folder / "condarc", *sorted(parts)]


def _load(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            document = yaml.load(file, Loader=yaml.CSafeLoader)
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SpecError(f"{path} is not YAML") from None
    return dict(mapping(document, at="")) if document is not None else {}


def _decode(merged: JSON, *, env: Mapping[str, str]) -> Condarc:
    multi = {
        name: strings(members, at=join("custom_multichannels", name))
        for name, members in mapping(
            merged.get("custom_multichannels") or {}, at="custom_multichannels"
        ).items()
    }
    if merged.get("default_channels") is not None:
        multi["defaults"] = strings(merged["default_channels"], at="default_channels")
    verify = merged.get("ssl_verify", True)
    if not isinstance(verify, bool | str):
        raise DecodeError("expected true, false or a path", at="ssl_verify")
    return Condarc(
        channels=ChannelNames(
            alias=optional(merged, "channel_alias", str, at="") or DEFAULT_ALIAS,
            custom=string_mapping(merged.get("custom_channels") or {}, at="custom_channels"),
            multi=multi,
            env=env,
        ),
        proxies=string_mapping(merged.get("proxy_servers") or {}, at="proxy_servers"),
        # conda's word for the system's certificates, which are ours already
        ssl_verify=True if verify == "truststore" else verify,
    )
