"""A container of temporary folders, and the sshd of the test world."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conda_package_streaming.extract import extract

from condabox.development.container.places import System
from condabox.platforms import host_subdir
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.world.world import World

NOBODY = 65534
NAMESPACE = 4026532179
KEYS = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0Bk7wJ3qXoU3oW7r3V1yyaC2NTq0bU0cJ9yTn6xk8d ada",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJz9w3pQq2v7mB3m8Zl0h0l8fYk5u1c4QmXkQ3ZpG7aR",
)
"""Public ones, of nobody."""
ACCOUNTS = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"


def executable(path: Path, text: str = "#!/bin/sh\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def system(tmp_path: Path) -> System:
    """An ordinary container: a root file system with bash, and a user that is not root."""
    system = System(
        root=tmp_path / "root", uid=os.getuid() or 1000, gid=0, mount_namespace=NAMESPACE
    )
    for folder in ("run/secrets", "tmp", "dev/shm", "workspace", "proc/net"):
        system.at(folder).mkdir(parents=True)
    executable(system.at("/bin/bash"))
    executable(system.at("/bin/sh"))
    system.at("/etc").mkdir()
    system.at("/etc/passwd").write_text(ACCOUNTS)
    shutil.copytree(ROOT / "templates" / "dev", system.at("/opt/tools/condabox/config"))
    keygen = shutil.which("ssh-keygen")
    if keygen:
        system.at("/opt/tools/bin").mkdir()
        Path(system.tool("ssh-keygen")).symlink_to(keygen)
    return system


@pytest.fixture
def home(system: System) -> Path:
    return system.at("/workspace")


@pytest.fixture
def folder(system: System) -> Path:
    """The private folder, made by an earlier start, of the user that `system` says."""
    folder = system.at("/run") / f"condabox-{system.uid}-{NAMESPACE}"
    folder.mkdir(mode=0o700)
    if not os.getuid():
        os.chown(folder, system.uid, 0)
    return folder


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """Give a folder to a user that is not root, whom its own modes keep out."""
    root = not os.getuid()
    with tempfile.TemporaryDirectory() as temporary:
        if root:
            os.chown(temporary, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, 0)
        try:
            yield Path(temporary)
        finally:
            if root:
                os.setresuid(0, 0, 0)


class Sshd:
    """A real sshd that only reads its configuration."""

    def __init__(self, prefix: Path, folder: Path) -> None:
        self._program = prefix / "bin" / "sshd"
        self.folder = folder
        # as root it wants to have an account of its own
        self._user = {} if os.getuid() else {"user": NOBODY, "group": NOBODY}
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]
        key = folder / "ssh_host_ed25519_key"
        subprocess.run([*keygen, str(key)], check=True)
        if not os.getuid():
            os.chown(key, NOBODY, NOBODY)

    def read(self, config: bytes) -> list[str]:
        """Return what it has read, as lines of lower-case keywords and values."""
        path = self.folder / "sshd_config"
        path.write_bytes(config)
        done = subprocess.run(
            [str(self._program), "-T", "-f", str(path)],
            capture_output=True,
            check=False,
            **self._user,  # type: ignore[call-overload]
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return os.fsdecode(done.stdout).split("\n")


@pytest.fixture(scope="session")
def sshd(world: World) -> Iterator[Sshd]:
    """The sshd of the test world, in a folder that every user can reach."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        root.chmod(0o755)
        _unpack("openssh", channel=world.channel / host_subdir(), folder=root / "prefix")
        (root / "etc").mkdir()
        yield Sshd(root / "prefix", root / "etc")


def _unpack(name: str, *, channel: Path, folder: Path) -> None:
    """Unpack a package and all that it needs."""
    repodata = json.loads((channel / "repodata.json").read_text())
    known = {
        record["name"]: (file, record["depends"])
        for file, record in {**repodata["packages"], **repodata["packages.conda"]}.items()
    }
    todo, done = [name], set[str]()
    while todo:
        if (each := todo.pop()) in known and each not in done:
            file, depends = known[each]
            extract(str(channel / file), str(folder))
            todo += [depend.split()[0] for depend in depends]
            done.add(each)
