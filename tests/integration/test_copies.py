"""Copies from registry to registry as a user makes them, and what skopeo sees there then."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.oci.config import ContainerConfig
from condabox.oci.image import new_image
from condabox.oci.layout import BlobDirectory, ImageLayout
from condabox.oci.mediatype import OCI_LAYER_RESTRICTED_GZIP
from tests.fakes.attested import Attested
from tests.fakes.certificates import make_certificates, make_client_certificate
from tests.fakes.dockerregistry import DockerRegistry, skopeo
from tests.fakes.images import AMD64, ARM64, EPOCH, make_image, make_layer
from tests.fakes.pushing import Pushing
from tests.fakes.registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condabox.oci.image import Image

pytestmark = [pytest.mark.tool("docker-registry"), pytest.mark.tool("skopeo")]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[DockerRegistry]:
    with DockerRegistry(tmp_path).running() as running:
        yield running


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"a": b"1" * 5000}, {"b": b"2"})


@pytest.fixture
def attested(tmp_path: Path, image: Image) -> Attested:
    arm = make_image(tmp_path / "made", {"a": b"arm"}, platform=ARM64)
    return Attested.of([image, arm])


@pytest.fixture
def user(tmp_path: Path, attested: Attested) -> Pushing:
    attested.into_layout(tmp_path / "layout")
    (tmp_path / "condabox.toml").write_text(f'cache-dir = "{tmp_path / "cache"}"\n')
    return Pushing(tmp_path)


def copied(user: Pushing, source: str, target: str) -> dict[str, object]:
    done = subprocess.run(
        user.command(source, target, "--json"),
        cwd=user.folder,
        env=user.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (result,) = json.loads(done.stdout)
    return dict(result)


def raw(registry: DockerRegistry, name: str) -> bytes:
    return skopeo(
        "inspect", "--raw", "--tls-verify=false", f"docker://{registry.host}/{name}"
    ).encode()


def test_an_index_with_attestations_is_the_same_everywhere(
    registry: DockerRegistry, user: Pushing, attested: Attested
) -> None:
    first = copied(user, "layout", f"{registry.host}/one:1.0")
    second = copied(user, f"{registry.host}/one:1.0", f"{registry.host}/team/two:2.0")
    by_digest = f"{registry.host}/one@{attested.digest}"
    third = copied(user, by_digest, f"{registry.host}/three:1.0")

    assert [each["digest"] for each in (first, second, third)] == [str(attested.digest)] * 3
    assert raw(registry, "one:1.0") == raw(registry, "team/two:2.0") == attested.index.raw
    assert second["mounted"] == third["mounted"] == sum(map(len, attested.blobs))
    for entry in attested.index.manifests:
        assert raw(registry, f"team/two@{entry.digest}") in attested.manifests


def test_from_one_registry_into_another(
    registry: DockerRegistry, user: Pushing, attested: Attested, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    copied(user, "layout", f"{registry.host}/one:1.0")
    with DockerRegistry(tmp_path / "other").running() as other:
        copied(user, f"{registry.host}/one:1.0", f"{other.host}/one:1.0")

        assert raw(other, "one:1.0") == attested.index.raw
        other.pull("one:1.0", tmp_path / "seen", "--all")

    assert ImageLayout.open(tmp_path / "seen").find("1.0").digest == attested.digest


def test_a_layer_that_may_not_be_passed_on_stays_where_it_is(user: Pushing, tmp_path: Path) -> None:
    allowed = {"manifests": {"urls": {"allow": ["^http://127[.]0[.]0[.]1:"]}}}
    with (
        FakeRegistry().running() as owner,
        DockerRegistry(tmp_path).running(validation=allowed) as registry,
    ):
        theirs = make_layer(tmp_path / "theirs", {"windows": b"1" * 5000})
        blobs = BlobDirectory(tmp_path / "theirs" / "blobs")
        owner.link("storage", blobs.path_of(theirs.descriptor.digest).read_bytes())
        url = f"{owner.url}/v2/storage/blobs/{theirs.descriptor.digest}"
        descriptor = replace(theirs.descriptor, media_type=OCI_LAYER_RESTRICTED_GZIP, urls=(url,))
        ours = make_layer(tmp_path / "theirs", {"app": b"2"})
        image = new_image(
            base=None,
            layers=[(replace(theirs, descriptor=descriptor), "theirs"), (ours, "ours")],
            blobs=blobs,
            config=ContainerConfig(),
            platform=AMD64,
            epoch=EPOCH,
            annotations={},
        )
        ImageLayout.create(tmp_path / "restricted").add([image], name="1.0")
        result = copied(user, "restricted", f"{registry.host}/app:1.0")
        saving = [*user.command()[:-1], "save", f"{registry.host}/app:1.0", "saved.tar"]
        saved = subprocess.run(
            saving, cwd=tmp_path, env=user.variables(), capture_output=True, text=True, check=False
        )

    assert result["digest"] == str(image.digest)
    sent = (ours.descriptor, image.manifest.config, image.descriptor)
    assert result["uploaded"] == sum(each.size for each in sent)
    assert saved.returncode == 0, saved.stderr
    assert [each.path for each in owner.requests("GET", "/storage/")]


@pytest.mark.tool("openssl")
def test_a_registry_that_wants_a_certificate_gets_the_user_s(
    tmp_path: Path, user: Pushing, attested: Attested
) -> None:
    made = make_certificates(tmp_path)
    certificate, key = make_client_certificate(tmp_path, "-subj", "/CN=me")
    tls = {
        "certificate": str(made.server),
        "key": str(tmp_path / "server.key"),
        "clientcas": [str(certificate)],
    }
    registry = DockerRegistry(tmp_path)
    folder = tmp_path / ".config" / "containers" / "certs.d" / registry.host
    with registry.running(http={"tls": tls}):
        refused = user.run(f"{registry.host}/app:1.0", HOME=str(tmp_path))
        folder.mkdir(parents=True)
        for each in (certificate, key):
            each.rename(folder / each.name)
        taken = user.run(f"{registry.host}/app:1.0", HOME=str(tmp_path))

    assert refused.returncode == 8
    assert "client.cert" in refused.stderr
    assert taken.returncode == 0, taken.stderr
    assert str(attested.digest) in taken.stdout
