"""The variables that activating an environment would set, worked out without running anything."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.conda.packages.shell.evaluator import Shell
from condabox.conda.packages.shell.predicates import PrefixPaths
from condabox.conda.packages.shell.syntax import NotCompiledError
from condabox.conda.packages.shell.variables import Variables
from condabox.decode import DecodeError, string_mapping

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SCRIPTS = "etc/conda/activate.d/"
_VARIABLES = "etc/conda/env_vars.d/"
_UNSET = "***unset***"  # conda's CONDA_ENV_VARS_UNSET_VAR
_REST_OF_PATH = "\ue000"  # a private character: stands for the PATH of the base image
_BACKUP = re.compile(r"_?_?CONDA_(SET|BACKUP)_.*|.*_CONDA_BACKUP|.*_BACKUP|.*_PREV")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """What an image has to set for its environment to be active in every process.

    ``path`` are the directories that come before those of the base image in PATH; ``variables``
    are all others, by name.  ``problems`` name, one each, what could not be compiled, with file,
    line and reason.
    """

    variables: Mapping[str, str]
    path: tuple[str, ...]
    problems: tuple[str, ...]


def compile_activation(
    scripts: Mapping[str, str],
    *,
    prefix: str,
    paths: Collection[str],
    variables: Mapping[str, str],
    name: str,
) -> Activation:
    """Work out what ``conda activate name`` would export in a shell without any variable.

    ``scripts`` are the texts of the files in ``activate.d`` and ``env_vars.d``, by path; shells
    other than sh and bash have scripts of their own, which are ignored.  ``paths`` is everything
    in the prefix, for scripts that look.  ``variables`` are the environment file's.  As in conda,
    packages' ``env_vars.d`` come first, the file's variables overwrite them, and scripts, in the
    order of their names, see and overwrite both.  Beside CONDA_PREFIX and CONDA_DEFAULT_ENV there
    is CONDA_SHLVL, by which a later ``conda activate`` knows that this environment is the first.

    A script that does anything but set variables (runs a program, say) adds nothing and is
    reported.
    """
    problems: list[str] = []
    values = _package_variables(scripts, problems)
    values |= variables
    values = {key: value for key, value in values.items() if value != _UNSET}
    values |= {
        "CONDA_PREFIX": prefix,
        "CONDA_DEFAULT_ENV": name,
        "CONDA_SHLVL": "1",
        "PATH": f"{prefix}/bin:{_REST_OF_PATH}",
    }
    shell = Shell(Variables.exporting(values), PrefixPaths.of(paths, prefix=prefix))
    for path in sorted(scripts, key=str.encode):
        if path.startswith(_SCRIPTS) and path.endswith(".sh"):
            try:
                shell.source(scripts[path])
            except NotCompiledError as error:
                problems.append(_problem(f"{path}:{error.line}", error.reason))
    exported = shell.exported
    path_variable = exported.pop("PATH", "")
    compiled: dict[str, str] = {}
    for key, value in exported.items():
        if _REST_OF_PATH in value:
            problems.append(_problem(key, "it contains the PATH of the base image"))
        elif value or _BACKUP.fullmatch(key) is None:
            compiled[key] = value
    return Activation(
        variables=compiled, path=_own_path(path_variable, problems), problems=tuple(problems)
    )


def _package_variables(scripts: Mapping[str, str], problems: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for path in sorted(scripts, key=str.encode):
        if not path.startswith(_VARIABLES):
            continue
        try:
            found = string_mapping(json.loads(scripts[path]), at="")
        except (DecodeError, ValueError, RecursionError) as error:
            problems.append(_problem(path, str(error)))
            continue
        for key, value in found.items():
            if _NAME.fullmatch(key) is None or "\0" in value:
                problems.append(_problem(path, f"{key!r} is not a variable"))
            else:
                values[key] = value
    return values


def _own_path(value: str, problems: list[str]) -> tuple[str, ...]:
    """Return what comes before the base image's part of PATH."""
    own, found, rest = value.partition(_REST_OF_PATH)
    if not found:
        problems.append(_problem("PATH", "a script sets it without what it was before"))
    elif rest.strip(":"):
        problems.append(_problem("PATH", f"a script adds {rest.strip(':')} behind all others"))
    return tuple(dict.fromkeys(part for part in own.split(":") if part))


def _problem(where: str, reason: str) -> str:
    return f"{where}: cannot be compiled into image variables: {reason}"
