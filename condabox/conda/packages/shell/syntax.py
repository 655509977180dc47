"""The shell's grammar as values, for the part of it that activation scripts are written in.

What stands outside of that part is a value too, `Foreign`: scripts may contain it, as long as they
do not run it.
"""

from __future__ import annotations

from dataclasses import dataclass


class NotCompiledError(Exception):
    """A script does something that has no place in an image's variables."""

    def __init__(self, reason: str, *, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that stands for itself; quoted, it is no pattern either."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """``${name}``, with an operator such as ``:-`` and its operand where there is one.

    The operator ``length`` is ``${#name}``; of ``/`` and ``//`` the operand is the pattern.
    """

    name: str
    quoted: bool
    operator: str = ""
    operand: Word = ()
    replacement: Word = ()


@dataclass(frozen=True, slots=True)
class Foreign:
    """A part of a word or a command that is not evaluated; ``what`` names it for people."""

    what: str
    line: int


Part = Literal | Parameter | Foreign
Word = tuple[Part, ...]
"""Parts that stand together without a space."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name=value``, or ``name+=value``."""

    name: str
    value: Word
    append: bool


@dataclass(frozen=True, slots=True)
class Redirection:
    """``>target`` and the like, on whatever descriptor."""

    operator: str
    target: Word


@dataclass(frozen=True, slots=True)
class Simple:
    """Assignments, or a command and its arguments."""

    assignments: tuple[Assignment, ...]
    words: tuple[Word, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Redirected:
    """A command with redirections."""

    command: Command
    redirections: tuple[Redirection, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Not:
    """``! command``."""

    command: Command


@dataclass(frozen=True, slots=True)
class AndOr:
    """``first && second``, or ``first || second``."""

    first: Command
    operator: str
    second: Command


@dataclass(frozen=True, slots=True)
class Sequence:
    """Commands one after the other."""

    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class If:
    """Conditions with what follows if they hold, and what follows if none does."""

    branches: tuple[tuple[Sequence, Sequence], ...]
    otherwise: Sequence


@dataclass(frozen=True, slots=True)
class Loop:
    """``while``, or ``until`` when it is inverted."""

    condition: Sequence
    body: Sequence
    inverted: bool
    line: int


@dataclass(frozen=True, slots=True)
class For:
    """``for name in words``."""

    name: str
    words: tuple[Word, ...]
    body: Sequence
    line: int


@dataclass(frozen=True, slots=True)
class Case:
    """``case``: the first arm with a pattern that fits is taken."""

    subject: Word
    arms: tuple[tuple[tuple[Word, ...], Sequence], ...]
    line: int


@dataclass(frozen=True, slots=True)
class Function:
    """The definition of a function."""

    name: str
    body: Command


@dataclass(frozen=True, slots=True)
class Condition:
    """``[[ expression ]]``."""

    expression: Expression
    line: int


@dataclass(frozen=True, slots=True)
class Unary:
    """``-f word`` and the like; ``-n`` for a word alone."""

    operator: str
    operand: Word


@dataclass(frozen=True, slots=True)
class Binary:
    """``left == right`` and the like."""

    left: Word
    operator: str
    right: Word


@dataclass(frozen=True, slots=True)
class Negation:
    """``! expression``."""

    operand: Expression


@dataclass(frozen=True, slots=True)
class Junction:
    """``left && right``, or ``left || right``."""

    left: Expression
    operator: str
    right: Expression


Expression = Unary | Binary | Negation | Junction
Command = (
    Simple
    | Redirected
    | Not
    | AndOr
    | Sequence
    | If
    | Loop
    | For
    | Case
    | Function
    | Condition
    | Foreign
)
