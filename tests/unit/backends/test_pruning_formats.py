"""What is kept in the cache is thrown away with the code that made it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from condabox.backends import package_facts, pruner
from tests.fakes.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

GOLDEN = ROOT / "tests" / "golden" / "pruning-formats.txt"
PRUNING = ROOT / "condabox" / "pruning"

FACTS = ("elf", "facts", "observe", "sources")
DECISIONS = (
    *("decision", "finder", "libraries", "links", "modules", "patterns", "prefix", "proof"),
    "selection",
)
"""Rules are not among these: every decision is kept by them."""

NEITHER = (
    *("effects", "explain", "gates", "lookup", "never", "observe_worker"),
    *("rule", "rules", "rules_safe", "rules_slim"),
)


def files(names: Iterable[str]) -> list[Path]:
    return [PRUNING / f"{name}.py" for name in names]


@pytest.mark.parametrize(
    ("kind", "owner", "sources"),
    [
        ("facts", package_facts, files(FACTS)),
        (
            "decisions",
            pruner,
            [*files(DECISIONS), ROOT / "condabox" / "backends" / "application.py"],
        ),
    ],
    ids=["facts", "decisions"],
)
def test_the_format_is_that_of_this_code(kind: str, owner: object, sources: list[Path]) -> None:
    text = b"\0".join(source.read_bytes() for source in sources)
    here = f"{kind} {getattr(owner, 'FORMAT', None)} {hashlib.sha256(text).hexdigest()}"

    assert here in GOLDEN.read_text().splitlines(), (
        f"{', '.join(source.name for source in sources)}: one has changed. If the same packages"
        f" get other {kind} now, raise FORMAT in {getattr(owner, '__name__', '')}, or old ones stay"
        f" in use. Then write this in tests/golden/{GOLDEN.name}, in place of the line of {kind}:"
        f"\n{here}"
    )


def test_every_module_is_counted_or_not() -> None:
    named = sorted((*FACTS, *DECISIONS, *NEITHER, "__init__"))

    assert named == sorted(path.stem for path in PRUNING.glob("*.py"))
