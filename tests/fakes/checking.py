"""Checks, run at once, and what they found in few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.workflows.checks.running import run_checks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from condabox.reporting.findings import Finding
    from condabox.workflows.checks.running import Check


def found(checks: Sequence[Check], *, seconds: float = 60) -> tuple[Finding, ...]:
    """Run ``checks`` as the doctor does."""
    return run_checks(checks, seconds=seconds)


def lines(findings: Iterable[Finding]) -> list[str]:
    """Return a line with state, name and detail for each finding."""
    return [f"{each.state} {each.name}: {each.detail}" for each in findings]
