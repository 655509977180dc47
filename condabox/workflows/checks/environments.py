"""Whether environment files and their locks belong together, and where their wheels come from."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from condabox.conda.channels.channel import without_credentials
from condabox.conda.channels.pip_index import pip_indexes
from condabox.conda.lockfiles.lockfile import lock_path
from condabox.errors import CondaboxError, RegistryError, UntrustedHostError
from condabox.registry.transport import ConnectionLostError
from condabox.reporting.findings import Finding, Group
from condabox.workflows.checks.running import Check
from condabox.workflows.lock_check import check_locks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.registry.transport import Transport
    from condabox.settings import Settings
    from condabox.workflows.checks.scene import Scene

_INDEX = "check the network, the proxy variables, and [pip] index-url in condabox.toml"
_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


def environment_checks(
    scene: Scene, *, transport: Transport, env: Mapping[str, str]
) -> tuple[Check, ...]:
    """Return the checks of every environment of ``scene``."""
    checks = [
        Check(
            group=Group.ENVIRONMENTS,
            name=str(path),
            run=partial(_environment, path, found, env=env),
            late="is it on a network file system that does not answer?",
        )
        for path, found in scene.environments.items()
    ]
    wheels = sorted({one.name for spec in scene.specs for one in spec.pip})
    if wheels and not isinstance(scene.settings, CondaboxError):
        run = partial(_indexes, wheels, settings=scene.settings, transport=transport)
        checks.append(Check(group=Group.ENVIRONMENTS, name="pip index", run=run, late=_INDEX))
    return tuple(checks)


def _environment(
    path: Path, found: EnvironmentSpec | CondaboxError, *, env: Mapping[str, str]
) -> Iterator[Finding]:
    if isinstance(found, CondaboxError):
        hint = found.hint or "correct the environment file"
        yield Finding.problem(Group.ENVIRONMENTS, str(path), found.message, hint=hint)
        return
    (checked,) = check_locks([path], subdirs=(), env=env)
    if checked.problem is None:
        detail = f"its lock is current, for {', '.join(found.platforms)}"
        yield Finding.ok(Group.ENVIRONMENTS, str(path), detail)
        return
    hint = checked.problem.hint or f"run `condabox lock {path}`"
    # a build makes a lock where there is none, and takes no stale one
    make = Finding.problem if lock_path(path).exists() else Finding.note
    yield make(Group.ENVIRONMENTS, str(path), checked.problem.message, hint=hint)


def _indexes(
    wheels: Sequence[str], *, settings: Settings, transport: Transport
) -> Iterator[Finding]:
    """Ask every index that pip would ask for the first of ``wheels``."""
    found = pip_indexes(settings.pip_index_url)
    name = canonicalize_name(wheels[0])
    for url in found.urls:
        yield _index(url, name, certificates=found.certificates, transport=transport)
    for url in found.skipped:
        hint = "serve it over HTTP if wheels are to be locked from it"
        detail = f"{without_credentials(url)} is not asked: it is not reached over HTTP"
        yield Finding.note(Group.ENVIRONMENTS, "pip index", detail, hint=hint)
    if not found.urls:
        hint = "set [pip] index-url in condabox.toml"
        yield Finding.problem(Group.ENVIRONMENTS, "pip index", "pip knows none", hint=hint)


def _index(url: str, name: str, *, certificates: str | None, transport: Transport) -> Finding:
    shown = without_credentials(url)
    try:
        # a project's page: that of all projects is many megabytes
        with transport.stream("GET", f"{url}/{name}/", attempts=1) as answer:
            status = answer.status
    except (ConnectionLostError, RegistryError) as error:
        detail = f"{shown}: {error}"
        if isinstance(error, UntrustedHostError) and certificates:
            hint = f"locking trusts pip's `cert`, {certificates}; SSL_CERT_FILE has it checked here"
            return Finding.note(Group.ENVIRONMENTS, "pip index", detail, hint=hint)
        return Finding.problem(Group.ENVIRONMENTS, "pip index", detail, hint=_INDEX)
    if status in _REFUSED:
        hint = "put user and password, or $VARIABLES, into [pip] index-url, or pip's own settings"
        detail = f"{shown} refuses who asks: status {status}"
        return Finding.problem(Group.ENVIRONMENTS, "pip index", detail, hint=hint)
    if status == HTTPStatus.NOT_FOUND:
        hint = "another index must have it; or is it the right address?"
        return Finding.note(Group.ENVIRONMENTS, "pip index", f"{shown} has no {name}", hint=hint)
    if status != HTTPStatus.OK:
        detail = f"{shown} answers with status {status}"
        return Finding.problem(Group.ENVIRONMENTS, "pip index", detail, hint=_INDEX)
    return Finding.ok(Group.ENVIRONMENTS, "pip index", f"{shown} has {name}")
