"""Byte code for every Python file of a package, compiled by the environment's own Python."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from condabox.conda.packages import bytecode_worker
from condabox.conda.packages.bytecode_worker import FAILED, LENGTH_BYTES
from condabox.conda.packages.entry import FileEntry, sorted_entries
from condabox.content import CHUNK_SIZE
from condabox.errors import InstallError, ToolMissingError
from condabox.process import Worker

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from types import TracebackType

    from condabox.conda.packages.entry import PrefixEntry, Spool
    from condabox.conda.packages.python import PythonInfo

LARGEST_SOURCE = 2 << 20
"""Larger files, in bytes, get no byte code: to compile one takes a hundred times its size."""

_CACHE = "__pycache__"


def replaced_bytecode(paths: Collection[str]) -> frozenset[str]:
    """Return the ``.pyc`` files among ``paths`` whose source is there too.

    Beside the source or in ``__pycache__``, of whatever Python and optimisation.  What has no
    source stays: it may be all that a package has.
    """
    present = frozenset(paths)
    return frozenset(path for path in present if source_of(path) in present)


def byte_code_of(source: str, python: PythonInfo) -> str:
    """Return where the byte code of the ``.py`` file ``source`` comes to be; "" for nowhere.

    Programs that look for their modules elsewhere than ``python`` get none.
    """
    folder, _, name = source.rpartition("/")
    root = python.site_packages.removesuffix("site-packages")
    if not name.endswith(".py") or not source.startswith(root):
        return ""
    tag = f"cpython-{python.minor.replace('.', '')}"
    return f"{folder}/{_CACHE}/{name.removesuffix('.py')}.{tag}.pyc"


def source_of(path: str) -> str:
    """Return what the ``.pyc`` file ``path`` is made from; "" where it is none."""
    if not path.endswith(".pyc"):
        return ""
    folder, slash, name = path.rpartition("/")
    name = name.removesuffix(".pyc")
    parent, _, last = folder.rpartition("/")
    if last == _CACHE:
        folder, slash = parent, "/" if parent else ""
        stem, _, level = name.rpartition(".opt-")
        name = (stem if level.isalnum() and stem else name).rpartition(".")[0]
    return f"{folder}{slash}{name}.py"


class BytecodeCompiler:
    """Compiles with ``interpreter``, in one process of it for as long as the context is open.

    What comes out depends on the sources, their paths and the Python version alone: neither on
    what was compiled before nor on the machine.  Not for use by several threads at once.
    """

    def __init__(self, interpreter: Path) -> None:
        self._interpreter = interpreter

    def __enter__(self) -> Self:
        script = Path(bytecode_worker.__file__)
        command = [str(self._interpreter), "-s", "-S", "-B", "-W", "ignore", str(script)]
        # Not -I: it implies -E, under which PYTHONHASHSEED does not count.  Nothing else of the
        # environment is passed on, and the script imports nothing that is not built in.
        environment = {"PYTHONHASHSEED": "0"}
        with ExitStack() as stack:
            # Left in the opposite order: the worker's end is what a blocked thread waits for.
            self._writer = stack.enter_context(ThreadPoolExecutor(max_workers=1))
            try:
                self._worker = stack.enter_context(Worker(command, env=environment))
            except ToolMissingError as error:
                raise InstallError(error.message) from None
            greeting = b"".join(self._answer("nothing yet") or ()).decode(errors="replace")
            self._version, _, self._cache_tag = greeting.partition(" ")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def compile(
        self,
        entries: Iterable[PrefixEntry],
        *,
        prefix: str,
        python: PythonInfo,
        spool: Spool,
        without: AbstractSet[str] = frozenset(),
    ) -> tuple[PrefixEntry, ...]:
        """Return the entries of one package with the byte code that belongs to them.

        Every ``.py`` file among the standard library and site-packages gets one unchecked-hash
        ``.pyc`` (PEP 552), whose tracebacks name the file in ``prefix``; shipped ones go.  As with
        `compileall -q`, a file that Python cannot compile is left alone; and so is one whose
        `byte_code_of` is among ``without``.
        """
        if self._version != python.minor:
            raise InstallError(
                f"{self._interpreter} is Python {self._version}, but byte code for "
                f"Python {python.minor} is needed"
            )
        root = python.site_packages.removesuffix("site-packages")
        every = tuple(entries)
        ours = [entry for entry in every if entry.path.startswith(root)]
        replaced = replaced_bytecode({entry.path for entry in ours})
        kept = [entry for entry in every if entry.path not in replaced]
        sources = [
            entry
            for entry in ours
            if isinstance(entry, FileEntry)
            and entry.path.endswith(".py")
            and entry.content.size <= LARGEST_SOURCE
            and byte_code_of(entry.path, python) not in without
        ]
        return sorted_entries([*kept, *self._compile(sources, prefix, spool)])

    def _compile(
        self, sources: Sequence[FileEntry], prefix: str, spool: Spool
    ) -> Iterator[FileEntry]:
        # The next request is on its way while the present one is answered.  A thread of its own
        # writes them: two processes that both write would wait for each other once the pipes are
        # full.  Only this thread touches the spool, which has one position for all its contents.
        for entry, following in zip(sources, (*sources, None)[1:], strict=True):
            if entry is sources[0]:
                self._request(entry, prefix)
            if following is not None:
                self._request(following, prefix)
            answer = self._answer(entry.path)
            if answer is None:
                continue
            folder, _, name = entry.path.rpartition("/")
            yield FileEntry(
                path=f"{folder}/{_CACHE}/{name.removesuffix('.py')}.{self._cache_tag}.pyc",
                content=spool.add(answer),
                executable=False,
            )

    def _request(self, entry: FileEntry, prefix: str) -> None:
        path = f"{prefix}/{entry.path}".encode()
        source = b"".join(entry.content.chunks())
        length = len(source).to_bytes(LENGTH_BYTES, "big")
        header = len(path).to_bytes(LENGTH_BYTES, "big") + path + length
        self._writer.submit(_send, self._worker.stdin, header, source)

    def _answer(self, what: str) -> Iterator[bytes] | None:
        """Return the next frame in chunks, all of which must be read, or None for `FAILED`."""
        header = self._read(LENGTH_BYTES, what)
        if header == FAILED:
            return None
        return self._frame(int.from_bytes(header, "big"), what)

    def _frame(self, length: int, what: str) -> Iterator[bytes]:
        while length:
            chunk = self._read(min(length, CHUNK_SIZE), what)
            length -= len(chunk)
            yield chunk

    def _read(self, size: int, what: str) -> bytes:
        data = self._worker.stdout.read(size)
        if len(data) < size:
            raise InstallError(
                f"{self._interpreter} ended while it compiled {what}",
                hint="its own messages are above; is there enough memory?",
            )
        return data


def _send(pipe: IO[bytes], header: bytes, source: bytes) -> None:
    # A pipe that is broken or closed shows where the answer is missing.
    with suppress(OSError, ValueError):
        pipe.write(header)
        pipe.write(source)
        pipe.flush()
