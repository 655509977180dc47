from __future__ import annotations

import importlib.util
import marshal
import platform
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.packages import bytecode
from condabox.conda.packages.bytecode import (
    BytecodeCompiler,
    byte_code_of,
    replaced_bytecode,
    source_of,
)
from condabox.conda.packages.bytecode_worker import compile_source
from condabox.conda.packages.entry import DirectoryEntry, FileEntry, LinkEntry, Spool
from condabox.conda.packages.python import PythonInfo
from condabox.content import BytesContent
from condabox.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from condabox.conda.packages.entry import PrefixEntry

PYTHON = PythonInfo(version=platform.python_version())
LIB = f"lib/python{PYTHON.minor}"
SITE = PYTHON.site_packages
TAG = sys.implementation.cache_tag


@pytest.fixture(scope="module")
def compiler() -> Iterator[BytecodeCompiler]:
    with BytecodeCompiler(Path(sys.executable)) as compiler:
        yield compiler


def entry(path: str, data: bytes | str = b"") -> FileEntry:
    content = BytesContent(data.encode() if isinstance(data, str) else data)
    return FileEntry(path=path, content=content, executable=False)


def compiled(
    compiler: BytecodeCompiler, folder: Path, *entries: PrefixEntry, prefix: str = "/opt/env"
) -> Mapping[str, PrefixEntry]:
    with Spool(folder) as spool:
        found = compiler.compile(entries, prefix=prefix, python=PYTHON, spool=spool)
        paths = [each.path for each in found]
        assert paths == sorted(paths, key=str.encode)
        return {each.path: in_memory(each) for each in found}


def in_memory(each: PrefixEntry) -> PrefixEntry:
    if isinstance(each, FileEntry):
        data = b"".join(each.content.chunks())
        assert len(data) == each.content.size
        return entry(each.path, data)
    return each


def data_of(each: PrefixEntry) -> bytes:
    assert isinstance(each, FileEntry)
    return b"".join(each.content.chunks())


def code_of(each: PrefixEntry) -> CodeType:
    code = marshal.loads(data_of(each)[16:])  # noqa: S302  (made a moment ago)
    assert isinstance(code, CodeType)
    return code


@pytest.mark.parametrize(
    "path", [f"{SITE}/demo.py", f"{SITE}/pkg/deep/demo.py", f"{LIB}/demo.py", f"{LIB}/json/demo.py"]
)
def test_every_source_gets_byte_code(compiler: BytecodeCompiler, tmp_path: Path, path: str) -> None:
    found = compiled(compiler, tmp_path, entry(path, "x = 1\n"))

    folder, _, name = path.rpartition("/")
    assert list(found) == [f"{folder}/__pycache__/{name[:-3]}.{TAG}.pyc", path]


@pytest.mark.parametrize(
    "path", ["bin/demo.py", "share/demo.py", "lib/demo.py", "lib/python2.7/demo.py", f"{SITE}/demo"]
)
def test_other_files_get_none(compiler: BytecodeCompiler, tmp_path: Path, path: str) -> None:
    assert list(compiled(compiler, tmp_path, entry(path, "x = 1\n"))) == [path]


def test_python_loads_it_without_looking_at_the_source(
    compiler: BytecodeCompiler, tmp_path: Path
) -> None:
    found = compiled(compiler, tmp_path, entry(f"{SITE}/demo.py", "x = 1\n"))
    cached = tmp_path / "__pycache__" / f"demo.{TAG}.pyc"
    cached.parent.mkdir()
    cached.write_bytes(data_of(found[f"{SITE}/__pycache__/demo.{TAG}.pyc"]))
    (tmp_path / "demo.py").write_text("x = 'from the source'\n")

    command = [sys.executable, "-c", "import demo; print(demo.x, demo.__cached__)"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)

    assert done.stdout.split() == ["1", str(cached)]


