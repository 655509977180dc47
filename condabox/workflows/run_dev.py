"""What ``condabox run --dev`` does beyond ``run``: it builds, and gives what development needs.

That is a home that stays, ports of this machine alone, who is let in, and the GPUs.  Keys and
tokens are in the engine's environment, which other users of this machine do not see.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.development.places import CONTAINER_LABEL, TOKEN, WORKSPACE
from condabox.errors import ImageError, SpecError
from condabox.layering import DEFAULT_BUDGET
from condabox.oci.compress import Compression
from condabox.oci.reference import Reference
from condabox.outputs.store import NamedImages
from condabox.outputs.volumes import Volume
from condabox.settings import source_date_epoch
from condabox.workflows.build import build_environment
from condabox.workflows.build_request import BuildRequest, LockPolicy, Variant
from condabox.workflows.images import select_image
from condabox.workflows.run import Engine, RunRequest, check_request, choose_engine, load
from condabox.workflows.run_gpus import Gpus
from condabox.workflows.run_identity import development_identity
from condabox.workflows.run_keys import PublicKeys, public_keys
from condabox.workflows.run_services import (
    SECRETS,
    SSH_PORT,
    Setting,
    check_services,
    with_jupyter,
    with_ssh,
)
from condabox.workflows.run_variables import resolve_env
from condabox.workflows.subjects import check_subject, find_image, is_description

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from condabox.events import Reporter
    from condabox.platforms import Platform
    from condabox.settings import Settings
    from condabox.workflows.run import Loaded

_WIDTH = len("JupyterLab") + 2
_RANDOM = 4
"""Bytes."""
_SHARED_MEMORY = "2g"
"""PyTorch's DataLoader hands its data over there, and engines give 64 MB.  It is a limit: what
nobody uses nobody has taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DevRunRequest:
    """What the user asked for; what `RunRequest` has, too, means the same."""

    subject: str
    """An environment file or a lock, whose image is built, or else an image."""
    command: tuple[str, ...] = ()
    """Instead of SSH and Jupyter."""
    publish: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    volumes: tuple[Volume, ...] = ()
    ssh_keys: tuple[Path, ...] = ()
    """Files with public keys, instead of the user's own."""
    gpus: Gpus = Gpus.AUTO
    engine: Engine = Engine.AUTO
    platform: Platform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Development:
    """A container that is ready to run, and lines that say where it will be reached."""

    lines: tuple[str, ...]
    loaded: Loaded
    request: RunRequest


