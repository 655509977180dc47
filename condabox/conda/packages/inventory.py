"""What the plan must know of a package before anything of it is linked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.decode import join, mapping, optional, required, string_mapping, strings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from condabox.decode import JSON


PREFIX_MARK = "/@condabox-prefix@"
"""Stands for the prefix in scripts that were read before it was known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageInventory:
    """The paths and scripts of one package, for one minor version of Python and any prefix.

    ``paths`` are final, relative to the prefix and sorted by their bytes: files, links and
    directories, entry points and the ``conda-meta`` record, but no byte code that is made later.
    ``directories`` are those of them that are directories.  ``timestamp`` is in seconds,
    ``archive_size`` in bytes.  ``link_scripts`` are the paths of scripts that conda would run on
    installing; ``activation`` maps the paths of ``activate.d`` and ``env_vars.d`` files to their
    text, which says `PREFIX_MARK` where `activation_in` puts the prefix.  ``site_packages`` is set
    for a ``python`` that looks for modules elsewhere than usual (see `PythonInfo`).
    """

    paths: tuple[str, ...]
    archive_size: int
    timestamp: int | None
    link_scripts: tuple[str, ...]
    activation: Mapping[str, str]
    directories: tuple[str, ...] = ()
    site_packages: str | None = None

    def activation_in(self, prefix: str) -> dict[str, str]:
        """Return the activation scripts as they are in ``prefix``."""
        return {path: text.replace(PREFIX_MARK, prefix) for path, text in self.activation.items()}

    def to_json(self) -> dict[str, object]:
        """Return the document that `from_json` reads."""
        return {
            "paths": list(self.paths),
            "archive_size": self.archive_size,
            "timestamp": self.timestamp,
            "link_scripts": list(self.link_scripts),
            "activation": dict(self.activation),
            "directories": list(self.directories),
            "site_packages": self.site_packages,
        }

    @classmethod
    def from_json(cls, obj: object, *, at: str = "") -> PackageInventory:
        """Read what `to_json` returned; raise DecodeError when it is something else."""
        fields: JSON = mapping(obj, at=at)
        return cls(
            paths=strings(fields.get("paths"), at=join(at, "paths")),
            archive_size=required(fields, "archive_size", int, at=at),
            timestamp=optional(fields, "timestamp", int, at=at),
            link_scripts=strings(fields.get("link_scripts"), at=join(at, "link_scripts")),
            activation=string_mapping(fields.get("activation"), at=join(at, "activation")),
            directories=strings(fields.get("directories"), at=join(at, "directories")),
            site_packages=optional(fields, "site_packages", str, at=at),
        )
