"""Images for POWER: the third platform of conda's, for which this machine needs no emulator."""

from __future__ import annotations

import json
import tarfile
from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.oci.layout import ImageLayout
from condabox.platforms import PLATFORM_OF_SUBDIR, Platform
from tests.fakes.packages import make_package
from tests.fakes.project import make_project
from tests.world.elf import data_library

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.project import Project

ELF_MACHINES = {"linux-64": 62, "linux-aarch64": 183, "linux-ppc64le": 21}


def library(subdir: str) -> bytes:
    return data_library(
        elf_machine=ELF_MACHINES[subdir], soname="libtool.so.1", symbols={"tool": b"1\0"}
    )


def content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member) if member.isreg() else None
    return stream.read() if stream else b""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    tools = [
        make_package(
            tmp_path / subdir,
            "tool",
            subdir=subdir,
            files={"lib/libtool.so.1": library(subdir)},
            depends=["data", "__glibc >=2.17", f"__archspec 1 {machine}"],
        )
        for subdir, machine in (
            ("linux-64", "x86_64"),
            ("linux-aarch64", "aarch64"),
            ("linux-ppc64le", "ppc64le"),
        )
    ]
    data = make_package(tmp_path, "data", noarch="generic", files={"share/data": b"everywhere"})
    project = make_project(tmp_path / "project", archives=[*tools, data], specs=["tool"])
    text = project.environment.read_text()
    platforms = f"[{', '.join(ELF_MACHINES)}]"
    project.environment.write_text(text.replace("[linux-64]", platforms))
    return project


def test_a_lock_has_its_packages_and_its_base(project: Project) -> None:
    done = project.run("lock", "environment.yml")

    assert done.returncode == 0, done.stderr
    locked = read_lock_file(project.root / "environment.conda-lock.yml")
    assert {subdir: [p.subdir for p in locked.packages[subdir]] for subdir in ELF_MACHINES} == {
        subdir: ["noarch", subdir] for subdir in ELF_MACHINES
    }
    assert sorted(locked.base_digests) == sorted(ELF_MACHINES)


def test_an_image_says_what_it_is_for_and_has_what_runs_there(project: Project) -> None:
    project.build("--platform", "linux/ppc64le")

    image = ImageLayout.open(project.root / "image").resolve(None, platform=None)
    assert image.platform == Platform(os="linux", architecture="ppc64le")
    with image.blobs.open(image.manifest.config) as config:
        document = json.load(config)
    assert (document["os"], document["architecture"]) == ("linux", "ppc64le")
    shipped: dict[str, bytes] = {}
    for layer in image.manifest.layers:
        with image.blobs.open(layer) as blob, tarfile.open(fileobj=blob, mode="r:*") as tar:
            shipped |= {m.name: content(tar, m) for m in tar if m.name.startswith("opt/env/")}
    assert shipped["opt/env/lib/libtool.so.1"] == library("linux-ppc64le")
    assert shipped["opt/env/share/data"] == b"everywhere"


def test_one_index_has_every_platform(project: Project) -> None:
    platforms = ",".join(map(str, PLATFORM_OF_SUBDIR.values()))

    project.build("--platform", platforms)

    layout = ImageLayout.open(project.root / "image")
    found = {layout.resolve(None, platform=each).platform for each in PLATFORM_OF_SUBDIR.values()}
    assert found == set(PLATFORM_OF_SUBDIR.values())
