"""What must be known of an environment's Python to put packages into it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonInfo:
    """The Python of one environment.

    ``site_packages`` is relative to the prefix.  It follows from ``version`` unless the python
    package itself says otherwise (``python_site_packages_path`` of free-threaded builds, CEP 17).
    """

    version: str
    site_packages: str = ""

    def __post_init__(self) -> None:
        if not self.site_packages:
            object.__setattr__(self, "site_packages", f"lib/python{self.minor}/site-packages")

    @property
    def minor(self) -> str:
        """Major and minor version, like ``3.11``."""
        return ".".join(self.version.split(".")[:2])

    @property
    def executable(self) -> str:
        """The interpreter's path relative to the prefix."""
        return f"bin/python{self.minor}"

    def noarch_destination(self, path: str) -> str:
        """Return where a noarch Python package's file belongs, relative to the prefix."""
        folder, slash, rest = path.partition("/")
        destination = {"site-packages": self.site_packages, "python-scripts": "bin"}.get(folder)
        return f"{destination}{slash}{rest}" if destination else path
