"""The pip block takes what can be locked, and says why it does not take the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.conda.envfile.pip_requirement import project_name, requirements
from condabox.conda.envfile.reading import FieldError

if TYPE_CHECKING:
    from pathlib import Path


def failure(text: str, folder: Path) -> tuple[str, str | None]:
    with pytest.raises(FieldError) as raised:
        requirements(text, at="pip[0]", folder=folder)
    return str(raised.value).removeprefix("pip[0]: "), raised.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "requests",
        "requests==2.32.3",
        "requests[socks] >=2,<3",
        "requests ; sys_platform == 'linux'",
        "foo @ https://files.example/foo-1.0-py3-none-any.whl",
        "foo[all] @ http://files.example/foo-1.0-py3-none-any.whl?at=1#sha256=00 ; os_name == 'nt'",
    ],
)
def test_a_requirement_that_can_be_locked_is_kept_as_it_is(tmp_path: Path, text: str) -> None:
    assert requirements(f" {text} ", at="pip[0]", folder=tmp_path) == (text,)


def test_names_are_normalized() -> None:
    assert project_name("Zope.Interface[test] >= 5") == "zope-interface"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        pytest.param(
            "-e .",
            "an editable install cannot be locked",
            "publish a wheel, or copy the code with `condabox: app:`",
            id="editable",
        ),
        pytest.param(
            "--editable=./lib",
            "an editable install cannot be locked",
            "publish a wheel, or copy the code with `condabox: app:`",
            id="editable-long",
        ),
        pytest.param(
            "./lib",
            "a local path cannot be locked: no other machine has it",
            "publish a wheel, or copy the code with `condabox: app:`",
            id="path",
        ),
        pytest.param(
            "foo @ file:///srv/foo-1.0-py3-none-any.whl",
            "a local path cannot be locked: no other machine has it",
            "publish a wheel, or copy the code with `condabox: app:`",
            id="file-url",
        ),
        pytest.param(
            "foo @ ./foo-1.0-py3-none-any.whl",
            "a local path cannot be locked: no other machine has it",
            "publish a wheel, or copy the code with `condabox: app:`",
            id="named-path",
        ),
        pytest.param(
            "git+https://git.example/foo",
            "version control cannot be locked: its bytes have no fixed hash",
            "name a release, or the URL of a wheel: `name @ https://…`",
            id="git",
        ),
        pytest.param(
            "foo @ git+ssh://git@git.example/foo@v1",
            "version control cannot be locked: its bytes have no fixed hash",
            "name a release, or the URL of a wheel: `name @ https://…`",
            id="named-git",
        ),
        pytest.param(
            "https://files.example/foo-1.0-py3-none-any.whl",
            "'https://files.example/foo-1.0-py3-none-any.whl' has no name",
            "write it as `name @ https://…`",
            id="bare-url",
        ),
        pytest.param(
            "foo @ https://ann:secret@files.example/foo.whl",
            "the address of foo holds credentials, which would be locked",
            "keep them out of the file, for example in ~/.netrc",
            id="credentials",
        ),
        pytest.param(
            "foo @ ftp://files.example/foo.whl",
            "the address of foo is not one of the web",
            "write it as `name @ https://…`",
            id="ftp",
        ),
        pytest.param(
            "foo @ https://files.example/foo-1.0.tar.gz#sha256=00",
            "the address of foo is not that of a wheel",
            "make one of it, `pip wheel`, and publish that",
            id="source",
        ),
        pytest.param(
            "foo @ https://[files.example/foo.whl",
            "the address of foo is not a URL",
            "write it as `name @ https://…`",
            id="broken-url",
        ),
        pytest.param(
            "foo=1.0",
            "'foo=1.0' is not a pip requirement",
            "pip wants two equals signs: foo==1.2",
            id="one-equals-sign",
        ),
        pytest.param(
            "conda-forge::foo",
            "'conda-forge::foo' is a conda package",
            "conda's packages stand above `- pip:`",
            id="channel",
        ),
        pytest.param(
            "foo 1.0",
            "'foo 1.0' is not a pip requirement",
            "write it like foo, foo==1.2 or foo>=1.2,<2",
            id="blank",
        ),
        pytest.param(
            "foo==1.0 --hash=sha256:00",
            "'foo==1.0 --hash=sha256:00' has a hash",
            "leave it away: the lock holds the hashes",
            id="hash",
        ),
        pytest.param(
            "--extra-index-url https://index.example",
            "--extra-index-url is a setting, not a requirement",
            "set [pip] index-url in condabox.toml",
            id="index",
        ),
        pytest.param(
            "-c constraints.txt",
            "-c is not read here",
            "the lock holds exact versions and their hashes",
            id="constraints",
        ),
        pytest.param(
            "-r https://files.example/requirements.txt",
            "a requirements file must be a local file",
            "save it beside this file",
            id="remote-file",
        ),
    ],
)
def test_what_cannot_be_locked_is_refused_with_a_reason(
    tmp_path: Path, text: str, message: str, hint: str
) -> None:
    assert failure(text, tmp_path) == (message, hint)


def test_a_requirements_file_is_read_in_place(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "requirements.txt").write_text(
        "# comment\n\nrequests>=2  # why\nfoo \\\n  ==1.0\r\n-r inner/more.txt\nlast"
    )
    (tmp_path / "inner" / "more.txt").write_text("--requirement=most.txt\nmore")
    (tmp_path / "inner" / "most.txt").write_text("most")

    found = requirements("-r requirements.txt", at="pip[0]", folder=tmp_path)

    assert found == ("requests>=2", "foo   ==1.0", "most", "more", "last")


def test_a_mistake_in_a_requirements_file_has_its_line(tmp_path: Path) -> None:
    (tmp_path / "outer.txt").write_text("-r inner.txt\n")
    (tmp_path / "inner.txt").write_text("good\n-e .\n")

    message, hint = failure("-r outer.txt", tmp_path)

    assert message == f"{tmp_path / 'inner.txt'}:2: an editable install cannot be locked"
    assert hint == "publish a wheel, or copy the code with `condabox: app:`"


def test_a_requirements_file_that_is_missing_is_named(tmp_path: Path) -> None:
    message, _ = failure("-r none.txt", tmp_path)

    assert message == f"{tmp_path / 'none.txt'}: there is no such file"


def test_requirements_files_that_include_each_other_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("-r b.txt")
    (tmp_path / "b.txt").write_text("-r ./a.txt")

    message, _ = failure("-r a.txt", tmp_path)

    assert (
        message
        == f"{tmp_path / 'b.txt'}:1: {tmp_path / 'a.txt'} is included twice, or one of too many"
    )


def test_requirements_files_that_multiply_each_other_are_stopped(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.txt").write_text(f"-r {number + 1}.txt\n" * 1000)
    (tmp_path / "9.txt").write_text("foo\n")

    message, _ = failure("-r 0.txt", tmp_path)

    assert "9.txt is included twice" in message
