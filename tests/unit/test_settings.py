"""Settings come from the nearest file upwards, and each mistake in one is explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import SpecError
from condabox.settings import RegistrySettings, Settings, load_settings, source_date_epoch

HOME = {"HOME": "/home/ann"}


def write(folder: Path, text: str, *, name: str = "condabox.toml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    return path


def failure(folder: Path, text: str, *, name: str = "condabox.toml") -> SpecError:
    write(folder, text, name=name)
    with pytest.raises(SpecError) as raised:
        load_settings(folder, env=HOME)
    return raised.value


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert load_settings(tmp_path, env=HOME) == Settings(
        cache_dir=Path("/home/ann/.cache/condabox")
    )


def test_the_cache_follows_xdg(tmp_path: Path) -> None:
    found = load_settings(tmp_path, env={**HOME, "XDG_CACHE_HOME": "/var/cache/ann"})

    assert found.cache_dir == Path("/var/cache/ann/condabox")


def test_a_relative_xdg_path_is_ignored_as_the_specification_says(tmp_path: Path) -> None:
    found = load_settings(tmp_path, env={**HOME, "XDG_CACHE_HOME": "cache"})

    assert found.cache_dir == Path("/home/ann/.cache/condabox")


def test_the_whole_file_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        cache-dir = "/srv/cache"
        [channels.mirrors]
        "https://conda.anaconda.org/conda-forge/" = ["file:///srv/channel", "https://m.example/cf/"]
        [registries."docker.io"]
        mirrors = ["127.0.0.1:5000", "mirror.example/docker-remote/"]
        [registries."127.0.0.1:5000"]
        insecure = true
        [pip]
        index-url = "https://index.example/simple"
        [conda-lock]
        pypi-mapping = "file:///srv/mapping.json"
        """,
    )

    assert load_settings(tmp_path, env={}) == Settings(
        path=path,
        cache_dir=Path("/srv/cache"),
        channel_mirrors={
            "https://conda.anaconda.org/conda-forge": (
                "file:///srv/channel",
                "https://m.example/cf",
            )
        },
        registries={
            "docker.io": RegistrySettings(
                mirrors=("127.0.0.1:5000", "mirror.example/docker-remote")
            ),
            "127.0.0.1:5000": RegistrySettings(insecure=True),
        },
        pip_index_url="https://index.example/simple",
        pypi_mapping="file:///srv/mapping.json",
    )


def test_mirrors_may_hold_credentials_which_are_not_shown(tmp_path: Path) -> None:
    write(
        tmp_path,
        """
        [channels.mirrors]
        "https://c.example" = [
            "https://$USER:${HIDDEN}@m.example/c",
            "https://m.example/t/hidden/c",
            "oci://me:hidden@ghcr.io/mirrors/c",
        ]
        [pip]
        index-url = "https://me:hidden@index.example/simple"
        """,
    )

    found = load_settings(tmp_path, env=HOME)

    assert found.channel_mirrors["https://c.example"] == (
        "https://$USER:${HIDDEN}@m.example/c",
        "https://m.example/t/hidden/c",
        "oci://me:hidden@ghcr.io/mirrors/c",
    )
    assert "hidden" not in repr(found).casefold()


def test_a_relative_cache_is_relative_to_the_file(tmp_path: Path) -> None:
    write(tmp_path, 'cache-dir = "cache"')

    found = load_settings(tmp_path / "some" / "where", env=HOME)

    assert found.cache_dir == tmp_path / "cache"


@pytest.mark.parametrize(
    ("text", "expected"), [("~", "/home/ann"), ("~/c", "/home/ann/c"), ("/a~", "/a~")]
)
def test_a_tilde_is_the_home_directory(tmp_path: Path, text: str, expected: str) -> None:
    write(tmp_path, f'cache-dir = "{text}"')

    assert load_settings(tmp_path, env=HOME).cache_dir == Path(expected)


