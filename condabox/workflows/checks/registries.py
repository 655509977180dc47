"""Whether registries and their mirrors answer, and who we are to them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.conda.channels.virtual_packages import DEFAULT_BASE
from condabox.errors import SpecError
from condabox.oci.reference import DOCKER_HUB, Reference
from condabox.registry.credentials import ConfigCredentials
from condabox.registry.logins import named_registries
from condabox.registry.mirrors import LayoutPlace, places
from condabox.registry.probe import Reception, probe_registry
from condabox.reporting.findings import Finding, Group, State
from condabox.workflows.checks.running import PATIENCE, Check, run_checks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.registry.mirrors import RegistryPlace
    from condabox.registry.probe import RegistryAnswer
    from condabox.registry.transport import Transport
    from condabox.settings import Settings

_NETWORK = "check the network, the proxy variables, and `registries` in condabox.toml"
_NO_REGISTRY = ("oci:", "oci-archive:", "docker-archive:", "docker:")
"""What a base begins with that comes from no registry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A registry, and all the addresses at which its images are looked for, its own last."""

    registry: str
    places: tuple[RegistryPlace | LayoutPlace, ...]
    needed: bool
    """Whether the settings or a base name it, and not a login alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """How registries are asked."""

    transport: Transport
    credentials: ConfigCredentials


def registry_checks(
    specs: Sequence[EnvironmentSpec],
    *,
    settings: Settings,
    transport: Transport,
    env: Mapping[str, str],
) -> tuple[Check, ...]:
    """Return the checks of every registry that settings, bases or logins name."""
    logins, problems = named_registries(env)
    # Less than a registry has, so that it is the helper who is told of where a helper hangs.
    credentials = ConfigCredentials.from_environment(env, seconds=PATIENCE / 2)
    asking = _Asking(transport=transport, credentials=credentials)
    unreadable = [
        Finding.problem(Group.REGISTRIES, "logins", each.message, hint=each.hint or _NETWORK)
        for each in problems
    ]
    return (
        Check(group=Group.REGISTRIES, name="logins", run=lambda: unreadable, late=_NETWORK),
        *(
            Check(
                group=Group.REGISTRIES,
                name=target.registry,
                run=partial(_registry, target, asking),
                late=_NETWORK,
            )
            for target in _targets(specs, logins, settings=settings)
        ),
    )


def _targets(
    specs: Sequence[EnvironmentSpec], logins: Sequence[tuple[str, str]], *, settings: Settings
) -> tuple[_Target, ...]:
    bases = {spec.image.base or DEFAULT_BASE for spec in specs} or {DEFAULT_BASE}
    mirrored = {m.partition("/")[0] for r in settings.registries.values() for m in r.mirrors}
    named = [host for host in settings.registries if host not in mirrored]
    needed = {*named, *filter(None, map(_registry_of, bases))}
    wanted = [(DOCKER_HUB, ""), *((host, "") for host in sorted(needed))]
    wanted += [(host, repository) for host, repository in logins if host not in mirrored]
    folder = settings.path.parent if settings.path else Path.cwd()
    return tuple(
        _Target(
            registry=host,
            places=places(
                Reference(registry=host, repository=repository), settings.registries, folder=folder
            ),
            needed=host in needed,
        )
        for host, repository in dict.fromkeys(wanted)
    )


def _registry_of(base: str) -> str | None:
    if base.startswith(_NO_REGISTRY):
        return None
    try:
        return Reference.parse(base).registry
    except SpecError:
        return None  # which is told where the environment is read


def _registry(target: _Target, asking: _Asking) -> Iterator[Finding]:
    """Ask all places at the same time; what fails while another one answers is a note."""
    answers: dict[RegistryPlace, RegistryAnswer] = {}
    checks = [_check(place, target, asking, answers) for place in target.places]
    found = run_checks(checks, seconds=PATIENCE)
    answered = any(each.state is not State.PROBLEM for each in found)
    for place, each in zip(target.places, found, strict=True):
        if each.state is State.PROBLEM and answered:
            detail = f"{each.detail}; another address of {target.registry} answers"
            yield replace(each, state=State.NOTE, detail=detail)
        elif each.state is State.PROBLEM and not target.needed and place not in answers:
            yield replace(each, state=State.NOTE, hint="nothing here needs it but a login")
        else:
            yield each


def _check(
    place: RegistryPlace | LayoutPlace,
    target: _Target,
    asking: _Asking,
    answers: dict[RegistryPlace, RegistryAnswer],
) -> Check:
    """Return the check of one place, which has one finding, and enters what was answered."""
    own = place is target.places[-1]
    name = target.registry if own else f"{target.registry} mirror"
    if isinstance(place, LayoutPlace):
        return Check(
            group=Group.REGISTRIES, name=name, run=partial(_layout, name, place), late=_NETWORK
        )
    return Check(
        group=Group.REGISTRIES,
        name=name,
        run=partial(_ask, name, place, asking, answers),
        late=_NETWORK,
        place=_shown(place),
    )


def _layout(name: str, place: LayoutPlace) -> Iterator[Finding]:
    if place.path.is_dir():
        yield Finding.ok(Group.REGISTRIES, name, str(place))
    else:
        hint = "check the path of the mirror in condabox.toml"
        yield Finding.problem(Group.REGISTRIES, name, f"{place} is no folder", hint=hint)


def _ask(
    name: str,
    place: RegistryPlace,
    asking: _Asking,
    answers: dict[RegistryPlace, RegistryAnswer],
) -> Iterator[Finding]:
    answers[place] = answer = probe_registry(
        place.host,
        place.repository,
        insecure=place.insecure,
        transport=asking.transport,
        credentials=asking.credentials,
    )
    yield _received(name, place, answer)


def _shown(place: RegistryPlace) -> str:
    return str(place).rstrip("/")


def _received(name: str, place: RegistryPlace, answer: RegistryAnswer) -> Finding:
    where = _shown(place)
    log_in = f"log in with `docker login {place.host}`"
    match answer.reception:
        case Reception.OPEN:
            return Finding.ok(Group.REGISTRIES, name, f"{where} answers")
        case Reception.KNOWN:
            detail = f"{where} takes the credentials from {answer.source}"
            return Finding.ok(Group.REGISTRIES, name, detail)
        case Reception.PUBLIC:
            detail = f"{where} answers, and nobody is logged in: public images alone"
            return Finding.ok(Group.REGISTRIES, name, detail)
        case Reception.STRANGER:
            detail = f"{where} answers, and wants to know who asks: nobody is logged in"
            return Finding.note(Group.REGISTRIES, name, detail, hint=log_in)
        case Reception.REFUSED:
            detail = f"{where} refuses the credentials from {answer.source}: {answer.words}"
            return Finding.problem(Group.REGISTRIES, name, detail, hint=log_in)
