"""What only a build in a container does: scripts run, and packages are fetched there."""

from __future__ import annotations

import zipfile
from secrets import token_hex
from typing import TYPE_CHECKING

import pytest
from conda_package_streaming.package_streaming import stream_conda_component

from condabox.oci.compress import decompressed
from tests.contract.comparing import differences, tree_of
from tests.contract.conftest import image_in, succeed
from tests.contract.intended import unintended
from tests.fakes.packages import make_package
from tests.fakes.project import Project, index_channel
from tests.fakes.wheels import publish

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.fakes.servedworld import ServedWorld
    from tests.world.world import World

pytestmark = [pytest.mark.world, pytest.mark.docker]

SCRIPT = """\
#!/bin/sh
set -eu
echo "configuring $PKG_NAME"
mkdir -p "$PREFIX/share/posted"
echo "$PKG_NAME $PKG_VERSION $PKG_BUILDNUM" >"$PREFIX/share/posted/made"
chmod 600 "$PREFIX/share/posted/made"
ln -s made "$PREFIX/share/posted/link"
"""
MADE = {
    "opt/env/share",
    "opt/env/share/posted",
    "opt/env/share/posted/made",
    "opt/env/share/posted/link",
}


def project_of(
    served: ServedWorld, root: Path, *, archives: Sequence[Path], dependencies: str
) -> Project:
    index_channel(served.folder / "own", archives)
    project = Project(root=root / "project", env={"CONDABOX_CONFIG": str(served.settings)})
    project.root.mkdir()
    project.environment.write_text(
        "name: example\nchannels: [own, conda-forge]\nplatforms: [linux-64]\n"
        f"dependencies: {dependencies}\n{served.section()}"
    )
    return project


def test_scripts_of_packages_run(served: ServedWorld, tmp_path: Path) -> None:
    posted = make_package(tmp_path, "posted", files={"bin/.posted-post-link.sh": SCRIPT})
    project = project_of(served, tmp_path, archives=[posted], dependencies="[posted]")
    direct = project.run("build", "environment.yml", "-o", "direct")
    succeed(project, "build", "environment.yml", "--builder", "docker", "-o", "docker")

    assert "`--builder docker` runs it" in direct.stderr
    found = differences(image_in(project.root / "direct"), image_in(project.root / "docker"))
    assert {each.subject for each in unintended(found)} == MADE
    made = tree_of(image_in(project.root / "docker"))["opt/env/share/posted/made"]
    assert (made["mode"], made["owner"]) == ("0644", "0:0")


def test_a_script_that_fails_is_told_with_its_words(served: ServedWorld, tmp_path: Path) -> None:
    script = "echo it is too late >&2\nexit 3\n"
    failing = make_package(tmp_path, "failing", files={"bin/.failing-post-link.sh": script})
    project = project_of(served, tmp_path, archives=[failing], dependencies="[failing]")

    done = project.run("build", "environment.yml", "--builder", "docker", "-o", "docker")

    assert done.returncode == 9
    assert "it is too late" in done.stderr
    assert "failing" in done.stderr
    assert not (project.root / "docker").exists()


def test_pip_comes_out_of_python_where_the_environment_has_none(
    served: ServedWorld, world: World, tmp_path: Path
) -> None:
    [pip] = (world.channel / "noarch").glob("pip-*.conda")
    wheel = tmp_path / "pip-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for tar, member in stream_conda_component(str(pip)):
            stream = tar.extractfile(member)
            if stream is not None:
                archive.writestr(member.name.removeprefix("site-packages/"), stream.read())
    bundled = make_package(
        tmp_path,
        "bundled-pip",
        files={f"lib/python3.11/ensurepip/_bundled/{wheel.name}": wheel.read_bytes()},
    )
    publish(served.folder, "lonely", "1.0", tag="py3-none-any", files={"lonely.py": ""})
    project = project_of(
        served,
        tmp_path,
        archives=[bundled],
        dependencies="[python, bundled-pip, {pip: [lonely ==1.0]}]",
    )
    for backend in ("direct", "docker"):
        succeed(project, "build", "environment.yml", "--builder", backend, "-o", backend)

    images = [image_in(project.root / backend) for backend in ("direct", "docker")]
    assert unintended(differences(*images)) == []
    assert "opt/env/lib/python3.11/site-packages/lonely.py" in tree_of(images[1])


@pytest.mark.parametrize("how", ["missing", "other bytes"])
def test_a_package_that_does_not_come_is_told(
    served: ServedWorld, tmp_path: Path, how: str
) -> None:
    archive = make_package(tmp_path, "gone", files={"share/gone": token_hex(8)})
    project = project_of(served, tmp_path, archives=[archive], dependencies="[gone]")
    succeed(project, "lock", "environment.yml")
    succeed(project, "build", "environment.yml", "-o", "direct")
    place = served.folder / "own" / "linux-64" / archive.name
    place.unlink()
    if how == "other bytes":
        place.write_bytes(b"other")

    done = project.run("build", "environment.yml", "--builder", "docker", "-o", "docker")

    assert done.returncode == 9
    assert archive.name in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project.root / "docker").exists()


def test_a_password_is_used_and_left_nowhere(served: ServedWorld, tmp_path: Path) -> None:
    # a cache that outlives builds has no package that nobody had before
    archive = make_package(tmp_path, "private", files={"share/private": token_hex(8)})
    project = project_of(served, tmp_path, archives=[archive], dependencies="[private]")
    succeed(project, "lock", "environment.yml")
    build = ("build", "environment.yml", "--builder", "docker", "-o", "docker")
    netrc = tmp_path / "netrc"
    netrc.write_text('machine 127.0.0.1 login me password "so \\"secret\\""\n')
    netrc.chmod(0o600)
    served.channel.credentials = 'me:so "secret"'
    try:
        refused = project.run(*build)
        knowing = Project(root=project.root, env={**project.env, "NETRC": str(netrc)})
        succeed(knowing, *build)
    finally:
        served.channel.credentials = None

    assert refused.returncode == 9
    assert "401" in refused.stderr
    image = image_in(project.root / "docker")
    assert "opt/env/share/private" in tree_of(image)
    texts = [image.config.raw, image.manifest.raw]
    for layer in image.manifest.layers[1:]:  # the first is the base's
        with (
            image.blobs.open(layer) as blob,
            decompressed(blob, media_type=layer.media_type) as stream,
        ):
            texts.append(stream.read())
    assert not any(b"secret" in text for text in texts)