def test_pyproject_holds_settings_too(tmp_path: Path) -> None:
    path = write(tmp_path, '[tool.condabox]\ncache-dir = "/c"', name="pyproject.toml")

    assert load_settings(tmp_path, env=HOME) == Settings(path=path, cache_dir=Path("/c"))


def test_a_pyproject_without_our_table_is_passed_by(tmp_path: Path) -> None:
    above = write(tmp_path, 'cache-dir = "/c"')
    write(tmp_path / "inner", "[tool.ruff]\nline-length = 99", name="pyproject.toml")

    assert load_settings(tmp_path / "inner", env=HOME).path == above


def test_the_nearest_file_wins_whole(tmp_path: Path) -> None:
    write(tmp_path, 'cache-dir = "/outer"\n[pip]\nindex-url = "https://outer.example"')
    write(tmp_path / "inner", 'cache-dir = "/inner"')

    found = load_settings(tmp_path / "inner", env=HOME)

    assert (found.cache_dir, found.pip_index_url) == (Path("/inner"), None)


def test_two_files_in_one_folder_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "[tool.condabox]", name="pyproject.toml")

    error = failure(tmp_path, 'cache-dir = "/c"')

    assert "both hold settings" in error.message
    assert error.hint == "keep one of them"


def test_the_environment_variable_names_the_file(tmp_path: Path) -> None:
    write(tmp_path, 'cache-dir = "/near"')
    named = write(tmp_path / "far", 'cache-dir = "/far"', name="other.toml")

    found = load_settings(tmp_path, env={**HOME, "CONDABOX_CONFIG": str(named)})

    assert (found.path, found.cache_dir) == (named, Path("/far"))


def test_the_environment_variable_may_name_a_pyproject(tmp_path: Path) -> None:
    named = write(tmp_path, '[tool.condabox]\ncache-dir = "/c"', name="pyproject.toml")

    found = load_settings(tmp_path / "x", env={**HOME, "CONDABOX_CONFIG": str(named)})

    assert found.cache_dir == Path("/c")


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="which is not a file"):
        load_settings(tmp_path, env={"CONDABOX_CONFIG": str(tmp_path / "none.toml")})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            'cache_dir = "x"', "cache_dir: unknown key; did you mean 'cache-dir'?", id="unknown"
        ),
        pytest.param(
            "cache-dir = 3", "cache-dir: expected a string, got a whole number", id="type"
        ),
        pytest.param('cache-dir = ""', "cache-dir: is empty", id="empty"),
        pytest.param("channels = []", "channels: expected a mapping, got a list", id="table"),
        pytest.param(
            '[channels]\nmirror = "x"',
            "channels.mirror: unknown key; did you mean 'mirrors'?",
            id="unknown-inner",
        ),
        pytest.param(
            '[channels.mirrors]\nconda-forge = ["file:///x"]',
            "channels.mirrors.conda-forge: is not a URL that starts with https://, http://, "
            "file:// or oci://",
            id="channel-by-name",
        ),
        pytest.param(
            '[channels.mirrors]\n"https://c.example" = "file:///x"',
            "channels.mirrors.https://c.example: expected a list, got a string",
            id="mirrors-not-a-list",
        ),
        pytest.param(
            '[channels.mirrors]\n"https://c.example" = ["file://srv/x"]',
            "channels.mirrors.https://c.example[0]: names a host: write file:///…",
            id="file-with-host",
        ),
        pytest.param(
            '[channels.mirrors]\n"https://c.example" = ["oci://r.example:5000/ch"]',
            "channels.mirrors.https://c.example[0]: names a port: packages come from registries "
            "on 443 alone",
            id="registry-with-port",
        ),
        pytest.param(
            '[channels.mirrors]\n"https://me:hidden@c.example" = []',
            "channels.mirrors: names a channel with its password or token, which no lock file has",
            id="channel-with-password",
        ),
        pytest.param(
            '[channels.mirrors]\n"https://c.example/t/hidden/ch" = []',
            "channels.mirrors: names a channel with its password or token, which no lock file has",
            id="channel-with-token",
        ),
        pytest.param(
            '[conda-lock]\npypi-mapping = "https://me:hidden@m.example/names.json"',
            "conda-lock.pypi-mapping: holds a password: keep it in ~/.netrc",
            id="mapping-with-password",
        ),
        pytest.param(
            '[pip]\nindex-url = "https:///simple"', "pip.index-url: names no host", id="no-host"
        ),
        pytest.param(
            '[pip]\nindex-url = "oci://r.example/x"',
            "pip.index-url: is not a URL that starts with https://, http:// or file://",
            id="index-in-a-registry",
        ),
        pytest.param(
            '[pip]\nindex-url = "http://[::1"', "pip.index-url: is not a URL", id="broken-url"
        ),
        pytest.param(
            '[registries."https://r.example"]',
            "registries.https://r.example: name the host alone; plain HTTP is "
            "`insecure = true` of its own table",
            id="registry-with-scheme",
        ),
        pytest.param(
            '[registries."r.example/x"]',
            "registries.r.example/x: is not a host, such as docker.io or 127.0.0.1:5000",
            id="registry-with-path",
        ),
        pytest.param(
            '[registries."r.example"]\ninsecure = "yes"',
            "registries.r.example.insecure: expected true or false, got a string",
            id="insecure",
        ),
        pytest.param(
            '[registries."r.example"]\nmirrors = ["a b"]',
            "registries.r.example.mirrors[0]: is not a host, such as docker.io or 127.0.0.1:5000",
            id="mirror",
        ),
    ],
)
def test_a_mistake_is_named_with_its_file_and_path(
    tmp_path: Path, text: str, expected: str
) -> None:
    error = failure(tmp_path, text)

    assert error.message == f"{tmp_path / 'condabox.toml'}: {expected}"


