"""Docker and podman as commands."""

from __future__ import annotations

import os
import tarfile
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ToolFailedError, ToolMissingError
from condabox.events import SilentReporter
from condabox.oci.archive import read_archive
from condabox.oci.reference import Reference
from condabox.outputs.engines import (
    Container,
    Program,
    has_podman,
    load_into_containerd,
    load_into_podman,
    probe_command,
    remove_from_engine,
    run_apart,
    run_command,
    run_container,
)
from condabox.process import Heard
from tests.fakes.images import make_image
from tests.fakes.watching import watched

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image

CHATTER = "while :; do echo unpacking; done"

CONTAINER = Container(
    name="condabox-1",
    image="ai:1.0",
    command=("python", "-c", "print(1)"),
    publish=("8080:8000", "9000"),
    env=("A=1", "B"),
    platform="linux/arm64",
)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": os.urandom(300_000)})


def tool(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return str(path)


def alone(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Write a tool beside which there is no other one."""
    tool(folder, monkeypatch, name, script)
    monkeypatch.setenv("PATH", str(folder))


def test_everything_that_was_asked_for_is_on_the_command_line() -> None:
    assert run_command("docker", CONTAINER, terminal=False) == (
        *("docker", "run", "--rm", "--interactive", "--name", "condabox-1"),
        *("--platform", "linux/arm64", "--publish", "8080:8000", "--publish", "9000"),
        *("--env", "A=1", "--env", "B", "ai:1.0", "python", "-c", "print(1)"),
    )


def test_a_terminal_becomes_the_containers() -> None:
    assert "--tty" in run_command("podman", CONTAINER, terminal=True)


def test_what_nobody_types_to_has_neither_input_nor_terminal() -> None:
    command = run_command("docker", replace(CONTAINER, typed=False), terminal=True)

    assert not {"--tty", "--interactive"} & set(command)


def test_a_development_container_is_told_of_home_label_user_and_gpus() -> None:
    container = replace(
        CONTAINER,
        platform=None,
        publish=(),
        env=("TOKEN",),
        values={"TOKEN": "sesame"},
        volumes=("condabox-ai:/workspace", "/srv:/data:ro"),
        labels={"io.condabox.dev": "ai"},
        user="1234:0",
        gpus=True,
        shared_memory="2g",
    )

    assert run_command("docker", container, terminal=False) == (
        *("docker", "run", "--rm", "--interactive", "--name", "condabox-1", "--env", "TOKEN"),
        *("--volume", "condabox-ai:/workspace", "--volume", "/srv:/data:ro"),
        *("--label", "io.condabox.dev=ai", "--user", "1234:0", "--gpus", "all"),
        *("--shm-size", "2g"),
        *("ai:1.0", "python", "-c", "print(1)"),
    )
    assert "sesame" not in repr(container)


@pytest.mark.parametrize(
    ("uid", "kept"), [(0, ()), (1234, ("--userns", "keep-id"))], ids=["root", "somebody"]
)
def test_podman_has_its_own_words_for_users_and_gpus(
    monkeypatch: pytest.MonkeyPatch, uid: int, kept: tuple[str, ...]
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    container = replace(CONTAINER, platform=None, publish=(), env=(), user="1234:0", gpus=True)

    assert run_command("/usr/bin/podman", container, terminal=False)[6:-4] == (
        *(*kept, "--user", "1234:0", "--device", "nvidia.com/gpu=all"),
    )


@pytest.mark.tool("sh")
def test_values_are_in_the_engines_environment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'[ $1 = rm ] && exit; echo "$@" > {tmp_path}/log; test "$TOKEN" = sesame'
    engine = tool(tmp_path, monkeypatch, "docker", script)

    status = run_container(engine, replace(CONTAINER, env=("TOKEN",), values={"TOKEN": "sesame"}))

    assert status == 0
    assert "sesame" not in (tmp_path / "log").read_text()
    assert "TOKEN" not in os.environ


@pytest.mark.tool("sh")
def test_the_exit_status_is_the_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = tool(tmp_path, monkeypatch, "docker", "exit 42")

    assert run_container(engine, CONTAINER) == 42


@pytest.mark.tool("sh")
def test_an_engine_that_was_killed_has_a_status_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("condabox.outputs.engines._SECONDS_TO_CREATE", 0.0)
    engine = tool(tmp_path, monkeypatch, "docker", "kill -9 $$")

    assert run_container(engine, CONTAINER) == 137


@pytest.mark.tool("sh")
@pytest.mark.parametrize("script", ["exit 0", "exit 42", "kill -PIPE $$", "kill -INT $$"])
def test_whatever_ends_the_engine_s_command_nothing_is_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    script: str,
) -> None:
    monkeypatch.setattr("condabox.outputs.engines._SECONDS_TO_CREATE", 0.0)
    note = f'echo "$@" >> {tmp_path}/log'
    fails = '[ "$1" = rm ] && { echo no such container >&2; exit 1; }'
    engine = tool(tmp_path, monkeypatch, "docker", f"{note}; {fails}; {script}")

    run_container(engine, CONTAINER)

    said = (tmp_path / "log").read_text().splitlines()
    assert said[1:] == ["rm --force --volumes condabox-1"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.tool("sh")
def test_when_a_signal_ends_us_the_container_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a second signal does not keep us from that
    script = (
        f'echo "$@" >> {tmp_path}/log; kill -TERM $PPID; [ "$1" = run ] && exec sleep 5\n'
        f"sleep 0.2; echo done >> {tmp_path}/log"
    )
    engine = tool(tmp_path, monkeypatch, "docker", script)

    with pytest.raises(SystemExit) as caught:
        run_container(engine, CONTAINER)

    assert caught.value.code == 143
    assert (tmp_path / "log").read_text().splitlines()[1:] == [
        *("stop -t 10 condabox-1", "done"),
        *("rm --force --volumes condabox-1", "done"),
    ]


@pytest.mark.tool("sh")
def test_a_signal_does_not_keep_us_from_removing_what_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'[ "$1" = run ] && exit 9; kill -TERM $PPID; sleep 0.2; echo done >> {tmp_path}/log'
    engine = tool(tmp_path, monkeypatch, "docker", script)

    assert run_container(engine, CONTAINER) == 9
    assert (tmp_path / "log").read_text() == "done\n"


ENDS = ["kill -INT $$", "kill -TERM $PPID; exec sleep 5"]


@pytest.mark.tool("sh")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", ["docker", "podman"])
def test_a_container_that_is_still_being_made_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, end: str
) -> None:
    """A daemon goes on with what the command that was ended had asked it for."""
    removal = f"[ -e {tmp_path}/made ] && echo condabox-1; touch {tmp_path}/made; exit 0"
    script = f'echo "$1" >> {tmp_path}/log; case $1 in run) {end};; stop) exit 1;; esac; {removal}'
    engine = tool(tmp_path, monkeypatch, name, script)

    with suppress(SystemExit):
        run_container(engine, CONTAINER)

    said = [each for each in (tmp_path / "log").read_text().split() if each != "stop"]
    assert said == ["run", "rm", "rm"]


@pytest.mark.tool("sh")
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", ["docker", "podman"])
def test_what_has_run_longer_than_making_it_takes_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, end: str
) -> None:
    """Where no terminal is, Ctrl-C is for the engine, too, and it may have removed it."""
    monkeypatch.setattr("condabox.outputs.engines._SECONDS_TO_CREATE", 0.4)
    fails = "echo no such container >&2; exit 1"
    script = f'echo "$1" >> {tmp_path}/log; [ "$1" = run ] || {{ {fails}; }}; sleep 0.5; {end}'
    engine = tool(tmp_path, monkeypatch, name, script)

    with suppress(SystemExit):
        run_container(engine, CONTAINER)

    said = [each for each in (tmp_path / "log").read_text().split() if each != "stop"]
    assert said == ["run", "rm"]


@pytest.mark.tool("sh")
@pytest.mark.parametrize(
    ("end", "removed"), [("exit 3", False), ("kill -9 $$", True)], ids=["ended", "killed"]
)
def test_an_engine_that_hangs_is_waited_for_where_something_may_be_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, *, removed: bool
) -> None:
    monkeypatch.setattr("condabox.outputs.engines._SECONDS_TO_MAKE_SURE", 0.2)
    script = f'[ "$1" = run ] && {{ {end}; }}; sleep 0.6; echo $1 > {tmp_path}/log; echo condabox-1'
    engine = tool(tmp_path, monkeypatch, "docker", script)

    run_container(engine, CONTAINER)

    assert (tmp_path / "log").exists() is removed


@pytest.mark.tool("sh")
def test_podman_gets_the_archive_on_its_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    tool(tmp_path, monkeypatch, "podman", f'echo "$@" > {tmp_path}/log; cat > {tmp_path}/got.tar')

    identity = load_into_podman(
        [image], names=[Reference.parse("ai:1.0")], reporter=SilentReporter()
    )

    assert identity == image.manifest.config.digest.hex
    assert (tmp_path / "log").read_text() == "load --quiet\n"
    with tarfile.open(tmp_path / "got.tar") as archive:
        assert f"blobs/sha256/{image.manifest.layers[0].digest.hex}" in archive.getnames()


@pytest.mark.tool("sh")
def test_what_podman_leaves_when_it_is_killed_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "podman's"))
    (tmp_path / "podman's").mkdir()
    tool(tmp_path, monkeypatch, "podman", 'cat > "$TMPDIR/copy"; wc -c "$TMPDIR"/copy; kill -9 $$')

    with pytest.raises(ToolFailedError, match="status -9"):
        load_into_podman([image], names=[], reporter=SilentReporter())

    assert list((tmp_path / "podman's").iterdir()) == []


@pytest.mark.tool("sh")
def test_when_we_are_interrupted_the_engine_can_clean_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    tool(
        tmp_path, monkeypatch, "podman", f"cat > {tmp_path}/got.tar; echo cleaned > {tmp_path}/log"
    )
    layer = image.manifest.layers[0]
    image, _ = watched(image, broken_by=KeyboardInterrupt, at={layer.digest})

    with pytest.raises(KeyboardInterrupt):
        load_into_podman([image], names=[], reporter=SilentReporter())

    assert (tmp_path / "log").read_text() == "cleaned\n"
    with pytest.raises(tarfile.ReadError), tarfile.open(tmp_path / "got.tar") as archive:
        archive.getnames()


@pytest.mark.tool("sh")
@pytest.mark.parametrize("script", ["exit 3", "cat > /dev/null; exit 3"], ids=["early", "late"])
def test_podman_that_fails_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image, script: str
) -> None:
    tool(tmp_path, monkeypatch, "podman", script)

    with pytest.raises(ToolFailedError, match="status 3"):
        load_into_podman([image], names=[], reporter=SilentReporter())


@pytest.mark.tool("sh")
@pytest.mark.parametrize(
    ("namespace", "options"), [(None, ""), ("k8s.io", "--namespace k8s.io ")], ids=["none", "k8s"]
)
def test_ctr_gets_the_archive_on_its_standard_input(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    image: Image,
    namespace: str | None,
    options: str,
) -> None:
    script = f'echo "$@" > {tmp_path}/log; /bin/cat > {tmp_path}/got.tar'
    alone(tmp_path, monkeypatch, "ctr", script)

    names = load_into_containerd(
        image,
        names=[Reference.parse("ai:1.0")],
        namespace=namespace,
        reporter=SilentReporter(),
    )

    assert names == ("docker.io/library/ai:1.0",)
    said = (tmp_path / "log").read_text()
    assert said == f"{options}images import --platform linux/amd64 -\n"
    assert read_archive(tmp_path / "got.tar").names() == names


@pytest.mark.tool("sh")
def test_nerdctl_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    alone(tmp_path, monkeypatch, "ctr", "exit 3")
    script = f'echo "$@" > {tmp_path}/log; /bin/cat > {tmp_path}/got.tar'
    alone(tmp_path, monkeypatch, "nerdctl", script)

    load_into_containerd(image, names=[], namespace="k8s.io", reporter=SilentReporter())

    said = (tmp_path / "log").read_text()
    assert said == "--namespace k8s.io load --platform linux/amd64\n"


@pytest.mark.tool("sh")
def test_an_image_without_a_name_has_its_digest_in_containerd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    alone(tmp_path, monkeypatch, "ctr", f"/bin/cat > {tmp_path}/got.tar")

    names = load_into_containerd(image, names=[], namespace=None, reporter=SilentReporter())

    assert names == (f"localhost/condabox@{image.digest}",)
    assert read_archive(tmp_path / "got.tar").names() == names


@pytest.mark.tool("sh")
def test_an_engine_that_says_much_is_listened_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    # More than a pipe holds, before anything is read.
    alone(tmp_path, monkeypatch, "ctr", f"{CHATTER} | /bin/head -c 300000; /bin/cat > /dev/null")

    assert load_into_containerd(image, names=[], namespace=None, reporter=SilentReporter())


@pytest.mark.tool("sh")
def test_containerd_that_does_not_answer_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    alone(tmp_path, monkeypatch, "ctr", "exit 1")

    with pytest.raises(
        ToolFailedError, match=r"ctr images import .* ended with status 1"
    ) as caught:
        load_into_containerd(image, names=[], namespace=None, reporter=SilentReporter())

    assert "CONTAINERD_ADDRESS" in str(caught.value.hint)


def test_containerds_tools_that_are_missing_are_named(
    monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ToolMissingError) as caught:
        load_into_containerd(image, names=[], namespace=None, reporter=SilentReporter())

    assert "nerdctl" in str(caught.value.hint)


def test_podman_that_is_missing_is_reported(monkeypatch: pytest.MonkeyPatch, image: Image) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    assert not has_podman()
    with pytest.raises(ToolMissingError):
        load_into_podman([image], names=[], reporter=SilentReporter())


@pytest.mark.tool("sh")
def test_what_the_engine_says_of_an_archive_that_we_broke_off_is_not_shown(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    image: Image,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tool(tmp_path, monkeypatch, "podman", "cat > /dev/null; echo unexpected EOF >&2; exit 125")
    layer = image.manifest.layers[0]
    image, _ = watched(image, broken_by=KeyboardInterrupt, at={layer.digest})

    with pytest.raises(KeyboardInterrupt):
        load_into_podman([image], names=[], reporter=SilentReporter())

    assert capfd.readouterr() == ("", "")


@pytest.mark.tool("sh")
def test_what_the_engine_says_of_its_failure_is_in_ours(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    image: Image,
    capfd: pytest.CaptureFixture[str],
) -> None:
    tool(tmp_path, monkeypatch, "podman", "cat > /dev/null; echo no space left >&2; exit 125")

    with pytest.raises(ToolFailedError, match="status 125\n    no space left"):
        load_into_podman([image], names=[], reporter=SilentReporter())

    assert capfd.readouterr() == ("", "")


@pytest.mark.tool("sh")
def test_an_engine_that_has_all_ends_what_it_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: Image
) -> None:
    script = f"cat > /dev/null; kill -INT $PPID; sleep 0.3; echo loaded > {tmp_path}/log"
    tool(tmp_path, monkeypatch, "podman", script)

    with pytest.raises(KeyboardInterrupt):
        load_into_podman([image], names=[], reporter=SilentReporter())

    assert (tmp_path / "log").read_text() == "loaded\n"


PROGRAM = Program(arguments=("/opt/env/bin/python", "-c", "x"), seconds=60, most=1000)


def apart(program: Program = PROGRAM, *, platform: str | None = None) -> Heard:
    return run_apart("docker", program, name="condabox-1", image="sha256:1", platform=platform)


def test_what_is_run_apart_has_no_network_and_its_program_instead_of_the_images() -> None:
    found = probe_command(
        "podman", PROGRAM, name="condabox-1", image="sha256:1", platform="linux/arm64"
    )

    assert found == (
        *("podman", "run", "--rm", "--interactive", "--name", "condabox-1"),
        *("--network", "none", "--pids-limit", "1024", "--platform", "linux/arm64"),
        *("--entrypoint", "/opt/env/bin/python", "sha256:1", "-c", "x"),
    )


def test_what_a_container_says_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, monkeypatch, "docker", f'echo "$1" >>{tmp_path}/asked; cat; exit 3')

    found = apart(replace(PROGRAM, stdin=b"told"))

    assert found == Heard(returncode=3, said=b"told")
    assert (tmp_path / "asked").read_text() == "run\n"


@pytest.mark.parametrize("script", ["exec sleep 600", "exec yes"])
def test_a_container_that_does_not_end_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    note = f'echo "$@" >>{tmp_path}/asked; [ "$1" = rm ] && exit 0'
    tool(tmp_path, monkeypatch, "docker", f"{note}; {script}")

    found = apart(replace(PROGRAM, seconds=1))

    assert found.returncode is None
    assert (tmp_path / "asked").read_text().splitlines()[1:] == ["rm --force condabox-1"]


def test_an_image_is_taken_out_by_its_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tmp_path, monkeypatch, "podman", f'echo "$@" >{tmp_path}/asked; exit 1')

    remove_from_engine("podman", "abc")

    assert (tmp_path / "asked").read_text() == "rmi abc\n"
