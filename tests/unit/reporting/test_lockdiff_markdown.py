from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.reporting.lockcompare import compare_locks
from condabox.reporting.lockdiff_markdown import lock_diff_markdown
from condabox.reporting.markdown import LIMIT
from tests.conftest import ROOT
from tests.fakes.lockfiles import conda, lock_file

if TYPE_CHECKING:
    from condabox.conda.lockfiles.lockfile import LockedPackage, LockFile
    from condabox.reporting.lockdiff import LockDiff

FOLDED = "<details>\n<summary>"
MARKUP = re.compile(r"</?(?:details|summary|code)>")


def many(count: int, version: str, *, asked: int = 0) -> LockFile:
    packages = [conda(f"package-{n:04}", version) for n in range(count)]
    return lock_file({"linux-64": packages}, asked=[f"package-{n:04}" for n in range(asked)])


def markdown(old: LockFile, new: LockFile) -> str:
    return lock_diff_markdown(compare_locks(old, new))


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ") and "`package" in line]


def test_everything_at_once(eventful: LockDiff) -> None:
    text = lock_diff_markdown(eventful)

    assert text == (ROOT / "tests/golden/lockdiff.md").read_text().rstrip()


def test_no_change_is_a_sentence() -> None:
    assert markdown(many(1, "1"), many(1, "1")) == (
        "**`envs/ai.conda-lock.yml`**: nothing that is installed has changed."
    )


def test_one_platform_has_its_download_in_the_title() -> None:
    assert markdown(many(2, "1"), many(3, "2")) == (
        "**`envs/ai.conda-lock.yml`**: 2 up, 1 added; download 2.0 MB -> 3.0 MB\n"
        "\n"
        "| package | change | before | after | platforms | download |\n"
        "|---|---|---|---|---|---|\n"
        "| `package-0000` | up | `1` | `2` | `linux-64` | 1.0 MB |\n"
        "| `package-0001` | up | `1` | `2` | `linux-64` | 1.0 MB |\n"
        "| `package-0002` | added |  | `2` | `linux-64` | 1.0 MB |"
    )


def test_a_first_lock_is_all_added() -> None:
    text = markdown(lock_file({}, base=None), many(2, "1", asked=1))

    assert text.splitlines() == [
        "**`envs/ai.conda-lock.yml`**: 1 platform added; download 2.0 MB",
        "",
        "* base: none -> `ubuntu:24.04`",
        "",
        "Added platforms: 2 packages",
        "",
        "| package | change | before | after | platforms | download |",
        "|---|---|---|---|---|---|",
        "| **`package-0000`** | added |  | `1` | `linux-64` | 1.0 MB |",
        "| `package-0001` | added |  | `1` | `linux-64` | 1.0 MB |",
        "",
        "Bold packages are named in the environment file.",
    ]


def test_what_is_short_is_not_folded() -> None:
    text = markdown(many(25, "1"), many(25, "2"))

    assert len(rows(text)) == 25
    assert FOLDED not in text


def test_what_is_long_is_folded_except_for_what_was_asked_for() -> None:
    text = markdown(many(40, "1"), many(40, "2", asked=3))

    shown, _, folded = text.partition(f"{FOLDED}37 more lines</summary>\n\n| package |")
    assert len(rows(shown)) == 3
    assert len(rows(folded)) == 37
    assert "\n\n</details>\n\nBold" in folded


def test_what_seldom_happens_is_not_folded() -> None:
    text = markdown(many(40, "1"), many(40, "2", asked=1))
    down = markdown(many(40, "2"), many(40, "1", asked=1))

    assert len(rows(text.partition(FOLDED)[0])) == 1
    assert len(rows(down.partition(FOLDED)[0])) == 25
    assert f"{FOLDED}15 more lines</summary>" in down


def test_all_is_folded_where_the_lock_does_not_tell_what_was_asked_for() -> None:
    text = markdown(many(40, "1"), many(40, "2"))

    assert f"2.0\n\n{FOLDED}40 lines</summary>" in text.replace("; download 40.0 MB", "2.0")
    assert len(rows(text)) == 40


def test_what_is_too_long_for_a_comment_is_cut_and_says_so() -> None:
    text = markdown(many(3000, "1"), many(3000, "2", asked=50))

    assert len(text) <= LIMIT
    assert len(rows(text)) > 500
    missing = 3000 - len(rows(text))
    assert text.endswith(f"{missing} lines had no room here: `condabox diff` shows everything.")
    assert text.count("<details>") == text.count("</details>") == 1


@pytest.mark.parametrize(
    "version",
    [
        pytest.param("1.0|2.0", id="pipe"),
        pytest.param("1.0\\|2.0", id="escaped pipe"),
        pytest.param("1`<b>`2", id="backticks"),
        pytest.param("</details><script>alert(1)</script>", id="HTML"),
        pytest.param("1 @team #1 !x![y](https://example.org)", id="mention and link"),
        pytest.param("&lt;&#64;team", id="entities"),
        pytest.param("*1* _2_ ~3~ __init__", id="emphasis"),
        pytest.param("1\n\n# 2\n| a | b |", id="lines"),
        pytest.param("$1$ \u202e2", id="formulas and direction"),
    ],
)
def test_nothing_that_a_lock_says_is_markup(version: str) -> None:
    package = conda("a_package", "1")
    new = lock_file({"linux-64": [replace(package, version=version)]})

    *_, row = markdown(lock_file({"linux-64": [package]}), new).splitlines()

    cells = row.strip("| ").split(" | ")
    assert len(cells) == 6
    assert cells[0] == "`a_package`"
    assert re.fullmatch(r"`[^`|\\<>&\n]*`|<code>(?:[A-Za-z0-9 ]|&#\d+;)*</code>", cells[3])
    shown = html.unescape(cells[3].strip("`").removeprefix("<code>").removesuffix("</code>"))
    assert shown == version.replace("\n", "\\n").replace("\u202e", "\\u202e")


hostile = st.text(min_size=1, max_size=300)


@given(
    st.lists(st.tuples(hostile, hostile, hostile), max_size=60),
    st.lists(hostile, min_size=1, max_size=5, unique=True),
    hostile,
)
def test_hostile_locks_stay_within_their_table(
    packages: list[tuple[str, str, str]], subdirs: list[str], base: str
) -> None:
    locked = [conda(name, version, category=category) for name, version, category in packages]
    new = lock_file(dict.fromkeys(subdirs, locked), path=base or "x", base=base)

    text = markdown(lock_file({subdirs[0]: []}), new)

    assert len(text) <= LIMIT
    outside = re.sub(r"`[^`\n]*`|<code>.*?</code>", "", text)
    assert not re.search(r"[@`\\#\[\]]", outside.replace("<code>", ""))
    assert MARKUP.sub("", outside).replace("->", "").count("<") == 0
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.count("|") == 7
    assert text.count("<details>") == text.count("</details>")


def test_facts_without_end_are_cut_too() -> None:
    digests = {f"platform-{n}": f"sha256:{n}" for n in range(2000)}
    subdirs: dict[str, list[LockedPackage]] = {name: [] for name in digests}
    new = lock_file(subdirs, base_digests=digests)

    text = markdown(lock_file(subdirs), new)

    assert len(text) <= LIMIT
    assert re.search(r"\d+ lines had no room here", text)
