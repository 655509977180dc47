"""Layer changesets as tar streams: the same entries always give the same bytes.

Headers are written here and not by `tarfile`, whose bytes may change with Python's version.
USTAR says everything about most entries; what it cannot say stands in a PAX header before the
entry: names that are too long or not ASCII, sizes of 8 GiB and more, large owners.  GNU's
extensions are not used.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from condabox.content import Content

_BLOCK = 512
_NAME = 100
_PREFIX = 155
_MOST_TIME = 0o77777777777
_MOST_MODE = 0o7777
_WHITEOUT = ".wh."
_END = bytes(2 * _BLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class TarFile:
    """A regular file.  Paths are absolute in the image, without the leading slash."""

    path: str
    content: Content
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TarLink:
    """A symbolic link; ``target`` is taken as it is."""

    path: str
    target: str
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TarDirectory:
    """A directory.  Those with nothing special need no entry: parents are written by themselves."""

    path: str
    mode: int = 0o755
    uid: int = 0
    gid: int = 0


TarEntry = TarFile | TarLink | TarDirectory


def write_tar(entries: Iterable[TarEntry], *, mtime: int, write: Callable[[bytes], object]) -> None:
    """Pass the tar of ``entries`` to ``write``, in pieces of at most 1 MiB.

    See `tar_chunks` for what is asked of ``entries``.
    """
    for chunk in tar_chunks(entries, mtime=mtime):
        write(chunk)


def tar_chunks(entries: Iterable[TarEntry], *, mtime: int) -> Iterator[bytes]:
    """Yield the tar of ``entries``, which must come sorted by the bytes of their paths.

    Parents are added once, with mode 0755.  Members stand in the order of their names' bytes, where
    a directory's name ends with a slash.  Raise ImageError for what no layer may contain: a path
    twice, one that is absolute or has empty, ``.`` or ``..`` components, a file used as a
    directory, a whiteout, content of another size than it said.
    """
    if not 0 <= mtime <= _MOST_TIME:
        raise ImageError(f"a layer's time must be from 0 to {_MOST_TIME} seconds, not {mtime}")
    for entry in _with_parents(_in_order(entries)):
        yield _header(entry, mtime=mtime)
        if isinstance(entry, TarFile):
            yield from _padded(entry)
    yield _END


def _in_order(entries: Iterable[TarEntry]) -> Iterator[TarEntry]:
    """Check that paths rise, and let each directory wait until its name's turn comes.

    ``a`` is before ``a-b`` before ``a/c``; but the directory ``a`` is called ``a/`` in a tar.
    """
    waiting: list[tuple[bytes, TarDirectory]] = []
    last = b""
    for entry in entries:
        path = _checked_path(entry.path)
        if path <= last:
            problem = "twice" if path == last else "out of order"
            raise ImageError(f"{entry.path}: is {problem} in a layer")
        last = path
        while waiting and waiting[0][0] < path:
            yield heapq.heappop(waiting)[1]
        if isinstance(entry, TarDirectory):
            heapq.heappush(waiting, (path + b"/", entry))
        else:
            yield entry
    while waiting:
        yield heapq.heappop(waiting)[1]


def _with_parents(entries: Iterable[TarEntry]) -> Iterator[TarEntry]:
    """Add the directories that files are in.

    Names with a common beginning follow each other, so it is enough to remember the directories
    that the last entry is in, and the files whose names the last entry's begins with.
    """
    inside: list[str] = []
    files: list[str] = []
    for entry in entries:
        while files and not entry.path.startswith(files[-1]):
            files.pop()
        while inside and not entry.path.startswith(inside[-1]):
            inside.pop()
        start = len(inside[-1]) if inside else 0
        while (slash := entry.path.find("/", start)) >= 0:
            parent = entry.path[:slash]
            if parent in files:
                raise ImageError(f"{parent}: is a file and has {entry.path} in it")
            yield TarDirectory(path=parent)
            start = slash + 1
            inside.append(f"{parent}/")
        yield entry
        if isinstance(entry, TarDirectory):
            inside.append(f"{entry.path}/")
        else:
            files.append(entry.path)


def _checked_path(path: str) -> bytes:
    parts = path.split("/")
    if not path or "" in parts or "." in parts or ".." in parts or "\0" in path:
        raise ImageError(f"{path!r} is not a path in a layer")
    if any(part.startswith(_WHITEOUT) for part in parts):
        # image-spec layer.md: it would hide a file of the layers below instead of adding one.
        raise ImageError(f"{path}: names that start with {_WHITEOUT} delete files in an image")
    return _utf8(path, what=path)


def _utf8(text: str, *, what: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ImageError(f"{what!r}: its name is not Unicode") from None


def _header(entry: TarEntry, *, mtime: int) -> bytes:
    name, target, size, kind, mode = entry.path, "", 0, b"0", 0o777
    match entry:
        case TarFile():
            size, mode = entry.content.size, entry.mode
        case TarLink():
            if not entry.target or "\0" in entry.target:
                raise ImageError(f"{name}: {entry.target!r} cannot be a link's target")
            target, kind = entry.target, b"2"
        case TarDirectory():
            name, kind, mode = f"{name}/", b"5", entry.mode
    if not 0 <= mode <= _MOST_MODE or min(entry.uid, entry.gid, size) < 0:
        raise ImageError(f"{entry.path}: mode, owner or size cannot be written")
    records: dict[str, str] = {}
    prefix, short = _split(name, records)
    header = _ustar(
        name=short,
        mode=_octal(mode, 7),
        uid=_number("uid", entry.uid, 7, records),
        gid=_number("gid", entry.gid, 7, records),
        size=_number("size", size, 11, records),
        mtime=_octal(mtime, 11),
        kind=kind,
        target=_text("linkpath", target, records),
        prefix=prefix,
    )
    return _pax(records) + header


def _split(name: str, records: dict[str, str]) -> tuple[bytes, bytes]:
    """Return USTAR's prefix and name; where they cannot hold ``name``, it goes to ``records``."""
    if not name.isascii():
        return b"", _text("path", name, records)
    if len(name) <= _NAME:
        return b"", name.encode()
    # The last slash that leaves a prefix that fits and a name that is not empty.
    slash = name.rfind("/", 0, min(_PREFIX + 1, len(name) - 1))
    if slash <= 0 or len(name) - slash - 1 > _NAME:
        return b"", _text("path", name, records)
    return name[:slash].encode(), name[slash + 1 :].encode()


