"""Two containers that share a folder for temporary files, as those of one pod may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.devcontainers import StartContainer
    from tests.fakes.sshclient import KeyPair

pytestmark = [pytest.mark.world, pytest.mark.docker, pytest.mark.tool("ssh")]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(("--ipc=host", "--read-only"), id="dev-shm"),
        pytest.param(("--volume", "{shared}:/tmp"), id="tmp"),
    ],
)
def test_each_lets_in_its_own_users_alone(
    start: StartContainer,
    key: KeyPair,
    other_key: KeyPair,
    tmp_path: Path,
    options: tuple[str, ...],
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    words = [word.format(shared=shared) for word in options]

    first, second = (start(*words, keys=(each,)) for each in (key, other_key))

    for container, own, foreign in ((first, key, other_key), (second, other_key, key)):
        assert container.ssh.with_key(own).says("id -un") == "dev\n"
        assert container.ssh.with_key(foreign).run("true").returncode == 255
        assert container.jupyter.request("api/contents").status == 200
        assert container.healthy()
    assert second.jupyter.with_token(first.token).request("api/contents").status == 403
    assert first.jupyter.with_token(second.token).request("api/contents").status == 403
    # the end of one is not that of the other
    private, places = second.private.name, "ls /tmp /dev/shm"
    assert private in first.exec("sh", "-c", places)
    second.stop()
    assert private not in first.exec("sh", "-c", places)
    assert first.healthy()
    assert first.ssh.says("id -un") == "dev\n"
