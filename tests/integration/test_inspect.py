"""`condabox inspect` on images of every kind, those that nobody should make included."""

from __future__ import annotations

import json
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

from condabox.errors import CondaboxError
from condabox.events import SilentReporter
from condabox.inspection.layer_contents import LARGEST_RECORD
from condabox.oci.config import ContainerConfig
from condabox.oci.descriptor import Descriptor
from condabox.oci.image import new_image
from condabox.oci.layer import Layer
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.mediatype import OCI_LAYER
from condabox.reporting.image_markdown import image_markdown
from condabox.reporting.image_text import image_text
from condabox.settings import Settings
from condabox.workflows.inspect import InspectRequest, inspect_image
from tests.fakes.contents import conda_record, wheel_record
from tests.fakes.images import AMD64, EPOCH, make_image
from tests.fakes.packages import make_package
from tests.fakes.project import make_project
from tests.fakes.tars import directory, entry, hardlink, layer, symlink

if TYPE_CHECKING:
    import io
    from pathlib import Path

    from condabox.inspection.report import ImageReport
    from tests.fakes.project import Project
    from tests.fakes.tars import Entry


@pytest.fixture
def project(tmp_path: Path) -> Project:
    large = bytes(range(256)) * 4096
    archives = [
        make_package(tmp_path / "packages", "alpha", files={"lib/alpha": large, "lib/one": b"1"}),
        make_package(tmp_path / "packages", "beta", files={"lib/beta": large[1:]}),
    ]
    return make_project(tmp_path / "project", archives=archives, specs=["alpha", "beta"])


def inspected(folder: Path, *layers: io.BytesIO) -> ImageReport:
    """Write an image of layers made by hand, and report on it."""
    blobs = BlobDirectory(folder / "made")
    made = []
    for each in layers:
        data = each.getvalue()
        digest = blobs.add(data)
        descriptor = Descriptor(media_type=OCI_LAYER, digest=digest, size=len(data))
        made.append((Layer(descriptor=descriptor, diff_id=digest, size=len(data)), "by hand"))
    image = new_image(
        base=None,
        layers=made,
        blobs=blobs,
        config=ContainerConfig(),
        platform=AMD64,
        epoch=EPOCH,
        annotations={},
    )
    ImageLayout.create(folder / "layout").add([image], name="x:1")
    report = inspect_image(
        InspectRequest(image=str(folder / "layout")),
        settings=Settings(cache_dir=folder / "cache"),
        reporter=SilentReporter(),
    )
    # whatever was found can be shown, in every way
    assert image_text(report, top=10).encode()
    assert image_markdown(report, top=10).encode()
    assert json.loads(json.dumps(report.to_json()))
    return report


