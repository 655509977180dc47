from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox import process
from condabox.conda.channels.solver import PackageRecord, solve
from condabox.errors import SolveError
from condabox.process import Completed
from condabox.settings import Settings
from tests.fakes.channel import ChannelServer, FakePackage, everywhere, small_world, write_channel

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

GLIBC = {"__glibc": "2.39"}
FORGE = "https://conda.anaconda.org/conda-forge"


class Channel:
    def __init__(self, root: Path) -> None:
        self.root = root / "channel"
        self.url = write_channel(self.root, small_world())
        self.settings = Settings(cache_dir=root / "cache")

    def solve(
        self,
        *specs: str,
        subdir: str = "linux-64",
        virtual_packages: Mapping[str, str] = GLIBC,
        channels: Iterable[str] = (),
        keep: Iterable[str] = (),
    ) -> dict[str, PackageRecord]:
        records = solve(
            specs,
            channels=tuple(channels) or (self.url,),
            subdir=subdir,
            virtual_packages=virtual_packages,
            settings=self.settings,
            keep=keep,
        )
        assert [r.name for r in records] == sorted(r.name for r in records)
        return {record.name: record for record in records}


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return Channel(tmp_path)


@pytest.fixture
def server(channel: Channel) -> Iterator[ChannelServer]:
    with ChannelServer(channel.root) as server:
        yield server


def test_a_record_has_everything_that_repodata_says(channel: Channel) -> None:
    expected = next(p for p in small_world() if p.name == "numpy" and p.version == "2.1.0")
    found = channel.solve("numpy", "python=3.12")["numpy"]
    known = expected.record()

    assert found == PackageRecord(
        name="numpy",
        version="2.1.0",
        build="0",
        build_number=0,
        subdir="linux-64",
        channel=channel.url,
        url=f"{channel.url}/linux-64/numpy-2.1.0-0.conda",
        filename="numpy-2.1.0-0.conda",
        sha256=str(known["sha256"]),
        md5=str(known["md5"]),
        size=len(expected.archive),
        timestamp=1_700_000_000_000,
        depends=("python >=3.11,<3.13", "libblas"),
        constrains=(),
    )


def test_each_subdir_has_its_own_packages_and_noarch(channel: Channel) -> None:
    found = channel.solve("requests", "numpy", subdir="linux-aarch64")

    assert {r.subdir for r in found.values()} == {"linux-aarch64", "noarch"}


def test_virtual_packages_decide(channel: Channel) -> None:
    with pytest.raises(SolveError, match="__cuda >=12"):
        channel.solve("gpu-thing")
    assert channel.solve("gpu-thing", virtual_packages={**GLIBC, "__cuda": "12.8"})


def test_a_virtual_package_may_have_a_build(channel: Channel) -> None:
    write_channel(channel.root, everywhere("fast", depends=("__archspec 1 x86_64",)))

    assert channel.solve("fast", virtual_packages={"__archspec": "1 x86_64"})
    with pytest.raises(SolveError):
        channel.solve("fast", virtual_packages={"__archspec": "1 aarch64"})


def test_what_is_kept_stays_while_the_rest_moves(channel: Channel) -> None:
    old = channel.solve("numpy")
    newer = [*everywhere("libblas", "4.0"), *everywhere("libc", "2.0")]
    write_channel(channel.root, [*small_world(), *newer])
    kept = [record.url for record in old.values() if record.name != "libblas"]
    found = channel.solve("numpy", keep=kept)

    assert (found["libblas"].version, found["libc"].version) == ("4.0", "1.2")


def test_what_is_kept_gives_way_to_what_is_asked_for(channel: Channel) -> None:
    kept = [channel.solve("numpy=1")["numpy"].url]

    assert channel.solve("numpy=2", keep=kept)["numpy"].version == "2.1.0"


def test_kept_packages_that_the_channel_no_longer_has_are_forgotten(channel: Channel) -> None:
    assert channel.solve("numpy", keep=[f"{channel.url}/linux-64/numpy-0.1-0.conda"])


def test_a_mirror_answers_for_the_channel(channel: Channel) -> None:
    channel.settings = Settings(
        cache_dir=channel.settings.cache_dir,
        channel_mirrors={FORGE: ("file:///no/mirror", channel.url)},
    )
    found = channel.solve("numpy", channels=[FORGE])

    assert {r.channel for r in found.values()} == {FORGE}
    assert all(r.url.startswith(f"{FORGE}/linux-64/") for r in found.values())


