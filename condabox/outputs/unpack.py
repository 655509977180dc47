"""Lays an image's layers over each other in a directory, as image-spec layer.md says.

A layer is foreign: no name in it, and no link that an earlier entry made, leads out of the
directory.  Device nodes and extended attributes are left out: a container gets its devices from
the host.
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, NamedTuple, cast

from condabox.errors import ImageError
from condabox.oci.layertar import open_layer_tar

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator, Sequence

    from condabox.oci.layertar import LayerTar

_CHUNK = 1 << 20
_MAX_LINKS = 40
"""Symbolic links on the way to one file; as many as Linux follows."""
_LATEST = (1 << 33) - 1
"""The last second that a ustar header can say."""
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"
_RESERVED = ".wh..wh."


class RootDirectory:
    """An image's file system while it is put together in ``path``, an empty directory.

    With ``ownership``, which takes root, files belong to whom the layers say; without it to the
    caller, and what needs an owner to mean something, as setuid, is dropped.
    """

    def __init__(self, path: Path, *, ownership: bool) -> None:
        self.path = path
        self._ownership = ownership
        self._resolved: dict[tuple[str, ...], Path] = {}

    def apply(self, layer: IO[bytes], *, name: str) -> None:
        """Apply one layer, an uncompressed tar stream that errors call ``name``."""
        written: set[Path] = set()
        modes: dict[Path, _Metadata] = {}
        try:
            with open_layer_tar(layer, what=f"layer {name}") as archive:
                for member in archive:
                    self._apply(archive, member, written, modes)
            # Last, so that a directory without write permission can be filled before.
            for directory, metadata in modes.items():
                if self._is_real(directory):
                    self._set_metadata(directory, metadata)
        except _UnsafeEntryError as error:
            raise ImageError(f"layer {name}: {error}") from None
        except OSError as error:
            raise ImageError(f"layer {name} cannot be unpacked: {error}") from None

    def read(self, path: str) -> bytes:
        """Return what a file of the image has, at most 1 MiB; nothing where there is none."""
        try:
            found = self._follow(_parts(path))
            if not found.is_file():
                return b""
            with found.open("rb") as file:
                return file.read(_CHUNK)
        except (_UnsafeEntryError, OSError):
            return b""

    def write(self, path: str, data: bytes) -> None:
        """Make ``data`` the content of ``path``, instead of what the image has there."""
        folder, _, name = path.rpartition("/")
        target = self.make_directory(folder) / name
        try:
            self._remove(target)
            target.write_bytes(data)
            target.chmod(0o644)
        except OSError as error:
            raise ImageError(f"{path} cannot be made in the image's root: {error}") from None

    def make_directory(self, path: str) -> Path:
        """Make ``path`` a directory of the image, and return where it really is."""
        try:
            return self._directory(_parts(path), set())
        except _UnsafeEntryError as error:
            raise ImageError(str(error)) from None
        except OSError as error:
            raise ImageError(f"{path} cannot be made in the image's root: {error}") from None

    def _apply(
        self,
        archive: LayerTar,
        member: tarfile.TarInfo,
        written: set[Path],
        modes: dict[Path, _Metadata],
    ) -> None:
        parts = _parts(member.name)
        if not parts:
            if member.isdir():
                modes[self.path] = _Metadata.of(member)
            return
        parent, name = self._directory(parts[:-1], written), parts[-1]
        if name.startswith(_WHITEOUT):
            self._white_out(parent, name, written)
            return
        target = parent / name
        if member.isdir():
            self._make_directory(target)
            modes[target] = _Metadata.of(member)
        elif member.ischr() or member.isblk():
            return
        else:
            self._remove(target)
            self._make(archive, member, target)
        for path in _up_to(target, self.path):
            if path in written:
                break
            written.add(path)

    def _make(self, archive: LayerTar, member: tarfile.TarInfo, target: Path) -> None:
        if member.issym():
            target.symlink_to(member.linkname)
            if self._ownership:
                os.lchown(target, member.uid, member.gid)
        elif member.islnk():
            source_parts = _parts(member.linkname)
            if not source_parts:
                raise _UnsafeEntryError(f"{member.name!r} is a link to the root directory")
            source = self._directory(source_parts[:-1], None) / source_parts[-1]
            if not source.is_symlink() and not source.is_file():
                raise _UnsafeEntryError(f"{member.name!r} is a link to nothing")
            os.link(source, target, follow_symlinks=False)
        elif member.isfifo():
            os.mkfifo(target)
            self._set_metadata(target, _Metadata.of(member))
        else:
            content = archive.extractfile(member)
            if content is None:
                raise _UnsafeEntryError(f"{member.name!r} is of an unknown type")
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with content, os.fdopen(os.open(target, flags, 0o600), "wb") as file:
                if member.issparse():
                    _copy_sparse(content, file, member)
                else:
                    shutil.copyfileobj(content, file, _CHUNK)
            self._set_metadata(target, _Metadata.of(member))
            mtime = min(max(int(member.mtime), 0), _LATEST)
            os.utime(target, (mtime, mtime), follow_symlinks=False)

    def _make_directory(self, target: Path) -> None:
        if target.is_symlink() or not target.is_dir():
            self._remove(target)
            target.mkdir()
            target.chmod(0o755)

    def _is_real(self, directory: Path) -> bool:
        # Meanwhile a link may stand on the way, and lead to a directory of the host.
        way = _up_to(directory, self.path)
        return not any(path.is_symlink() for path in way) and directory.is_dir()

    def _set_metadata(self, target: Path, metadata: _Metadata) -> None:
        mode = metadata.mode
        if self._ownership:
            os.lchown(target, metadata.uid, metadata.gid)
        else:
            mode &= 0o1777
            if target.is_dir():
                mode |= stat.S_IRWXU
        target.chmod(mode)

    def _white_out(self, parent: Path, name: str, written: set[Path]) -> None:
        if name == _OPAQUE:
            self._clear(parent, written)
        elif not name.startswith(_RESERVED):
            hidden = name.removeprefix(_WHITEOUT)
            if hidden in {"", ".", ".."}:
                raise _UnsafeEntryError(f"{name!r} is not a whiteout")
            self._hide(parent / hidden, written)

    def _hide(self, target: Path, written: set[Path]) -> None:
        # layer.md: whiteouts apply to lower layers, whatever their place in this one.
        if target not in written:
            self._remove(target)
        elif not target.is_symlink() and target.is_dir():
            self._clear(target, written)

    def _clear(self, directory: Path, written: set[Path]) -> None:
        for child in list(directory.iterdir()):
            self._hide(child, written)

    def _remove(self, target: Path) -> None:
        try:
            status = target.lstat()
        except FileNotFoundError:
            return
        if stat.S_ISDIR(status.st_mode):
            shutil.rmtree(target)
        else:
            target.unlink()
        if not stat.S_ISREG(status.st_mode):
            self._resolved.clear()

    def _directory(self, parts: tuple[str, ...], written: set[Path] | None) -> Path:
        """Return the real directory ``parts``; make it when ``written`` takes note of it."""
        known = self._resolved.get(parts)
        if known is not None:
            return known
        found = self._follow(parts)
        if not found.is_dir():
            if written is None:
                raise _UnsafeEntryError(f"{'/'.join(parts)!r} is not a directory")
            for path in reversed(list(_up_to(found, self.path))):
                if not path.is_dir():
                    self._make_directory(path)
            # with what was there above: who finds one written takes its parents for written, too
            written.update(_up_to(found, self.path))
        self._resolved[parts] = found
        return found

    def _follow(self, parts: tuple[str, ...]) -> Path:
        """Resolve ``parts`` as a process whose root is this directory would.

        What does not exist is taken as it is named.
        """
        pending = list(reversed(parts))
        current = self.path
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                current = current if current == self.path else current.parent
                continue
            following = current / part
            if not following.is_symlink():
                current = following
                continue
            links += 1
            if links > _MAX_LINKS:
                raise _UnsafeEntryError(f"too many links on the way to {'/'.join(parts)!r}")
            link = os.readlink(following)  # noqa: PTH115  (a Path would drop a final "..")
            if link.startswith("/"):
                current = self.path
            pending.extend(each for each in reversed(link.split("/")) if each not in {"", "."})
        return current


class _Metadata(NamedTuple):
    """What is kept of a directory's header until the end of a layer."""

    mode: int
    uid: int
    gid: int

    @classmethod
    def of(cls, member: tarfile.TarInfo) -> _Metadata:
        return cls(member.mode & 0o7777, member.uid, member.gid)


class _UnsafeEntryError(Exception):
    """An entry that no honest layer has."""


def _parts(name: str) -> tuple[str, ...]:
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if ".." in parts:
        raise _UnsafeEntryError(f"{name!r} leads out of the image")
    return parts


def _copy_sparse(content: IO[bytes], file: BinaryIO, member: tarfile.TarInfo) -> None:
    """Write what is there of a file, and leave its holes: a few bytes can claim any number."""
    for offset, size in cast("Sequence[tuple[int, int]]", member.sparse):
        content.seek(offset)
        file.seek(offset)
        left = size
        while chunk := content.read(min(left, _CHUNK)):
            file.write(chunk)
            left -= len(chunk)
    file.truncate(member.size)


def _up_to(path: Path, root: Path) -> Iterator[Path]:
    while path != root:
        yield path
        path = path.parent


def remove_tree(path: Path) -> None:
    """Remove a directory whatever the permissions in it are; one that is gone is no error."""
    for folder, directories, _ in os.walk(path):
        for name in directories:
            inner = Path(folder, name)
            if not inner.is_symlink():
                with suppress(OSError):
                    inner.chmod(stat.S_IRWXU)
    shutil.rmtree(path, ignore_errors=True)