def test_the_header_is_that_of_unchecked_hashes(compiler: BytecodeCompiler, tmp_path: Path) -> None:
    source = b"x = 1\n"

    found = compiled(compiler, tmp_path, entry(f"{SITE}/a.py", source))
    data = data_of(found[f"{SITE}/__pycache__/a.{TAG}.pyc"])

    assert data[:4] == importlib.util.MAGIC_NUMBER
    assert data[4:8] == b"\x01\0\0\0"
    assert data[8:16] == importlib.util.source_hash(source)


def test_tracebacks_name_the_file_in_the_prefix(compiler: BytecodeCompiler, tmp_path: Path) -> None:
    found = compiled(compiler, tmp_path, entry(f"{SITE}/é.py", "def f(): return 1 / 0\n"))

    code = code_of(found[f"{SITE}/__pycache__/é.{TAG}.pyc"])

    assert code.co_filename == f"/opt/env/{SITE}/é.py"
    inner = next(each for each in code.co_consts if isinstance(each, CodeType))
    assert inner.co_filename == f"/opt/env/{SITE}/é.py"


def test_assertions_and_docstrings_stay(compiler: BytecodeCompiler, tmp_path: Path) -> None:
    found = compiled(compiler, tmp_path, entry(f"{SITE}/a.py", '"""doc"""\nassert False\n'))

    code = code_of(found[f"{SITE}/__pycache__/a.{TAG}.pyc"])

    assert "doc" in code.co_consts
    with pytest.raises(AssertionError):
        exec(code)  # noqa: S102  (two lines above)


def test_shipped_byte_code_of_a_source_goes(compiler: BytecodeCompiler, tmp_path: Path) -> None:
    found = compiled(
        compiler,
        tmp_path,
        entry(f"{SITE}/a.py", "x = 1\n"),
        entry(f"{SITE}/a.pyc", "legacy"),
        entry(f"{SITE}/__pycache__/a.{TAG}.pyc", "shipped"),
        entry(f"{SITE}/__pycache__/a.{TAG}.opt-1.pyc", "shipped"),
        entry(f"{SITE}/__pycache__/a.cpython-27.pyc", "shipped"),
        entry(f"{SITE}/__pycache__/gone.{TAG}.pyc", "no source"),
        entry(f"{SITE}/sourceless.pyc", "no source"),
    )

    assert list(found) == [
        f"{SITE}/__pycache__/a.{TAG}.pyc",
        f"{SITE}/__pycache__/gone.{TAG}.pyc",
        f"{SITE}/a.py",
        f"{SITE}/sourceless.pyc",
    ]
    assert data_of(found[f"{SITE}/__pycache__/a.{TAG}.pyc"]) != b"shipped"


def test_links_and_directories_stay_as_they_are(compiler: BytecodeCompiler, tmp_path: Path) -> None:
    others = (
        DirectoryEntry(path=f"{SITE}/empty"),
        LinkEntry(path=f"{SITE}/link.py", target="a.py"),
    )

    assert tuple(compiled(compiler, tmp_path, *others).values()) == others


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(b"def\n", id="syntax error"),
        pytest.param(b"x = 1\0\n", id="null byte"),
        pytest.param(b"# coding: nonsense\n", id="unknown encoding"),
        pytest.param(b"'\xff'\n", id="not the encoding"),
        pytest.param(b"# coding: rot13\n", id="no text encoding"),
        pytest.param(b"(" * 10_000 + b")" * 10_000, id="deep"),
        pytest.param(b"x = " + b"-" * 100_000 + b"1", id="deep too"),
        pytest.param(b"1 " + b"+ 1 " * 100_000, id="long"),
    ],
)
def test_what_python_cannot_compile_is_left_alone(
    compiler: BytecodeCompiler, tmp_path: Path, source: bytes
) -> None:
    found = compiled(
        compiler, tmp_path, entry(f"{SITE}/bad.py", source), entry(f"{SITE}/good.py", "x = 1\n")
    )

    assert list(found) == [
        f"{SITE}/__pycache__/good.{TAG}.pyc",
        f"{SITE}/bad.py",
        f"{SITE}/good.py",
    ]


