from __future__ import annotations

import base64
import csv
import hashlib
import io
import tracemalloc
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.entry import FileEntry, Spool
from condabox.conda.packages.python import PythonInfo
from condabox.conda.packages.wheel import link_wheel, wheel_inventory
from condabox.errors import InstallError, UnsafePathError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from condabox.conda.packages.inventory import PackageInventory

PYTHON = PythonInfo(version="3.11.2")
SITE = "lib/python3.11/site-packages"
INFO = "demo-1.0.dist-info"
WHEEL = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
METADATA = "Metadata-Version: 2.1\nName: Demo\nVersion: 1.0\n\ntext\n"


@dataclass(frozen=True)
class File:
    data: bytes
    mode: int = 0o644


def encoded(data: bytes, algorithm: str = "sha256") -> str:
    digest = hashlib.new(algorithm, data).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def row(name: str, data: bytes) -> str:
    return f'"{name}",sha256={encoded(data)},{len(data)}\n'


def make_wheel(
    folder: Path,
    files: Mapping[str, File | bytes | str],
    *,
    filename: str = "demo-1.0-py3-none-any.whl",
    record: str | None = None,
) -> Path:
    path = folder / filename
    all_files = {f"{INFO}/WHEEL": WHEEL, f"{INFO}/METADATA": METADATA, **files}
    contents = {
        name: file
        if isinstance(file, File)
        else File(file.encode() if isinstance(file, str) else file)
        for name, file in all_files.items()
    }
    if record is None:
        record = "".join(row(name, file.data) for name, file in contents.items())
        record += f"{INFO}/RECORD,,\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in {**contents, f"{INFO}/RECORD": File(record.encode())}.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (0o100000 | file.mode) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, file.data)
    return path


def locked(path: Path, *, name: str = "demo", version: str = "1.0") -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        manager="pip",
        url=f"https://wheels.example/{path.name.replace('+', '%2B')}",
        sha256="0" * 64,
        category="main",
        dependencies=(),
    )


def linked(
    path: Path,
    package: LockedPackage | None = None,
    *,
    prefix: str = "/opt/env",
    python: PythonInfo | None = PYTHON,
) -> dict[str, File]:
    with Spool(path.parent) as spool:
        entries = link_wheel(
            path, package or locked(path), prefix=prefix, python=python, spool=spool
        )
        paths = [entry.path for entry in entries]
        assert paths == sorted(paths, key=str.encode)
        found = {}
        for entry in entries:
            assert isinstance(entry, FileEntry)
            data = b"".join(entry.content.chunks())
            assert len(data) == entry.content.size
            found[entry.path] = File(data, 0o755 if entry.executable else 0o644)
        return found


def inventory(path: Path) -> PackageInventory:
    return wheel_inventory(path, locked(path), python=PYTHON)


def test_files_go_to_site_packages(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo/__init__.py": "x = 1\n", "demo/data.bin": b"\0"})

    found = linked(path)

    assert found[f"{SITE}/demo/__init__.py"] == File(b"x = 1\n")
    assert found[f"{SITE}/demo/data.bin"] == File(b"\0")
    assert found[f"{SITE}/{INFO}/METADATA"] == File(METADATA.encode())
    assert found[f"{SITE}/{INFO}/INSTALLER"] == File(b"condabox\n")


def test_every_part_of_data_has_its_place(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {
            "demo-1.0.data/purelib/pure.py": "",
            "demo-1.0.data/platlib/plat.so": "",
            "demo-1.0.data/headers/sub/demo.h": "",
            "demo-1.0.data/scripts/tool": "#!/bin/sh\n",
            "demo-1.0.data/data/share/demo/x.txt": "",
        },
    )

    found = linked(path)

    assert set(found) == {
        f"{SITE}/pure.py",
        f"{SITE}/plat.so",
        "include/python3.11/Demo/sub/demo.h",
        "bin/tool",
        "share/demo/x.txt",
        *(f"{SITE}/{INFO}/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
    }


def test_free_threaded_python_has_folders_of_its_own(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo.py": "", "demo-1.0.data/headers/demo.h": ""})
    python = PythonInfo(version="3.13.1", site_packages="lib/python3.13t/site-packages")

    found = linked(path, python=python)

    assert "lib/python3.13t/site-packages/demo.py" in found
    assert "include/python3.13t/Demo/demo.h" in found


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"#!python\nx\n", b"#!/opt/env/bin/python3.11\nx\n"),
        (b"#!pythonw -E\r\nx\n", b"#!/opt/env/bin/python3.11\nx\n"),
        (b"#!python", b"#!/opt/env/bin/python3.11\n"),
        (b"#!/usr/bin/python\nx\n", b"#!/usr/bin/python\nx\n"),
        (b"", b""),
    ],
)
def test_scripts_run_with_the_environments_python(
    tmp_path: Path, before: bytes, after: bytes
) -> None:
    path = make_wheel(tmp_path, {"demo-1.0.data/scripts/tool": before})

    assert linked(path)["bin/tool"] == File(after, 0o755)


