"""What ``test``, ``[`` and ``[[`` ask, answered for a prefix that exists in an image alone."""

from __future__ import annotations

import operator
import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.packages.shell.conditions import BINARY, UNARY
from condabox.conda.packages.shell.syntax import NotCompiledError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from condabox.conda.packages.shell.variables import Variables

_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
}
_NUMBER = re.compile(r"[ \t]*[+-]?[0-9]{1,18}[ \t]*")


@dataclass(frozen=True, slots=True)
class PrefixPaths:
    """The paths below ``prefix``: a path that others lie below is a directory, others are files."""

    prefix: str
    files: frozenset[str]
    directories: frozenset[str]

    @classmethod
    def of(cls, paths: Collection[str], *, prefix: str) -> PrefixPaths:
        """Tell files and directories apart among ``paths``, which are relative to ``prefix``."""
        directories = {""}
        for path in paths:
            parent = posixpath.dirname(path)
            while parent not in directories:
                directories.add(parent)
                parent = posixpath.dirname(parent)
        return cls(prefix, frozenset(paths) - directories, frozenset(directories))

    def relative(self, path: str, *, line: int) -> str:
        """Return ``path`` relative to the prefix; only what lies in there is known."""
        normal = posixpath.normpath(path)
        if normal == self.prefix:
            return ""
        if not normal.startswith(f"{self.prefix}/") or ".." in path.split("/"):
            raise NotCompiledError(f"whether {path} exists is not known before run time", line=line)
        return normal.removeprefix(f"{self.prefix}/")


@dataclass(frozen=True, slots=True)
class Predicates:
    """Answers for the current values of the variables."""

    paths: PrefixPaths
    variables: Variables
    line: int

    def unary(self, name: str, operand: str) -> bool:
        """Answer ``-n operand`` and the like.

        All files are readable and executable; none can be written to: who runs a container does
        not own the prefix.
        """
        match name:
            case "-n":
                return operand != ""
            case "-z":
                return operand == ""
            case "-v" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", operand):
                return self.variables.get(operand, line=self.line) is not None
            case "-e" | "-a" | "-f" | "-d" | "-r" | "-w" | "-x":
                return operand != "" and self._file(name, operand)
            case _:
                raise self._error(f"it asks {name} {operand}")

    def binary(self, left: str, name: str, right: str) -> bool:
        """Answer ``left = right`` and the like, without patterns."""
        if name in {"=", "=="}:
            return left == right
        if name == "!=":
            return left != right
        if name in _COMPARISONS and _NUMBER.fullmatch(left) and _NUMBER.fullmatch(right):
            return _COMPARISONS[name](int(left), int(right))
        raise self._error(f"it asks {left} {name} {right}")

    def test(self, arguments: Sequence[str]) -> bool:
        """Answer ``test arguments``, by the number of arguments as POSIX says."""
        match arguments:
            case []:
                return False
            case [text]:
                return text != ""
            case ["!", text]:
                return text == ""
            case [name, text] if name in UNARY:
                return self.unary(name, text)
            case [left, name, right] if name in BINARY - {"=~"}:
                return self.binary(left, name, right)
            case _:
                words = list(arguments)
                answer = self._disjunction(words)
                if words:
                    raise self._error("it has a test that is not clear")
                return answer

    def _disjunction(self, words: list[str]) -> bool:
        """Take ``term -a term -o term`` off the front of ``words``; ``-a`` binds closer."""
        answer = self._conjunction(words)
        while words and words[0] == "-o":
            words.pop(0)
            answer = self._conjunction(words) or answer
        return answer

    def _conjunction(self, words: list[str]) -> bool:
        answer = self._term(words)
        while words and words[0] == "-a":
            words.pop(0)
            answer = self._term(words) and answer
        return answer

    def _term(self, words: list[str]) -> bool:
        match words:
            case ["!", *rest]:
                words[:] = rest
                return not self._term(words)
            case ["(", *rest]:
                words[:] = rest
                answer = self._disjunction(words)
                if words[:1] != [")"]:
                    raise self._error("it has a test without )")
                words.pop(0)
                return answer
            case [left, name, right, *rest] if name in BINARY:
                words[:] = rest
                return self.binary(left, name, right)
            case [name, text, *rest] if name in UNARY:
                words[:] = rest
                return self.unary(name, text)
            case [text, *rest]:
                words[:] = rest
                return text != ""
            case _:
                raise self._error("it has a test that is not complete")

    def _file(self, name: str, operand: str) -> bool:
        path = self.paths.relative(operand, line=self.line)
        is_file = path in self.paths.files and not operand.endswith("/")
        is_directory = path in self.paths.directories
        match name:
            case "-f":
                return is_file
            case "-d":
                return is_directory
            case "-w":
                return False
            case _:
                return is_file or is_directory

    def _error(self, reason: str) -> NotCompiledError:
        return NotCompiledError(reason, line=self.line)
