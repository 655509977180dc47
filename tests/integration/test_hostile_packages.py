"""Packages that are made to break what prunes them: a build ends well, or says what is wrong."""

from __future__ import annotations

import io
import json
import platform
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from benchmarks.measure import measure
from condabox.configuration import PRUNED_ANNOTATION
from condabox.oci.layout import ImageLayout
from condabox.pruning.elf import MAGIC
from tests.fakes.elf import make_library
from tests.fakes.packages import (
    File,
    Link,
    file_member,
    make_package,
    special_member,
    tar_bytes,
    write_archive,
)
from tests.fakes.project import make_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.packages import Member, Shipped
    from tests.fakes.project import Project

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{MINOR}/site-packages"
PYTHON: dict[str, Shipped] = {
    f"{SITE}/README.txt": "",
    f"bin/python{MINOR}": File(f'#!/bin/sh\nexec {sys.executable} "$@"\n', executable=True),
}
INDEX = {"version": "1.0", "build": "0", "build_number": 0, "subdir": "linux-64"}
MANY = 100_000
SOURCE = b"from . import test_1\n"
HUGE = 3 << 30
MEMORY_LIMIT = 600_000_000
"""Bytes of all processes together; the largest file here is five times as large."""


def project_of(tmp_path: Path, files: dict[str, Shipped]) -> Project:
    return with_python(tmp_path, make_package(tmp_path, "numpy", files=files, depends=["python"]))


def with_python(tmp_path: Path, *archives: Path) -> Project:
    python = make_package(tmp_path, "python", platform.python_version(), files=PYTHON)
    return make_project(tmp_path / "project", archives=[python, *archives], specs=["numpy"])


def index_of(name: str) -> bytes:
    return json.dumps({**INDEX, "name": name, "depends": ["python"]}).encode()


def raw_package(tmp_path: Path, paths: list[str], *members: Member) -> Path:
    """Write a package of tar members and of what ``paths.json`` says of them."""
    listed = {"paths": [{"_path": path, "path_type": "hardlink"} for path in paths]}
    return write_archive(
        tmp_path / "numpy-1.0-0.conda",
        info={"index.json": index_of("numpy"), "paths.json": json.dumps(listed).encode()},
        members=members,
    )


def pruned(project: Project) -> set[str]:
    built: dict[str, Any] = project.build()
    (image,) = built["images"]
    return set(image["pruned"])


@pytest.mark.parametrize(
    "path",
    [
        "share/man/../../../../etc/passwd",
        "share/man/../../bin/python",
    ],
)
def test_paths_that_fake_what_a_rule_takes_are_refused(tmp_path: Path, path: str) -> None:
    archive = raw_package(tmp_path, [path], file_member(path, b"x"))

    done = with_python(tmp_path, archive).run("build", "environment.yml", "-o", "image")

    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr


def test_libraries_that_look_for_others_anywhere_find_nothing_outside(tmp_path: Path) -> None:
    up = "/".join([".."] * 40)
    files: dict[str, Shipped] = {
        "lib/liba.so": make_library(needed=[f"{up}/etc/passwd", "", ".", "/", "\x1b[31m"]),
        "lib/libb.so": make_library(needed=["libc.so"], runpath=f"$ORIGIN/{up}:/:$ORIGIN:{up}"),
        "lib/libz.a": b"",
    }

    done = project_of(tmp_path, files).run("build", "environment.yml", "-o", "image", "--json")

    assert done.returncode == 0, done.stderr
    assert "\x1b[31m" not in done.stdout + done.stderr


def test_links_in_circles_are_no_way_to_anywhere(tmp_path: Path) -> None:
    files: dict[str, Shipped] = {
        "lib/self": Link("self"),
        "lib/a": Link("b"),
        "lib/b": Link("a"),
        "lib/here": Link("."),
        "lib/liba.so.1": Link("here/here/here/libb.so.1"),
        "lib/libb.so.1": Link("here/liba.so.1"),
        "lib/libc.so": make_library(needed=["liba.so.1"], runpath="$ORIGIN/here:$ORIGIN/self"),
        f"{SITE}/numpy/tests": Link("."),
        f"{SITE}/numpy/__init__.py": "import numpy.tests.tests.tests\n",
        "share/man/man1": Link("../man"),
    }

    assert pruned(project_of(tmp_path, files)) <= {"manuals", "test-suites"}


