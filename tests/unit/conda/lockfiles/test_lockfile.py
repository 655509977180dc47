from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from condabox.conda.lockfiles.inputs import LockInputs
from condabox.conda.lockfiles.lockfile import LockedPackage, lock_path
from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.errors import LockError

SHA = "ab" * 32
DIGEST = f"sha256:{SHA}"
CHANNEL = "https://conda.anaconda.org/conda-forge"


def entry(name: str = "numpy", **changes: object) -> dict[str, Any]:
    version = str(changes.get("version", "2.1.0"))
    subdir = str(changes.get("platform", "linux-64"))
    return {
        "name": name,
        "version": version,
        "manager": "conda",
        "platform": subdir,
        "dependencies": {"python": ">=3.12", "__glibc": ">=2.17"},
        "url": f"{CHANNEL}/{subdir}/{name}-{version}-py312_0.conda",
        "hash": {"md5": "cd" * 16, "sha256": SHA},
        "category": "main",
        "optional": False,
    } | changes


def wheel(**changes: object) -> dict[str, Any]:
    url = "https://files.example/packages/some_wheel-1.0%2Bcpu-py3-none-any.whl"
    return entry("some-wheel", manager="pip", version="1.0+cpu", url=url) | changes


def document(*packages: dict[str, Any], **metadata: object) -> dict[str, Any]:
    return {
        "version": 1,
        "metadata": {
            "content_hash": {"linux-64": "00"},
            "channels": [{"url": "conda-forge", "used_env_vars": []}],
            "platforms": ["linux-64"],
            "sources": ["ai.yml"],
        }
        | metadata,
        "package": list(packages),
    }


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "ai.conda-lock.yml"


def write(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def problem(path: Path, content: object) -> str:
    with pytest.raises(LockError) as caught:
        read_lock_file(write(path, content))
    return caught.value.message


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("envs/ai.yml", "envs/ai.conda-lock.yml"),
        ("environment.yaml", "environment.conda-lock.yml"),
        ("a.b.yml", "a.b.conda-lock.yml"),
        (".", ".conda-lock.yml"),
    ],
)
def test_the_lock_lies_beside_the_environment(environment: str, expected: str) -> None:
    assert lock_path(Path(environment)) == Path(expected)


def test_a_conda_package_is_read(lock: Path) -> None:
    found = read_lock_file(write(lock, document(entry()))).environments["linux-64"]

    assert found.channels == (CHANNEL,)
    assert found.packages == (
        LockedPackage(
            name="numpy",
            version="2.1.0",
            manager="conda",
            url=f"{CHANNEL}/linux-64/numpy-2.1.0-py312_0.conda",
            sha256=SHA,
            category="main",
            dependencies=("python",),
        ),
    )


def test_filename_tells_build_and_url_tells_subdir(lock: Path) -> None:
    url = f"{CHANNEL}/noarch/some-tool-1.0-pyhd8ed1ab_0.tar.bz2"
    package = read_lock_file(write(lock, document(entry("some-tool", url=url))))
    (found,) = package.environments["linux-64"].packages

    assert (found.build, found.subdir) == ("pyhd8ed1ab_0", "noarch")
    assert found.filename == "some-tool-1.0-pyhd8ed1ab_0.tar.bz2"


def test_a_wheel_has_neither_build_nor_subdir(lock: Path) -> None:
    (found,) = read_lock_file(write(lock, document(wheel()))).environments["linux-64"].packages

    assert (found.build, found.subdir) == ("", "")
    assert found.filename == "some_wheel-1.0+cpu-py3-none-any.whl"


def test_packages_are_sorted_by_manager_and_name(lock: Path) -> None:
    content = document(wheel(), entry("zlib"), entry("attrs"))
    packages = read_lock_file(write(lock, content)).environments["linux-64"].packages

    assert [(p.manager, p.name) for p in packages] == [
        ("conda", "attrs"),
        ("conda", "zlib"),
        ("pip", "some-wheel"),
    ]


def test_python_is_the_conda_package(lock: Path) -> None:
    content = document(entry("python", version="3.12.4"), entry())
    python = read_lock_file(write(lock, content)).environments["linux-64"].python

    assert python is not None
    assert python.version == "3.12.4"


def test_environment_has_the_packages_of_its_categories(lock: Path) -> None:
    content = document(entry("numpy"), entry("ipdb", category="dev"))
    found = read_lock_file(write(lock, content))
    main = found.environment("linux-64", categories=frozenset({"main"}))
    both = found.environment("linux-64", categories=frozenset({"main", "dev"}))

    assert [p.name for p in main.packages] == ["numpy"]
    assert [p.name for p in both.packages] == ["ipdb", "numpy"]
    assert found.categories == {"main", "dev"}


