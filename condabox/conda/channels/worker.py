"""Starts condabox's own modules as programs, on this interpreter.

py-rattler 0.28 can crash while the interpreter ends, after asynchronous work.  A worker answers
over its pipes and leaves by ``os._exit``; a crash is its own.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import condabox
from condabox import process
from condabox.conda.channels.condarc import read_condarc
from condabox.errors import ToolFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.errors import CondaboxError


def module_command(module: str) -> list[str]:
    """Return the command line that runs ``module`` of condabox."""
    return [sys.executable, "-m", module]


def ask_worker(
    module: str,
    request: Mapping[str, object],
    *,
    error: type[CondaboxError],
    task: str,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Return what ``module``, run as a program, answers to ``request``.

    Raise ``error`` where it refuses, with its reason, where it ends without an answer, and where it
    has none after ``seconds``.
    """
    try:
        done = process.attempt(
            module_command(module),
            env=module_environment(),
            stdin=json.dumps(request).encode(),
            seconds=seconds,
        )
    except ToolFailedError:
        raise error(f"{task} took more than {seconds:.0f} seconds") from None
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise error(
            f"{task} ended with status {done.returncode} and without an answer"
            f"\n{done.stderr.strip()}",
            hint="run the command again",
        ) from None
    if "error" in answer:
        raise error(answer["error"], hint=answer["hint"])
    return answer


def network_environment() -> dict[str, str]:
    """Return this process's environment, and what ``.condarc`` says of proxies and certificates."""
    return {**os.environ, **read_condarc(os.environ).network_environment(os.environ)}


def module_environment() -> dict[str, str]:
    """Return `network_environment` with this very condabox first on the module path."""
    root = str(Path(condabox.__file__).parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([root, inherited] if inherited else [root])
    return {**network_environment(), "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
