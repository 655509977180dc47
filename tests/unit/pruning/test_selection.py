"""The environment file wins over the rules, and the order of things changes nothing."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.envfile.section import PruneSection
from condabox.conda.packages.bytecode import replaced_bytecode
from condabox.pruning.never import NEVER
from condabox.pruning.patterns import any_of, glob_regex
from condabox.pruning.rules import RULES, rules_of
from condabox.pruning.selection import (
    DROP,
    Claims,
    PackagePaths,
    Selection,
    canonical_name,
    find_claims,
    hindering,
    select,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from condabox.conda.envfile.section import PruneProfile
    from condabox.pruning.rule import Rule

SITE = "lib/python3.11/site-packages"
ALL: tuple[PruneProfile, ...] = ("none", "safe", "slim")


def taken(
    *paths: str,
    package: str = "numpy",
    profile: PruneProfile = "safe",
    keep: tuple[str, ...] = (),
    drop: tuple[str, ...] = (),
) -> Mapping[str, str]:
    section = PruneSection(profile=profile, keep=keep, drop=drop)
    selection = select({"a": PackagePaths(name=package, paths=paths)}, section=section)
    return selection.taken.get("a", {})


def test_a_selection_is_by_package_and_path() -> None:
    packages = {
        "b": PackagePaths(name="zlib", paths=("lib/libz.a", "lib/libz.so.1", "include/zlib.h")),
        "a": PackagePaths(name="git", paths=("share/man/man1/git.1", "bin/git")),
        "c": PackagePaths(name="six", paths=(f"{SITE}/six.py",)),
    }

    found = select(packages, section=PruneSection(drop=("bin/*", "nothing"), keep=("**/*.so",)))

    assert found == Selection(
        taken={
            "a": {"bin/git": DROP, "share/man/man1/git.1": "manuals"},
            "b": {"lib/libz.a": "static-libraries"},
        },
        unmatched=("**/*.so", "nothing"),
    )


def test_keep_wins_over_rules_and_drop() -> None:
    tests = [f"{SITE}/numpy/tests/{name}" for name in ("test_a.py", "test_b.py", "data.json")]

    assert taken(*tests, keep=("numpy:**/tests/*.py",)) == {tests[2]: "test-suites"}
    assert taken("bin/a", "bin/b", keep=("bin/a",), drop=("bin/*",)) == {"bin/b": DROP}
    assert taken("bin/a", keep=("**",), drop=("**",)) == {}


def test_drop_wins_over_rules_and_takes_what_no_rule_may() -> None:
    record = "conda-meta/numpy-1-0.json"

    assert taken("lib/libz.a", drop=("lib/*.a",)) == {"lib/libz.a": DROP}
    assert taken(record, "bin/f2py", profile="none", drop=("conda-meta/*",)) == {record: DROP}


@pytest.mark.parametrize(
    ("entry", "dropped"),
    [
        pytest.param("bin/x", True, id="any-package"),
        pytest.param("typing_extensions:bin/x", True, id="name"),
        pytest.param("Typing-Extensions:bin/x", True, id="as-pip-writes-it"),
        pytest.param("typing.*:bin/x", True, id="glob"),
        pytest.param("t?ping-*:**", True, id="glob-of-one"),
        pytest.param("typing:bin/x", False, id="another"),
        pytest.param("typing:**", False, id="another-all"),
        pytest.param("typing-extensions:x", False, id="another-path"),
    ],
)
def test_an_entry_may_be_for_some_packages(entry: str, *, dropped: bool) -> None:
    paths = {"a": PackagePaths(name="typing_extensions", paths=("bin/x",))}

    found = select(paths, section=PruneSection(profile="none", drop=(entry,)))

    assert found.taken == ({"a": {"bin/x": DROP}} if dropped else {})
    assert found.unmatched == (() if dropped else (entry,))


def test_a_colon_behind_a_slash_belongs_to_the_path() -> None:
    page = "share/man/man3/App::Prove.3"

    assert taken(page, "bin/x", profile="none", drop=(page,)) == {page: DROP}


def test_byte_code_goes_with_its_source() -> None:
    folder = "share/x"
    paths = (
        f"{folder}/a.py",
        f"{folder}/a.pyc",
        f"{folder}/__pycache__/a.cpython-311.pyc",
        f"{folder}/__pycache__/a.cpython-311.opt-1.pyc",
        f"{folder}/__pycache__/b.cpython-311.pyc",
        f"{folder}/b.py",
        f"{folder}/only.pyc",
    )

    found = taken(*paths, profile="none", drop=("**/a.py",))

    assert found == dict.fromkeys(sorted(paths[:4]), DROP)
    assert taken(*paths, profile="none", drop=("**/b.pyc", "**/only.py")) == {}


def test_byte_code_of_a_kept_source_is_not_drawn_along() -> None:
    source, compiled = "share/x/a.py", "share/x/__pycache__/a.cpython-311.pyc"

    assert taken(source, compiled, profile="none", keep=("**/a.py",), drop=("**/*.py",)) == {}
    assert taken(source, compiled, profile="none", keep=("**/*.pyc",), drop=("**/*.py",)) == {
        source: DROP
    }


def test_byte_code_names_the_rule_of_its_source() -> None:
    source = f"{SITE}/x/idlelib/a.py"
    compiled = f"{SITE}/numpy/tests/__pycache__/test_a.cpython-311.pyc"
    paths = (source, f"{SITE}/numpy/tests/test_a.py", compiled)

    assert taken(*paths) == dict.fromkeys(sorted(paths[1:]), "test-suites")


def test_a_folder_is_only_a_test_suite_when_it_is_a_package() -> None:
    suite = [f"{SITE}/x/tests/{name}" for name in ("__init__.py", "data/a.json", "deep/er/b.py")]
    others = [f"{SITE}/x/tests.py", f"{SITE}/x/tests2/a.py", f"{SITE}/y/tests/a.json"]

    found = taken(*suite, *others, package="x", profile="slim")

    assert found == dict.fromkeys(suite, "all-test-suites")


def test_test_suites_within_test_suites_are_taken_once() -> None:
    paths = [f"{SITE}/x/tests/__init__.py", f"{SITE}/x/tests/tests/__init__.py"]

    assert taken(*paths, package="x", profile="slim") == dict.fromkeys(paths, "all-test-suites")


def test_the_whole_environment_decides_what_is_in_force() -> None:
    packages = {"a": PackagePaths(name="zlib", paths=("lib/libz.a",))}
    compiler = {"b": PackagePaths(name="gcc_linux-64", paths=("bin/gcc",))}

    assert select(packages, section=PruneSection()).taken != {}
    assert select(packages | compiler, section=PruneSection()).taken == {}


def test_an_environment_without_packages() -> None:
    assert select({}, section=PruneSection(keep=("a",))) == Selection(taken={}, unmatched=("a",))


def test_claims_are_all_that_speaks_of_a_path() -> None:
    suite = f"{SITE}/numpy/testing/tests/__init__.py"
    paths = (suite, "share/doc/LICENSE", "lib/python3.11/os.py")
    packages = {"a": PackagePaths(name="numpy", paths=paths)}
    section = PruneSection(
        profile="none", keep=("share/**",), drop=("**/__init__.py", "**/tests/*")
    )

    found = find_claims(packages, section=section)

    by_name = {rule.name: rule for rule in RULES}
    (never,) = (each for each in NEVER if each.reason.startswith("helpers for the tests"))
    assert found == {
        "a": {
            suite: Claims(
                drop=("**/__init__.py", "**/tests/*"),
                never=(never,),
                rules=(by_name["test-suites"], by_name["all-test-suites"]),
            ),
            "share/doc/LICENSE": Claims(keep=("share/**",), sparing=(by_name["manuals"],)),
        }
    }


PARTS = st.sampled_from(
    [
        *("lib", "python3.11", "site-packages", "tests", "test", "testing", "share", "man", "doc"),
        *("include", "numpy", "_core", "jedi", "third_party", "conda-meta", "x.dist-info", "bin"),
        *("__init__.py", "a.py", "a.pyc", "__pycache__", "a.cpython-311.pyc", "_natype.py"),
        *("a.pyi", "a.h", "a.c", "liba.a", "a.js.map", "LICENSE", "a.json", "a.pyx"),
    ]
)
FOLDERS = st.sampled_from(["", f"{SITE}/", f"{SITE}/numpy/", f"{SITE}/jedi/", "share/", "lib/"])
PATHS = st.builds("{}{}".format, FOLDERS, st.lists(PARTS, min_size=1, max_size=5).map("/".join))
PACKAGES = st.dictionaries(
    st.sampled_from("abcd"),
    st.builds(
        PackagePaths,
        name=st.sampled_from(["numpy", "jedi", "python", "x", "Foo_Bar", "gcc", "cython"]),
        paths=st.lists(PATHS, unique=True, max_size=12),
    ),
)
GLOBS = st.one_of(
    PATHS,
    PARTS.map("**/{}".format),
    PARTS.map("**/{}/**".format),
    st.sampled_from(["**", "numpy:**", "lib/**/*.py", "*:**/*.pyc", "foo-*:**/tests/**"]),
)
ENTRIES = st.lists(GLOBS, max_size=3).map(tuple)
NO_RULE = any_of(tuple(glob for never in NEVER for glob in never.patterns))


def flat(selection: Selection) -> set[tuple[str, str]]:
    return {(key, path) for key, paths in selection.taken.items() for path in paths}


def speaks_of(entry: str, name: str, path: str) -> bool:
    package, colon, glob = entry.rpartition(":")
    name = name.lower().replace("_", "-")
    matched = glob_regex(glob).fullmatch(path) is not None
    return matched and (not colon or fnmatchcase(name, package))


@given(PACKAGES, st.sampled_from(ALL), ENTRIES, ENTRIES)
def test_a_selection_is_of_what_is_there(
    packages: Mapping[str, PackagePaths],
    profile: PruneProfile,
    keep: tuple[str, ...],
    drop: tuple[str, ...],
) -> None:
    found = select(packages, section=PruneSection(profile=profile, keep=keep, drop=drop))

    assert all(found.taken.values())
    assert flat(found) <= {(key, path) for key in packages for path in packages[key].paths}


@given(PACKAGES, st.sampled_from(ALL), ENTRIES, ENTRIES)
def test_keep_always_wins(
    packages: Mapping[str, PackagePaths],
    profile: PruneProfile,
    keep: tuple[str, ...],
    drop: tuple[str, ...],
) -> None:
    found = select(packages, section=PruneSection(profile=profile, keep=keep, drop=drop))

    assert [
        (path, entry)
        for key, path in flat(found)
        for entry in keep
        if speaks_of(entry, packages[key].name, path)
    ] == []


@given(PACKAGES, ENTRIES)
def test_without_rules_only_the_users_word_counts(
    packages: Mapping[str, PackagePaths], drop: tuple[str, ...]
) -> None:
    found = select(packages, section=PruneSection(profile="none", drop=drop))

    assert {rule for paths in found.taken.values() for rule in paths.values()} <= {DROP}
    assert drop or not found.taken


@given(PACKAGES, ENTRIES, ENTRIES)
def test_each_profile_takes_what_the_one_before_takes(
    packages: Mapping[str, PackagePaths], keep: tuple[str, ...], drop: tuple[str, ...]
) -> None:
    none, safe, slim = (
        flat(select(packages, section=PruneSection(profile=profile, keep=keep, drop=drop)))
        for profile in ALL
    )

    assert none <= safe <= slim


@given(PACKAGES, ENTRIES)
def test_no_rule_takes_what_none_may(
    packages: Mapping[str, PackagePaths], keep: tuple[str, ...]
) -> None:
    found = select(packages, section=PruneSection(profile="slim", keep=keep))
    taken = {path for _, path in flat(found) if not path.endswith(".pyc")}

    assert [path for path in taken if NO_RULE.fullmatch(path)] == []


@given(PACKAGES, st.sampled_from(ALL), ENTRIES, ENTRIES, st.randoms())
def test_order_changes_nothing(
    packages: Mapping[str, PackagePaths],
    profile: PruneProfile,
    keep: tuple[str, ...],
    drop: tuple[str, ...],
    shuffler: random.Random,
) -> None:
    section = PruneSection(profile=profile, keep=keep, drop=drop)
    keys = shuffler.sample(sorted(packages), k=len(packages))
    shuffled = {
        key: PackagePaths(
            name=packages[key].name,
            paths=shuffler.sample(packages[key].paths, k=len(packages[key].paths)),
        )
        for key in keys
    }

    found, again = select(packages, section=section), select(shuffled, section=section)

    assert again == found
    assert [(key, list(paths.items())) for key, paths in again.taken.items()] == [
        (key, sorted(paths.items(), key=lambda item: item[0].encode()))
        for key, paths in sorted(found.taken.items())
    ]


@given(PACKAGES, st.sampled_from(ALL), ENTRIES)
def test_no_byte_code_is_left_without_its_source(
    packages: Mapping[str, PackagePaths], profile: PruneProfile, drop: tuple[str, ...]
) -> None:
    found = select(packages, section=PruneSection(profile=profile, drop=drop))

    for key, package in packages.items():
        left = set(package.paths) - found.taken.get(key, {}).keys()
        assert replaced_bytecode(package.paths) & left <= replaced_bytecode(left)


def test_a_hundred_thousand_paths_of_a_hostile_package() -> None:
    deep = "tests/" * 300
    paths = [
        *(f"{SITE}/{'tests/' * depth}__init__.py" for depth in range(300)),
        *(f"{SITE}/{deep}{number}" for number in range(2000)),
        *(f"{'a' * 4000}{number}" for number in range(100)),
        "",
        "/",
        "..",
        "\udcff/tests/\n",
    ]

    found = taken(*paths, package="x", profile="slim", drop=("**/*a*a*a*b",))

    assert len(found) == 299 + 2000


@given(PACKAGES, ENTRIES, ENTRIES, st.sampled_from(ALL))
def test_what_is_taken_follows_from_what_is_claimed(
    packages: Mapping[str, PackagePaths],
    keep: tuple[str, ...],
    drop: tuple[str, ...],
    profile: PruneProfile,
) -> None:
    section = PruneSection(profile=profile, keep=keep, drop=drop)
    names = {canonical_name(each.name) for each in packages.values()}

    found = select(packages, section=section).taken

    in_force = [rule for rule in rules_of(profile) if not hindering(rule, names)]
    expected = {
        key: {path: rule for path, each in claims.items() if (rule := taker(each, in_force))}
        for key, claims in find_claims(packages, section=section).items()
    }
    assert without_byte_code(found) == without_byte_code(expected)


def without_byte_code(
    taken: Mapping[str, Mapping[str, str]],
) -> set[tuple[str, str, str]]:
    """Return what is taken for its own sake, not for that of its source."""
    return {
        (key, path, rule)
        for key, paths in taken.items()
        for path, rule in paths.items()
        if not path.endswith(".pyc")
    }


def taker(claims: Claims, in_force: Sequence[Rule]) -> str | None:
    """Return what takes a path of which ``claims`` are all."""
    if claims.keep:
        return None
    if claims.drop:
        return DROP
    rules = [rule.name for rule in claims.rules if rule in in_force]
    return rules[0] if rules and not claims.never else None
