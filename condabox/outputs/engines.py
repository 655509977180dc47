"""Container engines as commands: loading into podman or containerd, and running containers."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Thread
from typing import TYPE_CHECKING

from condabox import process
from condabox.errors import BackendError, ToolFailedError
from condabox.oci.archive import archive_chunks
from condabox.oci.reference import Reference
from condabox.outputs.interrupts import Interrupts, has_terminal
from condabox.outputs.nvidia import DEVICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.events import Reporter, Task
    from condabox.oci.image import Image
    from condabox.process import Heard

_SECONDS_TO_STOP = "10"
_SECONDS_TO_REMOVE = 60.0
_SECONDS_TO_MAKE_SURE = 10.0
"""That nothing is left, where most probably nothing is."""
_SECONDS_TO_CREATE = 3.0
_STEP = 0.2
_MOST_PROCESSES = "1024"
_PODMANS_TMPDIR = "/var/tmp"  # noqa: S108  (only temporary folders are made in it)
_PODMAN_HINT = "`podman info` says where podman keeps images, and whether it works at all"
_CONTAINERD_HINT = (
    "is containerd running, and may you use its socket? CONTAINERD_ADDRESS names another one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What an engine is asked to run, and what the container is called."""

    name: str
    image: str
    """What the engine knows the image by."""
    command: tuple[str, ...]
    publish: tuple[str, ...]
    """``[ip:][host port:]container port``, as for ``docker run -p``."""
    env: tuple[str, ...]
    """``NAME=value``, or ``NAME`` for the caller's own."""
    platform: str | None
    """Where it is not the host's."""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Of variables that ``env`` only names: a command line would show them to everybody."""
    volumes: tuple[str, ...] = ()
    """``[source:]folder in the container[:options]``, as for ``docker run -v``."""
    labels: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    """Instead of the image's, for the sake of a host's folder: its number is the caller's."""
    gpus: bool = False
    """Whether it gets all of NVIDIA's."""
    shared_memory: str | None = None
    """The most that it may have of it, as ``2g``, instead of what engines give."""
    typed: bool = True
    """Whether what is typed here reaches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is run in a container to learn about its image, and how much it is listened to.

    ``arguments`` stand for the image's entrypoint and command.  It ends after ``seconds``, or when
    it has said more than ``most`` bytes.
    """

    arguments: tuple[str, ...]
    stdin: bytes = b""
    seconds: float
    most: int


def has_podman() -> bool:
    """Say whether there is podman."""
    return shutil.which("podman") is not None


def load_into_podman(
    images: Sequence[Image], *, names: Sequence[Reference], reporter: Reporter
) -> str:
    """Load one image, for each platform one, under ``names``; return the first one's ID.

    Podman takes from several the one for its own platform.
    """
    podman = process.find("podman", hint="install podman, or load into Docker")
    archive = archive_chunks(images, names=names)
    with (
        reporter.task("Loading into podman", total=_size(images)) as task,
        _temporary_folder() as folder,
    ):
        env = {**os.environ, "TMPDIR": folder}
        _feed((podman, "load", "--quiet"), archive, task, env=env, hint=_PODMAN_HINT)
    return images[0].manifest.config.digest.hex


def load_into_containerd(
    image: Image, *, names: Sequence[Reference], namespace: str | None, reporter: Reporter
) -> tuple[str, ...]:
    """Load ``image`` with nerdctl or else ctr, and return the names that containerd has it under.

    Without ``namespace`` it is that of the variable CONTAINERD_NAMESPACE, or ``default``.  As
    containerd has no images without names, one that has none is called by its digest.
    """
    by_digest = Reference(registry="localhost", repository="condabox", digest=image.digest)
    names = names or (by_digest,)
    options = ("--namespace", namespace) if namespace else ()
    platform = ("--platform", str(image.platform))
    # nerdctl finds a rootless containerd, too.
    if nerdctl := shutil.which("nerdctl"):
        command = (nerdctl, *options, "load", *platform)
    else:
        ctr = process.find("ctr", hint="install nerdctl or ctr, which comes with containerd")
        command = (ctr, *options, "images", "import", *platform, "-")
    archive = archive_chunks([image], names=names)
    with reporter.task("Loading into containerd", total=_size([image])) as task:
        _feed(command, archive, task, env=os.environ, hint=_CONTAINERD_HINT)
    return tuple(map(str, names))


def _size(images: Sequence[Image]) -> int:
    return sum(layer.size for image in images for layer in image.manifest.layers)


def _temporary_folder() -> TemporaryDirectory[str]:
    """Make the folder where podman keeps copies of an archive, which it leaves when it is killed.

    By default they are, as podman has it, not in ``/tmp``: that is often memory.
    """
    chosen = Path(os.environ.get("TMPDIR") or _PODMANS_TMPDIR)
    return TemporaryDirectory(
        prefix="condabox-", dir=chosen if chosen.is_dir() else None, ignore_cleanup_errors=True
    )


