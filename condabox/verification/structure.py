"""Is an image put together well?  Seen from outside, without running anything in it."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from condabox.configuration import DEFAULT_PATH
from condabox.oci.validate import validate_image
from condabox.reporting.findings import Finding, Group
from condabox.reporting.formats import counted, printable
from condabox.verification.contents import PLACEHOLDERS, ReadEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from condabox.oci.image import Image
    from condabox.verification.contents import ImageContents

MOST_LAYERS = 127
"""What Docker's overlay2 and podman's overlay mount at most."""
_MOST_SHOWN = 3

_SET_ID, _OTHERS_WRITE, _STICKY = 0o6000, 0o002, 0o1000
_OF_A_BUILDER = re.compile(
    r"(?:root|home/[^/]+)/\.(?:aws|cache|cargo|conda|condarc|docker|mamba|netrc|pip|pypirc|ssh)"
    r"(?:/.*)?"
)
"""Caches and credentials, which belong to whoever builds."""
_MADE_LATER = ("dev", "proc", "run", "sys", "tmp", "var/run", "var/tmp")
"""Folders that containers have whatever the image has."""
_RUNS = re.compile(r"(?:.*/)?(?:bin/[^/]+|[^/]+\.so(?:\.[^/]+)?)")
_AGAIN = "build the image again; if it is so again, report it"


def document_findings(image: Image) -> tuple[Finding, ...]:
    """Check digests, sizes, types and layers against the documents, and the number of layers."""
    count = len(image.manifest.layers)
    found = [
        Finding.problem(Group.STRUCTURE, "documents", printable(problem), hint=_AGAIN)
        for problem in validate_image(image)
    ]
    if not found:
        detail = f"{counted(count, 'layer')}, each of them what manifest and config promise"
        found.append(Finding.ok(Group.STRUCTURE, "documents", detail))
    if count > MOST_LAYERS:
        detail = f"{count}, and no engine mounts more than {MOST_LAYERS}"
        hint = "build with fewer --layers, or on a base with fewer"
        found.append(Finding.problem(Group.STRUCTURE, "layers", detail, hint=hint))
    return tuple(found)


def file_findings(
    image: Image, contents: ImageContents, *, prefixes: Sequence[str]
) -> tuple[Finding, ...]:
    """Check permissions, links, leftovers and what the image runs.

    ``prefixes`` are those of its environments.
    """
    found = [
        *_permissions(contents),
        *_leftovers(contents),
        *_links(contents, prefixes),
        *_interpreters(contents, prefixes),
        *_commands(image, contents),
    ]
    if not any(each.name == "files" for each in found):
        detail = f"{counted(len(contents.own), 'path')} above the base, as they should be"
        found.insert(0, Finding.ok(Group.STRUCTURE, "files", detail))
    return tuple(found)


def _entries(contents: ImageContents) -> Iterator[ReadEntry]:
    for path in sorted(contents.own & contents.tree.keys()):
        entry = contents.tree[path]
        if isinstance(entry, ReadEntry):
            yield entry


def _permissions(contents: ImageContents) -> Iterator[Finding]:
    kept = [each for each in _entries(contents) if each.kind not in {"symlink", "hardlink"}]
    privileged = [each.path for each in kept if each.kind == "file" and each.mode & _SET_ID]
    if privileged:
        yield _problem(privileged, "runs with its owner's rights, not its user's (setuid)")
    open_to_all = [
        each.path
        for each in kept
        if each.mode & _OTHERS_WRITE and not (each.kind == "directory" and each.mode & _STICKY)
    ]
    if open_to_all:
        yield _problem(open_to_all, "can be written by everybody")


def _leftovers(contents: ImageContents) -> Iterator[Finding]:
    of_builder = [each.path for each in _entries(contents) if _OF_A_BUILDER.fullmatch(each.path)]
    if of_builder:
        yield _problem(of_builder, "is of whoever built the image: a cache, or credentials")
    foreign = [each.path for each in _entries(contents) if each.marks - {*PLACEHOLDERS}]
    if foreign:
        yield _problem(foreign, "has the path of this machine's cache in it")
    unlinked = [each.path for each in _entries(contents) if each.marks & {*PLACEHOLDERS}]
    if unlinked:
        detail = f"{_shown(unlinked)}: has a prefix in it that conda should have replaced"
        hint = "the package does not tell that the file has it: report it to who builds the package"
        yield Finding.note(Group.STRUCTURE, "files", detail, hint=hint)


def _links(contents: ImageContents, prefixes: Sequence[str]) -> Iterator[Finding]:
    broken = [
        each.path
        for each in _entries(contents)
        if each.kind == "symlink"
        and any(_is_below(each.path, prefix) for prefix in prefixes)
        and not _is_made_later(each)
        and contents.resolve(each.path) is None
    ]
    runs = [path for path in broken if _RUNS.fullmatch(path)]
    if runs:
        yield _problem(runs, "is a link to nothing")
    others = [path for path in broken if path not in runs]
    if others:
        detail, hint = f"{_shown(others)}: is a link to nothing", "the package ships it like that"
        yield Finding.note(Group.STRUCTURE, "files", detail, hint=hint)


def _is_made_later(link: ReadEntry) -> bool:
    target = posixpath.normpath(posixpath.join("/", posixpath.dirname(link.path), link.target))
    return any(_is_below(target.lstrip("/"), folder) for folder in _MADE_LATER)


def _is_below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _interpreters(contents: ImageContents, prefixes: Sequence[str]) -> Iterator[Finding]:
    """Look for the interpreters of scripts, as far as the environments should have them.

    What a script wants of a system, and a small base lacks, is the package's own affair.
    """
    lost: dict[str, list[str]] = {}
    for entry in _entries(contents):
        if not any(entry.path.startswith(f"{prefix}/bin/".lstrip("/")) for prefix in prefixes):
            continue
        interpreter = _interpreter(entry.data or b"")
        path = interpreter.lstrip("/")
        ours = "placehold" in path or any(_is_below(path, prefix) for prefix in prefixes)
        if interpreter.startswith("/") and ours and not contents.is_program(path):
            lost.setdefault(interpreter, []).append(entry.path)
    for interpreter, paths in sorted(lost.items()):
        detail = f"{_shown(paths)}: needs {printable(interpreter)}, which is not in the image"
        hint = "add the package that has the interpreter, or leave out the one with the script"
        yield Finding.problem(Group.STRUCTURE, "scripts", detail, hint=hint)


def _interpreter(data: bytes) -> str:
    """Return the program that a script's first line names; "" for what is no script."""
    if not data.startswith(b"#!"):
        return ""
    words = data.partition(b"\n")[0][2:].decode(errors="replace").split()
    return words[0] if words else ""