def test_a_mistake_in_pyproject_has_the_whole_path(tmp_path: Path) -> None:
    error = failure(tmp_path, "[tool.condabox]\ncache-dir = 1", name="pyproject.toml")

    assert error.message == (
        f"{tmp_path / 'pyproject.toml'}: tool.condabox.cache-dir: "
        "expected a string, got a whole number"
    )


def test_a_password_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    error = failure(tmp_path, '[pip]\nindex-url = "ftp://ann:secret@index.example/simple"')

    assert "secret" not in str(error)


@pytest.mark.parametrize(
    "data", [b"= 1", b"a = 'x", b"\xff\xfe", b"x = " + b"[" * 20_000, b"a = 1\na = 2"]
)
def test_what_is_not_toml_is_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "condabox.toml").write_bytes(data)

    with pytest.raises(SpecError, match=r"condabox\.toml: is not "):
        load_settings(tmp_path, env=HOME)


def test_a_folder_of_that_name_is_no_settings_file(tmp_path: Path) -> None:
    (tmp_path / "condabox.toml").mkdir()

    assert load_settings(tmp_path, env=HOME).path is None


def test_the_epoch_is_seconds() -> None:
    assert source_date_epoch({"SOURCE_DATE_EPOCH": "1700000000"}) == 1_700_000_000


def test_no_epoch_is_none() -> None:
    assert source_date_epoch({}) is None


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "now", "1e9", " 1", "1_000", "٣", "253402300800", "9" * 5000]
)
def test_an_epoch_that_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises(SpecError, match=r"^SOURCE_DATE_EPOCH="):
        source_date_epoch({"SOURCE_DATE_EPOCH": text})


@given(st.integers(min_value=0, max_value=253402300799))
def test_every_time_until_the_year_9999_is_taken(seconds: int) -> None:
    assert source_date_epoch({"SOURCE_DATE_EPOCH": str(seconds)}) == seconds


def test_a_folder_beside_the_start_is_not_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "here", 'cache-dir = "/c"')
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    assert load_settings(Path("../there"), env=HOME).path is None
