"""Packages that nobody ships: Python's ABI marker, and one whose binaries know their prefix."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.world.architectures import SITE_PACKAGES
from tests.world.archive import Metadata, placeholder, write_package
from tests.world.elf import data_library

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.architectures import Architecture
    from tests.world.archive import Built
    from tests.world.bytecode import Interpreter

PROBE = "prefix-probe"
_TIMESTAMP = 1_700_000_000

_MODULE = '''\
"""Tells which prefix each kind of file in this package was made to believe in."""

import ctypes
import pathlib
import sys

SHARE = pathlib.Path(sys.prefix, "share", "prefix-probe")


def text(library, name):
    return ctypes.string_at(ctypes.addressof(ctypes.c_char.in_dll(library, name))).decode()


def prefixes():
    library = ctypes.CDLL(str(pathlib.Path(sys.prefix, "lib", "libprefixprobe.so.1")))
    data = SHARE.joinpath("index.bin").read_bytes()
    return {
        "shared object": text(library, "prefix_probe_prefix"),
        "search path": text(library, "prefix_probe_path"),
        "after the search path": ctypes.c_int.in_dll(library, "prefix_probe_guard").value,
        "binary data": data[16:].split(b"\\0")[0].decode(),
        "text": SHARE.joinpath("prefix.txt").read_text().strip(),
    }


def main():
    found = prefixes()
    prefix = sys.prefix
    expected = {
        "shared object": prefix,
        "search path": f"{prefix}/lib:{prefix}/share",
        "after the search path": 42,
        "binary data": prefix,
        "text": prefix,
    }
    for name, value in found.items():
        print(f"{name}: {value}")
    return 0 if found == expected else f"expected {expected}"
'''


def build_python_abi(staging: Path, output: Path) -> Built:
    """Make conda-forge's empty package that holds extension modules and Python together."""
    metadata = Metadata(
        name="python_abi",
        version="3.11",
        build="8_cp311",
        build_number=8,
        subdir="noarch",
        license="BSD-3-Clause",
        summary="Metapackage to select python implementation",
        timestamp=_TIMESTAMP,
        constrains=("python 3.11.* *_cpython",),
        noarch="generic",
    )
    return write_package(staging, metadata, directory=output)


def build_prefix_probe(
    staging: Path,
    output: Path,
    *,
    architecture: Architecture,
    interpreter: Interpreter,
    build_hash: str,
) -> Built:
    """Make a package that reads its prefix at run time from every kind of file that can carry it.

    `prefix-probe` on the command line fails when one of them is wrong.
    """
    prefix = placeholder(PROBE)
    soname = "libprefixprobe.so.1"
    library = data_library(
        elf_machine=architecture.elf_machine,
        soname=soname,
        symbols={
            "prefix_probe_prefix": prefix.encode() + b"\0",
            # The prefix twice in one string: what follows the first must move up as well.
            "prefix_probe_path": f"{prefix}/lib:{prefix}/share".encode() + b"\0",
            "prefix_probe_guard": (42).to_bytes(4, "little"),
        },
    )
    script = (
        f"#!{prefix}/bin/python\nimport sys\nimport prefix_probe\n\nsys.exit(prefix_probe.main())\n"
    )
    variables = {"PREFIX_PROBE_HOME": f"{prefix}/share/prefix-probe"}
    files: dict[str, bytes] = {
        "bin/prefix-probe": script.encode(),
        f"{SITE_PACKAGES}/prefix_probe.py": _MODULE.encode(),
        "etc/conda/activate.d/prefix-probe.sh": b'export PREFIX_PROBE_ACTIVE="${CONDA_PREFIX}"\n',
        "etc/conda/deactivate.d/prefix-probe.sh": b"unset PREFIX_PROBE_ACTIVE\n",
        "etc/conda/env_vars.d/prefix-probe.json": json.dumps(variables).encode(),
        f"lib/{soname}.0.0": library,
        "share/prefix-probe/index.bin": b"PROBE\0\0\1" + bytes(8) + prefix.encode() + bytes(9),
        "share/prefix-probe/prefix.txt": f"{prefix}\n".encode(),
    }
    for name, content in files.items():
        path = staging / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for name in ("bin/prefix-probe", f"lib/{soname}.0.0"):
        (staging / name).chmod(0o755)
    for name in (soname, "libprefixprobe.so"):
        (staging / "lib" / name).symlink_to(f"{soname}.0.0")
    interpreter.compile(staging, mtime=_TIMESTAMP)
    metadata = Metadata(
        name=PROBE,
        version="1.0",
        build=f"py311h{build_hash}_0",
        subdir=architecture.subdir,
        license="BSD-3-Clause",
        summary="Tells which prefix its files believe in",
        timestamp=_TIMESTAMP,
        depends=("python >=3.11,<3.12.0a0", "python_abi 3.11.* *_cp311"),
        imports=("prefix_probe",),
    )
    return write_package(staging, metadata, directory=output)
