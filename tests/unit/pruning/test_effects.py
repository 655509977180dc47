"""What rules and entries are said to do is what was decided."""

from __future__ import annotations

from condabox.pruning.decision import Saving
from condabox.pruning.effects import EntryEffect, Gate, entry_effects, rule_effects, total
from condabox.pruning.proof import Kept
from tests.fakes.facts import SITE, elf, modules, package
from tests.fakes.lockfiles import conda
from tests.fakes.pruned import pruned

ZLIB = package(["lib/libz.a", "lib/libz.la", "share/man/man3/zlib.3"])
NUMPY = package(
    imports=modules(
        {
            "numpy/__init__.py": ["numpy.tests.used"],
            "numpy/tests/__init__.py": (),
            "numpy/tests/used.py": (),
            "numpy/tests/other.py": (),
        }
    )
)


def test_rules_are_told_with_what_they_take_and_would_break() -> None:
    found = pruned({conda("zlib"): ZLIB, conda("numpy"): NUMPY})

    effects = rule_effects(found.decision, packages=found.packages, profile="safe")

    told = {each.rule.name: (each.left_out, each.kept) for each in effects if not each.is_idle}
    because = "numpy/__init__.py imports numpy.tests.used"
    assert told == {
        "manuals": (Saving(paths=1, size=1), ()),
        "static-libraries": (Saving(paths=1, size=1), ()),
        "libtool-files": (Saving(paths=1, size=1), ()),
        "test-suites": (
            Saving(paths=1, size=1),
            tuple(
                Kept(path=f"{SITE}/numpy/tests/{name}.py", rule="test-suites", because=because)
                for name in ("__init__", "used")
            ),
        ),
    }


def test_what_saves_most_comes_first_and_then_what_is_asked_first() -> None:
    man = package(["share/man/man1/a.1", "share/man/man1/b.1"])
    found = pruned({conda("zlib"): ZLIB, conda("git"): man})

    effects = rule_effects(found.decision, packages=found.packages, profile="safe")

    assert [each.rule.name for each in effects][:4] == [
        *("manuals", "static-libraries", "libtool-files"),
        "leftovers",
    ]


def test_gates_of_development_are_not_those_of_prod() -> None:
    packages = {conda("zlib"): ZLIB, conda("gcc_linux-64", category="dev"): package()}
    found = pruned(packages)

    effects = rule_effects(found.decision, packages=found.packages, profile="safe")

    (static,) = (each for each in effects if each.rule.name == "static-libraries")
    assert static.gate == Gate(prod=(), development=("gcc-linux-64",))
    assert static.left_out == Saving(paths=1, size=1)
    zlib, gcc = packages
    assert (static.gate.of(zlib), static.gate.of(gcc)) == ((), ("gcc-linux-64",))


def test_a_path_that_several_packages_keep_is_told_once() -> None:
    library = package(["lib/liba.a"])
    user = package(libraries={"bin/user": elf("liba.a")})
    found = pruned({conda("a"): library, conda("b"): library, conda("user"): user})

    effects = rule_effects(found.decision, packages=found.packages, profile="safe")

    kept = [each.kept for each in effects if each.kept]
    assert [[one.path for one in each] for each in kept] == [["lib/liba.a"]]


def test_entries_are_told_with_what_they_match() -> None:
    user = package(libraries={"bin/user": elf("liba.so.1")}, files=["lib/liba.so.1", "lib/b.a"])
    found = pruned(
        {conda("user"): user},
        keep=("user:lib/*.a", "nothing"),
        drop=("lib/**", "nobody:**"),
    )

    keep, drop = entry_effects(found)

    one, nothing = Saving(paths=1, size=1), Saving(paths=0, size=0)
    needed = Kept(path="lib/liba.so.1", rule="drop", because="bin/user needs liba.so.1")
    assert keep == (
        EntryEffect(entry="user:lib/*.a", paths=one),
        EntryEffect(entry="nothing", paths=nothing),
    )
    assert drop == (
        EntryEffect(entry="lib/**", paths=nothing, kept=(needed,)),
        EntryEffect(entry="nobody:**", paths=nothing),
    )


def test_what_a_drop_matches_and_stays_is_not_told_as_left_out() -> None:
    user = package(
        libraries={"bin/user": elf("liba.so.1")}, files=["lib/liba.so.1", "lib/b.a", "lib/c.txt"]
    )
    found = pruned({conda("user"): user}, keep=("lib/c.*",), drop=("lib/*", "lib/liba*"))

    _, drop = entry_effects(found)

    assert [each.paths for each in drop] == [Saving(paths=1, size=1), Saving(paths=0, size=0)]
    assert [len(each.kept) for each in drop] == [1, 1]


def test_savings_are_added_up() -> None:
    assert total([]) == Saving(paths=0, size=0)
    assert total([Saving(paths=1, size=5), Saving(paths=2, size=0)]) == Saving(paths=3, size=5)