def _feed(
    command: Sequence[str],
    archive: Iterator[bytes],
    task: Task,
    *,
    env: Mapping[str, str],
    hint: str,
) -> None:
    """Run ``command`` with ``archive`` as its standard input; what it says counts if it fails."""
    with TemporaryFile() as said:
        with process.Worker(command, env=env, stderr=said) as worker:
            # ctr draws its progress on stdout, and would wait for somebody to read it.
            reading = Thread(target=worker.stdout.read)
            reading.start()
            try:
                for chunk in archive:
                    worker.stdin.write(chunk)
                    task.advance(len(chunk))
            except BrokenPipeError:
                pass  # its exit status says more
            finally:
                status = _end_of(worker, reading)
        said.seek(0)
        words = said.read().decode(errors="replace")
    if status != 0:
        done = process.Completed(returncode=status, stdout=b"", stderr=words)
        failed = process.failure((Path(command[0]).name, *command[1:]), done)
        raise ToolFailedError(failed.message, hint=hint)


def _end_of(worker: process.Worker, reading: Thread) -> int:
    """Return the engine's status when it ends; who interrupts us twice does not wait for that."""
    try:
        return _finish(worker, reading)
    except (KeyboardInterrupt, SystemExit):
        # What it has begun it would leave half-done: a layer, and copies as large as the image.
        _finish(worker, reading)
        raise


def _finish(worker: process.Worker, reading: Thread) -> int:
    # An archive that breaks off makes it fail, and remove what it has put somewhere.
    with suppress(BrokenPipeError):
        worker.stdin.close()
    reading.join()
    return worker.wait()


def run_command(engine: str, container: Container, *, terminal: bool) -> tuple[str, ...]:
    """Return the command line that runs ``container`` once, attached, with ``engine``."""
    options = ["--rm", *(["--interactive"] if container.typed else [])]
    options += ["--tty"] if terminal and container.typed else []
    options += ["--name", container.name]
    if container.platform:
        options += ["--platform", container.platform]
    for port in container.publish:
        options += ["--publish", port]
    for variable in container.env:
        options += ["--env", variable]
    for volume in container.volumes:
        options += ["--volume", volume]
    for name, value in container.labels.items():
        options += ["--label", f"{name}={value}"]
    if container.user:
        options += _user_options(engine, container.user)
    if container.gpus:
        options += ["--device", f"{DEVICE}=all"] if is_podman(engine) else ["--gpus", "all"]
    if container.shared_memory:
        options += ["--shm-size", container.shared_memory]
    return (engine, "run", *options, container.image, *container.command)


def is_podman(engine: str) -> bool:
    """Say whether ``engine``, a name or a path, is podman's command."""
    return Path(engine).name == "podman"


def _user_options(engine: str, user: str) -> list[str]:
    # Without root, podman gives the caller's files to the container's root.
    kept = is_podman(engine) and os.geteuid() != 0
    return [*(["--userns", "keep-id"] if kept else []), "--user", user]


def run_container(engine: str, container: Container) -> int:
    """Run ``container`` on this process's terminal and return its exit status.

    What is typed reaches the engine itself.  When a signal ends us, the container is stopped; and
    nothing of it is left, whatever has ended the engine's command.
    """
    terminal, lost = has_terminal(), False
    command = run_command(engine, container, terminal=terminal and os.isatty(1))
    env = {**os.environ, **container.values}
    began = time.monotonic()
    with Interrupts() as interrupts:
        if terminal:
            interrupts.hold_typed()
        try:
            status = process.attach(command, env=env)
            lost = status < 0
        except (KeyboardInterrupt, SystemExit):
            interrupts.hold()
            stop = [engine, "stop", "-t", _SECONDS_TO_STOP, container.name]
            lost = process.attempt(stop).returncode != 0
            raise
        finally:
            interrupts.hold()
            if lost:
                # a daemon goes on without its command
                until = began + _SECONDS_TO_CREATE
                _remove(engine, container, seconds=_SECONDS_TO_REMOVE, until=until)
            else:
                _remove(engine, container, seconds=_SECONDS_TO_MAKE_SURE, until=began)
    return status if status >= 0 else 128 - status


def _remove(engine: str, container: Container, *, seconds: float, until: float) -> None:
    """Remove what may run on, or has not yet begun to: it may still appear ``until`` then.

    The engine has ``seconds`` for its answer.
    """
    remove = [engine, "rm", "--force", "--volumes", container.name]
    with suppress(BackendError):  # mostly there is nothing left to remove
        while not process.attempt(remove, seconds=seconds).stdout:
            if time.monotonic() >= until:
                return
            time.sleep(_STEP)


def probe_command(
    engine: str, program: Program, *, name: str, image: str, platform: str | None
) -> tuple[str, ...]:
    """Return the command line that runs ``program`` without network, and with few processes."""
    options = ["--rm", "--interactive", "--name", name, "--network", "none"]
    options += ["--pids-limit", _MOST_PROCESSES]
    if platform:
        options += ["--platform", platform]
    executable, *arguments = program.arguments
    return (engine, "run", *options, "--entrypoint", executable, image, *arguments)


def run_apart(
    engine: str, program: Program, *, name: str, image: str, platform: str | None
) -> Heard:
    """Run ``program`` in a container called ``name``, and let nothing of that stay."""
    command = probe_command(engine, program, name=name, image=image, platform=platform)
    ended = False
    try:
        heard = process.listen(
            command, stdin=program.stdin, seconds=program.seconds, most=program.most
        )
        ended = heard.returncode is not None
    finally:
        if not ended:
            # to end the command is not to end the container
            process.attempt([engine, "rm", "--force", name], seconds=_SECONDS_TO_REMOVE)
    return heard


def remove_from_engine(engine: str, image: str) -> None:
    """Take an image out of Docker or podman, unless something else needs it there."""
    process.attempt([engine, "rmi", image], seconds=_SECONDS_TO_REMOVE)
