"""What an image is made from: an environment file and its lock, or a lock of another tool."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from condabox.conda.channels.anaconda import anaconda_channels
from condabox.conda.channels.channel import located_channels
from condabox.conda.channels.condarc import read_condarc
from condabox.conda.envfile.section import ImageSection
from condabox.conda.envfile.spec import read_environment
from condabox.conda.lockfiles.explicit_lock import NO_SUBDIR
from condabox.conda.lockfiles.foreign_lock import channel_of
from condabox.conda.lockfiles.lockfile import lock_path
from condabox.conda.lockfiles.lockreader import read_lock_file
from condabox.conda.lockfiles.locks import LARGEST_LOCK, LockKind, lock_error, lock_kind, read_lock
from condabox.conda.lockfiles.lookup import complete_hashes
from condabox.conda.lockfiles.pixi_lock import DEFAULT_ENVIRONMENT
from condabox.errors import LockError, SpecError
from condabox.platforms import PLATFORM_OF_SUBDIR, SUBDIRS, host_subdir, subdir_of_platform
from condabox.workflows.build_request import LockPolicy
from condabox.workflows.lock_check import require_current, require_platforms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from condabox.conda.envfile.spec import EnvironmentSpec
    from condabox.conda.lockfiles.foreign_lock import ForeignLock
    from condabox.conda.lockfiles.lockfile import LockFile
    from condabox.events import Reporter
    from condabox.settings import Settings
    from condabox.workflows.build_request import BuildRequest

_OF_MACOS = {"osx-64": "linux-64", "osx-arm64": "linux-aarch64", "win-64": "linux-64"}
"""What containers run on, where they do not run on the host itself."""

_ENDINGS = re.compile(r"(?:\.(?:conda-lock|lock|txt|ya?ml))+$")
_PLATFORM = re.compile(rf"(?:^|[-_.])(?:{'|'.join(SUBDIRS)})(?:_conda_spec)?$")
_GENERIC = frozenset(
    {"", "conda", "conda-lock", "default", "env", "environment", "explicit", "lock", "pixi"}
    | {"packages", "requirements", "spec-file", "spec-list"}
)
"""What lock files are called everywhere, without endings and platforms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSource:
    """Everything that files say about the images of ``subdirs``.

    ``image``, ``variables`` and ``channels``, as it writes them, are the environment file's; the
    defaults where there is none.  ``tools`` is the same for development's tools, where they are
    wanted.
    """

    path: Path
    name: str
    image: ImageSection
    variables: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[str, ...] = ()
    lock: LockFile
    subdirs: tuple[str, ...]
    tools: BuildSource | None = None

    @property
    def all_channels(self) -> tuple[str, ...]:
        """The channels of all packages, the tools' too."""
        return (*self.channels, *(self.tools.channels if self.tools else ()))


def find_source(
    request: BuildRequest, *, settings: Settings, env: Mapping[str, str], reporter: Reporter
) -> BuildSource:
    """Read what ``request`` names.  A missing lock is made, if the request allows it."""
    path = request.environment
    names = read_condarc(env).channels
    if (data := content_of_lock(path)) is not None:
        located = located_channels((), settings=settings, names=names)
        return _lock_alone(request, data, settings=located, reporter=reporter)
    spec = read_environment(path)
    if request.lock_file is not None:
        data = _content(request.lock_file)
        located = located_channels(spec.channels, settings=settings, names=names)
        lock, subdirs = _foreign(
            request, request.lock_file, data, settings=located, reporter=reporter
        )
        if not spec.image.allow_defaults:
            _warn_of_anaconda(lock, subdirs, reporter=reporter)
        return _of_spec(spec, lock, subdirs)
    if request.lock_environment is not None:
        raise SpecError(
            f"{path} is an environment file, which has no environments to choose from",
            hint="--environment is for a pixi.lock: name it with --lock-file",
        )
    subdirs = _subdirs(request, spec.platforms)
    return _of_spec(
        spec,
        _own_lock(request, spec, subdirs, settings=settings, env=env, reporter=reporter),
        subdirs,
    )


def _of_spec(spec: EnvironmentSpec, lock: LockFile, subdirs: tuple[str, ...]) -> BuildSource:
    return BuildSource(
        path=spec.path,
        name=spec.name,
        image=spec.image,
        variables=spec.variables,
        channels=spec.channels,
        lock=lock,
        subdirs=subdirs,
    )


def _lock_alone(
    request: BuildRequest, data: bytes, *, settings: Settings, reporter: Reporter
) -> BuildSource:
    path = request.environment
    if request.lock_file is not None:
        raise SpecError(
            f"{path} is a lock file, and --lock-file names another one",
            hint="give the environment file whose `condabox:` section is meant",
        )
    if request.lock_policy is LockPolicy.LOCKED:
        raise LockError(
            f"{path} is a lock file: there is no environment file that --locked could compare",
            hint="leave out --locked",
        )
    lock, subdirs = _foreign(request, path, data, settings=settings, reporter=reporter)
    if lock.inputs and (environment := _environment_of(path)) is not None:
        raise LockError(
            f"{path} is the lock of {environment}, and says nothing of what the image is",
            hint=f"run `condabox build {environment}`; --frozen takes the lock as it is",
        )
    _warn_of_anaconda(lock, subdirs, reporter=reporter)
    return BuildSource(
        path=path,
        name=_name(path, request.lock_environment),
        # one that condabox made may be all that was handed on, and knows the base it was made for
        image=ImageSection(base=lock.base),
        lock=lock,
        subdirs=subdirs,
    )