def prepare_development(
    request: DevRunRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> Development:
    """Build or find the image, let the engine have it, and decide what its container gets."""
    check_subject(request.subject, settings=settings)
    engine = choose_engine(request.engine, reporter=reporter)
    hidden = [text for text in request.env if text.partition("=")[0] in SECRETS]
    run = RunRequest(
        image=request.subject,
        command=request.command,
        publish=request.publish,
        env=tuple(text.partition("=")[0] if text in hidden else text for text in request.env),
        values=resolve_env(hidden, env),
        volumes=request.volumes,
        gpus=request.gpus,
        shared_memory=_SHARED_MEMORY,
        typed=bool(request.command),
    )
    check_request(run, engine=engine)
    said = _setting(request, env=env, engine=engine)
    if not request.command:
        check_services(said, token=env.get(TOKEN))
    keys = PublicKeys(text="") if request.command else public_keys(request.ssh_keys, env=env)
    if engine is not Engine.UNSHARE:
        run = replace(run, user=_owner_of_home(request.volumes))
    found = find_development(
        request.subject,
        request.platform,
        engine=engine,
        settings=settings,
        env=env,
        reporter=reporter,
    )
    loaded = load(found, request.platform, engine=engine, reporter=reporter)
    name = development_identity(request.subject, lambda: loaded.image)
    run = replace(run, volumes=_with_home(request.volumes, name=name))
    if request.command:
        return Development(lines=(), loaded=loaded, request=run)
    setting = replace(said, variables={**loaded.image.config.config.env, **said.variables})
    run = replace(run, labels={CONTAINER_LABEL: name})
    return _with_services(run, setting, loaded, name=name, keys=keys, env=env, reporter=reporter)


def find_development(
    subject: str,
    platform: Platform | None,
    *,
    engine: Engine,
    settings: Settings,
    env: Mapping[str, str],
    reporter: Reporter,
) -> NamedImages:
    """Build the image of a file, or find one that there is; raise ImageError for one of prod."""
    if is_description(subject):
        request = _build_request(subject, platform, engine=engine, env=env)
        found = _built(request, settings=settings, env=env, reporter=reporter)
    else:
        found = find_image(subject, platform=platform, settings=settings, reporter=reporter)
    if SSH_PORT not in select_image(found, platform).config.config.env:
        raise ImageError(
            f"{subject} is not an image for development",
            hint="build one with `condabox build --dev ENV`, or leave out --dev",
        )
    return found


def _build_request(
    subject: str, platform: Platform | None, *, engine: Engine, env: Mapping[str, str]
) -> BuildRequest:
    return BuildRequest(
        environment=Path(subject),
        names=(),
        platforms=() if platform is None else (platform,),
        base=None,
        output=None,
        load=False,
        unasked=engine is Engine.DOCKER,
        lock_policy=LockPolicy.MAKE,
        variant=Variant.DEV,
        budget=DEFAULT_BUDGET,
        compression=Compression.GZIP,
        epoch=source_date_epoch(env),
    )


def _built(
    request: BuildRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> NamedImages:
    outcome = build_environment(request, settings=settings, env=env, reporter=reporter)
    (result,) = outcome.results
    for warning in result.warnings:
        reporter.warning(warning)
    return NamedImages(
        names=tuple(map(Reference.parse, outcome.names)),
        images=(result.image,),
        descriptor=result.image.descriptor,
        blobs=result.image.blobs,
    )


def _setting(request: DevRunRequest, *, env: Mapping[str, str], engine: Engine) -> Setting:
    """Return what is known without the image."""
    said = resolve_env(request.env, env)
    return Setting(
        variables=said,
        said=frozenset(said),
        mounts=frozenset(volume.target for volume in request.volumes),
        own_network=engine is not Engine.UNSHARE,
    )


def _with_services(
    run: RunRequest,
    setting: Setting,
    loaded: Loaded,
    *,
    name: str,
    keys: PublicKeys,
    env: Mapping[str, str],
    reporter: Reporter,
) -> Development:
    lines = []
    if setting.has_jupyter:
        run, url = with_jupyter(run, setting, token=env.get(TOKEN))
        lines.append(f"{'JupyterLab':<{_WIDTH}}{url}")
    if setting.has_ssh:
        alias = _host_alias(name, run.volumes, loaded.engine)
        identity = keys.identity(env=env)
        run, command = with_ssh(run, setting, keys=keys.text, alias=alias, identity=identity)
        if keys.text or setting.has_keys:
            lines.append(f"{'SSH':<{_WIDTH}}{command}")
        else:
            reporter.warning(
                "there is no public key in ~/.ssh: only those can log in by SSH whose keys are in "
                "/workspace/.ssh/authorized_keys; `ssh-keygen` makes a key, and --ssh-key names "
                "one that is elsewhere"
            )
    if lines and not setting.own_network:
        reporter.warning("without an engine, SSH and Jupyter are open to this machine's network")
    return Development(lines=tuple(lines), loaded=loaded, request=run)


def _with_home(volumes: Sequence[Volume], *, name: str) -> tuple[Volume, ...]:
    if any(volume.target == WORKSPACE for volume in volumes):
        return tuple(volumes)
    return (Volume(source=name, target=WORKSPACE), *volumes)


def _host_alias(name: str, volumes: Sequence[Volume], engine: Engine) -> str:
    """Return what ssh is to know the container by: each home has a host key of its own."""
    home = next(volume for volume in volumes if volume.target == WORKSPACE)
    if not home.is_kept:
        return f"{name}-{secrets.token_hex(_RANDOM)}"
    if engine is Engine.DOCKER and home == Volume(source=name, target=WORKSPACE):
        return name
    return f"{name}-{hashlib.sha256(f'{engine} {home}'.encode()).hexdigest()[:8]}"


def _owner_of_home(volumes: Sequence[Volume]) -> str | None:
    """Return the user who can write to home where that is a folder of this machine.

    One that is missing is made: engines would give it to root.  Engines in virtual machines, as
    elsewhere than on Linux, care for its owner themselves.
    """
    home = next((volume.path for volume in volumes if volume.target == WORKSPACE), None)
    if home is None or sys.platform != "linux":
        return None
    try:
        if not home.exists():
            home.mkdir(parents=True)
            home.chmod(0o775)  # where root makes it, the container's group can write to it
        uid = os.getuid() or home.stat().st_uid
    except OSError as error:
        raise SpecError(f"{home} cannot be /workspace: {error.strerror}") from None
    return f"{uid}:0" if uid else None
