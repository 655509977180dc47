"""The application's files are found as ``COPY`` and ``.dockerignore`` would have it."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from condabox.appfiles import AppDirectory, AppFile, AppLink, AppSource, collect
from condabox.errors import SpecError

ENVIRONMENT = Path("envs/ai.yml")


@pytest.fixture
def app(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    folder.mkdir()
    return folder


def write(folder: Path, **files: str) -> None:
    """Write files whose names have ``__`` for a slash and ``_`` for a dot."""
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def paths(src: Path, dest: str = "/app") -> list[str]:
    return [
        entry.path for entry in collect([AppSource(src=src, dest=dest)], environment=ENVIRONMENT)
    ]


def failure(*sources: AppSource) -> SpecError:
    with pytest.raises(SpecError) as raised:
        collect(sources, environment=ENVIRONMENT)
    return raised.value


def test_a_folder_gives_its_content_to_dest(app: Path) -> None:
    write(app, main_py="print()", lib__a_py="")
    (app / "empty").mkdir()
    (app / "main.py").chmod(0o644)
    (app / "run").write_text("#!")
    (app / "run").chmod(0o750)
    (app / "link").symlink_to("lib/a.py")

    found = collect([AppSource(src=app, dest="/srv/app/")], environment=ENVIRONMENT)

    assert found == (
        AppDirectory(path="srv/app"),
        AppDirectory(path="srv/app/empty"),
        AppDirectory(path="srv/app/lib"),
        AppFile(path="srv/app/lib/a.py", source=app / "lib" / "a.py", size=0, executable=False),
        AppLink(path="srv/app/link", target="lib/a.py"),
        AppFile(path="srv/app/main.py", source=app / "main.py", size=7, executable=False),
        AppFile(path="srv/app/run", source=app / "run", size=2, executable=True),
    )


@pytest.mark.parametrize(
    ("dest", "expected"),
    [
        pytest.param("/etc/app.toml", "etc/app.toml", id="becomes-dest"),
        pytest.param("/etc/", "etc/settings.toml", id="goes-into-dest"),
        pytest.param("/", "settings.toml", id="goes-to-the-root"),
    ],
)
def test_a_file_becomes_dest_or_goes_into_it(app: Path, dest: str, expected: str) -> None:
    write(app, settings_toml="")

    assert paths(app / "settings.toml", dest) == [expected]


def test_a_folder_may_be_copied_to_the_root(app: Path) -> None:
    write(app, etc__motd="hello")

    assert paths(app, "/") == ["etc", "etc/motd"]


def test_paths_are_sorted_by_their_bytes(app: Path) -> None:
    for name in ("é", "z", "a-b", "a.b", "B"):
        (app / name).write_text("")
    write(app, a__x="")

    found = paths(app)

    assert found == sorted(found, key=lambda path: path.encode())
    assert found == [
        "app", "app/B", "app/a", "app/a-b", "app/a.b", "app/a/x", "app/z", "app/é",
    ]  # fmt: skip


def test_nothing_is_left_out_unless_it_is_named(app: Path) -> None:
    write(app, _git__HEAD="", main_pyc="")
    (app / "__pycache__").mkdir()
    (app / ".env").write_text("")
    (app / ".dockerignore").write_text("# nothing\n")

    found = paths(app)

    assert set(found) == {
        "app", "app/.dockerignore", "app/.env", "app/.git", "app/.git/HEAD", "app/__pycache__",
        "app/main.pyc",
    }  # fmt: skip


def test_dockerignore_leaves_out_what_it_names(app: Path) -> None:
    write(app, main_py="", tests__test_py="", docs__a_md="", docs__b_md="")
    (app / ".dockerignore").write_text("tests\n.dockerignore\ndocs\n!docs/b.md\n")

    assert paths(app) == ["app", "app/docs", "app/docs/b.md", "app/main.py"]


def test_an_excluded_folder_without_anything_left_is_not_there(app: Path) -> None:
    write(app, docs__a_md="", main_py="")
    (app / ".dockerignore").write_text(".dockerignore\ndocs\n!other/**\n")

    assert paths(app) == ["app", "app/main.py"]


def test_an_excluded_folder_is_not_opened(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(app, data__huge="", main_py="")
    (app / ".dockerignore").write_text("data\n")
    opened: list[Path] = []
    scandir = os.scandir

    def watch(path: Path) -> object:
        opened.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", watch)

    paths(app)

    assert opened == [app]


def test_dockerignore_does_not_apply_to_a_file_that_is_named(app: Path) -> None:
    write(app, main_py="")
    (app / ".dockerignore").write_text("*")

    assert paths(app / "main.py", "/main.py") == ["main.py"]


def test_a_broken_pattern_is_an_error_with_its_line(app: Path) -> None:
    (app / ".dockerignore").write_text("a\n[\n")

    error = failure(AppSource(src=app, dest="/app"))

    assert error.message == f"{app / '.dockerignore'}:2: '[' has a broken [range]"


@pytest.mark.parametrize(
    ("data", "problem"),
    [(b"\xff", "is not UTF-8"), (b"a\n" * (1 << 20), "is larger than 1 MiB")],
    ids=["latin-1", "huge"],
)
def test_a_dockerignore_that_cannot_be_read_is_an_error(
    app: Path, data: bytes, problem: str
) -> None:
    (app / ".dockerignore").write_bytes(data)

    error = failure(AppSource(src=app, dest="/app"))

    assert error.message == f"{app / '.dockerignore'}: {problem}"


def test_a_source_that_is_missing_names_the_environment_file(app: Path) -> None:
    error = failure(AppSource(src=app / "none", dest="/app"))

    assert error.message == (
        f"envs/ai.yml: condabox.app: {app / 'none'}: No such file or directory"
    )
    assert error.hint == "src is relative to envs"


@pytest.mark.parametrize("target", ["inner/a", "missing", ".", "loop", "inner", "inner/../inner"])
def test_a_link_that_stays_inside_is_kept_as_it_is(app: Path, target: str) -> None:
    write(app, inner__a="")
    (app / "loop").symlink_to(target)

    found = collect([AppSource(src=app, dest="/")], environment=ENVIRONMENT)

    assert AppLink(path="loop", target=target) in found


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "..", "../secret", "../app/inner", "inner/../../secret"]
)
def test_a_link_that_leads_out_is_refused(app: Path, target: str) -> None:
    (app.parent / "secret").write_text("")
    (app / "inner").mkdir()
    (app / "link").symlink_to(target)

    error = failure(AppSource(src=app, dest="/app"))

    assert error.message == (
        f"envs/ai.yml: condabox.app: {app / 'link'} leads out of {app}, to {target}"
    )


def test_a_link_that_leads_out_through_another_is_refused(app: Path) -> None:
    (app / "a" / "b").mkdir(parents=True)
    (app / "a" / "b" / "top").symlink_to("../..")
    (app / "out").symlink_to("a/b/top/..")

    assert "leads out of" in failure(AppSource(src=app, dest="/app")).message


def test_a_link_that_leads_out_may_be_ignored(app: Path) -> None:
    (app / "link").symlink_to("/etc/passwd")
    (app / ".dockerignore").write_text("link\n.dockerignore")

    assert paths(app) == ["app"]


def test_a_source_may_itself_be_a_link(app: Path, tmp_path: Path) -> None:
    write(app, a="")
    (app / "b").symlink_to("a")
    (tmp_path / "alias").symlink_to("app")

    assert paths(tmp_path / "alias") == ["app", "app/a", "app/b"]


def test_a_pipe_is_refused(app: Path) -> None:
    os.mkfifo(app / "pipe")

    error = failure(AppSource(src=app, dest="/app"))

    assert error.message == (
        f"envs/ai.yml: condabox.app: {app / 'pipe'} is a named pipe, not a file"
    )
    assert failure(AppSource(src=app / "pipe", dest="/x")).message == error.message


def test_a_socket_is_refused(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(app)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        assert "is a socket, not a file" in failure(AppSource(src=app, dest="/app")).message


def test_a_file_that_cannot_be_read_is_refused(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(app, secret="")
    monkeypatch.setattr(os, "access", lambda *_: False)

    error = failure(AppSource(src=app, dest="/app"))

    assert error.message == f"envs/ai.yml: condabox.app: {app / 'secret'} cannot be read"


def test_a_folder_that_cannot_be_read_is_refused_unless_ignored(
    app: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(app, closed__a="", main_py="")
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)

    error = failure(AppSource(src=app, dest="/app"))
    (app / ".dockerignore").write_text(".dockerignore\nclosed\n!**/keep\n")

    assert error.message == f"envs/ai.yml: condabox.app: {app / 'closed'}: Permission denied"
    assert paths(app) == ["app", "app/main.py"]


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take UTF-8 only")
def test_a_name_that_is_not_utf8_is_refused(app: Path) -> None:
    (app / os.fsdecode(b"caf\xe9")).write_text("")

    error = failure(AppSource(src=app, dest="/app"))

    assert error.message == (f"envs/ai.yml: condabox.app: 'caf\\udce9' in {app} is not UTF-8")


def test_a_name_that_would_delete_a_file_is_refused(app: Path) -> None:
    (app / ".wh.passwd").write_text("")

    assert (
        "no file of an image can be named .wh.passwd"
        in failure(AppSource(src=app, dest="/etc")).message
    )


def test_a_later_source_wins(app: Path, tmp_path: Path) -> None:
    write(app, settings_toml="one", main_py="")
    write(tmp_path / "other", settings_toml="three")

    found = collect(
        [AppSource(src=app, dest="/app"), AppSource(src=tmp_path / "other", dest="/app")],
        environment=ENVIRONMENT,
    )

    assert [entry.path for entry in found] == ["app", "app/main.py", "app/settings.toml"]
    assert found[2] == AppFile(
        path="app/settings.toml",
        source=tmp_path / "other" / "settings.toml",
        size=5,
        executable=False,
    )


@pytest.mark.parametrize("dest", ["/app/main.py", "/app/main.py/x", "/app/main.py/x/"])
def test_a_path_cannot_be_file_and_folder(app: Path, tmp_path: Path, dest: str) -> None:
    write(app, main_py="")
    write(tmp_path / "other", a="")

    error = failure(AppSource(src=app, dest="/app"), AppSource(src=tmp_path / "other", dest=dest))

    assert error.message == ("envs/ai.yml: condabox.app: /app/main.py would be a file and a folder")


@pytest.mark.parametrize(
    ("dest", "instead"),
    [
        pytest.param("/bin/serve", "/usr/bin/serve", id="merged usr"),
        pytest.param("/lib64", "/usr/lib64", id="the link itself"),
        pytest.param("/var/run/serve.conf", "/run/serve.conf", id="below another folder"),
    ],
)
def test_a_folder_that_would_hide_a_link_of_the_base_is_refused(
    app: Path, dest: str, instead: str
) -> None:
    write(app, serve="#!")

    error = failure(AppSource(src=app / "serve", dest=dest))

    assert f"{dest} would hide" in error.message
    assert error.hint == f"write {instead}"


@pytest.mark.parametrize("dest", ["/usr/bin/serve", "/binary/serve", "/var/running", "/opt/bin/x"])
def test_a_folder_of_another_name_hides_nothing(app: Path, dest: str) -> None:
    write(app, serve="#!")

    assert dest.removeprefix("/") in paths(app / "serve", dest)


def test_no_source_is_no_entry() -> None:
    assert collect([], environment=ENVIRONMENT) == ()
