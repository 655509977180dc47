from __future__ import annotations

import tempfile
import zipfile
import zlib
from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.entry_points import EntryPoint, entry_point_script
from condabox.conda.packages.python import PythonInfo
from condabox.errors import InstallError
from condabox.pruning.facts import ElfFacts, PackageFacts
from condabox.pruning.observe import observe
from tests.fakes.elf import make_library
from tests.fakes.packages import PLACEHOLDER, Directory, File, HardLink, Link, locked, make_package

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Literal

    from tests.fakes.packages import ArchiveFormat, Shipped

PYTHON = PythonInfo(version="3.11.2")
SITE = "lib/python3.11/site-packages"
FORMATS = pytest.mark.parametrize("archive_format", ["conda", "tar.bz2"])
LARGE = 17 << 20
"""More bytes than are held in memory."""


def of_conda(
    folder: Path,
    files: Mapping[str, Shipped],
    *,
    noarch: Literal["python"] | None = None,
    python: PythonInfo | None = PYTHON,
    archive_format: ArchiveFormat = "conda",
    entry_points: tuple[str, ...] = (),
) -> PackageFacts:
    archive = make_package(
        folder,
        "demo",
        files=files,
        noarch=noarch,
        archive_format=archive_format,
        entry_points=entry_points,
    )
    return observe(archive, locked(archive), python=python, scratch=folder)


def of_wheel(folder: Path, files: Mapping[str, str | bytes]) -> PackageFacts:
    archive = folder / "demo-1.0-py3-none-any.whl"
    info = "demo-1.0.dist-info"
    texts = {
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for name, data in {**texts, **files}.items():
            written.writestr(name, data)
    package = LockedPackage(
        name="demo",
        version="1.0",
        manager="pip",
        url=f"https://wheels.example/{archive.name}",
        sha256="0" * 64,
        category="main",
        dependencies=(),
    )
    return observe(archive, package, python=PYTHON, scratch=folder)


@FORMATS
def test_facts_of_a_conda_package(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    library = make_library(soname="liba.so.1", needed=["libb.so"], runpath="$ORIGIN")
    files: dict[str, Shipped] = {
        "lib/liba.so.1": library,
        "lib/liba.so": Link("liba.so.1"),
        "lib/unlisted.so": Link("liba.so.1", listed=False),
        "share/data": Directory(),
        "share/text": "x" * 7,
        "share/unlisted": File("y", listed=False),
        f"{SITE}/a/b.py": "from . import c\nfrom importlib.resources import files\nfiles('d')\n",
        "bin/tool": File("#!/bin/sh\nexit\n", executable=True),
    }

    found = of_conda(tmp_path, files, archive_format=archive_format)

    assert found == PackageFacts(
        sizes={
            "lib/liba.so.1": len(library),
            "share/text": 7,
            f"{SITE}/a/b.py": 65,
            "bin/tool": 15,
        },
        links={"lib/liba.so": "liba.so.1"},
        libraries={
            "lib/liba.so.1": ElfFacts(
                soname="liba.so.1",
                needed=("libb.so",),
                runpath=("$ORIGIN",),
                machine="EM_X86_64",
            )
        },
        imports={f"{SITE}/a/b.py": ("a.c", "a.d", "d", "importlib.resources.files")},
        resources={f"{SITE}/a/b.py": ("d",)},
        entry_points=(),
        scripts={"bin/tool": "/bin/sh"},
        data={},
    )


def test_noarch_files_are_told_where_they_will_be(tmp_path: Path) -> None:
    files = {
        "site-packages/a/__init__.py": "from .b import c",
        "site-packages/a/b.py": "from .. import too_far",
        "python-scripts/run": "#!python\nimport a.b\n",
    }

    command = "tool = a.cli:main"
    script = entry_point_script(EntryPoint.parse(command, at=""), prefix="", python=PYTHON)

    found = of_conda(tmp_path, files, noarch="python", entry_points=(command,))

    assert found.imports == {f"{SITE}/a/__init__.py": ("a.b.c",), "bin/run": ("a.b",)}
    assert found.entry_points == ("a.cli",)
    assert found.scripts == {"bin/run": "python", "bin/tool": "bin/python3.11"}
    assert found.sizes["bin/tool"] == len(script)


def test_a_script_of_an_entry_point_takes_the_place_of_a_file(tmp_path: Path) -> None:
    files = {"python-scripts/tool": "#!/usr/bin/python\nimport old\n"}

    found = of_conda(tmp_path, files, noarch="python", entry_points=("tool = a:main",))

    assert found.imports == {}
    assert found.scripts == {"bin/tool": "bin/python3.11"}


def test_facts_of_a_wheel(tmp_path: Path) -> None:
    library = make_library(needed=["libc.so.6"])
    files: dict[str, str | bytes] = {
        "demo/__init__.py": "from . import _core\n",
        "demo/_core.abi3.so": library,
        "demo/data.bin": b"\0" * 3_000_000,
        "demo-1.0.data/scripts/run": "#!python -E\nfrom demo import main\n",
        "demo-1.0.dist-info/entry_points.txt": (
            "[console_scripts]\ntool = demo.cli:main [extra]\n\n[demo.plugins]\n# a = b\nx=demo.x\n"
        ),
    }

    found = of_wheel(tmp_path, files)

    assert found.imports == {
        f"{SITE}/demo/__init__.py": ("demo._core",),
        "bin/run": ("demo.main",),
    }
    assert list(found.libraries) == [f"{SITE}/demo/_core.abi3.so"]
    assert found.entry_points == ("demo.cli", "demo.x")
    assert found.scripts == {"bin/run": "bin/python3.11", "bin/tool": "bin/python3.11"}
    assert found.sizes[f"{SITE}/demo/data.bin"] == 3_000_000
    assert found.sizes[f"{SITE}/demo/_core.abi3.so"] == len(library)


def test_entry_points_that_conda_packages_ship_with_their_metadata(tmp_path: Path) -> None:
    files = {
        f"{SITE}/a-1.dist-info/entry_points.txt": "[x]\na = a.b:c\n",
        f"{SITE}/b-1-py3.11.egg-info/entry_points.txt": "[x]\na= b.plugin\n",
        f"{SITE}/c/EGG-INFO/entry_points.txt": "a = c\n",
        f"{SITE}/d/entry_points.txt": "a = d\n",
    }

    assert of_conda(tmp_path, files).entry_points == ("a.b", "b.plugin", "c")


@pytest.mark.parametrize(
    ("line", "program"),
    [
        (f"#!{PLACEHOLDER}/bin/python3.11 -E", "bin/python3.11"),
        ("#!/usr/bin/env python3", "python3"),
        ("#! /usr/bin/env -S X=1 perl -w", "perl"),
        ("#!/bin/bash", "/bin/bash"),
        ("#!/usr/bin/env", ""),
        ("#!", ""),
        ("text", ""),
    ],
)
def test_who_runs_a_script(tmp_path: Path, line: str, program: str) -> None:
    found = of_conda(tmp_path, {"bin/tool": f"{line}\n", "share/tool": f"{line}\n"})

    assert found.scripts == ({"bin/tool": program} if program else {})


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        (f"{PLACEHOLDER}/lib", "$ORIGIN/../../lib"),
        (PLACEHOLDER, "$ORIGIN/../.."),
        (f"{PLACEHOLDER}-other/lib", f"{PLACEHOLDER}-other/lib"),
        ("/usr/lib", "/usr/lib"),
        ("$ORIGIN/..", "$ORIGIN/.."),
    ],
)
def test_folders_of_the_prefix_begin_at_the_library(
    tmp_path: Path, folder: str, expected: str
) -> None:
    files = {"lib/inner/liba.so": make_library(runpath=f"{folder}:/last")}

    found = of_conda(tmp_path, files)

    assert found.libraries["lib/inner/liba.so"].runpath == (expected, "/last")


