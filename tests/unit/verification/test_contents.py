"""What is read of an image's layers, hostile ones included."""

from __future__ import annotations

import hashlib
import tarfile
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError
from condabox.verification.contents import PLACEHOLDERS, ReadEntry, read_contents
from tests.fakes.condaimage import conda_image, folder, link, member, program, record
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from pathlib import Path

BASE = (program("usr/bin/su"), member("etc/passwd", "root"))


def test_the_base_is_not_the_images_own(tmp_path: Path) -> None:
    image = conda_image(tmp_path, BASE, [record("a"), program("opt/env/bin/a")], [member("app/x")])

    found = read_contents(image, marks=())

    assert "etc/passwd" in found.tree
    assert found.own == {"opt/env/conda-meta/a-1.0-0.json", "opt/env/bin/a", "app/x"}


def test_records_and_the_first_line_of_programs_are_kept_and_nothing_else(tmp_path: Path) -> None:
    script = "#!/opt/env/bin/python\n" + "x" * 10_000
    members = [
        record("a"),
        program("opt/env/bin/a", script),
        member("opt/env/lib/data.json", "{}"),
        member("opt/env/bin/readme", "#!"),
    ]

    found = read_contents(conda_image(tmp_path, members), marks=())

    assert (found.data("opt/env/bin/a") or b"").startswith(b"#!/opt/env/bin/python\nxxx")
    assert len(found.data("opt/env/bin/a") or b"") == 256
    assert b'"name": "a"' in (found.data("opt/env/conda-meta/a-1.0-0.json") or b"")
    assert found.data("opt/env/lib/data.json") is None
    assert found.data("opt/env/bin/readme") is None


def test_a_record_that_is_too_large_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("condabox.verification.contents.LARGEST_RECORD", 10)

    found = read_contents(conda_image(tmp_path, [record("a")]), marks=())

    assert found.data("opt/env/conda-meta/a-1.0-0.json") is None


def test_too_many_records_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("condabox.verification.contents._MOST_RECORDS", 100)

    with pytest.raises(ImageError, match="records"):
        read_contents(conda_image(tmp_path, [record("a"), record("b")]), marks=())


def test_marks_are_found_across_the_pieces_that_are_read(tmp_path: Path) -> None:
    mark = PLACEHOLDERS[0]
    image = conda_image(
        tmp_path,
        [
            record("a", prefix_placeholder=mark.decode()),
            member("opt/env/lib/x", b"\0" * ((1 << 20) - 5) + mark + b"\0"),
            member("opt/env/lib/y", mark[:-1]),
        ],
    )

    found = read_contents(image, marks=PLACEHOLDERS)

    marked = {
        path: each.marks
        for path, each in found.tree.items()
        if isinstance(each, ReadEntry) and each.marks
    }
    assert marked == {"opt/env/lib/x": {mark}}


def test_files_are_hashed_and_links_are_not(tmp_path: Path) -> None:
    hard = tarfile.TarInfo("opt/env/bin/b")
    hard.type, hard.linkname = tarfile.LNKTYPE, "opt/env/bin/a"
    data = b"1" * (3 << 20)
    members = [program("opt/env/bin/a", data), (hard, b""), link("opt/env/bin/c", "a")]

    found = read_contents(
        conda_image(tmp_path, [*members, link("opt/link", "env"), folder("opt/env/x")]), marks=()
    )

    digest = hashlib.sha256(data).digest()
    assert found.digest("opt/env/bin/a") == found.digest("opt/env/bin/b") == digest
    assert found.digest("opt/link/bin/a") == digest
    assert [found.digest(f"opt/env/{each}") for each in ("bin/c", "x", "gone")] == [None] * 3


def test_layers_hide_and_replace(tmp_path: Path) -> None:
    image = conda_image(
        tmp_path,
        [record("a"), member("opt/env/lib/gone"), member("opt/env/lib/same", mode=0o600)],
        [member("opt/env/lib/.wh.gone"), program("opt/env/lib/same")],
    )

    found = read_contents(image, marks=())

    assert "opt/env/lib/gone" not in found.tree
    assert found.mode("opt/env/lib/same") == 0o755


@pytest.mark.parametrize(
    ("path", "real"),
    [
        ("opt/env/bin/python", "opt/env/bin/python3.12"),
        ("usr/bin/python", "opt/env/bin/python3.12"),
        ("opt/link/bin/python3", "opt/env/bin/python3.12"),
        ("opt/env/bin/broken", None),
        ("opt/env/bin/round", None),
        ("opt/env/bin", "opt/env/bin"),
        ("no/such", None),
    ],
)
def test_links_are_followed_inside_of_the_image(
    tmp_path: Path, path: str, real: str | None
) -> None:
    image = conda_image(
        tmp_path,
        [
            folder("opt/env/bin"),
            program("opt/env/bin/python3.12"),
            link("opt/env/bin/python3", "python3.12"),
            link("opt/env/bin/python", "./python3"),
            link("opt/env/bin/broken", "../gone"),
            link("opt/env/bin/round", "round"),
            link("opt/link", "../../../../opt/env"),
            link("usr/bin/python", "/opt/env/bin/python"),
        ],
    )

    assert read_contents(image, marks=()).resolve(path) == real


def test_programs_are_files_that_may_be_run(tmp_path: Path) -> None:
    image = conda_image(
        tmp_path,
        [program("bin/sh"), member("bin/data"), folder("bin/folder"), link("bin/dash", "sh")],
    )

    found = read_contents(image, marks=())

    programs = [path for path in sorted(found.tree) if found.is_program(path)]
    assert programs == ["bin/dash", "bin/sh"]


def test_a_hard_link_has_what_it_links_to(tmp_path: Path) -> None:
    info = tarfile.TarInfo("opt/env/conda-meta/b-1-0.json")
    info.type, info.linkname = tarfile.LNKTYPE, "opt/env/conda-meta/a-1.0-0.json"

    found = read_contents(conda_image(tmp_path, [record("a"), (info, b"")]), marks=())

    assert found.data(info.name) == found.data(info.linkname) != b""


def test_a_damaged_layer_is_an_error(tmp_path: Path) -> None:
    image = make_image(tmp_path, {"a": b"1" * 1000})
    (blob,) = (tmp_path / "blobs" / "sha256" / each.digest.hex for each in image.manifest.layers)
    data = bytearray(blob.read_bytes())
    data[-20] ^= 1
    blob.chmod(0o644)
    blob.write_bytes(data)

    with pytest.raises(ImageError):
        read_contents(image, marks=())
