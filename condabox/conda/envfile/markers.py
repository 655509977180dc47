"""Markers of pip requirements (PEP 508), as far as is known what they are asked of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.markers import Marker, UndefinedComparison

if TYPE_CHECKING:
    from collections.abc import Mapping

_SYSTEMS = {
    "linux": {"os_name": "posix", "platform_system": "Linux", "sys_platform": "linux"},
    "osx": {"os_name": "posix", "platform_system": "Darwin", "sys_platform": "darwin"},
    "win": {"os_name": "nt", "platform_system": "Windows", "sys_platform": "win32"},
}
_MACHINES = {
    "linux-64": "x86_64",
    "linux-aarch64": "aarch64",
    "linux-ppc64le": "ppc64le",
    "osx-64": "x86_64",
    "osx-arm64": "arm64",
    "win-64": "AMD64",
}
_CPYTHON = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
_NO_EXTRA = {"extra": ""}
"""What markers of an environment file find: extras are those of packages."""

_QUOTED = r"\"[^\"]*\"|'[^']*'"
_SIDE = rf"(?:\w+|{_QUOTED})"
_COMPARISON = re.compile(rf"{_SIDE}\s+(?:in|not\s+in|[<>=!~]+)\s+{_SIDE}")
_OPERATORS = frozenset({"and", "in", "not", "or"})


def marker_environment(subdir: str) -> Mapping[str, str]:
    """Return what markers find on ``subdir`` whatever its Python is."""
    system = _SYSTEMS[subdir.partition("-")[0]]
    return {**system, "platform_machine": _MACHINES[subdir], **_CPYTHON}


def may_hold(marker: Marker, known: Mapping[str, str]) -> bool:
    """Tell whether ``marker`` can hold where no more than ``known`` is, which has ``os_name``.

    A comparison of anything else may hold, and so may one that PEP 508 does not define.
    """
    values = {**_NO_EXTRA, **known}
    true = f'os_name == "{known["os_name"]}"'

    def settled(comparison: re.Match[str]) -> str:
        return comparison[0] if _is_decided(Marker(comparison[0]), values) else true

    # there is no negation: the whole may hold if it does with all true that may be
    return Marker(_COMPARISON.sub(settled, str(marker))).evaluate(values)


def is_of_platform(marker: Marker) -> bool:
    """Tell whether the platform alone decides ``marker``."""
    return _names(marker) <= {*_NO_EXTRA, *marker_environment("linux-64")}


def _is_decided(comparison: Marker, values: dict[str, str]) -> bool:
    if not _names(comparison) <= values.keys():
        return False
    try:
        comparison.evaluate(values)
    except (KeyError, UndefinedComparison):
        return False  # two texts are compared, or texts by an operator for versions
    return True


def _names(marker: Marker) -> set[str]:
    return set(re.findall(r"\w+", re.sub(_QUOTED, "", str(marker)))) - _OPERATORS
