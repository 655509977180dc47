"""Undo Debian's changes to CPython, so that it is the relocatable Python that conda has.

Debian's interpreter finds its library from the place where it lies, as every CPython does; what
differs is where Debian keeps site-packages, and that `/usr` stands in the build configuration.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.world.architectures import PYTHON
from tests.world.archive import placeholder
from tests.world.errors import WorldError
from tests.world.frozen import forget_frozen

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.architectures import Architecture

_STDLIB = f"lib/python{PYTHON}"

# (file under the standard library, Debian's text as a pattern, CPython's text).  Every pattern
# must be found, so that another Debian is noticed instead of half undone.
_EDITS = (
    ("site.py", r"    is_virtual_environment = .*\n\n", ""),
    (
        "site.py",
        r"            if is_virtual_environment:\n(?s:.*?)            # this one is deprecated.*\n",
        "",
    ),
    (
        "site.py",
        r'("python%d.%d" % sys.version_info\[:2\],\n +)"dist-packages"\)',
        r'\1"site-packages")',
    ),
    ("site.py", r"lib/python3/dist-packages\.", "lib/python<version>/site-packages."),
    (
        "site.py",
        r"For Debian and derivatives(?s:.*?)/site-packages is not used\.\n\n",
        "",
    ),
    ("sysconfig.py", r"    'deb_system': \{(?s:.*?)    'posix_local': \{(?s:.*?)\},\n", ""),
    ("sysconfig.py", r", 'posix_local', 'deb_system'\)", ")"),
    (
        "sysconfig.py",
        (
            r"    if sys\.base_prefix != sys\.prefix or hasattr(?s:.*?)"
            r"            prefix_scheme = 'posix_local'\n\n"
        ),
        "",
    ),
    ("sysconfig.py", r"'prefix': prefix_scheme", "'prefix': 'posix_prefix'"),
    (
        "sysconfig.py",
        r"\{sys\.abiflags\}_\{multiarch\}",
        "{sys.abiflags}_{sys.platform}_{multiarch}",
    ),
    ("distutils/command/install.py", r"(base\})/local(?=['/])", r"\1"),
    (
        "distutils/command/install.py",
        r"python\{py_version_short\}/dist-packages",
        "python{py_version_short}/site-packages",
    ),
    (
        "distutils/sysconfig.py",
        r'join\(prefix, "lib", "python3", "dist-packages"\)',
        'join(libpython, "site-packages")',
    ),
    ("pydoc.py", r"'dist-packages'", "'site-packages'"),
)


def make_relocatable(staging: Path, architecture: Architecture) -> None:
    """Edit Debian's Python under ``staging`` into conda's."""
    for name, pattern, replacement in _EDITS:
        path = staging / _STDLIB / name
        text, count = re.subn(pattern, replacement, path.read_text())
        if count == 0:
            raise WorldError(f"{name} is not Debian's of Python {PYTHON}: no {pattern!r}")
        path.write_text(text)
    for name in (f"bin/python{PYTHON}", f"lib/libpython{PYTHON}.so.1.0"):
        forget_frozen(staging / name, "site", previous="os")
    _move_build_configuration(staging, architecture)
    _add_commands(staging, architecture)
    site_packages = staging / _STDLIB / "site-packages"
    site_packages.mkdir()
    (site_packages / "README.txt").write_text(
        "This directory exists so that 3rd party packages can be installed here.\n"
    )


def _move_build_configuration(staging: Path, architecture: Architecture) -> None:
    prefix, triple = placeholder("python"), architecture.triple
    stdlib = staging / _STDLIB
    debian = stdlib / f"_sysconfigdata__{triple}.py"
    conda = stdlib / f"_sysconfigdata__linux_{triple}.py"
    conda.unlink(missing_ok=True)
    debian.rename(conda)
    makefile = stdlib / f"config-{PYTHON}-{triple}" / "Makefile"
    for path in (conda, makefile, staging / "bin" / f"{triple}-python{PYTHON}-config"):
        text = path.read_text().replace(f"/usr/lib/{triple}", f"{prefix}/lib")
        # Only where a path begins: -ffile-prefix-map and the like name the build's directories.
        path.write_text(re.sub(r"""(?<=['"=\s])/usr(?=[/'"\s])""", prefix, text))


def _add_commands(staging: Path, architecture: Architecture) -> None:
    commands = staging / "bin"
    config = commands / f"{architecture.triple}-python{PYTHON}-config"
    (commands / f"python{PYTHON}-config").unlink()
    config.rename(commands / f"python{PYTHON}-config")
    for name, target in (
        ("python", f"python{PYTHON}"),
        ("python3", f"python{PYTHON}"),
        ("python3-config", f"python{PYTHON}-config"),
    ):
        (commands / name).symlink_to(target)
