"""What a check found: how it is, what was seen, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class Group(StrEnum):
    """What findings are about, in the order in which they are shown."""

    SETTINGS = "settings"
    DISK = "disk"
    CHANNELS = "channels"
    REGISTRIES = "registries"
    ENVIRONMENTS = "environments"
    DOCKER = "docker"
    PODMAN = "podman"
    PLATFORMS = "platforms"
    GPU = "gpu"
    STRUCTURE = "structure"
    CONTENTS = "contents"
    CONTAINER = "container"
    IMPORTS = "imports"
    SCRIPTS = "scripts"
    PACKAGE_TESTS = "package tests"
    TESTS = "tests"
    REBUILD = "rebuild"


class State(StrEnum):
    """How it is: a note is for who wonders, a problem lets some command fail."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.  What is not ok has a ``hint``."""

    group: Group
    name: str
    state: State
    detail: str
    hint: str | None = None

    @classmethod
    def ok(cls, group: Group, name: str, detail: str) -> Self:
        """Make a finding that needs nothing."""
        return cls(group=group, name=name, state=State.OK, detail=detail)

    @classmethod
    def note(cls, group: Group, name: str, detail: str, *, hint: str) -> Self:
        """Make a finding that nothing fails for."""
        return cls(group=group, name=name, state=State.NOTE, detail=detail, hint=hint)

    @classmethod
    def problem(cls, group: Group, name: str, detail: str, *, hint: str) -> Self:
        """Make a finding that has to be mended."""
        return cls(group=group, name=name, state=State.PROBLEM, detail=detail, hint=hint)

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` prints."""
        return {
            "group": self.group.value,
            "name": self.name,
            "state": self.state.value,
            "detail": self.detail,
            "hint": self.hint,
        }
