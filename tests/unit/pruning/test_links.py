"""Links keep what they lead to, and scripts the program that runs them."""

from __future__ import annotations

import pytest

from tests.fakes.facts import package, proven, reasons


def test_a_link_that_stays_keeps_what_it_leads_to() -> None:
    links = {"bin/idle": "idle3", "bin/idle3": "../opt/idle3.11", "bin/other": "idle3.11"}
    taken = {"bin/idle3", "bin/other", "opt/idle3.11", "bin/idle3.11"}
    facts = package(["opt/idle3.11", "bin/idle3.11"], links=links)

    assert reasons(proven(facts, taken=taken)) == {
        "bin/idle3": "bin/idle is a link to it",
        "opt/idle3.11": "bin/idle is a link to it",
    }


def test_a_link_to_a_folder_keeps_the_way_there_and_not_what_is_in_it() -> None:
    links = {"man": "doc", "doc": "share/doc", "lib/old": "../man/a.txt"}
    facts = package(["share/doc/a.txt", "share/doc/b.txt"], links=links)

    proof = proven(facts, taken={"doc", "share/doc/a.txt", "share/doc/b.txt"})

    assert set(reasons(proof)) == {"doc", "share/doc/a.txt"}


@pytest.mark.parametrize(
    "target", ["gone", "../../bin/a", "/a", "/bin/a", "link", ".", "", "link/../a"]
)
def test_a_link_that_leads_to_nothing_keeps_nothing(target: str) -> None:
    facts = package(["bin/a"], links={"bin/link": target, "bin/x": "."})

    assert reasons(proven(facts, taken={"bin/a"})) == {}


@pytest.mark.parametrize(
    ("interpreter", "kept"),
    [
        ("bin/python3.11", {"bin/python3.11"}),
        ("bin/python", {"bin/python", "bin/python3.11"}),
        ("python", {"bin/python", "bin/python3.11"}),
        ("libexec/tool", {"libexec/tool"}),
        ("/bin/python3.11", set()),
        ("/usr/bin/env", set()),
        ("perl", set()),
        ("", set()),
    ],
)
def test_a_script_needs_what_runs_it(interpreter: str, kept: set[str]) -> None:
    programs = {"bin/python", "bin/python3.11", "libexec/tool"}
    facts = package(
        programs - {"bin/python"},
        links={"bin/python": "python3.11"},
        scripts={"bin/script": interpreter},
    )

    proof = proven(facts, taken=programs)

    assert reasons(proof) == dict.fromkeys(kept, f"bin/script is run by {interpreter}")
    assert reasons(proven(facts, taken={*programs, "bin/script"})) == {}
