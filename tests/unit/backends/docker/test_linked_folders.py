"""A base with a link where an image has a folder: BuildKit copies none in its place."""

from __future__ import annotations

import pytest

from condabox.backends.docker.failures import explained
from condabox.backends.docker.watching import FailedStep, Watched
from condabox.platforms import Platform

AMD64 = Platform(os="linux", architecture="amd64")

MOUNTS = (
    "/var/lib/docker/overlay2/5aowe5jcgl3u60vlsr2ej3vq3/merged",
    "/tmp/buildkit-mount656587830",  # noqa: S108  (BuildKit's, where containerd keeps images)
)


@pytest.mark.parametrize("mount", MOUNTS)
@pytest.mark.parametrize(
    ("stage", "tree", "path", "helps"),
    [
        ("prod", "/environment/", "/opt", "another `prefix:`"),
        ("linux/arm64 prod", "/environment/", "/srv/merged", "another `prefix:`"),
        ("built", "/application/", "/srv", "another `dest:`"),
        ("dev", "/tools/", "/opt", "another `base:`"),
        ("dev", "/starter/", "/opt", "another `base:`"),
        ("dev", "/account/", "/workspace", "another `base:`"),
    ],
)
def test_it_is_named_with_what_helps(
    mount: str, stage: str, tree: str, path: str, helps: str
) -> None:
    step = FailedStep(
        name=f"[{stage} 2/5] COPY --from=another {tree} /",
        error=f"cannot copy to non-directory: {mount}{path}",
        lines=(),
    )

    error = explained(Watched(failed=step, said=()), returncode=1, platform=AMD64)

    assert error.message == (
        f"[{stage} 2/5] COPY {tree} /: the base has a link at {path}, where a folder has to be"
    )
    assert helps in (error.hint or "")


def test_what_a_template_of_ones_own_copies_is_as_buildkit_says_it() -> None:
    step = FailedStep(
        name="[prod 3/5] COPY etc/ /etc/",
        error=f"cannot copy to non-directory: {MOUNTS[0]}/etc/ssl",
        lines=(),
    )

    error = explained(Watched(failed=step, said=()), returncode=1, platform=AMD64)

    assert error.message.endswith("/merged/etc/ssl")
    assert error.hint is None
