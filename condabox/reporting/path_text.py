"""What becomes of single paths, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.pruning.effects import total
from condabox.pruning.explain import Outcome
from condabox.pruning.prefix import readable
from condabox.reporting.formats import format_size
from condabox.reporting.pruning_text import described_packages, described_risk, share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.conda.lockfiles.lockfile import LockedPackage
    from condabox.pruning.explain import Explained, Group, Verdict
    from condabox.reporting.pruning import PathReport

_MOST_PACKAGES = 5

_SENTENCES = {
    Outcome.LEFT_OUT: "left out by {name}",
    Outcome.NEEDED: "stays, because something needs it; else {name} would take it",
    Outcome.KEPT: "stays by {name}",
    Outcome.NEVER: "stays, always: {because}",
    Outcome.OTHER_PROFILE: "stays; --prune {profile} would leave it out by {name}",
    Outcome.OUT_OF_FORCE: "stays: {name} is out of force, because {packages}",
    Outcome.SPARED: "stays: {name} spares it",
    Outcome.NO_RULE: "stays: no rule takes it",
}


def paths_text(reports: Sequence[PathReport]) -> str:
    """Return a paragraph for each."""
    return "\n\n".join("\n".join([readable(each.asked), *_lines(each)]) for each in reports)


def _lines(report: PathReport) -> Iterator[str]:
    if report.outside:
        yield "  not in the prefix: rules are for packages alone"
    elif report.groups is not None:
        yield from _several(report, report.groups)
    elif report.explained:
        yield from _one(report, report.explained[0])
    else:
        yield "  no package has it"
        yield from (f"  did you mean {readable(each)}?" for each in report.near)


def _one(report: PathReport, explained: Explained) -> Iterator[str]:
    if report.is_byte_code:
        yield f"  byte code, which builds make from {readable(explained.path)} where that stays"
    *others, owner = explained.packages
    yield f"  {_package(owner)}{_size(explained)}"
    for each in reversed(others):
        yield f"  {_package(each)} has it, too, and loses it to {owner.name}"
    verdict = explained.verdict
    risk = "" if verdict.rule is None else f" ({described_risk(verdict.rule)})"
    yield f"  {_sentence(verdict)}{risk}"
    if verdict.outcome is Outcome.NEEDED:  # each reason is that of the one before
        yield from (f"    {'  ' * depth}{reason}" for depth, reason in enumerate(verdict.because))
    elif verdict.rule is not None:
        yield f"    {verdict.rule.reason}"


def _several(report: PathReport, groups: Sequence[Group]) -> Iterator[str]:
    if not groups:
        yield "  matches nothing of any package"
        return
    owners = sorted({each.packages[-1].name for each in report.explained})
    more = len(owners) - _MOST_PACKAGES
    names = ", ".join(owners[:_MOST_PACKAGES])
    yield f"  of {names} and {more} more" if more > 0 else f"  of {names}"
    left_out = total(each.paths for each in groups if not each.verdict.stays)
    yield f"  {share(left_out, total(each.paths for each in groups))}"
    for group in groups:
        saving, sentence = group.paths, _sentence(group.verdict)
        yield f"  {saving.paths:>9,}{format_size(saving.size):>12}  {sentence}"


def _sentence(verdict: Verdict) -> str:
    return _SENTENCES[verdict.outcome].format(
        name=_who(verdict),
        profile=verdict.profile,
        because="; ".join(verdict.because),
        packages=described_packages(verdict.packages),
    )


def _who(verdict: Verdict) -> str:
    """Name what speaks of a path: a rule, with a profile that is not the image's, or entries."""
    if verdict.rule is None:
        word = "keep" if verdict.outcome is Outcome.KEPT else "drop"
        return f"`{word}: {', '.join(map(readable, verdict.entries))}`"
    if verdict.profile is None or verdict.outcome is Outcome.OTHER_PROFILE:
        return verdict.rule.name
    return f"{verdict.rule.name}, a rule of {verdict.profile},"


def _size(explained: Explained) -> str:
    if explained.link is not None:
        return f": a link to {readable(explained.link)}"
    return "" if explained.size is None else f": {format_size(explained.size)}"


def _package(package: LockedPackage) -> str:
    return " ".join(filter(None, (package.name, package.version, package.build)))
