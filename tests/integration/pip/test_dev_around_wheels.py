"""What development brings from conda changes no wheel of prod, whoever solves."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from condabox.errors import SolveError
from tests.fakes.channel import FakePackage
from tests.fakes.micromamba import install_micromamba
from tests.fakes.pip_index import FakeWheel
from tests.fakes.pip_project import PipProject, python_package
from tests.lock_laws import lost_by_conda_lock, open_categories, unsatisfied_in_lock

if TYPE_CHECKING:
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from tests.fakes.pip_index import PipIndex

KERNEL = python_package("ipykernel", "6.29", "traitlets >=5.4")
TRAITLETS = python_package("traitlets", "5.14")
BARS = (
    FakeWheel(name="bar", version="1.0"),
    FakeWheel(name="bar", version="2.0", requires=("traitlets>=90",)),
    FakeWheel(name="traitlets", version="99.0"),
)


@pytest.fixture(params=["condabox", "micromamba"])
def solver(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return None if request.param == "condabox" else str(install_micromamba(tmp_path))


def make(folder: Path, index: PipIndex, *more: FakePackage) -> PipProject:
    """Make a project whose channel has a kernel, what it needs, and ``more``."""
    table = {"msgpack-python": "msgpack", "python-graphviz": "graphviz"}
    project = PipProject(folder, more=(KERNEL, TRAITLETS, *more), names=table)
    project.use(index)
    return project


def versions(project: PipProject, category: str) -> dict[str, str]:
    """Return the version of each package of ``category``, and whose it is."""
    return {
        f"{package.manager}:{package.name}": package.version
        for package in project.locked.packages["linux-64"]
        if package.category == category
    }


def prod(project: PipProject) -> list[LockedPackage]:
    return [p for p in project.locked.packages["linux-64"] if p.prod]


def test_prod_is_the_same_with_development_and_without(
    tmp_path: Path, index: PipIndex, solver: str | None
) -> None:
    project = make(tmp_path, index)
    index.wheels = [*BARS]
    project.lock("bar", solver=solver)
    alone = prod(project)

    project.lock("bar", dev=(), solver=solver)

    assert prod(project) == alone
    assert versions(project, "main") == {
        "conda:pip": "24.0",
        "conda:python": "3.12.4",
        "pip:bar": "2.0",
        "pip:traitlets": "99.0",
    }
    assert versions(project, "dev") == {"conda:ipykernel": "6.29"}
    assert [text for text in project.messages if "development" in text] == [
        "linux-64: development uses wheels of prod: traitlets"
    ]
    assert not [text for text in project.warnings if "development" in text]


def test_every_solver_makes_the_same_bytes(tmp_path: Path, index: PipIndex) -> None:
    project = make(tmp_path, index)
    index.wheels = [*BARS]
    project.lock("bar", dev=())
    ours = project.lock_path.read_bytes()

    project.lock("bar", dev=(), solver=str(install_micromamba(tmp_path)))

    assert project.lock_path.read_bytes() == ours
    sizes = {p.name: p.size for p in project.locked.packages["linux-64"] if p.manager == "conda"}
    assert sizes.keys() == {"ipykernel", "pip", "python"}
    assert all(sizes.values())


def test_the_lock_is_whole_where_wheels_stand_for_conda_s_packages(
    tmp_path: Path, index: PipIndex
) -> None:
    project = make(tmp_path, index)
    index.wheels = [*BARS]
    project.lock("bar", dev=())

    data = project.lock_path.read_bytes()
    assert unsatisfied_in_lock(data, project.locked) == []
    assert open_categories(project.locked) == []
    assert lost_by_conda_lock(data, scratch=tmp_path) == []


def test_a_wheel_that_conda_has_too_is_prod_s_own(tmp_path: Path, index: PipIndex) -> None:
    """Without prod's wheel its image would lack what bar needs: conda's is development's."""
    project = make(tmp_path, index)
    index.wheels = [
        FakeWheel(name="bar", requires=("traitlets",)),
        *(FakeWheel(name="traitlets", version=version) for version in ("5.14", "6.0")),
    ]
    project.lock("bar", dev=())

    assert versions(project, "main").keys() >= {"pip:bar", "pip:traitlets"}
    assert versions(project, "main")["pip:traitlets"] == "6.0"
    assert versions(project, "dev") == {"conda:ipykernel": "6.29"}


