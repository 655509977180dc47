from __future__ import annotations

import yaml

from condabox.conda.lockfiles.inputs import LockInputs
from condabox.conda.locking.locksource import categories_of, environment_file, virtual_package_file

CHANNEL = "https://conda.example/ch"


def inputs(*conda: str, pip: tuple[str, ...] = (), dev: tuple[str, ...] = ()) -> LockInputs:
    return LockInputs(
        channels=(CHANNEL,),
        conda={"main": conda} | ({"dev": dev} if dev else {}),
        pip={"main": pip} if pip else {},
        virtual_packages={"__glibc": "2.39"},
    )


def source(found: LockInputs, category: str = "main", *, default_index: bool = True) -> str:
    return environment_file(
        found, category=category, channels=[CHANNEL], default_index=default_index
    )


def test_the_file_is_yaml_whatever_is_asked_for() -> None:
    odd = ('x: "[y]" # {z}', "- a", "né", "b  # [win]")
    document = yaml.safe_load(source(inputs(*odd), default_index=False))

    assert document["dependencies"] == list(odd)
    assert document["channels"] == [CHANNEL]
    assert document["allow-pypi-requests"] is False


def test_pip_has_a_block_of_its_own() -> None:
    document = yaml.safe_load(source(inputs("python", pip=("app>=1",))))

    assert document["dependencies"] == ["python", {"pip": ["app>=1"]}]


def test_an_environment_of_nothing_is_an_empty_list() -> None:
    assert yaml.safe_load(source(inputs()))["dependencies"] == []


def test_each_category_is_a_file_of_its_own() -> None:
    document = yaml.safe_load(source(inputs("a", dev=("b",)), "dev"))

    assert (document["category"], document["dependencies"]) == ("dev", ["b"])


def test_main_is_a_category_always_and_first() -> None:
    assert categories_of(inputs()) == ("main",)
    assert categories_of(inputs("a", dev=("b",))) == ("main", "dev")


def test_virtual_packages_are_by_subdir() -> None:
    text = virtual_package_file(inputs(), "linux-64")

    assert yaml.safe_load(text) == {"subdirs": {"linux-64": {"packages": {"__glibc": "2.39"}}}}
