"""A registry for each test, and what pushes to it and pulls from it without ever waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.events import SilentReporter
from condabox.oci.layout import BlobDirectory
from condabox.registry.client import RegistryClient
from condabox.registry.credentials import Anonymous
from condabox.registry.push import Pusher
from condabox.registry.transfer import Fetcher
from condabox.registry.transport import Transport
from condabox.settings import Settings
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as running:
        yield running


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with FakeRegistry().running() as running:
        yield running


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(sleep=lambda _: None) as transport:
        yield transport


@pytest.fixture
def pusher(transport: Transport, tmp_path: Path) -> Pusher:
    return Pusher(
        transport=transport,
        credentials=Anonymous(),
        settings=Settings(cache_dir=tmp_path / "cache"),
        reporter=SilentReporter(),
    )


@pytest.fixture
def blobs(tmp_path: Path) -> BlobDirectory:
    return BlobDirectory(tmp_path / "fetched")


@pytest.fixture
def fetcher(registry: FakeRegistry, transport: Transport, blobs: BlobDirectory) -> Fetcher:
    client = RegistryClient(
        host=registry.host, insecure=False, transport=transport, credentials=Anonymous()
    )
    return Fetcher(client=client, repository="app", blobs=blobs, reporter=SilentReporter())