@pytest.mark.parametrize(
    "source", [b"", b"\xef\xbb\xbfx = 1\n", b"# coding: latin-1\nx = '\xe9'\n"]
)
def test_unusual_sources_are_compiled(
    compiler: BytecodeCompiler, tmp_path: Path, source: bytes
) -> None:
    assert len(compiled(compiler, tmp_path, entry(f"{SITE}/a.py", source))) == 2


def test_warnings_about_sources_are_nobodys_business(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with BytecodeCompiler(Path(sys.executable)) as compiler:
        compiled(compiler, tmp_path, entry(f"{SITE}/a.py", "x = '\\d'; 1 is 1\n"))

    assert capfd.readouterr().err == ""


def test_large_sources_get_none(
    compiler: BytecodeCompiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bytecode, "LARGEST_SOURCE", 10)

    found = compiled(
        compiler, tmp_path, entry(f"{SITE}/a.py", "#" * 11), entry(f"{SITE}/b.py", "#" * 10)
    )

    assert list(found) == [f"{SITE}/__pycache__/b.{TAG}.pyc", f"{SITE}/a.py", f"{SITE}/b.py"]


def test_sources_and_answers_larger_than_a_pipe_do_not_block(
    compiler: BytecodeCompiler, tmp_path: Path
) -> None:
    source = "".join(f"name_{number} = 'a text, number {number}'\n" for number in range(40_000))

    found = compiled(compiler, tmp_path, *(entry(f"{SITE}/m{n}.py", source) for n in range(3)))

    sizes = [len(data_of(each)) for each in found.values()]
    assert len(sizes) == 6
    assert min(sizes) > 1 << 20


def test_what_was_compiled_before_does_not_matter(tmp_path: Path) -> None:
    source = "def f(a, b='some text', c=(1, 2.5, 'x y', '*', 'é')): return {a, 'k', b}\n"
    mine = entry(f"{SITE}/mine.py", source)
    others = [
        # Makes names, which marshal writes in another way, of strings that a process has once.
        entry(f"{SITE}/a.py", "from os import *\né = 1\n"),
        *(
            entry(f"{SITE}/other{number}.py", Path(module.__file__ or "").read_bytes())
            for number, module in enumerate((subprocess, platform, importlib.util))
        ),
    ]

    with BytecodeCompiler(Path(sys.executable)) as first:
        alone = compiled(first, tmp_path, mine)
    with BytecodeCompiler(Path(sys.executable)) as second:
        among = compiled(second, tmp_path, *others, mine)
        again = compiled(second, tmp_path, mine)

    path = f"{SITE}/__pycache__/mine.{TAG}.pyc"
    assert alone[path] == among[path] == again[path]


def test_another_python_is_refused(compiler: BytecodeCompiler, tmp_path: Path) -> None:
    with Spool(tmp_path) as spool, pytest.raises(InstallError, match=r"Python 3\.1 is needed"):
        compiler.compile([], prefix="/opt/env", python=PythonInfo(version="3.1.0"), spool=spool)


def test_an_interpreter_that_is_missing_is_an_install_error(tmp_path: Path) -> None:
    with (
        pytest.raises(InstallError, match="cannot run"),
        BytecodeCompiler(tmp_path / "python"),
    ):
        pass


def test_an_interpreter_that_ends_is_an_install_error(tmp_path: Path) -> None:
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\nexit 1\n")
    script.chmod(0o755)

    with pytest.raises(InstallError, match="ended"), BytecodeCompiler(script):
        pass


def test_an_interpreter_that_ends_later_is_an_install_error(tmp_path: Path) -> None:
    script = tmp_path / "python"
    greeting = f"{PYTHON.minor} {TAG}"
    script.write_text(f"#!/bin/sh\nprintf '\\0\\0\\0\\{len(greeting):03o}{greeting}'\n")
    script.chmod(0o755)
    sources = [entry(f"{SITE}/a{number}.py", "#" * (1 << 20)) for number in range(4)]

    with (
        BytecodeCompiler(script) as compiler,
        Spool(tmp_path) as spool,
        pytest.raises(InstallError, match=r"ended while it compiled .*/a0\.py"),
    ):
        compiler.compile(sources, prefix="/opt/env", python=PYTHON, spool=spool)


PATHS = st.lists(st.sampled_from(["a", "b.c", "x.opt-1"]), max_size=3).map("/".join)


@given(PATHS, st.sampled_from(["m", "m.n", "opt-1", "m.opt"]), st.sampled_from(["", "1", "2"]))
def test_the_places_of_byte_code_are_those_of_importlib(
    folder: str, name: str, optimization: str
) -> None:
    source = f"{folder}/{name}.py".lstrip("/")
    cached = importlib.util.cache_from_source(source, optimization=optimization)

    assert replaced_bytecode([source, cached, f"{source}c"]) == {cached, f"{source}c"}
    assert replaced_bytecode([cached, f"{source}c"]) == set()


def test_what_is_compiled_here_is_what_python_would_run() -> None:
    source = b"def f(x):\n    return [y for y in x if y not in {1, 2, 'a'}]\n"

    code = marshal.loads(compile_source(source, "/opt/env/a.py")[16:])  # noqa: S302

    assert code == compile(source, "/opt/env/a.py", "exec", dont_inherit=True)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a/__pycache__/b.cpython-312.opt-1.pyc", "a/b.py"),
        ("__pycache__/b.cpython-312.pyc", "b.py"),
        ("a/b.pyc", "a/b.py"),
        ("a/b.py", ""),
        ("a/__pycache__/b.txt", ""),
        ("", ""),
    ],
)
def test_the_source_of_byte_code(path: str, source: str) -> None:
    assert source_of(path) == source


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("lib/python3.12/os.py", "lib/python3.12/__pycache__/os.cpython-312.pyc"),
        (
            "lib/python3.12/site-packages/a/b.py",
            "lib/python3.12/site-packages/a/__pycache__/b.cpython-312.pyc",
        ),
        ("lib/python3.12/site-packages/a/b.so", ""),
        ("lib/python3.11/os.py", ""),
        ("share/app/main.py", ""),
    ],
)
def test_where_byte_code_comes_to_be(source: str, made: str) -> None:
    assert byte_code_of(source, PythonInfo(version="3.12.4")) == made
    assert source_of(made) == (source if made else "")


