"""The files that conda-lock reads: an environment without what is condabox's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.conda.inputs import LockInputs

_SELECTOR = {
    "linux-64": "linux64",
    "linux-aarch64": "aarch64",
    "linux-ppc64le": "ppc64le",
    "osx-64": "osx64",
    "osx-arm64": "arm64",
    "win-64": "win64",
}
"""conda-lock's selectors that hold for one subdir alone."""


def environment_file(
    inputs: Mapping[str, LockInputs], *, category: str, default_index: bool
) -> str:
    """Return an environment.yml with what ``inputs``, by subdir, ask for in ``category``.

    What only some of the subdirs ask for has a selector for each of them.  ``default_index``
    lets conda-lock ask the public index of pip packages.
    """
    first = next(iter(inputs.values()))
    conda = {subdir: found.conda.get(category, ()) for subdir, found in inputs.items()}
    pip = {subdir: found.pip.get(category, ()) for subdir, found in inputs.items()}
    lines = [
        f"channels: {json.dumps(list(first.channels))}",
        f"category: {json.dumps(category)}",
        f"allow-pypi-requests: {json.dumps(default_index)}",
        "dependencies:",
    ]
    if not any(conda.values()) and not any(pip.values()):
        lines[-1] += " []"
    lines += _lines(conda, indent="  ")
    if any(pip.values()):
        lines += ["  - pip:", *_lines(pip, indent="      ")]
    return "\n".join(lines) + "\n"


def _lines(asked: Mapping[str, Sequence[str]], *, indent: str) -> Iterable[str]:
    for item in sorted({item for items in asked.values() for item in items}):
        # a JSON string is a YAML string, whatever is in it
        line = f"{indent}- {json.dumps(item)}"
        subdirs = [subdir for subdir, items in asked.items() if item in items]
        if len(subdirs) == len(asked):
            yield line
        else:
            yield from (f"{line}  # [{_SELECTOR[subdir]}]" for subdir in subdirs)


def categories_of(inputs: Iterable[LockInputs]) -> tuple[str, ...]:
    """Return the categories that anything is asked for in, ``main`` first and always."""
    found = {category for one in inputs for category in (*one.conda, *one.pip)}
    return ("main", *sorted(found - {"main"}))


def virtual_package_file(inputs: Mapping[str, LockInputs]) -> str:
    """Return conda-lock's specification of virtual packages (JSON, which is YAML too)."""
    return json.dumps(
        {
            "subdirs": {
                subdir: {"packages": dict(found.virtual_packages)}
                for subdir, found in inputs.items()
            }
        }
    )
