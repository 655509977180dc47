"""The tools of a development image: their environment file, and the lock of it."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from condabox.conda.envfile.section import ImageSection
from condabox.conda.lockfiles.lockfile import PROD
from condabox.development.image import check_section, section_warnings
from condabox.development.places import TOOLS_FILE
from condabox.errors import SpecError
from condabox.platforms import platform_of_subdir
from condabox.workflows.build_request import LockPolicy, Variant
from condabox.workflows.build_source import content_of_lock, find_source
from condabox.workflows.init import write_tools

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedEnvironment
    from condabox.events import Reporter
    from condabox.settings import Settings
    from condabox.workflows.build_request import BuildRequest
    from condabox.workflows.build_source import BuildSource

_NEEDED = ("jupyterlab", "openssh", "python", "tini")
"""What the image's own programs start, and are started by."""
_OLDEST_PYTHON = (3, 11)
_NUMBERS = re.compile(r"(\d+)\.(\d+)")
_OF_THE_IMAGE = (
    "app",
    "apt",
    "builder",
    "cmd",
    "dev",
    "entrypoint",
    "env",
    "expose",
    "healthcheck",
    "labels",
    "prefix",
    "user",
    "workdir",
)
"""Keys that say nothing of packages: those of ``base`` and ``cuda`` do, when they are locked."""


def with_tools(
    request: BuildRequest,
    source: BuildSource,
    *,
    settings: Settings,
    env: Mapping[str, str],
    reporter: Reporter,
) -> BuildSource:
    """Return ``source`` with the tools that the development image of ``request`` has.

    Their environment file and its lock are made where they are missing, if the request allows it.
    Raise SpecError where they, or ``source``, are not what such an image can be made of.
    """
    if request.variant is Variant.PROD:
        return source
    check_section(source.image, variables=source.variables, path=source.path)
    path = _tools_file(request, source, reporter=reporter)
    tools = find_source(
        replace(
            request,
            environment=path,
            lock_file=None,
            lock_environment=None,
            platforms=tuple(map(platform_of_subdir, source.subdirs)),
            base=None,
            cuda=None,
            prune=None,
            variant=Variant.PROD,
        ),
        settings=settings,
        env=env,
        reporter=reporter,
    )
    for subdir in tools.subdirs:
        _check_packages(tools.lock.environment(subdir, categories=frozenset({PROD})), path=path)
    for text in (*section_warnings(source.image, path=source.path), *_warnings(tools)):
        reporter.warning(text)
    return replace(source, tools=tools)


def _tools_file(request: BuildRequest, source: BuildSource, *, reporter: Reporter) -> Path:
    """Return the file of the tools, which is there then."""
    named = source.image.dev.tools if source.image.dev else None
    path = named or source.path.with_name(TOOLS_FILE)
    if os.path.lexists(path):
        if content_of_lock(path) is not None:
            raise SpecError(
                f"{path} is a lock file: development images of {source.path} have the tools of "
                "an environment file",
                hint="let `dev: {tools: …}` name the file that it was made from",
            )
        return path
    if named is not None:
        raise SpecError(
            f"{source.path}: condabox.dev.tools: {path} does not exist",
            hint=f"leave it out, and {TOOLS_FILE} is written beside the environment file",
        )
    if request.lock_policy is not LockPolicy.MAKE:
        raise SpecError(
            f"{path} does not exist, and development images have the tools that it names",
            hint=f"build without --{request.lock_policy.value} once, which writes and locks it, "
            "and commit both files",
        )
    write_tools(path)
    reporter.message(f"wrote {path}: the tools of development images")
    return path


def _check_packages(locked: LockedEnvironment, *, path: Path) -> None:
    names = {package.name for package in locked.packages}
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise SpecError(
            f"{path}: the tools for {locked.subdir} lack {', '.join(missing)}",
            hint=f"add it to `dependencies:`, and run `condabox lock {path}`",
        )
    python = locked.python
    found = _NUMBERS.match(python.version) if python else None
    if found is None or (int(found[1]), int(found[2])) < _OLDEST_PYTHON:
        oldest = ".".join(map(str, _OLDEST_PYTHON))
        raise SpecError(
            f"{path}: the tools for {locked.subdir} have no Python {oldest} or newer",
            hint=f"let it say `python >={oldest}`, and run `condabox lock {path}`",
        )


def _warnings(tools: BuildSource) -> Iterator[str]:
    usual = ImageSection()
    for key in _OF_THE_IMAGE:
        if getattr(tools.image, key) != getattr(usual, key):
            yield f"{tools.path}: condabox.{key} has no effect: tools are packages alone"
    if tools.variables:
        yield f"{tools.path}: variables has no effect: tools are packages alone"
    if tools.image.test != usual.test:
        yield (
            f"{tools.path}: condabox.test runs nowhere: it only keeps what it names from being "
            "left out"
        )
