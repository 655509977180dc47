"""What ``condabox doctor`` does: it looks at all that other commands depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.errors import CondaboxError
from condabox.registry.transport import Transport
from condabox.workflows.checks.channels import channel_checks
from condabox.workflows.checks.disk import disk_checks
from condabox.workflows.checks.engines import engine_checks
from condabox.workflows.checks.environments import environment_checks
from condabox.workflows.checks.gpu import gpu_checks
from condabox.workflows.checks.registries import registry_checks
from condabox.workflows.checks.running import LONGEST, run_checks
from condabox.workflows.checks.scene import read_scenes
from condabox.workflows.checks.settings import settings_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.reporting.findings import Finding
    from condabox.workflows.checks.running import Check
    from condabox.workflows.checks.scene import Scene


def diagnose(environments: Sequence[Path], *, env: Mapping[str, str]) -> tuple[Finding, ...]:
    """Look at what locking, building and running ``environments`` needs, or any environment.

    Nothing is changed, and nothing raised for what is wrong: that is what is looked for.  What
    does not answer is waited for a few seconds, and all is asked at the same time.
    """
    scenes = read_scenes(environments, env=env)
    specs = tuple(spec for scene in scenes for spec in scene.specs)
    with Transport() as transport:
        checks = [
            *(check for scene in scenes for check in _checks(scene, transport=transport, env=env)),
            *engine_checks(specs, env=env),
            *gpu_checks(specs),
        ]
        try:
            found = run_checks(checks, seconds=LONGEST)
        finally:
            transport.stop()
    # what several settings have in common is told once
    return tuple(dict.fromkeys(found))


def _checks(scene: Scene, *, transport: Transport, env: Mapping[str, str]) -> Iterator[Check]:
    """Yield the checks that depend on settings, as far as these can be read."""
    yield from settings_checks(scene, env=env)
    yield from environment_checks(scene, transport=transport, env=env)
    settings, condarc = scene.settings, scene.condarc
    if isinstance(settings, CondaboxError):
        return
    yield from disk_checks(settings)
    yield from registry_checks(scene.specs, settings=settings, transport=transport, env=env)
    if not isinstance(condarc, CondaboxError):
        yield from channel_checks(scene.specs, settings=settings, names=condarc.channels)
