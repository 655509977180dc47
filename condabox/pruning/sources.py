"""Finds what a Python source may import, without parsing it.

Sources are for many versions of Python, and some are broken or hostile, so nothing here depends on
a parser.  Statements are found by their shape, wherever one could begin: every import that Python
would do is among them, and some that only stand in texts.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, starmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_OVERLAP = 1 << 16
"""Bytes that are looked at twice where a source comes in pieces; no statement is longer."""

_LARGEST_TABLE = 1 << 18
"""The same of compiled modules: no table of texts is larger, compressed."""

_LARGEST_TEXT = 1 << 22
_MOST_TRIED = 1 << 10
_MOST_TABLES = 64
_MOST_NAMES = 1 << 12
_MOST_FOLDERS = 1 << 8
_MOST_AROUND = 1 << 4
_LONGEST_NAME = 256
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")  # RFC 1950, with windows of 32 KiB

_BOM = b"\xef\xbb\xbf"

# Whitespace and line ends as Python's lexical analysis has them, a lone carriage return included.
_SPACE = rb"(?:[ \t\f]|\\\r?\n|\\\r)"
_WORD_END = rb"(?![\w\x80-\xff])"
# Keywords are no names, so that nothing swallows the beginning of the next statement.
_NAME = rb"(?!(?:import|from)%b)[A-Za-z_\x80-\xff][\w\x80-\xff]*+" % _WORD_END
_DOTTED = rb"%b(?:%b*+\.%b*+%b)*+" % (_NAME, _SPACE, _SPACE, _NAME)


def _list_of(item: bytes) -> bytes:
    renamed = rb"%b(?:%b++as%b++%b)?+" % (item, _SPACE, _SPACE, _NAME)
    return rb"%b(?:%b*+,%b*+%b)*+" % (renamed, _SPACE, _SPACE, renamed)


# Possessive throughout: no text takes more than one pass.
_STATEMENT = re.compile(
    rb"[\r\n;:][ \t\f]*+(?:lazy[ \t\f]++)?+"  # PEP 810
    rb"(?:import%b++(%b)"
    % (_SPACE, _list_of(_DOTTED))
    + rb"|from(?=[ \t\f\\.])((?:%b|\.)*+)(%b)?+" % (_SPACE, _DOTTED)
    + rb"%b*+import%b%b*+(\(|\*|%b))" % (_SPACE, _WORD_END, _SPACE, _list_of(_NAME))
)
_IN_PARENTHESES = re.compile(
    rb"(?:\s++(?!(?:import|from)%b)|%b|[,*\\]|#[^\r\n]*+)*+" % (_WORD_END, _NAME)
)
_COMMENT = re.compile(rb"#[^\r\n]*+")

_IMPORTERS = ("import_", "importlib", "lazy", "Lazy", "pkgutil", "runpy")
"""Parts of what sources import to import by functions; so do they by ``__import__``."""

_READERS = ("importlib", "pkgutil", "resources")
"""Parts of what sources import to read the data of packages."""

_NO_NAMES = frozenset({"*", "("})

_LITERAL = re.compile(rb"[\"'](\.*+%b(?:\.%b)*+)[\"']" % (_NAME, _NAME))
_READ = re.compile(
    rb"(?<!\w)(?:files|contents|path|is_resource|get_data|resource_[a-z]++|(?:open|read)_[a-z]++)"
    rb"\s*+\(\s*+(?:[\"'](%b(?:\.%b)*+)[\"']|__name__|__package__|\))" % (_NAME, _NAME)
)

_EXAMPLE = re.compile(rb"[\r\n][ \t]*+(?:>>>|\.\.\.)[^\r\n]*+")  # of doctest: nothing runs it
_PATH_IN_TESTS = re.compile(
    rb"[\"']((?:(?!tests?/)[\w.+-]++/)*+)(tests?)(?![\w.+-])((?:/[\w.+-]*+)*+)"
)
_MODULE_IN_TESTS = re.compile(rb"[\"']((?:(?!tests?\.)\w++\.)++tests?(?:\.\w++)*+)[\"']")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What a source says of modules and packages; relative names begin with dots, as in Python.

    ``resources`` are packages whose data it reads.  ``has_stub`` tells that it imports what the
    ``.pyi`` file beside it says (lazy_loader's `attach_stub`, SPEC 1).  ``beginnings`` are texts
    that begin with the name of what is imported, and nothing says where that ends.

    ``data`` are folders of tests that a source names which reads files beside modules: ``./tests``
    is one of its own package, or of one around that, ``a/tests`` one of the package ``a``.
    """

    imports: frozenset[str]
    resources: frozenset[str] = frozenset()
    has_stub: bool = False
    beginnings: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()


