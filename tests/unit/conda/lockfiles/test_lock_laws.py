"""Laws of solving and locking, on channels and lock files that nobody thought of."""

from __future__ import annotations

import itertools
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condabox.conda.channels.solver import solve
from condabox.conda.lockfiles.inputs import LockInputs
from condabox.conda.lockfiles.lockreader import parse_lock_file
from condabox.errors import SolveError
from condabox.settings import Settings
from tests.fakes.channel import FakePackage, write_channel
from tests.lock_laws import holds, lost_by_conda_lock, open_categories, record, unsatisfied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.conda.channels.solver import PackageRecord

FORGE = "https://conda.anaconda.org/conda-forge"
NAMES = ("app", "base", "core", "data")
GLIBC = {"__glibc": "2.28"}
LIMITS = ("", " >=2", " <3", " ==1.0", " 2.*", " >=1,<3")

limits = st.builds("".join, st.tuples(st.sampled_from(NAMES), st.sampled_from(LIMITS)))
needs = st.one_of(limits, limits, limits, st.sampled_from(("__glibc >=2.17", "__glibc >=2.39")))


@st.composite
def channels(draw: st.DrawFn) -> list[FakePackage]:
    """Draw two or three versions of each package, with dependencies in any direction."""
    return [
        FakePackage(
            name=name,
            version=f"{version}.0",
            subdir=draw(st.sampled_from(("linux-64", "noarch"))),
            depends=tuple(draw(st.lists(needs, min_size=1, max_size=2, unique=True))),
        )
        for name in NAMES
        for version in range(1, draw(st.integers(2, 3)) + 1)
    ]


def try_to_solve(
    specs: Sequence[str], packages: Sequence[FakePackage], *, root: Path, keep: Sequence[str] = ()
) -> tuple[PackageRecord, ...] | None:
    url = write_channel(root / "channel", packages)
    try:
        return solve(
            specs,
            channels=[url],
            subdir="linux-64",
            virtual_packages=GLIBC,
            settings=Settings(cache_dir=root / "cache"),
            keep=keep,
        )
    except SolveError:
        return None


def solvable(specs: Sequence[str], packages: Sequence[FakePackage]) -> bool:
    """Look at every set of packages there is, with one version of each name at the most."""
    versions = [
        [None, *(package for package in packages if package.name == name)] for name in NAMES
    ]
    for chosen in itertools.product(*versions):
        present = {p.name: record(p.name, p.version, p.build, subdir=p.subdir) for p in chosen if p}
        present["__glibc"] = record("__glibc", "2.28", "0", subdir="noarch")
        wanted = [*specs, *(spec for package in chosen if package for spec in package.depends)]
        if all(holds(spec, present) for spec in wanted):
            return True
    return False


def reachable(specs: Sequence[str], solution: Sequence[PackageRecord]) -> set[str]:
    depends = {each.name: each.depends for each in solution}
    todo, found = [spec.partition(" ")[0] for spec in specs], set()
    while todo:
        name = todo.pop()
        if name in depends and name not in found:
            found.add(name)
            todo += [spec.partition(" ")[0] for spec in depends[name]]
    return found


# Every example is a process or two.
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(packages=channels(), specs=st.lists(limits, min_size=1, max_size=2))
def test_a_solution_has_all_that_is_asked_for_and_needed_and_nothing_else(
    packages: list[FakePackage], specs: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        found = try_to_solve(specs, packages, root=Path(name))

    if found is None:
        assert not solvable(specs, packages)
        return
    present = {
        each.name: record(each.name, each.version, each.build, subdir=each.subdir) for each in found
    }
    assert all(holds(spec, present) for spec in specs)
    assert unsatisfied(found, GLIBC) == []
    assert sorted(present) == [each.name for each in found]
    assert reachable(specs, found) == set(present)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(packages=channels(), specs=st.lists(limits, min_size=1, max_size=2))
def test_what_is_kept_and_still_fits_stays_when_the_channel_grows(
    packages: list[FakePackage], specs: list[str]
) -> None:
    newer = [FakePackage(name=name, version="1.9.0", subdir="noarch") for name in NAMES]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        before = try_to_solve(specs, packages, root=root)
        if before is None:
            return
        keep = [each.url for each in before]

        after = try_to_solve(specs, [*packages, *newer], root=root, keep=keep)

    assert after == before


words = st.text("abcxyz019", min_size=1, max_size=8)
versions = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){0,2}", fullmatch=True)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
SUBDIRS = ("linux-64", "osx-arm64", "win-64")


