"""References mean what they mean to Docker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import SpecError
from condabox.oci.digest import Digest
from condabox.oci.reference import Reference

DIGEST = Digest("ab" * 32)

components = st.from_regex(r"[a-z0-9]{1,5}((\.|_|__|-{1,3})[a-z0-9]{1,3}){0,2}", fullmatch=True)
references = st.builds(
    Reference,
    registry=st.sampled_from(
        ["docker.io", "ghcr.io", "localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:80", "A-b"]
    ),
    repository=st.lists(components, min_size=2, max_size=4).map("/".join),
    tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}", fullmatch=True),
    digest=st.none() | st.just(DIGEST),
)


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("ubuntu", "docker.io/library/ubuntu:latest"),
        ("ubuntu:24.04", "docker.io/library/ubuntu:24.04"),
        ("nvidia/cuda:12.8", "docker.io/nvidia/cuda:12.8"),
        ("docker.io/library/ubuntu:24.04", "docker.io/library/ubuntu:24.04"),
        ("docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
        ("index.docker.io/ubuntu", "docker.io/library/ubuntu:latest"),
        (f"ubuntu@{DIGEST}", f"docker.io/library/ubuntu@{DIGEST}"),
        (f"ubuntu:24.04@{DIGEST}", f"docker.io/library/ubuntu:24.04@{DIGEST}"),
        (f"host:5000/a/b@{DIGEST}", f"host:5000/a/b@{DIGEST}"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/x", "localhost:5000/x:latest"),
        ("HOST/x", "HOST/x:latest"),
        ("quay.io/team/a__b/c-d", "quay.io/team/a__b/c-d:latest"),
        ("[2001:db8::1]:5000/x:1", "[2001:db8::1]:5000/x:1"),
        ("host:65535/x", "host:65535/x:latest"),
    ],
)
def test_short_references_are_completed_as_docker_does(text: str, full: str) -> None:
    assert str(Reference.parse(text)) == full


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "write it like"),
        ("Ubuntu", "lower case: library/ubuntu"),
        ("ubuntu:", "is not a tag"),
        ("ubuntu:-x", "is not a tag"),
        (f"ubuntu:{'x' * 129}", "is not a tag"),
        ("ubuntu@sha256:12", "after @"),
        (f"ubuntu@sha512:{'a' * 128}", "after @"),
        ("a" * 64, "image ID"),
        ("https://ghcr.io/x", "is not a host"),
        ("host:port/x", "is not a host"),
        ("host:65536/x", "at most 65535"),
        ("[::1]:99999/x", "at most 65535"),
        ("ghcr.io/", "write it like"),
        ("a//b", "write it like"),
        ("../../etc/passwd", "is not a host"),
        ("a b", "write it like"),
        ("ubuntu\n", "write it like"),
        ("a/" * 130 + "a", "255 characters"),
    ],
)
def test_what_is_no_reference_is_a_spec_error_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(SpecError, match="is not an image reference") as caught:
        Reference.parse(text)

    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("docker.io/library/ubuntu:24.04", "ubuntu:24.04"),
        ("docker.io/nvidia/cuda:1", "nvidia/cuda:1"),
        ("ghcr.io/x/y:1", "ghcr.io/x/y:1"),
        (f"docker.io/library/ubuntu@{DIGEST}", f"ubuntu@{DIGEST}"),
        ("docker.io/localhost/x:1", "docker.io/localhost/x:1"),
    ],
)
def test_familiar_is_what_docker_prints(text: str, short: str) -> None:
    assert Reference.parse(text).familiar() == short


@given(references)
def test_every_reference_round_trips(reference: Reference) -> None:
    assert Reference.parse(str(reference)) == reference


@given(references)
def test_the_familiar_form_means_the_same(reference: Reference) -> None:
    assert Reference.parse(reference.familiar()) == reference


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_a_spec_error(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except SpecError:
        return
    assert Reference.parse(str(reference)) == reference
