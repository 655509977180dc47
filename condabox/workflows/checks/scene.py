"""What there is to look at: settings, and the environments that they hold for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.conda.channels.condarc import read_condarc
from condabox.conda.envfile.spec import EnvironmentSpec, read_environment
from condabox.errors import CondaboxError, SpecError
from condabox.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeVar

    from condabox.conda.channels.condarc import Condarc
    from condabox.settings import Settings

    T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One set of settings.  What cannot be read is there as the error that says why."""

    settings: Settings | CondaboxError
    condarc: Condarc | CondaboxError
    environments: Mapping[Path, EnvironmentSpec | CondaboxError] = field(default_factory=dict)

    @property
    def specs(self) -> tuple[EnvironmentSpec, ...]:
        """The environments that can be read."""
        found = self.environments.values()
        return tuple(each for each in found if isinstance(each, EnvironmentSpec))


def read_scenes(environments: Sequence[Path], *, env: Mapping[str, str]) -> tuple[Scene, ...]:
    """Return a scene for each of the settings that hold for ``environments``.

    Without any it is the one of the current folder.
    """
    condarc = _read(lambda: read_condarc(env), of="conda's configuration")
    scenes: dict[str, Scene] = {}
    for folder in dict.fromkeys(path.parent for path in environments) or (Path(),):
        settings = _settings(folder, env=env)
        key = settings.message if isinstance(settings, CondaboxError) else str(settings.path)
        found = {path: _environment(path) for path in environments if path.parent == folder}
        known = {**scenes[key].environments, **found} if key in scenes else found
        scenes[key] = Scene(settings=settings, condarc=condarc, environments=known)
    return tuple(scenes.values())


def _settings(folder: Path, *, env: Mapping[str, str]) -> Settings | CondaboxError:
    return _read(lambda: load_settings(folder, env=env), of=str(folder))


def _environment(path: Path) -> EnvironmentSpec | CondaboxError:
    return _read(lambda: read_environment(path), of=str(path))


def _read(reading: Callable[[], T], *, of: str) -> T | CondaboxError:
    try:
        return reading()
    except CondaboxError as error:
        return error
    except OSError as error:
        return SpecError(f"{error.filename or of}: {error.strerror}")
