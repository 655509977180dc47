from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rattler.explicit_environment import ExplicitEnvironmentSpec

from condabox.conda.envfile.reading import FieldError
from condabox.conda.lockfiles.explicit_lock import parse_explicit_lock
from condabox.conda.lockfiles.lockfile import LockedPackage

FORGE = "https://conda.anaconda.org/conda-forge"
MD5 = "cd" * 16
SHA256 = "ab" * 32
PATH = Path("linux-64.lock.txt")
NUMPY = f"{FORGE}/linux-64/numpy-2.1.0-py312_0.conda"
TZDATA = f"{FORGE}/noarch/tzdata-2024a-h0c530f3_0.tar.bz2"
WHEEL = "https://files.example/t/tqdm/tqdm-4.66.0-py3-none-any.whl"


def conda(url: str, name: str, version: str, *, sha256: str = "") -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        manager="conda",
        url=url,
        sha256=sha256,
        category="main",
        dependencies=(),
    )


def lock(*lines: str) -> bytes:
    return "\n".join(["@EXPLICIT", *lines, ""]).encode()


def packages(data: bytes, subdir: str = "linux-64") -> tuple[LockedPackage, ...]:
    found = parse_explicit_lock(data, path=PATH).file
    assert found.subdirs == (subdir,)
    return found.packages[subdir]


def problem(data: bytes) -> str:
    with pytest.raises(FieldError) as caught:
        parse_explicit_lock(data, path=PATH)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fragment", "md5", "sha256"),
    [
        pytest.param("", {}, "", id="none"),
        pytest.param("#", {}, "", id="empty"),
        pytest.param(f"#{MD5}", {NUMPY: MD5}, "", id="md5"),
        pytest.param(f"#{MD5.upper()}", {NUMPY: MD5}, "", id="upper case"),
        pytest.param(f"#sha256:{SHA256}", {}, SHA256, id="sha256 with its name"),
        pytest.param(f"#{SHA256}", {}, SHA256, id="sha256"),
    ],
)
def test_hashes_stand_behind_the_url(fragment: str, md5: dict[str, str], sha256: str) -> None:
    found = parse_explicit_lock(lock(NUMPY + fragment), path=PATH)

    assert found.md5 == md5
    assert found.file.packages == {"linux-64": (conda(NUMPY, "numpy", "2.1.0", sha256=sha256),)}


def test_what_conda_itself_writes_is_read() -> None:
    data = (
        "# This file may be used to create an environment using:\r\n"
        "# $ conda create --name <env> --file <this file>\r\n"
        "# platform: linux-64\r\n# created-by: conda 25.1.0\r\n@EXPLICIT\r\n"
        f"{NUMPY}#{MD5}\r\n{TZDATA}#{MD5}\r\n"
    ).encode("utf-8-sig")

    found = parse_explicit_lock(data, path=PATH).file

    assert found.path == PATH
    assert found.digest == hashlib.sha256(data).hexdigest()
    assert found.channels == (FORGE,)
    assert (found.inputs, found.base, found.base_digests) == ({}, None, {})
    assert [package.name for package in found.packages["linux-64"]] == ["numpy", "tzdata"]


def test_wheels_stand_in_comments_of_conda_lock() -> None:
    data = lock(f"{NUMPY}#{MD5}", f"# pip tqdm @ {WHEEL}#sha256={SHA256}")

    _, found = packages(data)

    assert found == LockedPackage(
        name="tqdm",
        version="4.66.0",
        manager="pip",
        url=WHEEL,
        sha256=SHA256,
        category="main",
        dependencies=(),
    )


def test_older_releases_of_conda_lock_write_a_wheel_s_hash_as_an_option() -> None:
    data = lock(NUMPY, f"# pip Some_Wheel @ {WHEEL} --hash=sha256:{SHA256}")

    _, found = packages(data)

    assert (found.name, found.url, found.sha256) == ("some-wheel", WHEEL, SHA256)


@pytest.mark.parametrize("comment", ["# pip comes last", "#", "# a @ b", "# input_hash: None"])
def test_other_comments_say_nothing(comment: str) -> None:
    assert packages(lock(comment, NUMPY)) == (conda(NUMPY, "numpy", "2.1.0"),)


