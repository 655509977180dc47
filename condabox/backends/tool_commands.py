"""What both backends say of tools: which of their programs users call, and from which shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.conda.lockfiles.inputs import package_of
from condabox.conda.lockfiles.lockfile import PROD
from condabox.development.files import commands_of

if TYPE_CHECKING:
    from condabox.backends.survey import Survey
    from condabox.plan import BuildPlan

USUAL_SHELL = "/bin/sh"
"""The shell to log in with where a base tells of no other."""


def tool_commands(tools: BuildPlan, known: Survey) -> tuple[str, ...]:
    """Return which programs of ``tools`` users call, sorted."""
    return commands_of(
        known.packages,
        {package.sha256: known.staying_of(package.sha256) for package in known.packages},
        named=_named(tools),
    )


def _named(tools: BuildPlan) -> frozenset[str]:
    """Return the tools that somebody asked for; where nobody knows, those that no other needs."""
    inputs = tools.lock.inputs.get(tools.locked.subdir)
    if inputs is not None:
        return frozenset(map(package_of, inputs.conda.get(PROD, ())))
    packages = tools.locked.packages
    needed = {name for package in packages for name in package.dependencies}
    return frozenset(package.name for package in packages) - needed
