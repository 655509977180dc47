"""Shows the whole way: lock and build envs/serving.yml, run the image, ask it for a prediction.

Where conda-forge does not answer, packages and base image come from the test world.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent
CONDA_FORGE = "https://conda.anaconda.org/conda-forge/noarch/repodata.json.zst"
SERVICE = "http://127.0.0.1:8000"
PATIENCE = 120
"""Seconds that the service may take to answer."""


def main() -> None:
    """Show it, and fail where any of it fails."""
    with tempfile.TemporaryDirectory(prefix="condabox-demo-") as name:
        directory = Path(name)
        env = dict(os.environ)
        if conda_forge_answers():
            say("conda-forge answers: real packages and a real ubuntu.")
        else:
            env["CONDABOX_CONFIG"] = str(world_settings())
        shutil.copytree(ROOT / "envs", directory / "envs")
        command = [sys.executable, "-m", "condabox"]
        archive = "serving.tar"
        show([*command, "build", "envs/serving.yml", "-o", archive], env=env, cwd=directory)
        run = [*command, "run", "-p", "8000:8000", archive]
        imports = "import fastapi, lightgbm, sklearn; print('lightgbm', lightgbm.__version__)"
        show([*command, "run", archive, "--", "python", "-c", imports], env=env, cwd=directory)
        with running(run, env=env, cwd=directory):
            print(ask("/health"))
            print(ask("/predict", {"rows": [[5.1, 3.5, 1.4, 0.2]]}))


def conda_forge_answers() -> bool:
    """Tell whether the real channel can be reached."""
    request = urllib.request.Request(CONDA_FORGE, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except OSError:
        return False


def world_settings() -> Path:
    """Build the test world and return the settings that map conda-forge and Docker Hub onto it."""
    from tests.world.world import build_world, default_directory  # noqa: PLC0415

    say("conda-forge does not answer: packages and base image come from the test world.")
    return build_world(default_directory()).settings


def show(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> None:
    """Print ``command`` as a user would type it, and run it."""
    announce(command)
    subprocess.run(command, env=env, cwd=cwd, check=True)


@contextlib.contextmanager
def running(command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> Iterator[None]:
    """Run ``command`` until the context ends, as Ctrl-C would end it."""
    announce(command)
    process = subprocess.Popen(command, env=env, cwd=cwd)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def ask(path: str, body: object = None) -> str:
    """Return the service's answer; wait for it to come up."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        SERVICE + path, data=data, headers={"Content-Type": "application/json"}
    )
    announce(["curl", SERVICE + path, *(["-d", data.decode()] if data else [])])
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def announce(command: Sequence[str]) -> None:
    """Print ``command`` with the interpreter left out."""
    words = ["condabox", *command[3:]] if command[0] == sys.executable else command
    say(f"\n$ {shlex.join(words)}")


def say(text: str) -> None:
    """Print ``text`` at once, so that it stands before what a command prints."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
