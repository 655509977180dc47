from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.locking.gpu_choice import Build, Choice, Solution, by_package, choose

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from condabox.conda.envfile.values import CpuAllowed

PYTHON = Build(name="python", version="3.12", build="cp312")
OLD_CPU = Build(name="torch", version="2.8", build="cpu_0")
CPU = Build(name="torch", version="2.9", build="cpu_0")
GPU = Build(name="torch", version="2.8", build="cuda129_0", depends=("__cuda",))
TORCH = (CPU, GPU, OLD_CPU)


def matches(spec: str, build: Build) -> bool:
    """Read ``NAME [VERSION [BUILD]]``, both of them patterns."""
    name, version, string = [*spec.split(" "), "*", "*"][:3]
    assert name == build.name
    return fnmatchcase(build.version, version) and fnmatchcase(build.build, string)


def solution(
    *locked: Build,
    available: Iterable[Build] = (),
    asked: Iterable[str] = (),
    asked_builds: Iterable[str] = (),
) -> Solution:
    every: dict[str, list[Build]] = {}
    for build in (*available, *locked):
        every.setdefault(build.name, []).append(build)
    return Solution(
        locked={build.name: build for build in locked},
        available=every,
        virtual={"__cuda": Build(name="__cuda", version="12.8", build="0")},
        asked=by_package(asked),
        asked_builds=frozenset(asked_builds),
    )


def chosen(found: Solution, *, allowed: CpuAllowed = frozenset()) -> Choice:
    return choose(found, allowed=allowed, matches=matches)


def test_a_cpu_build_has_the_gpu_builds_of_its_package_for_options() -> None:
    assert chosen(solution(PYTHON, CPU, available=TORCH)) == Choice(
        gpu=(), cpu=(CPU,), options={"torch": (GPU,)}
    )


def test_a_gpu_build_is_what_was_wanted() -> None:
    assert chosen(solution(PYTHON, GPU, available=TORCH)) == Choice(gpu=(GPU,), cpu=(), options={})


def test_a_cpu_build_without_any_gpu_build_has_no_options() -> None:
    assert chosen(solution(CPU)) == Choice(gpu=(), cpu=(CPU,), options={})


@pytest.mark.parametrize("allowed", ["all", frozenset({"torch"})])
def test_what_is_allowed_is_not_told(allowed: CpuAllowed) -> None:
    assert chosen(solution(CPU, available=TORCH), allowed=allowed) == Choice(
        gpu=(), cpu=(), options={}
    )


def test_a_person_who_names_a_cpu_build_has_asked_for_it() -> None:
    asked = solution(CPU, available=TORCH, asked=["torch * cpu*"], asked_builds=["torch"])

    assert chosen(asked) == Choice(gpu=(), cpu=(), options={})


def test_a_build_string_that_a_gpu_build_has_too_asks_for_nothing() -> None:
    asked = solution(CPU, available=TORCH, asked=["torch * *_0"], asked_builds=["torch"])

    assert chosen(asked).options == {"torch": (GPU,)}


def test_options_are_of_the_version_that_was_asked_for() -> None:
    assert chosen(solution(CPU, available=TORCH, asked=["torch 2.9"])) == Choice(
        gpu=(), cpu=(CPU,), options={}
    )
    assert chosen(solution(OLD_CPU, available=TORCH, asked=["torch 2.8"])).options == {
        "torch": (GPU,)
    }


@pytest.mark.parametrize(
    "other",
    [
        Build(name="vision", version="1", build="0", depends=("torch 2.9",)),
        Build(name="vision", version="1", build="0", constrains=("torch 2.9",)),
    ],
    ids=["depends", "constrains"],
)
def test_a_package_that_stays_may_forbid_a_gpu_build(other: Build) -> None:
    assert chosen(solution(CPU, other, available=TORCH)).options == {}


def test_python_decides() -> None:
    old = replace(GPU, depends=("__cuda", "python 3.11", "python_abi 3.11.*"))
    new = replace(GPU, build="cuda129_1", depends=("__cuda", "python 3.12"))

    assert chosen(solution(PYTHON, CPU, available=[old, new])).options == {"torch": (new,)}


def test_a_virtual_package_that_is_not_there_is_missed_where_it_is_needed() -> None:
    needs = replace(GPU, build="cuda_a", depends=("__cuda 12.8", "__archspec"))
    constrains = replace(GPU, build="cuda_b", depends=(), constrains=("__cuda 12*", "__archspec"))
    too_new = replace(GPU, build="cuda_c", depends=("__cuda 13*",))

    assert chosen(solution(CPU, available=[needs, constrains, too_new])).options == {
        "torch": (constrains,)
    }


def stack(kind: str) -> list[Build]:
    """Return packages that hold each other, as PyTorch, its library and TorchVision do."""
    return [
        Build(
            name="libtorch", version="2.9", build=f"{kind}_h0", constrains=(f"torch 2.9 {kind}_*",)
        ),
        Build(
            name="torch", version="2.9", build=f"{kind}_py", depends=(f"libtorch 2.9 {kind}_h0",)
        ),
        Build(name="vision", version="0.24", build=f"{kind}_py", depends=(f"torch * {kind}_*",)),
    ]


def test_cpu_builds_that_hold_each_other_can_all_be_replaced() -> None:
    lib, torch, vision = stack("cuda")

    assert chosen(solution(*stack("cpu"), available=stack("cuda"))).options == {
        "libtorch": (lib,),
        "torch": (torch,),
        "vision": (vision,),
    }


