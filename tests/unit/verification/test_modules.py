"""Which modules a package has, by its files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.verification.modules import modules_of

SITE = "opt/env/lib/python3.12/site-packages"
PARTS = st.sampled_from(["a", "b", "c", "__init__.py", "x.py", "tests", "a-b", "y.abi3.so"])


@pytest.mark.parametrize(
    ("files", "modules"),
    [
        pytest.param(["numpy/__init__.py", "numpy/core/__init__.py"], ["numpy"], id="package"),
        pytest.param(["six.py"], ["six"], id="module"),
        pytest.param(["_cffi.cpython-312-x86_64-linux-gnu.so"], ["_cffi"], id="extension"),
        pytest.param(["_ed.abi3.so", "plain.so"], ["_ed", "plain"], id="other extensions"),
        pytest.param(
            ["google/cloud/storage/__init__.py", "google/cloud/storage/blob.py"],
            ["google.cloud.storage"],
            id="in a namespace",
        ),
        pytest.param(["libfoo.so.1", "data.json", "x-1.0.dist-info/METADATA"], [], id="no module"),
        pytest.param(["tests/__init__.py", "conftest.py", "setup.py"], [], id="left by mistake"),
        pytest.param(["a-b/__init__.py", "1x.py"], [], id="no names"),
        pytest.param(
            ["_testcapi.so", "xxlimited.so", "_xxtestfuzz.so"], [], id="of Python's tests"
        ),
        pytest.param(["share/doc/make.py"], [], id="a script deep in folders"),
        pytest.param(["__init__.py"], [], id="site-packages is no package"),
    ],
)
def test_modules_are_told_by_files(files: list[str], modules: list[str]) -> None:
    found = modules_of([f"{SITE}/{each}" for each in files], site=SITE)

    assert list(found) == modules


def test_files_elsewhere_are_no_modules() -> None:
    assert modules_of(["opt/env/bin/tool.py", f"{SITE}x/y.py"], site=SITE) == ()


@given(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join)))
def test_no_module_lies_in_another_one(paths: list[str]) -> None:
    found = modules_of([f"{SITE}/{each}" for each in paths], site=SITE)

    assert list(found) == sorted(set(found))
    assert not any(one.startswith(f"{other}.") for one in found for other in found)
    assert all(part.isidentifier() for each in found for part in each.split("."))
