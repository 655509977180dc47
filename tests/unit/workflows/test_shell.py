"""Where ``condabox shell`` opens a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from condabox.errors import ImageError, SpecError
from condabox.oci.config import ContainerConfig
from condabox.workflows.run import Engine
from condabox.workflows.run_identity import development_identity

if TYPE_CHECKING:
    from tests.fakes.developer import User

JOINS = """case "$1" in ps) echo abc;; exec) exit 7;; esac"""
START = "/opt/tools/bin/python -I /opt/tools/condabox/start"


def test_a_shell_joins_what_runs(user: User) -> None:
    user.docker(JOINS)

    assert user.shell("make", "test") == 7
    asked, joined = user.calls
    assert asked == "ps --filter label=io.condabox.dev=condabox-ai --format {{.ID}}"
    assert user.told.messages == []
    assert joined.startswith("exec --interactive --workdir /workspace --env CONDABOX_SESSION=")
    assert joined.endswith(f" abc {START} make test")


def test_without_a_command_it_is_the_image_s_own_login_shell(user: User) -> None:
    user.docker(JOINS)

    user.shell()

    assert user.calls[1].endswith(f' {START} /bin/sh -c exec "${{SHELL:-/bin/sh}}" -l')


def test_an_environment_file_tells_its_name_without_a_build(user: User) -> None:
    user.docker(JOINS)
    file = user.folder / "env.yml"
    file.write_text("name: my-env\nchannels: [conda-forge]\ndependencies: [python]\n")

    assert user.shell(subject=str(file)) == 7
    name = development_identity(str(file), lambda: pytest.fail("nothing has to be built"))
    assert name.startswith("condabox-my-env-")
    assert f"label=io.condabox.dev={name} " in user.calls[0]


def test_where_nothing_runs_a_shell_has_a_container_of_its_own(user: User) -> None:
    user.docker('[ "$1" = run ] && exit 5; exit 0')

    assert user.shell("make") == 5
    _, line, _ = user.calls
    assert line.startswith("run --rm --interactive --name condabox-")
    assert line.endswith(" --volume condabox-ai:/workspace --shm-size 2g ai:dev make")
    assert "--publish" not in line
    assert "--label" not in line


def test_a_shell_in_an_image_of_prod_is_refused(user: User) -> None:
    user.keep(ContainerConfig())

    with pytest.raises(ImageError, match="not an image for development"):
        user.shell()


def test_of_several_containers_it_says_which_one_it_joins(user: User) -> None:
    user.docker('case "$1" in ps) echo new; echo old;; esac')

    user.shell("make")

    assert user.told.messages == ["2 containers run: this is new, the newest"]
    assert f" new {START} make" in user.calls[1]


def test_podman_s_containers_are_asked_for_where_podman_is_the_engine(user: User) -> None:
    user.docker(JOINS, name="podman")

    assert user.shell("make", engine=Engine.PODMAN) == 7
    assert [call.split()[0] for call in user.calls_of("podman")] == ["ps", "exec"]
    assert user.calls == []


def test_a_file_that_is_missing_is_no_image_of_a_registry(user: User) -> None:
    with pytest.raises(SpecError, match=r"envs/typo\.yml: there is no such file"):
        user.shell(subject="envs/typo.yml")
