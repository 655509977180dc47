"""Starts condabox's own modules as programs, on this interpreter.

py-rattler 0.28 can crash while the interpreter ends, after asynchronous work.  A worker answers
over its pipes and leaves by ``os._exit``; a crash is its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import condabox
from condabox.conda.condarc import read_condarc


def module_command(module: str) -> list[str]:
    """Return the command line that runs ``module`` of condabox."""
    return [sys.executable, "-m", module]


def network_environment() -> dict[str, str]:
    """Return this process's environment, and what ``.condarc`` says of proxies and certificates."""
    return {**os.environ, **read_condarc(os.environ).network_environment(os.environ)}


def module_environment() -> dict[str, str]:
    """Return `network_environment` with this very condabox first on the module path."""
    root = str(Path(condabox.__file__).parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([root, inherited] if inherited else [root])
    return {**network_environment(), "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
