"""The files that conda-lock reads: an environment without what is condabox's own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.conda.lockfiles.inputs import LockInputs


def environment_file(
    inputs: LockInputs, *, category: str, channels: Sequence[str], default_index: bool
) -> str:
    """Return an environment.yml with what ``inputs`` ask for in ``category``.

    ``default_index`` lets conda-lock ask the public index of pip packages.
    """
    conda, pip = inputs.conda.get(category, ()), inputs.pip.get(category, ())
    lines = [
        f"channels: {json.dumps(list(channels))}",
        f"category: {json.dumps(category)}",
        f"allow-pypi-requests: {json.dumps(default_index)}",
        "dependencies:" if conda or pip else "dependencies: []",
        # a JSON string is a YAML string, whatever is in it
        *(f"  - {json.dumps(item)}" for item in conda),
    ]
    if pip:
        lines += ["  - pip:", *(f"      - {json.dumps(item)}" for item in pip)]
    return "\n".join(lines) + "\n"


def categories_of(inputs: LockInputs) -> tuple[str, ...]:
    """Return the categories that anything is asked for in, ``main`` first and always."""
    return ("main", *sorted({*inputs.conda, *inputs.pip} - {"main"}))


def virtual_package_file(inputs: LockInputs, subdir: str) -> str:
    """Return conda-lock's specification of virtual packages (JSON, which is YAML too)."""
    return json.dumps({"subdirs": {subdir: {"packages": dict(inputs.virtual_packages)}}})
