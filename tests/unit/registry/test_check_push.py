"""Whether images can be pushed is known before there are any."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.errors import RegistryError, SpecError
from condabox.oci.reference import Reference
from condabox.registry.credentials import Credential
from condabox.registry.push import check_push
from condabox.settings import Settings
from tests.fakes.registry_behaviour import Fault
from tests.fakes.users import Known

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.registry.push import Pusher
    from tests.fakes.registry import FakeRegistry

GUESSED = "what-it-is-not"


def references(registry: FakeRegistry, *names: str) -> list[Reference]:
    return [Reference.parse(f"{registry.host}/{name}") for name in names or ("app:1.0",)]


def test_each_repository_is_asked_once_and_left_as_it_was(
    registry: FakeRegistry, pusher: Pusher
) -> None:
    pusher.check(references(registry, "app:1.0", "app:latest", "team/app:1.0"))

    assert [line for line in registry.lines if line.startswith("POST ")] == [
        "POST /v2/app/blobs/uploads/",
        "POST /v2/team/app/blobs/uploads/",
    ]
    assert (registry.uploads, registry.blobs, registry.manifests) == ({}, {}, {})


def test_a_registry_that_forgets_nothing_is_no_hindrance(
    registry: FakeRegistry, pusher: Pusher
) -> None:
    registry.behaviour.faults = [Fault(method="DELETE", status=405, code="UNSUPPORTED")]

    pusher.check(references(registry))


def test_who_may_only_read_is_refused(registry: FakeRegistry, pusher: Pusher) -> None:
    registry.behaviour.faults = [Fault(method="POST", status=403, code="DENIED")]

    with pytest.raises(RegistryError, match=f"{registry.host}/app: status 403") as caught:
        pusher.check(references(registry))

    assert "as somebody who may push there" in str(caught.value.hint)


def test_a_wrong_password_is_refused_and_not_told(registry: FakeRegistry, pusher: Pusher) -> None:
    registry.behaviour.basic = ("me", "open-sesame")
    guessing = Known(Credential(username="me", password=GUESSED, source="/me/config.json"))

    with pytest.raises(RegistryError, match="status 401") as caught:
        replace(pusher, credentials=guessing).check(references(registry))

    assert GUESSED not in caught.value.message
    assert caught.value.hint == (
        f"log in with `docker login {registry.host}`; the credentials came from /me/config.json"
    )


def test_a_digest_is_no_place(registry: FakeRegistry, pusher: Pusher) -> None:
    with pytest.raises(SpecError, match="cannot be given a digest"):
        pusher.check(references(registry, f"app@sha256:{'a' * 64}"))

    assert registry.seen == []


def test_check_push_finds_its_own_credentials(
    registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.behaviour.basic = ("me", "open-sesame")
    settings = Settings(cache_dir=tmp_path)
    with pytest.raises(RegistryError, match="status 401"):
        check_push(references(registry), settings=settings)
    auths = {registry.host: {"username": "me", "password": "open-sesame"}}
    monkeypatch.setenv("DOCKER_AUTH_CONFIG", json.dumps({"auths": auths}))

    check_push(references(registry), settings=settings)
