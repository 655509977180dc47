"""Prod decides for itself, development around it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.envfile.section import PruneSection
from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.decode import DecodeError
from condabox.pruning.decision import (
    Decision,
    Removal,
    Saving,
    decide,
    decide_around,
    savings,
)
from condabox.pruning.proof import Kept
from tests.fakes.facts import SITE, elf, modules, package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.pruning.facts import PackageFacts

BASE = frozenset({"libc.so.6"})
NUMPY = package(
    [f"{SITE}/numpy/app.js.map"],
    imports=modules(
        {
            "numpy/__init__.py": (),
            "numpy/tests/__init__.py": (),
            "numpy/tests/test_a.py": (),
            "numpy/tests/test_b.py": (),
        }
    ),
)


def locked(name: str, *, category: str = "main") -> LockedPackage:
    return LockedPackage(
        name=name,
        version="1.0",
        manager="conda",
        url=f"https://channel.example/noarch/{name}-1.0-0.conda",
        sha256=f"sha-{name}",
        category=category,
        dependencies=(),
    )


def decided(
    facts: Mapping[str, PackageFacts],
    *,
    dev: tuple[str, ...] = (),
    section: PruneSection | None = None,
    application: PackageFacts | None = None,
    around: Decision | None = None,
) -> Decision:
    """Decide for prod, or take what is decided of it (``around``), and then for the rest."""
    packages = [locked(name, category="dev" if name in dev else "main") for name in facts]
    given: dict[str, Any] = {
        "paths": {f"sha-{name}": (*each.sizes, *each.links) for name, each in facts.items()},
        "facts": {f"sha-{name}": each for name, each in facts.items()},
        "section": section or PruneSection(),
        "application": application or package(),
        "base_libraries": BASE,
    }
    prod = around or decide([each for each in packages if each.prod], **given)
    return decide_around(prod, packages, **given) if dev else prod


def gone(decision: Decision, name: str) -> set[str]:
    found = decision.removed.get(f"sha-{name}", {})
    return {path.removeprefix(f"{SITE}/") for path in found}


def test_what_is_left_out_has_a_rule_and_a_size() -> None:
    decision = decided({"numpy": NUMPY})

    assert decision.removed["sha-numpy"][f"{SITE}/numpy/app.js.map"] == Removal(
        rule="source-maps", size=1
    )
    assert gone(decision, "numpy") == {
        "numpy/app.js.map",
        "numpy/tests/__init__.py",
        "numpy/tests/test_a.py",
        "numpy/tests/test_b.py",
    }


def test_what_the_application_imports_stays() -> None:
    application = package(imports={"/app/main.py": ["numpy.tests.test_a"]})

    decision = decided({"numpy": NUMPY}, application=application)

    assert gone(decision, "numpy") == {"numpy/app.js.map", "numpy/tests/test_b.py"}
    (kept,) = {each.because for each in decision.kept["sha-numpy"]}
    assert kept == "/app/main.py imports numpy.tests.test_a"


def test_what_the_application_reads_stays() -> None:
    numpy = package(imports=NUMPY.imports, files=[f"{SITE}/numpy/tests/x.csv"])
    application = package(resources={"/app/main.py": ["numpy.tests"]})

    decision = decided({"numpy": numpy}, application=application)

    assert gone(decision, "numpy") == {"numpy/tests/test_a.py", "numpy/tests/test_b.py"}


def test_who_drops_what_says_what_is_installed_is_told() -> None:
    numpy = package(
        [
            *(f"{SITE}/numpy-2.dist-info/{name}" for name in ("METADATA", "entry_points.txt")),
            f"{SITE}/old-1-py3.11.egg-info/PKG-INFO",
            f"{SITE}/other-1.dist-info/RECORD",
        ],
        imports=NUMPY.imports,
    )

    decision = decided({"numpy": numpy}, section=PruneSection(drop=("**/*-info/**",)))

    (warning,) = decision.warnings(Path("environment.yml"))
    assert warning == (
        "environment.yml: condabox.prune: drop leaves out what says that numpy-2 and "
        "old-1-py3.11 are installed: importlib.metadata, pip and scanners find them no more"
    )
    assert decided({"numpy": numpy}).unlisted == ()


def test_development_changes_nothing_of_prod() -> None:
    tool = package(imports=modules({"tool.py": ["numpy.tests.test_a"]}))
    alone = decided({"numpy": NUMPY})

    decision = decided({"numpy": NUMPY, "tool": tool}, dev=("tool",))

    assert decision.removed == alone.removed
    assert decision.kept == alone.kept
    assert decision.missed == (
        f"tool.py imports numpy.tests.test_a, and prod leaves out {SITE}/numpy/tests/__init__.py",
        f"tool.py imports numpy.tests.test_a, and prod leaves out {SITE}/numpy/tests/test_a.py",
    )


def test_what_was_decided_of_prod_with_another_base_stays() -> None:
    """Prod may have asked the base, and development may not have to."""
    alpha = package(libraries={"lib/libalpha.so": elf("liba.so.1"), "opt/private/liba.so.1": elf()})
    gamma = package(libraries={"lib/libgamma.so": elf("liba.so.1")})
    section = PruneSection(drop=("opt/private/**",))
    gone_from_prod = {"sha-alpha": {"opt/private/liba.so.1": Removal(rule="drop", size=1)}}
    prod = Decision(removed=gone_from_prod, kept={})

    decision = decided(
        {"alpha": alpha, "gamma": gamma}, dev=("gamma",), section=section, around=prod
    )

    assert decision.removed == prod.removed
    assert decision.kept == {}
    assert decision.missed == (
        "lib/libalpha.so needs liba.so.1, and prod leaves out opt/private/liba.so.1",
    )


NAMES = [f"lib{letter}.so.1" for letter in "abcd"]
PACKAGES = st.builds(
    lambda needs, shared, private: package(
        libraries={
            **{f"lib/{name}": elf(*needs, soname=name) for name in shared},
            **{f"opt/private/{name}": elf(*needs, soname=name) for name in private},
        }
    ),
    *([st.sets(st.sampled_from(NAMES))] * 3),
)


@given(prod=PACKAGES, other=PACKAGES, more=PACKAGES)
def test_prod_is_the_same_whatever_lies_on_it(
    prod: PackageFacts, other: PackageFacts, more: PackageFacts
) -> None:
    section = PruneSection(drop=("opt/private/**",))
    alone = decided({"prod": prod, "other": other}, section=section)

    decision = decided({"prod": prod, "other": other, "more": more}, dev=("more",), section=section)

    for key in ("sha-prod", "sha-other"):
        assert decision.removed.get(key) == alone.removed.get(key)
        assert decision.kept.get(key) == alone.kept.get(key)


def test_a_compiler_for_development_puts_no_rule_of_prod_out_of_force() -> None:
    library = package(["lib/liba.a"])
    compiler = package(["lib/libb.a", "lib/libcc.a"])

    decision = decided(
        {"library": library, "gcc_impl_linux-64": compiler}, dev=("gcc_impl_linux-64",)
    )

    assert gone(decision, "library") == {"lib/liba.a"}
    assert gone(decision, "gcc_impl_linux-64") == set()


def test_development_s_packages_are_pruned_as_well() -> None:
    pandas = package(imports=modules({"pandas/__init__.py": (), "pandas/tests/__init__.py": ()}))

    decision = decided({"numpy": NUMPY, "pandas": pandas}, dev=("pandas",))

    assert gone(decision, "pandas") == {"pandas/tests/__init__.py"}


def test_prod_may_need_what_prod_would_leave_out() -> None:
    user = package(imports=modules({"user.py": ["numpy.tests.test_a"]}))

    decision = decided({"numpy": NUMPY, "user": user})

    assert gone(decision, "numpy") == {"numpy/app.js.map", "numpy/tests/test_b.py"}
    assert decision.missed == ()


def test_entries_that_match_nothing_are_told() -> None:
    section = PruneSection(keep=("numpy:**/*.map", "nothing:**"), drop=("share/none",))

    decision = decided({"numpy": NUMPY}, section=section)

    assert "numpy/app.js.map" not in gone(decision, "numpy")
    assert decision.unmatched == ("nothing:**", "share/none")


def test_what_is_broken_anyway_is_told() -> None:
    decision = decided(
        {"a": package(libraries={"lib/liba.so": elf("libnowhere.so.1", "libc.so.6")})}
    )

    assert decision.broken == ("lib/liba.so needs libnowhere.so.1, which is nowhere",)


def test_savings_by_rule() -> None:
    removals = [
        Removal(rule="b", size=1),
        Removal(rule="a", size=2),
        Removal(rule="b", size=4),
    ]

    assert list(savings(removals).items()) == [
        ("a", Saving(paths=1, size=2)),
        ("b", Saving(paths=2, size=5)),
    ]
    assert savings([]) == {}


TEXT = st.text(max_size=5)


@given(
    st.builds(
        Decision,
        removed=st.dictionaries(
            TEXT, st.dictionaries(TEXT, st.builds(Removal, rule=TEXT, size=st.integers(0)))
        ),
        kept=st.dictionaries(
            TEXT,
            st.lists(st.builds(Kept, path=TEXT, rule=TEXT, because=TEXT)).map(tuple),
        ),
        broken=st.lists(TEXT).map(tuple),
        missed=st.lists(TEXT).map(tuple),
        unmatched=st.lists(TEXT).map(tuple),
    )
)
def test_decisions_are_read_as_they_were_written(decision: Decision) -> None:
    assert Decision.from_json(decision.to_json()) == decision


WHOLE: dict[str, Any] = {"removed": {}, "kept": {}, "broken": [], "missed": [], "unmatched": []}


@pytest.mark.parametrize(
    "change",
    [
        {"removed": []},
        {"removed": {"key": []}},
        {"removed": {"key": {"path": ["rule"]}}},
        {"removed": {"key": {"path": ["rule", "1"]}}},
        {"removed": {"key": {"path": "ab"}}},
        {"kept": {"key": [["path", "rule"]]}},
        {"kept": {"key": [["path", "rule", 1]]}},
        {"broken": None},
        {"missed": [1]},
        {"unmatched": "text"},
    ],
)
def test_anything_else_is_refused(change: dict[str, object]) -> None:
    assert Decision.from_json(WHOLE) == Decision(removed={}, kept={})
    with pytest.raises(DecodeError):
        Decision.from_json({**WHOLE, **change})
