"""The default backend: from locked packages to an image, without Docker, conda or root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.appfiles import AppFile, AppLink, collect
from condabox.backends.cuda_twice import double_cuda
from condabox.backends.inventories import Inventories
from condabox.backends.prefix_layers import OLDEST, PrefixLayers
from condabox.backends.result import BuildResult, BuiltLayer
from condabox.base import open_base, pinned
from condabox.conda.packages.activation import compile_activation
from condabox.conda.packages.conflicts import Conflicts, find_conflicts
from condabox.conda.packages.order import in_link_order
from condabox.conda.packages.python import PythonInfo
from condabox.configuration import annotations_of, container_config
from condabox.content import CHUNK_SIZE, BytesContent
from condabox.errors import BudgetExceededError, ImageError
from condabox.layercache import LayerCache
from condabox.oci.image import new_image, rfc3339
from condabox.oci.layer import write_layer
from condabox.oci.tarball import TarDirectory, TarFile, TarLink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.appfiles import AppEntry
    from condabox.backends.prefix_layers import PrefixLayer
    from condabox.base import Base
    from condabox.conda.lockfiles.lockfile import LockedEnvironment, LockedPackage
    from condabox.conda.packages.activation import Activation
    from condabox.conda.packages.inventory import PackageInventory
    from condabox.events import Reporter
    from condabox.oci.layer import Layer
    from condabox.oci.layout import BlobDirectory
    from condabox.oci.tarball import TarEntry
    from condabox.plan import BuildPlan
    from condabox.settings import Settings

MOST_LAYERS = 120
"""With the base's.  Docker's overlay2 mounts no more than about 125."""


def build_image(
    plan: BuildPlan, *, settings: Settings, blobs: BlobDirectory, reporter: Reporter
) -> BuildResult:
    """Carry out ``plan``; the layers' blobs end in ``blobs``, which also caches them."""
    base = _open_base(plan, settings=settings, blobs=blobs, reporter=reporter)
    known = Inventories(settings=settings, reporter=reporter)
    python = _python_of(plan.locked, known)
    ordered = in_link_order(plan.locked.packages)
    inventories = known.of(ordered, python=python)
    conflicts = _conflicts(ordered, inventories)
    prefix_layers = PrefixLayers(
        plan=plan,
        python=python,
        inventories=inventories,
        conflicts=conflicts,
        cache=LayerCache(directory=settings.cache_dir / "layers", blobs=blobs),
        settings=settings,
        reporter=reporter,
    ).make()
    activation = _activation(plan, ordered, inventories)
    created = _created(plan, inventories)
    # An application's files say nothing of their age that is the same in every checkout.
    top = _top_layer(plan, blobs=blobs, mtime=min(OLDEST, created))
    return _assemble(
        plan,
        base=base,
        prefix_layers=prefix_layers,
        top=top,
        blobs=blobs,
        activation=activation,
        created=created,
        warnings=(
            *_link_script_warnings(ordered, inventories),
            *_conflict_warnings(conflicts),
            *double_cuda(
                base,
                (path for inventory in inventories.values() for path in inventory.paths),
                cache_dir=settings.cache_dir,
            ),
            *activation.problems,
        ),
    )


def _conflicts(
    packages: Sequence[LockedPackage], inventories: Mapping[str, PackageInventory]
) -> Conflicts:
    """Find what packages lose to others: those of prod to each other alone.

    Prod's layers are then the same in every variant.  What they keep lies below the rest.
    """
    everything = find_conflicts(packages, inventories)
    prod = find_conflicts([package for package in packages if package.prod], inventories)
    of_others = {
        package.sha256: everything.lost[package.sha256]
        for package in packages
        if not package.prod and package.sha256 in everything.lost
    }
    return Conflicts(lost={**prod.lost, **of_others}, reports=everything.reports)


def _open_base(
    plan: BuildPlan, *, settings: Settings, blobs: BlobDirectory, reporter: Reporter
) -> Base:
    digest = plan.base_digest
    base = open_base(
        plan.base if digest is None else pinned(plan.base, digest),
        platform=plan.platform,
        settings=settings,
        blobs=blobs,
        reporter=reporter,
    )
    if digest is not None and str(base.digest) != digest:
        raise ImageError(
            f"{plan.base} is {base.digest} today, and was {digest} when the environment was locked",
            hint=f"run `condabox lock {plan.source}`, or name another image with --base",
        )
    return base


def _python_of(environment: LockedEnvironment, known: Inventories) -> PythonInfo | None:
    package = environment.python
    if package is None:
        return None
    inventory = known.of([package], python=None)[package.sha256]
    return PythonInfo(version=package.version, site_packages=inventory.site_packages or "")