def test_what_condabox_builds_is_told_to_the_byte(project: Project) -> None:
    project.build()

    done = project.run("inspect", "image", "--format", "json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    packages = {each["name"]: each for each in report["packages"]}
    assert set(packages) == {"alpha", "beta"}
    alpha = packages["alpha"]
    assert (alpha["manager"], alpha["version"], alpha["prefix"]) == ("conda", "1.0", "/opt/env")
    assert alpha["installed"] > 256 * 4096
    assert report["compressed"] == sum(each["compressed"] for each in report["layers"])
    assert report["base_name"] == "docker.io/library/ubuntu:24.04"
    assert [each["base"] for each in report["layers"]][:2] == [True, False]
    assert report["efficiency"] == 1.0


def test_two_builds_are_compared(project: Project) -> None:
    project.build()
    (project.root / "image").rename(project.root / "old")
    text = project.environment.read_text()
    project.environment.write_text(text.replace("  - beta\n", ""))
    assert project.run("lock", "environment.yml").returncode == 0
    project.build()

    done = project.run("diff", "old", "image")

    assert done.returncode == 0, done.stderr
    assert "1 removed" in done.stdout.splitlines()[0]
    assert any(
        line.split()[:3] == ["beta", "conda", "removed"] for line in done.stdout.splitlines()
    )


@pytest.mark.tool("skopeo")
def test_docker_s_own_archives_are_read(tmp_path: Path) -> None:
    image = make_image(tmp_path / "made", dict([conda_record("numpy", "a")]), {"opt/env/a": b"12"})
    ImageLayout.create(tmp_path / "layout").add([image], name="ai:1")
    archive = tmp_path / "docker.tar"
    subprocess.run(
        [
            *("skopeo", "copy", "--insecure-policy"),
            *(f"oci:{tmp_path / 'layout'}:ai:1", f"docker-archive:{archive}:ai:1"),
        ],
        check=True,
        capture_output=True,
    )

    report = inspect_image(
        InspectRequest(image=str(archive)),
        settings=Settings(cache_dir=tmp_path / "cache"),
        reporter=SilentReporter(),
    )

    assert [(each.name, each.files) for each in report.packages] == [("numpy", 2)]


def test_an_image_of_others_with_several_environments(tmp_path: Path) -> None:
    conda = conda_record("python", "bin/python", prefix="opt/conda")
    env = conda_record("python", "bin/python", version="3.12", prefix="opt/conda/envs/ai")
    site = "venv/lib/python3.11/site-packages"
    wheel = wheel_record("fastapi", "fastapi/x.py", "../../../bin/fastapi", site=site)

    report = inspected(
        tmp_path,
        layer(conda, "opt/conda/bin/python", symlink("opt/conda/bin/python3", "python")),
        layer(env, "opt/conda/envs/ai/bin/python"),
        layer(wheel, f"{site}/fastapi/x.py", "venv/bin/fastapi"),
    )

    found = {(each.name, each.version, each.prefix): each.files for each in report.packages}
    assert found == {
        ("python", "1.0", "/opt/conda"): 2,
        ("python", "3.12", "/opt/conda/envs/ai"): 2,
        ("fastapi", "1.0", f"/{site}"): 3,
    }


def test_a_hundred_thousand_files(tmp_path: Path) -> None:
    names = [f"d{number % 500}/{number % 13}/{number}" for number in range(100_000)]

    report = inspected(tmp_path, layer(*names), layer("d0/.wh..wh..opq", *names[:10]))

    assert report.unpacked > report.wasted > 0
    assert len(json.dumps(report.to_json())) < 4_000_000


def hostile() -> list[Entry]:
    """Return whatever can be wrong with a layer, but for what makes it no layer at all."""
    deep = b"[" * 500_000
    thief = conda_record("thief", "../../bin/sh", "/etc/shadow", "lib/own", "lib/.")
    return [
        thief,
        conda_record("own", "lib/own"),
        "opt/env/lib/own",
        "bin/sh",
        ("opt/env/conda-meta/deep-1-0.json", deep),
        ("opt/env/conda-meta/large-1-0.json", bytes(LARGEST_RECORD + 1)),
        ("opt/env/conda-meta/.json", b"{}"),
        ("s/x-1.dist-info/RECORD", b"../../../../etc/shadow,,\n" + b'"' + b"a" * 200_000),
        ("var/lib/dpkg/status", b"\xff" * 1000),
        ("var/lib/dpkg/info/x.list", b"/../../etc/shadow\n/bin/sh\n"),
        entry("caf\udce9/\udcff"),
        entry("new\nline\x1b[2J"),
        symlink("a", "b"),
        symlink("b", "a"),
        "a/through/a/circle",
        symlink("up", "../../../.."),
        "up/and/away",
        hardlink("to/nowhere", "not/there"),
        directory("opt/env/lib/own/is/a/directory"),
        entry("dev/sda", tarfile.BLKTYPE),
    ]


def test_a_layer_of_malice_is_reported(tmp_path: Path) -> None:
    above = layer("opt/env/.wh.lib", "a/.wh..wh..opq", "no/.wh.such", ".wh.bin", "bin/sh")

    report = inspected(tmp_path, layer(*hostile()), above)

    assert report.skipped == 4
    owned = {each.name: each.files for each in report.packages}
    assert sum(owned.values()) <= report.files
    assert "/bin/sh" in {each.path for each in report.largest}
    assert all(each.package != "thief" for each in report.largest if "conda-meta" not in each.path)


@pytest.mark.parametrize("name", ["../x", "a/" * 3000 + "a", "x/.wh."])
def test_what_no_engine_unpacks_is_an_error_with_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(CondaboxError) as caught:
        inspected(tmp_path, layer(name))

    assert caught.value.exit_code == 7
