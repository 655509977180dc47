"""Handmade packages, installed by rattler and by condabox."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rattler import PackageRecord

from condabox.conda.packages.order import in_link_order
from tests.fakes.packages import (
    PLACEHOLDER,
    File,
    HardLink,
    Link,
    locked_named,
    make_package,
)
from tests.oracle import as_shipped, compare

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.fakes.packages import ArchiveFormat, Shipped
    from tests.world.world import World

PREFIX = "/opt/env"

LONG = "/" + "long/" * 40 + "env"
"""Too long for a shebang, still shorter than the placeholder."""

TREE: dict[str, Shipped] = {
    "bin/tool": File(f"#!{PLACEHOLDER}/bin/python\nprint('{PLACEHOLDER}')\n", executable=True),
    "bin/perl-tool": File(f"#!{PLACEHOLDER}/bin/perl -w\nuse 1;\n", executable=True),
    "bin/plain": File("#!/bin/sh\nexit 0\n", executable=True),
    "bin/spaced": File(f"#!  {PLACEHOLDER}/bin/python3.12 -E -s\n", executable=True),
    "bin/no-newline": File(f"#!{PLACEHOLDER}/bin/python", executable=True),
    "bin/other": HardLink("bin/plain"),
    "bin/tool-2": HardLink("bin/tool"),
    "etc/twice.conf": f"{PLACEHOLDER}{PLACEHOLDER}:{PLACEHOLDER}/x\r\n{PLACEHOLDER[:-1]}",
    "etc/empty": b"",
    "etc/to-empty": Link("empty"),
    "etc/umlaut.conf": f"ä={PLACEHOLDER}/ü\n",
    "etc/latin-1.conf": b"\xe4=" + PLACEHOLDER.encode() + b"\xff\n",
    "etc/not-linked": File("x", no_link=True),
    "lib/libtool.so.1.2": b"\x7fELF\0" + PLACEHOLDER.encode() + b"/lib\0rest",
    "lib/libtool.so.1": Link("libtool.so.1.2"),
    "lib/libtool.so": Link("libtool.so.1"),
    "lib/path-list": b"\0" + f"P={PLACEHOLDER}/a:{PLACEHOLDER}/b:".encode() + b"\0\0" * 3,
    "lib/unterminated": b"\0" + PLACEHOLDER.encode() + b"/lib",
    "lib/text-as-binary": File(f"x {PLACEHOLDER}/y\nz", file_mode="binary"),
    "lib/binary-as-text": File(b"\0" + PLACEHOLDER.encode() + b"\0", file_mode="text"),
    "lib/dangling": Link("../nowhere/at/all"),
    "share/to-directory": Link("../lib"),
    "share/to-root": Link(".."),
    "share/unlisted": File("not installed", listed=False),
    "share/ünïcode/dätei": "x",
    "share/" + "deep/" * 40 + "file": "deep",
}


def differences(*archives: Path, scratch: Path, prefix: str = PREFIX) -> list[str]:
    return compare([as_shipped(archive) for archive in archives], prefix=prefix, scratch=scratch)


@pytest.mark.parametrize("archive_format", ["conda", "tar.bz2"])
@pytest.mark.parametrize("old_style", [False, True])
@pytest.mark.parametrize("prefix", [PREFIX, LONG, "/with space/env"])
def test_one_package_gives_rattlers_tree(
    tmp_path: Path, archive_format: ArchiveFormat, prefix: str, *, old_style: bool
) -> None:
    # The old form lists what it installs, too, but knows nothing of links that are hard.
    files = {path: file for path, file in TREE.items() if not old_style or path != "bin/tool-2"}
    archive = make_package(
        tmp_path, "tool", files=files, archive_format=archive_format, old_style=old_style
    )

    assert differences(archive, scratch=tmp_path, prefix=prefix) == []


def test_old_style_placeholders_may_be_quoted_or_left_out(tmp_path: Path) -> None:
    files: dict[str, Shipped] = {
        "default": "/opt/anaconda1anaconda2anaconda3/bin",
        "with space": "/short/bin",
        "plain": "/short/bin",
    }
    has_prefix = b'default\n"/short" text "with space"\n/short TEXT plain\n'
    archive = make_package(
        tmp_path, "old", files=files, old_style=True, info={"has_prefix": has_prefix}
    )

    assert differences(archive, scratch=tmp_path) == []


@pytest.mark.parametrize("prefix", [PREFIX, LONG, "/with space/env"])
def test_noarch_python_gives_rattlers_tree(tmp_path: Path, prefix: str) -> None:
    python = make_package(
        tmp_path, "python", "3.12.4", files={"bin/python3.12": File("x", executable=True)}
    )
    tool = make_package(
        tmp_path,
        "tool",
        files={
            "site-packages/tool/__init__.py": f"PREFIX = '{PLACEHOLDER}'\n",
            "site-packages/tool/cli.py": "def main(): ...\n",
            "site-packages/tool-1.0.dist-info/METADATA": "Name: tool\n",
            "site-packages/tool/link.py": Link("cli.py"),
            "python-scripts/tool-script": File(f"#!{PLACEHOLDER}/bin/python\n", executable=True),
            "share/tool/data": "x",
            "Menu/tool.json": "{}",
        },
        depends=["python >=3.8"],
        noarch="python",
        entry_points=["tool = tool.cli:main", "tool-x=tool.cli:App.run", " a.b = tool : main "],
    )

    assert differences(python, tool, scratch=tmp_path, prefix=prefix) == []


def test_free_threaded_python_has_its_own_site_packages(tmp_path: Path) -> None:
    site_packages = "lib/python3.13t/site-packages"
    python = make_package(
        tmp_path,
        "python",
        "3.13.1",
        files={"bin/python3.13": File("x", executable=True)},
        index={"python_site_packages_path": site_packages},
    )
    tool = make_package(tmp_path, "tool", files={"site-packages/tool.py": "x"}, noarch="python")

    assert differences(python, tool, scratch=tmp_path) == []


def test_noarch_generic_is_linked_as_it_is(tmp_path: Path) -> None:
    archive = make_package(
        tmp_path, "data", files={"site-packages/x": "1", "share/y": "2"}, noarch="generic"
    )

    assert differences(archive, scratch=tmp_path) == []


CLOBBERING: dict[str, tuple[dict[str, list[str]], list[str]]] = {
    "unrelated": ({"a": [], "b": [], "c": []}, []),
    "dependent wins": ({"a": [], "b": ["a"]}, []),
    "dependent wins, first in the alphabet": ({"a": ["b"], "b": []}, []),
    "chain": ({"a": ["b"], "b": ["c"], "c": []}, []),
    "diamond": ({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}, []),
    "cycle": ({"a": ["b"], "b": ["a"]}, []),
    "cycle with a noarch package": ({"a": ["b"], "b": ["a"]}, ["a"]),
    "cycle with the other noarch": ({"a": ["b"], "b": ["a"]}, ["b"]),
    "cycle of three": ({"a": ["b"], "b": ["c"], "c": ["a"]}, ["b"]),
    "cycle that something needs": ({"a": ["b"], "b": ["c"], "c": ["b"], "d": []}, ["c"]),
    "needs itself": ({"a": ["a"], "b": ["__glibc >=2.17", "a >=1"]}, []),
}


@pytest.mark.parametrize(("graph", "noarch"), CLOBBERING.values(), ids=CLOBBERING.keys())
@pytest.mark.parametrize("backwards", [False, True])
def test_the_same_package_wins_a_path(
    tmp_path: Path, graph: Mapping[str, list[str]], noarch: list[str], *, backwards: bool
) -> None:
    archives = [
        make_package(
            tmp_path,
            name,
            files={"share/contested": name, "etc/linked": Link(name), f"share/{name}": name},
            depends=depends,
            noarch="generic" if name in noarch else None,
        )
        for name, depends in graph.items()
    ]
    if backwards:
        archives.reverse()

    assert differences(*archives, scratch=tmp_path) == []


@given(
    st.dictionaries(
        st.sampled_from("abcdefg"), st.sets(st.sampled_from("abcdefgx"), max_size=3), min_size=1
    ),
    st.sets(st.sampled_from("abcdefg")),
)
def test_packages_are_linked_in_rattlers_order(
    tmp_path_factory: pytest.TempPathFactory, graph: dict[str, set[str]], noarch: set[str]
) -> None:
    index = tmp_path_factory.getbasetemp() / "index.json"
    packages, records = [], []
    for name, needs in graph.items():
        subdir = "noarch" if name in noarch else "linux-64"
        document = {
            "name": name,
            "version": "1",
            "build": "0",
            "build_number": 0,
            "depends": sorted(needs),
            "subdir": subdir,
            **({"noarch": "generic"} if name in noarch else {}),
        }
        index.write_text(json.dumps(document))
        records.append(PackageRecord.from_index_json(index))
        packages.append(locked_named(name, sorted(needs), subdir=subdir))

    expected = [record.name.normalized for record in PackageRecord.sort_topologically(records)]

    assert [found.name for found in in_link_order(packages)] == expected


@pytest.mark.world
@pytest.mark.parametrize("subdir", ["linux-64", "linux-aarch64"])
def test_the_worlds_packages_give_rattlers_tree(world: World, tmp_path: Path, subdir: str) -> None:
    archives = {
        archive.name.rsplit("-", 2)[0]: archive  # one of each name
        for folder in (subdir, "noarch")
        for archive in sorted((world.channel / folder).glob("*.conda"))
    }

    assert differences(*archives.values(), scratch=tmp_path) == []
