"""The packages of one prefix as layers, and what there is to say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.backends.prefix_layers import PrefixLayers
from condabox.layercache import LayerCache

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.backends.survey import Survey
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.conda.packages.conflicts import Conflicts
    from condabox.conda.packages.inventory import PackageInventory
    from condabox.events import Reporter
    from condabox.oci.layout import BlobDirectory
    from condabox.plan import BuildPlan
    from condabox.settings import Settings


def package_layers(
    plan: BuildPlan, known: Survey, *, settings: Settings, blobs: BlobDirectory, reporter: Reporter
) -> PrefixLayers:
    """Return what makes the layers of the packages of ``plan``, and has not begun."""
    return PrefixLayers(
        plan=plan,
        python=known.python,
        inventories=known.inventories,
        conflicts=known.conflicts,
        pruned=known.decision.removed,
        cache=LayerCache(directory=settings.cache_dir / "layers", blobs=blobs),
        settings=settings,
        reporter=reporter,
    )


def package_warnings(plan: BuildPlan, known: Survey) -> Iterator[str]:
    """Tell what of the packages is not in the image, or not as they have it."""
    yield from _of_link_scripts(known.packages, known.inventories)
    yield from _of_conflicts(known.conflicts)
    yield from known.decision.warnings(plan.source)


def tools_warnings(tools: BuildPlan, known: Survey) -> Iterator[str]:
    """Tell the same of the tools, with their file's name before what does not have it."""
    name = f"{tools.source}: "
    for text in package_warnings(tools, known):
        yield text if text.startswith(name) else name + text


def _of_link_scripts(
    packages: Sequence[LockedPackage], inventories: Mapping[str, PackageInventory]
) -> Iterator[str]:
    for package in packages:
        for script in inventories[package.sha256].link_scripts:
            yield (
                f"{package.name}: {script} was not run, and what it does is not in the image; "
                "`--builder docker` runs it"
            )


def _of_conflicts(conflicts: Conflicts) -> Iterator[str]:
    """Yield one line for each set of packages, however many paths they contest."""
    contested: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for conflict in conflicts.reports:
        contested.setdefault((conflict.winner, conflict.losers), []).append(conflict.path)
    for (winner, losers), paths in contested.items():
        more = f" and {len(paths) - 1} more paths are" if len(paths) > 1 else " is"
        yield (
            f"{paths[0]}{more} in {winner} and in {', '.join(losers)}; "
            f"the image has what {winner} ships"
        )
