from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.reporting.lockcompare import compare_locks
from condabox.reporting.lockdiff import Download, Kind, Presence
from tests.fakes.lockfiles import FORGE, conda, lock_file, wheel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condabox.conda.lockfiles.lockfile import LockedPackage, LockFile
    from condabox.reporting.lockdiff import Change, LockDiff

OTHER = "https://conda.anaconda.org/bioconda"
MIRRORED = {
    Kind.UP: Kind.DOWN,
    Kind.DOWN: Kind.UP,
    Kind.ADDED: Kind.REMOVED,
    Kind.REMOVED: Kind.ADDED,
}


def changes(
    before: Sequence[LockedPackage],
    after: Sequence[LockedPackage],
    *,
    asked: Sequence[str] = (),
    asked_of_pip: Sequence[str] = (),
) -> tuple[Change, ...]:
    new = lock_file({"linux-64": after}, asked=asked, asked_of_pip=asked_of_pip)
    (found,) = compare_locks(lock_file({"linux-64": before}), new).subdirs
    return found.changes


def kinds(before: Sequence[LockedPackage], after: Sequence[LockedPackage]) -> list[list[str]]:
    return [[*change.kinds] for change in changes(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(conda("x"), conda("x"), None, id="the same"),
        pytest.param(conda("x", "1.9"), conda("x", "1.10"), ["up"], id="up"),
        pytest.param(conda("x", "1.10"), conda("x", "1.9"), ["down"], id="down"),
        pytest.param(conda("x", "2024a"), conda("x", "2024b"), ["up"], id="up by a letter"),
        pytest.param(conda("x", "9.0"), conda("x", "1!1.0"), ["up"], id="up by an epoch"),
        pytest.param(conda("x", "1.0"), conda("x", "1.0.0"), ["build"], id="written otherwise"),
        pytest.param(conda("x", build="a_0"), conda("x", build="a_1"), ["build"], id="rebuilt"),
        pytest.param(conda("x"), conda("x", channel=OTHER), ["channel"], id="other channel"),
        pytest.param(
            conda("x"), conda("x", "2", channel=OTHER), ["up", "channel"], id="up, other channel"
        ),
        pytest.param(
            conda("x"),
            conda("x", build="1", channel=OTHER),
            ["channel", "build"],
            id="rebuilt in another channel",
        ),
        pytest.param(conda("x"), conda("x", sha256="cd" * 32), ["archive"], id="other bytes"),
        pytest.param(conda("x"), conda("x", suffix=".tar.bz2"), ["archive"], id="other format"),
        pytest.param(conda("x"), conda("x", sha256=""), None, id="hash not known"),
        pytest.param(conda("x"), conda("x", size=None), None, id="size not known"),
        pytest.param(conda("x"), conda("x", category="dev"), ["category"], id="for development"),
        pytest.param(
            conda("x"), conda("x", "0.9", category="dev"), ["down", "category"], id="both at once"
        ),
        pytest.param(conda("x"), conda("x", subdir="noarch"), None, id="the same file, noarch"),
        pytest.param(
            conda("x", build="cuda129_h1234567_300"),
            conda("x", build="cpu_generic_h1234567_0"),
            ["device", "build"],
            id="for no GPU any more",
        ),
        pytest.param(
            conda("x", build="cpu_0"), conda("x", "2", build="cuda_0"), ["up", "device"], id="GPU"
        ),
        pytest.param(
            conda("libarrow", build="0_cuda"),
            conda("libarrow", "2", build="0_cpu"),
            ["up"],
            id="needs no GPU in any build",
        ),
        pytest.param(wheel("x", "1.0rc1"), wheel("x", "1.0"), ["up"], id="wheel up"),
        pytest.param(wheel("x", "1.0"), wheel("x", "1.0+cu128"), ["up"], id="PEP 440, local"),
        pytest.param(wheel("x", "1a~b"), wheel("x", "1a~c"), ["up"], id="no PEP 440"),
        pytest.param(wheel("a-b"), wheel("a_b"), None, id="one name, written twice"),
        pytest.param(
            wheel("x", tags="cp312-cp312-manylinux_2_17_x86_64"),
            wheel("x", tags="cp312-cp312-manylinux_2_28_x86_64"),
            ["build"],
            id="wheel for another system",
        ),
        pytest.param(
            wheel("x"), wheel("x", host="https://mirror.example"), ["channel"], id="other index"
        ),
        pytest.param(conda("x"), wheel("x"), ["moved"], id="to pip"),
        pytest.param(wheel("x"), conda("x", "1.1"), ["up", "moved"], id="from pip, up"),
        pytest.param(conda("a_b"), wheel("a-b"), ["moved"], id="to pip, written otherwise"),
        pytest.param(conda("pytorch"), wheel("torch"), ["moved"], id="pip's name for it"),
        pytest.param(wheel("torch"), conda("pytorch"), ["moved"], id="conda's name for it"),
    ],
)
def test_one_package(
    before: LockedPackage, after: LockedPackage, expected: list[str] | None
) -> None:
    assert kinds([before], [after]) == ([] if expected is None else [expected])


