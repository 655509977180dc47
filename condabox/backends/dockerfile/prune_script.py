"""What an image leaves out, as a script that takes it out of an installed environment."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from condabox.pruning.rules import RULES
from condabox.pruning.selection import DROP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from condabox.pruning.decision import Removal

_AT_ONCE = 500
"""How many paths one command gets: a system takes some hundred thousand bytes of them."""

_HEAD = """\
#!/bin/sh
# Takes out of an environment what its image leaves out, by rule:
#
#     sh {name} PREFIX
#
# `condabox prune --explain` tells of every path why.
set -eu
cd "$1"
"""
_REASONS = {
    **{rule.name: rule.reason for rule in RULES},
    DROP: "what `drop:` of the environment file names",
}


def prune_script(
    removed: Iterable[Mapping[str, Removal]], *, staying: Iterable[str], name: str
) -> bytes:
    """Return a script in POSIX sh, called ``name``, for what is ``removed`` of any package.

    Where nothing of a folder is among the paths ``staying``, the folder goes as a whole.  What one
    package leaves out and another one has stays.
    """
    kept = _with_parents(staying)
    sizes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for removals in removed:
        for path, removal in removals.items():
            if path not in kept:
                # a file of no bytes counts, too
                sizes[_topmost(path, kept)][removal.rule] += removal.size + 1
    by_rule: defaultdict[str, list[str]] = defaultdict(list)
    for path, rules in sizes.items():
        by_rule[min(rules, key=lambda rule: (-rules[rule], rule))].append(path)
    blocks = (_block(rule, by_rule[rule]) for rule in sorted(by_rule))
    text = "\n".join((_HEAD.format(name=name), *blocks))
    return text.encode("utf-8", "surrogateescape")


def _with_parents(paths: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for path in paths:
        inner = path
        while inner and inner not in found:
            found.add(inner)
            inner = inner.rpartition("/")[0]
    return frozenset(found)


def _topmost(path: str, kept: frozenset[str]) -> str:
    """Return the outermost folder of ``path`` that nothing stays in, or the path itself."""
    while (folder := path.rpartition("/")[0]) and folder not in kept:
        path = folder
    return path


def _block(rule: str, paths: Iterable[str]) -> str:
    ordered = sorted(paths, key=lambda path: path.encode("utf-8", "surrogateescape"))
    return f"# {rule}: {_REASONS.get(rule, rule)}\n" + "".join(_commands(ordered))


def _commands(paths: Sequence[str]) -> Iterator[str]:
    for start in range(0, len(paths), _AT_ONCE):
        quoted = map(shlex.quote, paths[start : start + _AT_ONCE])
        yield " \\\n    ".join(("rm -rf --", *quoted)) + "\n"
