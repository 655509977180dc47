"""Laws of whole locks with development packages, on channels that nobody thought of."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.errors import SolveError
from condabox.events import SilentReporter
from condabox.settings import Settings
from condabox.workflows.lock import LockRequest, lock
from tests.fakes.channel import FakePackage, write_channel
from tests.lock_laws import lost_by_conda_lock, open_categories, unsatisfied_in_lock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.conda.lockfiles.lockfile import LockFile

FORGE = "https://conda.anaconda.org/conda-forge"
NAMES = ("app", "base", "core", "data", "ipykernel")
LIMITS = ("", "", " >=2", " <3")

limits = st.builds("".join, st.tuples(st.sampled_from(NAMES[:-1]), st.sampled_from(LIMITS)))


def one_of_each(found: list[str]) -> list[str]:
    """Leave the first requirement of each package: a file asks for nothing twice."""
    return list({spec.partition(" ")[0]: spec for spec in reversed(found)}.values())


@st.composite
def channels(draw: st.DrawFn) -> list[FakePackage]:
    return [
        FakePackage(
            name=name,
            version=f"{version}.0",
            subdir="noarch",
            depends=tuple(draw(st.lists(limits, max_size=2, unique=True))),
        )
        for name in NAMES
        for version in (1, 2, 3)
    ]


def locked(main: Sequence[str], dev: Sequence[str], *, root: Path) -> LockFile | None:
    """Lock ``main`` and ``dev``, from the channel in ``root``; None where there is no solution."""
    section = {"base": "oci:/nowhere", "dev": {"dependencies": list(dev)}}
    path = root / "env.yml"
    path.write_text(
        f"channels: [conda-forge]\nplatforms: [linux-64]\ndependencies: {list(main)}\n"
        f"condabox: {section}\n"
    )
    mirrors = {FORGE: ((root / "channel").as_uri(),)}
    try:
        lock(
            LockRequest(environments=(path,)),
            settings=Settings(cache_dir=root / "cache", channel_mirrors=mirrors),
            env={"HOME": str(root)},
            reporter=SilentReporter(),
        )
    except SolveError:
        return None
    return read_lock_file(path.with_name(f"{path.stem}.conda-lock.yml"))


# Every example is a lock, of two solves.
@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(
    packages=channels(),
    main=st.lists(limits, min_size=1, max_size=2).map(one_of_each),
    dev=st.lists(limits, max_size=1),
)
def test_a_lock_with_development_packages_keeps_every_law(
    packages: list[FakePackage], main: list[str], dev: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_channel(root / "channel", packages)
        found = locked(main, dev, root=root)
        event("solved" if found else "no solution")
        if found is None:
            return
        data = found.path.read_bytes()
        assert unsatisfied_in_lock(data, found) == []
        assert open_categories(found) == []
        assert lost_by_conda_lock(data, scratch=root) == []