def test_added_and_removed() -> None:
    added, removed = changes([conda("y")], [conda("x")])

    assert (added.name, added.kinds, added.before) == ("x", (Kind.ADDED,), None)
    assert (removed.name, removed.kinds, removed.after) == ("y", (Kind.REMOVED,), None)


def test_a_wheel_beside_the_conda_package_of_its_name_did_not_move() -> None:
    before = [conda("x")]

    assert kinds(before, [conda("x"), wheel("x", "2.0")]) == [["added"]]
    assert kinds([wheel("x"), *before], [wheel("x"), conda("x", "2.0")]) == [["up"]]


def test_two_packages_that_swap_their_managers_both_moved() -> None:
    assert kinds([conda("a"), wheel("b")], [wheel("a"), conda("b")]) == [["moved"], ["moved"]]


def test_a_package_of_two_categories_is_one_package() -> None:
    before = [conda("x", category="docs"), conda("x", category="dev")]

    (change,) = changes(before, [conda("x", "2", category="dev"), conda("x", "2", category="docs")])

    assert change.kinds == (Kind.UP,)
    assert change.before
    assert change.before.categories == ("dev", "docs")


@pytest.mark.parametrize(
    ("before", "after", "options"),
    [
        pytest.param([], [conda("x")], {"asked": ["conda-forge::X >=1"]}, id="conda"),
        pytest.param([], [wheel("a-b")], {"asked_of_pip": ["A_b[extra] ==1.0"]}, id="pip"),
        pytest.param([conda("x")], [wheel("x")], {"asked_of_pip": ["x"]}, id="moved"),
    ],
)
def test_what_was_asked_for_by_name_is_told(
    before: list[LockedPackage], after: list[LockedPackage], options: dict[str, list[str]]
) -> None:
    (change,) = changes(before, after, **options)

    assert change.asked


@pytest.mark.parametrize(
    "options", [{"asked": ["xy"]}, {"asked_of_pip": ["x"]}], ids=["another", "a wheel"]
)
def test_what_others_brought_was_not_asked_for(options: dict[str, list[str]]) -> None:
    (change,) = changes([], [conda("x")], **options)

    assert not change.asked


def test_a_package_that_is_not_asked_for_any_more_counts_as_asked_for() -> None:
    old = lock_file({"linux-64": [conda("x")]}, asked=["x"])

    (found,) = compare_locks(old, lock_file({"linux-64": []})).subdirs

    assert found.changes[0].asked


def test_downloads_are_by_category_and_say_what_is_not_known() -> None:
    before = [conda("a", size=5), conda("b", size=7), wheel("c"), conda("d", category="dev")]
    (found,) = compare_locks(lock_file({"linux-64": before}), lock_file({"linux-64": []})).subdirs

    assert found.before == {
        "dev": Download(packages=1, size=1_000_000),
        "main": Download(packages=3, size=12, unknown=1),
    }
    assert found.after == {}


def test_a_subdir_of_one_file_only_is_told_and_not_counted() -> None:
    old = lock_file({"linux-64": [conda("x")], "osx-64": [conda("x")]})
    new = lock_file({"linux-64": [conda("x")], "linux-aarch64": [conda("x"), conda("y")]})

    diff = compare_locks(old, new)

    assert [(each.subdir, each.presence, len(each.changes)) for each in diff.subdirs] == [
        ("linux-64", Presence.BOTH, 0),
        ("linux-aarch64", Presence.NEW, 2),
        ("osx-64", Presence.OLD, 1),
    ]
    assert diff.changed
    assert diff.counts == {}


def test_a_package_that_changes_for_several_subdirs_counts_once() -> None:
    def both(version: str, other: str) -> LockFile:
        return lock_file({"linux-64": [conda("x", version)], "osx-64": [conda("x", other)]})

    assert compare_locks(both("1", "1"), both("2", "3")).counts == {Kind.UP: 1}
    assert compare_locks(both("1", "3"), both("2", "2")).counts == {Kind.UP: 1, Kind.DOWN: 1}


def test_another_base_is_a_change() -> None:
    old = lock_file({"linux-64": []}, base_digests={"linux-64": "sha256:aa"})
    other_base = lock_file({"linux-64": []}, base="debian:13", base_digests=old.base_digests)
    other_digest = lock_file({"linux-64": []}, base_digests={"linux-64": "sha256:bb"})

    assert not compare_locks(old, old).changed
    assert compare_locks(old, other_base).bases == ("ubuntu:24.04", "debian:13")
    assert compare_locks(old, other_base).changed
    assert compare_locks(old, other_digest).subdirs[0].base_digests == ("sha256:aa", "sha256:bb")
    assert compare_locks(old, other_digest).changed


