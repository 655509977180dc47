"""Where images are looked for, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from condabox.oci.reference import Reference
from condabox.registry.mirrors import LayoutPlace, RegistryPlace, places
from condabox.settings import RegistrySettings

UBUNTU = Reference.parse("ubuntu:24.04")
HUB = RegistryPlace(host="docker.io", repository="library/ubuntu", insecure=False)


def test_without_settings_the_registry_itself_is_asked() -> None:
    assert places(UBUNTU, {}, folder=Path("/project")) == (HUB,)


@pytest.mark.parametrize(
    ("mirror", "place"),
    [
        pytest.param(
            "mirror.example:5000",
            RegistryPlace(host="mirror.example:5000", repository="library/ubuntu", insecure=False),
            id="host",
        ),
        pytest.param(
            "mirror.example/hub/proxy/",
            RegistryPlace(
                host="mirror.example", repository="hub/proxy/library/ubuntu", insecure=False
            ),
            id="prefix",
        ),
        pytest.param(
            "oci:/srv/images", LayoutPlace(path=Path("/srv/images/library/ubuntu")), id="layout"
        ),
        pytest.param(
            "oci:images", LayoutPlace(path=Path("/project/images/library/ubuntu")), id="relative"
        ),
    ],
)
def test_a_mirror_comes_before_its_registry(
    mirror: str, place: RegistryPlace | LayoutPlace
) -> None:
    registries = {"docker.io": RegistrySettings(mirrors=(mirror,))}

    assert places(UBUNTU, registries, folder=Path("/project")) == (place, HUB)


def test_mirrors_keep_their_order() -> None:
    registries = {"docker.io": RegistrySettings(mirrors=("b.example", "a.example"))}

    found = places(UBUNTU, registries, folder=Path())

    assert [str(place).partition("/")[0] for place in found] == [
        "b.example",
        "a.example",
        "docker.io",
    ]


def test_a_mirror_has_the_settings_of_its_own_host() -> None:
    registries = {
        "docker.io": RegistrySettings(mirrors=("mirror.example",)),
        "mirror.example": RegistrySettings(insecure=True, mirrors=("never.example",)),
    }

    found = places(UBUNTU, registries, folder=Path())

    assert found == (
        RegistryPlace(host="mirror.example", repository="library/ubuntu", insecure=True),
        HUB,
    )
