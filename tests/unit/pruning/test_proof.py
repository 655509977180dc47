"""What goes and what stays is all that was selected, and less taken is never more broken."""

from __future__ import annotations

from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from condabox.pruning.proof import Kept, Proof, prove
from condabox.pruning.selection import DROP, Selection
from tests.fakes.facts import SITE, elf, modules, package, proven, reasons

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

    from condabox.pruning.facts import PackageFacts

Fact = TypeVar("Fact")

NUMPY = package(
    [f"{SITE}/np/tests/data.csv"],
    libraries={"lib/libblas.so.3.1": elf("libfortran.so.5", soname="libblas.so.3")},
    links={"lib/libblas.so.3": "libblas.so.3.1", "lib/libblas.so": "libblas.so.3"},
    imports=modules({"np/__init__.py": (), "np/tests/__init__.py": (), "np/tests/test_a.py": ()}),
)
SCIPY = package(
    libraries={f"{SITE}/sp/x.so": elf("libblas.so.3", "libc.so.6")},
    imports=modules(
        {"sp/__init__.py": ["np", "np.tests"], "sp/tests/test_b.py": ["np.tests.test_a"]}
    ),
)
FORTRAN = package(["lib/libfortran.so.5", "lib/libfortran.a"])


def test_what_something_needs_stays_and_the_rest_goes() -> None:
    selection = Selection(
        taken={
            "np": {
                f"{SITE}/np/tests/__init__.py": "test-suites",
                f"{SITE}/np/tests/test_a.py": "test-suites",
                "lib/libblas.so.3.1": DROP,
                "lib/libblas.so.3": DROP,
                "lib/libblas.so": DROP,
            },
            "sp": {f"{SITE}/sp/tests/test_b.py": "test-suites"},
            "fortran": {"lib/libfortran.so.5": DROP, "lib/libfortran.a": "static-libraries"},
        }
    )
    facts = {"np": NUMPY, "sp": SCIPY, "fortran": FORTRAN}

    proof = prove(selection, facts=facts, base_libraries=frozenset({"libc.so.6"}))

    blas = f"{SITE}/sp/x.so needs libblas.so.3"
    fortran = "lib/libblas.so.3.1 needs libfortran.so.5"
    tests = "sp/__init__.py imports np.tests"
    assert proof == Proof(
        removed={
            "np": {f"{SITE}/np/tests/test_a.py": "test-suites", "lib/libblas.so": DROP},
            "sp": {f"{SITE}/sp/tests/test_b.py": "test-suites"},
            "fortran": {"lib/libfortran.a": "static-libraries"},
        },
        kept={
            "np": (
                Kept(path="lib/libblas.so.3", rule=DROP, because=blas),
                Kept(path="lib/libblas.so.3.1", rule=DROP, because=blas),
                Kept(path=f"{SITE}/np/tests/__init__.py", rule="test-suites", because=tests),
            ),
            "fortran": (Kept(path="lib/libfortran.so.5", rule=DROP, because=fortran),),
        },
        broken=(),
    )


def test_packages_that_stay_whole_are_left_out() -> None:
    proof = proven(NUMPY, SCIPY, FORTRAN, taken={"lib/libfortran.a"})

    assert proof.removed["key-2"] == {"lib/libfortran.a": "test"}
    assert proof.kept == {}


def test_the_first_of_several_reasons_is_told() -> None:
    facts = package(
        ["lib/liba.so"], libraries={f"bin/{name}": elf("liba.so") for name in ("c", "b", "d")}
    )

    assert reasons(proven(facts, taken={"lib/liba.so"})) == {"lib/liba.so": "bin/b needs liba.so"}


def test_the_nearest_reason_is_told() -> None:
    libraries = {
        "x/c": elf("liba.so"),
        "lib/liba.so": elf("libb.so"),
        "lib/libb.so": elf("liba.so"),
    }

    found = reasons(proven(package(libraries=libraries), taken={"lib/liba.so", "lib/libb.so"}))

    assert found == {"lib/liba.so": "x/c needs liba.so", "lib/libb.so": "lib/liba.so needs libb.so"}


def test_what_a_package_loses_to_a_later_one_is_not_there() -> None:
    ours, theirs = "lib/libours.so", "lib/libtheirs.so"
    first = package([ours, theirs], libraries={"bin/a": elf("libours.so")})
    last = package(libraries={"bin/a": elf("libtheirs.so")})

    assert set(reasons(proven(first, last, taken={ours, theirs}))) == {theirs}
    assert set(reasons(proven(last, first, taken={ours, theirs}))) == {ours}


def test_a_path_that_the_last_package_keeps_is_there() -> None:
    user = package(libraries={"bin/a": elf("libb.so")})
    library = package(libraries={"lib/libb.so": elf("libc.so")})
    facts = {"user": user, "loser": library, "winner": library, "c": package(["lib/libc.so"])}
    taken = {"loser": {"lib/libb.so": "test"}, "c": {"lib/libc.so": "test"}}

    proof = prove(Selection(taken=taken), facts=facts, base_libraries=frozenset())

    assert proof.removed == {"loser": {"lib/libb.so": "test"}, "c": {}}
    assert reasons(proof) == {"lib/libc.so": "lib/libb.so needs libc.so"}


