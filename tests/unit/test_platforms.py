"""conda's subdirs and OCI's platforms are told apart and brought together."""

from __future__ import annotations

import platform as python_platform
import sys

import pytest

from condabox.errors import SpecError
from condabox.platforms import (
    PLATFORM_OF_SUBDIR,
    SUBDIRS,
    Platform,
    host_subdir,
    platform_of_subdir,
    subdir_of,
    subdir_of_platform,
)


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm64", "linux/arm/v7"])
def test_a_platform_prints_as_it_was_written(text: str) -> None:
    assert str(Platform.parse(text)) == text


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "linux//v8", "a/b/c/d"])
def test_what_has_no_two_or_three_parts_is_no_platform(text: str) -> None:
    with pytest.raises(SpecError, match="is not a platform") as raised:
        Platform.parse(text)

    assert raised.value.hint == "write it like linux/amd64 or linux/arm64"


@pytest.mark.parametrize("subdir", PLATFORM_OF_SUBDIR)
def test_subdirs_and_platforms_map_back_and_forth(subdir: str) -> None:
    assert subdir_of_platform(platform_of_subdir(subdir)) == subdir


def test_a_variant_does_not_change_the_subdir() -> None:
    assert subdir_of_platform(Platform.parse("linux/arm64/v8")) == "linux-aarch64"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux-ppc64le", "linux-ppc64le"),
        (" win-64", "win-64"),
        ("linux/ppc64le", "linux-ppc64le"),
        ("linux/arm64/v8", "linux-aarch64"),
    ],
)
def test_a_subdir_is_named_by_itself_or_by_its_platform(text: str, expected: str) -> None:
    assert subdir_of(text) == expected


@pytest.mark.parametrize("text", ["noarch", "linux-riscv64", "windows/amd64", ""])
def test_what_names_no_subdir_is_an_error(text: str) -> None:
    with pytest.raises(SpecError):
        subdir_of(text)


@pytest.mark.parametrize("subdir", [*sorted(set(SUBDIRS) - set(PLATFORM_OF_SUBDIR)), "noarch"])
def test_no_image_is_made_for_a_subdir_that_is_not_linux(subdir: str) -> None:
    with pytest.raises(SpecError, match=f"^no image can be made for {subdir}$"):
        platform_of_subdir(subdir)


@pytest.mark.parametrize("text", ["linux/386", "windows/amd64", "linux/arm/v7"])
def test_a_platform_without_packages_is_an_error(text: str) -> None:
    with pytest.raises(SpecError, match=f"^conda has no packages for {text}$"):
        subdir_of_platform(Platform.parse(text))


@pytest.mark.parametrize(
    ("system", "machine", "expected"),
    [
        ("linux", "x86_64", "linux-64"),
        ("linux", "aarch64", "linux-aarch64"),
        ("linux", "ppc64le", "linux-ppc64le"),
        ("darwin", "arm64", "osx-arm64"),
        ("win32", "AMD64", "win-64"),
    ],
)
def test_the_host_has_a_subdir(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(python_platform, "machine", lambda: machine)

    assert host_subdir() == expected


def test_a_host_that_conda_does_not_know_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(python_platform, "machine", lambda: "riscv64")

    with pytest.raises(SpecError, match=r"^conda has no packages for linux riscv64$"):
        host_subdir()
