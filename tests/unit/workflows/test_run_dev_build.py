"""What ``condabox run --dev`` builds of an environment file, and calls it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from condabox.backends.result import BuildResult
from condabox.workflows.build import BuildOutcome
from condabox.workflows.build_request import LockPolicy, Variant
from condabox.workflows.images import host_platform
from condabox.workflows.run import Engine
from condabox.workflows.run_dev import DevRunRequest
from tests.fakes.developer import CONFIG
from tests.fakes.images import make_image

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.workflows.build_request import BuildRequest
    from tests.fakes.developer import User


class Builder:
    """Builds nothing, and remembers what it was asked for."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[BuildRequest] = []
        self._image = make_image(
            folder / "built", {"a": b"1"}, platform=host_platform(), config=CONFIG
        )
        monkeypatch.setattr("condabox.workflows.run_dev.build_environment", self.build)

    def build(self, request: BuildRequest, **_: object) -> BuildOutcome:
        self.requests.append(request)
        result = BuildResult(
            platform=self._image.platform,
            image=self._image,
            layers=(),
            warnings=("a package is odd",),
            pruned={},
        )
        return BuildOutcome(
            names=("ai:dev",), digest=self._image.digest, results=(result,), places=()
        )


@pytest.mark.parametrize(
    ("engine", "unasked"),
    [
        (Engine.DOCKER, True),
        pytest.param(
            Engine.UNSHARE,
            False,
            marks=pytest.mark.skipif(sys.platform != "linux", reason="namespaces are Linux's"),
        ),
    ],
)
def test_a_file_s_image_is_built_for_the_engine_that_runs_it(
    user: User,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: Engine,
    *,
    unasked: bool,
) -> None:
    builder = Builder(tmp_path, monkeypatch)
    file = tmp_path / "ai.yml"
    file.write_text("name: ai\nchannels: [conda-forge]\ndependencies: [python]\n")

    ready = user.prepare(DevRunRequest(subject=str(file), engine=engine))

    (request,) = builder.requests
    assert (request.environment, request.variant) == (file, Variant.DEV)
    assert request.lock_policy is LockPolicy.MAKE
    assert request.unasked is unasked
    assert "a package is odd" in user.told.warnings
    (home,) = ready.request.volumes
    assert home.source.startswith("condabox-ai-")


def test_volume_host_and_label_of_a_file_are_called_the_same(
    user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Builder(tmp_path, monkeypatch)
    file = tmp_path / "ai.yml"
    file.write_text("name: own\nchannels: [conda-forge]\ndependencies: [python]\n")

    ready = user.prepare(DevRunRequest(subject=str(file)))

    name = ready.request.volumes[0].source
    assert name.startswith("condabox-own-")
    assert f"HostKeyAlias={name} " in ready.lines[1]
    assert ready.request.labels == {"io.condabox.dev": name}