def test_broken_elf_files_are_files_like_others(tmp_path: Path) -> None:
    whole = make_library(soname="liba.so", needed=["libb.so"])
    noise = bytes(range(256)) * 64
    files: dict[str, Shipped] = {
        **{f"lib/cut{end}.so": whole[:end] for end in (4, 20, 64, 100, len(whole) - 3)},
        "lib/noise.so": MAGIC + noise,
        "lib/full.so": whole[:16] + b"\xff" * (len(whole) - 16),
        f"{SITE}/numpy/x.cpython-311-x86_64-linux-gnu.so": MAGIC + b"\x02\x01" + noise,
        "lib/libz.a": MAGIC,
    }

    assert pruned(project_of(tmp_path, files)) == {"static-libraries"}


@pytest.mark.parametrize("listed", ["share/x", "share/\udcff"])
def test_names_that_are_no_text_are_refused(tmp_path: Path, listed: str) -> None:
    archive = raw_package(tmp_path, [listed], file_member("share/\udcff", b"x"))

    done = with_python(tmp_path, archive).run("build", "environment.yml", "-o", "image")

    assert done.returncode == 6, done.stderr
    assert "Traceback" not in done.stderr


def test_100000_files_are_pruned_in_bounded_memory(tmp_path: Path) -> None:
    members = [
        file_member(
            f"{SITE}/numpy/tests/d{number // 100}/test_{number}.py"
            if number % 2
            else f"share/numpy/d{number // 100}/\u00e9{number}.dat",
            SOURCE,
        )
        for number in range(MANY)
    ]
    archive = raw_package(tmp_path, [member.name for member, _ in members], *members)
    project = with_python(tmp_path, archive)
    assert project.run("lock", "environment.yml").returncode == 0

    assert peak_of(project) < MEMORY_LIMIT
    assert pruned_of(project) == {"test-suites": [MANY // 2, MANY // 2 * len(SOURCE)]}


def test_a_file_of_3_gigabytes_is_pruned_in_bounded_memory(tmp_path: Path) -> None:
    project = with_python(tmp_path, huge_package(tmp_path, "lib/libhuge.a"))
    assert project.run("lock", "environment.yml").returncode == 0

    assert peak_of(project) < MEMORY_LIMIT
    assert pruned_of(project) == {"static-libraries": [1, HUGE]}


def pruned_of(project: Project) -> dict[str, list[int]]:
    """Return how many files, and bytes, each rule took of the image's layers."""
    image = ImageLayout.open(project.root / "layout").resolve(None, platform=None)
    said = (each.annotations.get(PRUNED_ANNOTATION) for each in image.manifest.layers)
    (found,) = (json.loads(each) for each in said if each)
    rules: dict[str, list[int]] = found
    return rules


def peak_of(project: Project) -> int:
    layout = str(project.root / "layout")
    build = project.command("build", str(project.environment), "-o", layout, "--locked")
    return measure(build, env=project.variables()).peak


@dataclass
class Zeros:
    """A file of zeros that is nowhere."""

    left: int

    def read(self, size: int = 0, /) -> bytes:
        found = bytes(min(size, self.left))
        self.left -= len(found)
        return found


def huge_package(tmp_path: Path, path: str) -> Path:
    """Write a package with a file of zeros, which nobody ever holds."""
    listed = json.dumps({"paths": [{"_path": path, "path_type": "hardlink"}]}).encode()
    info = [
        file_member("info/index.json", index_of("numpy")),
        file_member("info/paths.json", listed),
    ]
    member = special_member(path, tarfile.REGTYPE)
    member.size = HUGE
    archive = tmp_path / "numpy-1.0-0.conda"
    with zipfile.ZipFile(archive, "w") as parts:
        parts.writestr("metadata.json", '{"conda_pkg_format_version": 2}')
        parts.writestr("info-numpy-1.0-0.tar.zst", zstandard.compress(tar_bytes(info)))
        packed = io.BytesIO()
        with (
            zstandard.ZstdCompressor(level=1).stream_writer(packed, closefd=False) as stream,
            tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
        ):
            tar.addfile(member, Zeros(HUGE))
        parts.writestr("pkg-numpy-1.0-0.tar.zst", packed.getvalue())
    return archive
