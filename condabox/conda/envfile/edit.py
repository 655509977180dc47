"""Edits what an environment file asks for, and leaves all else in it as it was written."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal

from packaging.utils import canonicalize_name

from condabox.conda.envfile.dependencies import read_dependencies
from condabox.conda.envfile.document import Span, parse_document
from condabox.conda.envfile.match_spec import package_name
from condabox.conda.envfile.pip_requirement import project_name, requirements
from condabox.conda.envfile.reading import FieldError, Problems
from condabox.conda.envfile.splicing import TextList, scalar, span_of, unusual, without_lines
from condabox.decode import DecodeError, join, mapping, sequence
from condabox.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from condabox.conda.envfile.dependencies import Dependency
    from condabox.conda.envfile.document import Document
    from condabox.decode import JSON

_LIST = "dependencies"
_PIP = "pip:"
_MOST_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What is to be added or, where it has no text, to be removed.  ``manager`` None is any."""

    name: str
    manager: Literal["conda", "pip"] | None
    text: str = ""

    def concerns(self, found: Dependency, *, pip: bool) -> bool:
        """Tell whether this is about ``found``, which is one of pip's or one of conda's."""
        if self.manager not in {None, "pip" if pip else "conda"}:
            return False
        return found.name == (canonicalize_name(self.name) if pip else self.name.lower())


def edited(text: str, *, path: Path, add: Sequence[str], remove: Sequence[str]) -> str:
    """Return the environment file ``text`` with ``add`` in its dependencies, without ``remove``.

    ``add`` are match specs, and requirements of pip's behind ``pip:``.  They take the place of
    what the file has of the same name.  ``remove`` are names, which go wherever they stand, or
    behind ``pip:`` out of the pip block alone.  Lines that this does not concern keep every byte.

    Raise SpecError for what cannot be added or is not there, and for a file whose form is not
    edited for sure.  ``path`` is the file's own, which is neither read nor written.
    """
    try:
        changes = [_addition(spec, folder=path.parent) for spec in add]
        changes += [_removal(name) for name in remove]
        _check_contradictions(changes)
    except DecodeError as error:
        raise _told(str(error), error) from None
    for change in changes:
        text = _apply(change, _Environment.read(text, path=path))
    return text


def _addition(spec: str, *, folder: Path) -> _Change:
    """Check what is to be added; a line break would add more than one thing."""
    at = "--add"
    text, pip = _without_manager(spec)
    if not text.isprintable():
        raise FieldError(f"{text!r} is more than one line", at=at, hint="give --add once for each")
    if not pip:
        return _Change(name=package_name(text, at=at), manager="conda", text=text)
    if text.startswith(("-r", "--requirement")):
        raise FieldError("takes no file", at=at, hint=f"write `- {text}` into the pip block")
    (text,) = requirements(text, at=at, folder=folder)
    return _Change(name=project_name(text), manager="pip", text=text)


def _removal(name: str) -> _Change:
    found, pip = _without_manager(name)
    return _Change(name=found, manager="pip" if pip else None)


def _without_manager(text: str) -> tuple[str, bool]:
    """Take ``pip:`` off, and tell whether it was there; ``pip::`` is a channel of conda's."""
    text = text.strip()
    if text.startswith(_PIP) and not text.startswith(_PIP + ":"):
        return text.removeprefix(_PIP).strip(), True
    return text, False


def _check_contradictions(changes: Sequence[_Change]) -> None:
    for number, change in enumerate(changes):
        for other in changes[number + 1 :]:
            same = canonicalize_name(change.name) == canonicalize_name(other.name)
            if same and (change.manager == other.manager or not other.manager):
                raise FieldError(f"{change.name} is named twice", at="--add, --remove")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Environment:
    """An environment file as it is written and as it is read."""

    path: Path
    text: str
    document: Document
    root: JSON
    conda: tuple[Dependency, ...]
    pip: tuple[Dependency, ...]

    @classmethod
    def read(cls, text: str, *, path: Path) -> _Environment:
        """Read ``text``; raise SpecError for the first thing that is wrong with it."""
        document = parse_document(text, path=path)
        problems = Problems()
        try:
            root = mapping(document.value, at="")
            conda, pip = read_dependencies(
                root.get(_LIST), at=_LIST, document=document, folder=path.parent, problems=problems
            )
            if problems.found:
                raise problems.found[0]
        except DecodeError as error:
            raise _located(error, path=path, document=document) from None
        return cls(path=path, text=text, document=document, root=root, conda=conda, pip=pip)

    def entries(self) -> Sequence[object]:
        """Return the list of dependencies, its pip blocks as mappings."""
        return sequence(self.root[_LIST], at=_LIST)

    def written(self, at: str = _LIST) -> TextList:
        """Return how the dependencies, or those of the pip block at ``at``, are written."""
        items: object = self.entries()
        if at != _LIST:
            block = at.removesuffix(".pip")
            span_of(self.document, block)
            items = mapping(self.entries()[_index(block)], at=block)["pip"]
        size = len(sequence(items, at=at))
        return TextList.find(self.text, self.document, at=at, size=size)

    def concerned(self, change: _Change) -> tuple[Dependency, ...]:
        """Return what the file has of the name in ``change``."""
        return (
            *(found for found in self.conda if change.concerns(found, pip=False)),
            *(found for found in self.pip if change.concerns(found, pip=True)),
        )

    def asked(self) -> Iterator[tuple[str, str, str | None]]:
        """Yield what is asked for, wherever it stands."""
        yield from (("conda", one.text, one.selector) for one in self.conda)
        yield from (("pip", one.text, one.selector) for one in self.pip)