def _commands(image: Image, contents: ImageContents) -> Iterator[Finding]:
    """Look for the programs that the image's configuration names."""
    config = image.config.config
    wanted = {"command": (*config.entrypoint, *config.cmd)}
    health = config.healthcheck
    if health is not None and health.test[:1] == ("CMD",):
        wanted["health check"] = health.test[1:]
    for name, words in wanted.items():
        if not words:
            continue
        place = _found(words[0], image, contents)
        if place is None:
            detail = f"{printable(words[0])} is not in the image, or is no program"
            hint = "see `cmd:`, `entrypoint:` and `healthcheck:` of the environment file"
            yield Finding.problem(Group.STRUCTURE, name, detail, hint=hint)
        else:
            yield Finding.ok(Group.STRUCTURE, name, printable(f"/{place}"))


def _found(program: str, image: Image, contents: ImageContents) -> str | None:
    """Return where a container finds ``program``."""
    config = image.config.config
    if "/" in program:
        places = [posixpath.join("/", config.working_dir, program)]
    else:
        folders = config.env.get("PATH", DEFAULT_PATH).split(":")
        places = [posixpath.join("/", folder, program) for folder in folders if folder]
    normal = (posixpath.normpath(place).lstrip("/") for place in places)
    return next((place for place in normal if contents.is_program(place)), None)


def _problem(paths: Sequence[str], what: str) -> Finding:
    return Finding.problem(
        Group.STRUCTURE, "files", f"{_shown(paths)}: {what}", hint="take it out of what is copied"
    )


def _shown(paths: Iterable[str]) -> str:
    """Name the first of ``paths``, and count the others."""
    every = sorted(paths)
    names = ", ".join(printable(f"/{path}") for path in every[:_MOST_SHOWN])
    more = len(every) - _MOST_SHOWN
    return f"{names} and {more} more" if more > 0 else names
