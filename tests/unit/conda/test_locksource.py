from __future__ import annotations

import yaml

from condabox.conda.inputs import LockInputs
from condabox.conda.locksource import categories_of, environment_file, virtual_package_file


def inputs(*conda: str, pip: tuple[str, ...] = (), dev: tuple[str, ...] = ()) -> LockInputs:
    return LockInputs(
        channels=("https://conda.example/ch",),
        conda={"main": conda} | ({"dev": dev} if dev else {}),
        pip={"main": pip} if pip else {},
        virtual_packages={"__glibc": "2.39"},
    )


def test_what_all_subdirs_ask_for_has_no_selector() -> None:
    found = {"linux-64": inputs("a", "b=1"), "linux-aarch64": inputs("b=1", "c", "d")}
    text = environment_file(found, category="main", default_index=True)

    assert [line.strip() for line in text.splitlines() if line.startswith("  ")] == [
        '- "a"  # [linux64]',
        '- "b=1"',
        '- "c"  # [aarch64]',
        '- "d"  # [aarch64]',
    ]


def test_the_file_is_yaml_whatever_is_asked_for() -> None:
    odd = ('x: "[y]" # {z}', "- a", "né")
    text = environment_file({"linux-64": inputs(*odd)}, category="main", default_index=False)
    document = yaml.safe_load(text)

    assert sorted(document["dependencies"]) == sorted(odd)
    assert document["channels"] == ["https://conda.example/ch"]
    assert document["allow-pypi-requests"] is False


def test_pip_has_a_block_of_its_own() -> None:
    found = {"linux-64": inputs("python", pip=("app>=1",)), "win-64": inputs("python")}
    text = environment_file(found, category="main", default_index=True)

    assert yaml.safe_load(text)["dependencies"] == ["python", {"pip": ["app>=1"]}]
    assert '- "app>=1"  # [win64]' not in text
    assert '- "app>=1"  # [linux64]' in text


def test_an_environment_of_nothing_is_an_empty_list() -> None:
    text = environment_file({"linux-64": inputs()}, category="main", default_index=True)

    assert yaml.safe_load(text)["dependencies"] == []


def test_main_is_a_category_always_and_first() -> None:
    assert categories_of([inputs()]) == ("main",)
    assert categories_of([inputs("a"), inputs("a", dev=("b",))]) == ("main", "dev")


def test_virtual_packages_are_by_subdir() -> None:
    text = virtual_package_file({"linux-64": inputs()})

    assert yaml.safe_load(text) == {"subdirs": {"linux-64": {"packages": {"__glibc": "2.39"}}}}
