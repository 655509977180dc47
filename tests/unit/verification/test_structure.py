"""Is an image put together well?  Each rule with an image that breaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.oci.config import ContainerConfig, Healthcheck
from condabox.reporting.findings import State
from condabox.verification.contents import PLACEHOLDERS, read_contents
from condabox.verification.structure import document_findings, file_findings
from tests.fakes.condaimage import conda_image, folder, link, member, program, record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.reporting.findings import Finding
    from tests.fakes.condaimage import Member

CACHE = b"/home/me/.cache/condabox"
PATH = {"PATH": "/opt/env/bin:/bin"}


def looked_at(
    tmp_path: Path, *members: Member, config: ContainerConfig | None = None
) -> list[tuple[str, State, str]]:
    base = [program("bin/sh"), program("usr/bin/su")]
    base[1][0].mode = 0o4755
    image = conda_image(tmp_path, base, [record("a"), *members], config=config)
    contents = read_contents(image, marks=(*PLACEHOLDERS, CACHE))
    found = file_findings(image, contents, prefixes=["opt/env"])
    assert all((each.hint is None) == (each.state is State.OK) for each in found)
    return [(each.name, each.state, each.detail) for each in found]


def test_a_good_image_has_nothing_to_say_and_its_base_is_its_own_affair(tmp_path: Path) -> None:
    assert looked_at(tmp_path, folder("tmp", mode=0o1777)) == [
        ("files", State.OK, "2 paths above the base, as they should be")
    ]


@pytest.mark.parametrize(
    ("broken", "detail"),
    [
        pytest.param(
            member("opt/env/bin/ping", mode=0o4755),
            "/opt/env/bin/ping: runs with its owner's rights, not its user's (setuid)",
            id="setuid",
        ),
        pytest.param(
            member("opt/env/bin/mail", mode=0o2755),
            "/opt/env/bin/mail: runs with its owner's rights, not its user's (setuid)",
            id="setgid",
        ),
        pytest.param(
            member("app/x", mode=0o666), "/app/x: can be written by everybody", id="file for all"
        ),
        pytest.param(
            folder("app", mode=0o777), "/app: can be written by everybody", id="folder for all"
        ),
        pytest.param(
            member("root/.netrc"),
            "/root/.netrc: is of whoever built the image: a cache, or credentials",
            id="credentials",
        ),
        pytest.param(
            member("home/me/.cache/pip/x"),
            "/home/me/.cache/pip/x: is of whoever built the image: a cache, or credentials",
            id="cache",
        ),
        pytest.param(
            member("opt/env/etc/x.conf", b"path=" + CACHE + b"/packages"),
            "/opt/env/etc/x.conf: has the path of this machine's cache in it",
            id="path of the cache",
        ),
        pytest.param(
            link("opt/env/lib/libx.so", "libx.so.1"),
            "/opt/env/lib/libx.so: is a link to nothing",
            id="library",
        ),
        pytest.param(
            link("opt/env/bin/x", "/opt/gone/x"),
            "/opt/env/bin/x: is a link to nothing",
            id="program",
        ),
    ],
)
def test_what_should_not_be_there_is_a_problem(tmp_path: Path, broken: Member, detail: str) -> None:
    assert looked_at(tmp_path, broken) == [("files", State.PROBLEM, detail)]


@pytest.mark.parametrize(
    ("broken", "detail"),
    [
        pytest.param(
            member("opt/env/share/x", PLACEHOLDERS[1] + b"anaconda3/lib"),
            "/opt/env/share/x: has a prefix in it that conda should have replaced",
            id="placeholder",
        ),
        pytest.param(
            link("opt/env/share/x", "gone"),
            "/opt/env/share/x: is a link to nothing",
            id="link that nobody runs",
        ),
    ],
)
def test_what_a_package_does_wrong_itself_is_a_note(
    tmp_path: Path, broken: Member, detail: str
) -> None:
    assert looked_at(tmp_path, broken) == [("files", State.NOTE, detail)]


@pytest.mark.parametrize(
    "fine",
    [
        link("opt/env/lib/libx.so", "../bin/tool"),
        link("opt/env/etc/mtab", "/proc/self/mounts"),
        link("opt/env/var", "../../tmp/x"),
        link("app/broken", "gone"),
        member("home/me/.config/x"),
        member("rooted/.netrc"),
    ],
    ids=lambda each: str(each[0].name),
)
def test_what_is_meant_to_be_so_is_not_told(tmp_path: Path, fine: Member) -> None:
    found = looked_at(tmp_path, program("opt/env/bin/tool"), fine)

    assert [state for _, state, _ in found] == [State.OK]


def test_many_paths_are_counted(tmp_path: Path) -> None:
    members = [member(f"app/{number}", mode=0o666) for number in range(9)]

    (found,) = looked_at(tmp_path, *members)

    assert found[2] == "/app/0, /app/1, /app/2 and 6 more: can be written by everybody"


def test_a_name_cannot_draw_on_the_terminal(tmp_path: Path) -> None:
    (found,) = looked_at(tmp_path, member("app/\x1b[2J", mode=0o666))

    assert found[2] == "/app/\\x1b[2J: can be written by everybody"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("#!/opt/env/bin/python3.12 -s", "/opt/env/bin/python3.12"),
        (f"#!/home/x/_h_env_{'placehold_' * 3}/bin/python", None),
    ],
)
def test_scripts_whose_interpreter_is_gone(tmp_path: Path, line: str, told: str | None) -> None:
    found = looked_at(tmp_path, program("opt/env/bin/tool", f"{line}\n"))

    (script,) = [each for each in found if each[0] == "scripts"]
    assert script[1] is State.PROBLEM
    assert script[2].startswith(f"/opt/env/bin/tool: needs {told or line[2:]}")


@pytest.mark.parametrize(
    "line", ["#!/usr/bin/perl", "#!/usr/bin/env tclsh", "#!", "#! ", "\x7fELF", "#!python"]
)
def test_interpreters_that_a_base_may_have_are_not_asked_for(tmp_path: Path, line: str) -> None:
    found = looked_at(tmp_path, program("opt/env/bin/tool", f"{line}\n"))

    assert [name for name, _, _ in found] == ["files"]


@pytest.mark.parametrize(
    ("words", "state", "detail"),
    [
        pytest.param(("tool", "-x"), State.OK, "/opt/env/bin/tool", id="on PATH"),
        pytest.param(("/opt/env/bin/tool",), State.OK, "/opt/env/bin/tool", id="absolute"),
        pytest.param(("./run",), State.OK, "/app/run", id="in the working directory"),
        pytest.param(("sh", "-c", "x"), State.OK, "/bin/sh", id="of the base"),
        pytest.param(
            ("gone",), State.PROBLEM, "gone is not in the image, or is no program", id="gone"
        ),
        pytest.param(
            ("./data",), State.PROBLEM, "./data is not in the image, or is no program", id="no mode"
        ),
    ],
)
@pytest.mark.parametrize("key", ["entrypoint", "cmd"])
def test_the_images_command_is_looked_for(
    tmp_path: Path, key: str, words: Sequence[str], state: State, detail: str
) -> None:
    config = ContainerConfig(env=PATH, working_dir="/app", **{key: tuple(words)})  # type: ignore[arg-type]

    found = looked_at(
        tmp_path,
        program("opt/env/bin/tool"),
        program("app/run"),
        member("app/data"),
        config=config,
    )

    assert ("command", state, detail) in found


def test_what_an_entrypoint_gets_is_no_program(tmp_path: Path) -> None:
    config = ContainerConfig(env=PATH, entrypoint=("sh",), cmd=("--option",))

    assert ("command", State.OK, "/bin/sh") in looked_at(tmp_path, config=config)


def test_the_health_check_is_looked_for(tmp_path: Path) -> None:
    health = Healthcheck(test=("CMD", "curl", "localhost"))

    found = looked_at(tmp_path, config=ContainerConfig(env=PATH, healthcheck=health))

    detail = "curl is not in the image, or is no program"
    assert ("health check", State.PROBLEM, detail) in found


def summaries(image: Image) -> Sequence[Finding]:
    return document_findings(image)


def test_documents_that_agree(tmp_path: Path) -> None:
    (found,) = summaries(conda_image(tmp_path, [record("a")], [member("x")]))

    assert (found.state, found.detail) == (
        State.OK,
        "2 layers, each of them what manifest and config promise",
    )


def test_a_damaged_blob_is_a_problem(tmp_path: Path) -> None:
    image = conda_image(tmp_path, [member("x", b"x" * 100_000)])
    (layer,) = image.manifest.layers
    blob = tmp_path / "blobs" / "sha256" / layer.digest.hex
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")

    found = summaries(image)

    assert [each.state for each in found] == [State.PROBLEM]
    assert "layer 0" in found[0].detail


def test_more_layers_than_engines_mount(tmp_path: Path) -> None:
    image = conda_image(tmp_path, *([member("x", str(number))] for number in range(128)))

    assert [(each.name, each.state) for each in summaries(image)] == [
        ("documents", State.OK),
        ("layers", State.PROBLEM),
    ]
