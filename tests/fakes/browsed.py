"""A report for the page in a browser: enough to sort, to go into, and to break out of."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from condabox.configuration import PACKAGES_ANNOTATION
from condabox.inspection.examine import examine
from tests.fakes.contents import conda_record, contents, image_of, wheel_record

if TYPE_CHECKING:
    from condabox.inspection.report import ImageReport
    from tests.fakes.tars import Entry

SITE = "opt/env/lib/python3.12/site-packages"
OWNED = "document.title='owned'"
HOSTILE_PACKAGE = f"</script><script>{OWNED}</script>"
HOSTILE_FILES = (
    f'<img src=x onerror="{OWNED}">',
    f"--><svg onload={OWNED}>",
    "turned\u202egnp.exe",
    "line\u2028paragraph",
    "caf\udce9",
)


def browsed_report() -> ImageReport:
    """Report on a base, one package's layer, one of many packages, hostile files, and an app."""
    numbered = range(12)
    layers: list[list[Entry]] = [
        [("usr/lib/libc.so.6", bytes(700_000))],
        [
            conda_record("torch", "lib/torch/libtorch.so", "lib/torch/nn/x.py", "share/torch.txt"),
            ("opt/env/lib/torch/libtorch.so", b"1" * 900_000),
            ("opt/env/lib/torch/nn/x.py", b"2" * 300_000),
            ("opt/env/share/torch.txt", b"3" * 90_000),
        ],
        [
            *(conda_record(f"pkg{n}", f"lib/pkg{n}", version=f"1.{n}") for n in numbered),
            *((f"opt/env/lib/pkg{n}", bytes([n]) * (9_000 + n * n * 1_000)) for n in numbered),
            wheel_record("tiny_tool", "tiny.py"),
            (f"{SITE}/tiny.py", b"4" * 50_000),
        ],
        [
            ("opt/env/conda-meta/evil-1-0.json", _record(HOSTILE_PACKAGE, HOSTILE_FILES)),
            *((f"opt/env/{n}", n.encode("utf-8", "replace") * 3_000) for n in HOSTILE_FILES),
        ],
        [("app/main.py", b"5" * 60_000)],
    ]
    return examine(
        image_of(
            *(90_000, 700_000, 100_000, 80_000, 5_000),
            layer_annotations={1: {PACKAGES_ANNOTATION: "torch"}},
            titles=["ADD rootfs", "torch", "many packages", HOSTILE_PACKAGE, "application"],
        ),
        [contents(*each) for each in layers],
        name="ai:1",
    )


def _record(name: str, files: tuple[str, ...]) -> bytes:
    document = {"name": name, "version": "1", "build": "0", "files": list(files)}
    return json.dumps(document).encode()
