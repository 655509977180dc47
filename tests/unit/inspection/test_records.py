"""What package managers write down, and what others write in their name."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.inspection.records import InstalledPackage, is_record, lists_files, read_record

META = "opt/env/conda-meta/numpy-2.1.0-py312_0.json"
SITE = "opt/env/lib/python3.12/site-packages"


def read(path: str, data: str) -> InstalledPackage:
    packages = read_record(path, data.encode())
    assert packages is not None
    (package,) = packages
    return package


def conda(**fields: object) -> str:
    return json.dumps({"name": "numpy", "version": "2.1.0", "build": "py312_0", **fields})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (META, True),
        ("conda-meta/python-3.12-0.json", True),
        ("opt/env/conda-meta/history", False),
        ("opt/env/share/conda-meta.json", False),
        (f"{SITE}/numpy-2.1.0.dist-info/RECORD", True),
        (f"{SITE}/numpy-2.1.0.dist-info/METADATA", True),
        (f"{SITE}/numpy-2.1.0.dist-info/LICENSE", False),
        (f"{SITE}/numpy/RECORD", False),
        ("usr/lib/python3/dist-packages/six.egg-info", True),
        ("usr/lib/python3/dist-packages/six.egg-info/PKG-INFO", True),
        ("var/lib/dpkg/status", True),
        ("var/lib/dpkg/status-old", False),
        ("var/lib/dpkg/status.d/base-files", True),
        ("var/lib/dpkg/info/libc6:amd64.list", True),
        ("var/lib/dpkg/info/libc6:amd64.md5sums", False),
        ("home/var/lib/dpkg/status", False),
    ],
)
def test_records_are_known_by_their_paths(path: str, *, expected: bool) -> None:
    assert is_record(path) is expected


def test_some_records_are_told_by_their_paths_alone() -> None:
    assert not lists_files("a.dist-info/METADATA")
    assert not lists_files("a.egg-info/PKG-INFO")
    assert lists_files("a.dist-info/RECORD")
    assert lists_files("var/lib/dpkg/status")


def test_a_record_of_conda() -> None:
    files = ["bin/f2py", "lib/python3.12/site-packages/numpy/__init__.py"]

    assert read(META, conda(files=files)) == InstalledPackage(
        name="numpy",
        version="2.1.0",
        build="py312_0",
        manager="conda",
        prefix="opt/env",
        record=META,
        paths=frozenset({"opt/env/bin/f2py", f"{SITE}/numpy/__init__.py"}),
    )


def test_a_record_of_conda_without_a_list_has_its_paths_elsewhere() -> None:
    rows = {"paths": [{"_path": "bin/f2py", "path_type": "hardlink"}]}

    assert read(META, conda(paths_data=rows)).paths == {"opt/env/bin/f2py"}


@pytest.mark.parametrize(
    "claimed",
    ["../../../../../etc/passwd", "/etc/passwd", "lib/" + "../" * 9 + "usr/bin/sh", "/opt/environ"],
)
def test_a_package_has_nothing_outside_of_its_prefix(claimed: str) -> None:
    assert read(META, conda(files=[claimed, "bin/x"])).paths == {"opt/env/bin/x"}
    record = f"{claimed},,\n../../../bin/x,,\n"
    assert read(f"{SITE}/x-1.dist-info/RECORD", record).paths == {"opt/env/bin/x"}


def test_a_wheel_has_its_name_and_version_in_its_folder() -> None:
    record = '"numpy/a,b.py",sha256=x,1\n../../../bin/f2py,,\n'

    assert read(f"{SITE}/Scikit_Learn-1.5.2.dist-info/RECORD", record) == InstalledPackage(
        name="scikit-learn",
        version="1.5.2",
        manager="pip",
        prefix=SITE,
        record=f"{SITE}/Scikit_Learn-1.5.2.dist-info/RECORD",
        paths=frozenset({f"{SITE}/numpy/a,b.py", "opt/env/bin/f2py"}),
    )


def test_a_wheel_in_a_folder_of_no_environment_stays_in_it() -> None:
    record = "../bin/x,,\nx.py,,\n"

    assert read("app/vendor/x-1.dist-info/RECORD", record).paths == {"app/vendor/x.py"}


def test_an_egg() -> None:
    found = read(f"{SITE}/six-1.16-py3.12.egg-info/installed-files.txt", "../six.py\nPKG-INFO\n")

    assert (found.name, found.version) == ("six", "1.16")
    assert found.paths == {f"{SITE}/six.py", f"{SITE}/six-1.16-py3.12.egg-info/PKG-INFO"}


def test_packages_of_the_distribution() -> None:
    status = "Package: libc6\nStatus: install ok installed\nVersion: 2.39\n\nPackage: bash\n"
    packages = read_record("var/lib/dpkg/status", status.encode())
    assert packages is not None
    assert [(each.name, each.version) for each in packages] == [("libc6", "2.39"), ("bash", "")]

    listed = read("var/lib/dpkg/info/libc6:amd64.list", "/.\n/usr\n/usr/lib/libc.so.6\n")
    assert listed.name == "libc6"
    assert listed.paths == {"usr", "usr/lib/libc.so.6"}


def test_packages_of_images_without_a_shell() -> None:
    sums = "d41d8cd98f00b204e9800998ecf8427e  usr/lib/libssl.so.3\n"

    found = read("var/lib/dpkg/status.d/libssl3.md5sums", sums)

    assert found.name == "libssl3"
    assert found.paths == {"usr/lib/libssl.so.3"}


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="deep"),
        pytest.param(b"[]", id="no mapping"),
        pytest.param(b"\xff\xfe{", id="no text"),
        pytest.param(b'{"name": 1, "version": "1", "files": []}', id="a number for a name"),
        pytest.param(b'{"name": "a", "version": "1", "files": [1]}', id="a number for a path"),
        pytest.param(b'{"name": "a", "version": "1", "files": {"a": 1}}', id="a mapping of paths"),
        pytest.param(b'{"name": "a", "version": "1", "paths_data": []}', id="no paths"),
        pytest.param(b'{"name": "a", "version": "1", "paths_data": {"paths": [1]}}', id="no row"),
        pytest.param(
            json.dumps({"name": "a" * 201, "version": "1", "files": []}).encode(), id="long name"
        ),
        pytest.param(
            json.dumps({"name": "a", "version": "1", "files": ["x"] * 200_001}).encode(),
            id="too many files",
        ),
        pytest.param(b'{"name": "a", "version": "1", "build_number": ' + b"9" * 9999, id="digits"),
    ],
)
def test_a_damaged_record_tells_of_nothing(data: bytes) -> None:
    assert read_record(META, data) is None


def test_a_field_that_no_table_holds_damages_a_record() -> None:
    assert read_record(f"{SITE}/x-1.dist-info/RECORD", b'"' + b"a" * 200_000) is None


@given(
    path=st.sampled_from(
        [
            META,
            f"{SITE}/x-1.dist-info/RECORD",
            f"{SITE}/x.egg-info/installed-files.txt",
            "var/lib/dpkg/status",
            "var/lib/dpkg/status.d/x",
            "var/lib/dpkg/status.d/x.md5sums",
            "var/lib/dpkg/info/x.list",
        ]
    ),
    data=st.one_of(st.binary(), st.text().map(lambda text: text.encode(errors="replace"))),
)
def test_no_record_does_harm(path: str, data: bytes) -> None:
    for package in read_record(path, data) or ():
        inside = f"{package.prefix}/" if package.manager == "conda" else ""
        assert all(
            each.startswith(inside) and ".." not in each.split("/") for each in package.paths
        )
