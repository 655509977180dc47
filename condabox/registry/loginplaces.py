"""Where Docker and podman keep who the user is to which registry, and how they call registries.

Formats: docker/cli `cli/config/configfile` and containers-auth.json(5).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.decode import DecodeError, mapping
from condabox.errors import RegistryError
from condabox.oci.reference import DOCKER_HUB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.decode import JSON

_VARIABLE = "DOCKER_AUTH_CONFIG"
"""Has what a file would have: GitLab's way, and Docker's since 28."""
_HUB_ALIASES = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginPlace:
    """A file that may not be there, or a variable: then ``text`` is what such a file would have."""

    name: str
    text: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.name

    def read(self) -> JSON:
        """Return the document, an empty one where there is no file; raise RegistryError."""
        try:
            data = Path(self.name).read_bytes() if self.text is None else self.text.encode()
            return mapping(json.loads(data), at="")
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            hint = "make it readable to you"
            raise RegistryError(f"{self}: {error.strerror}", hint=hint) from None
        except (ValueError, RecursionError):
            # The reason would quote the text, which holds secrets.
            raise self.broken(DecodeError("is not a JSON mapping", at="")) from None

    def broken(self, error: DecodeError) -> RegistryError:
        """Describe what cannot be read in the document."""
        hint = "log in again to write it anew"
        if self.text is not None:
            hint = "it must have what Docker's config.json has, or be unset"
        return RegistryError(f"{self}: {error}", hint=hint)


def login_places(env: Mapping[str, str]) -> Iterator[LoginPlace]:
    """Yield what docker and podman would read; the first that knows a registry counts."""
    if explicit := env.get("REGISTRY_AUTH_FILE"):
        yield LoginPlace(name=explicit)
    if text := env.get(_VARIABLE):
        yield LoginPlace(name=_VARIABLE, text=text)
    home = env.get("HOME") or env.get("USERPROFILE")
    folders = [
        (env.get("DOCKER_CONFIG") or (home and Path(home, ".docker")), "config.json"),
        (env.get("XDG_RUNTIME_DIR"), "containers/auth.json"),
        (home and Path(home, ".config"), "containers/auth.json"),
    ]
    for folder, file in folders:
        if folder:
            yield LoginPlace(name=str(Path(folder, file)))


def server_of(key: str) -> tuple[str, str]:
    """Return the registry that a key of a document means, and the repository, if it names one."""
    # Old clients wrote URLs with the API's version: https://registry.example/v1/
    name = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    name = name.removesuffix("/v1").removesuffix("/v2")
    host, _, repository = name.partition("/")
    return DOCKER_HUB if host in _HUB_ALIASES else host, repository
