"""Runs an image where there is no container engine: in Linux namespaces, with ``unshare``.

This is for trying an image, not for confining it.  The network is the host's, and so are its
ports; there are no cgroups and no seccomp filter.  In a user namespace there is a single user,
which all files belong to: the image's ``User`` where it says one, else root.  Where user
namespaces are forbidden, real root can still run it, with the image's users and owners.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import BackendError, ImageError
from condabox.files import locked
from condabox.oci.compress import decompressed
from condabox.oci.digest import CHUNK
from condabox.oci.image import open_verified
from condabox.outputs import container_init
from condabox.outputs.accounts import find_user
from condabox.outputs.interrupts import Interrupts, has_terminal
from condabox.outputs.unpack import RootDirectory, remove_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.events import Reporter
    from condabox.oci.image import Image
    from condabox.outputs.accounts import User
    from condabox.outputs.engines import Program
    from condabox.process import Heard

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HOST_FILES = ("etc/hosts", "etc/resolv.conf")
_HINT = "install Docker or podman, or allow user namespaces (see user_namespaces(7))"


class Isolation(StrEnum):
    """How the namespaces are made."""

    USER_NAMESPACE = "user-namespace"
    REAL_ROOT = "real-root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A file or folder of the host, and what the container knows it as.

    A folder that is missing is made, and belongs to whom the image's own one does.
    """

    source: Path
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is to run in the container, and with which variables exactly."""

    arguments: tuple[str, ...]
    env: Mapping[str, str]
    working_dir: str
    user: str
    """As in the image config: ``user``, ``uid``, ``user:group``, ``uid:gid`` or empty."""
    binds: tuple[Bind, ...] = ()


def find_isolation(unshare: str) -> Isolation:
    """Return the safest way of making namespaces that this machine allows us."""
    denied = ""
    for isolation in Isolation:
        if isolation is Isolation.REAL_ROOT and os.geteuid() != 0:
            break
        probe = namespace_options(isolation, uid=0, gid=0)
        done = process.attempt([unshare, *probe, "--", "true"])
        if done.returncode == 0:
            return isolation
        denied = denied or done.stderr.strip()
    raise BackendError(f"no namespaces can be made here: {denied}", hint=_HINT)


def namespace_options(isolation: Isolation, *, uid: int, gid: int) -> tuple[str, ...]:
    """Return the options of ``unshare`` for a container in which we are ``uid`` and ``gid``."""
    common = ("--mount", "--pid", "--fork", "--kill-child")
    if isolation is Isolation.REAL_ROOT:
        return common
    if uid == 0 and gid == 0:
        return ("--user", "--map-root-user", *common)
    # Without root's number capabilities get lost at the next program, and the mounts need them.
    return ("--user", f"--map-user={uid}", f"--map-group={gid}", "--keep-caps", *common)


def run_image(
    image: Image,
    command: Command,
    *,
    unshare: str,
    isolation: Isolation,
    folder: Path,
    reporter: Reporter,
) -> int:
    """Unpack ``image`` into a new directory in ``folder``, run ``command`` there, and remove it.

    Return the command's exit status, 128 and the signal's number if it died of one.
    """
    with Interrupts() as interrupts, _state(folder, interrupts, reporter=reporter) as state:
        root = RootDirectory(state / "root", ownership=isolation is Isolation.REAL_ROOT)
        unpack(image, root, reporter=reporter)
        told = {"terminal": has_terminal(), "loopback": False}
        line = _command_line(root, command, told, isolation=isolation, state=state)
        return _run((unshare, *line), state=state, interrupts=interrupts)


def run_apart(
    image: Image,
    program: Program,
    *,
    unshare: str,
    isolation: Isolation,
    folder: Path,
    reporter: Reporter,
) -> Heard:
    """Run ``program`` as `run_image` does a command, but without a terminal, and listen to it.

    It has no network but its own loopback, and all that it has started ends with it.
    """
    config = image.config.config
    command = Command(
        arguments=program.arguments,
        env=config.env,
        working_dir=config.working_dir,
        user=config.user,
    )
    with Interrupts() as interrupts, _state(folder, interrupts, reporter=reporter) as state:
        root = RootDirectory(state / "root", ownership=isolation is Isolation.REAL_ROOT)
        unpack(image, root, reporter=reporter)
        told = {"terminal": False, "loopback": True}
        line = _command_line(root, command, told, isolation=isolation, state=state)
        with _control(state):
            heard = process.listen(
                (unshare, "--net", *line),
                stdin=program.stdin,
                seconds=program.seconds,
                most=program.most,
            )
        said = heard.said.decode(errors="replace").strip()
        _check_set_up(state, ended=f"unshare ended with status {heard.returncode}: {said[-200:]}")
        return heard


def _command_line(
    root: RootDirectory,
    command: Command,
    told: Mapping[str, bool],
    *,
    isolation: Isolation,
    state: Path,
) -> tuple[str, ...]:
    """Make the root ready, and return how ``unshare`` starts its first process.

    ``told`` is what that one is told beside.
    """
    accounts = {name: root.read(f"etc/{name}") for name in ("passwd", "group")}
    user = find_user(command.user, **accounts)
    spec = state / "spec.json"
    spec.write_text(json.dumps({**_prepared(root, command, user, isolation, state), **told}))
    options = namespace_options(isolation, uid=user.uid, gid=user.gid)
    return (*options, "--", sys.executable, "-I", "-S", container_init.__file__, str(spec))


def unpack(image: Image, root: RootDirectory, *, reporter: Reporter) -> None:
    """Apply all layers of ``image``, verified, to ``root``."""
    layers = image.manifest.layers
    with reporter.task("Unpacking", total=sum(layer.size for layer in layers)) as task:
        for layer in layers:
            with open_verified(image.blobs, layer) as blob:
                tar = decompressed(blob, media_type=layer.media_type)
                root.apply(tar, name=str(layer.digest))
                # To the end, where the digest is compared.
                while blob.read(CHUNK):
                    continue
            task.advance(layer.size)


def _prepared(
    root: RootDirectory, command: Command, user: User, isolation: Isolation, state: Path
) -> dict[str, object]:
    """Make the root ready for the command, and say what its first process has to know."""
    working_dir = command.working_dir or "/"
    env = {"PATH": _PATH, "HOME": user.home, **command.env}
    if any("\0" in text for text in (*command.arguments, *env, *env.values(), working_dir)):
        raise ImageError("a zero byte is in the command, a variable or the working directory")
    for name in _HOST_FILES:
        if Path("/", name).is_file():
            root.write(name, Path("/", name).read_bytes())
    root.make_directory(working_dir)
    ownership = isolation is Isolation.REAL_ROOT
    return {
        "root": str(root.path),
        "proc": str(root.make_directory("proc")),
        "dev": str(root.make_directory("dev")),
        "binds": [_bound(root, bind, ownership=ownership) for bind in command.binds],
        "arguments": command.arguments,
        "env": {name: value for name, value in env.items() if name and "=" not in name},
        "working_dir": f"/{working_dir.lstrip('/')}",
        "uid": user.uid,
        "gid": user.gid,
        "groups": user.groups,
        "switch_user": ownership,
        "control": str(state / "control"),
        "failure": str(state / "failure"),
    }


def _bound(root: RootDirectory, bind: Bind, *, ownership: bool) -> tuple[str, str]:
    """Return the two places of a bind mount, both of which are there then."""
    source = bind.source
    try:
        if source.is_file():
            root.write(bind.target, b"")
            folder, _, name = bind.target.rpartition("/")
            return str(source), str(root.make_directory(folder) / name)
        place = root.make_directory(bind.target)
        if not source.exists():
            source.mkdir(parents=True, exist_ok=True)
            if ownership:
                found = place.stat()
                os.chown(source, found.st_uid, found.st_gid)
                source.chmod(stat.S_IMODE(found.st_mode))
    except OSError as error:
        raise BackendError(f"{source} cannot be a volume: {error.strerror}") from None
    return str(source), str(place)


def _run(command: tuple[str, ...], *, state: Path, interrupts: Interrupts) -> int:
    terminal = has_terminal()
    with _control(state) as control:
        try:
            interrupts.forward_to(control)
            status = process.attach(command)
        finally:
            interrupts.forward_to(None)
            if terminal:
                _take_terminal()
    _check_set_up(state, ended=f"unshare ended with status {status}")
    return status if status >= 0 else 128 - status


@contextmanager
def _control(state: Path) -> Iterator[int]:
    """Make the pipe that the container's first process ends with, and lends its ear to."""
    os.mkfifo(state / "control", 0o600)
    # For reading, too, so that it opens before the container reads it.
    control = os.open(state / "control", os.O_RDWR | os.O_CLOEXEC)
    try:
        yield control
    finally:
        os.close(control)


