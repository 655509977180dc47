"""A verdict is what was decided, with everything that has a part in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.envfile.section import PruneSection
from condabox.pruning.decision import Saving
from condabox.pruning.explain import Explained, Explainer, Group, Outcome, Verdict, grouped
from condabox.pruning.rules import RULES
from tests.fakes.facts import SITE, elf, modules, package
from tests.fakes.lockfiles import conda
from tests.fakes.pruned import pruned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.conda.envfile.section import PruneProfile
    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.pruning.facts import PackageFacts

RULE = {rule.name: rule for rule in RULES}
PYTHON = "lib/python3.11"


def verdict(
    path: str,
    *others: LockedPackage,
    profile: PruneProfile = "safe",
    keep: tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
) -> Verdict:
    """Return what becomes of a file of ``numpy``, beside others without files."""
    packages = {conda("numpy"): package([path]), **{each: package() for each in others}}
    found = pruned(packages, profile=profile, keep=keep, drop=drop)
    return Explainer(found).explain(path).verdict


def test_left_out_by_a_rule() -> None:
    assert verdict("lib/libnpymath.a") == Verdict(
        outcome=Outcome.LEFT_OUT, rule=RULE["static-libraries"]
    )


def test_left_out_by_the_environment_file() -> None:
    found = verdict("conda-meta/a.json", drop=("conda-meta/*", "bin/*", "**/*.json"))

    assert found == Verdict(outcome=Outcome.LEFT_OUT, entries=("**/*.json", "conda-meta/*"))


def test_kept_by_the_environment_file() -> None:
    found = verdict("lib/libnpymath.a", keep=("numpy:**/*.a", "bin/*"), drop=("lib/*",))

    assert found == Verdict(outcome=Outcome.KEPT, entries=("numpy:**/*.a",))


def test_no_rule_may_take_it() -> None:
    found = verdict(f"{SITE}/numpy/testing/tests/__init__.py")

    because = ("helpers for the tests of others, which plain code imports, too",)
    assert found == Verdict(outcome=Outcome.NEVER, because=because)


def test_a_package_puts_the_rule_out_of_force() -> None:
    found = verdict("lib/libnpymath.a", conda("gcc_linux-64"), conda("clang"))

    assert found == Verdict(
        outcome=Outcome.OUT_OF_FORCE,
        rule=RULE["static-libraries"],
        packages=("clang", "gcc-linux-64"),
    )


def test_development_puts_no_rule_of_prod_out_of_force() -> None:
    assert verdict("lib/libnpymath.a", conda("gcc", category="dev")).outcome is Outcome.LEFT_OUT


def test_another_profile_leaves_it_out() -> None:
    header = f"{SITE}/numpy/a.h"

    assert verdict(header) == Verdict(
        outcome=Outcome.OTHER_PROFILE, rule=RULE["headers"], profile="slim"
    )
    assert verdict(header, profile="slim") == Verdict(
        outcome=Outcome.LEFT_OUT, rule=RULE["headers"]
    )
    assert verdict("lib/a.a", profile="none") == Verdict(
        outcome=Outcome.OTHER_PROFILE, rule=RULE["static-libraries"], profile="safe"
    )


def test_the_rule_of_another_profile_is_out_of_force() -> None:
    assert verdict(f"{SITE}/numpy/a.h", conda("cffi")) == Verdict(
        outcome=Outcome.OUT_OF_FORCE, rule=RULE["headers"], profile="slim", packages=("cffi",)
    )


def test_the_rule_spares_it_itself() -> None:
    found = verdict("share/doc/numpy/LICENSE.txt")

    assert found == Verdict(outcome=Outcome.SPARED, rule=RULE["manuals"])


def test_no_rule_takes_it() -> None:
    assert verdict("bin/f2py") == Verdict(outcome=Outcome.NO_RULE)


def test_entries_count_for_other_profiles_where_the_command_line_says_none() -> None:
    packages = {conda("numpy"): package(["lib/a.a", "bin/f2py"])}
    found = pruned(
        packages, keep=("**/*.a",), drop=("bin/*",), section=PruneSection(profile="none")
    )

    explained = [Explainer(found).explain(path).verdict for path in ("lib/a.a", "bin/f2py")]

    assert explained == [
        Verdict(outcome=Outcome.KEPT, entries=("**/*.a",)),
        Verdict(outcome=Outcome.OTHER_PROFILE, entries=("bin/*",), profile="safe"),
    ]


def test_of_byte_code_is_said_what_is_of_its_source() -> None:
    source, compiled = "share/x/a.py", "share/x/__pycache__/a.cpython-311.pyc"
    packages = {conda("numpy"): package([source, compiled])}

    found = Explainer(pruned(packages, keep=(source,), drop=("**/*.py",))).explain(compiled)

    assert found.verdict == Verdict(outcome=Outcome.KEPT, entries=(source,))


LIBRARIES = package(
    libraries={
        "bin/tool": elf("liba.so"),
        "lib/liba.so": elf("libb.so"),
        "lib/libb.so": elf("libc.so"),
        "lib/libc.so": elf("libd.so"),
    },
    files=["lib/libd.so"],
)


def needed(path: str, packages: Mapping[LockedPackage, PackageFacts]) -> tuple[str, ...]:
    found = Explainer(pruned(packages, drop=("lib/*",))).explain(path).verdict
    assert found.outcome is Outcome.NEEDED
    assert found.entries == ("lib/*",)
    return found.because


def test_who_needs_it_and_who_needs_that_is_told() -> None:
    tool = {conda("tool"): LIBRARIES}

    assert needed("lib/liba.so", tool) == ("bin/tool needs liba.so",)
    assert needed("lib/libb.so", tool) == ("lib/liba.so needs libb.so", "bin/tool needs liba.so")


def test_few_reasons_are_enough() -> None:
    assert needed("lib/libd.so", {conda("tool"): LIBRARIES}) == (
        "lib/libc.so needs libd.so",
        "lib/libb.so needs libc.so",
        "lib/liba.so needs libb.so",
    )


def test_names_with_blanks_are_found() -> None:
    facts = package(
        libraries={"bin/t": elf("lib a.so"), "lib/lib a.so": elf("lib b.so")},
        files=["lib/lib b.so", "lib/lib"],
    )

    assert needed("lib/lib b.so", {conda("t"): facts}) == (
        "lib/lib a.so needs lib b.so",
        "bin/t needs lib a.so",
    )


def test_modules_are_told_without_their_folder() -> None:
    facts = package(
        imports=modules(
            {
                "numpy/__init__.py": ["numpy.tests.a"],
                "numpy/tests/__init__.py": (),
                "numpy/tests/a.py": ["numpy.tests.b"],
                "numpy/tests/b.py": (),
            }
        )
    )

    found = Explainer(pruned({conda("numpy"): facts})).explain(f"{SITE}/numpy/tests/b.py")

    assert found.verdict == Verdict(
        outcome=Outcome.NEEDED,
        rule=RULE["test-suites"],
        because=(
            "numpy/tests/a.py imports numpy.tests.b",
            "numpy/__init__.py imports numpy.tests.a",
        ),
    )


def test_what_another_profile_would_break_is_told() -> None:
    facts = package([f"{SITE}/a/x.h"], resources={f"{SITE}/a/__init__.py": ["a"]})

    found = Explainer(pruned({conda("a"): facts})).explain(f"{SITE}/a/x.h")

    assert found.verdict == Verdict(
        outcome=Outcome.NEEDED,
        rule=RULE["headers"],
        profile="slim",
        because=("a/__init__.py reads data of a",),
    )


def test_owners_are_told_and_the_last_one_counts() -> None:
    first, last = conda("first"), conda("last")
    facts = package(["lib/a.a"])

    found = Explainer(pruned({first: facts, last: facts}, keep=("first:**",))).explain("lib/a.a")

    assert found == Explained(
        path="lib/a.a",
        packages=(first, last),
        size=1,
        link=None,
        verdict=Verdict(outcome=Outcome.LEFT_OUT, rule=RULE["static-libraries"]),
    )


def test_what_prod_keeps_is_there_when_development_leaves_it_out() -> None:
    prod, development = conda("prod"), conda("development", category="dev")
    facts = package(["share/a"])

    found = pruned({prod: facts, development: facts}, drop=("development:**",))

    explained = Explainer(found).explain("share/a")
    assert explained.packages == (development, prod)
    assert explained.verdict == Verdict(outcome=Outcome.NO_RULE)


def test_a_link_has_no_size() -> None:
    found = Explainer(pruned({conda("a"): package(links={"lib/a.so": "a.so.1"})}))

    explained = found.explain("lib/a.so")
    assert (explained.size, explained.link) == (None, "a.so.1")


def test_verdicts_are_counted() -> None:
    facts = package(
        ["bin/a", "lib/a.a", "lib/b.a"],
        libraries={"bin/b": elf("c.a"), "bin/c": elf("d.a"), "lib/c.a": elf(), "lib/d.a": elf()},
    )
    explainer = Explainer(pruned({conda("a"): facts}))

    found = grouped(map(explainer.explain, sorted(explainer.paths)))

    static = RULE["static-libraries"]
    assert found == (
        Group(
            verdict=Verdict(outcome=Outcome.LEFT_OUT, rule=static), paths=Saving(paths=2, size=2)
        ),
        Group(verdict=Verdict(outcome=Outcome.NO_RULE), paths=Saving(paths=3, size=3)),
        Group(verdict=Verdict(outcome=Outcome.NEEDED, rule=static), paths=Saving(paths=2, size=2)),
    )


@pytest.mark.parametrize("profile", ["none", "safe", "slim"])
def test_json_has_every_key(profile: PruneProfile) -> None:
    found = verdict("lib/a.a", profile=profile).to_json()

    assert found == {
        "outcome": "other-profile" if profile == "none" else "left-out",
        "left_out": profile != "none",
        "rule": "static-libraries",
        "reason": RULE["static-libraries"].reason,
        "risk": "low",
        "profile": "safe" if profile == "none" else None,
        "entries": [],
        "because": [],
        "packages": [],
    }