def _text(key: str, text: str, records: dict[str, str]) -> bytes:
    if text.isascii() and len(text) <= _NAME:
        return text.encode()
    _utf8(text, what=text)
    records[key] = text
    return text.encode("ascii", "replace")[:_NAME]


def _number(key: str, value: int, digits: int, records: dict[str, str]) -> bytes:
    if value < 8**digits:
        return _octal(value, digits)
    records[key] = str(value)
    return _octal(0, digits)


def _octal(value: int, digits: int) -> bytes:
    return b"%0*o\0" % (digits, value)


def _pax(records: dict[str, str]) -> bytes:
    if not records:
        return b""
    body = b"".join(_pax_record(key, records[key]) for key in sorted(records))
    header = _ustar(
        name=b"././@PaxHeader",
        mode=_octal(0o644, 7),
        uid=_octal(0, 7),
        gid=_octal(0, 7),
        size=_octal(len(body), 11),
        mtime=_octal(0, 11),
        kind=b"x",
        target=b"",
        prefix=b"",
    )
    return header + body + bytes(-len(body) % _BLOCK)


def _pax_record(key: str, value: str) -> bytes:
    # POSIX pax: the length counts the whole record, its own digits included.
    tail = b" %s=%s\n" % (key.encode(), value.encode())
    length = len(tail)
    while len(str(length)) + len(tail) != length:
        length = len(str(length)) + len(tail)
    return str(length).encode() + tail


def _ustar(
    *,
    name: bytes,
    mode: bytes,
    uid: bytes,
    gid: bytes,
    size: bytes,
    mtime: bytes,
    kind: bytes,
    target: bytes,
    prefix: bytes,
) -> bytes:
    head = b"".join((name.ljust(_NAME, b"\0"), mode, uid, gid, size, mtime))
    tail = b"".join(
        (
            kind,
            target.ljust(_NAME, b"\0"),
            b"ustar\x0000",
            bytes(64),  # no names of user and group
            _octal(0, 7) * 2,  # no device
            prefix.ljust(_PREFIX, b"\0"),
            bytes(12),
        )
    )
    checksum = sum(head) + sum(tail) + 8 * ord(" ")
    return head + b"%06o\0 " % checksum + tail


def _padded(entry: TarFile) -> Iterator[bytes]:
    size = entry.content.size
    seen = 0
    for chunk in entry.content.chunks():
        seen += len(chunk)
        if seen > size:
            break
        yield chunk
    if seen != size:
        got = f"more than {size}" if seen > size else str(seen)
        raise ImageError(f"{entry.path}: got {got} bytes, want {size}")
    yield bytes(-size % _BLOCK)
