"""A whole small project: a channel of real packages, a base image, settings, an environment."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard

from condabox.oci.image import read_document
from condabox.oci.layout import ImageLayout
from condabox.oci.manifest import ImageIndex
from condabox.oci.mediatype import INDEXES
from condabox.oci.validate import validate_image
from condabox.platforms import PLATFORM_OF_SUBDIR
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONDA_FORGE = "https://conda.anaconda.org/conda-forge"
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Everything lies below ``root``; nothing outside is read, and no network is used."""

    root: Path
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def channel(self) -> Path:
        return self.root / "channel"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def environment(self) -> Path:
        return self.root / "environment.yml"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "condabox", *arguments]

    def variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "CONDABOX_CONFIG": str(self.root / "condabox.toml"),
            "PYTHONPATH": str(ROOT),
            **self.env,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run condabox as a user would, in ``root``."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.variables(),
            capture_output=True,
            text=True,
            check=False,
        )

    def build(self, *arguments: str) -> dict[str, object]:
        """Build into ``root/image``, where it must be sound, and return what ``--json`` says."""
        done = self.run("build", "environment.yml", "-o", "image", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        self.assert_sound("image")
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def assert_sound(self, layout: str) -> None:
        """Check every rule of image-spec on every image in the layout ``root/layout``."""
        opened = ImageLayout.open(self.root / layout)
        for name in opened.names():
            descriptor = opened.find(name)
            platforms = (
                [
                    each.platform
                    for each in ImageIndex.parse(read_document(opened.blobs, descriptor)).images
                ]
                if descriptor.media_type in INDEXES
                else [None]
            )
            for platform in platforms:
                assert validate_image(opened.resolve(name, platform=platform)) == ()


def make_project(
    root: Path, *, archives: Sequence[Path], specs: Sequence[str], section: str = ""
) -> Project:
    """Write a project whose environment asks for ``specs`` out of a channel of ``archives``.

    ``section`` is YAML for ``condabox:``, already indented by two.
    """
    root.mkdir(parents=True, exist_ok=True)
    project = Project(root=root)
    index_channel(project.channel, archives)
    images = [
        make_image(root / "bases", {"bin/sh": b"", "etc/passwd": b""}, platform=platform)
        for platform in PLATFORM_OF_SUBDIR.values()
    ]
    ImageLayout.create(root / "base" / "library" / "ubuntu").add(images, name="24.04")
    (root / "condabox.toml").write_text(
        f'cache-dir = "{project.cache}"\n'
        f'[channels.mirrors]\n"{CONDA_FORGE}" = ["{project.channel.as_uri()}"]\n'
        f'[registries."docker.io"]\nmirrors = ["oci:{root / "base"}"]\n'
    )
    lines = "".join(f"  - {spec}\n" for spec in specs)
    project.environment.write_text(
        f"name: example\nchannels: [conda-forge]\ndependencies:\n{lines}"
        "platforms: [linux-64]\n" + (f"condabox:\n{section}" if section else "")
    )
    return project


def index_channel(channel: Path, archives: Sequence[Path]) -> None:
    """Copy ``archives`` into ``channel`` and write its repodata, from their own index.json."""
    records: dict[str, dict[str, object]] = {"noarch": {}, **{s: {} for s in PLATFORM_OF_SUBDIR}}
    for archive in archives:
        index = index_json(archive)
        data = archive.read_bytes()
        folder = channel / str(index["subdir"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / archive.name).write_bytes(data)
        records[str(index["subdir"])][archive.name] = {
            **index,
            "md5": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "sha256": hashlib.sha256(data).hexdigest(),
            "size": len(data),
        }
    for subdir, found in records.items():
        (channel / subdir).mkdir(parents=True, exist_ok=True)
        repodata = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": found}
        (channel / subdir / "repodata.json").write_text(json.dumps(repodata))


def index_json(archive: Path) -> dict[str, object]:
    """Return ``info/index.json`` of a ``.conda`` archive made by `tests.fakes.packages`."""
    stem = archive.name.removesuffix(".conda")
    with zipfile.ZipFile(archive) as parts:
        tar = zstandard.decompress(parts.read(f"info-{stem}.tar.zst"))
    with tarfile.open(fileobj=io.BytesIO(tar)) as info:
        member = info.extractfile("info/index.json")
        assert member is not None
        found: dict[str, object] = json.loads(member.read())
    return found