def _check_set_up(state: Path, *, ended: str) -> None:
    failure = state / "failure"
    if not failure.exists():
        raise BackendError(ended, hint=_HINT)
    if reason := failure.read_text(errors="replace"):
        raise BackendError(f"the container cannot be set up: {reason}", hint=_HINT)


def _take_terminal() -> None:
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        os.tcsetpgrp(0, os.getpgrp())
    except OSError:
        return  # the terminal is gone
    finally:
        signal.signal(signal.SIGTTOU, before)


@contextmanager
def _state(folder: Path, interrupts: Interrupts, *, reporter: Reporter) -> Iterator[Path]:
    """Make a directory for one container, and remove it, and those that a crash left behind."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".lock"):
        for left in sorted(folder.glob("run-*")):
            if _is_abandoned(left):
                remove_tree(left)
        state = Path(tempfile.mkdtemp(prefix="run-", dir=folder))
        alive = os.open(state / "alive", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(alive, fcntl.LOCK_EX)
    try:
        (state / "root").mkdir()
        (state / "root").chmod(0o755)
        yield state
    finally:
        interrupts.hold()
        # it takes long where a disk is told of each file; nobody may be there to hear of that
        with suppress(OSError), ExitStack() as stack:
            stack.callback(os.close, alive)
            try:
                stack.enter_context(reporter.task("Removing the container's files", total=None))
            finally:
                remove_tree(state)


def _is_abandoned(state: Path) -> bool:
    try:
        with (state / "alive").open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # it is in use, or another user's
    return True
