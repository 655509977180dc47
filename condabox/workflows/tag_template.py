"""Tags that say what is in an image: ``{version}-{name}-py{python}-cuda{cuda}-{variant}``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.plan import BuildPlan
    from condabox.workflows.build_request import Variant

VERSION_LABEL = "org.opencontainers.image.version"
_FIELDS = ("version", "name", "python", "cuda", "variant")
_FIELD = re.compile(r"\{([^{}]*)\}")
_IN_NO_TAG = re.compile(r"[^A-Za-z0-9_.-]+")


def provisional(text: str) -> str:
    """Return ``text`` with something in the place of its fields, whose values come later.

    Raise SpecError where they do not exist, or are outside of the tag.
    """
    name, tag = _split(text)
    unknown = [field for field in _FIELD.findall(tag) if field not in _FIELDS]
    there_are = ", ".join(f"{{{field}}}" for field in _FIELDS)
    if unknown:
        raise SpecError(
            f"{text}: there is no field {{{unknown[0]}}}", hint=f"there are {there_are}"
        )
    if _FIELD.search(name):
        raise SpecError(f"{text}: only a tag can have fields", hint=f"there are {there_are}")
    return name + _FIELD.sub("0", tag)


def fields_of(plan: BuildPlan, variant: Variant) -> Mapping[str, str | None]:
    """Return what a template may say of an image, None for what the image has not."""
    python = plan.locked.python
    return {
        "version": plan.image.labels.get(VERSION_LABEL),
        "name": plan.name,
        "python": ".".join(python.version.split(".")[:2]) if python else None,
        "cuda": plan.image.cuda,
        "variant": variant.value,
    }


def expand(text: str, fields: Mapping[str, str | None]) -> str:
    """Return ``text`` with its fields filled in; what no tag can hold becomes a dash.

    Parts between dashes that speak of what the image has not are left out.  Only the version has
    to be there: raise SpecError where it is not, since two versions must not share a tag, and where
    nothing is left.
    """
    name, tag = _split(text)
    if "{version}" in tag and fields["version"] is None:
        raise SpecError(
            f"{text}: the environment has no version",
            hint=f"give it the label {VERSION_LABEL} below `condabox:`",
        )
    told = [
        part
        for part in tag.split("-")
        if all(fields[field] is not None for field in _FIELD.findall(part))
    ]
    if tag and not told:
        lacking = next(field for field in _FIELD.findall(tag) if fields[field] is None)
        raise SpecError(
            f"{text}: nothing is left of the tag, as the image has no {lacking}",
            hint="let the tag say more, or something else",
        )
    filled = _FIELD.sub(lambda found: _IN_NO_TAG.sub("-", fields[found[1]] or ""), "-".join(told))
    return f"{name}{filled}"


def _split(text: str) -> tuple[str, str]:
    """Return what comes before the tag, and the tag, which is empty where there is none."""
    name, colon, tag = text.rpartition(":")
    return (text, "") if not colon or "/" in tag else (f"{name}:", tag)
