"""The users of images, by name and by number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import ImageError
from condabox.outputs.accounts import User, find_user

PASSWD = b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:100:,,,:/home/app:/bin/sh\n"
GROUP = b"root:x:0:\nusers:x:100:\naudio:x:29:other,app\nvideo:x:44:app\n"

ROOT = User(uid=0, gid=0, groups=(), home="/root")


@pytest.mark.parametrize(
    ("text", "user"),
    [
        pytest.param("", ROOT, id="nobody-said"),
        pytest.param("root", ROOT, id="root"),
        pytest.param("0", ROOT, id="zero"),
        pytest.param("app", User(uid=1000, gid=100, groups=(29, 44), home="/home/app"), id="name"),
        pytest.param("1000", User(uid=1000, gid=100, groups=(29, 44), home="/home/app"), id="uid"),
        pytest.param(
            "app:video", User(uid=1000, gid=44, groups=(), home="/home/app"), id="name-and-group"
        ),
        pytest.param("1000:0", User(uid=1000, gid=0, groups=(), home="/home/app"), id="numbers"),
        pytest.param("4711", User(uid=4711, gid=0, groups=(), home="/"), id="unknown-uid"),
        pytest.param("4711:4712", User(uid=4711, gid=4712, groups=(), home="/"), id="unknown-both"),
        pytest.param(":users", User(uid=0, gid=100, groups=(), home="/root"), id="group-alone"),
    ],
)
def test_a_user_is_found(text: str, user: User) -> None:
    assert find_user(text, passwd=PASSWD, group=GROUP) == user


@pytest.mark.parametrize("text", ["nobody", "app:nogroup", "-1", "99999999999999999999"])
def test_a_user_that_the_image_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(ImageError, match="does not know"):
        find_user(text, passwd=PASSWD, group=GROUP)


def test_an_image_without_accounts_has_numbers() -> None:
    assert find_user("1000:1000", passwd=b"", group=b"") == User(
        uid=1000, gid=1000, groups=(), home="/"
    )


@given(st.text(max_size=20), st.binary(max_size=100), st.binary(max_size=100))
def test_whatever_the_files_hold_there_is_an_answer(text: str, passwd: bytes, group: bytes) -> None:
    try:
        user = find_user(text, passwd=passwd, group=group)
    except ImageError:
        return

    assert user.uid >= 0
    assert user.gid >= 0
