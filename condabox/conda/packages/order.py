"""The order in which packages are linked: what is needed first, as rattler and conda have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from condabox.conda.lockfiles.lockfile import LockedPackage

Graph = dict[str, list[str]]
"""The names that each package needs."""

Edge = tuple[str, str]


def in_link_order(packages: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
    """Return ``packages`` so that dependencies come before what depends on them.

    Conda packages have exactly rattler's order, ties and cycles included, because where two ship
    the same path the later one gets it.  Wheels follow after them all, by name, as pip installs
    them into the finished environment.
    """
    every = tuple(packages)
    conda = {package.name: package for package in every if package.manager == "conda"}
    wheels = sorted(
        (package for package in every if package.manager != "conda"),
        key=lambda package: (package.name, package.sha256),
    )
    noarch = frozenset(name for name, package in conda.items() if package.subdir == "noarch")
    graph = {name: list(package.dependencies) for name, package in conda.items()}
    broken = {edge for cycle in _cycles(graph) for edge in [_edge_to_break(cycle, noarch)]}
    kept = {
        name: sorted(need for need in needs if (name, need) not in broken)
        for name, needs in graph.items()
    }
    return (*(conda[name] for name in _depth_first(kept)), *wheels)


def _cycles(graph: Graph) -> list[list[str]]:
    """Return the cycles that one walk in depth meets, from every name in alphabetical order."""
    cycles: list[list[str]] = []
    visited: set[str] = set()
    for root in sorted(graph):
        if root in visited:
            continue
        visited.add(root)
        path = [root]
        pending = [iter(graph[root])]
        while pending:
            need = next(pending[-1], None)
            if need is None:
                pending.pop()
                path.pop()
            elif need in path:
                cycles.append(path[path.index(need) :])
            elif need in graph and need not in visited:
                visited.add(need)
                path.append(need)
                pending.append(iter(graph[need]))
    return cycles


def _edge_to_break(cycle: list[str], noarch: frozenset[str]) -> Edge:
    """Return the edge from a package for one platform to a noarch one, if the cycle has any.

    rattler looks along the cycle for the first two neighbours of different kinds, whichever of
    them needs the other, and otherwise takes the last two.
    """
    neighbours = list(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    for name, need in neighbours:
        if name not in noarch and need in noarch:
            return name, need
        if name in noarch and need not in noarch:
            return need, name
    name, need = neighbours[-1]
    return need, name


def _depth_first(graph: Mapping[str, list[str]]) -> list[str]:
    """Return all names, needed ones first; of several, the alphabetically last comes first."""
    needed = {need for needs in graph.values() for need in needs}
    order: list[str] = []
    visited: set[str] = set()
    while len(visited) < len(graph):
        # No root is left, or was ever there, where nothing outside of a cycle needs it.
        roots = graph.keys() - needed - visited or graph.keys() - visited
        pending = [(root, False) for root in sorted(roots)]
        while pending:
            name, is_ready = pending.pop()
            if is_ready:
                order.append(name)
            elif name not in visited and name in graph:
                visited.add(name)
                pending.append((name, True))
                pending.extend((need, False) for need in graph[name])
    return order