@pytest.mark.parametrize("prefix", ["/opt/a b", "/" + "x" * 120])
def test_a_path_that_no_shebang_can_hold_is_left_to_the_shell(tmp_path: Path, prefix: str) -> None:
    path = make_wheel(
        tmp_path,
        {
            "demo-1.0.data/scripts/tool": "#!python\nprint()\n",
            f"{INFO}/entry_points.txt": "[console_scripts]\ndemo = demo:main\n",
        },
    )

    found = linked(path, prefix=prefix)

    for script in (found["bin/tool"].data, found["bin/demo"].data):
        assert script.startswith(b"#!/bin/sh\n'''exec' ")
        compile(script, "script", "exec")


def test_entry_points_become_scripts(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {
            f"{INFO}/entry_points.txt": (
                "[console_scripts]\ndemo = demo.cli:App.main [extra]\n"
                "[gui_scripts]\ndemo-gui = demo:gui\n[other]\nx = y:z\n"
            )
        },
    )

    found = linked(path)

    assert found["bin/demo"] == File(
        b"#!/opt/env/bin/python3.11\n"
        b"# -*- coding: utf-8 -*-\n"
        b"import re\n"
        b"import sys\n\n"
        b"from demo.cli import App\n\n"
        b"if __name__ == '__main__':\n"
        b"\tsys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])\n"
        b"\tsys.exit(App.main())\n",
        0o755,
    )
    assert b"from demo import gui\n" in found["bin/demo-gui"].data
    assert "bin/x" not in found


def test_an_entry_point_wins_over_a_script_of_its_name(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {
            "demo-1.0.data/scripts/demo": "#!python\nold\n",
            f"{INFO}/entry_points.txt": "[console_scripts]\ndemo = demo:main\n",
        },
    )

    assert b"from demo import main" in linked(path)["bin/demo"].data


def test_record_lists_what_is_installed(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {
            "demo/__init__.py": "",
            "demo/a,b.txt": "x",
            "demo-1.0.data/scripts/tool": "#!python\n",
            f"{INFO}/entry_points.txt": "[console_scripts]\ndemo = demo:main\n",
            f"{INFO}/direct_url.json": "{}",
            f"{INFO}/REQUESTED": "",
            f"{INFO}/INSTALLER": "pip",
            f"{INFO}/RECORD.jws": "{}",
        },
    )

    found = linked(path)

    rows = list(csv.reader(io.StringIO(found[f"{SITE}/{INFO}/RECORD"].data.decode())))
    assert [name for name, _, _ in rows] == [
        "../../../bin/demo",
        "../../../bin/tool",
        f"{INFO}/INSTALLER",
        f"{INFO}/METADATA",
        f"{INFO}/RECORD",
        f"{INFO}/WHEEL",
        f"{INFO}/entry_points.txt",
        "demo/__init__.py",
        "demo/a,b.txt",
    ]
    for name, digest, size in rows:
        if name == f"{INFO}/RECORD":
            assert (digest, size) == ("", "")
            continue
        data = found[name.removeprefix("../../../") if name[0] == "." else f"{SITE}/{name}"].data
        assert (digest, size) == (f"sha256={encoded(data)}", str(len(data)))
    assert len(rows) == len(found)


def test_byte_code_of_shipped_sources_is_left_out(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {
            "demo/__init__.py": "",
            "demo/__init__.pyc": "old",
            "demo/__pycache__/__init__.cpython-311.pyc": "old",
            "demo/__pycache__/__init__.cpython-39.opt-1.pyc": "old",
            "demo/sourceless.pyc": "kept",
        },
    )

    found = [name for name in linked(path) if name.endswith(".pyc")]

    assert found == [f"{SITE}/demo/sourceless.pyc"]


@pytest.mark.parametrize(
    ("name", "mode", "executable"),
    [("a.so", 0o755, True), ("a.so", 0o744, True), ("a.so", 0o644, False), ("run", 0o711, True)],
)
def test_execute_bits_are_the_archives(
    tmp_path: Path, name: str, mode: int, *, executable: bool
) -> None:
    path = make_wheel(tmp_path, {f"demo/{name}": File(b"", mode)})

    assert linked(path)[f"{SITE}/demo/{name}"].mode == (0o755 if executable else 0o644)