@pytest.mark.parametrize("missing", ["libtorch", "torch"])
def test_one_that_cannot_be_replaced_holds_the_others(missing: str) -> None:
    gpu = [build for build in stack("cuda") if build.name != missing]

    assert chosen(solution(*stack("cpu"), available=gpu)) == Choice(
        gpu=(), cpu=tuple(stack("cpu")), options={}
    )


def test_one_that_nothing_depends_on_holds_no_other() -> None:
    gpu = [build for build in stack("cuda") if build.name != "vision"]
    free = [replace(build, constrains=(), depends=()) for build in stack("cpu")]

    assert sorted(chosen(solution(*free, available=gpu)).options) == ["libtorch", "torch"]


def test_what_is_allowed_holds_the_others() -> None:
    found = chosen(
        solution(*stack("cpu"), available=stack("cuda")), allowed=frozenset({"libtorch"})
    )

    assert found == Choice(gpu=(), cpu=(), options={})


def test_a_package_that_asks_for_cpu_builds_holds_the_others() -> None:
    only = Build(name="cpuonly", version="2", build="0", depends=("mutex 1 cpu",))
    mutex, cuda = (Build(name="mutex", version="1", build=kind) for kind in ("cpu", "cuda"))
    torch = replace(CPU, depends=("mutex 1 cpu",))
    gpu = replace(GPU, depends=("mutex 1 cuda",))

    found = solution(only, mutex, torch, available=[gpu, cuda], asked=["torch", "cpuonly"])

    assert chosen(found) == Choice(gpu=(), cpu=(), options={})
    assert chosen(replace(found, asked={})).cpu == (mutex, torch)


def test_a_build_that_does_not_say_what_it_is_counts_where_it_is_asked_for() -> None:
    plain = Build(name="gromacs", version="2026", build="nompi_h0")
    cuda = Build(name="gromacs", version="2026", build="nompi_cuda_h0")

    assert chosen(solution(plain, available=[cuda])).cpu == ()
    older = replace(cuda, version="2025")
    assert chosen(solution(plain, available=[cuda, older], asked=["gromacs"])).options == {
        "gromacs": (cuda,)
    }


def test_a_build_that_does_not_say_what_it_is_is_compared_with_its_own_version() -> None:
    new = Build(name="ucx", version="1.19", build="h0")
    old = Build(name="ucx", version="1.11", build="h1", depends=("cudatoolkit 11.2*",))

    assert chosen(solution(new, available=[old], asked=["ucx"])) == Choice(
        gpu=(), cpu=(), options={}
    )


def test_arrow_and_cuda_are_no_gpu_builds_of_anything() -> None:
    arrow = Build(name="libarrow", version="25", build="h0_cpu")
    cuda = Build(name="libarrow", version="25", build="h0_cuda")
    nccl = Build(name="nccl", version="2", build="h0", depends=("cuda-version",))

    assert chosen(solution(arrow, nccl, available=[cuda])) == Choice(gpu=(), cpu=(), options={})
    assert chosen(solution(cuda, nccl, available=[arrow])) == Choice(gpu=(), cpu=(), options={})


def test_gpu_builds_are_those_that_a_person_would_call_so() -> None:
    cupy = Build(name="cupy", version="14", build="py312h0", depends=("cuda-version",))
    magma = Build(name="libmagma", version="2", build="h0", depends=("cuda-version",))
    triton = Build(name="triton", version="3", build="cuda129py312h0")
    selector = Build(name="faiss-proc", version="1", build="cuda")
    numba = Build(name="numba", version="1", build="py312h0", depends=("cudatoolkit",))
    plain = replace(numba, build="py312h1", depends=())

    found = chosen(
        solution(
            cupy, magma, selector, triton, numba, PYTHON, available=[plain], asked=["cupy >=13"]
        )
    )

    assert found.gpu == (cupy, triton, numba)


NAMES = st.sampled_from(["a", "b", "c", "d"])
BUILDS = st.sampled_from(["cpu_0", "cuda_0", "h0"])
SPECS = st.builds(
    "{} {} {}".format,
    NAMES,
    st.sampled_from(["*", "1", "2"]),
    st.sampled_from(["*", "cpu*", "cuda*"]),
)
BUILT = st.builds(
    Build,
    name=NAMES,
    version=st.sampled_from(["1", "2"]),
    build=BUILDS,
    depends=st.lists(SPECS, max_size=2).map(tuple),
    constrains=st.lists(SPECS, max_size=1).map(tuple),
)
SOLUTIONS = st.builds(
    lambda locked, available, asked: solution(
        *{build.name: build for build in locked}.values(), available=available, asked=asked
    ),
    st.lists(BUILT, min_size=1, max_size=6),
    st.lists(BUILT, max_size=8),
    st.lists(SPECS, max_size=2),
)


@given(found=SOLUTIONS)
def test_options_are_gpu_builds_that_the_file_describes(found: Solution) -> None:
    choice = chosen(found)

    assert set(choice.options) <= {build.name for build in choice.cpu}
    for name, options in choice.options.items():
        assert found.locked[name].kind != "gpu"
        for build in options:
            assert (build.name, build.kind) == (name, "gpu")
            assert all(matches(spec, build) for spec in found.asked.get(name, ()))


@given(found=SOLUTIONS, name=NAMES)
def test_to_allow_more_is_to_be_told_less(found: Solution, name: str) -> None:
    before, after = chosen(found), chosen(found, allowed=frozenset({name}))

    assert name not in after.options
    for kept, options in after.options.items():
        assert set(options) <= set(before.options[kept])


@given(found=SOLUTIONS, random=st.randoms())
def test_the_order_of_packages_means_nothing(found: Solution, random: Random) -> None:
    locked = list(found.locked.items())
    random.shuffle(locked)

    shuffled = chosen(replace(found, locked=dict(locked)))

    assert shuffled.options == chosen(found).options
