"""Credentials are used and never kept: not in a file, a message, an image or a process list."""

from __future__ import annotations

import base64
import gzip
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.fakes.channel import ChannelServer
from tests.fakes.packages import make_package
from tests.fakes.project import index_channel, make_project
from tests.fakes.wheels import publish

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRETS = {
    "CHANNEL_USER": "xqz-channel-user",
    "CHANNEL_PASSWORD": "xqz-channel-p@ss/word",
    "CHANNEL_TOKEN": "tk-xqz-token",
    "MIRROR_USER": "xqz-mirror-user",
    "MIRROR_PASSWORD": "xqz-mirror-password",
    "INDEX_USER": "xqz-index-user",
    "INDEX_PASSWORD": "xqz-index-password",
}
MARK = b"xqz"
PROC = Path("/proc")


@dataclass(slots=True)
class Ran:
    """What commands left behind; ``seen`` are the command lines that told a secret."""

    texts: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    seen: set[bytes] = field(default_factory=set)


class Private:
    """A project whose packages come from private places, and everything that they ask for."""

    def __init__(self, root: Path, servers: dict[str, ChannelServer]) -> None:
        self.root = root
        self.servers = servers
        self.project = make_project(root / "project", archives=[], specs=[])
        self.temporary = root / "temporary"
        self.temporary.mkdir()
        archives = root / "archives"
        index_channel(
            servers["channel"].root, [make_package(archives, "ours", files={"share/ours": "1"})]
        )
        index_channel(
            servers["token"].root, [make_package(archives, "theirs", files={"share/theirs": "2"})]
        )
        python = make_package(archives, "python", "3.12.4", files={"bin/python3.12": b"\x7fELF"})
        pip = make_package(archives, "pip", "24.0", noarch="python", depends=["python"])
        index_channel(servers["mirror"].root, [python, pip])
        publish(servers["index"].root, "app", "1.0", tag="py3-none-any", files={"app.txt": "3"})
        self.write()

    def write(self) -> None:
        """Write the files of the project, which name variables, and one password as it is."""
        channel, token, mirror = (self.servers[name] for name in ("channel", "token", "mirror"))
        self.project.environment.write_text(
            "name: example\n"
            "channels:\n"
            f"  - http://$CHANNEL_USER:${{CHANNEL_PASSWORD}}@{channel.host}\n"
            f"  - {token.url}/t/$CHANNEL_TOKEN\n"
            f"  - {self.mirrored}\n"
            "dependencies: [ours, theirs, python, pip: [app]]\n"
            "platforms: [linux-64]\n"
        )
        names = self.root / "names.json"
        names.write_text("{}")
        settings = self.project.root / "condabox.toml"
        kept = [line for line in settings.read_text().splitlines() if "channel" not in line]
        index = f"http://$INDEX_USER:$INDEX_PASSWORD@{self.servers['index'].host}/simple"
        settings.write_text(
            "\n".join(kept) + "\n[channels.mirrors]\n"
            f'"{self.mirrored}" = '
            f'["http://{SECRETS["MIRROR_USER"]}:$MIRROR_PASSWORD@{mirror.host}"]\n'
            f'[pip]\nindex-url = "{index}"\n'
            f'[conda-lock]\npypi-mapping = "{names.as_uri()}"\n'
        )

    @property
    def mirrored(self) -> str:
        """A channel that its mirror alone has."""
        return f"{self.servers['index'].url}/mirrored"

    def run(self, *arguments: str, ran: Ran, **secrets: str) -> None:
        """Run condabox, and look at every command line of the machine meanwhile."""
        env = {**SECRETS, **secrets, "TMPDIR": str(self.temporary)}
        project = replace(self.project, env=env)
        with watched(ran.seen):
            done = project.run(*arguments)
        ran.codes.append(done.returncode)
        ran.texts += [done.stdout, done.stderr]


