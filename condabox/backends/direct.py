"""The default backend: from locked packages to an image, without Docker, conda or root."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from condabox.backends.activated import activation_of, created
from condabox.backends.cuda_twice import double_cuda
from condabox.backends.dev_layers import dev_layers, tools_on
from condabox.backends.package_layers import package_layers, package_warnings
from condabox.backends.prefix_layers import OLDEST
from condabox.backends.result import BuildResult, BuiltLayer
from condabox.backends.stacked import StackedLayer
from condabox.backends.survey import survey
from condabox.backends.top_layer import write_top_layer
from condabox.configuration import annotations_of, container_config
from condabox.development.image import dev_config
from condabox.errors import BudgetExceededError
from condabox.oci.image import new_image, rfc3339
from condabox.pruning.decision import savings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.backends.dev_layers import DevLayers, Tools
    from condabox.backends.prefix_layers import PrefixLayers
    from condabox.backends.survey import Survey
    from condabox.base import Base
    from condabox.conda.packages.activation import Activation
    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.oci.layout import BlobDirectory
    from condabox.plan import BuildPlan
    from condabox.settings import Settings

MOST_LAYERS = 120
"""With the base's.  Docker's overlay2 mounts no more than about 125."""


def build_image(
    plan: BuildPlan, *, settings: Settings, blobs: BlobDirectory, reporter: Reporter
) -> BuildResult:
    """Carry out ``plan``; the layers' blobs end in ``blobs``, which also caches them."""
    known = survey(plan, settings=settings, blobs=blobs, reporter=reporter)
    packages = package_layers(plan, known, settings=settings, blobs=blobs, reporter=reporter)
    tools = (
        None
        if plan.tools is None
        else tools_on(known.base, plan.tools, settings=settings, blobs=blobs, reporter=reporter)
    )
    _check_count(known.base, packages, tools)
    made = packages.make()
    dev = None if tools is None else dev_layers(plan, tools, settings=settings, blobs=blobs)
    layers = (
        *(StackedLayer.of(each) for each in made if each.prod),
        _top(plan, known, blobs=blobs),
        *(StackedLayer.of(each) for each in made if not each.prod),
        *(dev.layers if dev else ()),
    )
    activation = activation_of(plan, known)
    removed = (known.decision.removed, dev.pruned if dev else {})
    return BuildResult(
        platform=plan.platform,
        image=_image(plan, known, activation, layers, dev, blobs=blobs),
        layers=tuple(_built_layers(plan, known, layers)),
        warnings=(
            *package_warnings(plan, known),
            *double_cuda(known.base, known.staying(), cache_dir=settings.cache_dir),
            *activation.problems,
            *(dev.warnings if dev else ()),
        ),
        pruned=savings(
            removal
            for paths in chain.from_iterable(each.values() for each in removed)
            for removal in paths.values()
        ),
    )


def _check_count(base: Base, packages: PrefixLayers, tools: Tools | None) -> None:
    """Raise BudgetExceededError for more layers than run, before there is any."""
    own = packages.count + 1 + (tools.count if tools else 0)  # the application's is one
    count = len(base.image.manifest.layers) + own
    if count > MOST_LAYERS:
        too = ", and build prod with the same: its layers are others then, too" if tools else ""
        raise BudgetExceededError(
            f"the image would have {count} layers, and {MOST_LAYERS} are the most that run",
            hint=f"give fewer packages a layer of their own with --layers{too}",
        )


def _top(plan: BuildPlan, known: Survey, *, blobs: BlobDirectory) -> StackedLayer:
    layer = write_top_layer(
        known.application,
        prefix=plan.image.prefix,
        # An application's files say nothing of their age that is the same in every checkout.
        mtime=min(OLDEST, created(plan, known)),
        compression=plan.compression,
        blobs=blobs,
    )
    return StackedLayer(layer=layer, title="application" if plan.image.app else "configuration")


def _image(
    plan: BuildPlan,
    known: Survey,
    activation: Activation,
    layers: Sequence[StackedLayer],
    dev: DevLayers | None,
    *,
    blobs: BlobDirectory,
) -> Image:
    base = known.base
    at = max(created(plan, known), dev.created if dev else 0)
    annotations = annotations_of(
        plan, created=rfc3339(at), base_name=base.name, base_digest=str(base.digest)
    )
    config = container_config(
        plan,
        base=base.image.config.config,
        activation=activation,
        annotations=annotations,
    )
    return new_image(
        base=base.image,
        layers=[(each.layer, each.created_by) for each in layers],
        blobs=blobs,
        config=dev_config(config, shell=dev.shell) if dev else config,
        platform=plan.platform,
        epoch=at,
        annotations=annotations,
    )


def _built_layers(
    plan: BuildPlan, known: Survey, layers: Sequence[StackedLayer]
) -> Iterator[BuiltLayer]:
    for layer in known.base.image.manifest.layers:
        yield BuiltLayer(
            title=f"base {plan.base}",
            packages=(),
            compressed=layer.size,
            unpacked=None,
            cached=True,
        )
    yield from (each.built for each in layers)