def test_what_conda_calls_otherwise_is_the_same_project(tmp_path: Path, index: PipIndex) -> None:
    """Which packages of conda a wheel stands for is seen one after another."""
    project = make(
        tmp_path,
        index,
        python_package("tool", "1.0", "msgpack-python >=1", "outer"),
        python_package("outer", "1.0", "typing_extensions"),
        python_package("msgpack-python", "1.1", "Zope.Interface >=6"),
        python_package("typing_extensions", "4.15"),
        python_package("zope.interface", "7.0"),
    )
    index.wheels = [
        FakeWheel(name="app", requires=("msgpack", "typing-extensions", "zope-interface")),
        FakeWheel(name="msgpack", version="2.0"),
        FakeWheel(name="typing_extensions", version="5.0"),
        FakeWheel(name="zope_interface", version="8.0"),
    ]
    project.lock("app", dev=["tool"])

    assert versions(project, "dev") == {
        "conda:ipykernel": "6.29",
        "conda:outer": "1.0",
        "conda:tool": "1.0",
        "conda:traitlets": "5.14",
    }
    assert versions(project, "main")["pip:msgpack"] == "2.0"


def test_a_program_is_not_taken_for_the_wheel_of_its_name(tmp_path: Path, index: PipIndex) -> None:
    project = make(
        tmp_path,
        index,
        FakePackage(name="graphviz", version="12.0"),
        python_package("tool", "1.0", "graphviz", "python-graphviz"),
        python_package("python-graphviz", "0.20", "graphviz"),
    )
    index.wheels = [FakeWheel(name="graphviz", version="0.21")]
    project.lock("graphviz", dev=["tool"])

    dev = versions(project, "dev")
    assert "conda:graphviz" in dev
    assert "conda:python-graphviz" not in dev


@pytest.mark.parametrize("asked", ["traitlets", "traitlets >=5"])
def test_development_may_ask_for_what_prod_has_as_a_wheel(
    tmp_path: Path, index: PipIndex, solver: str | None, asked: str
) -> None:
    project = make(tmp_path, index)
    index.wheels = [*BARS]
    project.lock("bar", dev=[asked], solver=solver)

    assert versions(project, "main")["pip:traitlets"] == "99.0"
    assert versions(project, "dev") == {"conda:ipykernel": "6.29"}


def test_a_local_version_is_as_good_as_the_one_that_it_is_of(
    tmp_path: Path, index: PipIndex
) -> None:
    tool = python_package("tool", "1.0", "torch 2.9.0")
    project = make(tmp_path, index, tool, python_package("torch", "2.9.0"))
    index.wheels = [FakeWheel(name="torch", version="2.9.0+cpu")]
    project.lock("torch", dev=["tool"])

    assert versions(project, "main")["pip:torch"] == "2.9.0+cpu"
    assert "conda:torch" not in versions(project, "dev")
    assert not [text for text in project.warnings if "development" in text]


def test_wheels_that_have_to_move_are_told(
    tmp_path: Path, index: PipIndex, solver: str | None
) -> None:
    project = make(tmp_path, index, python_package("tool", "1.0", "traitlets <6"))
    index.wheels = [*BARS, FakeWheel(name="steady"), FakeWheel(name="steady", version="2.0")]
    project.lock("bar", "steady<2", dev=["tool"], solver=solver)

    assert versions(project, "main") == {
        "conda:pip": "24.0",
        "conda:python": "3.12.4",
        "pip:bar": "1.0",
        "pip:steady": "1.0",
    }
    assert versions(project, "dev")["conda:traitlets"] == "5.14"
    assert [text for text in project.warnings if "development" in text] == [
        "linux-64: development packages change prod: bar 2.0 of pip -> 1.0 of pip",
        "linux-64: development packages change prod: traitlets 99.0 of pip leaves",
    ]


def test_wheels_stay_where_development_comes_to_a_lock(tmp_path: Path, index: PipIndex) -> None:
    project = make(tmp_path, index)
    index.wheels = [*BARS, FakeWheel(name="steady")]
    project.lock("bar", "steady")
    before = prod(project)
    index.wheels = [*BARS, FakeWheel(name="steady"), FakeWheel(name="steady", version="2.0")]

    project.lock_again("bar", "steady", dev=())

    assert prod(project) == before
    assert versions(project, "dev") == {"conda:ipykernel": "6.29"}
    assert not [text for text in project.warnings if "development" in text]


