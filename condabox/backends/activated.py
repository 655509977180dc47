"""What is said of an image as a whole, whichever backend makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.backends.prefix_layers import OLDEST
from condabox.conda.packages.activation import compile_activation

if TYPE_CHECKING:
    from condabox.backends.survey import Survey
    from condabox.conda.packages.activation import Activation
    from condabox.plan import BuildPlan


def activation_of(plan: BuildPlan, known: Survey) -> Activation:
    """Compile the activation scripts that the image has, and the environment file's variables."""
    staying = frozenset(known.staying())
    scripts = {
        path: text
        for package in known.packages
        for path, text in known.inventories[package.sha256].activation_in(plan.image.prefix).items()
        if path in staying
    }
    return compile_activation(
        scripts,
        prefix=plan.image.prefix,
        paths=staying,
        variables=plan.variables,
        name=plan.name,
    )


def created(plan: BuildPlan, known: Survey) -> int:
    """Return when the image was created, in seconds: SOURCE_DATE_EPOCH, or its newest package."""
    if plan.epoch is not None:
        return plan.epoch
    return max((each.timestamp or OLDEST for each in known.inventories.values()), default=OLDEST)
