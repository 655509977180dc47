"""Nothing that a development image consists of is secret, and what a container has is its own."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.platforms import host_subdir
from tests.fakes.devcontainers import docker
from tests.fakes.devtools import development_packages, python_package
from tests.fakes.project import make_project
from tests.fakes.sshclient import KeyPair
from tests.fakes.unpacked import Piece, pieces

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.devcontainers import DevContainer, StartContainer
    from tests.fakes.project import Project

pytestmark = [pytest.mark.world, pytest.mark.docker, pytest.mark.tool("ssh")]

IN_BUILD = ("JUPYTER_TOKEN", "JUPYTER_PASSWORD_HASH", "JUPYTERHUB_API_TOKEN")
"""What a developer's machine has in its environment, beside keys."""
_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}")
"""With a body: OpenSSH's own programs know how it begins."""
_PUBLIC_KEY = re.compile(rb" AAAA[A-Za-z0-9+/]{40}")
_NAME = re.compile(r"/(authorized_keys|ssh_host_\w+_key|id_[a-z0-9]+|jupyter_cookie_secret|\.ssh)$")
_PUBLISHED = ("/tornado/test/test.key", "/lib/libgnutls.so.30.34.3")
"""Keys that everybody has: with them their packages test themselves."""


def secrets_in(piece: Piece, *known: bytes) -> list[str]:
    """Say why ``piece`` must not be in an image: a key, or what is ``known``."""
    found = [text.decode() for text in known if text in piece.content]
    if _NAME.search(piece.name):
        found.append("its name")
    if _PRIVATE_KEY.search(piece.content) and not piece.name.endswith(_PUBLISHED):
        found.append("a private key")
    if _PUBLIC_KEY.search(piece.content):
        found.append("a public key")
    return [f"{piece.name}: {why}" for why in found]


def test_keys_are_found_where_they_are(key: KeyPair) -> None:
    private = Piece(name="/x", content=b"#\n" + key.path.read_bytes())
    public = Piece(name="/root/.ssh/authorized_keys", content=key.public.encode())

    assert secrets_in(private) == ["/x: a private key"]
    assert secrets_in(public, b"ssh-ed25519") == [
        f"{public.name}: {why}" for why in ("ssh-ed25519", "its name", "a public key")
    ]


def test_no_piece_of_the_image_has_a_key(image: str, tmp_path: Path) -> None:
    counted = 0

    found = []
    for piece in pieces(image, tmp_path):
        counted += 1
        found += secrets_in(piece)

    assert found == []
    assert counted > 10_000, "these are not all of its files"


def test_nothing_of_whoever_builds_gets_into_the_image(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    mine = KeyPair.make(home / ".ssh" / "id_ed25519")
    (home / ".ssh" / "authorized_keys").write_text(mine.public)
    token = secrets.token_hex()
    project = small_project(
        tmp_path,
        {"HOME": str(home), "AUTHORIZED_KEYS": mine.public, **dict.fromkeys(IN_BUILD, token)},
    )
    name = f"condabox-test-secrets:{token[:12]}"
    known = [
        token.encode(),
        mine.public.split()[1].encode(),
        *mine.path.read_bytes().splitlines()[1:-1],
    ]

    done = project.run("build", "--dev", "--load", "-t", name, "environment.yml")
    try:
        assert done.returncode == 0, done.stderr
        found = {piece.name: secrets_in(piece, *known) for piece in pieces(name, tmp_path)}
    finally:
        docker("image", "rm", "--force", name, check=False)

    assert found.keys() >= {"configuration", "history", "/opt/tools/condabox/start/__main__.py"}
    assert [why for whys in found.values() for why in whys] == []


def small_project(folder: Path, env: dict[str, str]) -> Project:
    """Return one of packages that are so in name alone, built with ``env``."""
    packages = (python_package(folder / "packages"), *development_packages(folder / "packages"))
    project = make_project(
        folder / "project", archives=packages, specs=["pip"], section="  dev: {}\n"
    )
    text = project.environment.read_text()
    project.environment.write_text(text.replace("linux-64", host_subdir()))
    return replace(project, env=env)


def test_two_containers_have_nothing_secret_in_common(start: StartContainer) -> None:
    first, second = (start(token=None) for _ in range(2))

    for secret in (r"token=(\S+)", r"(SHA256:\S+)"):
        (of_first,), (of_second,) = (re.findall(secret, each.log)[:1] for each in (first, second))
        assert of_first != of_second


def test_what_is_secret_is_for_the_user_alone(container: DevContainer) -> None:
    private = container.private
    files = ("ssh_host_ed25519_key", "authorized_keys", "sshd_config", "jupyter.json")

    modes = container.exec(
        "stat", "--format", "%a %U", str(private), *(f"{private}/{name}" for name in files)
    )

    assert modes.splitlines() == ["700 dev", *["600 dev"] * len(files)]
