"""The environment's own CPython, unpacked where it runs: on the machine that builds."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from condabox import process
from condabox.conda.channels.solver import solve
from condabox.conda.channels.virtual_packages import virtual_packages
from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.entry import DirectoryEntry, LinkEntry, Spool
from condabox.conda.packages.fetch import fetch_archives
from condabox.conda.packages.order import in_link_order
from condabox.conda.packages.package import link_package
from condabox.conda.packages.python import PythonInfo
from condabox.errors import InstallError, ToolMissingError, UnsafePathError
from condabox.platforms import host_subdir

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from condabox.conda.lockfiles.lockfile import LockedEnvironment, LockFile
    from condabox.conda.packages.entry import PrefixEntry
    from condabox.events import Reporter
    from condabox.settings import Settings

_LAYOUT = 2  # raised when interpreters are unpacked in another way than before
_PREFIX = "/opt/env"
"""What its files say about where they are: Python and its libraries look beside themselves."""

_MACH_O = (b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_SHOW_VERSION = "import sys; print(sys.version.split()[0])"


def find_interpreter(
    environment: LockedEnvironment,
    lock: LockFile | None,
    *,
    settings: Settings,
    reporter: Reporter,
) -> Path:
    """Return a CPython for this machine of exactly the version in ``environment``.

    It is made of conda packages and kept in the cache; the machine's own Python is never asked, so
    that byte code does not depend on it.  For a foreign ``environment`` it comes from the same
    lock, or else is solved for from the same channels: byte code is the same on every platform.
    Raise InstallError where the environment has no Python or where it does not run.
    """
    python = environment.python
    if python is None:
        raise InstallError("the environment has no Python to make byte code with")
    host = host_subdir()
    locked = _locked_for(host, environment, lock, version=python.version)
    identity: list[str] = [str(_LAYOUT), host, python.version]
    identity += environment.channels if locked is None else [each.sha256 for each in locked]
    key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    directory = settings.cache_dir.absolute() / "interpreters" / key
    executable = directory / _executable(host, python.version)
    if directory.is_dir():
        if _reported_version(executable) == python.version:
            return executable
        shutil.rmtree(directory, ignore_errors=True)  # damaged since it was unpacked
    packages = locked or _solved_for(host, environment, settings, version=python.version)
    archives = fetch_archives(packages, settings=settings, reporter=reporter)
    reporter.message(f"unpacking Python {python.version} to compile byte code")
    _unpack(packages, archives, directory, version=python.version, host=host)
    return executable


def _locked_for(
    host: str, environment: LockedEnvironment, lock: LockFile | None, *, version: str
) -> tuple[LockedPackage, ...] | None:
    """Return the locked packages that make up the Python of ``version``, or None."""
    if environment.subdir == host:
        return _closure(environment.packages)
    if lock is not None and host in lock.subdirs:
        other = lock.environments[host]
        if other.python is not None and other.python.version == version:
            return _closure(other.packages)
    return None


def _closure(packages: Iterable[LockedPackage]) -> tuple[LockedPackage, ...]:
    """Return python and everything that it needs, in link order."""
    by_name = {package.name: package for package in packages if package.manager == "conda"}
    found: dict[str, LockedPackage] = {}
    pending = ["python"]
    while pending:
        name = pending.pop()
        if name in by_name and name not in found:
            found[name] = by_name[name]
            pending += by_name[name].dependencies
    return in_link_order(found.values())


def _solved_for(
    host: str, environment: LockedEnvironment, settings: Settings, *, version: str
) -> tuple[LockedPackage, ...]:
    records = solve(
        [f"python=={version}"],
        channels=environment.channels,
        subdir=host,
        virtual_packages=virtual_packages(host, base=None, cuda=None) | _own_glibc(),
        settings=settings,
    )
    return _closure(
        LockedPackage(
            name=record.name,
            version=record.version,
            manager="conda",
            url=record.url,
            sha256=record.sha256,
            category="main",
            dependencies=tuple(sorted({_name(spec) for spec in record.depends})),
        )
        for record in records
    )


def _name(spec: str) -> str:
    """Return the package's name in a match spec of repodata."""
    return re.split(r"[^A-Za-z0-9_.-]", spec, maxsplit=1)[0]


