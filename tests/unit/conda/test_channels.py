from __future__ import annotations

import pytest

from condabox.conda.channels import ChannelNames, candidates, without_credentials
from condabox.errors import SpecError

FORGE = "https://conda.anaconda.org/conda-forge"


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("conda-forge", FORGE),
        (FORGE + "/", FORGE),
        (FORGE + "/linux-64", FORGE),
        (FORGE + "/noarch/", FORGE),
        ("conda-forge/label/dev", FORGE + "/label/dev"),
        ("file:///srv/channel", "file:///srv/channel"),
        ("https://me:secret@conda.example/ch", "https://conda.example/ch"),
        ("https://conda.example/t/se-cret/ch", "https://conda.example/ch"),
        ("https://conda.example/t/$TOKEN/ch", "https://conda.example/ch"),
        ("https://conda.example/linux-things", "https://conda.example/linux-things"),
    ],
)
def test_a_channel_has_one_canonical_url(channel: str, expected: str) -> None:
    assert ChannelNames().canonical([channel]) == (expected,)


def test_the_alias_is_where_names_are_looked_for() -> None:
    names = ChannelNames(alias="https://mirror.example/conda/")

    assert names.canonical(["conda-forge"]) == ("https://mirror.example/conda/conda-forge",)


def test_a_custom_channel_hangs_below_its_url() -> None:
    names = ChannelNames(custom={"team": "https://conda.example/api"})

    assert names.canonical(["team", "team/label/dev"]) == (
        "https://conda.example/api/team",
        "https://conda.example/api/team/label/dev",
    )


def test_a_multichannel_is_its_members_each_once() -> None:
    names = ChannelNames(multi={"ours": ("https://conda.example/a", "conda-forge")})

    assert names.canonical(["conda-forge", "ours"]) == (FORGE, "https://conda.example/a")


def test_a_multichannel_in_a_circle_ends() -> None:
    names = ChannelNames(multi={"a": ("a", "b"), "b": ("a",)})

    assert len(names.located("a")) == 2


def test_defaults_are_no_channel_until_somebody_says_which() -> None:
    with pytest.raises(SpecError, match="defaults"):
        ChannelNames().canonical(["defaults"])
    assert ChannelNames(multi={"defaults": ("conda-forge",)}).canonical(["defaults"]) == (FORGE,)


def test_variables_are_filled_in_where_a_channel_is_asked() -> None:
    names = ChannelNames(env={"TOKEN": "tk-1"})

    assert names.located("https://conda.example/t/${TOKEN}/ch") == (
        "https://conda.example/t/tk-1/ch",
    )


def test_an_url_without_credentials_is_left_alone() -> None:
    url = "https://conda.example/a%2Bb/x?y=1#z"

    assert without_credentials(url) == url


def test_mirrors_come_first_and_the_most_special_channel_counts() -> None:
    mirrors = {
        "https://c.example": ("https://m.example",),
        "https://c.example/ch": ("file:///srv/ch/", "https://n.example/ch"),
    }

    assert candidates("https://c.example/ch/noarch/a-1-0.conda", mirrors) == (
        "file:///srv/ch/noarch/a-1-0.conda",
        "https://n.example/ch/noarch/a-1-0.conda",
        "https://c.example/ch/noarch/a-1-0.conda",
    )


def test_a_channel_is_no_mirror_of_one_that_begins_alike() -> None:
    url = "https://c.example/channel-two/noarch/a-1-0.conda"

    assert candidates(url, {"https://c.example/channel": ("file:///x",)}) == (url,)
