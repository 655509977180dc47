"""Where a build gets packages from."""

from __future__ import annotations

import pytest

from condabox.backends.dockerfile.sources import Sources
from condabox.errors import LockError
from tests.fakes.lockfiles import FORGE, conda, wheel


def sources(*packages: object, **mirrors: tuple[str, ...]) -> Sources:
    return Sources(packages=packages, mirrors={FORGE: mirrors.get("forge", ())})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mirrors", "expected"),
    [
        ((), f"{FORGE}/linux-64/zlib-1.0-0.conda"),
        (("file:///srv/x", "oci://ghcr.io/x"), "oci://ghcr.io/x/linux-64/zlib-1.0-0.conda"),
        (("https://me:pw@a.example/t/abc/x",), "https://a.example/x/linux-64/zlib-1.0-0.conda"),
    ],
)
def test_the_first_mirror_that_a_build_reaches(mirrors: tuple[str, ...], expected: str) -> None:
    assert sources(forge=mirrors).located(conda("zlib")) == expected


def test_a_file_of_this_machine_is_refused() -> None:
    package = conda("zlib", channel="file:///srv/channel")

    with pytest.raises(LockError, match=r"zlib 1.0 is a file of this machine") as caught:
        sources(package).explicit("linux-64")

    assert caught.value.hint is not None


@pytest.mark.parametrize("name", ["zlib\nhttps://evil.example/x", "zlib --index-url x", "zlib\x1b"])
def test_nothing_can_be_another_line_or_option(name: str) -> None:
    for package in (conda(name), wheel(name)):
        with pytest.raises(LockError, match="has an address with blanks"):
            sources(package).located(package)


def test_micromamba_gets_no_wheel_and_pip_no_conda_package() -> None:
    found = sources(conda("zlib"), wheel("attrs"))

    assert "attrs" not in found.explicit("linux-64")
    assert "zlib" not in found.requirements()
    assert sources(conda("zlib")).requirements() == ""
