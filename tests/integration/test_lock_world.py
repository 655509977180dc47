"""A lock of four platforms from the test world: real packages, read by whoever reads locks."""

from __future__ import annotations

import hashlib
import json
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest
from packaging.utils import parse_wheel_filename

from condabox.conda.channels.pip_index import pip_indexes
from condabox.conda.lockfiles.lockreader import read_lock_file
from tests.conftest import IN_CI
from tests.fakes.project import Project
from tests.lock_laws import lost_by_conda_lock, open_categories, unsatisfied_in_lock
from tests.world.world import CANONICAL_CHANNEL

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockFile
    from tests.world.world import World

pytestmark = pytest.mark.world

PLATFORMS = ("linux-64", "linux-aarch64", "osx-arm64", "win-64")
BUILT = ("linux-64", "linux-aarch64")

# What a prediction service is made of, and what its developers have beside it.
ENVIRONMENT = f"""\
name: serving
channels: [conda-forge]
dependencies:
  - python >=3.11
  - fastapi
  - lightgbm
  - numpy
  - pandas
  - scikit-learn
  - uvicorn
platforms: [{", ".join(PLATFORMS)}]
condabox:
  dev: {{dependencies: [ipdb, jupyterlab]}}
"""

WITH_WHEELS = f"""\
name: wheels
channels: [conda-forge]
dependencies:
  - python >=3.11
  - requests
  - pip:
      - markupsafe
      - pyyaml
      - colorama; sys_platform == "win32"
platforms: [{", ".join(PLATFORMS)}]
"""


def lock_text(text: str, *, world: World, root: Path) -> LockFile:
    """Lock an environment file of that ``text``, and read what came out."""
    project = Project(root=root)
    project.environment.write_text(text)
    (root / "condabox.toml").write_text(
        f'cache-dir = "{project.cache}"\n{world.settings.read_text()}'
    )
    done = project.run("lock", "environment.yml")
    assert done.returncode == 0, done.stderr
    return read_lock_file(root / "environment.conda-lock.yml")


@pytest.fixture(scope="module")
def locked(world: World, tmp_path_factory: pytest.TempPathFactory) -> LockFile:
    return lock_text(ENVIRONMENT, world=world, root=tmp_path_factory.mktemp("serving"))


def test_every_platform_has_the_same_versions_of_what_is_asked_for(locked: LockFile) -> None:
    assert locked.subdirs == PLATFORMS
    asked = {"python", "fastapi", "lightgbm", "numpy", "pandas", "scikit-learn", "uvicorn"}
    found = {
        subdir: {p.name: p.version for p in locked.packages[subdir] if p.name in asked}
        for subdir in PLATFORMS
    }
    assert found["linux-64"].keys() == asked
    assert all(found[subdir] == found["linux-64"] for subdir in PLATFORMS)


def test_each_platform_has_its_own_builds_beside_common_ones(locked: LockFile) -> None:
    for subdir in PLATFORMS:
        packages = locked.packages[subdir]
        assert {package.subdir for package in packages} == {subdir, "noarch"}
        lock_only = {p.name for p in packages if "lockonly" in p.build}
        own = {package.name for package in packages if package.subdir == subdir}
        assert lock_only == (set() if subdir in BUILT else own)


def test_every_url_and_hash_is_the_channel_s(locked: LockFile, world: World) -> None:
    known = {}
    for subdir in (*PLATFORMS, "noarch"):
        repodata = json.loads((world.channel / subdir / "repodata.json").read_bytes())
        for formats in ("packages", "packages.conda"):
            for filename, entry in repodata[formats].items():
                url = f"{CANONICAL_CHANNEL}/{subdir}/{filename}"
                known[url] = (entry["sha256"], entry["size"])

    for subdir in PLATFORMS:
        for package in locked.packages[subdir]:
            assert known[package.url] == (package.sha256, package.size)


def test_the_archives_of_the_lock_have_the_hashes_that_it_says(
    locked: LockFile, world: World
) -> None:
    for package in locked.packages["win-64"]:
        archive = world.channel / package.subdir / package.filename
        assert hashlib.sha256(archive.read_bytes()).hexdigest() == package.sha256


def test_the_base_is_pinned_for_the_platforms_that_have_images(locked: LockFile) -> None:
    assert sorted(locked.base_digests) == sorted(BUILT)
    assert sorted(locked.inputs) == sorted(PLATFORMS)


def test_a_lock_of_four_platforms_is_current(locked: LockFile) -> None:
    done = Project(root=locked.path.parent).run("lock", "--check", "environment.yml")

    assert done.returncode == 0, done.stderr


