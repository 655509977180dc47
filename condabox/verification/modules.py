"""What can be imported of a package, told by its files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SITE = re.compile(r"((?:.*/)?lib/(?:python|pypy)3\.\d+t?/site-packages)/")
"""Where Python looks; a ``t`` is for the Python without its lock."""
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_SOURCE = ".py"
_EXTENSION = re.compile(r"(?:\.(?:cpython|pypy|abi)[\w-]*)?\.so")
"""PEP 3149, and the stable ABI's ``.abi3.so``."""
_NOT_FOR_IMPORT = frozenset(
    {"__main__", "__pycache__", "benchmarks", "conftest", "docs", "examples", "setup", "test"}
    | {"testing", "tests"}
)
"""Names that packages leave at the top by mistake, and that tell nothing when they fail."""
_OF_PYTHONS_TESTS = ("_test", "_xx", "xx")
"""What names of modules begin with that only Python's own tests use."""


def sites_of(paths: Iterable[str]) -> frozenset[str]:
    """Return the folders of ``paths`` in which Python looks for modules."""
    return frozenset(found[1] for found in map(_SITE.match, paths) if found)


def modules_of(paths: Iterable[str], *, site: str) -> tuple[str, ...]:
    """Return the modules that a package has at the top of the folder ``site``, sorted.

    Of a namespace package (PEP 420), which no package has alone, it is the packages in it.
    """
    packages: set[str] = set()
    modules: set[str] = set()
    for path in paths:
        if not path.startswith(f"{site}/"):
            continue
        *folders, name = path[len(site) + 1 :].split("/")
        stem = _stem(name)
        if stem is None or not all(map(_NAME.fullmatch, (*folders, stem))):
            continue
        if stem == "__init__":
            if folders:
                packages.add(".".join(folders))
        else:
            modules.add(".".join((*folders, stem)))
    # a file deep in folders without a package is data, as often as it is a namespace's
    tops = packages | {module for module in modules if "." not in module}
    return tuple(sorted(each for each in tops if _is_top(each, packages)))


def _stem(name: str) -> str | None:
    if name.endswith(_SOURCE):
        return name.removesuffix(_SOURCE)
    found = _EXTENSION.search(name)
    return name[: found.start()] if found and found.end() == len(name) else None


def _is_top(module: str, packages: set[str]) -> bool:
    parts = module.split(".")
    if not _NOT_FOR_IMPORT.isdisjoint(parts) or module.startswith(_OF_PYTHONS_TESTS):
        return False
    return not any(".".join(parts[:count]) in packages for count in range(1, len(parts)))
