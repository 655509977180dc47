"""``build --builder docker`` and secrets: builds get them, and nobody finds them afterwards."""

from __future__ import annotations

import base64
import secrets as randomness
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.oci.image import read_document
from condabox.oci.layout import ImageLayout
from tests.fakes.certificates import make_certificates
from tests.fakes.channel import ChannelServer
from tests.fakes.dockerbuilds import docker, greeting, layers_of
from tests.fakes.images import AMD64
from tests.fakes.newerdocker import newer_docker
from tests.fakes.proxy import HOST, Proxy
from tests.fakes.servedworld import served_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fakes.dockerbuilds import DockerProject
    from tests.fakes.servedworld import ServedWorld
    from tests.world.world import World

pytestmark = [pytest.mark.world, pytest.mark.docker]

USER, PASSWORD = "secret-xqz-user", "secret-xqz-p@ss/w#rd"
QUOTED = "secret-xqz-p%40ss%2Fw%23rd"
"""The password as an address has it."""
FORMS = (
    b"secret-xqz",
    *(base64.b64encode(f"{USER}:{each}".encode()) for each in (PASSWORD, QUOTED)),
)
"""What nobody may find: the mark, and what a header Authorization would have."""


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedWorld]:
    with served_world(world, tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture
def private(served: ServedWorld) -> Iterator[ChannelServer]:
    """Return a server of the same folder that asks everybody who they are."""
    with ChannelServer(served.folder) as server:
        server.credentials = f"{USER}:{PASSWORD}"
        yield server


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """Return a name for an image, which is gone from Docker afterwards."""
    name = f"condabox-test/{tmp_path.name.replace('_', '-')}:1"
    yield name
    subprocess.run(["docker", "image", "rm", "-f", name], capture_output=True, check=False)


def write_netrc(project: DockerProject, server: ChannelServer) -> None:
    host = server.host.partition(":")[0]
    path = Path(project.variables()["HOME"]) / ".netrc"
    path.write_text(f"machine {host} login {USER} password {PASSWORD}\n")
    path.chmod(0o600)


def asked_by_docker(server: ChannelServer | Proxy) -> bool:
    """Say whether the program that installs in the build got the package."""
    agents = [each.headers.get("user-agent", "") for each in server.seen if "greeter" in each.path]
    return any("Python-urllib" in agent for agent in agents)


def tells(data: bytes) -> bool:
    return any(form in data for form in FORMS)


def assert_no_secret(project: DockerProject, image: str) -> None:
    """Build ``image``, and look for secrets wherever a build may have left them."""
    done = project.by_docker("-t", image, "-o", "image", "--load")

    assert done.returncode == 0, done.stderr
    assert not tells(f"{done.stdout}{done.stderr}".encode())
    assert any("--target" in words for _, words in project.told)
    assert not tells((project.root / "told").read_bytes())
    assert not tells(docker("history", "--no-trunc", "--format", "{{json .}}", image).encode())
    assert not tells(docker("image", "inspect", image).encode())
    found = ImageLayout.open(project.root / "image").resolve(image, platform=AMD64)
    assert not tells(found.manifest.raw)
    assert not tells(read_document(found.blobs, found.manifest.config))
    layers = list(layers_of(found))
    assert any(b"opt/env/etc/greeting" in layer for layer in layers)
    assert not any(map(tells, layers))
    assert project.left() == []


def test_a_secret_would_be_found_in_a_layer_or_a_history() -> None:
    header = base64.b64encode(f"{USER}:{PASSWORD}".encode())

    assert tells(b"machine 127.0.0.1 login secret-xqz-user")
    assert tells(b"Authorization: Basic " + header)
    assert not tells(b"Authorization: Basic ")


def test_a_login_of_netrc_opens_a_channel_and_is_nowhere_afterwards(
    served: ServedWorld, private: ChannelServer, image: str, tmp_path: Path
) -> None:
    project = greeting(served, tmp_path / "project")
    project.use_mirrors(f"{private.url}{project.channel_path}")
    write_netrc(project, private)

    assert_no_secret(project, image)

    assert asked_by_docker(private)


@pytest.mark.parametrize("password", [QUOTED, "$CHANNEL_PASSWORD"], ids=["plain", "variable"])
def test_a_login_of_a_mirror_s_address_opens_it_and_is_nowhere_afterwards(
    served: ServedWorld, private: ChannelServer, image: str, tmp_path: Path, password: str
) -> None:
    project = greeting(served, tmp_path / "project")
    project.use_mirrors(f"http://{USER}:{password}@{private.host}{project.channel_path}")

    assert_no_secret(replace(project, env={"CHANNEL_PASSWORD": PASSWORD}), image)

    assert asked_by_docker(private)


def test_a_wrong_login_is_said_to_be_one_and_is_not_told(
    served: ServedWorld, private: ChannelServer, tmp_path: Path
) -> None:
    project = greeting(served, tmp_path / "project")
    wrong = f"http://{USER}:secret-xqz-wrong@{private.host}{project.channel_path}"
    project.use_mirrors(project.folder_url, wrong)

    done = project.by_docker("-o", "image")

    assert done.returncode == 9, done.stderr
    assert "status: 401" in done.stderr
    assert private.host in done.stderr
    assert "it needs credentials, or others than it was given" in done.stderr
    assert not tells(done.stderr.encode())
    assert not tells((project.root / "told").read_bytes())
    assert project.left() == []


def test_a_proxy_s_password_is_used_and_is_nowhere_afterwards(
    served: ServedWorld, image: str, tmp_path: Path
) -> None:
    project = greeting(served, tmp_path / "project")
    with Proxy(served.folder, credentials=f"{USER}:{PASSWORD}") as proxy:
        url = f"http://{USER}:{QUOTED}@{proxy.host}"
        project.use_mirrors(f"http://{HOST}{project.channel_path}")
        env = {"HTTP_PROXY": url, "http_proxy": url, "NO_PROXY": "127.0.0.1"}
        assert_no_secret(replace(project, env=env), image)

        assert asked_by_docker(proxy)
    (command,) = [" ".join(words) for _, words in project.told if "--target" in words]
    assert " --secret id=proxy," in command
    assert "--build-arg HTTP_PROXY" not in command
    assert "--build-arg http_proxy" not in command


@pytest.fixture
def newer(world: World) -> Iterator[tuple[str, str]]:
    with newer_docker(world) as images:
        yield images


def history_of_builds() -> bytes:
    """Return the file in which the daemon keeps what its builds were told."""
    path = Path(docker("info", "--format", "{{.DockerRootDir}}"), "buildkit", "history.db")
    try:
        return path.read_bytes()
    except OSError as error:
        pytest.skip(f"the daemon's own files cannot be read: {error}")


@pytest.mark.newer_docker
@pytest.mark.buildx
def test_a_proxy_s_password_is_not_in_the_history_of_builds(
    served: ServedWorld, newer: tuple[str, str], tmp_path: Path
) -> None:
    base, builder = newer
    project = greeting(served, tmp_path / "project", base=f"docker:{base}", builder=builder)
    # the history goes back to other tests
    password, open_name = randomness.token_hex(8), f"{randomness.token_hex(8)}.example"
    with Proxy(served.folder, credentials=f"{USER}:{password}") as proxy:
        project.use_mirrors(f"http://{HOST}{project.channel_path}")
        env = {
            "HTTP_PROXY": f"http://{USER}:{password}@{proxy.host}",
            "HTTPS_PROXY": f"http://{open_name}:1",
            "NO_PROXY": "127.0.0.1",
        }
        done = replace(project, env=env).by_docker("-o", "image")

        assert done.returncode == 0, done.stderr
        assert asked_by_docker(proxy)
    history = history_of_builds()
    assert open_name.encode() in history
    assert password.encode() not in history
    assert not tells((project.root / "told").read_bytes())
    assert project.left() == []


@pytest.mark.tool("openssl")
def test_a_channel_behind_an_authority_of_its_own_is_trusted(
    served: ServedWorld, image: str, tmp_path: Path
) -> None:
    certificates = make_certificates(tmp_path)
    project = greeting(served, tmp_path / "project")
    with ChannelServer(served.folder, certificates=certificates) as server:
        project.use_mirrors(f"{server.url}{project.channel_path}")
        env = {"SSL_CERT_FILE": str(certificates.authority)}
        assert_no_secret(replace(project, env=env), image)

        assert asked_by_docker(server)
    found = ImageLayout.open(project.root / "image").resolve(image, platform=AMD64)
    authority = certificates.authority.read_bytes().splitlines()[1]
    assert not any(authority in layer for layer in layers_of(found))


@pytest.mark.tool("openssl")
def test_a_channel_behind_an_unknown_authority_is_said_to_be_one(
    served: ServedWorld, tmp_path: Path
) -> None:
    certificates = make_certificates(tmp_path)
    project = greeting(served, tmp_path / "project")
    with ChannelServer(served.folder, certificates=certificates) as server:
        project.use_mirrors(project.folder_url, f"{server.url}{project.channel_path}")
        done = project.by_docker("-o", "image")

    assert done.returncode == 9, done.stderr
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr
    assert "SSL_CERT_FILE may name" in done.stderr
    assert project.left() == []