def test_the_inventory_tells_the_same_paths(tmp_path: Path) -> None:
    path = make_wheel(
        tmp_path,
        {
            "demo/__init__.py": "",
            "demo/__init__.pyc": "",
            "demo-1.0.data/scripts/tool": "",
            "demo-1.0.data/data/etc/conda/activate.d/demo.sh": "export A=1\n",
            f"{INFO}/entry_points.txt": "[console_scripts]\ndemo = demo:main\ntool = demo:tool\n",
        },
    )

    found = inventory(path)

    assert found.paths == tuple(linked(path))
    assert found.archive_size == path.stat().st_size
    assert found.activation == {"etc/conda/activate.d/demo.sh": "export A=1\n"}
    assert (found.timestamp, found.link_scripts) == (None, ())


def test_the_same_wheel_gives_the_same_entries(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"b.py": "b", "a.py": "a", "demo-1.0.data/scripts/t": "#!python\n"})

    assert list(linked(path).items()) == list(linked(path).items())


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_a_file_that_is_not_the_recorded_one_is_refused(tmp_path: Path, algorithm: str) -> None:
    record = f"demo.py,{algorithm}={encoded(b'a', algorithm)},1\n"
    sound = make_wheel(tmp_path, {"demo.py": "a"}, record=record)
    linked(sound)
    broken = make_wheel(tmp_path, {"demo.py": "b"}, record=record)

    with pytest.raises(InstallError, match=r"demo\.py is not the file that the wheel's RECORD"):
        linked(broken)


def test_files_that_record_forgot_are_installed_as_by_pip(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo.py": "a"}, record="demo.py,,\n")

    found = linked(path)

    assert f"demo.py,sha256={encoded(b'a')},1\n" in found[f"{SITE}/{INFO}/RECORD"].data.decode()


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ("demo.py,sha256=x,2\n", "demo.py has 2 bytes, not 1"),
        ("demo.py,sha256=x\n", "expected 3 elements"),
        ("demo.py,sha256,1\n", "does not follow the required format"),
        ("demo.py,shake_128=x,1\n", "no hash of files"),
        ("demo.py,nonsense=x,1\n", "invalid hash algorithm"),
        (",sha256=x,1\n", "cannot be empty"),
        (f"{'x' * 200_000},,\n", "field larger than"),
    ],
)
def test_a_broken_record_is_refused(tmp_path: Path, record: str, problem: str) -> None:
    path = make_wheel(tmp_path, {"demo.py": "a"}, record=record)

    with pytest.raises(InstallError, match=problem):
        linked(path)


@pytest.mark.parametrize(
    "name",
    [
        "../evil.py",
        "demo/../../evil.py",
        "/etc/evil",
        "demo//x.py",
        "./demo.py",
        "demo\\..\\x.py",
        "C:/x.py",
        "demo-1.0.data/data/../../x",
        "demo-1.0.data/scripts/../x",
    ],
)
def test_a_path_out_of_the_prefix_is_refused(tmp_path: Path, name: str) -> None:
    path = make_wheel(tmp_path, {name: "x"})

    with pytest.raises(UnsafePathError, match="is not allowed"):
        linked(path)
    with pytest.raises(UnsafePathError, match="is not allowed"):
        inventory(path)


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demoX.py": "x"})
    path.write_bytes(path.read_bytes().replace(b"demoX.py", b"demo\0.py"))

    with pytest.raises(UnsafePathError, match="is not allowed"):
        inventory(path)


@pytest.mark.parametrize("command", ["../x", "a/b", "..", "."])
def test_an_entry_point_that_is_no_file_name_is_refused(tmp_path: Path, command: str) -> None:
    text = f"[console_scripts]\n{command} = demo:main\n"
    path = make_wheel(tmp_path, {f"{INFO}/entry_points.txt": text})

    with pytest.raises(UnsafePathError, match="is not a file name"):
        inventory(path)


