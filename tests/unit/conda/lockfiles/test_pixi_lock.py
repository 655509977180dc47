from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rattler.lock import LockFile as RattlerLock
from rattler.lock import PypiLockedPackage

from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.lockfiles.locks import parse_lock, read_lock
from condabox.errors import LockError

if TYPE_CHECKING:
    from collections.abc import Sequence

FORGE = "https://conda.anaconda.org/conda-forge"
PYTHON = f"{FORGE}/linux-64/python-3.12.4-h2628c8c_0_cpython.conda"
TZDATA = f"{FORGE}/noarch/tzdata-2024a-h0c530f3_0.conda"
ON_ARM = f"{FORGE}/linux-aarch64/python-3.12.4-h2628c8c_0_cpython.conda"
ANYIO = "https://files.example/packages/38/anyio-4.12.1-py3-none-any.whl"
PATH = Path("pixi.lock")


def conda(url: str, **changes: object) -> dict[str, Any]:
    return {
        "conda": url,
        "sha256": "ab" * 32,
        "md5": "cd" * 16,
        "depends": ["__glibc >=2.17,<3.0.a0", "tzdata", "conda-forge::libzlib >=1.3"],
        "constrains": ["python_abi 3.12.* *_cp312"],
        "license": "Python-2.0",
        "size": 16140836,
        "timestamp": 1696321871976,
    } | changes


def wheel(url: str = ANYIO, **changes: object) -> dict[str, Any]:
    return {
        "pypi": url,
        "name": "anyio",
        "version": "4.12.1",
        "sha256": "ef" * 32,
        "requires_dist": [
            "exceptiongroup>=1.0.2 ; python_full_version < '3.11'",
            "idna>=2.8",
            "trio>=0.32.0 ; python_full_version >= '3.10' and extra == 'trio'",
        ],
        "requires_python": ">=3.9",
    } | changes


