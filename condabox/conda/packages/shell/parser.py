"""Reads a shell script into the values of `syntax`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from condabox.conda.packages.shell.conditions import read_condition
from condabox.conda.packages.shell.syntax import (
    AndOr,
    Assignment,
    Case,
    For,
    Foreign,
    Function,
    If,
    Loop,
    Not,
    Parameter,
    Redirected,
    Redirection,
    Sequence,
    Simple,
)
from condabox.conda.packages.shell.words import META, WordReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from condabox.conda.packages.shell.syntax import Command, Condition, Part, Word

_BLANK = re.compile(r"(?:[ \t]|\\\n|#[^\n]*)+")  # only called where a word could start
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]*[ \t]*\([ \t]*\)")
_KEYWORD_FUNCTION = re.compile(r"([A-Za-z_][A-Za-z0-9_.:-]*)(?:[ \t]*\([ \t]*\))?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REDIRECTION = re.compile(r"[0-9]*(<<<|<<-?|<&|<>|<|>>|>&|>\||>)|(&>>?)")
_HERE_DOCUMENTS = frozenset({"<<", "<<-"})


def parse(text: str) -> Sequence:
    """Read a whole script; raise NotCompiledError where it is not one that we understand."""
    parser = Parser(text)
    script = parser.sequence()
    if not parser.at_end():
        raise parser.error(f"it has {parser.text[parser.position]!r} where a command should start")
    return script


class Parser(WordReader):
    """Descends into commands."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._here_documents: list[tuple[str, bool]] = []

    def sequence(self, *ends: str) -> Sequence:
        """Read commands up to one of ``ends``, which stays, or to where none can start."""
        commands: list[Command] = []
        while True:
            self.skip_lines()
            if self.at_end() or self.at(")") or any(map(self.at_keyword, ends)):
                return Sequence(tuple(commands))
            line, command = self.line, self._and_or()
            self.skip_blanks()
            if self.at("&"):
                self.position += 1
                command = Foreign("a command in the background", line)
            elif not self.at(";;"):
                self.take(";")
            elif ";;" not in ends:
                raise self.error("it has ;; outside of case")
            commands.append(command)
            self.skip_blanks()

    def substitution(self) -> Part:
        """Read the rest of ``$(command)``, which nobody will run."""
        line = self.line
        self.sequence()
        self.expect(")")
        return Foreign("a command substitution", line)

    def skip_blanks(self) -> None:
        """Pass spaces, continued lines and a comment."""
        self.match(_BLANK)

    def skip_lines(self) -> None:
        """Pass everything that has no meaning before a command, here-documents included."""
        self.skip_blanks()
        while self.take("\n"):
            for delimiter, is_indented in self._here_documents:
                self._skip_here_document(delimiter, is_indented=is_indented)
            self._here_documents.clear()
            self.skip_blanks()

    def at_keyword(self, word: str) -> bool:
        """Tell whether the reserved ``word`` comes next; operators need nothing behind them."""
        end = self.position + len(word)
        return self.at(word) and (word == ";;" or end >= len(self.text) or self.text[end] in META)

    def take_keyword(self, word: str) -> bool:
        """Pass the reserved ``word`` if it comes next."""
        return self.at_keyword(word) and self.take(word)

    def expect(self, word: str) -> None:
        """Pass ``word``, which must come next."""
        self.skip_lines()
        if not (self.take(word) if word == ")" else self.take_keyword(word)):
            found = self.text[self.position : self.position + 10].split("\n")[0] or "its end"
            raise self.error(f"it has {found!r} where {word} should be")

    def _skip_here_document(self, delimiter: str, *, is_indented: bool) -> None:
        while not self.at_end():
            end = self.text.find("\n", self.position)
            end = len(self.text) if end < 0 else end
            content = self.text[self.position : end]
            self.position = min(end + 1, len(self.text))
            if (content.lstrip("\t") if is_indented else content) == delimiter:
                return

    def _and_or(self) -> Command:
        command = self._pipeline()
        while True:
            self.skip_blanks()
            operator = "&&" if self.take("&&") else "||" if self.take("||") else ""
            if not operator:
                return command
            self.skip_lines()
            command = AndOr(command, operator, self._pipeline())

    def _pipeline(self) -> Command:
        self.skip_blanks()
        if self.take_keyword("!"):
            return Not(self._pipeline())
        line, command = self.line, self._command()
        self.skip_blanks()
        while self.at("|") and not self.at("||"):
            self.position += 2 if self.at("|&") else 1
            self.skip_lines()
            self._command()
            command = Foreign("a pipe", line)
            self.skip_blanks()
        return command

    def _command(self) -> Command:
        line = self.line
        compound = self._compound()
        if compound is None:
            return self._simple()
        redirections = []
        self.skip_blanks()
        while (redirection := self._redirection()) is not None:
            redirections.append(redirection)
            self.skip_blanks()
        return Redirected(compound, tuple(redirections), line) if redirections else compound

    def _compound(self) -> Command | None:
        """Read a command that does not start with its name, or return None."""
        line = self.line
        if self.take("(("):
            self.pass_through("))", after=self.position)
            return Foreign("arithmetic", line)
        if self.take("("):
            self.sequence()
            self.expect(")")
            return Foreign("a subshell", line)
        reserved: Mapping[str, Callable[[int], Command]] = {
            "{": self._group,
            "[[": self._condition,
            "if": self._if,
            "while": self._while,
            "until": self._until,
            "for": self._for,
            "case": self._case,
        }
        for word, read in reserved.items():
            if self.take_keyword(word):
                return read(line)
        return self._function()

    def _group(self, _: int) -> Sequence:
        body = self.sequence("}")
        self.expect("}")
        return body

    def _condition(self, line: int) -> Condition:
        return read_condition(self, line)

    def _while(self, line: int, *, inverted: bool = False) -> Loop:
        condition = self.sequence("do")
        return Loop(condition, self._loop_body(), inverted, line)

    def _until(self, line: int) -> Loop:
        return self._while(line, inverted=True)

    def _function(self) -> Function | None:
        if self.take_keyword("function"):
            self.skip_blanks()
            found = self.match(_KEYWORD_FUNCTION)
        else:
            found = self.match(_FUNCTION)
        if found is None:
            return None
        self.skip_lines()
        return Function(found.rstrip("() \t"), self._command())

    def _if(self, _: int) -> If:
        branches = []
        while True:
            condition = self.sequence("then")
            self.expect("then")
            branches.append((condition, self.sequence("elif", "else", "fi")))
            if not self.take_keyword("elif"):
                break
        otherwise = self.sequence("fi") if self.take_keyword("else") else Sequence(())
        self.expect("fi")
        return If(tuple(branches), otherwise)

    def _loop_body(self) -> Sequence:
        self.expect("do")
        body = self.sequence("done")
        self.expect("done")
        return body

    def _for(self, line: int) -> For:
        self.skip_blanks()
        name = self.match(_NAME)
        if name is None:
            raise self.error("it has a for without a name")
        self.skip_lines()
        words: tuple[Word, ...] = ((Parameter("@", quoted=True),),)
        if self.take_keyword("in"):
            words = tuple(self._words())
        self.skip_blanks()
        self.take(";")
        return For(name, words, self._loop_body(), line)

    def _words(self) -> list[Word]:
        words = []
        self.skip_blanks()
        while word := self.word():
            words.append(word)
            self.skip_blanks()
        return words

    def _case(self, line: int) -> Case:
        self.skip_blanks()
        subject = self.word()
        self.expect("in")
        arms = []
        self.skip_lines()
        while not self.at_keyword("esac"):
            self.take("(")
            patterns = []
            while True:
                self.skip_blanks()
                patterns.append(self.word())
                self.skip_blanks()
                if not self.take("|"):
                    break
            self.expect(")")
            arms.append((tuple(patterns), self.sequence(";;", "esac")))
            if not self.take(";;") and not self.at_keyword("esac"):
                raise self.error("it has a case without esac")
            self.skip_lines()
        self.expect("esac")
        return Case(subject, tuple(arms), line)

    def _simple(self) -> Command:
        line = self.line
        assignments: list[Assignment] = []
        redirections: list[Redirection] = []
        words: list[Word] = []
        while True:
            self.skip_blanks()
            if (redirection := self._redirection()) is not None:
                redirections.append(redirection)
            elif not words and (assignment := self._assignment()) is not None:
                assignments.append(assignment)
            elif word := self.word():
                words.append(word)
            else:
                break
        if not (assignments or redirections or words):
            found = self.text[self.position : self.position + 1] or "its end"
            raise self.error(f"it has {found!r} where a command should start")
        command = Simple(tuple(assignments), tuple(words), line)
        return Redirected(command, tuple(redirections), line) if redirections else command

    def _assignment(self) -> Assignment | None:
        found = _ASSIGNMENT.match(self.text, self.position)
        if found is None:
            return None
        line, self.position = self.line, found.end()
        value = self.word()
        if self.take("("):
            self._words()
            self.expect(")")
            value = (Foreign("an array", line),)
        return Assignment(found[1], value, append=bool(found[2]))

    def _redirection(self) -> Redirection | None:
        found = _REDIRECTION.match(self.text, self.position)
        if found is None:
            return None
        line, self.position = self.line, found.end()
        operator = found[1] or found[2]
        if self.at("(") and operator in {"<", ">"}:
            self.position += 1
            self.substitution()
            return Redirection(operator, (Foreign("a process substitution", line),))
        self.skip_blanks()
        start = self.position
        target = self.word()
        if not target:
            raise self.error(f"it has {operator} without a file")
        if operator in _HERE_DOCUMENTS:
            delimiter = re.sub(r"[\"'\\]", "", self.text[start : self.position])
            self._here_documents.append((delimiter, operator == "<<-"))
        return Redirection(operator, target)
