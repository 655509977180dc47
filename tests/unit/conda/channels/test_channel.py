from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.channels.channel import (
    ChannelNames,
    candidates,
    filled,
    located_channels,
    without_credentials,
)
from condabox.errors import SpecError
from condabox.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

FORGE = "https://conda.anaconda.org/conda-forge"
ANACONDA = "https://repo.anaconda.com/pkgs"
TEAM = "https://conda.example/team"
NONE: Mapping[str, tuple[str, ...]] = {}


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("conda-forge", FORGE),
        (FORGE + "/", FORGE),
        (FORGE + "/linux-64", FORGE),
        (FORGE + "/noarch/", FORGE),
        ("conda-forge/label/dev", FORGE + "/label/dev"),
        ("file:///srv/channel", "file:///srv/channel"),
        ("file:///srv/t/channel/x", "file:///srv/t/channel/x"),
        ("oci://ghcr.io/mirrors/conda-forge", "oci://ghcr.io/mirrors/conda-forge"),
        ("https://me:secret@conda.example/ch", "https://conda.example/ch"),
        ("https://conda.example/t/se-cret/ch", "https://conda.example/ch"),
        ("https://conda.example/below/t/se-cret/ch", "https://conda.example/below/ch"),
        ("https://conda.example/t/$TOKEN/ch", "https://conda.example/ch"),
        ("https://$USER:${PASS}@conda.example/ch", "https://conda.example/ch"),
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


def test_defaults_are_what_they_are_for_conda() -> None:
    names = ChannelNames()

    assert names.canonical(["defaults"]) == (f"{ANACONDA}/main", f"{ANACONDA}/r")
    assert names.canonical(["defaults"], subdir="win-64") == (
        f"{ANACONDA}/main",
        f"{ANACONDA}/r",
        f"{ANACONDA}/msys2",
    )
    assert names.canonical(["pkgs/main"]) == (f"{ANACONDA}/main",)


def test_default_channels_of_one_s_own_stand_for_defaults() -> None:
    names = ChannelNames(multi={"defaults": ("conda-forge", "https://corp.example/pkgs/main")})

    assert names.canonical(["defaults"]) == (FORGE, "https://corp.example/pkgs/main")
    assert names.canonical(["pkgs/main"]) == ("https://corp.example/pkgs/main",)
    assert names.canonical(["main"]) == ("https://conda.anaconda.org/main",)


def test_a_member_of_a_multichannel_is_found_by_its_name_too() -> None:
    names = ChannelNames(
        multi={"ours": ("https://me:pw@corp.example/t/tk/team/", "bioconda")},
        custom={"bioconda": "https://custom.example"},
    )

    assert names.located("team") == ("https://me:pw@corp.example/t/tk/team",)
    assert names.canonical(["bioconda"]) == ("https://custom.example/bioconda",)


def test_variables_are_filled_in_where_a_channel_is_asked() -> None:
    names = ChannelNames(env={"TOKEN": "tk-1", "HOST": "conda.example", "CHANNEL": "a/b"})

    assert names.located("https://$HOST/t/${TOKEN}/$CHANNEL") == (
        "https://conda.example/t/tk-1/a/b",
    )


