"""What rules leave out as people read it: the text is compared to the letter, and fits a page."""

from __future__ import annotations

import json

import pytest

from condabox.platforms import Platform
from condabox.pruning.decision import Saving
from condabox.pruning.effects import EntryEffect, Gate, RuleEffect
from condabox.pruning.proof import Kept
from condabox.pruning.rule import Rule
from condabox.reporting.pruning import MoreLeftOut, PruningReport
from condabox.reporting.pruning_text import described_packages, explained_text, pruning_text
from tests.conftest import ROOT

NOTHING = Saving(paths=0, size=0)
OPEN = Gate(prod=(), development=())
SITE = "lib/python3.12/site-packages"

SUITES = Rule(name="test-suites", reason="the tests of packages", risk="low", profile="safe")
STATIC = Rule(
    name="static-libraries", reason="only a linker reads them", risk="low", profile="safe"
)
CACHES = Rule(name="caches", reason="left by mistake", risk="none", profile="safe")
LIBTOOL = Rule(name="libtool-files", reason="what it tells the linker", risk="none", profile="safe")
HEADERS = Rule(name="headers", reason="only a compiler reads them", risk="medium", profile="slim")
STUBS = Rule(name="type-stubs", reason="editors read them", risk="medium", profile="slim")


def effect(
    rule: Rule, left_out: Saving = NOTHING, *, kept: tuple[Kept, ...] = (), gate: Gate = OPEN
) -> RuleEffect:
    return RuleEffect(rule=rule, left_out=left_out, kept=kept, gate=gate)


def needed(rule: str, *names: str) -> tuple[Kept, ...]:
    return tuple(
        Kept(path=f"{SITE}/{name}/tests/__init__.py", rule=rule, because=f"{name} imports it")
        for name in names
    )


REPORT = PruningReport(
    name="serving",
    platform=Platform(os="linux", architecture="amd64"),
    profile="safe",
    everything=Saving(paths=14_210, size=367_000_000),
    left_out=Saving(paths=2_609, size=71_500_000),
    rules=(
        effect(
            SUITES,
            Saving(paths=2_597, size=60_400_000),
            kept=needed("test-suites", "numpy", "pandas", "scipy", "sklearn"),
        ),
        effect(
            STATIC,
            Saving(paths=7, size=10_700_000),
            gate=Gate(prod=(), development=("gcc-linux-64",)),
        ),
        effect(CACHES),
        effect(
            LIBTOOL, gate=Gate(prod=("clang", "gcc", "gfortran", "gxx", "rust"), development=())
        ),
    ),
    dropped=Saving(paths=5, size=400_000),
    keep=(
        EntryEffect(entry="numpy:**/tests/**", paths=Saving(paths=757, size=15_400_000)),
        EntryEffect(entry="nothing", paths=NOTHING),
    ),
    drop=(
        EntryEffect(
            entry="lib/libx*",
            paths=Saving(paths=6, size=500_000),
            kept=(Kept(path="lib/libx.so.1", rule="drop", because="bin/x needs libx.so.1"),),
        ),
    ),
    more=(
        MoreLeftOut(
            profile="slim",
            left_out=Saving(paths=1, size=30_000),
            rules=(
                effect(STUBS, Saving(paths=1, size=30_000)),
                effect(HEADERS, gate=Gate(prod=("cffi",), development=("cffi",))),
            ),
        ),
    ),
    warnings=("lib/a.so needs libb.so, which is nowhere",),
)


@pytest.mark.parametrize(
    ("text", "golden"),
    [(pruning_text(REPORT), "prune.txt"), (explained_text(REPORT), "prune-explain.txt")],
    ids=["short", "explained"],
)
def test_the_text(text: str, golden: str) -> None:
    assert f"{text}\n" == (ROOT / "tests/golden" / golden).read_text()


@pytest.mark.parametrize("text", [pruning_text(REPORT), explained_text(REPORT)])
def test_it_fits_a_narrow_terminal(text: str) -> None:
    assert max(map(len, text.splitlines())) <= 80
    assert all(line == line.rstrip() for line in text.splitlines())


def test_names_of_any_bytes_steer_no_terminal() -> None:
    kept = (Kept(path="a\x1b[2J", rule="caches", because="b needs it"),)
    entry = EntryEffect(entry="c\x1b[2J", paths=NOTHING)
    report = PruningReport(
        name="x",
        platform=REPORT.platform,
        profile="safe",
        everything=NOTHING,
        left_out=NOTHING,
        rules=(effect(CACHES, kept=kept),),
        dropped=NOTHING,
        keep=(entry,),
        drop=(),
        more=(),
        warnings=(),
    )

    assert "\x1b" not in explained_text(report)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["gcc"], "gcc is there"),
        (["gcc", "gxx"], "gcc and gxx are there"),
        (["a", "b", "c"], "a, b and c are there"),
        (["a", "b", "c", "d"], "a, b, c and 1 more are there"),
    ],
)
def test_few_packages_are_named(names: list[str], text: str) -> None:
    assert described_packages(names) == text


def test_json_is_short_without_explanations() -> None:
    assert REPORT.to_json() == {
        "name": "serving",
        "platform": "linux/amd64",
        "profile": "safe",
        "everything": {"paths": 14_210, "bytes": 367_000_000},
        "left_out": {"paths": 2_609, "bytes": 71_500_000},
        "dropped": {"paths": 5, "bytes": 400_000},
        "rules": {
            "test-suites": {"paths": 2_597, "bytes": 60_400_000, "needed": 4},
            "static-libraries": {"paths": 7, "bytes": 10_700_000, "needed": 0},
        },
        "more": {"slim": {"paths": 1, "bytes": 30_000}},
        "warnings": ["lib/a.so needs libb.so, which is nowhere"],
    }


def test_json_has_every_rule_and_all_that_stays_with_explanations() -> None:
    found = json.loads(json.dumps(REPORT.to_explained_json()))

    assert [each["name"] for each in found["rules"]] == [
        *("test-suites", "static-libraries", "caches", "libtool-files")
    ]
    assert [len(each["needed"]) for each in found["rules"]] == [4, 0, 0, 0]
    assert found["rules"][1] == {
        "name": "static-libraries",
        "profile": "safe",
        "risk": "low",
        "reason": "only a linker reads them",
        "paths": 7,
        "bytes": 10_700_000,
        "needed": [],
        "out_of_force_for": {"prod": [], "development": ["gcc-linux-64"]},
    }
    assert found["drop"] == [
        {
            "entry": "lib/libx*",
            "paths": 6,
            "bytes": 500_000,
            "needed": [{"path": "lib/libx.so.1", "because": "bin/x needs libx.so.1"}],
        }
    ]
    assert [each["entry"] for each in found["keep"]] == ["numpy:**/tests/**", "nothing"]
    assert [each["name"] for each in found["more"]["slim"]["rules"]] == ["type-stubs", "headers"]
