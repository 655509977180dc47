"""Where the development image has its tools, and what they are called by."""

from __future__ import annotations

TOOLS = "/opt/tools"
"""The prefix of the tools, beside the environment's own."""
OWN = f"{TOOLS}/condabox"
"""What is in the tools' prefix and of no package."""
COMMANDS = f"{TOOLS}/commands"
"""The tools that users call: links, so that no other program of the prefix is found."""

WORKSPACE = "/workspace"
"""Home, working directory and volume."""
ACCOUNT = "dev"
DEFAULT_USER = "1000:0"
"""Group 0, as OpenShift gives it to any user (of the image)."""

TOOLS_FILE = "dev-tools.yml"
"""The environment file of the tools, beside that of the environment."""
TOOLS_BUDGET = 8
"""How many of the tools' packages get a layer of their own."""

ENTRYPOINT = (f"{TOOLS}/bin/tini", "-s", "-g", "--", f"{TOOLS}/bin/python", "-I", f"{OWN}/start")
"""A child that outlives its parent is reaped also where something else is process 1 (``-s``), and
signals reach all of a command's processes (``-g``)."""
HEALTH = (f"{TOOLS}/bin/python", "-I", f"{OWN}/health.py")

CONTAINER_LABEL = "io.condabox.dev"
"""The label of a running container, with what its volume is called by."""
KEYS = "AUTHORIZED_KEYS"
"""The variable with public keys, one in a line."""
TOKEN = "JUPYTER_TOKEN"  # noqa: S105  (its name)
"""The variable with the token that Jupyter asks for."""
