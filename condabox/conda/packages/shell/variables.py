"""A shell's variables and functions, and the commands that change them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from condabox.conda.packages.shell.syntax import NotCompiledError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.conda.packages.shell.syntax import Command

LONGEST_VALUE = 1 << 14
"""Characters of a value; in use there are hundreds, and a hostile script could double them."""

AT_RUN_TIME = frozenset(
    {
        *("HOME", "USER", "LOGNAME", "UID", "EUID", "GROUPS", "HOSTNAME", "HOSTTYPE", "MACHTYPE"),
        *("PWD", "OLDPWD", "TERM", "SHELL", "SHLVL", "PPID", "BASHPID", "BASH_SOURCE", "FUNCNAME"),
        *("RANDOM", "SRANDOM", "SECONDS", "EPOCHSECONDS", "EPOCHREALTIME", "LINENO"),
        *("_", "0", "$", "!", "-"),
    }
)
"""Parameters that nobody can know before there is a container and a shell in it."""

BLANKS = " \t\n"
"""What divides words unless IFS says otherwise."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class _Saved:
    """A variable as it was outside of a function."""

    value: str | None
    is_exported: bool


@dataclass(slots=True)
class Variables:
    """What a shell remembers.  ``arguments`` are those of the function that runs."""

    values: dict[str, str]
    exported: set[str]
    functions: dict[str, Command] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    status: int = 0
    _scopes: list[dict[str, _Saved]] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """How many functions are being run."""
        return len(self._scopes)

    @classmethod
    def exporting(cls, values: Mapping[str, str]) -> Variables:
        """Return the variables of a shell that was started with ``values``."""
        return cls({**values, "IFS": BLANKS}, set(values))

    def copy(self) -> Variables:
        """Return an equal shell that can be changed alone; no function may be running."""
        return Variables(dict(self.values), set(self.exported), dict(self.functions))

    def get(self, name: str, *, line: int) -> str | None:
        """Return the value of a parameter, None for one that is not set."""
        if name == "?":
            return str(self.status)
        if name == "#" or (name.isdigit() and name != "0"):
            if not self.depth:
                raise NotCompiledError("it needs the arguments of whoever activates", line=line)
            if name == "#":
                return str(len(self.arguments))
            position = int(name) - 1
            return self.arguments[position] if position < len(self.arguments) else None
        if name not in self.values and name in AT_RUN_TIME:
            raise NotCompiledError(f"${name} is not known before run time", line=line)
        return self.values.get(name)

    def set(self, name: str, value: str, *, line: int) -> None:
        """Give ``name`` a value; whether it is exported stays."""
        if len(value) > LONGEST_VALUE:
            raise NotCompiledError(f"${name} becomes too long", line=line)
        self.values[name] = value

    def declare(self, argument: str, *, line: int) -> str:
        """Carry out ``name``, ``name=value`` or ``name+=value`` and return the name."""
        name, equals, value = argument.partition("=")
        if equals and name.endswith("+"):
            name = name.removesuffix("+")
            value = (self.get(name, line=line) or "") + value
        _check_name(name, line=line)
        if equals:
            self.set(name, value, line=line)
        return name

    def enter_function(self) -> None:
        """Start a scope for what `local` makes."""
        self._scopes.append({})

    def leave_function(self) -> None:
        """Bring back what `local` hid since `enter_function`."""
        for name, saved in self._scopes.pop().items():
            self.remove(name)
            if saved.value is not None:
                self.values[name] = saved.value
            if saved.is_exported:
                self.exported.add(name)

    def hide(self, name: str) -> None:
        """Make ``name`` a variable of the function that runs, without a value."""
        scope = self._scopes[-1]
        if name not in scope:
            scope[name] = _Saved(self.values.pop(name, None), name in self.exported)

    def remove(self, name: str) -> None:
        """Forget the variable ``name``."""
        self.values.pop(name, None)
        self.exported.discard(name)


def export(variables: Variables, arguments: Sequence[str], line: int) -> int:
    """Mark variables as exported, or with ``-n`` as not."""
    exports = [*arguments[:1]] != ["-n"]
    for argument in arguments if exports else arguments[1:]:
        name = variables.declare(argument, line=line)
        if exports:
            variables.exported.add(name)
        else:
            variables.exported.discard(name)
    return 0


def unset(variables: Variables, arguments: Sequence[str], line: int) -> int:
    """Forget variables, or functions with ``-f`` or where there is no such variable."""
    kind = arguments[0] if [*arguments[:1]] in (["-v"], ["-f"]) else ""
    for name in arguments[1:] if kind else arguments:
        _check_name(name, line=line)
        if kind == "-f" or (not kind and name not in variables.values):
            variables.functions.pop(name, None)
        if kind != "-f":
            variables.remove(name)
    return 0


def local(variables: Variables, arguments: Sequence[str], line: int) -> int:
    """Make variables of the function that runs."""
    if not variables.depth:
        raise NotCompiledError("it has local outside of a function", line=line)
    for argument in arguments:
        name = argument.partition("=")[0].removesuffix("+")
        _check_name(name, line=line)
        variables.hide(name)
        variables.declare(argument, line=line)
    return 0


def shift(variables: Variables, arguments: Sequence[str], line: int) -> int:
    """Drop the first argument of the function that runs."""
    if arguments or not variables.depth:
        raise NotCompiledError("it shifts arguments", line=line)
    if not variables.arguments:
        return 1
    variables.arguments = variables.arguments[1:]
    return 0


def _check_name(name: str, *, line: int) -> None:
    if _NAME.fullmatch(name) is None:
        raise NotCompiledError(f"{name!r} is not the name of a variable", line=line)
