from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.lockfiles.inputs import LockInputs
from condabox.conda.lockfiles.lockreader import parse_lock_file
from condabox.conda.locking.lockwriter import merged, prior_lock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.conda.lockfiles.lockfile import LockFile

ENVIRONMENT = Path("envs/ai.yml")
SUBDIRS = ("linux-64", "linux-aarch64", "osx-arm64")
FORGE = "https://conda.anaconda.org/conda-forge"


def package(name: str, subdir: str, *, version: str = "1.0", **changes: object) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "manager": "conda",
        "platform": subdir,
        "dependencies": {"libc": ">=2"},
        "url": f"{FORGE}/{subdir}/{name}-{version}-0.conda",
        "hash": {"md5": "cd" * 16, "sha256": "ab" * 32},
        "category": "main",
        "optional": False,
    } | changes


def wheel(name: str, subdir: str) -> dict[str, Any]:
    url = f"https://files.example/{name}-1.0-py3-none-any.whl"
    return package(name, subdir, manager="pip", url=url)


def made(*packages: dict[str, Any], subdir: str, **metadata: object) -> bytes:
    content = {
        "version": 1,
        "metadata": {
            "content_hash": {subdir: "conda-lock's"},
            "channels": [{"url": FORGE, "used_env_vars": []}],
            "platforms": [subdir],
            "sources": ["main.yml"],
        }
        | metadata,
        "package": list(packages),
    }
    return yaml.safe_dump(content).encode()


def merge(
    found: Mapping[str, bytes],
    *,
    previous: bytes | None = None,
    kept: tuple[str, ...] = (),
    located: Mapping[str, str] | None = None,
) -> bytes:
    return merged(
        found,
        previous=previous,
        kept=kept,
        content_hashes={subdir: f"hash of {subdir}" for subdir in found},
        custom={"condabox": "1", "condabox-base": "ubuntu:24.04"},
        environment=ENVIRONMENT,
        located=located or {},
    )


def parsed(data: bytes) -> LockFile:
    return parse_lock_file(data, path=Path("ai.conda-lock.yml"))


def test_platforms_are_put_together() -> None:
    data = merge({s: made(package("numpy", s), subdir=s) for s in SUBDIRS})

    found = parsed(data)
    assert found.subdirs == SUBDIRS
    assert found.base == "ubuntu:24.04"
    assert [p.url for p in found.packages["osx-arm64"]] == [f"{FORGE}/osx-arm64/numpy-1.0-0.conda"]


def test_the_file_names_the_environment_file_alone() -> None:
    data = merge({"linux-64": made(subdir="linux-64")})

    assert yaml.safe_load(data)["metadata"]["sources"] == ["ai.yml"]
    assert b"condabox lock ai.yml" in data
    assert b"main.yml" not in data


def test_what_is_kept_stays_to_the_letter() -> None:
    old = merge({s: made(package("numpy", s), subdir=s) for s in SUBDIRS})
    new = made(package("numpy", "linux-64", version="2.0"), subdir="linux-64")

    before = yaml.safe_load(old)
    after = yaml.safe_load(merge({"linux-64": new}, previous=old, kept=SUBDIRS[1:]))
    for subdir in SUBDIRS[1:]:
        assert _entries(after, subdir) == _entries(before, subdir)
        assert after["metadata"]["content_hash"][subdir] == f"hash of {subdir}"
    assert [p["version"] for p in _entries(after, "linux-64")] == ["2.0"]


def test_what_is_neither_made_nor_kept_goes() -> None:
    old = merge({s: made(package("numpy", s), subdir=s) for s in SUBDIRS})

    assert parsed(merge({}, previous=old, kept=("osx-arm64",))).subdirs == ("osx-arm64",)


def test_metadata_of_others_is_kept() -> None:
    theirs = {"team": "forecasting", "condabox-base": "debian:12"}
    old = made(package("numpy", "linux-64"), subdir="linux-64", custom_metadata=theirs)

    found = yaml.safe_load(merge({}, previous=old, kept=("linux-64",)))["metadata"]
    assert found["custom_metadata"] == {
        "team": "forecasting",
        "condabox": "1",
        "condabox-base": "ubuntu:24.04",
    }


def test_what_others_left_out_is_not_missed() -> None:
    plain = package("numpy", "linux-64")
    del plain["category"]
    old = yaml.safe_load(made(plain, subdir="linux-64"))
    del old["metadata"]["channels"]

    found = parsed(merge({}, previous=yaml.safe_dump(old).encode(), kept=("linux-64",)))
    assert [p.category for p in found.packages["linux-64"]] == ["main"]


def test_what_another_tool_wrote_without_quotes_is_kept_as_it_is() -> None:
    """YAML 1.2 takes these for text, and YAML 1.1 for numbers and a date that does not exist."""
    packages = [package(name, "linux-64", version="VERSION") for name in "abc"]
    text = made(*packages, subdir="linux-64").decode()
    for version in ("1_0", "0o7", "2024-13-45"):
        text = text.replace("VERSION\n", f"{version}\n", 1)

    found = parsed(merge({}, previous=text.encode(), kept=("linux-64",)))
    assert [p.version for p in found.packages["linux-64"]] == ["1_0", "0o7", "2024-13-45"]


@pytest.mark.parametrize("hashes", ["", "none", [], {"linux-64": "00"}])
@pytest.mark.parametrize("optional", ["yes", [], False])
def test_what_nobody_checks_may_be_anything(hashes: object, optional: object) -> None:
    plain = package("numpy", "linux-64", optional=optional)
    old = yaml.safe_load(made(subdir="linux-64", content_hash=hashes))
    text = yaml.safe_dump(old | {"package": [plain, plain]})
    assert "*id001" in text

    found = yaml.safe_load(merge({}, previous=text.encode(), kept=("linux-64",)))
    assert [p["optional"] for p in found["package"]] == [False, False]