def test_a_package_of_two_categories_is_there_for_each_and_once_for_both(lock: Path) -> None:
    content = document(entry("ipdb", category="dev"), entry("ipdb", category="docs"))
    found = read_lock_file(write(lock, content))

    assert [p.name for p in found.environments["linux-64"].packages] == ["ipdb"]
    docs = found.environment("linux-64", categories=frozenset({"docs"}))
    assert [p.category for p in docs.packages] == ["docs"]


def test_a_platform_that_is_not_locked_is_named_with_those_that_are(lock: Path) -> None:
    found = read_lock_file(write(lock, document(entry())))

    with pytest.raises(LockError, match="linux-aarch64, only for linux-64") as caught:
        found.environment("linux-aarch64", categories=frozenset({"main"}))
    assert "platforms" in str(caught.value.hint)


def test_virtual_packages_are_not_packages(lock: Path) -> None:
    content = document(entry(), entry("__glibc", version="2.39"))

    assert len(read_lock_file(write(lock, content)).environments["linux-64"].packages) == 1


@pytest.mark.parametrize("version", ["1.10", "2024", "1e3", "0o17", "1_000", "12:30", "yes", "~"])
def test_unquoted_versions_are_the_text_that_stands_there(lock: Path, version: str) -> None:
    # YAML 1.1 and 1.2 take these for numbers, times, booleans or nothing, and not for the same.
    text = yaml.safe_dump(document(entry(version="VERSION"))).replace("VERSION", version)
    if version in {"12:30", "~"}:
        with pytest.raises(LockError, match="version"):
            read_lock_file(write(lock, text))
        return
    (found,) = read_lock_file(write(lock, text)).environments["linux-64"].packages

    assert found.version == version


def test_credentials_in_urls_are_left_out(lock: Path) -> None:
    channel = "https://me:${PASSWORD}@conda.example/t/${TOKEN}/ch"
    url = f"{channel}/linux-64/numpy-2.1.0-0.conda"
    content = document(entry(url=url), channels=[{"url": channel, "used_env_vars": ["TOKEN"]}])
    found = read_lock_file(write(lock, content)).environments["linux-64"]

    assert found.channels == ("https://conda.example/ch",)
    assert found.packages[0].url == "https://conda.example/ch/linux-64/numpy-2.1.0-0.conda"


def test_a_plain_lock_file_tells_nothing_of_its_inputs(lock: Path) -> None:
    found = read_lock_file(write(lock, document(entry())))

    assert (found.inputs, found.base, found.base_digests) == ({}, None, {})


def test_what_condabox_keeps_in_a_lock_is_read(lock: Path) -> None:
    inputs = LockInputs(
        channels=(CHANNEL,),
        conda={"main": ("numpy",)},
        pip={},
        virtual_packages={"__glibc": "2.39"},
    )
    custom = {
        "condabox": "1",
        "condabox-base": "ubuntu:24.04",
        "condabox-base-digest-linux-64": DIGEST,
        "condabox-inputs-linux-64": inputs.to_text(),
    }
    found = read_lock_file(write(lock, document(entry(), custom_metadata=custom)))

    assert found.inputs == {"linux-64": inputs}
    assert (found.base, found.base_digests) == ("ubuntu:24.04", {"linux-64": DIGEST})


@pytest.mark.parametrize("digest", ["rubbish", "sha256:00", "sha512:" + "0" * 64, ""])
def test_a_digest_of_the_base_is_one(lock: Path, digest: str) -> None:
    custom = {"condabox": "1", "condabox-base-digest-linux-64": digest}

    found = problem(lock, document(entry(), custom_metadata=custom))

    assert found.startswith(f"{lock}: metadata.custom_metadata.condabox-base-digest-linux-64: ")
    assert found.endswith(f"{digest!r} is not valid")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param({"name": 7}, None, id="a number is its text"),
        pytest.param({"name": "../evil"}, "package[0].name: '../evil'", id="name is a path"),
        pytest.param({"version": "../1"}, "package[0].version", id="version is a path"),
        pytest.param({"version": ["1"]}, "version: expected a string, got a list", id="list"),
        pytest.param({"manager": "cargo"}, "manager: expected conda or pip", id="manager"),
        pytest.param({"platform": "win-64"}, "win-64 is not in metadata.platforms", id="platform"),
        pytest.param({"hash": {"md5": "00"}}, "numpy is locked without sha256", id="md5 alone"),
        pytest.param({"hash": {"sha256": "AB" * 32}}, "package[0].hash.sha256", id="upper case"),
        pytest.param({"hash": {"sha256": "ab" * 16}}, "package[0].hash.sha256", id="short hash"),
        pytest.param({"url": "ftp://x/linux-64/a-1-0.conda"}, "downloaded from", id="scheme"),
        pytest.param({"url": "https://x/linux-64/a-1-0.zip"}, "is no conda package", id="zip"),
        pytest.param({"url": "https://x/linux-64/a.conda"}, "name-version-build", id="no build"),
        pytest.param({"url": "https://x/l/..%2Fa-1-0.conda"}, "not a package's", id="escaped path"),
        pytest.param({"url": "https://x"}, "package[0].url", id="no path"),
        pytest.param({"url": "https://[x/y"}, "package[0].url: is not a URL", id="broken URL"),
        pytest.param({"dependencies": ["a"]}, "dependencies: expected a mapping", id="depends"),
    ],
)
def test_entries_are_checked(lock: Path, change: dict[str, Any], expected: str | None) -> None:
    content = document(entry() | change)
    if expected is None:
        assert read_lock_file(write(lock, content)).environments["linux-64"].packages
    else:
        assert expected in problem(lock, content)