def test_every_dependency_is_locked_in_a_version_that_fits(locked: LockFile) -> None:
    assert unsatisfied_in_lock(locked.path.read_bytes(), locked) == []


def test_categories_are_closed_under_dependencies(locked: LockFile) -> None:
    assert open_categories(locked) == []
    for subdir in PLATFORMS:
        main = {p.name for p in locked.packages[subdir] if p.category == "main"}
        development = {p.name for p in locked.packages[subdir] if p.category == "dev"}
        assert {"fastapi", "numpy", "python"} <= main
        assert {"ipdb", "ipykernel", "jupyterlab"} <= development
        assert not main & development


def test_conda_lock_reads_and_writes_it_without_loss(locked: LockFile, tmp_path: Path) -> None:
    assert lost_by_conda_lock(locked.path.read_bytes(), scratch=tmp_path) == []


def problem_of_index() -> str | None:
    """Say why wheels cannot be locked on this machine, if they cannot."""
    indexes = pip_indexes(None)
    for url in indexes.urls:
        verify = ssl.create_default_context(cafile=indexes.certificates)
        try:
            page = httpx.get(f"{url}/markupsafe/", verify=verify, follow_redirects=True)
        except httpx.HTTPError as error:
            return f"pip's index cannot be reached: {type(error).__name__}"
        if page.is_success:
            return None
    return "pip has no index on HTTP that has markupsafe"


@pytest.mark.parametrize("subdir", PLATFORMS)
def test_conda_lock_renders_it_for_conda(locked: LockFile, tmp_path: Path, subdir: str) -> None:
    render_explicit(locked, subdir, folder=tmp_path)

    rendered = (tmp_path / f"conda-{subdir}.lock").read_text().splitlines()
    urls = {line.partition("#")[0] for line in rendered if line.startswith("https://")}
    assert urls == {package.url for package in locked.packages[subdir]}


def render_explicit(locked: LockFile, subdir: str, *, folder: Path) -> None:
    """Let conda-lock write what `conda create --file` reads."""
    subprocess.run(
        [
            *(sys.executable, "-m", "conda_lock", "render", "--kind", "explicit"),
            *("--dev-dependencies", "--platform", subdir, locked.path),
        ],
        cwd=folder,
        capture_output=True,
        check=True,
    )


@pytest.fixture(scope="module")
def with_wheels(world: World, tmp_path_factory: pytest.TempPathFactory) -> LockFile:
    """Lock wheels from this machine's own index of pip, where there is one."""
    problem = problem_of_index()
    if problem and IN_CI:
        pytest.fail(f"CI must have it: {problem}", pytrace=False)
    if problem:
        pytest.skip(problem)
    return lock_text(WITH_WHEELS, world=world, root=tmp_path_factory.mktemp("wheels"))


def test_wheels_are_locked_with_hashes_and_for_each_platform(with_wheels: LockFile) -> None:
    platforms = {}
    for subdir in PLATFORMS:
        wheels = {p.name: p for p in with_wheels.packages[subdir] if p.manager == "pip"}
        assert set(wheels) == {
            "markupsafe",
            "pyyaml",
            *(["colorama"] if subdir == "win-64" else []),
        }
        assert all(len(package.sha256) == 64 for package in wheels.values())
        tags = parse_wheel_filename(wheels["markupsafe"].filename)[3]
        platforms[subdir] = {tag.platform for tag in tags}
        assert {tag.interpreter for tag in tags} == {"cp311"}
    assert "manylinux2014_x86_64" in platforms["linux-64"]
    assert "manylinux2014_aarch64" in platforms["linux-aarch64"]
    assert platforms["osx-arm64"] == {"macosx_11_0_arm64"}
    assert platforms["win-64"] == {"win_amd64"}


def test_conda_lock_installs_the_wheels_of_the_lock_too(
    with_wheels: LockFile, tmp_path: Path
) -> None:
    render_explicit(with_wheels, "osx-arm64", folder=tmp_path)

    rendered = (tmp_path / "conda-osx-arm64.lock").read_text()
    for package in with_wheels.packages["osx-arm64"]:
        if package.manager == "pip":
            assert f"# pip {package.name} @ {package.url}#sha256={package.sha256}" in rendered


def test_laws_hold_with_wheels_too(with_wheels: LockFile, tmp_path: Path) -> None:
    data = with_wheels.path.read_bytes()

    assert unsatisfied_in_lock(data, with_wheels) == []
    assert open_categories(with_wheels) == []
    assert lost_by_conda_lock(data, scratch=tmp_path) == []
