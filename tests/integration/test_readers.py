"""Other tools read what is written here: skopeo, umoci, podman and an old Docker."""

from __future__ import annotations

import json
import struct
import subprocess
import uuid
from dataclasses import replace
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

from condabox.oci.archive import archive_chunks, read_archive, write_archive
from condabox.oci.compress import Compression
from condabox.oci.config import ContainerConfig, Healthcheck
from condabox.oci.layout import ImageLayout
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from tests.fakes.images import ARM64, make_image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from condabox.oci.image import Image

LONG = "opt/" + "long-directory/" * 15 + "x" * 90
FILES = {LONG: b"long", "opt/ä/ü": b"not ASCII", "opt/" + "y" * 150: b"no slash"}
CONFIG = ContainerConfig(
    cmd=("/bin/hello",),
    env={"A": "b=c"},
    labels={"made": "here"},
    healthcheck=Healthcheck(test=("CMD", "/bin/hello"), interval=30_000_000_000),
)


def program(text: bytes) -> bytes:
    """Return a static program for linux/amd64 that prints ``text``."""
    base, headers, code_size = 0x400000, 0x78, 0x22
    code = b"".join(
        (
            b"\xb8\x01\0\0\0\xbf\x01\0\0\0\xbe",  # write(1,
            struct.pack("<I", base + headers + code_size),  # text,
            b"\xba" + struct.pack("<I", len(text)),  # size)
            b"\x0f\x05\xb8\x3c\0\0\0\x31\xff\x0f\x05",  # exit(0)
        )
    ).ljust(code_size, b"\x90")
    size = headers + code_size + len(text)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", ident, 2, 62, 1, base + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return header + segment + code + text


def run(*command: str | Path, stdin: bytes | None = None) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture
def image(tmp_path: Path) -> Image:
    base = make_image(tmp_path / "made", {"bin/hello": program(b"hello\n")})
    return make_image(tmp_path / "made", FILES, base=base, config=CONFIG)


@pytest.fixture
def arm_image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"bin/hello": b"arm"}, platform=ARM64)


@pytest.fixture
def name() -> Reference:
    return Reference.parse(f"condabox-test/{uuid.uuid4().hex}:1.0")


@pytest.fixture
def docker_name(name: Reference) -> Iterator[Reference]:
    yield name
    for each in (name, replace(name, tag="base")):
        subprocess.run(["docker", "rmi", "--force", str(each)], capture_output=True, check=False)


def copied(source: str, directory: Path) -> Image:
    """Let skopeo copy ``source``, every byte checked by it, and read what it wrote."""
    run("skopeo", "copy", "--insecure-policy", "--quiet", source, f"oci:{directory}:copy")
    return ImageLayout.open(directory).resolve("copy", platform=None)


@pytest.mark.tool("skopeo")
@pytest.mark.parametrize("compression", Compression)
def test_skopeo_copies_a_layout(tmp_path: Path, compression: Compression) -> None:
    image = make_image(tmp_path, {"bin/hello": b"hello"}, FILES, compression=compression)
    layout = ImageLayout.create(tmp_path / "layout")
    layout.add([image], name="docker.io/library/ai:1.0")

    copy = copied(f"oci:{layout.path}:docker.io/library/ai:1.0", tmp_path / "copy")

    assert copy.digest == image.digest


@pytest.mark.tool("skopeo")
def test_skopeo_copies_our_archive_as_ocis(tmp_path: Path, image: Image, name: Reference) -> None:
    write_archive(tmp_path / "a.tar", [image], names=[name])

    assert copied(f"oci-archive:{tmp_path}/a.tar", tmp_path / "copy").digest == image.digest


@pytest.mark.tool("skopeo")
def test_skopeo_copies_our_archive_as_dockers(
    tmp_path: Path, image: Image, name: Reference
) -> None:
    write_archive(tmp_path / "a.tar", [image], names=[name])

    copy = copied(f"docker-archive:{tmp_path}/a.tar:{name}", tmp_path / "copy")

    assert copy.config.diff_ids == image.config.diff_ids
    # skopeo drops the health check, which the OCI's config does not have.
    assert copy.config.config == replace(image.config.config, healthcheck=None)


@pytest.mark.tool("skopeo")
def test_skopeo_selects_the_platform(tmp_path: Path, image: Image, arm_image: Image) -> None:
    write_archive(tmp_path / "a.tar", [image, arm_image], names=[])

    inspected = run(
        "skopeo", "--override-arch", "arm64", "inspect", f"oci-archive:{tmp_path}/a.tar"
    )

    assert json.loads(inspected)["Layers"] == [str(arm_image.manifest.layers[0].digest)]


