"""Home, and the folders where pip installs for a user."""

from __future__ import annotations

from pathlib import Path

import pytest

from condabox.development.container.home import make_user_site, settle_home
from condabox.development.container.words import Refused


def test_home_is_where_it_is_said_to_be(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert settle_home({"HOME": str(tmp_path)}, folder=tmp_path) == tmp_path
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "why"), [("none", "does not exist"), ("file", "cannot be written")]
)
def test_a_home_that_cannot_be_written_is_replaced(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, why: str
) -> None:
    (tmp_path / "file").touch()
    wanted = tmp_path / name

    home = tmp_path / "home"

    for _ in range(2):
        assert settle_home({"HOME": str(wanted)}, folder=tmp_path) == home

    assert capfd.readouterr().err.splitlines() == 2 * [
        f"condabox: {wanted} {why}, so home is {home}: what is there goes when the container stops"
    ]


def test_a_home_that_cannot_be_reached_is_replaced(
    unprivileged: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wanted = unprivileged / "closed" / "home"
    wanted.mkdir(parents=True)
    wanted.parent.chmod(0)

    assert settle_home({"HOME": str(wanted)}, folder=unprivileged) == unprivileged / "home"

    assert f"condabox: {wanted} cannot be reached, so home is " in capfd.readouterr().err


@pytest.mark.parametrize("home", ["relative", "/a:b", "/a\nroot::0:0::/:/bin/sh", "/a\x1b[2J"])
def test_a_home_that_passwd_cannot_name_is_refused(tmp_path: Path, home: str) -> None:
    with pytest.raises(Refused, match=r"^HOME is '.*'") as caught:
        settle_home({"HOME": home}, folder=tmp_path)

    assert str(caught.value).isprintable()


def test_each_python_gets_its_folder(tmp_path: Path) -> None:
    prefix, home = tmp_path / "env", tmp_path / "home"
    (prefix / "lib/python3.12").mkdir(parents=True)
    (prefix / "lib/python3.1").symlink_to("python3.12")
    (prefix / "lib/python3.txt").touch()

    make_user_site(home=home, prefix=prefix)

    assert list((home / ".local/lib").iterdir()) == [home / ".local/lib/python3.12"]
    assert (home / ".local/lib/python3.12/site-packages").is_dir()


def test_a_home_that_has_something_in_the_way_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "env/lib/python3.12").mkdir(parents=True)
    (tmp_path / ".local").touch()

    make_user_site(home=tmp_path, prefix=tmp_path / "env")

    assert Path(tmp_path, ".local").is_file()
