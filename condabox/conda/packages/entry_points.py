"""The scripts in ``bin/`` that noarch python packages only name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.packages.placeholder import MAX_SHEBANG
from condabox.decode import DecodeError

if TYPE_CHECKING:
    from condabox.conda.packages.python import PythonInfo

_COMMAND = re.compile(r"[^./\\\0\s](?:[^/\\\0\n]*[^/\\\0\s])?")
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")

_SCRIPT = """\
{shebang}
# -*- coding: utf-8 -*-
import re
import sys

from {module} import {imported}

if __name__ == '__main__':
\tsys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
\tsys.exit({function}())
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """A command that calls a function of a module."""

    command: str
    module: str
    function: str

    @classmethod
    def parse(cls, text: str, *, at: str) -> EntryPoint:
        """Read ``command = module:function``; raise DecodeError for what is no safe script.

        The names become a path and Python source, so nothing but plain names is taken.
        """
        command, equals, call = text.partition("=")
        module, colon, function = call.partition(":")
        parsed = cls(command=command.strip(), module=module.strip(), function=function.strip())
        if (
            not (equals and colon)
            or not _COMMAND.fullmatch(parsed.command)
            or not _DOTTED.fullmatch(parsed.module)
            or not _DOTTED.fullmatch(parsed.function)
        ):
            raise DecodeError(f"{text!r} is not an entry point", at=at)
        return parsed

    @property
    def path(self) -> str:
        """Where the script lies in the prefix."""
        return f"bin/{self.command}"


def entry_point_script(entry_point: EntryPoint, *, prefix: str, python: PythonInfo) -> bytes:
    """Return the script for ``entry_point``, the same text as rattler's."""
    return _SCRIPT.format(
        shebang=_shebang(f"{prefix}/{python.executable}"),
        module=entry_point.module,
        imported=entry_point.function.partition(".")[0],
        function=entry_point.function,
    ).encode()


def _shebang(interpreter: str) -> str:
    if len(f"#!{interpreter}".encode()) > MAX_SHEBANG or " " in interpreter:
        return f"#!/bin/sh\n'''exec' \"{interpreter}\" \"$0\" \"$@\" #'''"
    return f"#!{interpreter}"