def read_source(chunks: Iterable[bytes]) -> Source:
    """Read a source that comes in pieces, and holds no more than one of them.

    ``from a import b`` is told as ``a.b``, which may be a module and cannot be imported without
    ``a``.  Where modules are imported by functions, every text that looks like a module's name
    counts, from the root and from the source's own package.
    """
    imports: set[str] = set()
    resources: set[str] = set()
    data: set[str] = set()
    has_stub = knows_its_place = False
    for window in _windows(chunks):
        imports.update(_imported(window))
        stated = " ".join(imports)
        if b"__import__" in window or any(part in stated for part in _IMPORTERS):
            literals = {_text(name) for name in set(_LITERAL.findall(window))}
            imports |= literals
            imports.update(f".{name}" for name in literals if not name.startswith("."))
            has_stub = has_stub or b"attach_stub" in window
        if any(part in stated for part in _READERS):
            resources.update(_text(name) or "." for name in set(_READ.findall(window)))
            names = set(_MODULE_IN_TESTS.findall(_EXAMPLE.sub(b"", window)))
            data.update(name.decode(errors="replace").replace(".", "/") for name in names)
            knows_its_place = True
        if knows_its_place or b"__file__" in window:
            stripped = _EXAMPLE.sub(b"", window)
            knows_its_place = knows_its_place or b"__file__" in stripped
            if knows_its_place:
                data.update(starmap(_folder_of_tests, set(_PATH_IN_TESTS.findall(stripped))))
    return Source(
        imports=frozenset(imports),
        resources=frozenset(resources),
        has_stub=has_stub,
        data=frozenset(sorted(data)[:_MOST_FOLDERS]),
    )


def read_compiled(chunks: Iterable[bytes], *, package: str | None) -> Source:
    """Read an ELF file that comes in pieces and lies in the topmost ``package``, if in any.

    Compiled modules import by texts in them: those that begin with the package's name count.
    Since Cython 3.2 all texts of a module are one, compressed, without anything between them.
    """
    imports: set[str] = set()
    beginnings: set[str] = set()
    start = re.escape((package or "").encode()) + rb"\."
    named = re.compile(start + rb"[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)*+")
    tables = 0
    for window in _windows(chunks, overlap=_LARGEST_TABLE):
        if package is None:
            continue
        imports.update(map(_text, named.findall(window)))
        for table in islice(_inflated(window), _MOST_TABLES - tables):
            tables += 1
            for found in islice(re.finditer(start, table), _MOST_NAMES):
                # Not as one match: another name begins where this one seems to go on.
                if name := named.match(table, found.start(), found.start() + _LONGEST_NAME):
                    beginnings.add(_text(name[0]))
    return Source(imports=frozenset(imports), beginnings=frozenset(beginnings))


def absolute(names: Iterable[str], *, package: str | None) -> tuple[str, ...]:
    """Return ``names`` as they are for a source of ``package``, sorted.

    What leads out of the topmost package is left out, and what is relative to no package at all.
    """
    return tuple(sorted({found for name in names if (found := _absolute(name, package))}))