def test_a_secret_may_have_any_character_quoted_or_not() -> None:
    url = "https://$USER:$PASSWORD@conda.example/ch"

    for password in ("p@ss/w:rd", "p%40ss%2Fw%3Ard"):
        env = {"USER": "me", "PASSWORD": password}
        assert filled(url, env) == "https://me:p%40ss%2Fw%3Ard@conda.example/ch"


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_secret_is_in_what_is_canonical(user: str, token: str) -> None:
    names = ChannelNames(env={"U": user, "T": token})

    for url in ("https://$U:$T@conda.example/ch", "https://conda.example/t/$T/ch"):
        assert names.canonical([url]) == ("https://conda.example/ch",)


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("https://me:hidden@$HOST/ch", r"\$HOST/ch: the variable HOST is not set"),
        ("https://me:hidden@c.example/ch?token=hidden", "c.example/ch: .* no part after"),
        ("https://me:hidden@c.example/ch#hidden", "c.example/ch: .* no part after"),
        ("https://me:hidden@[::1/ch", "is not the URL of a channel"),
        ("https://me:hidden@c.example:port/ch", "is not the URL of a channel"),
        ("oci://me:hidden@127.0.0.1:5000/ch", "port 443 alone"),
    ],
)
def test_what_no_channel_can_be_is_refused_without_secrets(channel: str, expected: str) -> None:
    with pytest.raises(SpecError, match=expected) as caught:
        ChannelNames().canonical([channel])

    assert "hidden" not in str(caught.value)


def test_an_url_without_credentials_is_left_alone() -> None:
    url = "https://conda.example/a%2Bb/x?y=1#z"

    assert without_credentials(url) == url


def test_a_wheel_s_folder_is_no_token() -> None:
    url = "https://index.example/packages/t/torch/torch-1-py3-none-any.whl"

    assert without_credentials(url) == url
    assert without_credentials("https://index.example/t/tk/team/a.whl") == (
        "https://index.example/team/a.whl"
    )


def located(
    *channels: str, names: ChannelNames, mirrors: Mapping[str, tuple[str, ...]] = NONE
) -> dict[str, tuple[str, ...]]:
    settings = Settings(cache_dir=Path("/cache"), channel_mirrors=mirrors)
    return dict(located_channels(channels, settings=settings, names=names).channel_mirrors)


def test_packages_are_asked_for_with_the_channel_s_credentials() -> None:
    names = ChannelNames(env={"TOKEN": "tk"})

    assert located(f"https://me:pw@{TEAM[8:]}", FORGE, names=names) == {
        TEAM: ("https://me:pw@conda.example/team",)
    }
    assert located("https://conda.example/t/$TOKEN/team", names=names) == {
        TEAM: ("https://conda.example/t/tk/team",)
    }


def test_mirrors_come_before_the_channel_with_their_variables_filled_in() -> None:
    names = ChannelNames(env={"USER": "me", "PASSWORD": "p@ss"})
    mirrors = {TEAM: ("https://$USER:$PASSWORD@mirror.example", "https://mirror.example/t/$NONE")}

    assert located(f"https://a:b@{TEAM[8:]}", names=names, mirrors=mirrors) == {
        TEAM: (
            "https://me:p%40ss@mirror.example",
            "https://mirror.example/t/$NONE",
            f"https://a:b@{TEAM[8:]}",
        )
    }


def test_credentials_of_condarc_are_found_for_canonical_urls() -> None:
    names = ChannelNames(
        alias="https://al:ias@alias.example",
        custom={"team": "https://cu:stom@conda.example", "open": "https://open.example"},
        multi={"all": ("https://mul:ti@multi.example/x", "conda-forge")},
    )
    mirrors = located(names=names)

    def first(url: str) -> str:
        return candidates(url, mirrors)[0]

    assert first("https://alias.example/x/noarch/a") == "https://al:ias@alias.example/x/noarch/a"
    assert first(f"{TEAM}/noarch/a") == "https://cu:stom@conda.example/team/noarch/a"
    assert first("https://multi.example/x/a") == "https://mul:ti@multi.example/x/a"
    assert candidates("https://open.example/open/a", mirrors) == ("https://open.example/open/a",)


def test_what_is_located_already_stays() -> None:
    names = ChannelNames()
    settings = Settings(cache_dir=Path("/cache"), channel_mirrors={TEAM: ("file:///srv",)})
    once = located_channels([f"https://me:pw@{TEAM[8:]}"], settings=settings, names=names)

    assert located_channels([f"https://me:pw@{TEAM[8:]}"], settings=once, names=names) == once
    assert "me:pw" not in repr(once)


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
