"""Pushing to a real registry, with every way to log in, and what others see there then."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from condabox.base import open_base
from condabox.errors import RegistryError
from condabox.events import SilentReporter
from condabox.oci.compress import Compression
from condabox.oci.image import index_of
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.parts import parts_of
from condabox.oci.reference import Reference
from condabox.oci.validate import validate_image
from condabox.registry.credentials import Anonymous, Credential
from condabox.registry.push import Pusher
from condabox.registry.transport import Transport
from condabox.registry.uploads import SMALL
from condabox.settings import Settings
from tests.fakes.busybox import CONFIG, busybox_image
from tests.fakes.certificates import make_certificates
from tests.fakes.cutter import Cutter
from tests.fakes.dockerregistry import DockerRegistry, skopeo
from tests.fakes.images import AMD64, ARM64, make_image
from tests.fakes.pushing import Pushing
from tests.fakes.registry import FakeRegistry
from tests.fakes.tokenserver import TokenServer
from tests.fakes.users import Known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.registry.credentials import Credentials
    from condabox.registry.push import PushResult

pytestmark = [pytest.mark.tool("docker-registry"), pytest.mark.tool("skopeo")]

SESAME = "open-sesame"
ME = Credential(username="me", password=SESAME)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path).running() as running:
        yield running


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Make an image with one layer that goes in pieces, and one that does not."""
    large = hashlib.shake_128(b"large").digest(SMALL + 1000)
    return make_image(tmp_path / "made", {"large": large}, {"small": b"small"})


@pytest.fixture
def small(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 5000}, {"b": b"2"})


def push(
    folder: Path,
    images: Sequence[Image],
    *references: str,
    credentials: Credentials | None = None,
) -> tuple[PushResult, ...]:
    with Transport(sleep=lambda _: None) as transport:
        pusher = Pusher(
            transport=transport,
            credentials=credentials or Anonymous(),
            settings=Settings(cache_dir=folder / "cache"),
            reporter=SilentReporter(),
        )
        parsed = [Reference.parse(each) for each in references]
        return pusher.push(parts_of(images), references=parsed, elsewhere={})


@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
def test_others_see_what_was_pushed(tmp_path: Path, image: Image, *, relative: bool) -> None:
    with DockerRegistry(tmp_path).running(http={"relativeurls": relative}) as registry:
        (result,) = push(tmp_path, [image], f"{registry.host}/team/app:1.0")
        registry.pull("team/app:1.0", tmp_path / "copied")
        found = registry.digest("team/app:1.0")

    copied = ImageLayout.open(tmp_path / "copied").resolve("1.0", platform=None)
    assert found == result.digest == copied.digest == image.digest
    assert validate_image(copied) == ()


@pytest.mark.parametrize("compression", Compression)
def test_every_compression_is_taken(
    registry: DockerRegistry, tmp_path: Path, compression: Compression
) -> None:
    made = make_image(tmp_path / "made", {"a": b"1" * 9999}, compression=compression)

    push(tmp_path, [made], f"{registry.host}/app:1.0")

    assert registry.digest("app:1.0") == made.digest


def test_of_an_index_others_see_every_platform(
    registry: DockerRegistry, tmp_path: Path, small: Image
) -> None:
    arm = make_image(tmp_path / "made", {"a": b"1" * 5000}, {"c": b"arm"}, platform=ARM64)

    (result,) = push(tmp_path, [small, arm], f"{registry.host}/app:1.0")

    name = f"docker://{registry.host}/app:1.0"
    raw = skopeo("inspect", "--tls-verify=false", "--raw", name)
    assert raw.encode() == index_of([small, arm]).raw
    assert result.digest == index_of([small, arm]).descriptor.digest
    registry.pull("app:1.0", tmp_path / "copied", "--all")
    assert len(ImageLayout.open(tmp_path / "copied").index().manifests) == 1


def test_what_is_there_is_neither_sent_nor_missed(
    registry: DockerRegistry, tmp_path: Path, image: Image
) -> None:
    name = f"{registry.host}/app"
    changed = make_image(tmp_path / "made", {"other": b"other"}, base=image)

    first, again, third = (
        push(tmp_path, [each], f"{name}:{tag}")[0]
        for each, tag in ((image, "1.0"), (image, "1.1"), (changed, "2.0"))
    )

    new = (changed.manifest.layers[-1], changed.manifest.config, changed.descriptor)
    assert first.present == again.uploaded == 0
    assert third.uploaded == sum(each.size for each in new)
    assert [str(registry.digest(f"app:{tag}")) for tag in ("1.0", "1.1", "2.0")] == [
        str(image.digest),
        str(image.digest),
        str(changed.digest),
    ]


def test_a_second_repository_costs_no_upload(
    registry: DockerRegistry, tmp_path: Path, image: Image
) -> None:
    names = [f"{registry.host}/{name}:1.0" for name in ("one", "team/two")]

    _, second = push(tmp_path, [image], *names)

    assert second.uploaded == image.descriptor.size
    assert registry.digest("team/two:1.0") == image.digest


