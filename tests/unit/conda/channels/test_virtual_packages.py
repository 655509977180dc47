from __future__ import annotations

import pytest

from condabox.conda.channels.virtual_packages import glibc_of, virtual_packages


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("ubuntu:24.04", "2.39"),
        ("docker.io/library/ubuntu:noble-20240605", "2.39"),
        ("ubuntu", "2.39"),
        ("ubuntu:22.04@sha256:00", "2.35"),
        ("nvidia/cuda:12.8.1-runtime-ubuntu22.04", "2.35"),
        ("python:3.12-slim-bookworm", "2.36"),
        ("debian:13-slim", "2.41"),
        ("gcr.io/distroless/cc-debian12", "2.36"),
        ("registry.access.redhat.com/ubi9/ubi-minimal", "2.34"),
        ("nvidia/cuda:12.8.1-base-ubi8", "2.28"),
        ("rockylinux:9", "2.34"),
        ("company.example/our-base:1", "2.28"),
        ("oci:/srv/layout", "2.28"),
    ],
)
def test_the_base_s_name_tells_its_c_library(base: str, expected: str) -> None:
    assert glibc_of(base) == expected


def test_linux_has_the_default_base_and_no_gpu() -> None:
    assert virtual_packages("linux-64", base=None, cuda=None) == {
        "__archspec": "1 x86_64",
        "__glibc": "2.39",
        "__linux": "5.10",
        "__unix": "0",
    }


@pytest.mark.parametrize("subdir", ["linux-64", "linux-aarch64", "win-64"])
def test_cuda_is_what_was_said(subdir: str) -> None:
    assert virtual_packages(subdir, base=None, cuda="12.8")["__cuda"] == "12.8"


def test_a_subdir_wins_over_its_family_and_both_over_what_is_known() -> None:
    found = virtual_packages(
        "linux-64",
        base="ubuntu:24.04",
        cuda="12.8",
        overrides={
            "linux-64": {"__archspec": "1 x86_64_v3", "__linux": "6.8"},
            "linux": {"__glibc": "2.28", "__linux": "4.18", "__cuda": None, "__a": "1"},
            "linux-aarch64": {"__glibc": "2.17"},
            "osx": {"__osx": "13.0"},
        },
    )

    assert list(found.items()) == [
        ("__a", "1"),
        ("__archspec", "1 x86_64_v3"),
        ("__glibc", "2.28"),
        ("__linux", "6.8"),
        ("__unix", "0"),
    ]


def test_what_a_family_takes_away_a_subdir_brings_back() -> None:
    overrides: dict[str, dict[str, str | None]] = {
        "osx": {"__osx": None},
        "osx-arm64": {"__osx": "14.0"},
    }

    intel = virtual_packages("osx-64", base=None, cuda=None, overrides=overrides)
    arm = virtual_packages("osx-arm64", base=None, cuda=None, overrides=overrides)

    assert "__osx" not in intel
    assert arm["__osx"] == "14.0"


@pytest.mark.parametrize("subdir", ["osx-64", "osx-arm64"])
def test_macos_has_neither_cuda_nor_glibc(subdir: str) -> None:
    found = virtual_packages(subdir, base="ubuntu:24.04", cuda="12.8")

    assert sorted(found) == ["__archspec", "__osx", "__unix"]
