"""Runs shell scripts for the variables that they export, and for nothing else."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from condabox.conda.packages.shell.expansion import (
    expand_fields,
    expand_pattern,
    expand_text,
)
from condabox.conda.packages.shell.parser import parse
from condabox.conda.packages.shell.predicates import Predicates
from condabox.conda.packages.shell.syntax import (
    AndOr,
    Binary,
    Case,
    Condition,
    For,
    Foreign,
    Function,
    If,
    Junction,
    Literal,
    Loop,
    Negation,
    Not,
    NotCompiledError,
    Redirected,
    Sequence,
    Simple,
    Unary,
)
from condabox.conda.packages.shell.variables import export, local, shift, unset

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.conda.packages.shell.predicates import PrefixPaths
    from condabox.conda.packages.shell.syntax import Command, Expression, Redirection, Word
    from condabox.conda.packages.shell.variables import Variables

MOST_STEPS = 2000
"""Commands that one script may run: ten times as many as the longest known one."""

_LONGEST_SCRIPT = 1 << 18
_DEEPEST_CALL = 20
_CHANGING = {"export": export, "unset": unset, "local": local, "shift": shift}
_DECLARATION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_DECLARING = frozenset({"export", "local"})


class _Return(Exception):  # noqa: N818  (control flow)
    pass


class _LoopControl(Exception):  # noqa: N818  (control flow)
    def __init__(self, *, goes_on: bool) -> None:
        super().__init__()
        self.goes_on = goes_on


@dataclass(slots=True)
class Shell:
    """A shell with ``variables`` and no others, in front of the files of a prefix."""

    variables: Variables
    paths: PrefixPaths
    _steps: int = field(init=False, default=0)
    _loops: int = field(init=False, default=0)

    @property
    def exported(self) -> dict[str, str]:
        """The variables that a program started now would see, sorted."""
        values = self.variables.values
        return {name: values[name] for name in sorted(self.variables.exported & values.keys())}

    def source(self, text: str) -> None:
        """Run the script ``text``; raise NotCompiledError, with nothing changed, where it cannot.

        In question is what the script does, not what stands in it: a command that is not run does
        no harm.
        """
        before = self.variables.copy()
        self._steps = self._loops = 0
        try:
            self._run(_parsed(text))
        except _Return:
            return
        except NotCompiledError:
            self.variables = before
            raise
        except RecursionError:
            self.variables = before
            raise NotCompiledError("it is nested too deeply", line=1) from None

    def _run(self, command: Command) -> int:
        """Run a command and return its exit status."""
        status = self._dispatch(command)
        self.variables.status = status
        return status

    def _dispatch(self, command: Command) -> int:  # noqa: C901, PLR0911, PLR0912  (kinds are many)
        match command:
            case Simple():
                return self._simple(command)
            case Sequence(commands=commands):
                status = 0
                for each in commands:
                    status = self._run(each)
                return status
            case AndOr(first=first, operator=operator, second=second):
                status = self._run(first)
                return self._run(second) if (status == 0) == (operator == "&&") else status
            case Not(command=inner):
                return int(self._run(inner) == 0)
            case If(branches=branches, otherwise=otherwise):
                for condition, body in branches:
                    if self._run(condition) == 0:
                        return self._run(body)
                return self._run(otherwise)
            case Condition(expression=expression, line=line):
                return int(not self._holds(expression, line))
            case Loop() | For():
                return self._loop(command)
            case Case():
                return self._case(command)
            case Function(name=name, body=body):
                self.variables.functions[name] = body
                return 0
            case Redirected(command=inner, redirections=redirections, line=line):
                for redirection in redirections:
                    self._check_redirection(redirection, line)
                return self._run(inner)
            case Foreign(what=what, line=line):
                raise NotCompiledError(f"it needs {what}", line=line)

    def _simple(self, command: Simple) -> int:
        line = command.line
        self._step(line)
        words: list[str] = []
        for word in command.words:
            if words and words[0] in _DECLARING and _is_declaration(word):
                words.append(expand_text(word, self.variables, line=line))
            else:
                words += expand_fields(word, self.variables, line=line)
        if words and command.assignments:
            raise NotCompiledError(f"it sets variables for {words[0]} alone", line=line)
        for assignment in command.assignments:
            value = expand_text(assignment.value, self.variables, line=line)
            operator = "+=" if assignment.append else "="
            self.variables.declare(f"{assignment.name}{operator}{value}", line=line)
        return self._call(words[0], words[1:], line) if words else 0

    def _step(self, line: int) -> None:
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise NotCompiledError("it does not come to an end", line=line)

    def _call(self, name: str, arguments: list[str], line: int) -> int:
        if name in self.variables.functions:
            return self._call_function(name, arguments, line)
        if name in _CHANGING:
            return _CHANGING[name](self.variables, arguments, line)
        match name, arguments:
            case ":" | "true" | "false", _:
                return int(name == "false")
            case "echo" | "printf", _ if arguments[:1] != ["-v"]:
                return 0  # what they print goes nowhere
            case "test", _:
                return int(not self._predicates(line).test(arguments))
            case "[", [*inner, "]"]:
                return int(not self._predicates(line).test(inner))
            case "return", _:
                self._return(arguments, line)
            case "break" | "continue", [] if self._loops:
                raise _LoopControl(goes_on=name == "continue")
        raise NotCompiledError(f"it runs the command {name}", line=line)

    def _call_function(self, name: str, arguments: list[str], line: int) -> int:
        variables = self.variables
        if variables.depth >= _DEEPEST_CALL:
            raise NotCompiledError(f"{name} calls itself too often", line=line)
        before = variables.arguments, self._loops
        variables.arguments, self._loops = tuple(arguments), 0
        variables.enter_function()
        try:
            return self._run(variables.functions[name])
        except _Return:
            return variables.status
        finally:
            variables.leave_function()
            variables.arguments, self._loops = before

    def _return(self, arguments: list[str], line: int) -> NoReturn:
        if arguments:
            if len(arguments) > 1 or not re.fullmatch("[0-9]{1,3}", arguments[0]):
                raise NotCompiledError(f"it returns {' '.join(arguments)}", line=line)
            self.variables.status = int(arguments[0]) & 0xFF
        raise _Return

    def _predicates(self, line: int) -> Predicates:
        return Predicates(self.paths, self.variables, line)

    def _holds(self, expression: Expression, line: int) -> bool:
        match expression:
            case Negation(operand=operand):
                return not self._holds(operand, line)
            case Junction(left=left, operator=operator, right=right):
                holds = self._holds(left, line)
                return self._holds(right, line) if holds == (operator == "&&") else holds
            case Unary(operator=operator, operand=word):
                text = expand_text(word, self.variables, line=line)
                return self._predicates(line).unary(operator, text)
            case Binary():
                return self._compares(expression, line)

    def _compares(self, expression: Binary, line: int) -> bool:
        left = expand_text(expression.left, self.variables, line=line)
        if expression.operator in {"=", "==", "!="}:
            pattern = expand_pattern(expression.right, self.variables, line=line)
            return (pattern.fullmatch(left) is not None) == (expression.operator != "!=")
        right = expand_text(expression.right, self.variables, line=line)
        return self._predicates(line).binary(left, expression.operator, right)

    def _case(self, command: Case) -> int:
        text = expand_text(command.subject, self.variables, line=command.line)
        for patterns, body in command.arms:
            for word in patterns:
                if expand_pattern(word, self.variables, line=command.line).fullmatch(text):
                    return self._run(body)
        return 0

    def _loop(self, command: Loop | For) -> int:
        status = 0
        for _ in self._rounds(command):
            try:
                with self._in_loop():
                    status = self._run(command.body)
            except _LoopControl as control:
                status = 0
                if not control.goes_on:
                    break
        return status

    def _rounds(self, command: Loop | For) -> Iterator[None]:
        if isinstance(command, For):
            words: list[str] = []
            for word in command.words:
                words += expand_fields(word, self.variables, line=command.line)
            for value in words:
                self._step(command.line)
                self.variables.set(command.name, value, line=command.line)
                yield
            return
        while (self._run(command.condition) == 0) != command.inverted:
            self._step(command.line)
            yield

    @contextmanager
    def _in_loop(self) -> Iterator[None]:
        self._loops += 1
        try:
            yield
        finally:
            self._loops -= 1

    def _check_redirection(self, redirection: Redirection, line: int) -> None:
        target = expand_text(redirection.target, self.variables, line=line)
        if redirection.operator in {"<&", ">&"} and re.fullmatch(r"[0-9]+|-", target):
            return
        if target != "/dev/null" or redirection.operator.startswith("<<"):
            raise NotCompiledError(
                f"it has a redirection, {redirection.operator}{target}", line=line
            )


def _parsed(text: str) -> Sequence:
    if len(text) > _LONGEST_SCRIPT:
        raise NotCompiledError("it is too long", line=1)
    return parse(text)


def _is_declaration(word: Word) -> bool:
    """Tell whether an argument is an assignment, which is not split."""
    first = word[0]
    return (
        isinstance(first, Literal)
        and not first.quoted
        and _DECLARATION.match(first.text) is not None
    )