def test_a_path_that_is_needed_stays_in_every_package() -> None:
    library = package(["lib/libb.so"])
    user = package(libraries={"bin/a": elf("libb.so")})

    proof = proven(library, library, user, taken={"lib/libb.so"})

    assert set(proof.kept) == {"key-0", "key-1"}
    assert proof.removed == {"key-0": {}, "key-1": {}, "key-2": {}}


def test_what_is_selected_need_not_be_known() -> None:
    selection = Selection(taken={"a": {"share/made.later": "test"}, "unknown": {"x": "test"}})

    proof = prove(selection, facts={"a": package()}, base_libraries=frozenset())

    assert proof == Proof(removed=selection.taken, kept={}, broken=())


FILES = tuple(f"{SITE}/{path}.py" for path in ("a/__init__", "a/b", "a/t/__init__", "a/t/c", "d"))
LIBRARIES = ("bin/tool", "lib/liba.so", "lib/x/libb.so", f"{SITE}/a/e.so")
LINKS = {"lib/libb.so": "x/libb.so", "lib64": "lib", "bin/run": "tool", "bin/gone": "nothing"}
PACKAGES = st.builds(
    lambda libraries, imports, links, reader, entry_points: package(
        ["share/data.txt", f"{SITE}/a/t/data.csv"],
        libraries=libraries,
        imports=imports,
        links={path: LINKS[path] for path in links},
        resources={reader: ["a.t"]},
        entry_points=entry_points,
        scripts={"bin/script": "bin/run"},
    ),
    st.dictionaries(
        st.sampled_from(LIBRARIES),
        st.builds(
            lambda needed, runpath: elf(*needed, runpath=runpath),
            st.sets(st.sampled_from(("liba.so", "libb.so", "e.so", "libc.so.6", "libz.so"))),
            st.sets(st.sampled_from(("$ORIGIN/x", "$ORIGIN/../lib64"))),
        ),
    ),
    st.dictionaries(
        st.sampled_from(FILES), st.sets(st.sampled_from(("a", "a.b", "a.t.c", "a.e", "d.e", "os")))
    ),
    st.sets(st.sampled_from(sorted(LINKS))),
    st.sampled_from(FILES),
    st.sets(st.sampled_from(("a.b", "d"))),
)
ENVIRONMENTS = st.lists(PACKAGES, min_size=1, max_size=3)
EVERYTHING = st.sampled_from(
    (*FILES, *LIBRARIES, *sorted(LINKS), f"{SITE}/a/t/data.csv", "share/data.txt")
)


def gone(proof: Proof) -> set[tuple[str, str]]:
    return {(key, path) for key, paths in proof.removed.items() for path in paths}


@given(ENVIRONMENTS, st.sets(EVERYTHING))
def test_all_that_is_selected_either_goes_or_stays(
    packages: list[PackageFacts], taken: set[str]
) -> None:
    proof = proven(*packages, taken=taken)

    selected = {
        (f"key-{number}", path)
        for number, each in enumerate(packages)
        for path in {*each.sizes, *each.links} & taken
    }
    stays = {(key, kept.path) for key, every in proof.kept.items() for kept in every}
    assert gone(proof) | stays == selected
    assert gone(proof) & stays == set()
    assert all(kept.because for every in proof.kept.values() for kept in every)


@given(ENVIRONMENTS, st.sets(EVERYTHING), st.sets(EVERYTHING))
def test_who_takes_less_removes_no_more(
    packages: list[PackageFacts], taken: set[str], spared: set[str]
) -> None:
    more, less = proven(*packages, taken=taken), proven(*packages, taken=taken - spared)

    assert gone(less) <= gone(more)


@given(ENVIRONMENTS, st.sets(EVERYTHING))
def test_what_goes_can_go_as_well_when_nothing_else_does(
    packages: list[PackageFacts], taken: set[str]
) -> None:
    proof = proven(*packages, taken=taken)

    again = proven(*packages, taken={path for _, path in gone(proof)})

    assert again == replace(proof, kept={})


@given(ENVIRONMENTS, st.sets(EVERYTHING), st.randoms(use_true_random=False))
def test_the_order_of_facts_changes_nothing(
    packages: list[PackageFacts], taken: set[str], order: random.Random
) -> None:
    def mixed(facts: Mapping[str, Fact]) -> dict[str, Fact]:
        return dict(order.sample(sorted(facts.items(), key=itemgetter(0)), len(facts)))

    def shuffled(facts: PackageFacts) -> PackageFacts:
        return replace(
            facts,
            sizes=mixed(facts.sizes),
            links=mixed(facts.links),
            libraries=mixed(facts.libraries),
            imports=mixed(facts.imports),
        )

    assert proven(*map(shuffled, packages), taken=taken) == proven(*packages, taken=taken)
