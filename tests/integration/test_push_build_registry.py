"""`condabox build --push` to a real registry: what others see there, and who may do it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from condabox.oci.layout import ImageLayout
from condabox.oci.validate import validate_image
from tests.fakes.dockerregistry import DockerRegistry, skopeo
from tests.fakes.images import AMD64, ARM64
from tests.fakes.packages import make_package
from tests.fakes.project import ROOT, Project, make_project

if TYPE_CHECKING:
    from pathlib import Path

    from tests.world.world import World

pytestmark = [pytest.mark.tool("docker-registry"), pytest.mark.tool("skopeo")]

PASSWORD = "open-sesame"  # noqa: S105  (of a registry that lives as long as a test)


def test_a_wrong_password_ends_it_before_anything_is_built(tmp_path: Path) -> None:
    registry = DockerRegistry(tmp_path)
    archive = make_package(tmp_path / "packages", "alpha", noarch="generic")
    root = tmp_path / "project"
    cache = make_project(root, archives=[archive], specs=["alpha"]).cache
    with registry.running(auth=registry.htpasswd()):
        command = ["build", "environment.yml", "--push", "-t", f"{registry.host}/app:1.0"]

        refused = user(root, registry, "guessed").run(*command)
        touched = cache.exists()
        done = user(root, registry, PASSWORD).run(*command, "--json")

        assert done.returncode == 0, done.stderr
        found = registry.digest("app:1.0", f"--creds=me:{PASSWORD}")
    assert refused.returncode == 8
    assert f"hint: log in with `docker login {registry.host}`" in refused.stderr
    assert "guessed" not in refused.stderr
    assert not touched
    assert json.loads(done.stdout)["digest"] == str(found)


def user(root: Path, registry: DockerRegistry, password: str) -> Project:
    auths = {registry.host: {"username": "me", "password": password}}
    return Project(root=root, env={"DOCKER_AUTH_CONFIG": json.dumps({"auths": auths})})


@pytest.mark.world
def test_others_find_the_serving_image_with_its_platforms_as_it_was_built(
    world: World, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    env = {"CONDABOX_CONFIG": str(world.settings), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    project = Project(root=tmp_path, env=env)
    with DockerRegistry(tmp_path).running() as registry:
        names = [f"{registry.host}/team/serving:{tag}" for tag in ("1.0", "latest")]
        command = ["build", "envs/serving.yml", "--platform", "linux/amd64,linux/arm64", "--push"]
        command += [word for name in names for word in ("-t", name)]

        done = project.run(*command)
        assert done.returncode == 0, done.stderr
        written = blobs(registry)
        again = project.run(*command, "--json")
        assert again.returncode == 0, again.stderr

        reference = done.stdout.splitlines()[-1]
        raw = skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{reference}")
        digests = {registry.digest(f"team/serving:{tag}") for tag in ("1.0", "latest")}
        registry.pull("team/serving:latest", tmp_path / "copied", "--all")
    (result,) = json.loads(again.stdout)["pushed"]
    assert {str(each) for each in digests} == {result["digest"]}
    assert (result["reference"], result["uploaded"]) == (reference, 0)
    assert blobs(registry) == written
    found = [each["platform"]["architecture"] for each in json.loads(raw)["manifests"]]
    assert found == ["amd64", "arm64"]
    copied = ImageLayout.open(tmp_path / "copied")
    for platform in (AMD64, ARM64):
        assert validate_image(copied.resolve(None, platform=platform)) == ()


def blobs(registry: DockerRegistry) -> dict[Path, int]:
    """Return every blob of the registry, and when it was written."""
    files = (registry.folder / "storage").glob("docker/registry/v2/blobs/*/*/*/data")
    return {path: path.stat().st_mtime_ns for path in files}
