"""What the entrypoint does: it runs the command that was given, or else the services."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

from condabox.development.container.folder import (
    STATE,
    emptied,
    held,
    private_folder,
    state_file,
    write_private,
)
from condabox.development.container.places import System
from condabox.development.container.services import offers
from condabox.development.container.supervision import IGNORED_BY_PYTHON, supervise
from condabox.development.container.user import settle_user
from condabox.development.container.words import REFUSED, Refused, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FAILED = 1
NOT_EXECUTABLE = 126
NOT_FOUND = 127
"""Exit statuses where a command cannot run, as engines have them."""
_GROUP_WRITES = 0o002
"""Any user of the container is in group 0, and so is whoever comes after in the same volume."""


def main(command: Sequence[str]) -> int:
    """Run ``command``, or the services where it is empty; return what the container ends with."""
    # as long as nothing runs, an interrupt needs no traceback
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.umask(_GROUP_WRITES)
    # nobody can be given a variable without a name
    env = {name: value for name, value in os.environ.items() if name}
    try:
        return start(command, env=env, system=System())
    except Refused as refused:
        say(str(refused))
        return REFUSED
    except OSError as error:
        say(f"{error.filename or 'the system'}: {error.strerror}")
        return FAILED


def start(command: Sequence[str], *, env: Mapping[str, str], system: System) -> int:
    """Make the user's place ready and run what there is to run.

    A command takes the place of this process and sees all that it was given: then this returns
    only where it cannot run.  Raise Refused, or OSError for a full disk and the like.
    """
    if not command and not system.uid:
        raise Refused("it runs as root: leave out --user 0")
    folder = private_folder(system)
    if command:
        return _become(command, settle_user(system, env=env, folder=folder).env)
    if state_file(system):
        raise Refused("its services run already: what is started beside them is a command")
    with emptied(folder):
        user = settle_user(system, env=env, folder=folder)
        made = offers(system, user=user, folder=folder)
        state = {name: offer.state for name, offer in made.items()}
        write_private(folder / STATE, json.dumps(state).encode())
        with held(folder / STATE):
            for offer in made.values():
                say(offer.told)
            return supervise([offer.service for offer in made.values() if offer.service])


def _become(command: Sequence[str], env: Mapping[str, str]) -> int:
    for number in IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(command[0], [*command], env)  # noqa: S606  (it has been looked up by now)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for no name at all
        say(f"{command[0]}: there is no such program")
        return NOT_FOUND
    except OSError as error:
        say(f"{command[0]}: {error.strerror}")
        return NOT_EXECUTABLE
