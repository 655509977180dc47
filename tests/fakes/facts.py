"""Facts of small packages, and what is proven of them.

environment = Environment(
    package(libraries={"lib/liba.so": elf("libb.so")}, files=["lib/libb.so"]),
    taken={"lib/libb.so"},
)
assert environment.kept == {"lib/libb.so": "lib/liba.so needs libb.so"}
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from condabox.pruning.facts import ElfFacts, PackageFacts
from condabox.pruning.proof import prove
from condabox.pruning.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from condabox.pruning.proof import Proof

SITE = "lib/python3.11/site-packages"

BASE = frozenset({"libc.so.6"})


def elf(
    *needed: str,
    soname: str | None = None,
    runpath: Iterable[str] = (),
    machine: str = "EM_X86_64",
) -> ElfFacts:
    return ElfFacts(soname=soname, needed=needed, runpath=tuple(runpath), machine=machine)


def package(
    files: Iterable[str] = (),
    *,
    links: Mapping[str, str] | None = None,
    libraries: Mapping[str, ElfFacts] | None = None,
    imports: Mapping[str, Iterable[str]] | None = None,
    resources: Mapping[str, Iterable[str]] | None = None,
    entry_points: Iterable[str] = (),
    scripts: Mapping[str, str] | None = None,
    data: Mapping[str, Iterable[str]] | None = None,
) -> PackageFacts:
    """Return the facts of a package with ``files`` and all others that something is said of."""
    said = (libraries or {}, imports or {}, resources or {}, scripts or {}, data or {})
    paths = sorted({*files, *chain.from_iterable(said)} - (links or {}).keys())
    return PackageFacts(
        sizes=dict.fromkeys(paths, 1),
        links=dict(links or {}),
        libraries=dict(libraries or {}),
        imports={path: tuple(sorted(names)) for path, names in (imports or {}).items()},
        resources={path: tuple(sorted(names)) for path, names in (resources or {}).items()},
        entry_points=tuple(sorted(entry_points)),
        scripts=dict(scripts or {}),
        data={path: tuple(sorted(folders)) for path, folders in (data or {}).items()},
    )


def modules(imports: Mapping[str, Iterable[str]]) -> dict[str, Iterable[str]]:
    """Return the imports of files that are given relative to site-packages."""
    return {f"{SITE}/{path}": names for path, names in imports.items()}


def proven(*packages: PackageFacts, taken: Collection[str], base: Iterable[str] = BASE) -> Proof:
    """Prove ``packages``, in link order, where a rule ``test`` takes ``taken`` of all of them."""
    facts = {f"key-{number}": each for number, each in enumerate(packages)}
    return prove(
        Selection(
            taken={
                key: {path: "test" for path in (*each.sizes, *each.links) if path in taken}
                for key, each in facts.items()
            }
        ),
        facts=facts,
        base_libraries=frozenset(base),
    )


def reasons(proof: Proof) -> dict[str, str]:
    """Return what is kept, with the reasons; site-packages is left out of the paths."""
    return {
        kept.path.removeprefix(f"{SITE}/"): kept.because
        for each in proof.kept.values()
        for kept in each
    }
