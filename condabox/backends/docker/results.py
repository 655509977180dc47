"""What a build of Docker's hands back, as the direct backend would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.backends.docker.dating import dated
from condabox.backends.result import BuildResult, BuiltLayer
from condabox.oci.image import annotated, rfc3339
from condabox.pruning.decision import savings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.backends.dockerfile.surveyed import Surveyed
    from condabox.oci.image import Image


def result_of(surveyed: Surveyed, image: Image, *, warnings: Sequence[str]) -> BuildResult:
    """Return ``image`` as its plan wants it said and dated, and what its user should know."""
    image = dated(image, base=surveyed.known.base.image, created=rfc3339(surveyed.created))
    return BuildResult(
        platform=surveyed.plan.platform,
        image=annotated(image, surveyed.annotations()),
        layers=tuple(_layers(surveyed, image)),
        warnings=tuple(warnings),
        pruned=savings(surveyed.removals()),
    )


def _layers(surveyed: Surveyed, image: Image) -> Iterator[BuiltLayer]:
    below = len(surveyed.known.base.image.manifest.layers)
    steps = [each.created_by for each in image.config.history if not each.empty_layer]
    for number, layer in enumerate(image.manifest.layers):
        # not every builder tells what it did
        step = steps[number] if len(steps) == len(image.manifest.layers) else f"step {number}"
        yield BuiltLayer(
            title=f"base {surveyed.plan.base}" if number < below else _title(step),
            packages=(),
            compressed=layer.size,
            unpacked=None,
            cached=number < below,
        )


def _title(step: str) -> str:
    return " ".join(step.removesuffix("# buildkit").split())
