"""Two locks between which nearly everything happened that can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.reporting.lockcompare import compare_locks
from tests.fakes.lockfiles import conda, lock_file, wheel

if TYPE_CHECKING:
    from condabox.reporting.lockdiff import LockDiff

DIGESTS = ["sha256:" + digit * 64 for digit in "0123"]


@pytest.fixture
def eventful() -> LockDiff:
    asked = ["numpy", "python >=3.12", "pytorch"]
    old = lock_file(
        {
            subdir: [
                conda("numpy", "2.1.0", f"py312h{digits}_0", subdir=subdir, size=size),
                conda("python", "3.12.4", f"h{digits}_0_cpython", subdir=subdir, size=31_000_000),
                conda("pytorch", "2.8.0", f"cuda129_mkl_py312h{digits}_300", subdir=subdir),
                conda("openssl", "3.2.0", f"h{digits}_0", subdir=subdir),
                conda("libzlib", "1.3.1", f"h{digits}_0", subdir=subdir),
                conda("idna", "3.7", subdir="noarch", size=50_000),
                conda("gone_pkg", "1.0", subdir="noarch"),
                conda("tqdm", "4.66", subdir="noarch"),
                conda("ipdb", "0.13", subdir="noarch", category="dev"),
                conda("six", "1.16", subdir="noarch"),
                conda("msgpack-python", "1.1", subdir="noarch"),
            ]
            for subdir, digits, size in (
                ("linux-64", "1234567", 8_100_000),
                ("linux-aarch64", "89abcde", 7_100_000),
                ("osx-64", "fffffff", 7_000_000),
            )
        },
        path="HEAD~1:envs/ai.conda-lock.yml",
        asked=asked,
        base_digests={"linux-64": DIGESTS[0], "linux-aarch64": DIGESTS[1], "osx-64": DIGESTS[2]},
    )
    new = lock_file(
        {
            subdir: [
                conda("numpy", "2.2.0", f"py312h{digits}_1", subdir=subdir, size=size),
                conda("python", "3.12.4", f"h{digits}_1_cpython", subdir=subdir, size=31_200_000),
                conda("pytorch", "2.9.0", f"cpu_generic_py312_h{digits}_0", subdir=subdir),
                conda("openssl", "3.1.9", f"h{digits}_0", subdir=subdir),
                conda(
                    "libzlib",
                    "1.3.1",
                    f"h{digits}_0",
                    subdir=subdir,
                    channel="https://channel.example/own",
                ),
                conda("idna", "3.10", subdir="noarch", size=51_000),
                conda("new_pkg", "0.1_b", subdir="noarch", size=None),
                conda("tqdm", "4.66", subdir="noarch", category="dev"),
                conda("ipdb", "0.13.1", subdir="noarch", category="dev"),
                conda("six", "1.16", subdir="noarch", sha256="ab" * 32),
                wheel("msgpack", "1.2"),
            ]
            for subdir, digits, size in (
                ("linux-64", "7654321", 8_300_000),
                ("linux-aarch64", "edcba98", 7_900_000),
                ("osx-arm64", "fffffff", 7_000_000),
            )
        },
        asked=asked,
        base="ubuntu:26.04",
        base_digests={"linux-64": DIGESTS[3], "linux-aarch64": DIGESTS[1], "osx-arm64": DIGESTS[2]},
    )
    return compare_locks(old, new)