@pytest.mark.tool("skopeo")
def test_we_read_skopeos_docker_archive(tmp_path: Path, image: Image, name: Reference) -> None:
    layout = ImageLayout.create(tmp_path / "layout")
    layout.add([image], name="a")
    target = f"docker-archive:{tmp_path}/d.tar:{name}"
    run("skopeo", "copy", "--insecure-policy", "--quiet", f"oci:{layout.path}:a", target)

    read = read_archive(tmp_path / "d.tar").resolve(str(name), platform=image.platform)

    assert validate_image(read) == ()
    assert read.config.diff_ids == image.config.diff_ids


@pytest.mark.tool("umoci")
def test_umoci_unpacks_a_layout(tmp_path: Path, image: Image) -> None:
    layout = ImageLayout.create(tmp_path / "layout")
    layout.add([image], name="ai")

    run("umoci", "unpack", "--rootless", "--image", f"{layout.path}:ai", tmp_path / "bundle")

    root = tmp_path / "bundle" / "rootfs"
    unpacked = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }
    assert unpacked == {"bin/hello": program(b"hello\n"), **FILES}
    assert (root / LONG).stat().st_mtime == 1_700_000_000


@pytest.mark.tool("podman")
def test_podman_loads_an_archive(tmp_path: Path, image: Image, name: Reference) -> None:
    write_archive(tmp_path / "a.tar", [image], names=[name])
    # Not tmp_path: podman allows 50 characters.
    with TemporaryDirectory(ignore_cleanup_errors=True) as root:
        podman = ("podman", "--root", f"{root}/a", "--runroot", f"{root}/b")

        run(*podman, "--storage-driver", "vfs", "load", "--input", tmp_path / "a.tar")

        inspected = run(*podman, "--storage-driver", "vfs", "image", "inspect", str(name))
    [loaded] = json.loads(inspected)
    assert loaded["Id"] == image.config.digest.hex
    assert loaded["RootFS"]["Layers"] == list(map(str, image.config.diff_ids))


def loaded_in_docker(
    images: Sequence[Image], name: Reference, *, omit: Sequence[Image] = ()
) -> dict[str, object]:
    known = {layer.digest for image in omit for layer in image.manifest.layers}
    archive = b"".join(archive_chunks(images, names=[name], omit=known))
    run("docker", "load", stdin=archive)
    [loaded] = json.loads(run("docker", "image", "inspect", str(name)))
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.docker
def test_docker_loads_and_runs_an_archive(image: Image, docker_name: Reference) -> None:
    loaded = loaded_in_docker([image], docker_name)

    assert loaded["Id"] == str(image.config.digest)
    assert loaded["RepoTags"] == [docker_name.familiar()]
    assert run("docker", "run", "--rm", "--network", "none", str(docker_name)) == "hello\n"


@pytest.mark.docker
def test_docker_loads_its_platform_of_several(
    image: Image, arm_image: Image, docker_name: Reference
) -> None:
    assert loaded_in_docker([image, arm_image], docker_name)["Id"] == str(image.config.digest)


@pytest.mark.docker
def test_docker_loads_an_image_without_the_layers_that_it_has(
    tmp_path: Path, docker_name: Reference
) -> None:
    text = uuid.uuid4().hex.encode()
    base = make_image(tmp_path, {"bin/hello": program(text)}, config=CONFIG)
    image = make_image(tmp_path, {"etc/new": text}, base=base, config=CONFIG)
    loaded_in_docker([base], replace(docker_name, tag="base"))

    loaded = loaded_in_docker([image], docker_name, omit=[base])

    assert loaded["Id"] == str(image.config.digest)
    assert run("docker", "run", "--rm", "--network", "none", str(docker_name)) == text.decode()


@pytest.mark.docker
def test_we_read_what_docker_saves(tmp_path: Path, image: Image, docker_name: Reference) -> None:
    loaded_in_docker([image], docker_name)
    run("docker", "save", "--output", tmp_path / "saved.tar", str(docker_name))

    saved = read_archive(tmp_path / "saved.tar").resolve(str(docker_name), platform=None)

    assert validate_image(saved) == ()
    assert saved.config.diff_ids == image.config.diff_ids
    assert saved.config.config == image.config.config
