"""Images of the test world, pruned: built, run, and asked what works in them."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from condabox.backends.base_libraries import GLIBC
from condabox.backends.package_facts import FactsTaker
from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.conda.packages.order import in_link_order
from condabox.conda.packages.python import PythonInfo
from condabox.events import SilentReporter
from condabox.pruning.proof import prove
from condabox.pruning.selection import DROP, Selection
from condabox.settings import load_settings
from tests.fakes.project import Project
from tests.fakes.recipe_imports import modules_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from condabox.pruning.facts import PackageFacts
    from tests.world.world import World

INSIDER = Path(__file__).with_name("insider.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A module that was imported: the file that asked first, how it did (see `Watch`), its file."""

    asker: str
    how: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunedImage:
    """An image: what ``rules`` took of it, and what its own Python ``said`` (see `insider`)."""

    project: Project
    rules: Mapping[str, int]
    said: Mapping[str, Any]

    def imports(self) -> list[Import]:
        return [
            Import(asker=normpath(asker), how=how, path=normpath(path))
            for asker, how, _, path in self.said["imported"]
        ]

    def needed_libraries(self) -> list[str]:
        """Return the libraries that others needed, as they were found and as they are called."""
        found = (normpath(path) for who, *paths in self.said["loaded"] if who for path in paths)
        return sorted({path for path in found if not path.startswith(("/", ".."))})


def pruned_image(
    world: World, root: Path, *, packages: Iterable[str], profile: str, cache: Path
) -> PrunedImage:
    """Build ``packages`` of the world in the folder ``root``, and ask what works."""
    project = Project(
        root=root, env={"CONDABOX_CONFIG": str(world.settings), "XDG_CACHE_HOME": str(cache)}
    )
    lines = "".join(f"  - {each}\n" for each in ("python", *packages))
    project.environment.write_text(
        f"channels: [conda-forge]\nplatforms: [linux-64]\ndependencies:\n{lines}"
    )
    built: dict[str, Any] = project.build("--platform", "linux/amd64", "--prune", profile)
    (image,) = built["images"]
    locked = read_lock_file(root / "environment.conda-lock.yml").environments["linux-64"]
    done = project.run(
        *("run", "--quiet", "--engine", "unshare", "--platform", "linux/amd64"),
        *("-e", "LD_DEBUG=files", "-e", "LD_DEBUG_OUTPUT=/tmp/loaded"),
        *("image", "--", "python", "-c", INSIDER.read_text()),
        *modules_of({package.name for package in locked.packages}),
    )
    assert done.returncode == 0, done.stderr
    return PrunedImage(
        project=project,
        rules={rule: saved["paths"] for rule, saved in image["pruned"].items()},
        said=json.loads(done.stdout.splitlines()[-1]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The facts of all packages of an image, and who owns a path."""

    facts: Mapping[str, PackageFacts]
    owners: Mapping[str, str]

    def kept(self, paths: Iterable[str]) -> dict[str, str]:
        """Return which of ``paths`` stay where the user drops them, each with the reason."""
        taken: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for path in paths:
            taken[self.owners[path]][path] = DROP
        proof = prove(Selection(taken=taken), facts=self.facts, base_libraries=GLIBC)
        return {each.path: each.because for kept in proof.kept.values() for each in kept}


def evidence(project: Project) -> Evidence:
    """Take the facts that the build of ``project`` took."""
    settings = load_settings(project.root, env=project.variables())
    lock = read_lock_file(project.root / "environment.conda-lock.yml")
    locked = lock.environments["linux-64"]
    assert locked.python is not None
    python = PythonInfo(version=locked.python.version)
    packages = in_link_order(locked.packages)
    taker = FactsTaker(settings=settings, reporter=SilentReporter())
    facts = taker.of(packages, python=python)
    owners = {path: key for key, each in facts.items() for path in (*each.sizes, *each.links)}
    return Evidence(facts=facts, owners=owners)