def test_of_a_lock_s_wheels_no_more_move_than_have_to(tmp_path: Path, index: PipIndex) -> None:
    project = make(tmp_path, index, python_package("tool", "1.0", "traitlets <6"))
    index.wheels = [*BARS, FakeWheel(name="steady")]
    project.lock("bar", "steady")
    index.wheels = [*BARS, FakeWheel(name="steady"), FakeWheel(name="steady", version="2.0")]

    project.lock_again("bar", "steady", dev=["tool"])

    main = versions(project, "main")
    assert (main["pip:bar"], main["pip:steady"]) == ("1.0", "1.0")
    assert not [text for text in project.warnings if "steady" in text]


def test_a_wheel_that_becomes_conda_s_is_told(tmp_path: Path, index: PipIndex) -> None:
    project = make(tmp_path, index, python_package("tool", "1.0", "traitlets <6"))
    index.wheels = [
        FakeWheel(name="bar", requires=("traitlets",)),
        FakeWheel(name="traitlets", version="99.0"),
    ]
    project.lock("bar", dev=["tool"])

    assert versions(project, "main")["conda:traitlets"] == "5.14"
    assert (
        "linux-64: development packages change prod: traitlets 99.0 of pip -> 5.14 0"
        in project.warnings
    )


def test_development_that_goes_with_no_wheels_is_refused(
    tmp_path: Path, index: PipIndex, solver: str | None
) -> None:
    project = make(tmp_path, index, python_package("tool", "1.0", "traitlets <6"))
    index.wheels = [*BARS]

    with pytest.raises(SolveError, match="development needs does not go with prod") as caught:
        project.lock("bar==2.0", dev=["tool"], solver=solver)
    assert "traitlets" in caught.value.message
    assert "dev:" in str(caught.value.hint)
    assert not project.lock_path.exists()


def test_development_that_has_no_solution_of_its_own_is_explained(
    tmp_path: Path, index: PipIndex, solver: str | None
) -> None:
    """By what the solver says of all of it, not of the stage before."""
    project = make(tmp_path, index, python_package("tool", "1.0", "nowhere"))
    index.wheels = [*BARS]

    with pytest.raises(SolveError, match="nowhere") as caught:
        project.lock("bar", dev=["tool"], solver=solver)
    assert "==3.12.4" not in caught.value.message


BELOW = {"app": ("one", "two"), "ipykernel": ("one", "two"), "one": ("two",), "two": ()}
LIMITS = (None, "", "<2", ">=2")


@st.composite
def needs(draw: st.DrawFn, name: str) -> list[str]:
    limits = {below: draw(st.sampled_from(LIMITS)) for below in BELOW[name]}
    return [f"{below}{limit}" for below, limit in limits.items() if limit is not None]


@st.composite
def channels(draw: st.DrawFn) -> list[FakePackage]:
    return [
        python_package(name, version, *draw(needs(name)))
        for name in ("ipykernel", "one", "two")
        for version in ("1.0", "2.0")
    ]


@st.composite
def indexes(draw: st.DrawFn) -> list[FakeWheel]:
    return [
        FakeWheel(name=name, version=version, requires=tuple(draw(needs(name))))
        for name in ("app", "one", "two")
        for version in ("1.0", "2.0", "3.0")
    ]


# Every example is two locks, of up to five solves.
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(conda=channels(), wheels=indexes(), asked=st.sampled_from(["app", "one", "two>=2"]))
def test_prod_changes_for_no_development_or_it_is_told(
    index: PipIndex, conda: list[FakePackage], wheels: list[FakeWheel], asked: str
) -> None:
    with tempfile.TemporaryDirectory() as name:
        project = PipProject(Path(name), more=conda)
        project.use(index)
        index.wheels = wheels
        try:
            project.lock(asked)
        except SolveError:
            event("no prod")
            return
        alone = prod(project)
        try:
            project.lock(asked, dev=["one"])
        except SolveError:
            event("no development")
            return
        told = [text for text in project.warnings if "development packages" in text]
        event("told" if told else "the same")
        assert (prod(project) != alone) == bool(told)
        # nothing is there twice, and nothing is missing
        locked = [package.name for package in project.locked.packages["linux-64"]]
        assert len(locked) == len(set(locked))
        assert unsatisfied_in_lock(project.lock_path.read_bytes(), project.locked) == []
        assert open_categories(project.locked) == []
