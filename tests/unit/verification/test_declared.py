"""What records declare against what is there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.lockfile import LockedEnvironment, LockedPackage
from condabox.reporting.findings import State
from condabox.verification.contents import read_contents
from condabox.verification.declared import declared_findings
from condabox.verification.installed import read_installed
from tests.fakes.condaimage import SITE, conda_image, distribution, link, member, program, record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.condaimage import Member

IN_SITE = "lib/python3.12/site-packages"


def conda(name: str, version: str = "1.0", build: str = "0") -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        manager="conda",
        url=f"https://x/linux-64/{name}-{version}-{build}.conda",
        sha256="",
        category="main",
        dependencies=(),
    )


def wheel(name: str, version: str = "1.0") -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        manager="pip",
        url=f"https://x/{name}-{version}-py3-none-any.whl",
        sha256="",
        category="main",
        dependencies=(),
    )


def declared(
    tmp_path: Path,
    *members: Member,
    locked: tuple[LockedPackage, ...] | None = None,
    prefix: str = "/opt/env",
) -> list[tuple[str, State, str]]:
    contents = read_contents(conda_image(tmp_path, members), marks=())
    environment = (
        None
        if locked is None
        else LockedEnvironment(subdir="linux-64", channels=(), packages=locked)
    )
    found = declared_findings(read_installed(contents), contents, locked=environment, prefix=prefix)
    return [(each.name, each.state, each.detail) for each in found]


def test_records_that_agree(tmp_path: Path) -> None:
    found = declared(
        tmp_path,
        record("a", "1.0", "bin/a", f"{IN_SITE}/a-1.0.dist-info/METADATA", depends=["__glibc >=2"]),
        program("opt/env/bin/a"),
        *distribution("a", "1.0", scripts=["a = a:main"]),
    )

    detail = "1 package and 1 distribution: records agree with files and with each other"
    assert found == [("/opt/env", State.OK, detail)]


@pytest.mark.parametrize(
    ("members", "finding"),
    [
        pytest.param(
            [record("a"), member("opt/env/conda-meta/b.json", "{")],
            ("records", State.PROBLEM, "/opt/env/conda-meta/b.json cannot be read"),
            id="damaged record",
        ),
        pytest.param(
            [record("a", "1.0", "bin/a", "share/a"), member("opt/env/share/a")],
            ("a", State.PROBLEM, "/opt/env/bin/a is not in the image"),
            id="program gone",
        ),
        pytest.param(
            [record("a", "1.0", "lib/a.so.1", "share/a"), member("opt/env/share/a")],
            ("a", State.PROBLEM, "/opt/env/lib/a.so.1 is not in the image"),
            id="library gone",
        ),
        pytest.param(
            [record("a", "1.0", "bin/a", "share/a"), program("opt/env/bin/a")],
            ("a", State.NOTE, "/opt/env/share/a is not in the image"),
            id="document gone",
        ),
        pytest.param(
            [record("a", "1.0", "bin/a", "lib/tests/a.py"), program("opt/env/bin/a")],
            ("a", State.NOTE, "/opt/env/lib/tests/a.py is not in the image"),
            id="test gone",
        ),
        pytest.param(
            [record("a", "1.0", "bin/a", "share/a")],
            ("a", State.PROBLEM, "has a record, and none of its files"),
            id="record without package",
        ),
        pytest.param(
            [record("a"), *distribution("w", "1.0", "w/__init__.py")],
            ("w", State.PROBLEM, f"/{SITE}/w/__init__.py is not in the image"),
            id="module gone",
        ),
        pytest.param(
            [record("a", depends=["b >=1", "__linux"])],
            ("a", State.PROBLEM, "depends on b, which is not there"),
            id="dependency gone",
        ),
        pytest.param(
            [record("a"), *distribution("w"), *distribution("W", "2.0")],
            ("w", State.PROBLEM, f"is in /{SITE} 2 times: 1.0, 2.0"),
            id="twice",
        ),
        pytest.param(
            [record("a"), record("a", "2.0")],
            ("a", State.PROBLEM, "has 2 records in conda-meta"),
            id="two records",
        ),
        pytest.param(
            [record("a"), *distribution("w", "1.0", told="1.5")],
            ("w", State.PROBLEM, "its METADATA says 1.5, its folder 1.0"),
            id="another version in METADATA",
        ),
        pytest.param(
            [record("a"), *distribution("w", scripts=["w = w:main"])],
            ("w", State.PROBLEM, "its script /opt/env/bin/w is not in the image"),
            id="entry point gone",
        ),
        pytest.param(
            [record("w", "1.1", f"{IN_SITE}/w-1.0.dist-info/METADATA"), *distribution("w", "1.0")],
            ("w", State.NOTE, "conda has 1.1, and pip sees 1.0"),
            id="conda and pip disagree",
        ),
    ],
)
def test_what_does_not_agree_is_told(
    tmp_path: Path, members: list[Member], finding: tuple[str, State, str]
) -> None:
    assert declared(tmp_path, *members) == [finding]


def test_a_conda_package_may_do_without_a_script(tmp_path: Path) -> None:
    found = declared(
        tmp_path,
        record("w", "1.0", f"{IN_SITE}/w-1.0.dist-info/METADATA"),
        *distribution("w", "1.0", scripts=["w = w:main"]),
    )

    assert [state for _, state, _ in found] == [State.OK]


def test_byte_code_may_be_missing(tmp_path: Path) -> None:
    found = declared(tmp_path, record("a", "1.0", "bin/a", "lib/x.pyc"), program("opt/env/bin/a"))

    assert [state for _, state, _ in found] == [State.OK]


def listed(path: str, data: bytes) -> dict[str, str]:
    return {
        "_path": path,
        "path_type": "hardlink",
        "sha256": "a" * 64,
        "sha256_in_prefix": hashlib.sha256(data).hexdigest(),
    }


def with_hashes(name: str, **files: bytes) -> Member:
    rows = [listed(f"lib/{path}", data) for path, data in files.items()]
    return record(name, "1.0", *(str(each["_path"]) for each in rows), paths_data={"paths": rows})


@pytest.mark.parametrize("kind", ["text", "liba.so"])
def test_a_file_that_is_not_the_one_of_the_record_is_told(tmp_path: Path, kind: str) -> None:
    found = declared(
        tmp_path,
        with_hashes("a", same=b"1", **{kind: b"2"}),
        member("opt/env/lib/same", b"1"),
        member(f"opt/env/lib/{kind}", b"3"),
    )

    detail = f"/opt/env/lib/{kind} is not what the record says: the content is another one"
    assert found == [("a", State.PROBLEM, detail)]


def test_the_same_damage_in_a_later_layer_is_told(tmp_path: Path) -> None:
    image = conda_image(
        tmp_path,
        [with_hashes("a", x=b"1"), member("opt/env/lib/x", b"1")],
        [member("opt/env/lib/x", b"2")],
    )
    contents = read_contents(image, marks=())

    found = declared_findings(read_installed(contents), contents, locked=None, prefix="/opt/env")

    assert [each.state for each in found] == [State.PROBLEM]


def test_a_file_of_two_packages_is_the_one_of_either(tmp_path: Path) -> None:
    found = declared(
        tmp_path,
        with_hashes("a", x=b"1"),
        with_hashes("b", x=b"2"),
        member("opt/env/lib/x", b"2"),
    )

    assert [state for _, state, _ in found] == [State.OK]


def test_what_is_a_link_where_the_record_has_a_file_is_no_other_content(tmp_path: Path) -> None:
    found = declared(
        tmp_path,
        with_hashes("a", x=b"1", y=b"2"),
        link("opt/env/lib/x", "y"),
        member("opt/env/lib/y", b"2"),
    )

    assert [state for _, state, _ in found] == [State.OK]


def test_the_record_of_a_conda_packages_distribution_may_be_its_builders(tmp_path: Path) -> None:
    metadata, _, points = distribution("w")
    lines = member(f"{SITE}/w-1.0.dist-info/RECORD", f"w.py,sha256={'u7u7' * 10}u7s,1\n")
    module = member(f"{SITE}/w.py", "of conda")
    of_conda = record("w", "1.0", f"{IN_SITE}/w-1.0.dist-info/METADATA", f"{IN_SITE}/w.py")

    by_conda = declared(tmp_path / "a", of_conda, metadata, lines, points, module)
    by_pip = declared(tmp_path / "b", record("a"), metadata, lines, points, module)

    assert [state for _, state, _ in by_conda] == [State.OK]
    assert [(name, state) for name, state, _ in by_pip] == [("w", State.PROBLEM)]


def test_metadata_that_is_gone_is_told(tmp_path: Path) -> None:
    path = f"{IN_SITE}/w-1.0.dist-info/licenses/LICENSE"

    found = declared(tmp_path, record("w", "1.0", path), member(f"opt/env/{path}"))

    detail = f"/{SITE}/w-1.0.dist-info has no METADATA: Python does not know that it is installed"
    assert found == [("w-1.0", State.PROBLEM, detail)]


def test_a_wheel_without_a_list_of_its_files_is_told(tmp_path: Path) -> None:
    metadata, _, points = distribution("w")

    found = declared(tmp_path, record("a"), metadata, points)

    detail = "its RECORD is not there, or empty: nobody knows what of it can be imported"
    assert found == [("w", State.PROBLEM, detail)]


THERE = (record("a"), *distribution("A_Wheel", "1.0"))


@pytest.mark.parametrize(
    ("locked", "finding"),
    [
        pytest.param(
            (conda("a"), wheel("a-wheel", "1.0.0")),
            ("lock", State.OK, "2 packages, exactly what the lock has"),
            id="the same",
        ),
        pytest.param(
            (conda("a"), conda("b", "2.0"), wheel("a-wheel")),
            ("b", State.PROBLEM, "2.0 0 is locked, and is not in the image"),
            id="missing",
        ),
        pytest.param(
            (wheel("a-wheel"),),
            ("a", State.PROBLEM, "1.0 0 is in the image, and not locked"),
            id="too many",
        ),
        pytest.param(
            (conda("a", "1.1"), wheel("a-wheel")),
            ("a", State.PROBLEM, "1.0 0 is in the image, and 1.1 0 is locked"),
            id="another version",
        ),
        pytest.param(
            (conda("a", build="1"), wheel("a-wheel")),
            ("a", State.PROBLEM, "1.0 0 is in the image, and 1.0 1 is locked"),
            id="another build",
        ),
        pytest.param(
            (conda("a"), wheel("a-wheel", "2.0")),
            ("a-wheel", State.PROBLEM, "1.0 is in the image, and 2.0 is locked"),
            id="another wheel",
        ),
    ],
)
def test_the_lock_is_compared(
    tmp_path: Path, locked: tuple[LockedPackage, ...], finding: tuple[str, State, str]
) -> None:
    assert declared(tmp_path, *THERE, locked=locked)[1:] == [finding]


def test_an_image_without_the_environment(tmp_path: Path) -> None:
    found = declared(tmp_path, *THERE, locked=(conda("a"),), prefix="/opt/other")

    assert ("lock", State.PROBLEM, "no package is in /opt/other, and 1 are locked") in found
