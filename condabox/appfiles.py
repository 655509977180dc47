"""The application's own files, as ``.dockerignore`` leaves them."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.dockerignore import DockerIgnore, PatternError
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

IGNORE_FILE = ".dockerignore"

_LARGEST_IGNORE_FILE = 1 << 20
_WHITEOUT = ".wh."
_LINKS_OF_BASES = {
    **{name: f"usr/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32")},
    "var/run": "run",
    "var/lock": "run/lock",
}
"""What is a link in the usual bases, and where it leads: a folder would take its place, and hide
the shell or the loader.  The way through the other name is right where it is no link, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSource:
    """A file or folder and the place that it gets in the image, as in ``COPY src dest``.

    A folder's content goes into ``dest``; a file becomes ``dest``, or goes into it where ``dest``
    ends with a slash.
    """

    src: Path
    dest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFile:
    """A regular file; ``path`` is absolute in the image, without the leading slash."""

    path: str
    source: Path
    size: int
    executable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AppLink:
    """A symbolic link; ``target`` is relative and stays in its source."""

    path: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDirectory:
    """A folder, empty or not."""

    path: str


AppEntry = AppFile | AppLink | AppDirectory


def collect(sources: Sequence[AppSource], *, environment: Path) -> tuple[AppEntry, ...]:
    """Return every entry of ``sources``, sorted by path bytes; later sources win over earlier ones.

    Nothing is left out but what a source's ``.dockerignore`` names.  ``environment`` is the file
    that names the sources, for errors: SpecError for what is missing, unreadable or no file.
    """
    entries: dict[str, AppEntry] = {}
    for source in sources:
        for entry in _entries(source, environment=environment):
            before = entries.get(entry.path)
            if before and isinstance(before, AppDirectory) != isinstance(entry, AppDirectory):
                raise _clash(entry.path, environment=environment)
            entries[entry.path] = entry
    for path in entries:
        _check_way(path, environment=environment)
        for parent in _parents(path):
            if not isinstance(entries.get(parent), AppDirectory | None):
                raise _clash(parent, environment=environment)
    return tuple(sorted(entries.values(), key=lambda entry: entry.path.encode()))


def hidden_link(path: str) -> tuple[str, str] | None:
    """Return the base's link that a folder at ``path`` would hide, and the path to use instead.

    All are absolute in the image, without the leading slash.
    """
    for link, target in _LINKS_OF_BASES.items():
        if path == link or path.startswith(f"{link}/"):
            return link, target + path.removeprefix(link)
    return None


def _check_way(path: str, *, environment: Path) -> None:
    if found := hidden_link(path):
        link, better = found
        raise SpecError(
            f"{environment}: condabox.app: /{path} would hide /{link}, a link in most images",
            hint=f"write /{better}",
        )


