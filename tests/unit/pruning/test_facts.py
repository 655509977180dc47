from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.decode import DecodeError
from condabox.pruning.facts import ElfFacts, PackageFacts

if TYPE_CHECKING:
    from collections.abc import Callable

LIBRARY = ElfFacts(
    soname="liba.so.1", needed=("libb.so",), runpath=("$ORIGIN",), machine="EM_X86_64"
)
FACTS = PackageFacts(
    sizes={"lib/a/b.py": 3, "lib/a/c.py": 0, "top": 1},
    links={"lib/liba.so": "liba.so.1"},
    libraries={"lib/liba.so.1": LIBRARY},
    imports={"lib/a/b.py": ("a.c", "os"), "lib/a/c.py": ("os",)},
    resources={"lib/a/b.py": ("a",)},
    entry_points=("a.b",),
    scripts={"bin/a": "bin/python3.12"},
    data={"lib/a/b.py": ("a/tests",)},
)
EMPTY = PackageFacts(
    sizes={}, links={}, libraries={}, imports={}, resources={}, entry_points=(), scripts={}, data={}
)


def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(json.dumps(FACTS.to_json()))
    return loaded


@pytest.mark.parametrize("facts", [FACTS, EMPTY])
def test_json_round_trip(facts: PackageFacts) -> None:
    assert PackageFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_json_says_what_is_shared_once() -> None:
    found = FACTS.to_json()

    assert found["files"] == {"": ["top"], "lib/a": ["b.py", "c.py"]}
    assert found["sizes"] == [1, 3, 0]
    assert found["names"] == {"": ["os"], "a": ["c"]}
    assert found["imports"] == {"lib/a/b.py": [1, 0], "lib/a/c.py": [0]}


PARTS = st.text(st.characters(exclude_characters="/.", codec="utf-8"), min_size=1, max_size=4)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
MODULES = st.lists(PARTS, min_size=1, max_size=3).map(".".join)


@given(
    st.dictionaries(PATHS, st.integers(min_value=0)),
    st.dictionaries(PATHS, st.lists(MODULES, max_size=4).map(tuple)),
)
def test_any_facts_survive_json(sizes: dict[str, int], imports: dict[str, tuple[str, ...]]) -> None:
    facts = PackageFacts(
        sizes=sizes,
        links={},
        libraries={},
        imports=imports,
        resources=imports,
        entry_points=(),
        scripts={},
        data=imports,
    )

    assert PackageFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


@pytest.mark.parametrize("key", list(FACTS.to_json()))
@pytest.mark.parametrize("value", [None, 1, "text", [None], {"a": None}])
def test_other_documents_are_refused(key: str, value: object) -> None:
    found = document()
    found[key] = value
    missing = {name: part for name, part in document().items() if name != key}

    with pytest.raises(DecodeError):
        PackageFacts.from_json(found)
    with pytest.raises(DecodeError, match=key):
        PackageFacts.from_json(missing)


@pytest.mark.parametrize("number", [-1, 2, True, 0.0, "0", None, [0]])
def test_an_import_must_be_the_number_of_a_name(number: object) -> None:
    found = document()
    found["imports"]["lib/a/c.py"] = [number]

    with pytest.raises(DecodeError, match=r"imports\.lib/a/c\.py: .* is not the number of a name"):
        PackageFacts.from_json(found)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda found: found["sizes"].pop(), "sizes: there are 2 for 3 files"),
        (lambda found: found["sizes"].append(1), "sizes: there are 4 for 3 files"),
        (lambda found: found["sizes"].insert(0, True), r"sizes\[0\]: expected a whole number"),
        (lambda found: found["libraries"]["lib/liba.so.1"].pop("machine"), "machine: is missing"),
        (lambda found: found["libraries"]["lib/liba.so.1"].update(needed="a"), "needed"),
    ],
)
def test_the_error_says_where(change: Callable[[dict[str, Any]], object], problem: str) -> None:
    found = document()
    change(found)

    with pytest.raises(DecodeError, match=problem):
        PackageFacts.from_json(found)


def test_a_list_is_no_document() -> None:
    with pytest.raises(DecodeError, match="expected a mapping"):
        PackageFacts.from_json([document()])