def test_a_source_distribution_is_no_wheel(lock: Path) -> None:
    url = "https://files.example/packages/some-wheel-1.0.tar.gz"

    assert "is no wheel" in problem(lock, document(wheel(url=url)))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("", "expected a mapping", id="empty"),
        pytest.param("just text", "expected a mapping", id="text"),
        pytest.param("version: 2\nmetadata: {}\n", "has version 2 of", id="version 2"),
        pytest.param("metadata: {}\n", "version: is missing", id="no version"),
        pytest.param("version: 1\n", "metadata: is missing", id="no metadata"),
        pytest.param("version: 1\nmetadata: {}\n", "metadata.platforms", id="no platforms"),
        pytest.param("a: [\n<<<<<<< HEAD\n", "line", id="merge conflict"),
        pytest.param("[" * 100_000, "nest", id="deep"),
        pytest.param("a: \x00", "is not YAML", id="control character"),
    ],
)
def test_other_documents_are_refused(lock: Path, content: str, expected: str) -> None:
    assert expected in problem(lock, content)


def test_bytes_that_are_no_text_are_refused(lock: Path) -> None:
    lock.write_bytes(b"\xff\xfe\x00\xd8\x00")

    with pytest.raises(LockError):
        read_lock_file(lock)


def test_entries_of_a_newer_condabox_are_refused(lock: Path) -> None:
    assert "newer condabox" in problem(lock, document(custom_metadata={"condabox": "2"}))


def test_inputs_that_are_broken_are_named(lock: Path) -> None:
    custom = {"condabox": "1", "condabox-inputs-linux-64": "{"}

    assert "condabox-inputs-linux-64: is not JSON" in problem(
        lock, document(custom_metadata=custom)
    )


def test_a_missing_file_says_how_to_make_it(lock: Path) -> None:
    with pytest.raises(LockError, match="does not exist") as caught:
        read_lock_file(lock)
    assert "condabox lock" in str(caught.value.hint)


def test_a_directory_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LockError, match="cannot be read"):
        read_lock_file(tmp_path)


def test_a_hundred_packages_for_three_platforms_are_read_at_once(lock: Path) -> None:
    subdirs = ["linux-64", "linux-aarch64", "osx-arm64"]
    packages = [entry(f"package-{i}", platform=subdir) for i in range(100) for subdir in subdirs]
    write(lock, document(*packages, platforms=subdirs))

    started = time.perf_counter()
    read_lock_file(lock)

    assert time.perf_counter() - started < 1  # about 0.03 s, on a machine that is not busy


def test_sizes_are_of_conda_packages(lock: Path) -> None:
    sizes = {"condabox-sizes-linux-64": '{"numpy":7,"some-wheel":9}', "condabox": "1"}
    write(lock, document(entry(), wheel(), custom_metadata=sizes))
    found = read_lock_file(lock).environments["linux-64"].packages

    assert [(p.name, p.size) for p in found] == [("numpy", 7), ("some-wheel", None)]


@pytest.mark.parametrize("text", ["[]", "{", '{"numpy": "7"}', '{"numpy": -7}', '{"numpy": true}'])
def test_sizes_that_are_none_are_refused(lock: Path, text: str) -> None:
    custom = {"condabox-sizes-linux-64": text, "condabox": "1"}

    assert "condabox-sizes-linux-64" in problem(lock, document(entry(), custom_metadata=custom))


@given(
    st.recursive(
        st.text(max_size=5) | st.integers() | st.none(),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["version", "metadata", "package", "platforms", "name", "url", "hash"]
                ),
                x,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_document_is_read_or_refused_with_a_lock_error(
    tmp_path_factory: pytest.TempPathFactory, content: object
) -> None:
    path = tmp_path_factory.mktemp("any") / "x.yml"
    path.write_text(yaml.safe_dump({"version": 1, "metadata": content, "package": content}))

    with pytest.raises(LockError):
        read_lock_file(path)
