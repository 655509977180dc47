"""The process in which py-rattler finds the GPU builds that could have been locked."""

from __future__ import annotations

import re
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from rattler import MatchSpec, PackageRecord, VersionWithSource, solve
from rattler.exceptions import InvalidMatchSpecError, SolverError
from rattler.package import BuildString

from condabox.conda.channels.rattler_channels import Channels, answer, match_spec, virtual_package
from condabox.conda.lockfiles.inputs import package_of
from condabox.conda.locking.gpu_choice import Build, Solution, by_package, choose

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

    from rattler import RepoDataRecord, Subdir

    from condabox.conda.locking.gpu_choice import Matches


async def _find(request: Mapping[str, Any]) -> dict[str, object]:
    """Return what came as GPU builds, what came as CPU builds, and what could replace those."""
    specs = [match_spec(text) for text in request["specs"]]
    channels = Channels(subdir=request["subdir"], cache=request["cache"])
    for entry in request["channels"]:
        await channels.add(entry["canonical"], sources=entry["sources"])
    found = await channels.gateway.query(
        channels.sources,
        channels.platforms,
        [package["name"] for package in request["packages"]],
        recursive=False,
        channel_relations="disabled",
    )
    records = {channels.url_of(record): record for these in found for record in these}
    builds = {url: _build(record) for url, record in records.items()}
    solution = _solution(request, builds, specs)
    virtual = _virtual_records(solution.virtual.values(), subdir=channels.platforms[0])
    allowed = request["allowed"]
    choice = choose(
        solution,
        allowed="all" if allowed == "all" else frozenset(allowed),
        matches=_matcher({**{builds[url]: record for url, record in records.items()}, **virtual}),
    )
    python = solution.locked.get("python")
    instead = await _instead(
        choice.options,
        partial(
            solve,
            channels.sources,
            [channels.located(spec) for spec in specs],
            gateway=channels.gateway,
            platforms=channels.platforms,
            virtual_packages=[
                virtual_package(name, text) for name, text in request["virtual_packages"].items()
            ],
            channel_relations="disabled",
        ),
        fixed=[f"python =={python.version}"] if python else [],
    )
    return {
        "gpu": [f"{build.name} {build.version} {build.build}" for build in choice.gpu],
        "cpu": [
            {
                "name": build.name,
                "version": build.version,
                "build": build.build,
                "instead": instead.get(build.name),
            }
            for build in choice.cpu
        ],
    }


def _build(record: PackageRecord) -> Build:
    return Build(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        depends=tuple(record.depends),
        constrains=tuple(record.constrains),
    )


def _solution(
    request: Mapping[str, Any], builds: Mapping[str, Build], specs: Sequence[MatchSpec]
) -> Solution:
    available: dict[str, list[Build]] = {}
    for build in builds.values():
        available.setdefault(build.name, []).append(build)
    return Solution(
        locked={
            package["name"]: builds.get(package["url"])
            # a package that its channel no longer has: what it needs is not known
            or Build(name=package["name"], version=package["version"], build=package["build"])
            for package in request["packages"]
        },
        available=available,
        virtual={
            name: _virtual(name, *text.split(" ", 1))
            for name, text in request["virtual_packages"].items()
        },
        asked=by_package(request["specs"]),
        asked_builds=frozenset(
            package_of(text)
            for text, spec in zip(request["specs"], specs, strict=True)
            if spec.build is not None
        ),
    )


def _virtual(name: str, version: str, build: str = "0") -> Build:
    return Build(name=name, version=version, build=build)


def _virtual_records(builds: Iterable[Build], *, subdir: Subdir) -> dict[Build, PackageRecord]:
    return {
        build: PackageRecord(
            build.name, VersionWithSource(build.version), BuildString(build.build), 0, subdir
        )
        for build in builds
    }


def _matcher(records: Mapping[Build, PackageRecord]) -> Matches:
    @cache
    def parsed(spec: str) -> MatchSpec | None:
        try:
            return MatchSpec(spec, strict=False)
        except InvalidMatchSpecError:
            # what the solver cannot read either, it takes no package for
            return None

    def matches(spec: str, build: Build) -> bool:
        found, record = parsed(spec), records.get(build)
        return found is not None and record is not None and found.matches(record)

    return matches


async def _instead(
    options: Mapping[str, Sequence[Build]],
    solve: Callable[..., Awaitable[Sequence[RepoDataRecord]]],
    *,
    fixed: Sequence[str],
) -> dict[str, str]:
    """Ask the solver for the best of ``options``: for all packages at once, or for each alone.

    A package that it finds no solution with is not in the answer.
    """

    async def replaced(some: Mapping[str, Sequence[Build]]) -> dict[str, str]:
        try:
            records = await solve(constraints=[*fixed, *map(_any_of, some.values())])
        except SolverError:
            return {}
        builds = map(_build, records)
        return {one.name: f"{one.version} {one.build}" for one in builds if one.name in some}

    if not options:
        return {}
    if together := await replaced(options):
        return together
    alone = [await replaced({name: builds}) for name, builds in options.items()]
    return {name: found for these in alone for name, found in these.items()}


def _any_of(builds: Sequence[Build]) -> str:
    alternatives = "|".join(sorted({re.escape(build.build) for build in builds}))
    return f"{builds[0].name}[build='^({alternatives})$']"


if __name__ == "__main__":
    answer(_find)
