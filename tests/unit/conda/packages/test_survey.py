from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from condabox.conda.packages.entry import Spool
from condabox.conda.packages.inventory import PackageInventory
from condabox.conda.packages.link import link_conda_package
from condabox.conda.packages.python import PythonInfo
from condabox.conda.packages.survey import conda_inventory
from condabox.errors import InstallError
from tests.fakes.packages import (
    PLACEHOLDER,
    TIMESTAMP,
    Directory,
    File,
    HardLink,
    Link,
    locked,
    make_package,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.packages import ArchiveFormat, Shipped

PYTHON = PythonInfo(version="3.11.2")
FORMATS = pytest.mark.parametrize("archive_format", ["conda", "tar.bz2"])


def inventory_of(path: Path) -> PackageInventory:
    return conda_inventory(path, locked(path), python=PYTHON)


@FORMATS
def test_inventory_of_a_package(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    path = make_package(
        tmp_path,
        "tool",
        files={
            "bin/tool": "x",
            "bin/hidden": File("x", listed=False),
            "share/dir": Directory(),
            "bin/.tool-post-link.sh": "#!/bin/sh\n",
            "bin/.tool-pre-link.sh": "#!/bin/sh\n",
            "bin/.tool-pre-unlink.sh": "#!/bin/sh\n",
        },
        archive_format=archive_format,
    )

    assert inventory_of(path) == PackageInventory(
        paths=(
            "bin/.tool-post-link.sh",
            "bin/.tool-pre-link.sh",
            "bin/.tool-pre-unlink.sh",
            "bin/tool",
            "conda-meta/tool-1.0-0.json",
            "share/dir",
        ),
        archive_size=path.stat().st_size,
        timestamp=TIMESTAMP // 1000,
        link_scripts=("bin/.tool-post-link.sh", "bin/.tool-pre-link.sh"),
        activation={},
        directories=("share/dir",),
    )


@FORMATS
@pytest.mark.parametrize("old_style", [False, True])
def test_paths_are_those_that_are_linked(
    tmp_path: Path, archive_format: ArchiveFormat, *, old_style: bool
) -> None:
    path = make_package(
        tmp_path,
        "tool",
        noarch="python",
        files={
            "site-packages/a.py": "x",
            "site-packages/ä.py": "x",
            "python-scripts/run": "x",
            "bin/tool": "replaced",
            "bin/link": Link("tool"),
            "lib/Z": HardLink("bin/tool"),
        },
        entry_points=["tool = a:main", "second = a:main"],
        archive_format=archive_format,
        old_style=old_style,
    )

    with Spool(tmp_path) as spool:
        entries = link_conda_package(path, locked(path), prefix="/p", python=PYTHON, spool=spool)

    assert inventory_of(path).paths == tuple(entry.path for entry in entries)


def test_the_payload_is_not_read_without_activation(tmp_path: Path) -> None:
    path = make_package(tmp_path, "tool", files={"bin/tool": "x", "etc/conda/x.sh": "y"})
    with zipfile.ZipFile(path) as archive:
        info, data = archive.infolist()[2], archive.read(archive.infolist()[2])
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, data)
        archive.writestr("pkg-tool-1.0-0.tar.zst", b"broken")

    assert "bin/tool" in inventory_of(path).paths


@FORMATS
def test_activation_is_read_through_links(tmp_path: Path, archive_format: ArchiveFormat) -> None:
    files: dict[str, Shipped] = {
        "etc/conda/activate.d/a.sh": f"export A='{PLACEHOLDER}/a'\n",
        "etc/conda/activate.d/link.sh": Link("../../../share/real.sh"),
        "etc/conda/activate.d/a.csh": "setenv A",
        "etc/conda/activate.d/sub/a.sh": "not conda's",
        "etc/conda/deactivate.d/a.sh": "unset A\n",
        "etc/conda/env_vars.d/a.json": '{"B": "b"}',
        "share/real.sh": Link("really.sh"),
        "share/really.sh": "export R=1\n",
        "etc/conda/activate.d/hard.sh": HardLink("share/really.sh"),
        "etc/conda/activate.d/latin-1.sh": b"export L=\xe4\n",
        "etc/conda/activate.d/nowhere.sh": Link("missing"),
    }
    path = make_package(tmp_path, "tool", files=files, archive_format=archive_format)

    inventory = inventory_of(path)

    assert inventory.activation_in("/opt/env") == {
        "etc/conda/activate.d/a.sh": "export A='/opt/env/a'\n",
        "etc/conda/activate.d/hard.sh": "export R=1\n",
        "etc/conda/activate.d/latin-1.sh": "export L=\ufffd\n",
        "etc/conda/activate.d/link.sh": "export R=1\n",
        "etc/conda/env_vars.d/a.json": '{"B": "b"}',
    }


def test_activation_that_links_in_a_circle_is_left_out(tmp_path: Path) -> None:
    files: dict[str, Shipped] = {
        "etc/conda/activate.d/a.sh": Link("b.sh"),
        "etc/conda/activate.d/b.sh": Link("a.sh"),
    }

    assert inventory_of(make_package(tmp_path, "tool", files=files)).activation == {}


def test_activation_of_any_size_is_refused(tmp_path: Path) -> None:
    files: dict[str, Shipped] = {"etc/conda/activate.d/a.sh": bytes(2 << 20)}

    with pytest.raises(InstallError, match=r"activate\.d/a\.sh is larger than"):
        inventory_of(make_package(tmp_path, "tool", files=files))


def test_python_tells_where_its_modules_are(tmp_path: Path) -> None:
    index = {"python_site_packages_path": "lib/python3.13t/site-packages"}
    path = make_package(tmp_path, "python", "3.13.1", index=index)

    assert inventory_of(path).site_packages == "lib/python3.13t/site-packages"


def test_noarch_python_without_python_is_an_install_error(tmp_path: Path) -> None:
    path = make_package(tmp_path, "tool", noarch="python")

    with pytest.raises(InstallError, match="the environment has none"):
        conda_inventory(path, locked(path), python=None)
