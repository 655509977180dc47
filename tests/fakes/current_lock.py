"""A lock file as condabox leaves it, of packages that exist in name only.

write_current_lock(tmp_path / "ai.yml", [conda("numpy"), wheel("six")])
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from condabox.conda.channels.channel import ChannelNames
from condabox.conda.channels.virtual_packages import DEFAULT_BASE
from condabox.conda.envfile.spec import read_environment
from condabox.conda.lockfiles.inputs import INPUTS_KEY, inputs_of
from condabox.conda.lockfiles.lockfile import BASE_KEY, FORMAT_KEY, FORMAT_VERSION, lock_path
from condabox.conda.lockfiles.seal import BASE_SEAL_KEY, seal_base
from condabox.conda.locking.lockwriter import merged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage


def write_current_lock(environment: Path, packages: Iterable[LockedPackage]) -> Path:
    """Write a lock of ``packages`` for each platform of ``environment``, and return its path."""
    spec, found = read_environment(environment), tuple(packages)
    inputs = {s: inputs_of(spec, s, names=ChannelNames()) for s in spec.platforms}
    base = spec.image.base or DEFAULT_BASE
    data = merged(
        {
            subdir: made_by_conda_lock(subdir, found, channels=made_from.channels)
            for subdir, made_from in inputs.items()
        },
        previous=None,
        kept=(),
        content_hashes={subdir: made_from.digest for subdir, made_from in inputs.items()},
        custom={
            FORMAT_KEY: FORMAT_VERSION,
            BASE_KEY: base,
            **{BASE_SEAL_KEY + s: seal_base(base, None, subdir=s) for s in inputs},
            **{INPUTS_KEY + subdir: made_from.to_text() for subdir, made_from in inputs.items()},
        },
        environment=environment,
        located={},
    )
    path = lock_path(environment)
    path.write_bytes(data)
    return path


def made_by_conda_lock(
    subdir: str, packages: Iterable[LockedPackage], *, channels: Iterable[str]
) -> bytes:
    """Return what conda-lock writes of ``packages`` for one platform."""
    metadata = {
        "content_hash": {subdir: ""},
        "channels": [{"url": url, "used_env_vars": []} for url in channels],
        "platforms": [subdir],
        "sources": ["main.yml"],
    }
    entries = [
        {
            "name": package.name,
            "version": package.version,
            "manager": package.manager,
            "platform": subdir,
            "dependencies": dict.fromkeys(package.dependencies, ">=1"),
            "url": package.url,
            "hash": {"md5": "cd" * 16, "sha256": package.sha256},
            "category": package.category,
            "optional": package.category != "main",
        }
        for package in packages
    ]
    document = {"version": 1, "metadata": metadata, "package": entries}
    text: str = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False)
    return text.encode()