@st.composite
def locked_packages(draw: st.DrawFn, *, subdir: str) -> dict[str, object]:
    """Draw one entry of a lock file, as conda-lock writes it."""
    name, version = draw(words), draw(versions)
    conda = draw(st.booleans())
    if conda:
        folder = f"{FORGE}/{draw(st.sampled_from((subdir, 'noarch')))}"
        suffix = draw(st.sampled_from((".conda", ".tar.bz2")))
        url = f"{folder}/{name}-{version}-{draw(words)}_0{suffix}"
    else:
        url = f"https://files.example/{name}-{version}-py3-none-any.whl"
    category = draw(st.sampled_from(("main", "dev", "docs")))
    hashes = {"sha256": draw(digests)} | ({"md5": draw(digests)[:32]} if conda else {})
    return {
        "name": name,
        "version": version,
        "manager": "conda" if conda else "pip",
        "platform": subdir,
        "dependencies": draw(
            st.dictionaries(words, st.sampled_from(("", ">=1", "2.*")), max_size=2)
        ),
        "url": url,
        "hash": hashes,
        "category": category,
        "optional": category != "main",
    }


@st.composite
def lock_files(draw: st.DrawFn) -> bytes:
    """Draw a whole lock file, with condabox's own entries or without."""
    subdirs = draw(st.lists(st.sampled_from(SUBDIRS), min_size=1, unique=True))
    packages = [
        package
        for subdir in subdirs
        for package in draw(
            st.lists(
                locked_packages(subdir=subdir),
                max_size=4,
                unique_by=lambda each: (each["manager"], each["name"]),
            )
        )
    ]
    custom = {}
    if draw(st.booleans()):
        custom = {"condabox": "1", "condabox-base": "ubuntu:24.04"}
        for subdir in subdirs:
            inputs = LockInputs(
                channels=(FORGE,),
                conda={"main": tuple(sorted(draw(st.sets(words, max_size=3))))},
                pip={},
                virtual_packages=draw(st.dictionaries(words, versions, max_size=2)),
            )
            sizes = {str(each["name"]): draw(st.integers(0, 1 << 40)) for each in packages[:2]}
            custom[f"condabox-inputs-{subdir}"] = inputs.to_text()
            custom[f"condabox-base-digest-{subdir}"] = f"sha256:{draw(digests)}"
            custom[f"condabox-sizes-{subdir}"] = json.dumps(sizes)
    metadata = {
        "content_hash": {subdir: draw(digests) for subdir in subdirs},
        "channels": [{"url": FORGE, "used_env_vars": []}],
        "platforms": subdirs,
        "sources": ["env.yml"],
        **({"custom_metadata": custom} if custom else {}),
    }
    return yaml.safe_dump({"version": 1, "metadata": metadata, "package": packages}).encode()


@given(data=lock_files())
def test_conda_lock_reads_and_writes_a_lock_without_loss(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        assert lost_by_conda_lock(data, scratch=Path(name)) == []


@given(data=lock_files())
def test_every_entry_of_a_lock_is_read_once(data: bytes) -> None:
    written = yaml.safe_load(data)["package"]

    packages = parse_lock_file(data, path=Path("env.conda-lock.yml")).packages

    assert sorted((p.url, p.sha256, p.category) for found in packages.values() for p in found) == (
        sorted((p["url"], p["hash"]["sha256"], p["category"]) for p in written)
    )


@pytest.mark.parametrize(
    ("categories", "broken"),
    [
        pytest.param({"app": "dev", "base": "main"}, [], id="of main"),
        pytest.param({"app": "dev", "base": "dev"}, [], id="of its own"),
        pytest.param({"app": "main", "base": "dev"}, ["linux-64: app (main): base"], id="of dev"),
        pytest.param(
            {"app": "dev", "base": "docs"}, ["linux-64: app (dev): base"], id="of another"
        ),
    ],
)
def test_the_law_of_categories_can_be_broken(categories: dict[str, str], broken: list[str]) -> None:
    entries = [
        {
            "name": name,
            "version": "1",
            "manager": "conda",
            "platform": "linux-64",
            "dependencies": {"base": ""} if name == "app" else {},
            "url": f"{FORGE}/noarch/{name}-1-0.conda",
            "hash": {"md5": "0" * 32, "sha256": "0" * 64},
            "category": category,
        }
        for name, category in categories.items()
    ]
    document = {"version": 1, "metadata": {"platforms": ["linux-64"]}, "package": entries}

    lock = parse_lock_file(json.dumps(document).encode(), path=Path("env.conda-lock.yml"))

    assert open_categories(lock) == broken
