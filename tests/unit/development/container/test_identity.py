"""Who a container's user is, whatever its number."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.development.container.identity import (
    Account,
    Identity,
    account_of,
    identify,
    with_account,
)
from condabox.development.container.places import System
from tests.unit.development.container.conftest import ACCOUNTS, executable

if TYPE_CHECKING:
    from pathlib import Path

UID = 1000620000
BASH = "/bin/bash"
LIBRARY = "/opt/tools/lib/libnss_wrapper.so"
ADA = Account(name="ada", uid=UID, gid=0, home="/workspace", shell=BASH)
_FIELD = st.text(st.characters(codec="utf-8", exclude_characters=":\n\0"))
_NUMBERS = st.sampled_from(["0", "7", str(UID)])
_NAMES = st.sampled_from(["ada", "dev", "+", ""]) | _FIELD
_ACCOUNTS = st.tuples(_NAMES, _FIELD, _NUMBERS, _NUMBERS, _FIELD, _FIELD, _FIELD)
_LINES = st.lists((_ACCOUNTS | st.lists(_FIELD, max_size=8)).map(":".join))


@pytest.fixture
def anybody(system: System) -> System:
    return replace(system, uid=UID)


@pytest.fixture
def wrapper(anybody: System) -> Path:
    library = anybody.at(LIBRARY)
    library.parent.mkdir(parents=True)
    library.touch()
    return library


def add_line(system: System, line: str) -> None:
    system.at("/etc/passwd").write_text(f"{ACCOUNTS}{line}\n")


def test_a_user_with_a_line_of_ours_needs_nothing(
    anybody: System, wrapper: Path, home: Path, folder: Path
) -> None:
    add_line(anybody, f"dev:x:{UID}:0:condabox:{home}:/bin/bash")

    who = identify(anybody, env={"A": "b"}, home=home, folder=folder)

    assert wrapper.exists()
    assert who == Identity(name="dev", env={"A": "b"})


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{uid}:x:{uid}:0:CRI-O:{home}:/sbin/nologin",
        "{uid}:*:{uid}:0:podman:/:/bin/sh",
        "{uid}:*:{uid}:0:podman:{home}:/bin/sh",
        "ada:x:{uid}:0::{home}:/bin/none",
        "ada:x:{uid}:0::{home}:/usr/bin/false",
        "ada:x:{uid}:0::/elsewhere:/bin/bash",
        "a*:x:{uid}:0::{home}:/bin/bash",
        "ada:x:7:0::{home}:/bin/bash\nada:x:{uid}:0::{home}:/bin/bash",
        "ada:x:{uid}:0:{home}:/bin/bash",
    ],
)
def test_other_users_are_shown_a_line_of_ours(
    anybody: System, wrapper: Path, home: Path, folder: Path, line: str
) -> None:
    add_line(anybody, line.format(uid=UID, home=home))

    who = identify(anybody, env={"A": "b"}, home=home, folder=folder)

    shown = folder / "passwd"
    assert who == Identity(
        name="dev",
        env={
            "A": "b",
            "LD_PRELOAD": str(wrapper),
            "NSS_WRAPPER_PASSWD": str(shown),
            "NSS_WRAPPER_GROUP": str(anybody.at("/etc/group")),
        },
    )
    assert account_of(shown.read_text(), uid=UID) == Account(
        name="dev", uid=UID, gid=0, home=str(home), shell=BASH
    )


def test_a_shell_that_cannot_be_reached_does_not_run(unprivileged: Path) -> None:
    system = System(root=unprivileged, uid=UID, gid=0)
    executable(system.at("/closed/sh"))
    executable(system.at("/bin/bash"))
    system.at("/closed").chmod(0)
    system.at("/etc").mkdir()
    add_line(system, f"ada:x:{UID}:0::{unprivileged}:/closed/sh")

    who = identify(system, env={}, home=unprivileged, folder=unprivileged)

    assert who == Identity(name=None, env={})


def test_another_start_preloads_it_once(
    anybody: System, wrapper: Path, home: Path, folder: Path
) -> None:
    env = {"LD_PRELOAD": "/lib/mine.so"}

    first = identify(anybody, env=env, home=home, folder=folder)
    second = identify(anybody, env=first.env, home=home, folder=folder)

    assert first == second
    assert first.env["LD_PRELOAD"] == f"{wrapper}:/lib/mine.so"


GROUPS = "root:x:0:\ntty:x:5:ada\nusers:x:100:\n"
ALL_MAPPED = "         0          0 4294967295\n"


@pytest.mark.parametrize(
    ("maps", "mapped"),
    [
        (ALL_MAPPED, True),
        ("0 100000 5\n5 1000 1\n", True),
        ("         0       1000          1\n", False),
        ("0 1000 5\n6 1 100\n", False),
        ("", False),
    ],
)
def test_a_terminal_s_group_that_nobody_can_be_in_is_not_shown(
    anybody: System, wrapper: Path, home: Path, folder: Path, maps: str, *, mapped: bool
) -> None:
    add_line(anybody, f"dev:x:{UID}:0:condabox:{home}:/bin/bash")
    anybody.at("/etc/group").write_text(GROUPS)
    anybody.at("/proc/self").mkdir()
    anybody.at("/proc/self/gid_map").write_text(maps)

    who = identify(anybody, env={}, home=home, folder=folder)

    shown = {
        "LD_PRELOAD": str(wrapper),
        "NSS_WRAPPER_PASSWD": str(anybody.at("/etc/passwd")),
        "NSS_WRAPPER_GROUP": str(folder / "group"),
    }
    assert who == Identity(name="dev", env={} if mapped else shown)
    if not mapped:
        assert (folder / "group").read_text() == "root:x:0:\nusers:x:100:\n"


def test_such_a_group_is_not_shown_to_other_users_either(
    anybody: System, wrapper: Path, home: Path, folder: Path
) -> None:
    anybody.at("/etc/group").write_text(GROUPS)
    anybody.at("/proc/self").mkdir()
    anybody.at("/proc/self/gid_map").write_text("0 1000 1\n")

    who = identify(anybody, env={}, home=home, folder=folder)

    assert wrapper.exists()
    assert who.env["NSS_WRAPPER_PASSWD"] == str(folder / "passwd")
    assert who.env["NSS_WRAPPER_GROUP"] == str(folder / "group")


@pytest.mark.parametrize("text", ["", "root:x:0:\n", "tty:x:none:\n", "tty\n", "tty:x:\u0665:\n"])
def test_without_such_a_group_there_is_nothing_to_hide(
    anybody: System, wrapper: Path, home: Path, folder: Path, text: str
) -> None:
    add_line(anybody, f"dev:x:{UID}:0:condabox:{home}:/bin/bash")
    anybody.at("/etc/group").write_text(text)
    anybody.at("/proc/self").mkdir()
    anybody.at("/proc/self/gid_map").write_text("0 1000 1\n")

    assert wrapper.exists()
    assert identify(anybody, env={}, home=home, folder=folder) == Identity(name="dev", env={})


def test_without_bash_the_shell_is_sh(
    anybody: System, wrapper: Path, home: Path, folder: Path
) -> None:
    anybody.at("/bin/bash").unlink()

    identify(anybody, env={}, home=home, folder=folder)

    assert wrapper.exists()
    assert (folder / "passwd").read_text().endswith(":/bin/sh\n")


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("", None),
        ("ada:x:{uid}:0::/:/sbin/nologin", None),
        ("ada:x:{uid}:0::/:/bin/sh", "ada"),
        ("ada:x:{uid}:0::/:", "ada"),
    ],
)
def test_without_the_wrapper_a_line_with_a_shell_is_needed(
    anybody: System, home: Path, folder: Path, line: str, name: str | None
) -> None:
    add_line(anybody, line.format(uid=UID))

    assert identify(anybody, env={}, home=home, folder=folder) == Identity(name=name, env={})


def test_bytes_of_no_encoding_stay_as_they_are(
    anybody: System, wrapper: Path, home: Path, folder: Path
) -> None:
    strange = b"caf\xe9:x:7:7:\x85\x0b\xff:/:/bin/sh\n"
    anybody.at("/etc/passwd").write_bytes(strange)

    identify(anybody, env={}, home=home, folder=folder)

    assert wrapper.exists()
    assert (folder / "passwd").read_bytes().startswith(strange)


@given(lines=_LINES)
def test_ours_is_found_and_all_others_stay(lines: list[str]) -> None:
    shown = with_account("\n".join(lines), ADA)

    foreign = [
        line
        for line in lines
        if line and line.split(":")[0] != "ada" and line.split(":")[2:3] != [str(UID)]
    ]
    kept = shown.split("\n")
    assert account_of(shown, uid=UID) == ADA
    assert kept[-2:] == [f"ada:x:{UID}:0:condabox:/workspace:/bin/bash", ""]
    assert [line for line in kept[:-2] if line in foreign] == foreign


def test_a_number_that_is_none_is_no_trouble() -> None:
    huge = "9" * 5000

    assert account_of(f"a:x:{huge}:0::/:/bin/sh\nb:x:-1:+0::/:/bin/sh\n", uid=UID) is None


def test_a_shell_that_is_a_folder_does_not_run(anybody: System, home: Path, folder: Path) -> None:
    anybody.at("/bin/zsh").mkdir()
    executable(anybody.at("/bin/dash"))
    add_line(anybody, f"ada:x:{UID}:0::{home}:/bin/zsh")

    assert os.access(anybody.at("/bin/zsh"), os.X_OK)
    assert identify(anybody, env={}, home=home, folder=folder).name is None
