"""What looks as if nothing needed it, in real packages: conda packages of the world, and wheels."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from condabox.backends.base_libraries import GLIBC
from condabox.conda.envfile.section import PruneSection
from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.python import PythonInfo
from condabox.pruning.decision import decide
from condabox.pruning.observe import observe
from tests.fakes import facts as fakes
from tests.fakes.packages import locked, locked_named, make_package
from tests.world.architectures import ARCHITECTURES
from tests.world.pip import fetch_wheels

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.conda.envfile.section import PruneProfile
    from condabox.pruning.facts import PackageFacts
    from tests.world.world import World

pytestmark = pytest.mark.world

PYTHON = PythonInfo(version="3.11.2")
SITE = PYTHON.site_packages
NUMPY_2_2 = "numpy==2.2.6"
SCIKIT_IMAGE = "scikit-image==0.25.2"
NOTHING = fakes.package()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What goes, and why what was selected stays; without the folder of site-packages."""

    removed: frozenset[str]
    kept: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """Looks packages of the world and wheels up, and takes the facts of each once."""

    world: World
    scratch: Path
    facts: dict[str, PackageFacts] = field(default_factory=dict)

    def package(self, name: str) -> LockedPackage:
        """Return the newest package of that name."""
        found = re.compile(rf"{name}-\d[^-]*-[^-]+\.(?:conda|tar\.bz2)")
        every = (*self.world.channel.glob("linux-64/*"), *self.world.channel.glob("noarch/*"))
        archive = max(path for path in every if found.fullmatch(path.name))
        return self._known(archive, locked(archive))

    def made(self, name: str, files: Mapping[str, str]) -> LockedPackage:
        archive = make_package(self.scratch, name, files=files)
        return self._known(archive, locked(archive))

    def wheel(self, pin: str) -> LockedPackage:
        (archive,) = fetch_wheels(
            (pin,), architecture=ARCHITECTURES["linux-64"], cache=self.world.root / "more"
        )
        name, _, version = pin.partition("==")
        package = LockedPackage(
            name=name,
            version=version,
            manager="pip",
            url=f"https://wheels.example/{archive.name}",
            sha256=hashlib.sha256(archive.name.encode()).hexdigest(),
            category="main",
            dependencies=(),
        )
        return self._known(archive, package)

    def prune(
        self,
        *packages: LockedPackage,
        profile: PruneProfile = "slim",
        drop: tuple[str, ...] = (),
    ) -> Outcome:
        """Decide for an environment of ``packages``; those without an archive have no files."""
        facts = {each.sha256: self.facts.get(each.sha256) or NOTHING for each in packages}
        decision = decide(
            packages,
            paths={key: sorted((*each.sizes, *each.links)) for key, each in facts.items()},
            facts=facts,
            section=PruneSection(profile=profile, drop=drop),
            application=NOTHING,
            base_libraries=GLIBC,
        )
        return Outcome(
            removed=frozenset(short(path) for each in decision.removed.values() for path in each),
            kept={
                short(each.path): each.because for kept in decision.kept.values() for each in kept
            },
        )

    def paths(self, package: LockedPackage, pattern: str) -> frozenset[str]:
        facts = self.facts[package.sha256]
        every = map(short, (*facts.sizes, *facts.links))
        found = frozenset(path for path in every if re.fullmatch(pattern, path))
        assert found, f"{package.name} has no {pattern}"
        return found

    def _known(self, archive: Path, package: LockedPackage) -> LockedPackage:
        if package.sha256 not in self.facts:
            self.facts[package.sha256] = observe(
                archive, package, python=PYTHON, scratch=self.scratch
            )
        return package


def short(path: str) -> str:
    return path.removeprefix(f"{SITE}/")


