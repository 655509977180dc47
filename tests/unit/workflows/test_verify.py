"""What is verified, and what happens where nothing can be run.

`tests/integration/test_verify.py` really runs images.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from condabox.errors import SpecError, ToolMissingError
from condabox.events import SilentReporter
from condabox.oci.reference import Reference
from condabox.outputs.store import LocalStore
from condabox.reporting.findings import State
from condabox.settings import Settings
from condabox.verification.archived import Archived
from condabox.verification.contents import read_contents
from condabox.verification.installed import read_installed
from condabox.workflows.run import Engine
from condabox.workflows.verify import verify
from condabox.workflows.verify_archives import archives_in_cache
from condabox.workflows.verify_request import VerifyRequest
from tests.fakes.condaimage import conda_image, member, program, record
from tests.fakes.packages import make_package

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.workflows.verify import Verified

SHA256 = "a" * 64


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(cache_dir=tmp_path / "cache")


def verified(
    image: Image, settings: Settings, *, engine: Engine | None, rebuild: bool = False
) -> Verified:
    LocalStore(settings.cache_dir).save([image], names=[Reference.parse("ai:1.0")])
    request = VerifyRequest(target="ai:1.0", engine=engine, rebuild=rebuild, budget=40, epoch=None)
    return verify(request, settings=settings, env={}, reporter=SilentReporter())


def tool_image(folder: Path) -> Image:
    return conda_image(folder, [record("tool", "1.0", "bin/tool"), program("opt/env/bin/tool")])


def test_where_nothing_can_be_run_that_is_a_problem(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    found = verified(tool_image(tmp_path / "made"), settings, engine=Engine.UNSHARE)

    (container,) = [each for each in found.findings if each.group == "container"]
    assert container.state is State.PROBLEM
    assert container.detail == "nothing was run: unshare is not on PATH"
    assert found.has_problems


def test_nothing_to_run_needs_no_engine(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    image = conda_image(tmp_path / "made", [member("etc/passwd")])

    found = verified(image, settings, engine=Engine.UNSHARE)

    assert [each.group.value for each in found.findings] == ["structure", "structure", "contents"]
    assert not found.has_problems


def test_an_engine_that_was_asked_for_and_is_not_there_is_an_error(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ToolMissingError):
        verified(tool_image(tmp_path / "made"), settings, engine=Engine.DOCKER)


def test_a_rebuild_needs_to_know_from_what(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SpecError, match="--rebuild"):
        verified(tool_image(tmp_path / "made"), settings, engine=None, rebuild=True)


def test_without_python_podman_runs_one_check_after_the_other(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    podman = tmp_path / "podman"
    podman.write_text(
        f'#!/bin/sh\necho "$@" >>{asked}\n'
        'case "$1 $2" in "image exists") exit 1;; load*) cat >/dev/null;; esac\n'
        'case "$*" in *--help) exit 2;; esac\n'
    )
    podman.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    image = tool_image(tmp_path / "made")

    found = verified(image, settings, engine=Engine.PODMAN)

    (script,) = [each for each in found.findings if each.group == "scripts"]
    assert (script.state, script.detail) == (State.OK, "tool --version")
    identity = image.manifest.config.digest.hex
    lines = asked.read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["image", "load", "run", "run", "rmi"]
    assert [line.split()[-2:] for line in lines[2:4]] == [
        [identity, "--help"],
        [identity, "--version"],
    ]
    # what was only loaded to be looked at is taken out again
    assert lines[-1] == f"rmi {identity}"


@pytest.mark.parametrize(
    ("url", "there"),
    [
        ("https://x/linux-64/tool-1.0-0.conda", True),
        ("https://x/linux-64/..%2F..%2Ftool-1.0-0.conda", False),
        ("https://x/linux-64/other-1.0-0.conda", False),
        ("", False),
    ],
)
def test_of_an_image_alone_only_what_the_cache_has_is_read(
    tmp_path: Path, settings: Settings, url: str, *, there: bool
) -> None:
    tests = b"import tool\n"
    info = {"test/run_test.py": tests}
    archive = make_package(
        tmp_path, "tool", files={"site-packages/tool.py": b"", "bin/tool": b""}, info=info
    )
    place = settings.cache_dir / "packages" / SHA256
    place.mkdir(parents=True)
    archive.rename(place / archive.name)
    image = conda_image(tmp_path / "made", [record("tool", url=url, sha256=SHA256)])
    (environment,) = read_installed(read_contents(image, marks=())).environments

    found = archives_in_cache(environment, settings=settings)

    files = frozenset({"tool.py"})
    archived = Archived(imports=("tool",), files=files)
    assert found == ({"tool": archived} if there else {})


@pytest.mark.parametrize("target", ["envs/typo.yml", "./ai.tar"])
def test_a_file_that_is_missing_is_no_image_of_a_registry(settings: Settings, target: str) -> None:
    request = VerifyRequest(target=target, engine=None, rebuild=False, budget=40, epoch=None)

    with pytest.raises(SpecError, match="there is no such file"):
        verify(request, settings=settings, env={}, reporter=SilentReporter())