def test_a_program_that_names_python_later_imports(tmp_path: Path) -> None:
    text = f"#!/bin/sh\n'''exec' {PLACEHOLDER}/bin/python \"$0\" \"$@\"\n' '''\nimport a\n"

    found = of_conda(tmp_path, {"bin/tool": text, "libexec/other": "#!/bin/sh\nimport b\n"})

    assert found.imports == {"bin/tool": ("a",)}
    assert found.scripts == {"bin/tool": "/bin/sh"}


@FORMATS
def test_hard_links_have_the_facts_of_what_they_are(
    tmp_path: Path, archive_format: ArchiveFormat
) -> None:
    files: dict[str, Shipped] = {
        f"{SITE}/a/b.py": "from . import c",
        f"{SITE}/d/e.py": HardLink(f"{SITE}/a/b.py"),
        f"{SITE}/f/g.py": HardLink(f"{SITE}/d/e.py"),
        "lib/a": Link("python3.11"),
        "lib/b": HardLink("lib/a"),
    }

    found = of_conda(tmp_path, files, archive_format=archive_format)

    assert found.imports == {
        f"{SITE}/a/b.py": ("a.c",),
        f"{SITE}/d/e.py": ("d.c",),
        f"{SITE}/f/g.py": ("f.c",),
    }
    assert set(found.sizes.values()) == {15}
    assert found.links == {"lib/a": "python3.11", "lib/b": "python3.11"}


def test_a_source_imports_what_its_stub_says(tmp_path: Path) -> None:
    attached = "import lazy_loader as lazy\nlazy.attach_stub(__name__, __file__)\n"
    files = {
        f"{SITE}/a/__init__.pyi": "from .tests import b\n",
        f"{SITE}/a/__init__.py": attached,
        f"{SITE}/a/c.py": "x = 1\n",
        f"{SITE}/a/c.pyi": "import unused\n",
        f"{SITE}/a/d.py": attached,
    }

    found = of_conda(tmp_path, files)

    assert found.imports == {
        f"{SITE}/a/__init__.py": ("a.tests.b", "lazy_loader"),
        f"{SITE}/a/d.py": ("lazy_loader",),
    }
    assert found.resources == {f"{SITE}/a/__init__.py": ("a",)}


