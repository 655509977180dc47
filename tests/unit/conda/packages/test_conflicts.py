from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.packages.conflicts import Conflict, Conflicts, find_conflicts
from condabox.conda.packages.inventory import PackageInventory
from condabox.errors import InstallError
from tests.fakes.packages import locked_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def conflicts_of(
    shipped: Mapping[str, Iterable[str]], *, directories: Mapping[str, Iterable[str]] | None = None
) -> Conflicts:
    """Find the conflicts of packages that are given in link order."""
    packages = [locked_named(name) for name in shipped]
    inventories = {
        each.sha256: PackageInventory(
            paths=tuple(shipped[each.name]),
            archive_size=1,
            timestamp=None,
            link_scripts=(),
            activation={},
            directories=tuple((directories or {}).get(each.name, ())),
        )
        for each in packages
    }
    return find_conflicts(packages, inventories)


def test_the_last_one_gets_the_path() -> None:
    conflicts = conflicts_of({"a": ["x", "y"], "c": ["x", "z"], "b": ["x", "y"]})

    assert conflicts == Conflicts(
        lost={
            locked_named("a").sha256: frozenset({"x", "y"}),
            locked_named("c").sha256: frozenset({"x"}),
        },
        reports=(
            Conflict(path="x", winner="b", losers=("a", "c")),
            Conflict(path="y", winner="b", losers=("a",)),
        ),
    )


def test_without_conflicts_nothing_is_lost() -> None:
    assert conflicts_of({"a": ["x/1", "x/2"], "b": ["x/3"]}) == Conflicts(lost={}, reports=())


def test_a_lost_source_takes_its_byte_code_with_it() -> None:
    init, pyc = "lib/tests/__init__.py", "lib/tests/__pycache__/__init__.cpython-312.pyc"
    other = "lib/tests/__pycache__/other.cpython-312.pyc"

    conflicts = conflicts_of({"compiled": [init, pyc, other, "x"], "noarch": [init]})

    assert conflicts.lost == {locked_named("compiled").sha256: frozenset({init, pyc})}
    assert [report.path for report in conflicts.reports] == [init]


def test_directories_are_shared() -> None:
    directories = {"a": ["share/d"], "b": ["share/d"]}

    conflicts = conflicts_of(
        {"a": ["share/d"], "b": ["share/d"], "c": ["share/d/file"]}, directories=directories
    )

    assert conflicts.reports == ()


@pytest.mark.parametrize(
    ("shipped", "directories"),
    [
        ({"a": ["x"], "b": ["x/y"]}, {}),
        ({"a": ["x/y"], "b": ["x"]}, {}),
        ({"a": ["x/y/z/1"], "b": ["x/y"]}, {}),
        ({"a": ["x"], "b": ["x"]}, {"b": ["x"]}),
        ({"a": ["x"], "b": ["x"]}, {"a": ["x"]}),
    ],
)
def test_a_file_cannot_be_anothers_directory(
    shipped: Mapping[str, list[str]], directories: Mapping[str, list[str]]
) -> None:
    with pytest.raises(InstallError, match=r"is a file or link of [ab] 1, and a directory of"):
        conflicts_of(shipped, directories=directories)


def test_names_that_only_begin_alike_are_no_conflict() -> None:
    assert conflicts_of({"a": ["lib/x"], "b": ["lib/x.d/y", "lib/xy"]}).reports == ()