@pytest.mark.parametrize(
    "text",
    [
        "[console_scripts]\ndemo = demo\n",
        "[console_scripts]\ndemo = demo:main; import os\n",
        "[console_scripts]\ndemo\n",
        "demo = demo:main\n",
        "[console_scripts]\na = b:c\na = b:d\n",
        "[console_scripts]\na = %(x)s\n",
    ],
)
def test_broken_entry_points_are_refused(tmp_path: Path, text: str) -> None:
    path = make_wheel(tmp_path, {f"{INFO}/entry_points.txt": text})

    with pytest.raises(InstallError, match=r"entry_points\.txt"):
        linked(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo.py": "a"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("demo.py", "b")

    with pytest.raises(InstallError, match=r"demo\.py is in the archive twice"):
        linked(path)


def test_two_files_for_one_place_are_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo.py": "a", "demo-1.0.data/purelib/demo.py": "b"})

    with pytest.raises(InstallError, match=r"two files would become .*/demo\.py"):
        inventory(path)


def test_a_file_that_is_a_folder_too_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo": "a", "demo/x.py": "b"})

    with pytest.raises(InstallError, match="a file and a folder at once"):
        inventory(path)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"other-1.0.dist-info/WHEEL": WHEEL}, "exactly one .dist-info folder"),
        ({"demo-1.0.data/nonsense/x": ""}, "no known part of a wheel"),
        ({"demo-1.0.data/x": ""}, "no known part of a wheel"),
        ({"demo-1.0.data/data": ""}, "no known part of a wheel"),
        ({f"{INFO}/WHEEL": "Wheel-Version: 2.0\nRoot-Is-Purelib: true\n"}, "condabox reads 1.x"),
        ({f"{INFO}/WHEEL": "Root-Is-Purelib: true\n"}, "Wheel-Version is None"),
        ({f"{INFO}/WHEEL": "Wheel-Version: 1.0\n"}, "Root-Is-Purelib is None"),
        ({f"{INFO}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: 1\n"}, "Root-Is-Purelib is 1"),
        ({f"{INFO}/METADATA": "Name: other\nVersion: 1.0\n"}, "METADATA says other 1.0"),
        ({f"{INFO}/METADATA": "Name: demo\nVersion: 1.1\n"}, "METADATA says demo 1.1"),
        ({f"{INFO}/METADATA": b"Name: \xff\n"}, "is damaged"),
    ],
)
def test_a_wheel_that_is_none_is_refused(
    tmp_path: Path, files: Mapping[str, str | bytes], problem: str
) -> None:
    path = make_wheel(tmp_path, files)

    with pytest.raises(InstallError, match=problem) as caught:
        linked(path)

    assert path.name in caught.value.message


@pytest.mark.parametrize(
    ("name", "version", "filename"),
    [
        ("other", "1.0", "demo-1.0-py3-none-any.whl"),
        ("demo", "1.1", "demo-1.0-py3-none-any.whl"),
        ("demo", "1.0", "other-1.0-py3-none-any.whl"),
        ("demo", "1.0", "demo-1.1-py3-none-any.whl"),
    ],
)
def test_another_package_than_the_locked_one_is_refused(
    tmp_path: Path, name: str, version: str, filename: str
) -> None:
    path = make_wheel(tmp_path, {}, filename=filename)

    with pytest.raises(InstallError, match="is locked as") as caught:
        inventory(path) if name == "demo" == version else linked(
            path, locked(path, name=name, version=version)
        )

    assert f"`condabox lock --update {name}`" in str(caught.value.hint)


def test_names_and_versions_are_compared_in_their_normal_form(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo.py": ""})

    assert linked(path, locked(path, name="DEMO", version="1.0.0"))


@pytest.mark.parametrize("filename", ["demo-1.0.tar.gz", "demo-1.0.zip"])
def test_a_source_distribution_is_refused(tmp_path: Path, filename: str) -> None:
    path = tmp_path / filename
    path.write_bytes(b"x")

    with pytest.raises(InstallError, match=r"demo 1\.0 is locked as a source") as caught:
        inventory(path)

    assert caught.value.hint is not None
    assert "wheels" in caught.value.hint


def test_a_wheel_needs_python(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {})

    with pytest.raises(InstallError, match="needs Python"):
        linked(path, python=None)


@pytest.mark.parametrize("kept", [0, 1, 100, 400])
def test_a_truncated_wheel_is_refused(tmp_path: Path, kept: int) -> None:
    path = make_wheel(tmp_path, {"demo.py": bytes(range(256))})
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(InstallError, match="is damaged"):
        linked(path)


def test_every_damaged_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo.py": "x = 1\n"})
    sound, whole = linked(path), path.read_bytes()

    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x41]) + whole[position + 1 :])
        try:
            found = linked(path)
        except InstallError:
            continue
        assert found[f"{SITE}/demo.py"].data == sound[f"{SITE}/demo.py"].data


def test_a_missing_wheel_is_an_install_error(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match="cannot be read"):
        linked(tmp_path / "demo-1.0-py3-none-any.whl")


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo.py": "x"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)

    with pytest.raises(InstallError, match="is encrypted"):
        inventory(path)


def test_more_bytes_than_an_archive_can_hold_are_refused(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo.py": "x"})
    data = bytearray(path.read_bytes())
    header = data.index(b"PK\x01\x02", data.index(b"PK\x01\x02") + 1)
    data[header + 24 : header + 28] = (1 << 30).to_bytes(4, "little")
    path.write_bytes(data)

    with pytest.raises(InstallError, match="more than it can"):
        inventory(path)


def test_large_files_are_not_held_in_memory(tmp_path: Path) -> None:
    path = make_wheel(tmp_path, {"demo/large.so": bytes(64 << 20)})
    tracemalloc.start()

    with Spool(tmp_path) as spool:
        link_wheel(path, locked(path), prefix="/opt/env", python=PYTHON, spool=spool)
        peak = tracemalloc.get_traced_memory()[1]

    tracemalloc.stop()
    assert peak < 24 << 20  # of which the spool may hold 16 MiB
