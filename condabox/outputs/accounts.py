"""Who the ``User`` of an image config is: image-spec config.md leaves it to passwd and group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_GID_FIELD = 2
_PASSWD_FIELDS = 7
_GROUP_FIELDS = 4
_HIGHEST = (1 << 32) - 2


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Numbers as the kernel knows them, and the home directory."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    """The further groups that the user is in."""
    home: str


def find_user(text: str, *, passwd: bytes, group: bytes) -> User:
    """Find ``user[:group]``, names or numbers, in the image's account files; empty means root.

    Names must be there; numbers need not be, and have group 0 and home ``/`` then.
    """
    name, _, group_name = text.partition(":")
    name = name or "0"
    accounts = list(_records(passwd, _PASSWD_FIELDS))
    number = _number(name)
    account = next(
        (
            each
            for each in accounts
            if each[0] == name or (number is not None and _number(each[2]) == number)
        ),
        None,
    )
    if account is None and number is None:
        raise ImageError(
            f"the image wants to run as {name!r}, whom its /etc/passwd does not know",
            hint="give a number as the user",
        )
    uid = number if account is None else _number(account[2])
    own = None if account is None else _number(account[3])
    groups = list(_records(group, _GROUP_FIELDS))
    gid = _find_group(group_name, groups) if group_name else own
    member_of = (
        ()
        if account is None or group_name
        else sorted(
            found
            for each in groups
            if account[0] in each[3].split(",") and (found := _number(each[2])) is not None
        )
    )
    return User(
        uid=uid or 0,
        gid=gid or 0,
        groups=tuple(member_of),
        home=(account[5] if account else "") or "/",
    )


def _find_group(name: str, groups: list[list[str]]) -> int:
    number = _number(name)
    for each in groups:
        if each[0] == name and (found := _number(each[2])) is not None:
            return found
    if number is None:
        raise ImageError(
            f"the image wants to run as group {name!r}, which its /etc/group does not know",
            hint="give a number as the group",
        )
    return number


def _records(data: bytes, fields: int) -> Iterator[list[str]]:
    for line in data.decode(errors="replace").splitlines():
        record = line.split(":")
        if len(record) >= fields and _number(record[_GID_FIELD]) is not None:
            yield record


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(_HIGHEST)):
        return None
    number = int(text)
    return number if number <= _HIGHEST else None
