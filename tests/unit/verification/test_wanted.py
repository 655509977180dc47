"""Which packages somebody asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.conda.envfile.spec import parse_environment
from condabox.verification.contents import read_contents
from condabox.verification.installed import read_installed
from condabox.verification.wanted import Wanted, wanted_by_spec, wanted_in
from tests.fakes.condaimage import SITE, conda_image, distribution, member, record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fakes.condaimage import Member

SPEC = """
channels: [conda-forge]
platforms: [linux-64, linux-aarch64]
dependencies:
  - python =3.12
  - conda-forge::numpy
  - mkl # [linux64]
  - pip:
      - Typing_Extensions>=4
"""


def wanted(tmp_path: Path, *members: Member) -> Wanted:
    found = read_installed(read_contents(conda_image(tmp_path, members), marks=()))
    return wanted_in(found.environments[0])


def test_an_environment_file_names_packages_for_each_platform(tmp_path: Path) -> None:
    spec = parse_environment(SPEC, path=tmp_path / "environment.yml")

    assert wanted_by_spec(spec, "linux-64") == Wanted(
        conda=frozenset({"mkl", "numpy", "python"}), wheels=frozenset({"typing-extensions"})
    )
    assert wanted_by_spec(spec, "linux-aarch64").conda == {"numpy", "python"}


def test_what_nothing_else_needs_was_asked_for(tmp_path: Path) -> None:
    metadata = "lib/python3.12/site-packages/numpy-1.0.dist-info/METADATA"
    found = wanted(
        tmp_path,
        record("python", "3.12.0", depends=["pip", "libzlib"]),
        record("pip", depends=["python >=3.8"]),
        record("libzlib"),
        record("numpy", "1.0", metadata, depends=["python"]),
        record("server", depends=["python 3.12.*", "server"]),
        *distribution("numpy"),
        *distribution("wheel_a", requires=["numpy", "wheel.b; python_version > '3'"]),
        *distribution("wheel_b", requires=['server; extra == "test"']),
    )

    assert found == Wanted(conda=frozenset({"server"}), wheels=frozenset({"wheel-a"}))


def test_what_installers_noted_is_believed(tmp_path: Path) -> None:
    found = wanted(
        tmp_path,
        record("a", depends=["b"]),
        record("b", requested_specs=["b"]),
        *distribution("w"),
        *distribution("v"),
        member(f"{SITE}/v-1.0.dist-info/REQUESTED"),
    )

    assert found == Wanted(conda=frozenset({"b"}), wheels=frozenset({"v"}))