@pytest.mark.parametrize("cuts", [[SMALL // 2], [2_000_000, SMALL - 9, 90], [500]])
def test_a_network_that_breaks_corrupts_nothing(
    registry: DockerRegistry, tmp_path: Path, image: Image, cuts: list[int]
) -> None:
    # This registry gives up an upload that was cut, so that it begins anew.
    with Cutter(registry.port).running() as network:
        network.cuts = cuts
        push(tmp_path, [image], f"{network.host}/app:1.0")

        assert network.cuts == []

    registry.pull("app:1.0", tmp_path / "copied")
    copied = ImageLayout.open(tmp_path / "copied").resolve("1.0", platform=None)
    assert validate_image(copied) == ()


def test_a_password_lets_push(tmp_path: Path, small: Image) -> None:
    registry = DockerRegistry(tmp_path)
    with registry.running(auth=registry.htpasswd()):
        name = f"{registry.host}/private:1.0"
        with pytest.raises(RegistryError, match="UNAUTHORIZED") as caught:
            push(tmp_path, [small], name)
        with pytest.raises(RegistryError, match="UNAUTHORIZED"):
            push(tmp_path, [small], name, credentials=Known(Credential(username="you")))

        push(tmp_path, [small], name, credentials=Known(ME))

        assert registry.digest("private:1.0", f"--creds=me:{SESAME}") == small.digest
    assert "docker login" in str(caught.value.hint)


@pytest.mark.tool("openssl")
def test_a_token_lets_push_and_mount(tmp_path: Path, image: Image) -> None:
    tokens = TokenServer(tmp_path, user="me", password=SESAME, life=60)
    registry = DockerRegistry(tmp_path)
    with tokens.running(), registry.running(auth=tokens.auth):
        names = [f"{registry.host}/{name}:1.0" for name in ("one", "two")]
        with pytest.raises(RegistryError, match="token server") as caught:
            push(tmp_path, [image], *names)

        _, second = push(tmp_path, [image], *names, credentials=Known(ME))

        assert registry.digest("two:1.0", f"--creds=me:{SESAME}") == image.digest
    assert second.uploaded == image.descriptor.size
    assert ["repository:two:pull,push", "repository:one:pull"] in tokens.asked
    assert "docker login" in str(caught.value.hint)


@pytest.mark.tool("openssl")
def test_a_certificate_of_ones_own_authority_is_trusted_where_it_is_named(
    tmp_path: Path, small: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if it were elsewhere: on this machine no certificate is asked for.
    monkeypatch.setattr("condabox.registry.client._is_local", lambda _: False)
    made = make_certificates(tmp_path)
    registry = DockerRegistry(tmp_path)
    tls = {"certificate": str(made.server), "key": str(tmp_path / "server.key")}
    with registry.running(http={"tls": tls}, auth=registry.htpasswd()):
        name = f"{registry.host}/app:1.0"
        with pytest.raises(RegistryError, match="CERTIFICATE_VERIFY_FAILED"):
            push(tmp_path, [small], name, credentials=Known(ME))
        monkeypatch.setenv("SSL_CERT_FILE", str(made.authority))

        push(tmp_path, [small], name, credentials=Known(ME))

        assert registry.digest("app:1.0", f"--creds=me:{SESAME}") == small.digest


def test_a_registry_that_only_caches_another_takes_nothing(tmp_path: Path, small: Image) -> None:
    registry = DockerRegistry(tmp_path)
    with (
        FakeRegistry().running() as cached,
        registry.running(proxy={"remoteurl": cached.url}),
        pytest.raises(RegistryError, match="UNSUPPORTED") as caught,
    ):
        push(tmp_path, [small], f"{registry.host}/app:1.0")

    assert "mirror or a cache" in str(caught.value.hint)


def test_what_was_pushed_is_a_base(registry: DockerRegistry, tmp_path: Path, small: Image) -> None:
    push(tmp_path, [small], f"{registry.host}/base:1.0")

    base = open_base(
        f"{registry.host}/base:1.0",
        platform=AMD64,
        settings=Settings(cache_dir=tmp_path / "cache"),
        blobs=BlobDirectory(tmp_path / "pulled"),
        reporter=SilentReporter(),
        credentials=Anonymous(),
    )

    assert base.digest == small.digest


def test_the_command_prints_what_can_be_pulled(
    registry: DockerRegistry, tmp_path: Path, small: Image
) -> None:
    pushing = Pushing.of(tmp_path, [small])
    names = [f"{registry.host}/{name}" for name in ("app:1.0", "app:latest", "team/app:1.0")]

    done = pushing.run(*names)
    again = pushing.run(*names, "--json", "--quiet")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{registry.host}/app@{small.digest}",
        f"{registry.host}/team/app@{small.digest}",
    ]
    assert " sent; tagged 1.0, latest" in done.stderr
    assert again.stderr == ""
    assert [each["uploaded"] for each in json.loads(again.stdout)] == [0, 0]
    skopeo("inspect", "--tls-verify=false", f"docker://{done.stdout.splitlines()[0]}")


def test_the_command_finds_who_the_user_is(tmp_path: Path, small: Image) -> None:
    registry = DockerRegistry(tmp_path)
    pushing = Pushing.of(tmp_path, [small])
    with registry.running(auth=registry.htpasswd()):
        name = f"{registry.host}/app:1.0"
        stranger = pushing.run(name)
        pushing.log_in(**{registry.host: {"auth": base64.b64encode(b"me:open-sesame").decode()}})
        known = pushing.run(name)

    assert (stranger.returncode, known.returncode) == (8, 0), known.stderr
    assert "UNAUTHORIZED" in stranger.stderr
    assert f"hint: log in with `docker login {registry.host}`" in stranger.stderr


@pytest.mark.docker
@pytest.mark.tool("busybox")
def test_docker_pulls_and_runs_it(registry: DockerRegistry, tmp_path: Path) -> None:
    made = busybox_image(tmp_path / "made", CONFIG)
    name = f"{registry.host}/run:1.0"

    push(tmp_path, [made], name)

    try:
        command = ["docker", "run", "--rm", "--network=none", name, "echo $A"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "of the image\n"), done.stderr
    finally:
        subprocess.run(["docker", "image", "rm", "--force", name], capture_output=True, check=False)
