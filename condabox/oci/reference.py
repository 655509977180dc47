"""Image references as Docker's users know them: ``ubuntu``, ``host:5000/team/ai:1.0@sha256:…``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from condabox.errors import SpecError
from condabox.oci.digest import Digest

DOCKER_HUB = "docker.io"
_OFFICIAL = "library/"
_DEFAULT_TAG = "latest"
_MAX_NAME = 255
_MAX_PORT = 65535

_DOMAIN_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = re.compile(
    rf"(?:{_DOMAIN_LABEL}(?:\.{_DOMAIN_LABEL})*|\[[a-fA-F0-9:]+\])(?::([0-9]{{1,5}}))?"
)
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_IMAGE_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A registry, a repository in it, and a tag, a digest or both."""

    registry: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read ``text`` as Docker does; raise SpecError with a hint where it is no reference."""
        rest, at, digest = text.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise _bad(text, "after @ there must be sha256: and 64 hex digits")
        name, colon, tag = rest.rpartition(":")
        if not colon or "/" in tag:  # the colon of host:port
            name, colon, tag = rest, "", ""
        if colon and not _TAG.fullmatch(tag):
            raise _bad(text, f"{tag!r} is not a tag: letters, digits and _.- (at most 128)")
        registry, repository = _split(name)
        _check_name(text, registry, repository)
        return cls(
            registry=registry,
            repository=repository,
            tag=tag if colon else None if at else _DEFAULT_TAG,
            digest=Digest.parse(digest) if at else None,
        )

    def familiar(self) -> str:
        """Return the shortest text that means the same: ``ubuntu:24.04``, not ``docker.io/…``."""
        full = str(self)
        for prefix in (f"{DOCKER_HUB}/{_OFFICIAL}", f"{DOCKER_HUB}/"):
            if full.startswith(prefix):
                short = full.removeprefix(prefix)
                # docker.io/localhost/x must keep its registry: localhost/x is another one.
                if _split(short.partition("@")[0].partition(":")[0]) == _split(self.name):
                    return short
        return full


def _split(name: str) -> tuple[str, str]:
    registry, slash, repository = name.partition("/")
    if not slash or not (
        any(mark in registry for mark in ".:") or registry == "localhost" or not registry.islower()
    ):
        registry, repository = DOCKER_HUB, name
    if registry == f"index.{DOCKER_HUB}":
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = _OFFICIAL + repository
    return registry, repository


def _check_name(text: str, registry: str, repository: str) -> None:
    match = _REGISTRY.fullmatch(registry)
    if not match:
        raise _bad(text, f"{registry!r} is not a host or host:port")
    if int(match[1] or 0) > _MAX_PORT:
        raise _bad(text, f"a port is at most {_MAX_PORT}")
    if _IMAGE_ID.fullmatch(repository.removeprefix(_OFFICIAL)):
        raise _bad(text, "an image ID cannot be used here: name the image")
    if not _REPOSITORY.fullmatch(repository):
        lower = repository.lower()
        if _REPOSITORY.fullmatch(lower):
            raise _bad(text, f"repositories are lower case: {lower}")
        raise _bad(text, "write it like ubuntu:24.04 or registry.example/team/image:tag")
    if len(registry) + 1 + len(repository) > _MAX_NAME:
        raise _bad(text, f"registry and repository may have {_MAX_NAME} characters together")


def _bad(text: str, hint: str) -> SpecError:
    return SpecError(f"{text[:200]!r} is not an image reference", hint=hint)
