from __future__ import annotations

from pathlib import Path

import pytest

from condabox.conda.channels.anaconda import anaconda_channels, refuse_anaconda_channels
from condabox.conda.channels.channel import ChannelNames
from condabox.errors import SpecError

ELSEWHERE = ChannelNames(multi={"defaults": ("https://corp.example/main",)})


def refuse(*channels: str, specs: tuple[str, ...] = (), names: ChannelNames | None = None) -> None:
    refuse_anaconda_channels(
        channels, specs, names=names or ChannelNames(), environment=Path("ai.yml")
    )


@pytest.mark.parametrize(
    "url",
    [
        "https://repo.anaconda.com/pkgs/main",
        "http://repo.anaconda.com/anything",
        "https://REPO.anaconda.com./pkgs/r",
        "https://repo.continuum.io/pkgs/free",
        "https://conda.anaconda.org/anaconda",
        "https://conda.anaconda.org/main/label/x",
        "https://conda.anaconda.org/pkgs/main",
        "https://anaconda.org/r",
    ],
)
def test_anaconda_s_channels_are_known_wherever_they_are(url: str) -> None:
    assert anaconda_channels([url]) == (url,)


@pytest.mark.parametrize(
    "url",
    [
        "https://conda.anaconda.org/conda-forge",
        "https://conda.anaconda.org/mainly",
        "https://conda.anaconda.org/conda-forge/label/main",
        "https://corp.example/pkgs/main",
        "file:///srv/main",
    ],
)
def test_others_are_nobody_s_business(url: str) -> None:
    assert anaconda_channels([url]) == ()


@pytest.mark.parametrize(
    "channel",
    [
        *("defaults", "main", "r", "msys2", "pkgs/main", "pkgs/r", "pkgs/msys2", "anaconda"),
        "https://repo.anaconda.com/pkgs/main/linux-64",
    ],
)
def test_a_channel_of_anaconda_s_is_refused(channel: str) -> None:
    with pytest.raises(SpecError, match=r"ai\.yml: .*Anaconda's terms") as caught:
        refuse("conda-forge", channel)

    assert channel.removesuffix("/linux-64") in caught.value.message
    assert "allow-defaults: true" in str(caught.value.hint)
    assert "conda-forge" in str(caught.value.hint)


@pytest.mark.parametrize(
    "spec",
    [
        "defaults::numpy",
        "pkgs/main::numpy >=2",
        "https://repo.anaconda.com/pkgs/main::numpy",
        "numpy[version='>=2', channel=anaconda]",
        "numpy[channel='https://repo.anaconda.com/pkgs/r']",
    ],
)
def test_a_package_from_there_is_refused(spec: str) -> None:
    with pytest.raises(SpecError, match="Anaconda's terms"):
        refuse("conda-forge", specs=("python", spec))


def test_what_is_no_channel_of_theirs_is_let_through() -> None:
    refuse("conda-forge", "bioconda", specs=("numpy", "conda-forge::numpy", "r-base >=4,<5"))


def test_defaults_may_lead_elsewhere() -> None:
    refuse("defaults", specs=("defaults::numpy",), names=ELSEWHERE)


def test_a_name_means_the_channel_that_is_listed() -> None:
    refuse("https://corp.example/main", specs=("main::numpy",))


def test_no_credentials_are_told() -> None:
    with pytest.raises(SpecError) as caught:
        refuse("https://hidden:hidden@repo.anaconda.com/t/hidden/pkgs/main")

    assert "hidden" not in str(caught.value)