def test_credentials_are_not_kept() -> None:
    data = lock(
        f"https://user:secret@host.example/t/tk-1/team/linux-64/numpy-2.1.0-py312_0.conda#{MD5}",
        f"# pip tqdm @ https://user:secret@files.example/tqdm-4.66.0-py3-none-any.whl#sha256={SHA256}",
    )

    found = parse_explicit_lock(data, path=PATH)

    url = "https://host.example/team/linux-64/numpy-2.1.0-py312_0.conda"
    assert found.md5 == {url: MD5}
    assert [package.url for package in found.file.packages["linux-64"]] == [
        url,
        "https://files.example/tqdm-4.66.0-py3-none-any.whl",
    ]


def test_the_same_line_twice_is_one_package() -> None:
    assert packages(lock(f"{NUMPY}#{MD5}", f"{NUMPY}#{MD5}")) == (conda(NUMPY, "numpy", "2.1.0"),)


def test_a_comment_tells_the_platform_of_noarch_packages() -> None:
    (found,) = packages(lock("#platform:osx-arm64", TZDATA), "osx-arm64")

    assert found.subdir == "noarch"


def test_noarch_packages_alone_are_for_no_platform() -> None:
    assert packages(lock(TZDATA), "noarch") == (conda(TZDATA, "tzdata", "2024a"),)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param((), "names no package", id="empty"),
        pytest.param(
            ("# platform: linux-aarch64", NUMPY),
            "has packages for linux-64 and linux-aarch64",
            id="platforms that contradict each other",
        ),
        pytest.param(
            (NUMPY, NUMPY.replace("2.1.0", "2.1.1")),
            "line 3: numpy is there twice: 2.1.0 and 2.1.1",
            id="two versions",
        ),
        pytest.param(
            (f"{NUMPY}#{MD5}", f"{NUMPY}#{'00' * 16}"),
            "line 3: numpy is there twice, with another md5",
            id="two hashes",
        ),
        pytest.param(("numpy",), "line 2: 'numpy' is not a URL", id="a name"),
        pytest.param(
            ("/pkgs/numpy-2.1.0-0.conda",),
            "line 2: '/pkgs/numpy-2.1.0-0.conda' is not a URL",
            id="a path",
        ),
        pytest.param(
            ("file:///pkgs/numpy-2.1.0-0.conda",),
            "line 2: file:///pkgs/numpy-2.1.0-0.conda is not in a channel",
            id="a file",
        ),
        pytest.param(
            ("ftp://host.example/linux-64/numpy-2.1.0-0.conda",),
            "line 2: packages cannot be downloaded from "
            "ftp://host.example/linux-64/numpy-2.1.0-0.conda",
            id="a scheme",
        ),
        pytest.param(("http://[::1/x",), "line 2: is not a URL", id="a broken URL"),
        pytest.param(
            (f"{FORGE}/linux-64/numpy.conda",),
            f"line 2: {FORGE}/linux-64/numpy.conda is not the address of a conda package",
            id="a name alone",
        ),
        pytest.param(
            (f"{FORGE}/linux-64/..%2f..%2fevil-1.0-0.conda",),
            f"line 2: {FORGE}/linux-64/..%2f..%2fevil-1.0-0.conda "
            "is not the address of a conda package",
            id="a path in a name",
        ),
        pytest.param((f"{NUMPY}#xyz",), "line 2: 'xyz' is not an md5", id="no hash"),
        pytest.param(
            (f"{NUMPY}#sha256:{MD5}",), f"line 2: '{MD5}' is not an sha256", id="a short hash"
        ),
        pytest.param(
            ("# no URL for: mine-1.0-0",),
            "line 2: conda knew no address of mine-1.0-0, so the lock is not complete",
            id="no URL",
        ),
        pytest.param(
            (f"# pip tqdm @ {WHEEL}",), "line 2: tqdm is locked without sha256", id="bare wheel"
        ),
        pytest.param(
            (f"# pip tqdm @ https://files.example/tqdm-4.66.0.tar.gz#sha256={SHA256}",),
            "line 2: tqdm is locked to https://files.example/tqdm-4.66.0.tar.gz, which is no wheel",
            id="source",
        ),
        pytest.param(
            ("# pip tqdm @ git+https://git.example/tqdm@abc",),
            "line 2: tqdm is locked to git+https://git.example/tqdm@abc, which is no archive",
            id="version control",
        ),
        pytest.param(
            (f"# pip x @ https://h.example/x-1-py3-none-a%2F..%2Fb.whl#sha256={SHA256}",),
            "line 2: 'x-1-py3-none-a/../b.whl' is not a wheel's filename",
            id="a path in a wheel's name",
        ),
        pytest.param(
            (f"# pip \x1b[31m @ {WHEEL}#sha256={SHA256}",),
            "line 2: '?[31m' is not a package's name",
            id="a name with control characters",
        ),
    ],
)
def test_what_cannot_be_installed_is_refused(lines: tuple[str, ...], message: str) -> None:
    assert problem(lock(*lines)) == message