def around(source: Source, *, package: str | None) -> tuple[str, ...]:
    """Return the folders that the `Source.data` of a source of ``package`` may be, sorted.

    Relative ones are looked for in the packages around the source, too: how many folders up a path
    begins is not known.
    """
    parts = [] if package is None else package.split(".")
    counts = range(len(parts), max(0, len(parts) - _MOST_AROUND), -1)
    outer = ["/".join(parts[:count]) for count in counts]
    found: set[str] = set()
    for folder in source.data:
        inner = folder.removeprefix("./")
        if inner == folder:
            found.add(folder)
            continue
        found.update(f"{each}/{inner}" for each in outer)
        found.update(
            f"{each.replace('.', '/')}/{inner}" for each in source.resources if each != "."
        )
        if parts and not inner.startswith("test"):
            found.add(inner)
    return tuple(sorted(found))


def _absolute(name: str, package: str | None) -> str | None:
    if not name.startswith("."):
        return name
    if package is None:
        return None
    rest = name.lstrip(".")
    above = len(name) - len(rest) - 1
    parts = package.split(".")
    if above >= len(parts):
        return None
    return ".".join([*parts[: len(parts) - above], *([rest] if rest else [])])


def _inflated(window: bytes) -> Iterator[bytes]:
    """Yield what is compressed in ``window``; most of what looks like it is not."""
    view = memoryview(window)
    for found in islice(_ZLIB.finditer(window), _MOST_TRIED):
        inflate, middle = zlib.decompressobj(), found.end() + _LONGEST_NAME
        text = b""
        with suppress(zlib.error):
            # Some bytes first: they tell, and cost little.
            text = inflate.decompress(view[found.start() : middle], _LARGEST_TEXT)
            text += inflate.decompress(view[middle:], _LARGEST_TEXT)
        if text:
            yield text


def _windows(chunks: Iterable[bytes], *, overlap: int = _OVERLAP) -> Iterator[bytes]:
    """Yield the pieces, each at the beginning of a line and after the end of the one before."""
    tail = b""
    for number, chunk in enumerate(chunks):
        window = b"\n" + tail + (chunk if number else chunk.removeprefix(_BOM))
        yield window
        tail = window[-overlap:]


def _imported(window: bytes) -> Iterator[str]:
    """Yield what the statements of ``window`` name, some of it twice."""
    end_of_list = 0
    for found in _STATEMENT.finditer(window):
        modules, dots, module, names = found.groups()
        if modules is not None:
            yield from _names(modules)
            continue
        origin = "".join(_text(dots + (module or b"")).split())
        # A statement in the comments of a list brings no list of its own: the same text would be
        # read once more for every such comment.
        is_open = names == b"(" and found.start() >= end_of_list
        if is_open and (listed := _IN_PARENTHESES.match(window, found.end())):
            names = _COMMENT.sub(b"", listed[0])
            end_of_list = listed.end()
        inner = f"{origin}." if module else origin
        imported = [inner + name for name in _names(names) if name not in _NO_NAMES]
        yield from imported or [origin]


def _names(listed: bytes) -> Iterator[str]:
    """Yield the names of a list of imports, without those that they get."""
    for item in _text(listed).split(","):
        words = item.split()
        if len(words) > 1:
            words = ["".join(words[: words.index("as")] if "as" in words else words)]
        yield from words


def _folder_of_tests(before: bytes, tests: bytes, after: bytes) -> str:
    """Return the folder of a path, whose last part may be a file, or half of a name."""
    outer = [part for part in before.split(b"/") if part.strip(b".")]
    inner = [part for part in after.split(b"/")[1:-1] if part.strip(b".")]
    return b"/".join([b".", *outer, tests, *inner]).decode(errors="replace")


def _text(names: bytes) -> str:
    """Return ``names`` in the form that Python compares, lines joined."""
    text = names.decode(errors="replace").replace("\\", " ")
    return text if text.isascii() else unicodedata.normalize("NFKC", text)