def environment(**packages: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return an environment of the packages, which are by platform."""
    selected = {
        platform.replace("_", "-"): [
            {kind: item[kind] for kind in ("conda", "conda_source", "pypi") if kind in item}
            for item in items
        ]
        for platform, items in packages.items()
    }
    return {"channels": [{"url": f"{FORGE}/"}], "packages": selected}


def document(
    *packages: dict[str, Any], version: int = 6, **environments: dict[str, Any]
) -> dict[str, Any]:
    """Return a lock whose default environment, if none is given, has the packages on linux-64."""
    written = {
        "version": version,
        "environments": environments or {"default": environment(linux_64=packages)},
        "packages": list(packages),
    }
    if version > 6:
        written["platforms"] = [{"name": "linux-64", "virtual-packages": ["__unix=0=0"]}]
    return written


def dumped(content: object) -> bytes:
    return yaml.safe_dump(content, sort_keys=False).encode()


def problem(content: object, environment: str | None = None) -> str:
    with pytest.raises(LockError) as caught:
        parse_lock(dumped(content), path=PATH, environment=environment)
    return caught.value.message.removeprefix("pixi.lock: ")


@pytest.mark.parametrize("version", [6, 7])
def test_packages_of_both_managers_are_read(version: int) -> None:
    found = parse_lock(dumped(document(conda(PYTHON), wheel(), version=version)), path=PATH)

    assert (found.subdirs, found.channels) == (("linux-64",), (FORGE,))
    assert found.packages["linux-64"] == (
        LockedPackage(
            name="python",
            version="3.12.4",
            manager="conda",
            url=PYTHON,
            sha256="ab" * 32,
            category="main",
            dependencies=("libzlib", "tzdata"),
            size=16140836,
        ),
        LockedPackage(
            name="anyio",
            version="4.12.1",
            manager="pip",
            url=ANYIO,
            sha256="ef" * 32,
            category="main",
            dependencies=("exceptiongroup", "idna"),
        ),
    )


def test_the_default_environment_is_the_default() -> None:
    content = document(
        conda(PYTHON),
        conda(TZDATA),
        default=environment(linux_64=[conda(PYTHON)]),
        small=environment(linux_64=[conda(TZDATA)]),
    )

    names = {
        chosen: [
            package.name
            for package in parse_lock(dumped(content), path=PATH, environment=chosen).packages[
                "linux-64"
            ]
        ]
        for chosen in (None, "default", "small")
    }

    assert names == {None: ["python"], "default": ["python"], "small": ["tzdata"]}


def test_a_missing_environment_is_told_with_those_that_there_are() -> None:
    content = document(conda(PYTHON), cpu=environment(), gpu=environment())

    assert problem(content) == "environments: there is no 'default', only cpu, gpu"
    assert problem(content, "tpu") == "environments: there is no 'tpu', only cpu, gpu"


def test_every_platform_is_read() -> None:
    content = document(
        conda(PYTHON),
        conda(ON_ARM),
        conda(TZDATA),
        default=environment(
            linux_64=[conda(PYTHON), conda(TZDATA)], linux_aarch64=[conda(ON_ARM), conda(TZDATA)]
        ),
    )

    found = parse_lock(dumped(content), path=PATH)

    assert {subdir: [p.url for p in every] for subdir, every in found.packages.items()} == {
        "linux-64": [PYTHON, TZDATA],
        "linux-aarch64": [ON_ARM, TZDATA],
    }


def test_a_platform_may_have_a_name_of_its_own() -> None:
    content = document(version=7, default=environment(p1=[conda(PYTHON)])) | {
        "platforms": [{"name": "p1", "subdir": "linux-64", "virtual-packages": ["__cuda=12"]}],
        "packages": [conda(PYTHON)],
    }

    assert parse_lock(dumped(content), path=PATH).subdirs == ("linux-64",)


def test_of_several_platforms_for_a_subdir_its_namesake_counts() -> None:
    content = document(
        version=7,
        default=environment(linux_64=[conda(TZDATA)], gpu=[conda(PYTHON)]),
    ) | {
        "platforms": [{"name": "gpu", "subdir": "linux-64"}, {"name": "linux-64"}],
        "packages": [conda(PYTHON), conda(TZDATA)],
    }

    found = parse_lock(dumped(content), path=PATH)

    assert [package.name for package in found.packages["linux-64"]] == ["tzdata"]


def test_several_platforms_without_a_namesake_are_refused() -> None:
    content = document(version=7, default=environment(a=[], b=[])) | {
        "platforms": [{"name": name, "subdir": "linux-64"} for name in "ab"],
    }

    assert problem(content) == "environments.default.packages: a, b are all for linux-64"


def test_a_platform_that_the_file_does_not_know_is_refused() -> None:
    content = document(version=7, default=environment(p1=[]))

    assert (
        problem(content)
        == "environments.default.packages.p1: is not among the platforms of the file"
    )


def test_md5_stands_in_for_a_missing_sha256() -> None:
    entry = conda(PYTHON)
    del entry["sha256"]

    found = read_lock(dumped(document(entry, conda(TZDATA))), path=PATH)

    assert found.md5 == {PYTHON: "cd" * 16}
    assert [p.sha256 for p in found.file.packages["linux-64"]] == ["", "ab" * 32]


def test_a_channel_in_a_folder_is_written_as_a_path() -> None:
    content = document(conda("/srv/my channel/linux-64/python-3.12.4-0.conda"))

    (found,) = parse_lock(dumped(content), path=PATH).packages["linux-64"]

    assert found.url == "file:///srv/my%20channel/linux-64/python-3.12.4-0.conda"


def test_a_wheel_that_no_index_has_is_downloaded_from_its_own_address() -> None:
    (found,) = parse_lock(dumped(document(wheel(f"direct+{ANYIO}"))), path=PATH).packages[
        "linux-64"
    ]

    assert found.url == ANYIO


def test_entries_that_differ_in_what_else_they_tell_are_one_package() -> None:
    twice = document(conda(PYTHON), conda(PYTHON, purls=[]))

    assert len(parse_lock(dumped(twice), path=PATH).packages["linux-64"]) == 1


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        pytest.param(
            {"conda": "../mine", "name": "mine", "version": "1", "subdir": "linux-64"},
            "packages[0].conda: ../mine is built from its source by pixi",
            id="a folder",
        ),
        pytest.param(
            {"conda_source": "mine[ac2e8eb3] @ ../mine"},
            "packages[0].conda_source: mine[ac2e8eb3] @ ../mine is built from its source by pixi",
            id="a source",
        ),
        pytest.param(
            {"conda": "git+https://git.example/m.conda"},
            "packages[0].conda: git+https://git.example/m.conda is built from its source by pixi",
            id="version control",
        ),
        pytest.param(
            {"conda": "./linux-64/mine-1.0-0.conda"},
            "packages[0].conda: ./linux-64/mine-1.0-0.conda is a path beside the file",
            id="an archive beside the file",
        ),
        pytest.param(
            {"pypi": "./", "name": "mine", "version": "1.0", "editable": True},
            "packages[0].pypi: mine is locked to ./, which is no archive",
            id="an editable install",
        ),
        pytest.param(
            {"pypi": "git+https://git.example/mine@abc", "name": "mine"},
            "packages[0].pypi: mine is locked to git+https://git.example/mine@abc, "
            "which is no archive",
            id="a wheel of version control",
        ),
        pytest.param(
            wheel("https://files.example/anyio-4.12.1.tar.gz"),
            "packages[0].pypi: anyio is locked to https://files.example/anyio-4.12.1.tar.gz, "
            "which is no wheel",
            id="a source distribution",
        ),
        pytest.param(
            {"pypi": ANYIO, "name": "anyio", "version": "4.12.1"},
            "packages[0].pypi: anyio is locked without sha256",
            id="a wheel without a hash",
        ),
    ],
)
def test_what_is_no_archive_is_refused_by_name(entry: dict[str, Any], message: str) -> None:
    content = document(entry)

    assert problem(content) == message
    assert read_lock(dumped(content), path=PATH).file.subdirs == ()


def test_what_is_no_archive_on_one_platform_leaves_the_others_usable() -> None:
    content = document(
        conda(PYTHON),
        {"pypi": "./", "name": "mine"},
        default=environment(linux_64=[conda(PYTHON)], osx_64=[{"pypi": "./"}]),
    )

    found = read_lock(dumped(content), path=PATH)

    assert (found.file.subdirs, list(found.refused)) == (("linux-64",), ["osx-64"])


def test_packages_of_other_environments_do_no_harm() -> None:
    content = document(
        conda(PYTHON),
        {"pypi": "./", "name": "mine"},
        default=environment(linux_64=[conda(PYTHON)]),
        dev=environment(linux_64=[{"pypi": "./"}]),
    )

    assert parse_lock(dumped(content), path=PATH).subdirs == ("linux-64",)


@pytest.mark.parametrize("version", ["4", "5", "2.0", "six", 10**30])
def test_other_versions_are_made_again(version: object) -> None:
    content = document() | {"version": version}

    with pytest.raises(LockError, match="is not a version of pixi") as caught:
        parse_lock(dumped(content), path=PATH)

    assert caught.value.hint == "make the file again with today's pixi"


def test_a_version_to_come_needs_another_condabox() -> None:
    with pytest.raises(LockError, match="version: 8") as caught:
        parse_lock(dumped(document() | {"version": 8}), path=PATH)

    assert caught.value.hint == "update condabox"


def test_the_first_versions_looked_like_conda_lock_s() -> None:
    early = {"version": 3, "metadata": {"platforms": ["linux-64"]}, "package": []}

    assert problem(early).startswith("version: 3 is not a version of pixi.lock")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"environments": []}, "environments: expected a mapping, got a list", id="1"),
        pytest.param({"packages": {}}, "packages: expected a list, got a mapping", id="2"),
        pytest.param({"packages": ["x"]}, "packages[0]: expected a mapping, got a string", id="3"),
        pytest.param(
            {"packages": [{"apt": "x"}]},
            "packages[0]: is none of conda, conda_source, pypi",
            id="4",
        ),
        pytest.param(
            {"packages": []},
            f"environments.default.packages.linux-64[0]: {PYTHON} is not below `packages`",
            id="5",
        ),
        pytest.param(
            {"packages": [conda(PYTHON, sha256="xyz")]},
            "packages[0].sha256: 'xyz' is not an sha256",
            id="6",
        ),
        pytest.param(
            {"packages": [conda(PYTHON, size="many")]},
            "packages[0].size: 'many' is not a size in bytes",
            id="7",
        ),
        pytest.param(
            {"packages": [conda(PYTHON, depends="x")]},
            "packages[0].depends: expected a list, got a string",
            id="8",
        ),
        pytest.param(
            {"packages": [conda(PYTHON, sha256={})]},
            "packages[0].sha256: expected a string, got a mapping",
            id="9",
        ),
        pytest.param(
            {"packages": [{"conda": ["x"]}]},
            "packages[0].conda: expected a string, got a list",
            id="10",
        ),
    ],
)
def test_another_shape_is_told_with_its_place(changes: dict[str, object], message: str) -> None:
    assert problem(document(conda(PYTHON)) | changes) == message


def test_a_wheel_s_requirements_must_be_some() -> None:
    content = document(wheel(requires_dist=["no requirement!"]))

    assert problem(content) == (
        "packages[0].requires_dist[0]: 'no requirement!' is not a requirement"
    )


def test_two_versions_of_a_package_are_refused() -> None:
    other = conda(PYTHON.replace("3.12.4", "3.13.0"))

    assert problem(document(conda(PYTHON), other)) == (
        "environments.default.packages.linux-64[1]: python is there twice: 3.12.4 and 3.13.0"
    )


@pytest.mark.parametrize("url", ["ftp://x?y=z", "https://h.example/$SECRET/x", "http://[::1"])
def test_what_is_no_channel_is_refused(url: str) -> None:
    content = document(conda(PYTHON))
    content["environments"]["default"]["channels"] = [{"url": url}]

    assert problem(content) == "environments.default.channels[0]: is not a channel"


def test_yaml_that_multiplies_itself_is_refused_at_once() -> None:
    layers = "".join(
        f"  - &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 30)
    )
    bomb = f"version: 6\nenvironments: {{}}\npackages:\n  - &a0 [x]\n{layers}"

    with pytest.raises(LockError, match=r"environments: there is no 'default'|expected a mapping"):
        parse_lock(bomb.encode(), path=PATH)


def test_what_is_nested_too_deep_is_refused() -> None:
    with pytest.raises(LockError, match="nested too deep"):
        parse_lock(b"environments:\npackages: " + b"[" * 100_000, path=PATH)


NAMES = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", fullmatch=True)
VERSIONS = st.from_regex(r"[1-9][0-9]{0,2}(\.[1-9][0-9]{0,2}){0,3}", fullmatch=True)
HASHES = st.from_regex(r"[0-9a-f]{63}[a-f]", fullmatch=True)
CONDA = st.tuples(NAMES, VERSIONS, st.sampled_from(["linux-64", "noarch"]), HASHES)
WHEELS = st.tuples(NAMES, VERSIONS, HASHES)


@pytest.mark.parametrize("version", [6, 7])
@settings(max_examples=30)
@given(
    some=st.lists(CONDA, max_size=6, unique_by=lambda item: item[0]),
    wheels=st.lists(WHEELS, max_size=4, unique_by=lambda item: item[0]),
)
def test_rattler_reads_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    version: int,
    some: list[tuple[str, str, str, str]],
    wheels: list[tuple[str, str, str]],
) -> None:
    packages = [
        *(
            conda(f"{FORGE}/{subdir}/{name}-{number}-0.conda", sha256=sha256)
            for name, number, subdir, sha256 in some
        ),
        *(
            wheel(
                f"https://files.example/{name.replace('-', '_')}-{number}-py3-none-any.whl",
                name=name,
                version=number,
                sha256=sha256,
            )
            for name, number, sha256 in wheels
        ),
    ]
    path = tmp_path_factory.mktemp("lock") / "pixi.lock"
    path.write_bytes(dumped(document(*packages, version=version)))

    found = parse_lock(path.read_bytes(), path=path)

    assert {
        (p.manager, p.name, p.url, p.sha256, p.version) for p in found.packages["linux-64"]
    } == rattler_reads(path)


def rattler_reads(path: Path) -> set[tuple[str, str, str, str, str]]:
    """Return manager, name, address, sha256 and version of the default environment's packages."""
    chosen = RattlerLock.from_path(path).default_environment()
    assert chosen is not None
    (packages,) = chosen.packages_by_platform().values()
    found = set()
    for package in packages:
        hashes = package.hashes
        assert hashes is not None
        assert hashes.sha256 is not None
        found.add(
            (
                "pip" if isinstance(package, PypiLockedPackage) else "conda",
                package.name,
                package.location,
                hashes.sha256.hex(),
                str(package.version),  # type: ignore[attr-defined]  # both kinds have one
            )
        )
    return found
