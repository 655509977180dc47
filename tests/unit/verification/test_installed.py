"""What the records in an image say, where they say it well and where they do not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.verification.contents import read_contents
from condabox.verification.installed import (
    CondaRecord,
    Distribution,
    read_installed,
)
from tests.fakes.condaimage import SITE, conda_image, distribution, member, program, record

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.verification.installed import (
        Environment,
        Installed,
    )
    from tests.fakes.condaimage import Member

SHA256 = "a" * 64


def installed(tmp_path: Path, *members: Member) -> Installed:
    return read_installed(read_contents(conda_image(tmp_path, members), marks=()))


def only(found: Installed) -> Environment:
    (environment,) = found.environments
    return environment


def test_a_record_tells_of_a_package(tmp_path: Path) -> None:
    found = installed(
        tmp_path,
        record("a", "2.0", "bin/a", depends=["b >=1"], url="https://x/a.conda", sha256=SHA256),
    )

    assert only(found).records == (
        CondaRecord(
            path="opt/env/conda-meta/a-2.0-0.json",
            name="a",
            version="2.0",
            build="0",
            depends=("b >=1",),
            requested=False,
            url="https://x/a.conda",
            sha256=SHA256,
            files=("opt/env/bin/a",),
            digests={},
        ),
    )


def row(path: str, **more: object) -> dict[str, object]:
    return {"_path": path, "path_type": "hardlink", "sha256": SHA256, **more}


def test_a_record_tells_what_its_files_have(tmp_path: Path) -> None:
    rows: list[object] = [
        row("bin/a", sha256_in_prefix="b" * 64),
        row("lib/a", sha256="c" * 64),
        row("lib/link", path_type="softlink"),
        row("lib/folder", path_type="directory"),
        row("lib/x.pyc"),
        row("lib/old", sha256=None),
        row("lib/odd", sha256="../x"),
        row("lib/number", sha256=7),
        row("../../etc/passwd"),
        {"path_type": "hardlink", "sha256": SHA256},
        "lib/text",
    ]
    found = only(installed(tmp_path, record("a", paths_data={"paths": rows, "paths_version": 1})))

    assert found.records[0].digests == {
        "opt/env/bin/a": b"\xbb" * 32,
        "opt/env/lib/a": b"\xcc" * 32,
    }


@pytest.mark.parametrize("paths_data", [None, [], "x", {"paths": {}}, {"paths": None}, {}])
def test_a_record_without_hashes_is_read(tmp_path: Path, paths_data: object) -> None:
    found = installed(tmp_path, record("a", paths_data=paths_data))

    assert (found.damaged, only(found).records[0].digests) == ((), {})


def test_a_wheel_tells_what_its_files_have(tmp_path: Path) -> None:
    sums = {"w.py": "sha256=" + "u7u7" * 10 + "u7s", "md5.py": "md5=abc", "odd.py": "sha256=!"}
    lines = "".join(f"{path},{text},1\n" for path, text in sums.items())
    text = lines + "x.pyc,sha256=" + "u7u7" * 10 + "u7s,1\nw-1.0.dist-info/RECORD,,\nshort\n"
    metadata, *_ = distribution("w")

    found = only(
        installed(tmp_path, record("a"), metadata, member(f"{SITE}/w-1.0.dist-info/RECORD", text))
    )

    assert found.distributions[0].digests == {f"{SITE}/w.py": b"\xbb" * 32}


def test_a_distribution_is_condas_where_conda_has_its_files(tmp_path: Path) -> None:
    metadata = "lib/python3.12/site-packages/of_conda-1.0.dist-info/METADATA"
    found = only(
        installed(
            tmp_path,
            record("python", "3.12.1"),
            record("of-conda", "1.0", metadata),
            *distribution("of_conda", "1.0"),
            *distribution(
                "A.Wheel",
                "2.0",
                "a/__init__.py",
                "../../../bin/a",
                requires=["six>1"],
                scripts=["a = a:main"],
            ),
        )
    )

    assert found.python_version == "3.12.1"
    assert [(each.name, each.conda) for each in found.distributions] == [
        ("a-wheel", None),
        ("of-conda", "of-conda"),
    ]
    assert found.distributions[0] == Distribution(
        info=f"{SITE}/A.Wheel-2.0.dist-info",
        site=SITE,
        name="a-wheel",
        version="2.0",
        requires=("six>1",),
        requested=False,
        conda=None,
        scripts={"a": "a:main"},
        files=(
            f"{SITE}/a/__init__.py",
            "opt/env/bin/a",
            f"{SITE}/A.Wheel-2.0.dist-info/METADATA",
            f"{SITE}/A.Wheel-2.0.dist-info/RECORD",
        ),
        digests={},
    )


def test_each_prefix_is_an_environment_with_its_python(tmp_path: Path) -> None:
    found = installed(
        tmp_path,
        record("a"),
        program("opt/env/bin/python3"),
        record("b", prefix="opt/tools"),
    )

    assert [(each.prefix, each.python) for each in found.environments] == [
        ("opt/env", "opt/env/bin/python3"),
        ("opt/tools", None),
    ]


@pytest.mark.parametrize(
    "data",
    [
        "",
        "[]",
        "{",
        '{"name": 1}',
        '{"name": "a"}',
        '{"name": "a", "version": "1", "build": "0", "files": {}}',
        json.dumps({"name": "a" * 1000, "version": "1", "build": "0"}),
        "[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_damaged_record_is_told_and_the_others_are_read(
    tmp_path: Path, data: str | bytes
) -> None:
    found = installed(tmp_path, record("a"), member("opt/env/conda-meta/x.json", data))

    assert found.damaged == ("opt/env/conda-meta/x.json",)
    assert [each.name for each in only(found).records] == ["a"]


def test_metadata_without_a_name_is_damaged(tmp_path: Path) -> None:
    path = f"{SITE}/x-1.0.dist-info/METADATA"

    found = installed(tmp_path, record("a"), member(path, "Summary: nothing\n"))

    assert found.damaged == (path,)


def test_entry_points_that_cannot_be_read_are_damaged(tmp_path: Path) -> None:
    info = f"{SITE}/x-1.0.dist-info"

    found = installed(
        tmp_path, record("a"), *distribution("x")[:2], member(f"{info}/entry_points.txt", "x = 1\n")
    )

    assert found.damaged == (f"{info}/METADATA",)


def test_what_a_record_claims_outside_of_its_environment_does_not_count(tmp_path: Path) -> None:
    found = only(
        installed(
            tmp_path,
            record("a", "1.0", "../../etc/passwd", "/etc/shadow", "bin/../bin/a"),
            *distribution("w", "1.0", "../../../../../etc/passwd"),
        )
    )

    assert found.records[0].files == ("opt/env/bin/a",)
    assert all(path.startswith("opt/env/") for path in found.distributions[0].files)


def test_a_hash_that_is_none_is_not_taken_for_a_name_in_the_cache(tmp_path: Path) -> None:
    found = only(installed(tmp_path, record("a", sha256="../../../etc")))

    assert found.records[0].sha256 == ""


@pytest.mark.parametrize(("specs", "requested"), [(["a"], True), ([], False)])
def test_conda_notes_what_was_asked_for(
    tmp_path: Path, specs: list[str], *, requested: bool
) -> None:
    found = only(installed(tmp_path, record("a", requested_specs=specs)))

    assert found.records[0].requested is requested
