from __future__ import annotations

import pytest

from condabox.conda.virtual_packages import glibc_of, virtual_packages


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


@pytest.mark.parametrize("subdir", ["osx-64", "osx-arm64"])
def test_macos_has_neither_cuda_nor_glibc(subdir: str) -> None:
    found = virtual_packages(subdir, base="ubuntu:24.04", cuda="12.8")

    assert sorted(found) == ["__archspec", "__osx", "__unix"]