@pytest.fixture(scope="module")
def shelf(world: World, tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(world=world, scratch=tmp_path_factory.mktemp("scratch"))


@pytest.mark.parametrize("profile", ["safe", "slim"])
def test_numpy_2_2_6_keeps_the_one_test_module_that_numpy_testing_imports(
    shelf: Shelf, profile: PruneProfile
) -> None:
    numpy = shelf.wheel(NUMPY_2_2)

    found = shelf.prune(numpy, profile=profile)

    tests = shelf.paths(numpy, r"numpy/_core/tests/.*")
    assert tests - found.removed == {"numpy/_core/tests/_natype.py"}


def test_numpy_2_2_6_keeps_it_by_proof_as_well(shelf: Shelf) -> None:
    numpy = shelf.wheel(NUMPY_2_2)

    found = shelf.prune(numpy, profile="none", drop=("**/tests/**", "**/numpy/conftest.py"))

    why = "numpy/testing/_private/utils.py imports numpy._core.tests._natype.pd_NA"
    assert found.kept["numpy/_core/tests/_natype.py"] == why
    assert "numpy/conftest.py" in found.removed


@pytest.mark.parametrize("user", ["scipy", "scikit-learn"])
def test_numpy_testing_stays_for_those_who_import_it(shelf: Shelf, user: str) -> None:
    numpy, other = shelf.package("numpy"), shelf.package(user)
    testing = shelf.paths(numpy, r"numpy/testing/(?!tests/).*\.py")
    assert {
        path
        for path, names in shelf.facts[other.sha256].imports.items()
        if "/tests/" not in path and any(name.startswith("numpy.testing") for name in names)
    }

    assert testing.isdisjoint(shelf.prune(numpy, other).removed)
    found = shelf.prune(numpy, other, profile="none", drop=("**/numpy/testing/**",))
    needed = {"numpy/testing/__init__.py", "numpy/testing/_private/utils.py"}
    assert needed <= found.kept.keys()


def test_helpers_for_the_tests_of_others_stay(shelf: Shelf) -> None:
    scipy, sklearn, pandas = map(shelf.package, ("scipy", "scikit-learn", "pandas"))

    found = shelf.prune(scipy, sklearn, pandas)

    helpers = shelf.paths(scipy, r"scipy/_lib/array_api_extra/testing.*")
    helpers |= shelf.paths(sklearn, r"sklearn/externals/array_api_extra/testing.*")
    helpers |= shelf.paths(pandas, r"pandas/(_testing/.*\.py|_libs/testing\..*\.so)")
    assert helpers.isdisjoint(found.removed)
    assert shelf.paths(pandas, r"pandas/tests/.*") & found.removed


def test_stubs_that_lazy_loader_reads_stay(shelf: Shelf) -> None:
    skimage, loader = shelf.wheel(SCIKIT_IMAGE), locked_named("lazy-loader", manager="pip")
    stubs = shelf.paths(skimage, r"skimage/(\w+/)?__init__\.pyi")

    assert stubs.isdisjoint(shelf.prune(skimage, loader).removed)
    # Whoever takes them all the same is told why they stay.
    found = shelf.prune(skimage, loader, drop=("**/*.pyi",))
    assert stubs.isdisjoint(found.removed)
    assert found.kept["skimage/__init__.pyi"] == "skimage/__init__.py reads data of skimage"


def test_what_lazy_loader_stubs_import_stays(shelf: Shelf) -> None:
    skimage = shelf.wheel(SCIKIT_IMAGE)

    found = shelf.prune(skimage, profile="none", drop=("skimage/data/**", "**/skimage/data/**"))

    assert found.kept["skimage/data/__init__.py"].startswith("skimage/__init__.py imports ")


def test_the_tests_of_jinja2_are_a_module_that_templates_need(shelf: Shelf) -> None:
    jinja2 = shelf.package("jinja2")

    assert "jinja2/tests.py" not in shelf.prune(jinja2).removed
    found = shelf.prune(jinja2, drop=("**/jinja2/tests.py",))
    assert found.kept == {"jinja2/tests.py": "jinja2/defaults.py imports jinja2.tests.TESTS"}


def test_stubs_that_jedi_completes_by_stay_and_others_go(shelf: Shelf) -> None:
    jedi, numpy = shelf.package("jedi"), shelf.package("numpy")

    found = shelf.prune(jedi, numpy)

    assert shelf.paths(jedi, r"jedi/third_party/.*\.pyi").isdisjoint(found.removed)
    assert shelf.paths(numpy, r"numpy/(?!testing/).*\.pyi") <= found.removed


def test_importlib_metadata_finds_what_is_installed(shelf: Shelf) -> None:
    packages = [shelf.package(name) for name in ("jinja2", "numpy", "pandas", "scipy")]

    found = shelf.prune(*packages)

    for package in packages:
        assert shelf.paths(package, r"[^/]+\.dist-info/.*").isdisjoint(found.removed)


@pytest.mark.parametrize(
    ("package", "pattern"),
    [
        pytest.param(
            "ncurses", r".*/terminfo/./(xterm.*|linux|screen.*|tmux.*|dumb)", id="terminfo"
        ),
        pytest.param("tzdata", r"share/zoneinfo/.*", id="zoneinfo"),
        pytest.param("python-tzdata", r"tzdata/zoneinfo/.*", id="zoneinfo-wheel"),
        pytest.param("certifi", r"certifi/cacert\.pem", id="certifi"),
        pytest.param("ca-certificates", r"ssl/.*", id="authorities"),
        pytest.param("ipykernel", r"share/jupyter/kernels/.*", id="kernelspecs"),
    ],
)
def test_data_that_is_found_by_its_path_stays(shelf: Shelf, package: str, pattern: str) -> None:
    owner = shelf.package(package)

    assert shelf.paths(owner, pattern).isdisjoint(shelf.prune(owner).removed)


@pytest.mark.parametrize("compiler", ["pytorch", "triton", "gxx_linux-64", "cuda-nvcc"])
def test_slim_keeps_headers_where_torch_compile_may_need_them(shelf: Shelf, compiler: str) -> None:
    openssl = shelf.package("openssl")
    torch = shelf.made("example", {"include/torch/extension.h": "", "include/x.h": ""})
    headers = shelf.paths(openssl, r"include/.*") | shelf.paths(torch, "include/.*")

    assert headers.isdisjoint(shelf.prune(openssl, torch, locked_named(compiler)).removed)
    # Those of PyTorch itself are for nobody but itself, and stay in any environment.
    assert headers - shelf.prune(openssl, torch).removed == {"include/torch/extension.h"}


def test_tornado_testing_finds_the_certificate_that_it_serves_with(shelf: Shelf) -> None:
    text = "import os\nDIR = os.path.dirname(os.path.abspath(__file__))\n"
    text += 'CERT = os.path.join(DIR, "test", "test.crt")\n'
    files = {
        f"{SITE}/served/testing.py": text,
        f"{SITE}/served/test/test.crt": "",
        f"{SITE}/served/test/test_a.py": "",
    }
    served = shelf.made("served", files)

    found = shelf.prune(served, profile="none", drop=("**/test/**",))

    assert found.removed == {"served/test/test_a.py"}
    assert found.kept == {"served/test/test.crt": "served/testing.py names served/test"}


def test_safe_never_takes_headers(shelf: Shelf) -> None:
    packages = [shelf.package(name) for name in ("openssl", "python", "numpy")]

    found = shelf.prune(*packages, profile="safe")

    assert not {path for path in found.removed if path.endswith((".h", ".hpp"))}


def test_a_library_that_is_needed_by_the_name_of_a_link_stays_with_the_link(shelf: Shelf) -> None:
    python, readline = shelf.package("python"), shelf.package("readline")
    link = shelf.paths(readline, r"lib/libreadline\.so\.8")
    assert link <= shelf.facts[readline.sha256].links.keys()

    found = shelf.prune(python, readline, profile="none", drop=("readline:lib/**",))

    for path in (*link, *shelf.paths(readline, r"lib/libreadline\.so\.8\.\d+")):
        assert re.fullmatch(
            r"lib/python3.11/lib-dynload/readline\..*\.so needs libreadline\.so\.8",
            found.kept[path],
        )
    assert not {path for path in found.removed if "libreadline" in path}