def content_of_lock(path: Path) -> bytes | None:
    """Return what is in ``path`` if that is a lock; what cannot be read is left to others."""
    if not path.is_file():
        return None
    try:
        data = _content(path)
    except LockError:
        return None
    return data if lock_kind(data) is not None else None


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST_LOCK + 1)
    except FileNotFoundError:
        raise LockError(f"{path} does not exist", hint="give the path of a lock file") from None
    except OSError as error:
        raise LockError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > LARGEST_LOCK:
        raise LockError(
            f"{path} is larger than {LARGEST_LOCK >> 20} MiB", hint="is it the right file?"
        )
    return data


def _environment_of(path: Path) -> Path | None:
    """Return the environment file beside its lock."""
    stem = path.name.removesuffix(".conda-lock.yml")
    beside = (path.with_name(stem + suffix) for suffix in (".yml", ".yaml"))
    return next((each for each in beside if each != path and each.is_file()), None)


def _foreign(
    request: BuildRequest, path: Path, data: bytes, *, settings: Settings, reporter: Reporter
) -> tuple[LockFile, tuple[str, ...]]:
    """Return a lock with every hash, and the subdirs of it to build."""
    lock = read_lock(data, path=path, environment=request.lock_environment)
    if lock.file.subdirs == (NO_SUBDIR,):
        lock = _for_any_platform(lock, request)
    known = (*lock.file.subdirs, *lock.refused)
    subdirs = _subdirs(request, [name for name in PLATFORM_OF_SUBDIR if name in known] or known)
    for subdir in subdirs:
        if subdir in lock.refused:
            raise lock_error(lock.refused[subdir], path=path)
        if subdir not in known:
            raise LockError(
                f"{path} has no packages for {subdir}, only for {', '.join(sorted(known))}",
                hint=_how_to_add(subdir, lock_kind(data)),
            )
    if not subdirs:
        raise LockError(f"{path} is for no platform", hint="lock again, with a platform")
    return complete_hashes(lock, settings=settings, reporter=reporter), subdirs


def _for_any_platform(lock: ForeignLock, request: BuildRequest) -> ForeignLock:
    """Return ``lock``, whose packages are noarch, for the platforms that are asked for."""
    if not request.platforms:
        raise LockError(
            f"{lock.file.path} does not tell its platform: all of its packages are noarch",
            hint="choose one, such as --platform linux/amd64",
        )
    subdirs = tuple(sorted(map(subdir_of_platform, request.platforms)))
    packages = dict.fromkeys(subdirs, lock.file.packages[NO_SUBDIR])
    return replace(lock, file=replace(lock.file, subdirs=subdirs, packages=packages))


def _warn_of_anaconda(lock: LockFile, subdirs: Sequence[str], *, reporter: Reporter) -> None:
    packages = (package for subdir in subdirs for package in lock.packages[subdir])
    channels = {channel_of(package.url) for package in packages if package.manager == "conda"}
    for channel in anaconda_channels(sorted(channels)):
        reporter.warning(
            f"{lock.path} has packages of {channel}: Anaconda's terms of service bill companies "
            "for it"
        )


def _how_to_add(subdir: str, kind: LockKind | None) -> str:
    match kind:
        case LockKind.EXPLICIT:
            return f"an explicit lock is for one platform: give the one for {subdir}"
        case LockKind.PIXI:
            return f"add {subdir} to `platforms` in pixi.toml, and run `pixi lock`"
        case _:
            return f"lock again, with `--platform {subdir}` too"


def _subdirs(request: BuildRequest, known: Sequence[str]) -> tuple[str, ...]:
    """Return what is asked for, or else the host's of the ``known`` subdirs, or their first."""
    if request.platforms:
        return tuple(map(subdir_of_platform, request.platforms))
    host = host_subdir()
    preferred = _OF_MACOS.get(host, host)
    return (preferred,) if preferred in known else tuple(known[:1])


def _own_lock(
    request: BuildRequest,
    spec: EnvironmentSpec,
    subdirs: Sequence[str],
    *,
    settings: Settings,
    env: Mapping[str, str],
    reporter: Reporter,
) -> LockFile:
    path = lock_path(spec.path)
    if not path.exists():
        if request.lock_policy is not LockPolicy.MAKE:
            raise LockError(
                f"{path} does not exist, and --{request.lock_policy.value} forbids to make it",
                hint=f"run `condabox lock {spec.path}` and commit the file",
            )
        require_platforms(spec, subdirs, known=spec.platforms)
        # here, as most builds find a lock, and none of what this imports is of use to them
        from condabox.workflows.lock import LockRequest, lock  # noqa: PLC0415

        lock(LockRequest(environments=(spec.path,)), settings=settings, env=env, reporter=reporter)
    found = read_lock_file(path)
    if request.lock_policy is not LockPolicy.FROZEN:
        require_platforms(spec, subdirs, known={*spec.platforms, *found.subdirs})
        require_current(spec, found, subdirs=subdirs, names=read_condarc(env).channels)
    return found


def _name(path: Path, environment: str | None) -> str:
    """Return the name of an image that is made from the lock at ``path`` alone.

    Names that lock files have everywhere say less than the folder's.
    """
    stem = _PLATFORM.sub("", _ENDINGS.sub("", path.name))
    if stem in _GENERIC:
        stem = path.resolve().parent.name
    if environment not in {None, DEFAULT_ENVIRONMENT}:
        stem = f"{stem}-{environment}"
    # what image-spec's references allow in a repository's name
    return re.sub(r"[^a-z0-9]+", "-", stem.lower()).strip("-") or "environment"
