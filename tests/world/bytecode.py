"""Compile byte code as conda-build does, with Debian's interpreter, unpacked but not installed."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox import process
from tests.world.architectures import PYTHON

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.world.apt import Deb
    from tests.world.architectures import Architecture


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python for this machine, of the version that the world's packages have."""

    root: Path
    triple: str

    def compile(self, staging: Path, *, mtime: int, like: Path | None = None) -> None:
        """Add a timestamp ``.pyc`` beside every module under ``staging``'s ``lib``.

        Modules record ``mtime`` and their path relative to the prefix, as conda-build has it.
        ``like`` is another staged tree, already compiled with the same ``mtime``: what is the same
        there is taken from there.
        """
        for source in sorted(staging.glob("lib/**/*.py")):
            if source.is_file() and not source.is_symlink():
                os.utime(source, (mtime, mtime))
                if like is not None:
                    _reuse(source, like / source.relative_to(staging))
        command = [str(self.root / "usr/bin" / f"python{PYTHON}"), "-s", "-m", "compileall"]
        environment = {
            "PYTHONHOME": str(self.root / "usr"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "LD_LIBRARY_PATH": f"{self.root}/usr/lib/{self.triple}:{self.root}/lib/{self.triple}",
        }
        # Some modules are examples of what does not compile; they stay without byte code.
        process.attempt(
            [*command, "-q", "-q", "-s", str(staging), str(staging / "lib")], env=environment
        )


def unpack_interpreter(
    debs: Iterable[Deb], *, architecture: Architecture, directory: Path
) -> Interpreter:
    """Unpack Debian's Python into ``directory``, once."""
    if not directory.exists():
        partial = directory.with_name(f"{directory.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        for deb in debs:
            process.run(["dpkg-deb", "-x", str(deb.path), str(partial)])
        partial.rename(directory)
    return Interpreter(root=directory, triple=architecture.triple)


def _reuse(source: Path, twin: Path) -> None:
    name = f"{source.stem}.cpython-{PYTHON.replace('.', '')}.pyc"
    compiled = twin.parent / "__pycache__" / name
    if compiled.exists() and twin.read_bytes() == source.read_bytes():
        target = source.parent / "__pycache__" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(compiled, target)