def _own_glibc() -> dict[str, str]:
    """Return the virtual package of this machine's C library, where it is glibc."""
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
    except (AttributeError, ValueError, OSError):  # not Linux, or another C library
        return {}
    return {"__glibc": version} if name == "glibc" else {}


def _unpack(
    packages: Sequence[LockedPackage],
    archives: Mapping[str, Path],
    directory: Path,
    *,
    version: str,
    host: str,
) -> None:
    """Put ``packages`` into ``directory``, which comes to be in one step, whole and tried.

    Of several processes that do so at once, the first one's stays.
    """
    python = PythonInfo(version=version)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=directory.parent, prefix=".", ignore_cleanup_errors=True
        ) as temporary:
            prefix = Path(temporary) / "prefix"
            for package in packages:
                with Spool(Path(temporary)) as spool:
                    entries = link_package(
                        archives[package.sha256],
                        package,
                        prefix=_PREFIX,
                        python=python,
                        spool=spool,
                    )
                    _write(entries, prefix)
            if host.startswith("osx-"):
                sign(prefix)
            _check(prefix / _executable(host, version), version=version)
            try:
                prefix.rename(directory)
            except OSError:
                if not directory.is_dir():
                    raise
    except OSError as error:
        raise InstallError(
            f"cannot unpack Python {version} into {directory.parent}: {error.strerror or error}",
            hint="free some space there, or choose another cache-dir",
        ) from None


def _write(entries: Iterable[PrefixEntry], prefix: Path) -> None:
    """Write ``entries`` below ``prefix``, over those of packages before.

    A link of one package must not carry the files of another out of it.
    """
    root = prefix.resolve()
    for entry in entries:
        path = prefix / entry.path
        if not path.parent.resolve().is_relative_to(root):
            raise UnsafePathError(
                f"{entry.path} lies behind a link that leaves the prefix",
                hint="one of the packages that Python needs is broken, or hostile",
            )
        if isinstance(entry, DirectoryEntry):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if isinstance(entry, LinkEntry):
            path.symlink_to(entry.target)
            continue
        with path.open("xb") as file:
            file.writelines(entry.content.chunks())
        path.chmod(0o755 if entry.executable else 0o644)


def sign(prefix: Path) -> None:
    """Sign programs and libraries again: macOS runs none whose signature a new prefix broke."""
    codesign = process.find("codesign", hint="install Xcode's command line tools")
    for path in sorted(prefix.rglob("*")):
        if path.is_file() and not path.is_symlink() and _is_mach_o(path):
            process.run([codesign, "--force", "--sign", "-", str(path)])


def _is_mach_o(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in _MACH_O


def _executable(host: str, version: str) -> str:
    """Return the path of the interpreter in a prefix of ``host``."""
    return "python.exe" if host.startswith("win-") else PythonInfo(version=version).executable


def _check(executable: Path, *, version: str) -> None:
    reported = _reported_version(executable)
    if reported is None:
        raise InstallError(
            f"the locked Python {version} does not run on this machine",
            hint="is its C library older than the one that the package needs?",
        )
    if reported != version:
        raise InstallError(
            f"the locked package python {version} contains Python {reported}",
            hint="lock another build of python",
        )


def _reported_version(executable: Path) -> str | None:
    """Ask the interpreter for its version; return None when it does not run."""
    try:
        done = process.attempt([str(executable), "-I", "-S", "-c", _SHOW_VERSION], env={})
    except (ToolMissingError, OSError):
        return None
    # A CPython that was built from a checkout adds a plus sign.
    return done.stdout.decode(errors="replace").strip().rstrip("+") if not done.returncode else None
