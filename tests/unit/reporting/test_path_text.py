"""What becomes of a path, in a few lines."""

from __future__ import annotations

import pytest

from condabox.pruning.explain import Explained, Outcome, Verdict, grouped
from condabox.pruning.rule import Rule
from condabox.reporting.path_text import paths_text
from condabox.reporting.pruning import PathReport
from tests.fakes.lockfiles import conda, wheel

STATIC = Rule(
    name="static-libraries", reason="only a linker reads them", risk="low", profile="safe"
)
HEADERS = Rule(name="headers", reason="only a compiler reads them", risk="medium", profile="slim")

NEEDED = "stays, because something needs it; else"
ZLIB = conda("zlib", "1.3.1", "h4ab18f5_1")


def explained(
    verdict: Verdict,
    *,
    path: str = "lib/libz.a",
    size: int | None = 110_000,
    link: str | None = None,
) -> Explained:
    return Explained(path=path, packages=(ZLIB,), size=size, link=link, verdict=verdict)


def told(verdict: Verdict) -> list[str]:
    """Return what is said of one file, without the lines that all files have."""
    report = PathReport(asked="lib/libz.a", explained=(explained(verdict),))
    asked, owner, *lines = paths_text([report]).splitlines()
    assert (asked, owner) == ("lib/libz.a", "  zlib 1.3.1 h4ab18f5_1: 110 kB")
    return lines


@pytest.mark.parametrize(
    ("verdict", "lines"),
    [
        pytest.param(
            Verdict(outcome=Outcome.LEFT_OUT, rule=STATIC),
            ["  left out by static-libraries (low risk)", "    only a linker reads them"],
            id="rule",
        ),
        pytest.param(
            Verdict(outcome=Outcome.LEFT_OUT, entries=("lib/*", "**/*.a")),
            ["  left out by `drop: lib/*, **/*.a`"],
            id="drop",
        ),
        pytest.param(
            Verdict(outcome=Outcome.NEEDED, rule=STATIC, because=("a needs b", "c needs a")),
            [
                f"  {NEEDED} static-libraries would take it (low risk)",
                "    a needs b",
                "      c needs a",
            ],
            id="needed",
        ),
        pytest.param(
            Verdict(outcome=Outcome.NEEDED, rule=HEADERS, profile="slim", because=("a needs b",)),
            [
                f"  {NEEDED} headers, a rule of slim, would take it (medium risk)",
                "    a needs b",
            ],
            id="needed-in-slim",
        ),
        pytest.param(
            Verdict(outcome=Outcome.KEPT, entries=("lib/*.a",)),
            ["  stays by `keep: lib/*.a`"],
            id="keep",
        ),
        pytest.param(
            Verdict(outcome=Outcome.NEVER, because=("TLS trusts it", "scanners read it")),
            ["  stays, always: TLS trusts it; scanners read it"],
            id="never",
        ),
        pytest.param(
            Verdict(outcome=Outcome.OTHER_PROFILE, rule=HEADERS, profile="slim"),
            [
                "  stays; --prune slim would leave it out by headers (medium risk)",
                "    only a compiler reads them",
            ],
            id="other-profile",
        ),
        pytest.param(
            Verdict(outcome=Outcome.OUT_OF_FORCE, rule=STATIC, packages=("gcc",)),
            [
                "  stays: static-libraries is out of force, because gcc is there (low risk)",
                "    only a linker reads them",
            ],
            id="out-of-force",
        ),
        pytest.param(
            Verdict(outcome=Outcome.SPARED, rule=STATIC),
            ["  stays: static-libraries spares it (low risk)", "    only a linker reads them"],
            id="spared",
        ),
        pytest.param(Verdict(outcome=Outcome.NO_RULE), ["  stays: no rule takes it"], id="no-rule"),
    ],
)
def test_a_verdict(verdict: Verdict, lines: list[str]) -> None:
    assert told(verdict) == lines


def test_who_loses_a_file_is_told() -> None:
    found = Explained(
        path="lib/a",
        packages=(conda("a"), conda("b"), wheel("c")),
        size=1,
        link=None,
        verdict=Verdict(outcome=Outcome.NO_RULE),
    )

    text = paths_text([PathReport(asked="lib/a", explained=(found,))])

    assert text.splitlines()[1:4] == [
        "  c 1.0: 1 B",
        "  b 1.0 0 has it, too, and loses it to c",
        "  a 1.0 0 has it, too, and loses it to c",
    ]


