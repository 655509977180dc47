"""Images for another architecture than the machine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import BackendError
from condabox.outputs.emulation import check_runnable
from condabox.platforms import Platform
from tests.fakes.images import AMD64, ARM64

if TYPE_CHECKING:
    from pathlib import Path

HANDLER = """{state}
interpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P
flags: {flags}
offset 0
magic 7f454c460201010000000000000000000200b700
mask ffffffffffffff00fffffffffffffffffeffffff
"""


def handlers(tmp_path: Path, *, state: str = "enabled", flags: str = "POCF") -> Path:
    (tmp_path / "register").touch()
    (tmp_path / "status").write_text("enabled\n")
    (tmp_path / "qemu-aarch64").write_text(HANDLER.format(state=state, flags=flags))
    (tmp_path / "python3.12").write_text("enabled\ninterpreter /usr/bin/python3\nmagic 0d0a\n")
    return tmp_path


def test_the_machines_own_images_run(tmp_path: Path) -> None:
    check_runnable(AMD64, machine="x86_64", handlers=tmp_path)
    check_runnable(ARM64, machine="aarch64", handlers=tmp_path)


def test_an_emulator_runs_others(tmp_path: Path) -> None:
    check_runnable(ARM64, machine="x86_64", handlers=handlers(tmp_path))


def test_an_emulator_runs_only_its_own(tmp_path: Path) -> None:
    power = Platform(os="linux", architecture="ppc64le")

    with pytest.raises(BackendError, match="linux/ppc64le"):
        check_runnable(power, machine="x86_64", handlers=handlers(tmp_path))


def test_without_an_emulator_the_hint_names_one(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="x86_64") as caught:
        check_runnable(ARM64, machine="x86_64", handlers=tmp_path / "not-mounted")

    assert "qemu-user-static" in str(caught.value.hint)


def test_an_emulator_that_is_switched_off_is_none(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="no emulator"):
        check_runnable(ARM64, machine="x86_64", handlers=handlers(tmp_path, state="disabled"))


def test_an_emulator_must_be_opened_outside_of_the_image(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="cannot be used") as caught:
        check_runnable(ARM64, machine="x86_64", handlers=handlers(tmp_path, flags="OC"))

    assert "flag F" in str(caught.value.hint)


def test_other_systems_do_not_run(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="only Linux"):
        check_runnable(
            Platform(os="windows", architecture="amd64"), machine="x86_64", handlers=tmp_path
        )
