"""Findings as plain lines: a paragraph for each group, and a line for each finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.reporting.findings import Group, State
from condabox.reporting.formats import counted, escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.reporting.findings import Finding

_TITLES = {Group.GPU: "GPU"}
_STATE_WIDTH = max(map(len, State))


def findings_text(findings: Sequence[Finding]) -> str:
    """Return what people read: groups in their order, findings in the order given."""
    paragraphs = [
        "\n".join([_TITLES.get(group, group.value.capitalize()), *_lines(found)])
        for group in Group
        if (found := [each for each in findings if each.group is group])
    ]
    return "\n\n".join([*paragraphs, _summary(findings)])


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    width = max(len(escaped(each.name)) for each in findings)
    indent = " " * (2 + _STATE_WIDTH + 2)
    for each in findings:
        first, *others = map(escaped, each.detail.splitlines() or [""])
        name = escaped(each.name).ljust(width)
        yield f"  {each.state.value.ljust(_STATE_WIDTH)}  {name}  {first}".rstrip()
        yield from (f"{indent}{' ' * width}  {line}".rstrip() for line in others)
        if each.hint:
            yield f"{indent}hint: {escaped(each.hint)}"


def _summary(findings: Sequence[Finding]) -> str:
    problems, notes = (
        sum(each.state is state for each in findings) for state in (State.PROBLEM, State.NOTE)
    )
    words = [counted(problems, "problem") if problems else "no problems"]
    return ", ".join([*words, *([counted(notes, "note")] if notes else [])])
