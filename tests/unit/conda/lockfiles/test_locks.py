from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.lockfiles.foreign_lock import ForeignLock
from condabox.conda.lockfiles.lockreader import parse_lock_file
from condabox.conda.lockfiles.locks import LockKind, is_lock, lock_kind, parse_lock, read_lock
from condabox.errors import LockError

FORGE = "https://conda.anaconda.org/conda-forge"
PATH = Path("conda-lock.yml")
PACKAGE = {
    "name": "numpy",
    "version": "2.1.0",
    "manager": "conda",
    "platform": "linux-64",
    "dependencies": {"python": ""},
    "url": f"{FORGE}/linux-64/numpy-2.1.0-0.conda",
    "hash": {"md5": "cd" * 16, "sha256": "ab" * 32},
    "category": "main",
    "optional": False,
}
DOCUMENT = {
    "version": 1,
    "metadata": {
        "content_hash": {"linux-64": "00"},
        "channels": [{"url": "conda-forge", "used_env_vars": []}],
        "platforms": ["linux-64"],
        "sources": ["environment.yml"],
    },
    "package": [PACKAGE],
}
CONDA_LOCK = yaml.safe_dump(DOCUMENT, sort_keys=False).encode()
EXPLICIT = f"# platform: linux-64\n@EXPLICIT\n{PACKAGE['url']}\n".encode()
PIXI = b"version: 6\nenvironments: {default: {channels: [], packages: {}}}\npackages: []\n"
ENVIRONMENT = b"""\
# @EXPLICIT is for other files
name: ai
channels: [conda-forge]
dependencies: [python]
platforms: [linux-64]
condabox: {env: {packages: x}, labels: {metadata: y}}
"""


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(CONDA_LOCK, LockKind.CONDA_LOCK, id="conda-lock"),
        pytest.param(b"# by hand\r\n" + EXPLICIT, LockKind.EXPLICIT, id="explicit"),
        pytest.param(b"\xef\xbb\xbf@EXPLICIT \r\n", LockKind.EXPLICIT, id="from Windows"),
        pytest.param(PIXI, LockKind.PIXI, id="pixi"),
        pytest.param(PIXI.replace(b"6", b"8"), LockKind.PIXI, id="pixi of tomorrow"),
        pytest.param(
            CONDA_LOCK.replace(b"version: 1\n", b"version: 3\n"), LockKind.PIXI, id="pixi of 2023"
        ),
        pytest.param(ENVIRONMENT, None, id="environment"),
        pytest.param(b"", None, id="nothing"),
        pytest.param(b"\x7fELF" + bytes(range(256)) * 40, None, id="binary"),
    ],
)
def test_a_lock_is_recognised_by_its_content(data: bytes, kind: LockKind | None) -> None:
    assert lock_kind(data) is kind
    assert is_lock(data) is (kind is not None)


def test_conda_lock_s_own_file_is_read_as_ever() -> None:
    assert parse_lock(CONDA_LOCK, path=PATH) == parse_lock_file(CONDA_LOCK, path=PATH)
    assert read_lock(CONDA_LOCK, path=PATH) == ForeignLock(
        file=parse_lock_file(CONDA_LOCK, path=PATH)
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(CONDA_LOCK, "conda-lock.yml is a conda-lock file", id="conda-lock"),
        pytest.param(EXPLICIT, "conda-lock.yml is an explicit lock", id="explicit"),
    ],
)
def test_only_pixi_has_environments(data: bytes, words: str) -> None:
    with pytest.raises(LockError, match=words):
        parse_lock(data, path=PATH, environment="gpu")


@pytest.mark.parametrize(
    ("data", "message", "hint"),
    [
        pytest.param(
            ENVIRONMENT,
            "conda-lock.yml is not a lock file",
            "conda-lock files, explicit locks (@EXPLICIT) and pixi.lock are read",
            id="none",
        ),
        pytest.param(
            CONDA_LOCK.replace(b"sha256", b"sha512"),
            "conda-lock.yml: package[0].hash.sha256: numpy is locked without sha256",
            "make it again with the tool that wrote it",
            id="conda-lock",
        ),
        pytest.param(
            b"@EXPLICIT\nnumpy\n",
            "conda-lock.yml: line 2: 'numpy' is not a URL",
            "make it again with the tool that wrote it",
            id="explicit",
        ),
        pytest.param(
            PIXI + b"\t\n",
            "conda-lock.yml, line 4: found character that cannot start any token",
            "make it again with the tool that wrote it",
            id="not YAML",
        ),
    ],
)
def test_what_cannot_be_read_is_told_with_what_to_do(data: bytes, message: str, hint: str) -> None:
    with pytest.raises(LockError) as caught:
        parse_lock(data, path=PATH)

    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_condabox_s_own_lock_is_made_again_by_condabox() -> None:
    metadata = DOCUMENT["metadata"] | {"custom_metadata": {"condabox": "1"}}  # type: ignore[operator]
    broken = {**DOCUMENT, "metadata": metadata, "package": [{}]}

    with pytest.raises(LockError) as caught:
        parse_lock(yaml.safe_dump(broken, sort_keys=False).encode(), path=PATH)

    assert caught.value.hint == "run `condabox lock` to make it again"


def test_no_message_is_longer_than_a_screen() -> None:
    endless = {**DOCUMENT, "package": [PACKAGE | {"name": "?" * 1_000_000}]}

    with pytest.raises(LockError) as caught:
        parse_lock(yaml.safe_dump(endless, sort_keys=False).encode(), path=PATH)

    assert len(caught.value.message) <= 1000


@given(data=st.binary(max_size=400), lock=st.sampled_from([CONDA_LOCK, EXPLICIT, PIXI]))
def test_a_damaged_lock_is_read_or_refused(data: bytes, lock: bytes) -> None:
    for damaged in (data + lock, lock + data, lock[: len(data)] + data + lock[len(data) :]):
        try:
            parse_lock(damaged, path=PATH)
        except LockError:
            continue
