"""The image config of image-spec config.md, with Docker's health check.

What a base image says beyond the fields known here is kept as it is, in ``extra``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Self

from condabox.decode import (
    DecodeError,
    each,
    join,
    mapping,
    optional,
    string_mapping,
    strings,
    typed,
)
from condabox.errors import ImageError
from condabox.oci.digest import Digest
from condabox.oci.document import canonical_json, parse_document, stated
from condabox.oci.platform import platform_from_mapping, platform_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.decode import JSON
    from condabox.platforms import Platform

_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)", re.IGNORECASE | re.ASCII
)
"""RFC 3339 §5.6."""
_CONTAINER_FIELDS = frozenset(
    {
        "User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes",
        "WorkingDir", "Labels", "StopSignal", "Healthcheck",
    }
)  # fmt: skip
_IMAGE_FIELDS = frozenset(
    {"created", "architecture", "os", "variant", "config", "rootfs", "history"}
)
_HISTORY_FIELDS = frozenset({"created", "created_by", "author", "comment", "empty_layer"})
_HEALTH_FIELDS = frozenset(
    {"Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries"}
)
_OF_THE_BASES_BUILD = frozenset(
    {"container", "container_config", "docker_version", "id", "parent", "throwaway"}
)
"""What Docker's old builder noted about the container that made an image: untrue of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """How a container's health is found out; times are nanoseconds, 0 is the engine's default.

    ``test`` starts with ``CMD``, ``CMD-SHELL`` or ``NONE``.
    """

    test: tuple[str, ...] = ()
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0
    extra: JSON = field(default_factory=dict, hash=False)

    @classmethod
    def from_mapping(cls, obj: JSON, *, at: str) -> Self:
        """Read Docker's ``Healthcheck``; raise DecodeError."""
        return cls(
            test=_strings(obj, "Test", at=at),
            interval=optional(obj, "Interval", int, at=at) or 0,
            timeout=optional(obj, "Timeout", int, at=at) or 0,
            start_period=optional(obj, "StartPeriod", int, at=at) or 0,
            start_interval=optional(obj, "StartInterval", int, at=at) or 0,
            retries=optional(obj, "Retries", int, at=at) or 0,
            extra=_extra(obj, _HEALTH_FIELDS),
        )

    def to_json(self) -> dict[str, object]:
        """Return the document; what is the engine's default is not in it."""
        return dict(self.extra) | _without_empty(
            {
                "Test": list(self.test),
                "Interval": self.interval,
                "Timeout": self.timeout,
                "StartPeriod": self.start_period,
                "StartInterval": self.start_interval,
                "Retries": self.retries,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerConfig:
    """What a container of the image runs, as which user and where: the spec's ``config``."""

    user: str = ""
    exposed_ports: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    """In the order of the document; of a name that stands there twice, the last value."""
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    working_dir: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    stop_signal: str = ""
    healthcheck: Healthcheck | None = None
    extra: JSON = field(default_factory=dict, hash=False)

    @classmethod
    def from_mapping(cls, obj: JSON, *, at: str) -> Self:
        """Read the ``config`` of an image config; raise DecodeError."""
        health = obj.get("Healthcheck")
        health_at = join(at, "Healthcheck")
        pairs = (text.partition("=") for text in _strings(obj, "Env", at=at))
        return cls(
            user=optional(obj, "User", str, at=at) or "",
            exposed_ports=tuple(_mapping(obj, "ExposedPorts", at=at)),
            env={name: value for name, _, value in pairs},
            entrypoint=_strings(obj, "Entrypoint", at=at),
            cmd=_strings(obj, "Cmd", at=at),
            volumes=tuple(_mapping(obj, "Volumes", at=at)),
            working_dir=optional(obj, "WorkingDir", str, at=at) or "",
            labels=string_mapping(stated(obj, "Labels", otherwise={}), at=join(at, "Labels")),
            stop_signal=optional(obj, "StopSignal", str, at=at) or "",
            healthcheck=(
                None
                if health is None
                else Healthcheck.from_mapping(mapping(health, at=health_at), at=health_at)
            ),
            extra=_extra(obj, _CONTAINER_FIELDS),
        )

    def to_json(self) -> dict[str, object]:
        """Return the document; empty fields are not in it."""
        return dict(self.extra) | _without_empty(
            {
                "User": self.user,
                "ExposedPorts": {port: {} for port in self.exposed_ports},
                "Env": [f"{name}={value}" for name, value in self.env.items()],
                "Entrypoint": list(self.entrypoint),
                "Cmd": list(self.cmd),
                "Volumes": {volume: {} for volume in self.volumes},
                "WorkingDir": self.working_dir,
                "Labels": dict(self.labels),
                "StopSignal": self.stop_signal,
                "Healthcheck": self.healthcheck.to_json() if self.healthcheck else None,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How one layer, or one change of the config, came about; ``created`` is RFC 3339."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False
    extra: JSON = field(default_factory=dict, hash=False)

    @classmethod
    def from_mapping(cls, obj: JSON, *, at: str) -> Self:
        """Read one entry of an image config's ``history``; raise DecodeError."""
        return cls(
            created=_time(obj, "created", at=at),
            created_by=optional(obj, "created_by", str, at=at) or "",
            author=optional(obj, "author", str, at=at) or "",
            comment=optional(obj, "comment", str, at=at) or "",
            empty_layer=optional(obj, "empty_layer", bool, at=at) or False,
            extra=_extra(obj, _HISTORY_FIELDS),
        )

    def to_json(self) -> dict[str, object]:
        """Return the document; empty fields are not in it."""
        return dict(self.extra) | _without_empty(
            {
                "created": self.created,
                "created_by": self.created_by,
                "author": self.author,
                "comment": self.comment,
                "empty_layer": self.empty_layer,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageConfig:
    """The image's identity: its platform, its configuration and the diff IDs of its layers."""

    raw: bytes
    platform: Platform
    created: str
    config: ContainerConfig
    diff_ids: tuple[Digest, ...]
    history: tuple[History, ...]
    extra: JSON = field(default_factory=dict, hash=False)

    @classmethod
    def create(
        cls,
        *,
        platform: Platform,
        created: str,
        config: ContainerConfig,
        diff_ids: Sequence[Digest],
        history: Sequence[History],
        extra: JSON,
    ) -> Self:
        """Make a config; ``extra`` are fields beyond these, as a base image has them."""
        document = {
            **{key: value for key, value in extra.items() if key not in _OF_THE_BASES_BUILD},
            **platform_json(platform),
            "created": created,
            "config": config.to_json(),
            "rootfs": {"type": "layers", "diff_ids": [str(digest) for digest in diff_ids]},
            "history": [entry.to_json() for entry in history],
        }
        return cls.parse(canonical_json(document))

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read an image config, OCI's or Docker's; raise ImageError for anything else."""
        obj = parse_document(raw, what="image config")
        try:
            return cls(
                raw=raw,
                platform=platform_from_mapping(obj, at=""),
                created=_time(obj, "created", at=""),
                config=ContainerConfig.from_mapping(_mapping(obj, "config", at=""), at="config"),
                diff_ids=_diff_ids(mapping(obj.get("rootfs"), at="rootfs")),
                history=each(
                    stated(obj, "history", otherwise=()),
                    lambda item, at: History.from_mapping(mapping(item, at=at), at=at),
                    at="history",
                ),
                extra=_extra(obj, _IMAGE_FIELDS),
            )
        except DecodeError as error:
            raise ImageError(f"image config: {error}") from None

    @property
    def digest(self) -> Digest:
        """The image ID."""
        return Digest.of(self.raw)


def _diff_ids(rootfs: JSON) -> tuple[Digest, ...]:
    kind = rootfs.get("type")
    if kind != "layers":
        raise DecodeError(f"expected 'layers', got {str(kind)[:100]!r}", at="rootfs.type")
    # Docker leaves them out where there are none.
    return each(stated(rootfs, "diff_ids", otherwise=()), _diff_id, at="rootfs.diff_ids")


def _diff_id(value: object, at: str) -> Digest:
    try:
        return Digest.parse(typed(value, str, at=at))
    except ImageError as error:
        raise DecodeError(error.message, at=at) from None


def _time(obj: JSON, key: str, *, at: str) -> str:
    text = optional(obj, key, str, at=at)
    if text is None:
        return ""
    try:
        if _TIME.fullmatch(text):
            datetime.fromisoformat(text.upper())
            return text
    except ValueError:
        pass
    raise DecodeError(
        f"{text[:100]!r} is not a time like 2026-01-31T23:59:59Z (RFC 3339)", at=join(at, key)
    )


def _strings(obj: JSON, key: str, *, at: str) -> tuple[str, ...]:
    return strings(stated(obj, key, otherwise=()), at=join(at, key))


def _mapping(obj: JSON, key: str, *, at: str) -> JSON:
    return mapping(stated(obj, key, otherwise={}), at=join(at, key))


def _extra(obj: JSON, known: frozenset[str]) -> dict[str, object]:
    return {key: value for key, value in obj.items() if key not in known}


def _without_empty(document: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in document.items() if value}
