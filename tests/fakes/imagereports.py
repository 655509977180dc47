"""Reports on images in which there is everything to tell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from condabox.configuration import PACKAGES_ANNOTATION, PRUNED_ANNOTATION
from condabox.inspection.examine import examine
from tests.fakes.contents import conda_record, contents, image_of, wheel_record

if TYPE_CHECKING:
    from condabox.inspection.report import ImageReport
    from tests.fakes.tars import Entry

BASE = "org.opencontainers.image.base."
SITE = "opt/env/lib/python3.12/site-packages"
RULES = {"test-suites": [120, 3_000_000], "static-libraries": [2, 1_200_000]}


def eventful_report(
    *, version: str = "2025.2", base: str = "ab", name: str = "ai:1"
) -> ImageReport:
    """Report on a base, conda's packages, a wheel, and a layer that repeats and removes files."""
    layers: list[list[Entry]] = [
        [
            ("usr/lib/libz.so.1.3", bytes(100_000)),
            ("var/lib/dpkg/status", b"Package: zlib1g\nVersion: 1:1.3\n"),
            ("var/lib/dpkg/info/zlib1g:amd64.list", b"/usr/lib/libz.so.1.3\n"),
        ],
        [
            conda_record("mkl", "lib/libmkl_core.so.2", version=version, build="h1_0"),
            ("opt/env/lib/libmkl_core.so.2", bytes(3_000_000) + version.encode()),
        ],
        [
            conda_record("libzlib", "lib/libz.so.1", "share/copy", version="1.3.1"),
            ("opt/env/lib/libz.so.1", b"1" * 120_000),
            ("opt/env/share/copy", b"1" * 120_000),
            wheel_record("tiny_tool", "tiny.py", version="0.1"),
            f"{SITE}/tiny.py",
            "opt/env/conda-meta/broken-1-0.json",
        ],
        [
            ("app/<b>|`data`", b"2" * 200_000),
            ("opt/env/share/copy", b"3" * 120_000),
            "usr/lib/.wh.libz.so.1.3",
        ],
    ]
    return examine(
        image_of(
            *(40_000, 2_000_000 + len(version), 90_000, 100_000),
            layer_annotations={
                1: {PACKAGES_ANNOTATION: "mkl", PRUNED_ANNOTATION: json.dumps(RULES)},
                2: {PACKAGES_ANNOTATION: "libzlib,tiny-tool"},
            },
            annotations={
                f"{BASE}name": "docker.io/library/ubuntu:24.04",
                f"{BASE}digest": f"sha256:{base * 32}",
            },
            titles=["ADD rootfs", "condabox: mkl", "condabox: libzlib, tiny-tool", "COPY | . /app"],
        ),
        [contents(*each) for each in layers],
        name=name,
    )
