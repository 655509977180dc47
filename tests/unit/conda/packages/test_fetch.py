from __future__ import annotations

import hashlib
import os
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages import fetch_worker
from condabox.conda.packages.fetch import archive_path, fetch_archives
from condabox.errors import HashMismatchError, InstallError
from condabox.events import SilentReporter
from condabox.settings import Settings
from tests.fakes.channel import ChannelServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.events import Task

CONTENT = os.urandom(3_000_000)
CHANNEL = "https://conda.invalid/ch"


class Counting(SilentReporter):
    """Counts bytes, and remembers titles."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.bytes = 0

    @contextmanager
    def task(self, description: str, *, total: int | None) -> Iterator[Task]:
        assert total is None
        self.titles.append(description)
        yield self

    def advance(self, amount: int) -> None:
        self.bytes += amount


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    root = tmp_path / "channel"
    (root / "linux-64").mkdir(parents=True)
    with ChannelServer(root) as server:
        yield server


def package(
    base: str, name: str = "numpy", content: bytes = CONTENT, *, manager: str = "conda"
) -> LockedPackage:
    suffix = "1.0-0.conda" if manager == "conda" else "1.0-py3-none-any.whl"
    return LockedPackage(
        name=name,
        version="1.0",
        manager="conda" if manager == "conda" else "pip",
        url=f"{base}/linux-64/{name}-{suffix}",
        sha256=hashlib.sha256(content).hexdigest(),
        category="main",
        dependencies=(),
    )


def put(root: Path, found: LockedPackage, content: bytes = CONTENT) -> None:
    (root / "linux-64").mkdir(parents=True, exist_ok=True)
    (root / "linux-64" / found.filename).write_bytes(content)


def fetched(found: LockedPackage, settings: Settings) -> Path:
    return fetch_archives([found], settings=settings, reporter=SilentReporter())[found.sha256]


def leftovers(settings: Settings) -> list[str]:
    return sorted(p.name for p in settings.cache_dir.rglob("*") if p.name.startswith("."))


def test_an_archive_is_downloaded_into_the_cache(server: ChannelServer, settings: Settings) -> None:
    numpy = package(server.url)
    put(server.root, numpy)

    path = fetched(numpy, settings)

    assert path == settings.cache_dir / "packages" / numpy.sha256 / "numpy-1.0-0.conda"
    assert path.read_bytes() == CONTENT
    assert path == archive_path(numpy, settings=settings)


def test_what_is_cached_is_not_asked_for(server: ChannelServer, settings: Settings) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    fetched(numpy, settings)
    server.requests.clear()

    fetched(numpy, settings)

    assert server.requests == []


@pytest.mark.parametrize("damage", [b"", CONTENT[:-1], CONTENT[:-1] + b"?"])
def test_a_damaged_archive_in_the_cache_is_fetched_again(
    server: ChannelServer, settings: Settings, damage: bytes
) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    fetched(numpy, settings).write_bytes(damage)

    assert fetched(numpy, settings).read_bytes() == CONTENT


def test_progress_is_in_bytes(server: ChannelServer, settings: Settings) -> None:
    found = [package(server.url, name) for name in ("a", "b")]
    found[1] = package(server.url, "b", b"small")
    put(server.root, found[0])
    put(server.root, found[1], b"small")
    reporter = Counting()

    fetch_archives(found, settings=settings, reporter=reporter)

    assert reporter.bytes == len(CONTENT) + len(b"small")
    assert reporter.titles == ["downloading 2 packages"]


def test_nobody_is_told_where_nothing_is_downloaded(settings: Settings) -> None:
    reporter = Counting()

    assert fetch_archives([], settings=settings, reporter=reporter) == {}
    assert reporter.titles == []


def test_packages_come_from_files_too(tmp_path: Path, settings: Settings) -> None:
    root = tmp_path / "a channel"
    numpy = package(root.as_uri())
    put(root, numpy)

    assert fetched(numpy, settings).read_bytes() == CONTENT


def test_wheels_are_fetched_alike(server: ChannelServer, settings: Settings) -> None:
    wheel = package(server.url, manager="pip")
    put(server.root, wheel)

    assert fetched(wheel, settings).name == "numpy-1.0-py3-none-any.whl"


def test_wheels_use_the_credentials_of_the_index_on_their_host(
    server: ChannelServer, tmp_path: Path
) -> None:
    wheel = package(server.url, manager="pip")
    put(server.root, wheel)
    server.credentials = "me:p@ss"
    settings = Settings(
        cache_dir=tmp_path / "cache", pip_index_url=f"http://me:p%40ss@{server.host}/simple"
    )

    assert fetched(wheel, settings).read_bytes() == CONTENT


def test_credentials_come_from_netrc(
    server: ChannelServer, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    server.credentials = "me:secret"
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    assert fetched(numpy, settings).read_bytes() == CONTENT


def test_mirrors_are_tried_in_order_before_the_channel(
    server: ChannelServer, tmp_path: Path
) -> None:
    numpy = package(CHANNEL)
    good = tmp_path / "good"
    put(good, numpy)
    mirrors = (f"{server.url}/none", good.as_uri(), f"{server.url}/never")
    settings = Settings(cache_dir=tmp_path / "cache", channel_mirrors={CHANNEL: mirrors})

    assert fetched(numpy, settings).read_bytes() == CONTENT
    assert server.requests == ["/none/linux-64/numpy-1.0-0.conda"]


def test_the_channel_itself_follows_its_mirrors(server: ChannelServer, tmp_path: Path) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    mirrors = {server.url: (f"file://{tmp_path}/nothing",)}
    settings = Settings(cache_dir=tmp_path / "cache", channel_mirrors=mirrors)

    assert fetched(numpy, settings).read_bytes() == CONTENT


def test_a_mirror_with_other_bytes_is_passed_over(server: ChannelServer, tmp_path: Path) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    put(tmp_path / "bad", numpy, b"other")
    mirrors = {server.url: ((tmp_path / "bad").as_uri(),)}
    settings = Settings(cache_dir=tmp_path / "cache", channel_mirrors=mirrors)

    assert fetched(numpy, settings).read_bytes() == CONTENT


def test_other_bytes_are_told_by_both_hashes(server: ChannelServer, settings: Settings) -> None:
    numpy = package(server.url)
    put(server.root, numpy, b"other")

    with pytest.raises(HashMismatchError) as caught:
        fetched(numpy, settings)

    for expected in ("numpy 1.0", numpy.url, hashlib.sha256(b"other").hexdigest(), numpy.sha256):
        assert expected in caught.value.message
    assert leftovers(settings) == []
    assert not archive_path(numpy, settings=settings).exists()


@pytest.mark.parametrize("content", [b"other", None], ids=["changed", "gone"])
def test_where_only_another_lock_helps_each_kind_of_lock_has_its_way(
    server: ChannelServer, settings: Settings, content: bytes | None
) -> None:
    numpy = package(server.url)
    if content is not None:
        put(server.root, numpy, content)

    with pytest.raises(InstallError) as caught:
        fetched(numpy, settings)

    # plain `condabox lock` leaves a lock as it is that is current
    assert "`condabox lock --update numpy`" in str(caught.value.hint)
    assert "the tool that wrote the lock" in str(caught.value.hint)


def test_other_bytes_in_a_file_are_refused_too(tmp_path: Path, settings: Settings) -> None:
    numpy = package(tmp_path.as_uri())
    put(tmp_path, numpy, b"other")

    with pytest.raises(HashMismatchError):
        fetched(numpy, settings)


def test_a_server_that_is_busy_is_asked_again(server: ChannelServer, settings: Settings) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    server.statuses["/linux-64/numpy-1.0-0.conda"] = [503, 503]

    assert fetched(numpy, settings).read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_a_connection_that_breaks_off_is_made_again(
    server: ChannelServer, settings: Settings
) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    server.cut["/linux-64/numpy-1.0-0.conda"] = 1

    assert fetched(numpy, settings).read_bytes() == CONTENT
    assert leftovers(settings) == []


@pytest.mark.parametrize(
    ("status", "expected", "hint"),
    [
        (404, "404 Not Found", "no longer has it"),
        (401, "401 Unauthorized", "credentials"),
        (403, "403 Forbidden", "credentials"),
        (400, "400 Bad Request", "network"),
    ],
)
def test_a_refusal_is_told_with_what_to_do(
    server: ChannelServer, settings: Settings, status: int, expected: str, hint: str
) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    server.statuses["/linux-64/numpy-1.0-0.conda"] = [status] * 9

    with pytest.raises(InstallError) as caught:
        fetched(numpy, settings)

    assert caught.value.message == f"numpy 1.0: {numpy.url}: {expected}"
    assert hint in str(caught.value.hint)
    assert len(server.requests) == 1


def test_a_missing_file_is_told(tmp_path: Path, settings: Settings) -> None:
    numpy = package(tmp_path.as_uri())

    with pytest.raises(InstallError, match="No such file"):
        fetched(numpy, settings)


def test_no_credentials_are_told(server: ChannelServer, tmp_path: Path) -> None:
    numpy = package(server.url)
    mirrors = {server.url: (f"http://me:hidden@{server.host}/t/hidden/ch",)}
    settings = Settings(cache_dir=tmp_path / "cache", channel_mirrors=mirrors)
    server.credentials = "other:one"

    with pytest.raises(InstallError) as caught:
        fetched(numpy, settings)

    assert "hidden" not in str(caught.value) + str(caught.value.hint)


def test_a_failure_ends_the_other_downloads_without_leftovers(
    server: ChannelServer, settings: Settings
) -> None:
    good = [package(server.url, f"good-{i}") for i in range(12)]
    for found in good:
        put(server.root, found)

    with pytest.raises(InstallError, match="bad"):
        fetch_archives(
            [*good, package(server.url, "bad", b"x")], settings=settings, reporter=SilentReporter()
        )

    assert leftovers(settings) == []


def test_a_cache_that_cannot_be_written_is_told(server: ChannelServer, tmp_path: Path) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(InstallError, match="packages") as caught:
        fetched(numpy, Settings(cache_dir=tmp_path / "file"))
    assert "cache-dir" in str(caught.value.hint)


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    numpy = package(tmp_path.as_uri())
    put(tmp_path, numpy)
    with Path("/dev/full").open("wb", buffering=0) as file:
        writer = fetch_worker._Writer(file)
        with pytest.raises(OSError, match="No space"):
            fetch_worker._copy(numpy.url, writer)
        assert writer.error is not None

    failure = fetch_worker._disk_failure(writer.error, tmp_path)
    assert (failure.kind, failure.again) == ("space", False)


def test_many_at_once_do_not_disturb_each_other(server: ChannelServer, settings: Settings) -> None:
    numpy = package(server.url)
    put(server.root, numpy)
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(fetched(numpy, settings).read_bytes()))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [CONTENT] * 3