@contextmanager
def watched(seen: set[bytes], *, mark: bytes = MARK) -> Iterator[None]:
    """Add every command line with ``mark`` to ``seen``, while the context is open."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            for path in PROC.glob("[0-9]*/cmdline"):
                try:
                    line = path.read_bytes()
                except OSError:
                    continue
                if mark in line:
                    seen.add(line)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def private(tmp_path: Path) -> Iterator[Private]:
    with (
        ChannelServer(tmp_path / "channel") as channel,
        ChannelServer(tmp_path / "token") as token,
        ChannelServer(tmp_path / "mirror") as mirror,
        ChannelServer(tmp_path / "index") as index,
    ):
        channel.credentials = f"{SECRETS['CHANNEL_USER']}:{SECRETS['CHANNEL_PASSWORD']}"
        token.token = SECRETS["CHANNEL_TOKEN"]
        mirror.credentials = f"{SECRETS['MIRROR_USER']}:{SECRETS['MIRROR_PASSWORD']}"
        index.credentials = f"{SECRETS['INDEX_USER']}:{SECRETS['INDEX_PASSWORD']}"
        servers = {"channel": channel, "token": token, "mirror": mirror, "index": index}
        yield Private(tmp_path, servers)


def forms() -> list[bytes]:
    """Return what to look for: the mark, and the headers that hold it encoded."""
    pairs = [
        f"{SECRETS[f'{whose}_USER']}:{SECRETS[f'{whose}_PASSWORD']}".encode()
        for whose in ("CHANNEL", "MIRROR", "INDEX")
    ]
    return [MARK, *map(base64.b64encode, pairs)]


def telling(root: Path) -> list[str]:
    """Return the files below ``root`` that tell a secret by name or content, unpacked too."""
    found = []
    for path in sorted(root.rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
        text = str(path.relative_to(root)).encode() + b"\n" + data
        if any(form in text for form in forms()):
            found.append(str(path.relative_to(root)))
    return found


@pytest.mark.skipif(not PROC.is_dir(), reason="there is no /proc to see processes in")
def test_a_secret_would_be_seen_in_a_process_and_in_a_blob(tmp_path: Path) -> None:
    seen: set[bytes] = set()
    with watched(seen, mark=b"another-secret"):
        subprocess.run(["sh", "-c", "sleep 0.3; : another-secret"], check=True)
    (tmp_path / "blob").write_bytes(gzip.compress(b"user xqz-index-user"))

    assert len(seen) == 1
    assert telling(tmp_path) == ["blob"]


def test_no_secret_is_kept_anywhere(private: Private) -> None:
    ran = Ran()
    private.run("lock", "environment.yml", ran=ran)
    private.run("build", "environment.yml", "-o", "image", ran=ran)
    private.run("lock", "environment.yml", "--update", "ours", ran=ran)

    assert ran.codes == [0, 0, 0], ran.texts
    private.project.assert_sound("image")
    assert ran.seen == set()
    assert not any("xqz" in text for text in ran.texts)
    # the user's own words
    assert telling(private.project.root) == ["condabox.toml"]
    assert telling(private.temporary) == []
    assert telling(Path(private.project.variables()["HOME"])) == []
    lock = (private.project.root / "environment.conda-lock.yml").read_text()
    for name, package in (("channel", "ours"), ("token", "theirs")):
        assert f"{private.servers[name].url}/linux-64/{package}-1.0-0.conda" in lock
    assert f"{private.mirrored}/linux-64/python-3.12.4-0.conda" in lock


@pytest.mark.parametrize(
    ("variable", "server"),
    [
        ("CHANNEL_PASSWORD", "channel"),
        ("CHANNEL_TOKEN", "token"),
        ("MIRROR_PASSWORD", "mirror"),
        ("INDEX_PASSWORD", "index"),
    ],
)
def test_a_refusal_tells_no_secret(private: Private, variable: str, server: str) -> None:
    ran = Ran()
    private.run("lock", "environment.yml", ran=ran)
    private.run("lock", "environment.yml", "--update", ran=ran, **{variable: "xqz-wrong"})
    private.run("build", "environment.yml", "-o", "image", ran=ran, **{variable: "xqz-wrong"})

    assert ran.codes == [0, 5, 6], ran.texts
    assert ran.seen == set()
    assert not any("xqz" in text for text in ran.texts)
    assert private.servers[server].host in ran.texts[3]
    assert private.servers[server].host in ran.texts[5]
    assert telling(private.project.root) == ["condabox.toml"]
