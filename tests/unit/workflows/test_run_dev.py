"""What ``condabox run --dev`` asks an engine for.

`tests/integration/dev/test_dev_users.py` really runs images for development.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

from condabox.errors import BackendError, ImageError, SpecError
from condabox.oci.config import ContainerConfig
from condabox.outputs.volumes import Volume
from condabox.workflows.run import Engine
from condabox.workflows.run_dev import DevRunRequest
from condabox.workflows.run_gpus import Gpus
from tests.fakes.developer import IMAGE, KEY

if TYPE_CHECKING:
    from tests.fakes.developer import User

HOME = Volume(source="condabox-ai", target="/workspace")


def volumes(*texts: str) -> tuple[Volume, ...]:
    return tuple(map(Volume.parse, texts))


def test_development_has_a_home_ports_keys_and_a_label(user: User) -> None:
    ready = user.prepare(DevRunRequest(subject=IMAGE, env=("A=1",)))

    run = ready.request
    token = run.values["JUPYTER_TOKEN"]
    assert ready.lines == (
        f"JupyterLab  http://127.0.0.1:8888/lab?token={token}",
        "SSH         ssh -p 2222 -o HostKeyAlias=condabox-ai dev@127.0.0.1",
    )
    assert run.publish == ("127.0.0.1:8888:8888", "127.0.0.1:2222:2222")
    assert run.volumes == (HOME,)
    assert run.env == (
        *("A=1", "CONDABOX_PORT_JUPYTER=8888", "JUPYTER_TOKEN"),
        *("CONDABOX_PORT_SSH=2222", "AUTHORIZED_KEYS"),
    )
    assert run.values == {"JUPYTER_TOKEN": token, "AUTHORIZED_KEYS": KEY}
    assert run.labels == {"io.condabox.dev": "condabox-ai"}
    assert run.user is None
    assert not run.typed
    assert run.shared_memory == "2g"
    assert run.gpus is Gpus.AUTO


def test_a_command_is_instead_of_the_services(user: User) -> None:
    ready = user.prepare(DevRunRequest(subject=IMAGE, command=("python", "-V"), env=("A=1",)))

    run = ready.request
    assert ready.lines == ()
    assert (run.command, run.env, run.publish) == (("python", "-V"), ("A=1",), ())
    assert run.volumes == (HOME,)
    assert run.labels == {}
    assert run.typed
    assert run.shared_memory == "2g"


def test_a_secret_on_our_command_line_is_on_no_other_one(user: User) -> None:
    ready = user.prepare(
        DevRunRequest(
            subject=IMAGE,
            env=("JUPYTER_TOKEN=sesame", "AUTHORIZED_KEYS", "JUPYTER_PASSWORD_HASH=sha1:a:b"),
        )
    )

    assert ready.request.env[:3] == ("JUPYTER_TOKEN", "AUTHORIZED_KEYS", "JUPYTER_PASSWORD_HASH")
    assert ready.request.values == {
        "AUTHORIZED_KEYS": KEY,
        "JUPYTER_PASSWORD_HASH": "sha1:a:b",
        "JUPYTER_TOKEN": "sesame",
    }
    assert not any("sesame" in line for line in ready.lines)


def test_without_a_key_there_is_no_ssh_to_speak_of(user: User) -> None:
    (user.home / ".ssh" / "id.pub").unlink()

    ready = user.prepare(DevRunRequest(subject=IMAGE))

    assert [line.split()[0] for line in ready.lines] == ["JupyterLab"]
    assert "ssh-keygen" in user.told.warnings[0]
    assert "/workspace/.ssh/authorized_keys" in user.told.warnings[0]
    assert "AUTHORIZED_KEYS" not in ready.request.env


def test_what_is_turned_off_is_not_spoken_of(user: User) -> None:
    ready = user.prepare(
        DevRunRequest(subject=IMAGE, env=("CONDABOX_SSH=off", "CONDABOX_JUPYTER=off"))
    )

    assert ready.lines == ()
    assert ready.request.publish == ()
    assert ready.request.values == {}


@pytest.mark.parametrize("volume", ["mine:/workspace", "mine:/workspace/"])
def test_the_user_s_home_counts(user: User, volume: str) -> None:
    ready = user.prepare(DevRunRequest(subject=IMAGE, volumes=volumes("a-b:/data", volume)))

    assert ready.request.volumes == volumes("a-b:/data", "mine:/workspace")
    assert ready.request.user is None


def test_each_home_is_another_host_to_ssh(user: User) -> None:
    homes = ((), ("mine:/workspace",), (f"{user.folder}/here:/workspace",))

    first, second = (
        [
            user.prepare(DevRunRequest(subject=IMAGE, volumes=volumes(*home))).lines[1]
            for home in homes
        ]
        for _ in range(2)
    )

    assert len(set(first)) == 3
    assert second == first


@pytest.mark.parametrize("home", ["/workspace", "mine:/workspace:ro"], ids=["unnamed", "read-only"])
def test_a_home_that_keeps_no_host_key_is_never_the_same_host(user: User, home: str) -> None:
    request = DevRunRequest(subject=IMAGE, volumes=volumes(home))

    one, other = (user.prepare(request).lines[1] for _ in range(2))

    assert one != other
    assert "HostKeyAlias=condabox-ai-" in one


def test_a_key_that_ssh_does_not_try_is_in_its_line(user: User) -> None:
    (user.home / ".ssh" / "id").touch()

    ready = user.prepare(DevRunRequest(subject=IMAGE))

    assert ready.lines[1] == (
        f"SSH         ssh -p 2222 -i {user.home}/.ssh/id -o HostKeyAlias=condabox-ai dev@127.0.0.1"
    )


def test_the_gpus_that_were_asked_for_are_the_container_s(user: User) -> None:
    ready = user.prepare(DevRunRequest(subject=IMAGE, gpus=Gpus.ALL))

    assert ready.request.gpus is Gpus.ALL


@pytest.mark.parametrize(
    ("request_", "here", "said"),
    [
        (DevRunRequest(subject="nowhere:1", env=("=x",)), "x", "'=x' is not a variable"),
        (DevRunRequest(subject="nowhere:1", publish=("99999:8888",)), "x", "is not a port"),
        (DevRunRequest(subject="nowhere:1", env=("JUPYTER_TOKEN=",)), "x", "TOKEN is empty"),
        (DevRunRequest(subject="nowhere:1", env=("JUPYTER_TOKEN",)), " ", "TOKEN is empty"),
        (DevRunRequest(subject="nowhere:1"), "", "TOKEN is empty"),
        (DevRunRequest(subject="nowhere:1", env=("CONDABOX_PORT_SSH=0",)), "x", "is not a port"),
    ],
    ids=["variable", "port", "token", "named token", "token here", "inner port"],
)
def test_what_means_nothing_is_refused_before_there_is_an_image(
    user: User, request_: DevRunRequest, here: str, said: str
) -> None:
    user.env["JUPYTER_TOKEN"] = here

    with pytest.raises(SpecError, match=said):
        user.prepare(request_)


@pytest.mark.parametrize(
    "request_",
    [
        DevRunRequest(subject="nowhere:1", engine=Engine.UNSHARE, publish=("9999:8888",)),
        DevRunRequest(subject="nowhere:1", engine=Engine.UNSHARE, gpus=Gpus.ALL),
        DevRunRequest(subject="nowhere:1", engine=Engine.UNSHARE, volumes=volumes("data:/b:ro")),
    ],
    ids=["port", "gpus", "volume"],
)
def test_what_takes_an_engine_is_refused_before_there_is_an_image(
    user: User, request_: DevRunRequest
) -> None:
    with pytest.raises(BackendError, match="without an engine"):
        user.prepare(request_)


def test_a_command_needs_no_token(user: User) -> None:
    user.env["JUPYTER_TOKEN"] = ""

    assert user.prepare(DevRunRequest(subject=IMAGE, command=("ls",))).lines == ()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere engines care for owners")
@pytest.mark.parametrize("there", [True, False], ids=["there", "made"])
def test_a_folder_as_home_is_its_owner_s(
    user: User, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    home = user.folder / "new" / "home"
    if there:
        home.mkdir(parents=True)
    monkeypatch.setattr("os.getuid", lambda: 1234)

    ready = user.prepare(DevRunRequest(subject=IMAGE, volumes=volumes(f"{home}:/workspace")))

    assert ready.request.user == "1234:0"
    assert home.is_dir()


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="of root's folders")
@pytest.mark.parametrize(("owner", "found"), [(1234, "1234:0"), (0, None)])
def test_root_does_as_the_owner_of_a_folder_would(
    user: User, owner: int, found: str | None
) -> None:
    home = user.folder / "home of development"
    home.mkdir()
    os.chown(home, owner, 0)

    ready = user.prepare(DevRunRequest(subject=IMAGE, volumes=volumes(f"{home}:/workspace")))

    assert ready.request.user == found


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="of root's folders")
def test_a_folder_that_root_makes_is_the_group_s_of_the_container(user: User) -> None:
    home = user.folder / "work"

    user.prepare(DevRunRequest(subject=IMAGE, volumes=volumes(f"{home}:/workspace")))

    assert (home.stat().st_mode & 0o777, home.stat().st_gid) == (0o775, 0)


def test_a_virtual_machine_s_engine_cares_for_owners_itself(
    user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("os.getuid", lambda: 501)

    ready = user.prepare(
        DevRunRequest(subject=IMAGE, volumes=volumes(f"{user.folder}/home:/workspace"))
    )

    assert ready.request.user is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere engines care for owners")
def test_a_home_that_cannot_be_made_is_named(user: User) -> None:
    (user.folder / "file").touch()

    with pytest.raises(SpecError, match="cannot be /workspace: Not a directory"):
        user.prepare(
            DevRunRequest(subject=IMAGE, volumes=volumes(f"{user.folder}/file/home:/workspace"))
        )


@pytest.mark.parametrize("subject", ["envs/typo.yml", "./dev.tar"])
def test_a_file_that_is_missing_is_refused_before_anything_is_made(
    user: User, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = user.folder / "work"
    request = DevRunRequest(subject=subject, volumes=volumes(f"{home}:/workspace"))

    def public_keys(*_: object, **__: object) -> NoReturn:
        pytest.fail("the ssh agent is asked")

    monkeypatch.setattr("condabox.workflows.run_dev.public_keys", public_keys)

    with pytest.raises(SpecError, match="there is no such file"):
        user.prepare(request)

    assert not home.exists()


def test_an_image_of_prod_is_refused(user: User) -> None:
    user.keep(ContainerConfig())

    with pytest.raises(ImageError, match="ai:dev is not an image for development") as caught:
        user.prepare(DevRunRequest(subject=IMAGE))

    assert "build --dev" in str(caught.value.hint)


@pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's")
def test_without_an_engine_the_user_is_warned_of_the_network(user: User) -> None:
    ready = user.prepare(DevRunRequest(subject=IMAGE, engine=Engine.UNSHARE))

    assert ready.loaded.engine is Engine.UNSHARE
    assert ready.request.publish == ()
    assert {"CONDABOX_PORT_SSH=2222", "CONDABOX_PORT_JUPYTER=8888"} <= set(ready.request.env)
    assert "network" in user.told.warnings[0]