def test_no_byte_code_is_made_of_what_is_to_have_none(
    compiler: BytecodeCompiler, tmp_path: Path
) -> None:
    python = PythonInfo(version=platform.python_version())
    library = python.site_packages
    with Spool(tmp_path) as spool:
        entries = [
            FileEntry(path=f"{library}/{name}.py", content=BytesContent(b""), executable=False)
            for name in ("a", "b")
        ]
        compiled = compiler.compile(
            entries,
            prefix="/p",
            python=python,
            spool=spool,
            without={byte_code_of(f"{library}/a.py", python)},
        )

    made = [entry.path for entry in compiled if entry.path.endswith(".pyc")]
    assert made == [byte_code_of(f"{library}/b.py", python)]


@pytest.mark.parametrize("kind", ["{'%s', 'b'}", "{'%s', ('b', None), 1, True, 2.0}"])
def test_sets_are_the_same_whatever_the_process_has_had(kind: str) -> None:
    name = f"never_seen_{abs(hash(kind))}"
    body = kind.replace("%s", name)
    functions = (f"def f{n}(x):\n    return x + {n} in {body}\n" for n in range(1000, 1003))
    source = "".join(functions).encode()

    first = compile_source(source, "/p/a.py")
    had_before = sys.intern(name)
    again = compile_source(source, "/p/a.py")

    assert first == again
    module = marshal.loads(again[16:])  # noqa: S302
    codes = [each for each in module.co_consts if isinstance(each, CodeType)]
    assert [each.co_name for each in codes] == ["f1000", "f1001", "f1002"]
    assert all(had_before in repr(each.co_consts) for each in codes)
