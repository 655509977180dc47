"""Make conda packages of Debian's."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import shutil
from typing import TYPE_CHECKING

from tests.world.apt import open_data
from tests.world.archive import Metadata, placeholder, write_package
from tests.world.cpython import make_relocatable
from tests.world.debian_edits import EDITS
from tests.world.patching import set_search_paths

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.world.apt import Deb
    from tests.world.architectures import Architecture
    from tests.world.archive import Built
    from tests.world.bytecode import Interpreter
    from tests.world.debian_recipes import DebianRecipe
    from tests.world.patching import Provider

# (Debian's place, conda's place), longest first; {triple} is Debian's multiarch directory.
_PLACES = (
    ("usr/lib/git-core/", "libexec/git-core/"),
    ("usr/lib/openssh/", "libexec/"),
    ("usr/include/{triple}/", "include/"),
    ("usr/lib/{triple}/", "lib/"),
    ("lib/{triple}/", "lib/"),
    ("lib/terminfo/", "share/terminfo/"),
    ("usr/libexec/", "libexec/"),
    ("usr/include/", "include/"),
    ("usr/share/", "share/"),
    ("usr/sbin/", "bin/"),
    ("usr/bin/", "bin/"),
    ("usr/lib/", "lib/"),
    ("sbin/", "bin/"),
    ("bin/", "bin/"),
    ("etc/ssh/", "etc/"),
    ("etc/", "etc/"),
)

# What only means something to a Debian system.
_DEBIAN_ONLY = (
    "etc/default/*",
    "etc/init.d/*",
    "etc/pam.d/*",
    "etc/rc*.d/*",
    "etc/runit/*",
    "etc/sv/*",
    "etc/ssl/*",
    "etc/sysctl*",
    "etc/terminfo/*",
    "lib/ssl/*",
    "lib/systemd/*",
    "lib/sysusers.d/*",
    "lib/tmpfiles.d/*",
    "share/applications/*",
    "share/apport/*",
    "share/bug/*",
    "share/doc-base/*",
    "share/gcc/*",
    "share/gdb/*",
    "share/lintian/*",
    "share/menu/*",
    "share/icons/*",
    "share/pixmaps/*",
    "share/runit/*",
)


def conda_path(path: str, *, triple: str) -> str | None:
    """Return where conda keeps what Debian keeps at ``path``; None for what it has no place for."""
    for debian, conda in _PLACES:
        directory = debian.format(triple=triple)
        if path.startswith(directory):
            return conda + path.removeprefix(directory)
    return None


def build_debian_package(
    recipe: DebianRecipe,
    debs: Sequence[Deb],
    *,
    architecture: Architecture,
    providers: Mapping[str, Provider],
    interpreter: Interpreter,
    patchelf: Path,
    staging: Path,
    output: Path,
    build_hash: str,
) -> Built:
    """Unpack ``debs`` into ``staging``, make them relocatable, and write the package."""
    timestamp = 0
    for deb in debs:
        timestamp = max(timestamp, _unpack(deb, recipe, staging, triple=architecture.triple))
    prefix = placeholder(recipe.name)
    _edit_texts(staging, prefix, triple=architecture.triple)
    edit = EDITS.get(recipe.name)
    if edit is not None:
        edit(staging, prefix)
    if recipe.name == "python":
        make_relocatable(staging, architecture)
    needed = set_search_paths(staging, providers=providers, patchelf=patchelf)
    if recipe.name == "python":
        interpreter.compile(staging, mtime=timestamp)
    requirements = {p.name: p.requirement() for p in needed if p.name != recipe.name}
    depends = {name: name for name in recipe.depends} | requirements
    suffix = "_cpython" if recipe.name == "python" else ""
    metadata = Metadata(
        name=recipe.name,
        version=debs[0].upstream_version,
        build=f"h{build_hash}_0{suffix}",
        subdir="noarch" if recipe.noarch else architecture.subdir,
        license=recipe.license,
        summary=f"Debian's {debs[0].name} {debs[0].version}",
        timestamp=timestamp,
        depends=tuple(depends[name] for name in sorted(depends)),
        constrains=recipe.constrains,
        noarch="generic" if recipe.noarch else None,
        tar_bz2=recipe.tar_bz2,
    )
    return write_package(staging, metadata, directory=output)


def _unpack(deb: Deb, recipe: DebianRecipe, staging: Path, *, triple: str) -> int:
    """Unpack into conda's places and return the newest time of all files."""
    newest = 0
    unwanted = (*_DEBIAN_ONLY, *recipe.drop)
    with open_data(deb.path) as tar:
        members = {member.name.removeprefix("./"): member for member in tar}
        # Files of the multiarch directories last: they are the real ones behind Debian's stubs.
        for name in sorted(members, key=lambda name: (f"/{triple}/" in name, name)):
            member = members[name]
            place = conda_path(name, triple=triple)
            newest = max(newest, int(member.mtime))
            if place is None or any(fnmatch.fnmatchcase(place, rule) for rule in unwanted):
                continue
            target = staging / place
            if member.issym():
                linked = _link_target(name, member.linkname, triple=triple)
                if linked is not None and not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.symlink_to(linked)
            elif member.isreg() or member.islnk():
                _copy(tar, member, target)
    for link in staging.glob("share/doc/*"):
        if link.is_symlink() and not link.exists():
            link.unlink()
    return newest


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    stream = tar.extractfile(member)
    if stream is None:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    with stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out)
    target.chmod(0o755 if member.mode & 0o100 else 0o644)


def _link_target(name: str, target: str, *, triple: str) -> str | None:
    """Return the link at ``name``, from conda's place to conda's place; None for none."""
    absolute = posixpath.normpath(posixpath.join("/", posixpath.dirname(name), target))
    place = conda_path(absolute.lstrip("/"), triple=triple)
    own = conda_path(name, triple=triple)
    if place is None or own is None or place == own:
        return None
    return posixpath.relpath(place, posixpath.dirname(own))


def _edit_texts(staging: Path, prefix: str, *, triple: str) -> None:
    for path in staging.rglob("*.pc"):
        text = path.read_text().replace(f"/usr/lib/{triple}", "/usr/lib")
        text = text.replace(f"/usr/include/{triple}", "/usr/include").replace("/usr", prefix)
        path.write_text(text)
    for path in (*staging.glob("bin/*"), *staging.glob("libexec/**/*")):
        if path.is_symlink() or not path.is_file():
            continue
        content = path.read_bytes()
        match = re.match(rb"#! ?/usr/bin/(python3?)[0-9.]*(?=\s)", content)
        if match is not None:
            path.write_bytes(f"#!{prefix}/bin/python".encode() + content[match.end() :])