def _apply(change: _Change, environment: _Environment) -> str:
    """Return the text of ``environment`` with ``change`` in it."""
    try:
        if change.text:
            return _added(change, environment)
        return _removed(change, environment)
    except DecodeError as error:
        raise _located(error, path=environment.path, document=environment.document) from None


def _added(change: _Change, environment: _Environment) -> str:
    old = environment.concerned(change)
    if len(old) > 1:
        lines = " and ".join(str(found.line) for found in old)
        raise FieldError(
            f"{change.name} is asked for on lines {lines}, for different platforms",
            at=old[0].at,
            hint="edit the file by hand: a command does not know which one is meant",
        )
    if old:
        _check_own(old[0], environment)
        holder, index = _place(old[0].at)
        text = environment.written(holder).replaced(index, change.text)
    elif change.manager == "pip":
        text = _with_requirement(change.text, environment)
    else:
        found = environment.written()
        names = [i for i, entry in enumerate(environment.entries()) if isinstance(entry, str)]
        text = found.inserted(max(names, default=-1) + 1, scalar(change.text, flow=found.flow))
    new = (str(change.manager), change.text, old[0].selector if old else None)
    return _proven(text, environment, gained=[new], lost=old)


def _with_requirement(requirement: str, environment: _Environment) -> str:
    """Add ``requirement`` to the last pip block, or the block where there is none."""
    entries, outer = environment.entries(), environment.written()
    blocks = [i for i, entry in enumerate(entries) if not isinstance(entry, str)]
    if blocks:
        block = environment.written(join(join(_LIST, blocks[-1]), "pip"))
        return block.inserted(len(block.items), scalar(requirement, flow=block.flow))
    entry = scalar(requirement, flow=outer.flow)
    lines = (f"{{pip: [{entry}]}}",) if outer.flow else ("pip:", f"    - {entry}")
    return outer.inserted(len(entries), *lines)


def _removed(change: _Change, environment: _Environment) -> str:
    old = environment.concerned(change)
    if not old:
        raise _not_there(change, environment)
    _check_own(old[0], environment)
    text = _proven(_without(old[0].at, environment), environment, gained=[], lost=old[:1])
    if len(old) == 1:
        return text
    return _removed(change, _Environment.read(text, path=environment.path))


def _without(at: str, environment: _Environment) -> str:
    """Take out one entry, and a pip block that would be empty without it."""
    holder, index = _place(at)
    found = environment.written(holder)
    if len(found.items) > 1:
        return found.without(index)
    outer = environment.written()
    if len(outer.items) == 1:
        raise FieldError(
            "nothing would be left", at=_LIST, hint="an environment asks for a package"
        )
    block = _index(holder.removesuffix(".pip"))
    if found.flow:
        return outer.without(block)
    # The lines of the entry and of `- pip:` go, and comments between them stay
    start = outer.items[block].start
    return without_lines(found.without(0), Span(start=start, end=start))


def _check_own(found: Dependency, environment: _Environment) -> None:
    """Refuse to edit what only an included file asks for."""
    span = span_of(environment.document, found.at)
    written = environment.text[span.start : span.end].strip("\"'")
    if written.startswith("-"):
        raise FieldError(
            f"{found.name} stands in a file that `{written}` includes",
            at=found.at,
            hint="edit that file",
        )


def _proven(
    text: str,
    before: _Environment,
    *,
    gained: Sequence[tuple[str, str, str | None]],
    lost: Sequence[Dependency],
) -> str:
    """Return ``text`` when it reads as ``before`` with that change and no other."""
    try:
        after = _Environment.read(text, path=before.path)
    except SpecError:
        raise unusual(_LIST) from None
    gone = [("pip" if one in before.pip else "conda", one.text, one.selector) for one in lost]
    expected = Counter(before.asked()) - Counter(gone) + Counter(gained)
    if Counter(after.asked()) != expected or _others(after) != _others(before):
        raise unusual(_LIST)
    return text


def _others(environment: _Environment) -> JSON:
    return {key: value for key, value in environment.root.items() if key != _LIST}


def _not_there(change: _Change, environment: _Environment) -> FieldError:
    names = sorted({one.name for one in (*environment.conda, *environment.pip)})
    near = get_close_matches(change.name.lower(), names)
    hint = (
        f"did you mean {' or '.join(near)}?"
        if near
        else f"there is {', '.join(names[:_MOST_SHOWN])}{', …' * (len(names) > _MOST_SHOWN)}"
    )
    return FieldError(f"nothing asks for {change.name!r}", at=_LIST, hint=hint)


def _place(at: str) -> tuple[str, int]:
    """Split the path of an entry into that of its list and its index."""
    return at.rpartition("[")[0], _index(at)


def _index(at: str) -> int:
    return int(at.rpartition("[")[2].removesuffix("]"))


def _located(error: DecodeError, *, path: Path, document: Document) -> SpecError:
    line = document.line(str(error).partition(": ")[0])
    return _told(f"{path}:{line}: {error}" if line else f"{path}: {error}", error)


def _told(message: str, error: DecodeError) -> SpecError:
    return SpecError(message, hint=error.hint if isinstance(error, FieldError) else None)