def test_credentials_reach_the_channel_and_not_the_record(
    channel: Channel, server: ChannelServer
) -> None:
    server.credentials = "me:secret"
    found = channel.solve("libc", channels=[f"http://me:secret@{server.host}"])

    assert found["libc"].url == f"{server.url}/linux-64/libc-1.2-0.conda"


def test_a_channel_that_is_busy_is_asked_again(channel: Channel, server: ChannelServer) -> None:
    server.statuses["/linux-64/repodata.json"] = [503, 503]

    assert channel.solve("libc", channels=[server.url])


def test_first_channels_come_first(channel: Channel, tmp_path: Path) -> None:
    other = write_channel(tmp_path / "other", everywhere("libc", "9.0"))

    assert channel.solve("libc", channels=[channel.url, other])["libc"].version == "1.2"
    assert channel.solve("libc", channels=[other, channel.url])["libc"].version == "9.0"


@pytest.mark.parametrize(
    ("spec", "expected", "hint"),
    [
        ("nothing", "No candidates were found for nothing", "add the channel"),
        ("conflicting", "numpy <1, for which no candidates were found", "loosen a version"),
        ("gpu-thing", "__cuda", "cuda:"),
        ("a[b", "'a[b' is not a match spec", ""),
    ],
)
def test_no_solution_is_explained(channel: Channel, spec: str, expected: str, hint: str) -> None:
    with pytest.raises(SolveError) as caught:
        channel.solve(spec)

    assert expected in caught.value.message
    assert hint in (caught.value.hint or "")


def test_a_channel_that_is_not_there_is_told(channel: Channel) -> None:
    with pytest.raises(SolveError, match="/no/channel") as caught:
        channel.solve("x", channels=["file:///no/channel"])
    assert "mirrors" in str(caught.value.hint)


def test_a_refusal_tells_no_credentials(channel: Channel, server: ChannelServer) -> None:
    server.credentials = "me:right"

    with pytest.raises(SolveError) as caught:
        channel.solve("x", channels=[f"http://me:hidden@{server.host}/t/hidden/ch"])

    assert "hidden" not in str(caught.value)


def test_repodata_without_sha256_is_refused(channel: Channel) -> None:
    write_channel(channel.root, [FakePackage(name="old", sha256="")])
    path = channel.root / "linux-64" / "repodata.json"
    path.write_text(path.read_text().replace('"sha256": "', '"sha": "'))

    with pytest.raises(SolveError, match="no sha256"):
        channel.solve("old")


def test_broken_repodata_is_told(channel: Channel) -> None:
    (channel.root / "linux-64" / "repodata.json").write_text("{")

    with pytest.raises(SolveError):
        channel.solve("libc")


def test_a_worker_that_dies_is_told(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> None:
    died = Completed(returncode=-11, stdout=b"", stderr="last words")
    monkeypatch.setattr(process, "attempt", lambda *_, **__: died)

    with pytest.raises(SolveError, match="status -11") as caught:
        channel.solve("libc")
    assert "last words" in caught.value.message


@pytest.fixture
def newer(tmp_path: Path) -> str:
    """A channel that has a newer numpy than the first, and what needs it."""
    packages = [
        *everywhere("numpy", "3.0.0"),
        *everywhere("wants-newest", depends=("numpy >=3",)),
    ]
    return write_channel(tmp_path / "newer", packages)


def test_the_first_channel_that_has_a_package_is_the_only_one_for_it(
    channel: Channel, newer: str
) -> None:
    found = channel.solve("numpy", "python=3.12", channels=(channel.url, newer))

    assert found["numpy"].version == "2.1.0"


@pytest.mark.parametrize("spec", ["numpy >=3", "numpy =3.0.0=0", "wants-newest"])
def test_a_newer_version_in_a_later_channel_is_none(
    channel: Channel, newer: str, spec: str
) -> None:
    with pytest.raises(SolveError, match="numpy"):
        channel.solve(spec, channels=(channel.url, newer))


def test_a_later_channel_may_be_named(channel: Channel, newer: str) -> None:
    found = channel.solve(f"{newer}::numpy >=3", channels=(channel.url, newer))

    assert (found["numpy"].version, found["numpy"].channel) == ("3.0.0", newer)
