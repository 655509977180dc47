from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from condabox.conda.lockfiles.locks import read_lock
from condabox.conda.lockfiles.lookup import complete_hashes
from condabox.errors import InstallError, LockError
from condabox.events import SilentReporter
from condabox.settings import Settings
from tests.fakes.channel import ChannelServer, FakePackage, write_channel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORGE = "https://conda.anaconda.org/conda-forge"
NUMPY = FakePackage(name="numpy", depends=("python",))
PURE = FakePackage(name="pure", subdir="noarch")
EVERY = [NUMPY, PURE, FakePackage(name="unasked")]


class Channel:
    """A channel, reached as conda-forge's mirror, and what a lock of its packages is made into."""

    def __init__(self, root: Path) -> None:
        self.root = root / "channel"
        self.url = write_channel(self.root, EVERY)
        self.lock = root / "lock.txt"
        self.settings = Settings(cache_dir=root / "cache", channel_mirrors={FORGE: (self.url,)})
        self.messages: list[str] = []

    def complete(self, *lines: str) -> dict[str, str]:
        """Return each package's sha256 by its name."""
        data = "\n".join(["# platform: linux-64", "@EXPLICIT", *lines]).encode()
        lock = read_lock(data, path=self.lock)
        file = complete_hashes(lock, settings=self.settings, reporter=Told(self.messages))
        return {package.name: package.sha256 for package in file.packages["linux-64"]}

    def problem(self, *lines: str) -> str:
        with pytest.raises(LockError) as caught:
            self.complete(*lines)
        return caught.value.message.removeprefix(f"{self.lock}: ")


class Told(SilentReporter):
    def __init__(self, messages: list[str]) -> None:
        self._messages = messages

    def message(self, text: str) -> None:
        self._messages.append(text)


def line(package: FakePackage, fragment: str = "md5", channel: str = FORGE) -> str:
    """Return a line of an explicit lock; ``fragment`` is the hash that it tells."""
    url = f"{channel}/{package.subdir}/{package.filename}"
    return f"{url}#{package.record()[fragment]}" if fragment else url


def sha256(package: FakePackage) -> str:
    return str(package.record()["sha256"])


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path)


@pytest.fixture
def server(channel: Channel) -> Iterator[ChannelServer]:
    with ChannelServer(channel.root) as server:
        yield server


def test_repodata_tells_what_the_lock_does_not(channel: Channel) -> None:
    found = channel.complete(line(NUMPY), line(PURE, ""))

    assert found == {"numpy": sha256(NUMPY), "pure": sha256(PURE)}
    assert channel.messages == [f"asking {FORGE} for the sha256 of 2 packages"]


def test_nobody_is_asked_for_what_the_lock_tells(channel: Channel) -> None:
    found = channel.complete(line(NUMPY, "sha256", channel="https://nowhere.invalid/channel"))

    assert (found, channel.messages) == ({"numpy": sha256(NUMPY)}, [])


def test_what_an_md5_was_found_for_is_not_asked_again(channel: Channel) -> None:
    before = channel.complete(line(NUMPY))
    write_channel(channel.root, [])

    assert channel.complete(line(NUMPY)) == before
    assert len(channel.messages) == 1


def test_a_damaged_memory_is_asked_again(channel: Channel) -> None:
    before = channel.complete(line(NUMPY))
    for path in (channel.settings.cache_dir / "hashes").rglob("*.json"):
        path.write_text('{"sha256": 1}')

    assert channel.complete(line(NUMPY)) == before


def test_a_package_without_any_hash_is_asked_for_each_time(channel: Channel) -> None:
    channel.complete(line(NUMPY, ""))
    channel.complete(line(NUMPY, ""))

    assert len(channel.messages) == 2


def test_another_md5_than_the_locked_one_is_refused(channel: Channel) -> None:
    md5 = NUMPY.record()["md5"]

    assert channel.problem(f"{line(NUMPY, '')}#{'00' * 16}") == (
        f"linux-64/numpy-1.0-0.conda has md5 {md5} in {FORGE}, the lock has {'00' * 16}"
    )


def test_a_package_that_is_gone_is_told(channel: Channel) -> None:
    gone = FakePackage(name="numpy", version="0.9")

    assert channel.problem(line(gone), line(PURE)) == (
        f"{FORGE} does not have linux-64/numpy-0.9-0.conda any more"
    )


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("md5", f"has md5 unknown in {FORGE}, the lock has"),
        ("sha256", f"{FORGE} does not tell the sha256 of linux-64/numpy-1.0-0.conda"),
    ],
)
def test_repodata_without_hashes_is_refused(channel: Channel, key: str, message: str) -> None:
    path = channel.root / "linux-64" / "repodata.json"
    document = json.loads(path.read_text())
    del document["packages.conda"]["numpy-1.0-0.conda"][key]
    path.write_text(json.dumps(document))

    assert message in channel.problem(line(NUMPY))


def test_an_old_archive_beside_a_new_one_is_found(channel: Channel) -> None:
    path = channel.root / "linux-64" / "repodata.json"
    document = json.loads(path.read_text())
    old = document["packages.conda"]["numpy-1.0-0.conda"] | {"sha256": "12" * 32, "md5": "34" * 16}
    path.write_text(json.dumps(document | {"packages": {"numpy-1.0-0.tar.bz2": old}}))

    found = channel.complete(
        f"{FORGE}/linux-64/numpy-1.0-0.tar.bz2#{'34' * 16}", line(PURE, "sha256")
    )

    assert found["numpy"] == "12" * 32


def test_channels_are_asked_where_they_are(channel: Channel, server: ChannelServer) -> None:
    found = channel.complete(line(NUMPY, channel=server.url), line(PURE))

    assert found == {"numpy": sha256(NUMPY), "pure": sha256(PURE)}
    assert any(path.startswith("/linux-64/repodata.json") for path in server.requests)


def test_a_channel_that_does_not_answer_is_told_without_its_password(channel: Channel) -> None:
    with pytest.raises(InstallError) as caught:
        channel.complete(line(NUMPY, channel="http://user:secret@127.0.0.1:9/private"))

    assert "http://127.0.0.1:9/private" in caught.value.message
    assert "secret" not in caught.value.message
    assert caught.value.hint is not None
    assert "needs no channel's index" in caught.value.hint


def test_subdirs_that_no_image_can_have_are_left_as_they_are(channel: Channel) -> None:
    data = f"@EXPLICIT\n{FORGE}/linux-riscv64/numpy-1.0-0.conda#{'ab' * 16}\n".encode()
    lock = read_lock(data, path=channel.lock)

    found = complete_hashes(lock, settings=channel.settings, reporter=SilentReporter())

    assert found == lock.file
