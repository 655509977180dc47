"""The script that an environment's own Python runs: the same byte code as the direct backend's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.backends.dockerfile import compile_tree
from condabox.conda.packages import bytecode, bytecode_worker
from condabox.conda.packages.bytecode import BytecodeCompiler
from condabox.conda.packages.entry import FileEntry, Spool
from condabox.conda.packages.python import PythonInfo
from condabox.content import BytesContent

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
LIBRARY = f"lib/python{VERSION}"
INTERPRETER = Path(sys.base_prefix, "bin", f"python{VERSION}")
FILES = {
    f"{LIBRARY}/os.py": b"x = 1\n",
    f"{LIBRARY}/__pycache__/os.cpython-30.pyc": b"shipped",
    f"{LIBRARY}/__pycache__/os.{sys.implementation.cache_tag}.opt-1.pyc": b"shipped",
    f"{LIBRARY}/__pycache__/alone.{sys.implementation.cache_tag}.pyc": b"all that there is",
    f"{LIBRARY}/site-packages/a/__init__.py": b"'''Doc.'''\ndef f():\n    return {'b', 'a'}\n",
    f"{LIBRARY}/site-packages/a/beside.py": b"",
    f"{LIBRARY}/site-packages/a/beside.pyc": b"shipped",
    f"{LIBRARY}/site-packages/a/sourceless.pyc": b"all that there is",
    f"{LIBRARY}/site-packages/a/broken.py": b"print 'two'\n",
    f"{LIBRARY}/site-packages/a/__pycache__/broken.cpython-27.pyc": b"shipped",
    f"{LIBRARY}/site-packages/b/broken.py": b"print 'two'\n",
    f"{LIBRARY}/site-packages/b/__pycache__/broken.cpython-27.pyc": b"shipped",
    f"{LIBRARY}/site-packages/large.py": b"#" * (bytecode.LARGEST_SOURCE + 1),
    f"{LIBRARY}/site-packages/names \xe9.py": b"x = 2\n",
    "share/script.py": b"x = 1\n",
}

pytestmark = pytest.mark.skipif(not INTERPRETER.exists(), reason=f"{INTERPRETER} is not there")


def put_scripts(folder: Path) -> None:
    for module in (compile_tree, bytecode_worker):
        script = Path(str(module.__file__))
        (folder / script.name).write_bytes(script.read_bytes())


def compiled(files: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    tree = folder / "tree"
    for path, data in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(data)
    put_scripts(folder)
    done = subprocess.run(
        [INTERPRETER, "-s", "-S", "-B", "-W", "ignore", folder / "compile_tree.py", tree],
        env={"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not any(path.is_dir() and not any(path.iterdir()) for path in tree.rglob("*"))
    return {
        str(path.relative_to(tree)): path.read_bytes() for path in tree.rglob("*") if path.is_file()
    }


def of_the_direct_backend(files: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    # as the script does, the compiler names files in the prefix of the interpreter
    with Spool(folder) as spool, BytecodeCompiler(INTERPRETER) as compiler:
        entries = compiler.compile(
            [
                FileEntry(path=path, content=BytesContent(data), executable=False)
                for path, data in files.items()
            ],
            prefix=sys.base_prefix,
            python=PythonInfo(version=f"{VERSION}.0"),
            spool=spool,
        )
        return {
            entry.path: b"".join(entry.content.chunks())
            for entry in entries
            if isinstance(entry, FileEntry)
        }


def test_the_files_are_those_of_the_direct_backend(tmp_path: Path) -> None:
    assert compiled(FILES, tmp_path) == of_the_direct_backend(FILES, tmp_path)


def test_links_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "tree" / LIBRARY
    folder.mkdir(parents=True)
    (folder / "link.py").symlink_to("real.py")

    found = compiled({f"{LIBRARY}/real.py": b""}, tmp_path)

    assert [path for path in found if path.endswith(".pyc")] == [
        f"{LIBRARY}/__pycache__/real.{sys.implementation.cache_tag}.pyc"
    ]


def test_a_tree_without_python_files_is_nothing_to_do(tmp_path: Path) -> None:
    assert compiled({"bin/x": b""}, tmp_path) == {"bin/x": b""}


def test_what_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    put_scripts(tmp_path)
    folder = tmp_path / "tree" / LIBRARY
    folder.mkdir(parents=True)
    (folder / "a.py").write_bytes(b"")
    (folder / "__pycache__").write_bytes(b"a file")

    done = subprocess.run(
        [INTERPRETER, "-s", "-S", "-B", tmp_path / "compile_tree.py", tmp_path / "tree"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "__pycache__" in done.stderr


def test_both_know_the_same_limit() -> None:
    assert compile_tree.LARGEST_SOURCE == bytecode.LARGEST_SOURCE
