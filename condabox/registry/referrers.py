"""Manifests that speak of others, such as signatures and lists of contents, found by their subject.

distribution-spec, "Listing Referrers"; registries that do not know of them keep the list as an
index under a tag, which is then the clients' to write.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from condabox.decode import DecodeError, each, mapping, optional
from condabox.errors import ImageError, RegistryError
from condabox.oci.descriptor import Descriptor
from condabox.oci.digest import Digest
from condabox.oci.document import canonical_json, parse_document
from condabox.oci.mediatype import OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from condabox.decode import JSON
    from condabox.registry.repository import Repository


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrer:
    """One manifest that speaks of another."""

    descriptor: Descriptor
    artifact_type: str
    """What it is, a media type; an index need not say it."""


def list_referrers(
    repository: Repository, subject: Digest, *, artifact_type: str | None = None
) -> tuple[Referrer, ...]:
    """Return what speaks of ``subject``, perhaps of one type alone."""
    address = f"/v2/{repository.name}/referrers/{subject}"
    if artifact_type is not None:
        address += "?" + urlencode({"artifactType": artifact_type})
    found: list[Referrer] = []
    for page in repository.pages(address):
        if page.status == HTTPStatus.NOT_FOUND:
            found = list(_tagged(repository, subject))
            break
        found += _referrers(parse_document(page.body, what=f"{repository}: list of referrers"))
    # Not every registry filters, and a tag's list never is.
    return tuple(each for each in found if artifact_type in {None, each.artifact_type})


def push_referrer(repository: Repository, raw: bytes) -> Digest:
    """Store the manifest ``raw``, whose subject must be told by it, and return its digest.

    Its blobs must be there.  Where the registry makes no list of referrers, its tag is updated.
    """
    document = parse_document(raw, what="manifest")
    try:
        subject = Descriptor.from_mapping(
            mapping(document.get("subject"), at="subject"), at="subject"
        )
        media_type = optional(document, "mediaType", str, at="") or OCI_MANIFEST
        entry = _entry(document, raw, media_type=media_type)
    except DecodeError as error:
        raise ImageError(f"manifest: {error}") from None
    digest = Digest.of(raw)
    answer = repository.put_manifest(str(digest), raw, media_type=media_type)
    if "oci-subject" not in answer.headers:
        _add_to_tag(repository, subject.digest, entry)
    return digest


def referrers_tag(subject: Digest) -> str:
    """Return the tag that a registry without referrers keeps their list under."""
    return f"sha256-{subject.hex}"


def _tagged(repository: Repository, subject: Digest) -> tuple[Referrer, ...]:
    raw = repository.manifest(referrers_tag(subject))
    try:
        return _referrers(parse_document(raw or b"{}", what="referrers"))
    except ImageError:
        return ()  # the specification's words: assume there are none


def _add_to_tag(repository: Repository, subject: Digest, entry: dict[str, object]) -> None:
    tag = referrers_tag(subject)
    raw = repository.manifest(tag)
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    if raw is not None:
        index = dict(parse_document(raw, what=f"{repository}:{tag}"))
    manifests = index.get("manifests")
    if index.get("mediaType") != OCI_INDEX or not isinstance(manifests, list):
        raise RegistryError(
            f"{repository}:{tag} is not a list of referrers",
            hint="somebody uses this tag for something else: give it another name",
        )
    if any(entry["digest"] == mapping(there, at="").get("digest") for there in manifests):
        return
    updated = canonical_json({**index, "manifests": [*manifests, entry]})
    repository.put_manifest(tag, updated, media_type=OCI_INDEX)


def _entry(document: JSON, raw: bytes, *, media_type: str) -> dict[str, object]:
    # distribution-spec, "Pushing Manifests with Subject": artifactType, else the config's type
    config = mapping(document.get("config") or {}, at="config")
    kind = optional(document, "artifactType", str, at="") or config.get("mediaType")
    annotations = document.get("annotations")
    return {
        "mediaType": media_type,
        "digest": str(Digest.of(raw)),
        "size": len(raw),
        **({"artifactType": kind} if kind else {}),
        **({"annotations": annotations} if annotations else {}),
    }


def _referrers(document: JSON) -> tuple[Referrer, ...]:
    try:
        return each(document.get("manifests") or [], _referrer, at="manifests")
    except DecodeError as error:
        raise ImageError(f"list of referrers: {error}") from None


def _referrer(item: object, at: str) -> Referrer:
    obj = mapping(item, at=at)
    return Referrer(
        descriptor=Descriptor.from_mapping(obj, at=at),
        artifact_type=optional(obj, "artifactType", str, at=at) or "",
    )
