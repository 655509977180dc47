"""Pruned images of the test world, really run: all that its packages are for still works.

And what the proof says of single files is compared with what that run needed of them.
"""

from __future__ import annotations

import random
import re
import sys
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.fakes.prunedworld import evidence, pruned_image

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.prunedworld import Evidence, PrunedImage
    from tests.world.world import World

pytestmark = pytest.mark.world

SCIENCE = ("lightgbm", "networkx", "numpy", "pandas", "scikit-learn", "scipy", "sympy")
SERVICE = ("fastapi", "httpx", "requests", "uvicorn", "joblib", "prefix-probe")
JUPYTER = ("ipdb", "ipykernel", "jupyterlab", "pip", "setuptools", "wheel")
PROGRAMS = ("curl", "git", "openssh", "procps-ng", "sqlite", "tini")
IMAGES = {
    "safe": ("safe", (*SCIENCE, *SERVICE, *JUPYTER, *PROGRAMS, "pytorch")),
    # cffi is among what JupyterLab needs, and so the headers stay.
    "slim-with-cffi": ("slim", ("networkx", "prefix-probe", *JUPYTER)),
    "slim": ("slim", (*SCIENCE, *SERVICE, *PROGRAMS)),
}
TAKEN = {
    "safe": {"build-files", "jupyterlab-build", "manuals", "static-libraries", "test-suites"},
    "slim-with-cffi": {"all-test-suites", "jupyterlab-core-mode", "test-suites", "type-stubs"},
    "slim": {"all-test-suites", "cython-sources", "headers", "sources", "type-stubs"},
}
MUTATIONS = 200
SUPERFLUOUS = re.compile(
    r"include/.*|.*\.(?:a|h|pyx|pxd|pc|po|map)|share/(?:doc|man)/.*|.*/tests?/(?:.*/)?test_\w+\.py"
    r"|.*/tests?/data/.*\.(?:csv|txt|dat|mat|npz|json|xml)"
)
"""What nobody reads at run time, and no other test imports."""


@pytest.fixture(scope="module")
def make(world: World, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], PrunedImage]:
    """Return what makes the image of a name, once; all share a cache."""
    cache_dir = tmp_path_factory.mktemp("cache")
    has_pytorch = any(name.startswith("pytorch-") for _, name, _ in world.report.packages)

    @cache
    def make_image(name: str) -> PrunedImage:
        profile, packages = IMAGES[name]
        packages = tuple(each for each in packages if each != "pytorch" or has_pytorch)
        root = tmp_path_factory.mktemp(name)
        return pruned_image(world, root, packages=packages, profile=profile, cache=cache_dir)

    return make_image


@pytest.fixture(params=IMAGES)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def image(make: Callable[[str], PrunedImage], name: str) -> PrunedImage:
    return make(name)


@pytest.fixture(scope="module")
def safe(make: Callable[[str], PrunedImage]) -> PrunedImage:
    return make("safe")


@pytest.fixture(scope="module")
def known(safe: PrunedImage) -> Evidence:
    return evidence(safe.project)


def test_all_that_recipes_and_distributions_name_is_imported(image: PrunedImage, name: str) -> None:
    failed = dict(image.said["failed"])
    if "matplotlib_inline" in failed:
        assert "No module named 'matplotlib'" in failed.pop("matplotlib_inline")  # in no world

    assert failed == {}
    assert image.rules.keys() >= TAKEN[name]
    assert len(image.said["imported"]) > 500


def test_console_scripts_find_their_functions(image: PrunedImage) -> None:
    # These two say themselves that they need a package that is not there.
    assert image.said["entry_points"].keys() <= {"jupyter-events", "jupyter-labhub"}


def test_programs_start(image: PrunedImage) -> None:
    assert len(image.said["programs"]) > 3
    assert set(image.said["programs"].values()) == {0}


def test_importlib_metadata_knows_all_versions(image: PrunedImage) -> None:
    versions = image.said["versions"]

    assert len(versions) > 20
    assert all(versions.values())