def test_a_secret_is_not_repeated() -> None:
    found = problem(lock("https://user:secret@host.example/t/tk-secret/x/y?token=secret"))

    assert "secret" not in found
    assert "host.example" in found


def test_a_line_of_any_length_gives_a_short_message() -> None:
    assert len(problem(lock("x" * 5_000_000))) < 300


def test_bytes_that_are_no_text_are_refused() -> None:
    assert problem(b"@EXPLICIT\n\n\xff\xfe") == "line 3: is not UTF-8"


NAMES = st.from_regex(r"[a-z_][a-z0-9_.-]{0,15}", fullmatch=True)
VERSIONS = st.from_regex(
    r"([0-9]{1,2}!)?[0-9]{1,4}(\.[0-9a-z]{1,4}){0,3}(\+[a-z0-9]{1,3})?", fullmatch=True
)
BUILDS = st.from_regex(r"[a-z0-9]{1,6}(_[0-9]{1,2})?", fullmatch=True)
HASHES = st.one_of(
    st.just(""),
    st.from_regex(r"#[0-9a-f]{32}", fullmatch=True),
    st.from_regex(r"#(sha256:)?[0-9a-f]{64}", fullmatch=True),
)
LINES = st.tuples(
    NAMES,
    VERSIONS,
    BUILDS,
    HASHES,
    st.sampled_from(["linux-64", "noarch"]),
    st.sampled_from([".conda", ".tar.bz2"]),
)


@given(lines=st.lists(LINES, min_size=1, max_size=8, unique_by=lambda line: line[0]))
def test_what_was_written_is_what_is_read(
    lines: list[tuple[str, str, str, str, str, str]],
) -> None:
    urls = {
        name: f"{FORGE}/{subdir}/{name}-{version}-{build}{suffix}"
        for name, version, build, _, subdir, suffix in lines
    }
    text = "".join(f"{urls[name]}{fragment}\n" for name, _, _, fragment, _, _ in lines)
    data = f"# platform: linux-64\n@EXPLICIT\n{text}".encode()

    found = parse_explicit_lock(data, path=PATH)

    read = {
        (p.name, p.version, p.build, p.subdir, p.url, p.sha256)
        for p in found.file.packages["linux-64"]
    }
    hashes = {name: fragment.lstrip("#") for name, _, _, fragment, _, _ in lines}
    assert read == {
        (
            name,
            version,
            build,
            subdir,
            urls[name],
            hashes[name].removeprefix("sha256:") if len(hashes[name]) > 32 else "",
        )
        for name, version, build, _, subdir, _ in lines
    }
    assert found.md5 == {urls[name]: text for name, text in hashes.items() if len(text) == 32}


@given(lines=st.lists(LINES, min_size=1, max_size=5, unique_by=lambda line: line[0]))
def test_rattler_reads_the_same_addresses(
    lines: list[tuple[str, str, str, str, str, str]],
) -> None:
    text = "".join(
        f"{FORGE}/{subdir}/{name}-{version}-{build}{suffix}{fragment}\n"
        for name, version, build, fragment, subdir, suffix in lines
    )
    content = f"# platform: linux-64\n@EXPLICIT\n{text}"
    expected = ExplicitEnvironmentSpec.from_str(content)

    found = parse_explicit_lock(content.encode(), path=PATH).file

    assert found.subdirs == (str(expected.platform),)
    assert {package.url for package in found.packages["linux-64"]} == {
        entry.url.partition("#")[0] for entry in expected.packages
    }


@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_lock_or_refused(data: bytes) -> None:
    try:
        found = parse_explicit_lock(b"@EXPLICIT\n" + data, path=PATH)
    except FieldError:
        return
    assert found.file.packages