def test_links_and_what_builds_make_have_no_size() -> None:
    verdict = Verdict(outcome=Outcome.NO_RULE)
    link = explained(verdict, size=None, link="libz.so.1.3")
    record = explained(verdict, size=None)

    text = paths_text(
        [PathReport(asked="a", explained=(link,)), PathReport(asked="b", explained=(record,))]
    )

    assert text.split("\n") == [
        "a",
        "  zlib 1.3.1 h4ab18f5_1: a link to libz.so.1.3",
        "  stays: no rule takes it",
        "",
        "b",
        "  zlib 1.3.1 h4ab18f5_1",
        "  stays: no rule takes it",
    ]


def test_byte_code_is_about_its_source() -> None:
    found = explained(Verdict(outcome=Outcome.NO_RULE), path="a.py")

    text = paths_text([PathReport(asked="a.pyc", explained=(found,), is_byte_code=True)])

    assert text.splitlines()[:2] == [
        "a.pyc",
        "  byte code, which builds make from a.py where that stays",
    ]


def test_a_folder_is_a_table_of_verdicts() -> None:
    found = (
        explained(Verdict(outcome=Outcome.LEFT_OUT, rule=STATIC), path="lib/a.a"),
        explained(Verdict(outcome=Outcome.LEFT_OUT, rule=STATIC), path="lib/b.a", size=1_000),
        explained(Verdict(outcome=Outcome.NO_RULE), path="lib/c.so", size=4_000_000),
        explained(Verdict(outcome=Outcome.NEEDED, rule=STATIC, because=("x",)), path="lib/d.a"),
        explained(Verdict(outcome=Outcome.NEEDED, rule=STATIC, because=("y",)), path="lib/e.a"),
    )

    text = paths_text([PathReport(asked="lib", explained=found, groups=grouped(found))])

    assert text.splitlines() == [
        "lib",
        "  of zlib",
        "  left out: 2 of 5 files, 111 kB of 4.3 MB",
        "          2      111 kB  left out by static-libraries",
        "          1      4.0 MB  stays: no rule takes it",
        f"          2      220 kB  {NEEDED} static-libraries would take it",
    ]


def test_what_is_not_there_is_told() -> None:
    reports = [
        PathReport(asked="/app/a.py", outside=True),
        PathReport(asked="lib/libz", near=("lib/libz.a", "lib/libz.so")),
        PathReport(asked="x"),
        PathReport(asked="*.x", groups=()),
    ]

    assert paths_text(reports).split("\n") == [
        "/app/a.py",
        "  not in the prefix: rules are for packages alone",
        "",
        "lib/libz",
        "  no package has it",
        "  did you mean lib/libz.a?",
        "  did you mean lib/libz.so?",
        "",
        "x",
        "  no package has it",
        "",
        "*.x",
        "  matches nothing of any package",
    ]


def test_names_of_any_bytes_steer_no_terminal() -> None:
    evil = "a\x1b[2J\n"
    verdict = Verdict(outcome=Outcome.LEFT_OUT, entries=(evil,))
    found = explained(verdict, path=evil, size=None, link=evil)
    reports = [
        PathReport(asked=evil, explained=(found,), is_byte_code=True),
        PathReport(asked=evil, near=(evil,)),
    ]

    assert all(line.isprintable() for line in paths_text(reports).split("\n"))


def test_json_of_a_path() -> None:
    found = explained(Verdict(outcome=Outcome.NO_RULE))

    assert PathReport(asked="/opt/env/lib/libz.a", explained=(found,)).to_json() == {
        "asked": "/opt/env/lib/libz.a",
        "outside": False,
        "near": [],
        "byte_code": False,
        "paths": [
            {
                "path": "lib/libz.a",
                "package": {"name": "zlib", "version": "1.3.1", "build": "h4ab18f5_1"},
                "lost_by": [],
                "bytes": 110_000,
                "link": None,
                "outcome": "no-rule",
                "left_out": False,
                "rule": None,
                "reason": None,
                "risk": None,
                "profile": None,
                "entries": [],
                "because": [],
                "packages": [],
            }
        ],
    }