def test_zoneinfo_finds_time_zones_of_tzdata_and_of_the_wheel(safe: PrunedImage) -> None:
    assert safe.said["time_zone"] == ["CEST", "CEST"]


def test_certifi_and_openssl_have_their_authorities(image: PrunedImage) -> None:
    assert image.said["authorities"] == [True, True]


def test_terminfo_has_the_terminals_that_people_use(image: PrunedImage) -> None:
    assert image.said["colours"] == 256


def test_kernelspecs_are_found(safe: PrunedImage) -> None:
    assert safe.said["kernels"] == {"python3": "python"}


def test_jedi_completes_by_its_stubs(make: Callable[[str], PrunedImage]) -> None:
    assert make("slim-with-cffi").said["completions"] == ["capitalize"]


def test_jinja2_has_its_tests_which_are_no_tests(make: Callable[[str], PrunedImage]) -> None:
    assert make("slim-with-cffi").said["templates"] == ["even", "jinja2.tests"]


def test_a_library_is_opened_by_the_link_that_nothing_needs(image: PrunedImage) -> None:
    assert image.said["library_by_link"] == [True, True]


def test_headers_stay_where_something_compiles_while_it_runs(
    make: Callable[[str], PrunedImage],
) -> None:
    there = {name: make(name).said["headers"] for name in IMAGES}

    assert there["safe"] | {"torch": True} == {"python": True, "openssl": True, "torch": True}
    assert there["slim-with-cffi"]["openssl"]
    assert there["slim"] == {"python": True, "openssl": False, "torch": False}


def test_what_python_imported_cannot_be_dropped(
    safe: PrunedImage, known: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    by_how: defaultdict[str, set[str]] = defaultdict(set)
    for each in safe.imports():
        if each.path in known.owners and each.asker in known.owners:
            by_how[each.how].add(each.path)
    libraries = {path for path in safe.needed_libraries() if path in known.owners}
    compiled = by_how["compiled"]
    rest = by_how["statement"] - compiled - libraries
    count = MUTATIONS - len(compiled) - len(libraries)
    chosen = {*compiled, *libraries, *seeded().sample(sorted(rest), count)}

    missed = {path for path in chosen if path not in known.kept([path])}

    tell(capsys, f"{len(chosen) - len(missed)} of {len(chosen)} needed files are kept")
    assert len(chosen) == MUTATIONS
    assert missed == set()


def test_only_names_that_are_computed_are_missed(
    safe: PrunedImage, known: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    askers = {
        each.path: each.asker
        for each in safe.imports()
        if each.how == "call" and {each.path, each.asker} <= known.owners.keys()
    }

    missed = {path for path in askers if path not in known.kept([path])}

    tell(capsys, f"{len(askers) - len(missed)} of {len(askers)} files that calls import are kept")
    # They put the names of codecs and of platforms together; no rule takes what they import.
    assert {askers[path] for path in missed} <= {
        "lib/python3.11/encodings/__init__.py",
        "lib/python3.11/sysconfig.py",
    }


def test_what_nothing_reads_can_be_dropped(
    safe: PrunedImage, known: Evidence, capsys: pytest.CaptureFixture[str]
) -> None:
    used = {*safe.needed_libraries(), *(each.path for each in safe.imports())}
    superfluous = sorted(
        path for path in known.owners if SUPERFLUOUS.fullmatch(path) and path not in used
    )
    chosen = seeded().sample(superfluous, MUTATIONS)

    kept = {path: why for each in chosen for path, why in known.kept([each]).items()}

    tell(capsys, f"{MUTATIONS - len(kept)} of {MUTATIONS} superfluous files go")
    assert len(kept) <= MUTATIONS // 100, kept


def seeded() -> random.Random:
    """Return what chooses the same files of the same packages on every run."""
    return random.Random(20240229)  # noqa: S311


def tell(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Print ``text`` whoever captures output: the processes of xdist have standard error alone."""
    with capsys.disabled():
        sys.stderr.write(f"\n{text}\n")
