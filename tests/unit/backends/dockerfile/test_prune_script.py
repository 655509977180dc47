"""The script takes away exactly what the image has not, in every shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from condabox.backends.dockerfile.prune_script import prune_script
from condabox.pruning.decision import Removal
from condabox.pruning.selection import DROP

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

SHELLS = [
    pytest.param(["dash"], marks=pytest.mark.tool("dash")),
    pytest.param(["busybox", "sh"], marks=pytest.mark.tool("busybox")),
    pytest.param(["bash", "--posix"], marks=pytest.mark.tool("bash")),
]
NAMES = st.text(
    st.sampled_from("ab *?'\"$`\\-\n~#é\udcff") | st.characters(exclude_characters="/\0"),
    min_size=1,
    max_size=4,
).filter(lambda name: name not in {".", ".."})


def is_a_name(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join).filter(is_a_name)


def script(removed: Iterable[str], staying: Iterable[str], *, rule: str = "manuals") -> bytes:
    removals = {path: Removal(rule=rule, size=1) for path in removed}
    return prune_script([removals], staying=staying, name="prune.sh")


def commands(data: bytes) -> str:
    return data.decode().partition('cd "$1"\n\n')[2]


def run(shell: list[str], data: bytes, prefix: Path) -> None:
    path = prefix.parent / "prune.sh"
    path.write_bytes(data)
    done = subprocess.run([*shell, path, prefix], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def make(prefix: Path, paths: Collection[str]) -> None:
    for path in paths:
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_bytes(b"")


def tree(prefix: Path) -> set[str]:
    return {str(path.relative_to(prefix)) for path in prefix.rglob("*")}


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[str], set[str]]:
    """Return paths of files, of which none is a folder of another, and those that go."""
    found: list[str] = []
    for path in draw(st.lists(PATHS, unique=True, max_size=12)):
        others = [(other, path) for other in found] + [(path, other) for other in found]
        if not any(inner.startswith(f"{outer}/") for outer, inner in others):
            found.append(path)
    return found, {path for path in found if draw(st.booleans())}


@pytest.mark.parametrize("shell", SHELLS)
@settings(max_examples=40)
@given(found=trees())
def test_what_stays_is_as_if_the_rest_had_never_been(
    shell: list[str], found: tuple[list[str], set[str]]
) -> None:
    paths, removed = found
    staying = [path for path in paths if path not in removed]
    with TemporaryDirectory() as folder:
        prefix, expected = Path(folder, "prefix"), Path(folder, "expected")
        prefix.mkdir()
        expected.mkdir()
        make(prefix, paths)
        make(expected, staying)

        run(shell, script(removed, staying), prefix)

        assert tree(prefix) == tree(expected)


def test_a_folder_of_which_nothing_stays_goes_whole() -> None:
    data = script(["share/man/man1/a.1", "share/man/man1/b.1", "lib/x.a"], ["lib/x.so"])

    assert commands(data) == (
        "# manuals: documentation for people; licences stay\n"
        "rm -rf -- \\\n    lib/x.a \\\n    share\n"
    )


def test_an_empty_folder_that_a_package_lists_stays() -> None:
    assert commands(script(["share/man/a.1"], ["share/man"])).endswith("    share/man/a.1\n")


def test_what_another_package_has_stays() -> None:
    assert commands(script(["share/a", "share/b"], ["share/a"])).endswith("-- \\\n    share/b\n")


def test_a_folder_is_told_of_with_the_rule_that_takes_most_of_it() -> None:
    removals = {
        "tests/a": Removal(rule="tests", size=10),
        "tests/b": Removal(rule=DROP, size=9),
        "etc/c": Removal(rule=DROP, size=0),
    }

    data = prune_script([removals], staying=["bin/x"], name="prune.sh")

    drop, tests = commands(data).split("\n\n")
    assert drop.startswith("# drop: what `drop:` of the environment file names\n")
    assert drop.endswith("    etc")
    assert tests.endswith("    tests\n")


def test_many_paths_are_several_commands() -> None:
    paths = [f"lib/{number}.a" for number in range(1200)]

    data = script(paths, ["lib/x.so"]).decode()

    assert data.count("rm -rf --") == 3
    assert all(f"    {path}" in data for path in paths)


def test_where_nothing_goes_nothing_is_done() -> None:
    assert commands(script([], ["bin/x"])) == ""


@pytest.mark.tool("dash")
def test_a_missing_prefix_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "prune.sh").write_bytes(script(["a"], []))
    for arguments in ([], [str(tmp_path / "nothing")]):
        done = subprocess.run(
            ["dash", tmp_path / "prune.sh", *arguments],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.returncode != 0