def test_json_has_every_platform_whole() -> None:
    old = lock_file({"linux-64": [conda("x", size=5)]}, base=None)
    new = lock_file(
        {"linux-64": [conda("x", "2", size=None)]},
        asked=["x"],
        base_digests={"linux-64": "sha256:aa"},
    )
    package = {
        "name": "x",
        "version": "1.0",
        "build": "0",
        "manager": "conda",
        "channel": FORGE,
        "categories": ["main"],
        "url": f"{FORGE}/linux-64/x-1.0-0.conda",
        "sha256": old.packages["linux-64"][0].sha256,
        "size": 5,
    }
    changed = {
        "version": "2",
        "url": f"{FORGE}/linux-64/x-2-0.conda",
        "sha256": new.packages["linux-64"][0].sha256,
        "size": None,
    }

    found = json.loads(json.dumps(compare_locks(old, new).to_json()))

    assert found == {
        "old": "envs/ai.conda-lock.yml",
        "new": "envs/ai.conda-lock.yml",
        "changed": True,
        "base": {"before": None, "after": "ubuntu:24.04"},
        "counts": {"up": 1},
        "subdirs": [
            {
                "subdir": "linux-64",
                "in": "both",
                "base_digest": {"before": None, "after": "sha256:aa"},
                "download": {
                    "before": {"main": {"packages": 1, "size": 5, "unknown": 0}},
                    "after": {"main": {"packages": 1, "size": 0, "unknown": 1}},
                },
                "changes": [
                    {
                        "name": "x",
                        "kinds": ["up"],
                        "asked": True,
                        "before": package,
                        "after": package | changed,
                    }
                ],
            }
        ],
    }


def _key(package: LockedPackage) -> tuple[str, str]:
    name = package.name
    return package.manager, name if package.manager == "conda" else name.replace("_", "-")


names = st.sampled_from(["a", "b", "a-b", "a_b", "pytorch", "torch"])
versions = st.sampled_from(["1.0", "1.0.0", "1.10", "2024a", "1!0", "1.0rc1", "1.0+cu1"])
categories = st.sampled_from(["main", "dev"])
packages = st.one_of(
    st.builds(
        conda,
        names,
        versions,
        st.sampled_from(["0", "1"]),
        channel=st.sampled_from([FORGE, OTHER]),
        category=categories,
        size=st.sampled_from([None, 1, 2000]),
    ),
    st.builds(wheel, names, versions, category=categories),
)
environments = st.lists(packages, max_size=8)
locks = st.builds(
    lock_file,
    st.dictionaries(st.sampled_from(["linux-64", "osx-64", "noarch"]), environments),
    asked=st.lists(names, max_size=2),
    base=st.sampled_from([None, "ubuntu:24.04"]),
)


@given(locks)
def test_a_lock_does_not_differ_from_itself(lock: LockFile) -> None:
    diff = compare_locks(lock, lock)

    assert not diff.changed
    assert not any(found.changes for found in diff.subdirs)


@given(locks, locks)
def test_the_other_way_round_everything_is_mirrored(old: LockFile, new: LockFile) -> None:
    there, back = compare_locks(old, new), compare_locks(new, old)

    assert _sides(there) == [(subdir, after, before) for subdir, before, after in _sides(back)]
    assert _kinds(there) == sorted(
        (subdir, sorted(MIRRORED.get(kind, kind) for kind in kinds))
        for subdir, kinds in _kinds(back)
    )


def _sides(diff: LockDiff) -> list[tuple[str, str, str]]:
    found = [
        (each.subdir, repr(change.before), repr(change.after))
        for each in diff.subdirs
        for change in each.changes
    ]
    return sorted(found, key=lambda sides: (sides[0], sorted(sides[1:])))


def _kinds(diff: LockDiff) -> list[tuple[str, list[Kind]]]:
    return sorted(
        (each.subdir, sorted(change.kinds)) for each in diff.subdirs for change in each.changes
    )


@given(environments, environments)
def test_what_is_added_and_removed_adds_up(
    before: list[LockedPackage], after: list[LockedPackage]
) -> None:
    found = changes(before, after)

    added = sum(Kind.ADDED in change.kinds for change in found)
    removed = sum(Kind.REMOVED in change.kinds for change in found)
    assert _distinct(before) + added - removed == _distinct(after)


def _distinct(packages: list[LockedPackage]) -> int:
    return len({_key(package) for package in packages})


@given(st.lists(packages, max_size=8, unique_by=_key), environments, st.data())
def test_the_order_of_a_lock_does_not_matter(
    before: list[LockedPackage], after: list[LockedPackage], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(before))

    assert changes(before, after) == changes(shuffled, after)
