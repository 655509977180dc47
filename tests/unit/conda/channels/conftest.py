"""Two channels of this machine, a registry that has a third, and a solver that reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.channel import ChannelServer, everywhere, small_world, write_channel
from tests.fakes.oci_channel import channel_in_registry
from tests.fakes.solving import Solving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.fakes.oci_channel import SecureRegistry


@pytest.fixture
def solving(tmp_path: Path) -> Solving:
    return Solving(tmp_path)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    write_channel(tmp_path / "channel", small_world())
    with ChannelServer(tmp_path / "channel") as server:
        yield server


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ChannelServer]:
    """A second channel, on the same host for everybody who looks at hosts alone."""
    packages = [*everywhere("libc", "9.0"), *everywhere("team-only")]
    write_channel(tmp_path / "other", packages)
    with ChannelServer(tmp_path / "other") as server:
        yield server


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SecureRegistry]:
    packages = [*small_world(), *everywhere("_odd", "1.0+x")]
    with channel_in_registry(tmp_path, packages, monkeypatch) as registry:
        yield registry
