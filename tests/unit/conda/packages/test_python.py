from __future__ import annotations

import pytest

from condabox.conda.packages.python import PythonInfo


@pytest.mark.parametrize(
    ("version", "site_packages", "executable"),
    [
        ("3.11.2", "lib/python3.11/site-packages", "bin/python3.11"),
        ("3.9", "lib/python3.9/site-packages", "bin/python3.9"),
        ("3.14.0rc1", "lib/python3.14/site-packages", "bin/python3.14"),
    ],
)
def test_paths_follow_from_the_version(version: str, site_packages: str, executable: str) -> None:
    python = PythonInfo(version=version)

    assert (python.site_packages, python.executable) == (site_packages, executable)


def test_site_packages_may_be_told() -> None:
    python = PythonInfo(version="3.13.1", site_packages="lib/python3.13t/site-packages")

    assert python.noarch_destination("site-packages/a.py") == "lib/python3.13t/site-packages/a.py"
    assert python.executable == "bin/python3.13"


@pytest.mark.parametrize(
    ("path", "destination"),
    [
        ("site-packages/pkg/a.py", "lib/python3.11/site-packages/pkg/a.py"),
        ("site-packages", "lib/python3.11/site-packages"),
        ("python-scripts/run", "bin/run"),
        ("site-packages-extra/a.py", "site-packages-extra/a.py"),
        ("share/site-packages/a.py", "share/site-packages/a.py"),
    ],
)
def test_noarch_files_go_where_python_looks(path: str, destination: str) -> None:
    assert PythonInfo(version="3.11.2").noarch_destination(path) == destination