def _activation(
    plan: BuildPlan,
    packages: Sequence[LockedPackage],
    inventories: Mapping[str, PackageInventory],
) -> Activation:
    scripts = {
        path: text
        for package in packages
        for path, text in inventories[package.sha256].activation_in(plan.image.prefix).items()
    }
    paths = (
        {path for inventory in inventories.values() for path in inventory.paths}
        if scripts
        else frozenset[str]()
    )
    return compile_activation(
        scripts,
        prefix=plan.image.prefix,
        paths=paths,
        variables=plan.variables,
        name=plan.name,
    )


def _created(plan: BuildPlan, inventories: Mapping[str, PackageInventory]) -> int:
    if plan.epoch is not None:
        return plan.epoch
    return max((each.timestamp or OLDEST for each in inventories.values()), default=OLDEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class _PathContent:
    """The content of a file of the application."""

    path: Path
    size: int

    def chunks(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                while chunk := file.read(CHUNK_SIZE):
                    yield chunk
        except OSError as error:
            raise ImageError(f"{self.path} cannot be read: {error.strerror}") from None


def _top_layer(plan: BuildPlan, *, blobs: BlobDirectory, mtime: int) -> Layer:
    """Write what belongs to no package: the mark that makes a prefix one, and the application."""
    history = TarFile(
        path=f"{plan.image.prefix.lstrip('/')}/conda-meta/history",
        content=BytesContent(b""),
        mode=0o644,
    )
    app = map(_tar_entry, collect(plan.image.app, environment=plan.source))
    entries = sorted((history, *app), key=lambda entry: entry.path.encode())
    return write_layer(
        entries, mtime=mtime, compression=plan.compression, blobs=blobs, annotations={}
    )


def _tar_entry(entry: AppEntry) -> TarEntry:
    match entry:
        case AppFile():
            content = _PathContent(path=entry.source, size=entry.size)
            mode = 0o755 if entry.executable else 0o644
            return TarFile(path=entry.path, content=content, mode=mode)
        case AppLink():
            return TarLink(path=entry.path, target=entry.target)
        case _:
            return TarDirectory(path=entry.path)


def _assemble(
    plan: BuildPlan,
    *,
    base: Base,
    prefix_layers: Sequence[PrefixLayer],
    top: Layer,
    blobs: BlobDirectory,
    activation: Activation,
    created: int,
    warnings: tuple[str, ...],
) -> BuildResult:
    count = len(base.image.manifest.layers) + len(prefix_layers) + 1
    if count > MOST_LAYERS:
        raise BudgetExceededError(
            f"the image would have {count} layers, and {MOST_LAYERS} are the most that run",
            hint="give fewer packages a layer of their own with --layers",
        )
    annotations = annotations_of(
        plan, created=rfc3339(created), base_name=base.name, base_digest=str(base.digest)
    )
    image = new_image(
        base=base.image,
        layers=[
            *((made.layer, f"condabox: {made.title}") for made in prefix_layers if made.prod),
            (top, f"condabox: {_top_title(plan)}"),
            *((made.layer, f"condabox: {made.title}") for made in prefix_layers if not made.prod),
        ],
        blobs=blobs,
        config=container_config(
            plan,
            base=base.image.config.config,
            activation=activation,
            annotations=annotations,
        ),
        platform=plan.platform,
        epoch=created,
        annotations=annotations,
    )
    return BuildResult(
        platform=plan.platform,
        image=image,
        layers=tuple(_built_layers(plan, base, prefix_layers, top)),
        warnings=warnings,
    )


def _top_title(plan: BuildPlan) -> str:
    return "application" if plan.image.app else "configuration"


def _built_layers(
    plan: BuildPlan, base: Base, prefix_layers: Sequence[PrefixLayer], top: Layer
) -> Iterator[BuiltLayer]:
    for layer in base.image.manifest.layers:
        yield BuiltLayer(
            title=f"base {plan.base}",
            packages=(),
            compressed=layer.size,
            unpacked=None,
            cached=True,
        )
    yield from (_built_layer(made) for made in prefix_layers if made.prod)
    yield BuiltLayer(
        title=_top_title(plan),
        packages=(),
        compressed=top.descriptor.size,
        unpacked=top.size,
        cached=False,
    )
    yield from (_built_layer(made) for made in prefix_layers if not made.prod)


def _built_layer(made: PrefixLayer) -> BuiltLayer:
    return BuiltLayer(
        title=made.title,
        packages=tuple(each.name for each in made.packages),
        compressed=made.layer.descriptor.size,
        unpacked=made.layer.size,
        cached=made.cached,
    )


def _link_script_warnings(
    packages: Sequence[LockedPackage], inventories: Mapping[str, PackageInventory]
) -> Iterator[str]:
    for package in packages:
        for script in inventories[package.sha256].link_scripts:
            yield f"{package.name}: {script} was not run, and what it does is not in the image"


def _conflict_warnings(conflicts: Conflicts) -> Iterator[str]:
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