def _entries(source: AppSource, *, environment: Path) -> Iterator[AppEntry]:
    src, inside = source.src, source.dest.strip("/")
    try:
        mode = src.stat().st_mode
    except OSError as error:
        raise SpecError(
            f"{environment}: condabox.app: {src}: {error.strerror}",
            hint=f"src is relative to {environment.parent}",
        ) from None
    if stat.S_ISDIR(mode):
        folder = _Folder(
            root=src, inside=inside, ignore=_ignore(src, environment), environment=environment
        )
        yield from folder.entries()
    elif stat.S_ISREG(mode):
        name = posixpath.join(inside, src.name) if source.dest.endswith("/") else inside
        yield _file(name, src, environment=environment)
    else:
        raise _unusable(src, mode, environment=environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    """A source that is a folder; what it gives is placed ``inside`` a folder of the image."""

    root: Path
    inside: str
    ignore: DockerIgnore
    environment: Path

    def entries(self) -> Iterator[AppEntry]:
        yield from self._folder("")
        pending = [("", self.ignore.root)]
        while pending:
            folder, verdict = pending.pop()
            for child in self._children(folder, excluded=verdict.excluded):
                relative = posixpath.join(folder, child.name)
                judged = self.ignore.judge(relative, parent=verdict)
                is_folder = child.is_dir(follow_symlinks=False)
                if is_folder and (not judged.excluded or self.ignore.has_exceptions):
                    pending.append((relative, judged))
                if judged.excluded:
                    continue
                # Docker keeps the folders above what an exception takes back
                yield from self._folder(relative if is_folder else folder)
                if not is_folder:
                    yield self._leaf(relative)

    def _children(self, folder: str, *, excluded: bool) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / folder) as children:
                return sorted(children, key=lambda child: os.fsencode(child.name))
        except OSError as error:
            if excluded and isinstance(error, PermissionError):
                return []
            raise self._unreadable(self.root / folder, error) from None

    def _folder(self, relative: str) -> Iterator[AppEntry]:
        """Yield the folder and those above it, up to the source's own."""
        for each in (*_parents(relative), relative):
            path = posixpath.join(self.inside, self._checked(each)).rstrip("/")
            if path:
                yield AppDirectory(path=path)

    def _leaf(self, relative: str) -> AppEntry:
        path, source = posixpath.join(self.inside, self._checked(relative)), self.root / relative
        try:
            mode = source.lstat().st_mode
            if stat.S_ISLNK(mode):
                return AppLink(path=path, target=self._target(relative))
        except OSError as error:
            raise self._unreadable(source, error) from None
        if not stat.S_ISREG(mode):
            raise _unusable(source, mode, environment=self.environment)
        return _file(path, source, environment=self.environment)

    def _target(self, relative: str) -> str:
        """Return where a link leads, refusing what would mean something else in the image."""
        link = self.root / relative
        target = str(link.readlink())
        lexical = posixpath.normpath(posixpath.join(posixpath.dirname(relative), target))
        real = Path(os.path.realpath(link))
        if (
            target.startswith("/")
            or lexical.split("/")[0] == ".."
            or not real.is_relative_to(os.path.realpath(self.root))
        ):
            raise SpecError(
                f"{self.environment}: condabox.app: {link} leads out of {self.root}, to {target}",
                hint=f"copy what it leads to, or name the link in {self.root / IGNORE_FILE}",
            )
        return self._checked(target)

    def _checked(self, name: str) -> str:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise SpecError(
                f"{self.environment}: condabox.app: {name!a} in {self.root} is not UTF-8",
                hint=f"rename it, or name it in {IGNORE_FILE} with wildcards",
            ) from None
        if posixpath.basename(name).startswith(_WHITEOUT):
            # image-spec layer.md: such a name means that a file is deleted
            raise SpecError(
                f"{self.environment}: condabox.app: no file of an image can be named {name}",
                hint=f"rename it, or name it in {self.root / IGNORE_FILE}",
            )
        return name

    def _unreadable(self, path: Path, error: OSError) -> SpecError:
        return SpecError(
            f"{self.environment}: condabox.app: {path}: {error.strerror}",
            hint=f"make it readable, or name it in {self.root / IGNORE_FILE}",
        )


def _file(path: str, source: Path, *, environment: Path) -> AppFile:
    try:
        found = source.stat()
    except OSError as error:
        raise SpecError(f"{environment}: condabox.app: {source}: {error.strerror}") from None
    if not os.access(source, os.R_OK):
        raise SpecError(
            f"{environment}: condabox.app: {source} cannot be read",
            hint=f"make it readable, or name it in {IGNORE_FILE}",
        )
    executable = bool(found.st_mode & stat.S_IXUSR)
    return AppFile(path=path, source=source, size=found.st_size, executable=executable)


def _ignore(root: Path, environment: Path) -> DockerIgnore:
    path = root / IGNORE_FILE
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST_IGNORE_FILE + 1)
    except FileNotFoundError:
        return DockerIgnore()
    except OSError as error:
        raise SpecError(f"{environment}: condabox.app: {path}: {error.strerror}") from None
    if len(data) > _LARGEST_IGNORE_FILE:
        raise SpecError(f"{path}: is larger than 1 MiB", hint="is it the right file?")
    try:
        return DockerIgnore.parse(data.decode())
    except UnicodeDecodeError:
        raise SpecError(f"{path}: is not UTF-8", hint="save it as UTF-8") from None
    except PatternError as error:
        raise SpecError(f"{path}:{error.line}: {error}") from None


def _parents(path: str) -> tuple[str, ...]:
    """Return the folders above ``path``, the outermost first."""
    parts = path.split("/")
    return tuple("/".join(parts[:count]) for count in range(1, len(parts)))


def _unusable(path: Path, mode: int, *, environment: Path) -> SpecError:
    kinds = {stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket"}
    kind = kinds.get(stat.S_IFMT(mode), "a device")
    return SpecError(
        f"{environment}: condabox.app: {path} is {kind}, not a file",
        hint=f"remove it, or name it in {IGNORE_FILE}",
    )


def _clash(path: str, *, environment: Path) -> SpecError:
    return SpecError(
        f"{environment}: condabox.app: /{path} would be a file and a folder",
        hint="give the sources different dests",
    )
