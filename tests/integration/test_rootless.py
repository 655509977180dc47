"""Real containers without an engine, in every way that namespaces can be made."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.errors import BackendError
from condabox.events import SilentReporter
from condabox.outputs.engines import Program
from condabox.outputs.rootless import Command, Isolation, find_isolation, run_apart, run_image
from tests.conftest import IN_CI
from tests.fakes.busybox import CONFIG, busybox_image

if TYPE_CHECKING:
    from condabox.oci.image import Image
    from condabox.process import Heard

pytestmark = [pytest.mark.tool("unshare"), pytest.mark.tool("busybox")]


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return busybox_image(tmp_path / "made", CONFIG)


@pytest.fixture(params=list(Isolation))
def isolation(request: pytest.FixtureRequest) -> Isolation:
    wanted = Isolation(request.param)
    if wanted is Isolation.REAL_ROOT and os.geteuid() != 0:
        pytest.skip("only root can be real root")
    if wanted is Isolation.USER_NAMESPACE and not IN_CI:
        try:
            allowed = find_isolation("unshare")
        except BackendError as error:
            pytest.skip(error.message)
        if allowed is not wanted:
            pytest.skip("user namespaces are not allowed here")
    return wanted


def run(
    image: Image,
    script: str,
    folder: Path,
    *,
    isolation: Isolation,
    user: str = "",
    env: dict[str, str] | None = None,
) -> int:
    return run_image(
        image,
        Command(
            arguments=("/bin/sh", "-c", script),
            env=env or dict(CONFIG.env),
            working_dir="/work",
            user=user,
        ),
        unshare="unshare",
        isolation=isolation,
        folder=folder / "run",
        reporter=SilentReporter(),
    )


def left(folder: Path) -> list[Path]:
    return list((folder / "run").glob("run-*"))


def test_the_exit_status_comes_back_and_nothing_stays(
    image: Image, tmp_path: Path, isolation: Isolation
) -> None:
    assert run(image, "exit 7", tmp_path, isolation=isolation) == 7
    assert left(tmp_path) == []


def test_a_signal_is_a_status(image: Image, tmp_path: Path, isolation: Isolation) -> None:
    assert run(image, "kill -9 $$", tmp_path, isolation=isolation) == 137


def test_the_root_is_the_images(
    image: Image, tmp_path: Path, isolation: Isolation, capfd: pytest.CaptureFixture[str]
) -> None:
    run(image, "busybox pwd; busybox ls /", tmp_path, isolation=isolation)

    assert capfd.readouterr().out.split() == [
        *("/work", "bin", "dev", "etc", "opt", "proc", "tmp", "work"),
    ]


def test_the_environment_is_the_images(
    image: Image, tmp_path: Path, isolation: Isolation, capfd: pytest.CaptureFixture[str]
) -> None:
    run(image, "busybox env | busybox sort", tmp_path, isolation=isolation)

    # The shell adds two of its own.
    assert set(capfd.readouterr().out.splitlines()) - {"SHLVL=1", "PWD=/work"} == {
        "A=of the image",
        "HOME=/root",
        "PATH=/bin",
    }


def test_devices_and_processes_are_there(
    image: Image, tmp_path: Path, isolation: Isolation, capfd: pytest.CaptureFixture[str]
) -> None:
    script = (
        "set -e; echo gone > /dev/null; busybox head -c 3 /dev/zero | busybox wc -c;"
        "busybox head -c 3 /dev/urandom | busybox wc -c; echo x > /dev/shm/x;"
        "busybox test -c /dev/ptmx; busybox cat /proc/self/comm;"
        "echo $(busybox ls /proc/1 | busybox wc -l) > /dev/stderr"
    )

    status = run(image, script, tmp_path, isolation=isolation)

    captured = capfd.readouterr()
    assert (status, captured.out.split()) == (0, ["3", "3", "busybox"])
    assert int(captured.err) > 10


def test_processes_of_the_host_are_not_seen(
    image: Image, tmp_path: Path, isolation: Isolation, capfd: pytest.CaptureFixture[str]
) -> None:
    run(image, "echo $$", tmp_path, isolation=isolation)

    assert int(capfd.readouterr().out) < 10


def test_the_network_is_the_hosts(
    image: Image, tmp_path: Path, isolation: Isolation, capfd: pytest.CaptureFixture[str]
) -> None:
    run(image, "busybox cat /etc/resolv.conf", tmp_path, isolation=isolation)

    assert capfd.readouterr().out == Path("/etc/resolv.conf").read_text()


def apart(
    image: Image, script: str, folder: Path, isolation: Isolation, *, seconds: float = 60
) -> Heard:
    return run_apart(
        image,
        Program(arguments=("/bin/sh", "-c", script), stdin=b"told\n", seconds=seconds, most=10_000),
        unshare="unshare",
        isolation=isolation,
        folder=folder / "run",
        reporter=SilentReporter(),
    )


def test_what_runs_apart_has_its_own_loopback_alone(
    image: Image, tmp_path: Path, isolation: Isolation
) -> None:
    script = "busybox cat; busybox ifconfig -a | busybox grep -v '^ *$'; exit 7"

    heard = apart(image, script, tmp_path, isolation)

    lines = heard.said.decode().splitlines()
    assert (heard.returncode, lines[0]) == (7, "told")
    assert [line.split()[0] for line in lines[1:] if not line.startswith(" ")] == ["lo"]
    assert any("UP LOOPBACK" in line for line in lines)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("busybox setsid busybox sleep 600 & busybox sleep 600", id="never ends"),
        pytest.param("busybox yes", id="prints without end"),
    ],
)
def test_what_runs_apart_can_be_ended(
    image: Image, tmp_path: Path, isolation: Isolation, script: str
) -> None:
    heard = apart(image, script, tmp_path, isolation, seconds=2)

    assert heard.returncode is None
    assert len(heard.said) <= 10_000
    assert left(tmp_path) == []


@pytest.mark.parametrize("user", ["", "app", "1234:77"])
def test_the_user_is_the_images(
    image: Image,
    tmp_path: Path,
    isolation: Isolation,
    user: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    script = "busybox id -u; busybox id -g; echo $HOME; echo > /tmp/x"

    status = run(image, script, tmp_path, isolation=isolation, user=user)

    expected = {"": ["0", "0", "/root"], "app": ["1000", "100", "/home/app"]}
    assert status == 0
    assert capfd.readouterr().out.split() == expected.get(user, ["1234", "77", "/"])


def test_an_ordinary_user_has_no_power(
    image: Image, tmp_path: Path, isolation: Isolation, capfd: pytest.CaptureFixture[str]
) -> None:
    script = "busybox grep CapEff /proc/self/status; busybox mount -t tmpfs x /tmp"

    status = run(image, script, tmp_path, isolation=isolation, user="app")

    assert capfd.readouterr().out.split() == ["CapEff:", "0" * 16]
    assert status != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be real root")
def test_owners_are_kept_for_real_root(
    image: Image, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(image, "busybox stat -c %u:%g /opt/mine", tmp_path, isolation=Isolation.REAL_ROOT)

    assert capfd.readouterr().out == "1000:100\n"


def test_what_the_command_leaves_running_ends_with_it(
    image: Image, tmp_path: Path, isolation: Isolation
) -> None:
    started = time.monotonic()

    run(image, "busybox sleep 60 & exit 0", tmp_path, isolation=isolation)

    assert time.monotonic() - started < 30
    assert left(tmp_path) == []