def test_folders_of_tests_that_a_source_names_are_looked_for_around_it(tmp_path: Path) -> None:
    here = 'import os\nx = os.path.join(os.path.dirname(__file__), "test", "test.crt")\n'
    inner = 'x = Path(__file__, "../../b/tests/data/x.csv")\n'
    read = 'from importlib.resources import files\nfiles("d").joinpath("tests/x.csv")\n'
    files = {
        f"{SITE}/a/m.py": here,
        f"{SITE}/a/b/n.py": inner,
        f"{SITE}/top.py": read,
        "bin/run": f"#!{PLACEHOLDER}/bin/python\n{read}",
        f"{SITE}/a/conftest.py": here,
        f"{SITE}/alone.py": here,
    }

    assert of_conda(tmp_path, files).data == {
        f"{SITE}/a/m.py": ("a/test",),
        f"{SITE}/a/b/n.py": ("a/b/b/tests/data", "a/b/tests/data", "b/tests/data"),
        f"{SITE}/top.py": ("d/tests",),
        "bin/run": ("d/tests",),
    }


def test_compiled_modules_import_from_their_own_package(tmp_path: Path) -> None:
    library = make_library(soname="a") + b"\0a._core\0b._core\0"
    files = {f"{SITE}/a/x.cpython-311-x86_64-linux-gnu.so": library, "lib/liba.so": library}

    assert list(of_conda(tmp_path, files).imports.items()) == [
        (f"{SITE}/a/x.cpython-311-x86_64-linux-gnu.so", ("a._core",))
    ]


def test_names_in_a_compressed_table_end_where_a_module_does(tmp_path: Path) -> None:
    texts = b"a._corea._core.xxa.subpackaged.ya.topb.z"
    compiled = make_library() + zlib.compress(texts)
    module = f"{SITE}/a/x.cpython-311-x86_64-linux-gnu.so"
    others = (
        "__init__.py",
        "_core/__init__.py",
        "_core/x.abi3.so",
        "_co.so.txt",
        "sub/__init__.py",
    )
    files: dict[str, Shipped] = {module: compiled}
    files |= {f"{SITE}/a/{name}": "" for name in others}

    assert of_conda(tmp_path, files).imports == {module: ("a", "a._core", "a._core.x", "a.sub")}


def test_what_python_runs_when_it_starts_imports(tmp_path: Path) -> None:
    files = {
        f"{SITE}/a.pth": "import a.b; a.b.start()\n/some/folder\n",
        f"{SITE}/a/model.pth": "import not_a_source\n",
        f"{SITE}/top.py": "from . import nothing\nimport c\n",
        "lib/python3.11/json/tool.py": "from . import d\n",
        "share/demo/e.py": "from . import nothing\nimport f\n",
    }

    assert of_conda(tmp_path, files).imports == {
        f"{SITE}/a.pth": ("a.b",),
        f"{SITE}/top.py": ("c",),
        "lib/python3.11/json/tool.py": ("json.d",),
        "share/demo/e.py": ("f",),
    }


def test_without_python_nothing_is_relative(tmp_path: Path) -> None:
    files = {f"{SITE}/a/b.py": "from . import c\nimport d\n"}

    assert of_conda(tmp_path, files, python=None).imports == {f"{SITE}/a/b.py": ("d",)}


def test_broken_files_are_no_error(tmp_path: Path) -> None:
    files: dict[str, Shipped] = {
        "lib/libshort.so": b"\x7fELF",
        "lib/libodd.so": b"\x7fELF" + b"\xff" * 100,
        "lib/libcut.so": make_library(needed=["a"])[:100],
        f"{SITE}/a.py": b"\xff\xfe(((\nimport b\n'''",
        f"{SITE}/empty.py": b"",
        f"{SITE}/a-1.dist-info/entry_points.txt": b"\xff = \n[\n",
        "bin/odd": b"#!\xff\n",
    }

    found = of_conda(tmp_path, files)

    assert found.libraries == {
        "lib/libcut.so": ElfFacts(soname=None, needed=(), runpath=(), machine="EM_X86_64")
    }
    assert found.imports == {f"{SITE}/a.py": ("b",)}
    assert set(found.sizes) == set(files)


def test_a_broken_archive_is_an_error(tmp_path: Path) -> None:
    archive = make_package(tmp_path, "demo", files={"a": "x" * 100})
    archive.write_bytes(archive.read_bytes()[:-200])

    with pytest.raises(InstallError, match="cannot be read"):
        observe(archive, locked(archive), python=PYTHON, scratch=tmp_path)


def test_large_libraries_wait_on_disk_and_leave_nothing_there(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    archive = make_package(
        tmp_path, "demo", files={"lib/a.so": make_library(needed=["n"], padding=LARGE)}
    )

    found = observe(archive, locked(archive), python=PYTHON, scratch=scratch)

    assert found.libraries["lib/a.so"].needed == ("n",)
    assert found.sizes["lib/a.so"] > LARGE
    assert list(scratch.iterdir()) == []


def test_a_full_disk_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Full)

    with pytest.raises(InstallError, match="No space left on device"):
        of_conda(tmp_path, {"lib/a.so": make_library()})