def inputs_from(*channels: str) -> LockInputs:
    return LockInputs(channels=channels, conda={}, pip={}, virtual_packages={})


def merge_inputs(
    inputs: Mapping[str, LockInputs],
    *,
    previous: bytes | None = None,
    kept: Mapping[str, LockInputs] | None = None,
) -> bytes:
    """Merge as the locker does: each of ``inputs`` is made, and the file tells all of them."""
    known = {**inputs, **(kept or {})}
    return merged(
        {
            subdir: made(
                package("numpy", subdir),
                subdir=subdir,
                channels=[{"url": url, "used_env_vars": []} for url in found.channels],
            )
            for subdir, found in inputs.items()
        },
        previous=previous,
        kept=tuple(kept or ()),
        content_hashes={subdir: found.digest for subdir, found in inputs.items()},
        custom={
            "condabox": "1",
            **{f"condabox-inputs-{subdir}": found.to_text() for subdir, found in known.items()},
        },
        environment=ENVIRONMENT,
        located={},
    )


def test_the_file_has_the_channels_of_all_platforms() -> None:
    windows = inputs_from("https://h/a", "https://h/msys2", FORGE)
    others = inputs_from("https://h/a", FORGE)
    old = merge_inputs({"linux-64": others})

    data = merge_inputs({"win-64": windows}, previous=old, kept={"linux-64": others})

    assert parsed(data).channels == windows.channels
    assert parsed(data).environments["linux-64"].channels == others.channels
    without = merge_inputs({}, previous=data, kept={"linux-64": others})
    assert without == old


def test_what_is_made_is_intact_and_what_was_changed_stays_changed() -> None:
    inputs = dict.fromkeys(SUBDIRS, inputs_from(FORGE))
    data = merge_inputs(inputs)
    assert parsed(data).intact == set(SUBDIRS)

    edited = data.replace(b"linux-64/numpy-1.0", b"linux-64/numpy-2.0")
    again = {"osx-arm64": inputs["osx-arm64"]}
    kept = {subdir: inputs[subdir] for subdir in SUBDIRS[:2]}
    assert parsed(merge_inputs(again, previous=edited, kept=kept)).intact == set(SUBDIRS[1:])


def test_no_credentials_are_written() -> None:
    channel = {"url": "https://me:secret@host/t/token/x", "used_env_vars": []}
    found = package("a", "linux-64", url="https://me:secret@host/t/token/x/linux-64/a-1.0-0.conda")

    data = merge({"linux-64": made(found, subdir="linux-64", channels=[channel])})
    assert b"secret" not in data
    assert b"token" not in data
    assert parsed(data).channels == ("https://host/x",)


@pytest.mark.parametrize(
    ("source", "other"),
    [
        ("file:///srv/ch", "file:///srv/ch-two/linux-64/b-1.0-0.conda"),
        ("https://me:pw@m.example/t/tk/ch/", "https://m.example/linux-64/b-1.0-0.conda"),
    ],
)
def test_what_a_mirror_gave_is_locked_under_its_channel(source: str, other: str) -> None:
    packages = [
        package("a", "linux-64", url=f"{source.rstrip('/')}/linux-64/a-1.0-0.conda"),
        package("b", "linux-64", url=other),
    ]
    channel = {"url": source, "used_env_vars": []}
    document = made(*packages, subdir="linux-64", channels=[channel])

    found = parsed(merge({"linux-64": document}, located={FORGE: source}))
    assert found.channels == (FORGE,)
    assert [p.url for p in found.packages["linux-64"]] == [
        f"{FORGE}/linux-64/a-1.0-0.conda",
        other,
    ]


def test_conda_lock_starts_from_the_named_wheels_of_one_platform() -> None:
    packages = [wheel("a", "linux-64"), wheel("b", "linux-64"), package("a", "linux-64")]
    old = made(*packages, wheel("a", "osx-arm64"), subdir="linux-64")

    found = yaml.safe_load(prior_lock(old, subdir="linux-64", names={"a"}, channels=[FORGE]))
    assert found["package"] == [wheel("a", "linux-64")]
    assert found["metadata"]["channels"] == [{"url": FORGE, "used_env_vars": []}]


NAMES = st.text("abc", min_size=1, max_size=3)
VERSIONS = st.sampled_from(["1.0", "1.10", "2024a", "1e3", "0x1", "1_0", "07"])


@given(
    st.dictionaries(
        st.sampled_from(SUBDIRS), st.dictionaries(NAMES, VERSIONS, max_size=4), min_size=1
    )
)
def test_to_merge_keeps_every_package_and_its_version(
    wanted: dict[str, dict[str, str]],
) -> None:
    """Also for versions that YAML takes for numbers; and what is merged again is the same file."""
    data = merge(
        {
            subdir: made(
                *(package(name, subdir, version=v) for name, v in found.items()), subdir=subdir
            )
            for subdir, found in wanted.items()
        }
    )

    read = parsed(data).packages
    assert {s: {p.name: p.version for p in found} for s, found in read.items()} == wanted
    assert merge({}, previous=data, kept=tuple(wanted)) == data


def _entries(document: dict[str, Any], subdir: str) -> list[dict[str, Any]]:
    return [p for p in document["package"] if p["platform"] == subdir]
