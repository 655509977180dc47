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


def module_environment() -> dict[str, str]:
    """Return this process's environment, with this very condabox first on the module path.

    What ``.condarc`` says of proxies and certificates is in it.
    """
    root = str(Path(condabox.__file__).parent.parent)
    inherited = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([root, inherited] if inherited else [root])
    network = read_condarc(os.environ).network_environment(os.environ)
    return {**os.environ, **network, "PYTHONPATH": path, "PYTHONSAFEPATH": "1"}
