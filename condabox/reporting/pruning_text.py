"""What rules leave out of an image, for people: a line for each rule, or all about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.pruning.prefix import readable
from condabox.reporting.formats import format_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from condabox.pruning.decision import Saving
    from condabox.pruning.effects import EntryEffect, RuleEffect
    from condabox.pruning.proof import Kept
    from condabox.pruning.rule import Rule
    from condabox.reporting.pruning import MoreLeftOut, PruningReport

_NAME_WIDTH = 40
_SHORT_WIDTH = 20
_MOST_KEPT = 3
_MOST_PACKAGES = 3


def pruning_text(report: PruningReport) -> str:
    """Return a table of what rules leave out, and what other profiles would."""
    header = f"  {'rule':<{_NAME_WIDTH - 2}}{'files':>10}{'bytes':>12}{'needed':>10}"
    lines = [_title(report), header]
    lines += [
        _row(each.rule.name, each.left_out, needed=len(each.kept))
        for each in report.rules
        if not each.is_idle
    ]
    if report.drop:
        needed = sum(len(each.kept) for each in report.drop)
        lines.append(_row("drop, in the environment file", report.dropped, needed=needed))
    lines.append(_row("left out", report.left_out))
    lines.append(_row("of", report.everything))
    lines += (_more(each) for each in report.more)
    return "\n".join(lines)


def explained_text(report: PruningReport) -> str:
    """Return all about every rule: what it takes, why, what stays after all, and what it saves."""
    paragraphs = [
        [_title(report), share(report.left_out, report.everything)],
        *_active_rules(report.rules),
        *(_entry("drop", each) for each in report.drop),
        *(_entry("keep", each) for each in report.keep),
        *_others(report.rules),
    ]
    for more in report.more:
        paragraphs += [[_more(more)], *_active_rules(more.rules), *_others(more.rules)]
    return "\n\n".join("\n".join(lines) for lines in paragraphs)


def share(left_out: Saving, everything: Saving) -> str:
    """Say how much of it is left out."""
    return (
        f"left out: {left_out.paths:,} of {everything.paths:,} files, "
        f"{format_size(left_out.size)} of {format_size(everything.size)}"
    )


def described_packages(names: Sequence[str]) -> str:
    """Say that packages are there: ``gcc is there``, ``a, b, c and 4 more are there``."""
    shown, more = names[:_MOST_PACKAGES], len(names) - _MOST_PACKAGES
    if more > 0:
        return f"{', '.join(shown)} and {more} more are there"
    text = " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))
    return f"{text} {'is' if len(names) == 1 else 'are'} there"


def described_risk(rule: Rule) -> str:
    """Name a rule's risk: ``no risk``, ``low risk``."""
    return f"{'no' if rule.risk == 'none' else rule.risk} risk"


def _title(report: PruningReport) -> str:
    return f"{report.name}, {report.platform}, profile {report.profile}"


def _more(more: MoreLeftOut) -> str:
    files, size = _files(more.left_out.paths), format_size(more.left_out.size)
    return f"--prune {more.profile} would leave out {size} more, {files}"


def _row(name: str, saving: Saving, *, needed: int = 0) -> str:
    row = f"  {name:<{_NAME_WIDTH - 2}}{saving.paths:>10,}{format_size(saving.size):>12}"
    return f"{row}{needed:>10,}" if needed else row


def _active_rules(effects: Sequence[RuleEffect]) -> Iterator[list[str]]:
    """Yield a paragraph for each rule that does something."""
    return (_active(each) for each in effects if not each.is_idle)


def _others(effects: Sequence[RuleEffect]) -> Iterator[list[str]]:
    """Yield a paragraph for rules that are out of force, and one for those with nothing to take."""
    idle = [each for each in effects if each.is_idle]
    if gated := [each for each in idle if each.gate.prod or each.gate.development]:
        yield ["out of force", *(line for each in gated for line in _gated(each))]
    if rest := [each.rule for each in idle if each not in gated]:
        lines = (f"  {rule.name:<{_SHORT_WIDTH}}  {rule.reason}" for rule in rest)
        yield ["nothing to take here", *lines]


def _active(effect: RuleEffect) -> list[str]:
    headline = _headline(effect.rule.name, effect.left_out)
    lines = [f"{headline}   {described_risk(effect.rule)}", f"  {effect.rule.reason}"]
    if effect.gate.prod or effect.gate.development:
        lines.append(f"  out of force {_for_whom(effect)}")
    return [*lines, *_needed(effect.kept)]


def _gated(effect: RuleEffect) -> Iterator[str]:
    yield f"  {effect.rule.name:<{_SHORT_WIDTH}}  {effect.rule.reason}"
    yield f"  {'':<{_SHORT_WIDTH}}  {_for_whom(effect)}"


def _for_whom(effect: RuleEffect) -> str:
    if effect.gate.prod:
        return f"because {described_packages(effect.gate.prod)}"
    packages = described_packages(effect.gate.development)
    return f"for what development adds, because {packages}"


def _entry(word: str, effect: EntryEffect) -> list[str]:
    headline = _headline(f"{word}: {readable(effect.entry)}", effect.paths)
    return [headline, *_needed(effect.kept)]


def _headline(name: str, saving: Saving) -> str:
    size = format_size(saving.size)
    return f"{name:<{_NAME_WIDTH}}{_files(saving.paths):>14}{size:>11}"


def _needed(kept: Sequence[Kept]) -> Iterator[str]:
    if not kept:
        return
    stay, them = ("stays", "it") if len(kept) == 1 else ("stay", "them")
    yield f"  {len(kept):,} more {stay}, because something needs {them}:"
    for each in kept[:_MOST_KEPT]:
        yield f"    {readable(each.path)}"
        yield f"      {each.because}"
    if len(kept) > _MOST_KEPT:
        yield f"    and {len(kept) - _MOST_KEPT:,} more; --json has all of them"


def _files(count: int) -> str:
    return f"{count:,} {'file' if count == 1 else 'files'}"
