"""Make the stand-in for ubuntu:24.04 of Debian packages: one layer for each architecture.

It is like ubuntu's image in function and layout, not in content: glibc, shells and the usual
commands, merged /usr, the user `ubuntu`; no apt, no dpkg, no perl.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING

from condabox.content import BytesContent
from condabox.oci.compress import Compression
from condabox.oci.config import ContainerConfig
from condabox.oci.image import new_image
from condabox.oci.layer import write_layer
from condabox.oci.tarball import TarDirectory, TarFile, TarLink
from condabox.platforms import platform_of_subdir
from tests.world.apt import control_text, open_data

if TYPE_CHECKING:
    import tarfile
    from collections.abc import Iterator, Mapping, Sequence

    from condabox.oci.image import Image
    from condabox.oci.layout import ImageLayout
    from condabox.oci.tarball import TarEntry
    from tests.world.apt import Deb
    from tests.world.architectures import Architecture

EPOCH = 1_714_000_000
"""The image's time: about when Ubuntu 24.04 came out."""

_MERGED = ("bin", "lib", "lib64", "sbin")

_DROPPED = (
    "etc/init.d/*",
    "etc/update-motd.d/*",
    "usr/share/bug/*",
    "usr/share/doc-base/*",
    "usr/share/info/*",
    "usr/share/lintian/*",
    "usr/share/locale/*",
    "usr/share/man/*",
)

_DIRECTORIES: Mapping[str, int] = {
    **dict.fromkeys(("boot", "dev", "home/ubuntu", "media", "mnt", "opt", "proc", "run"), 0o755),
    **dict.fromkeys(("srv", "sys", "usr/local/bin", "usr/local/lib", "var/lib/dpkg"), 0o755),
    "root": 0o700,
    "tmp": 0o1777,
    "var/tmp": 0o1777,
}

_UBUNTU_ID = 1000

_OS_RELEASE = """\
PRETTY_NAME="Ubuntu 24.04 LTS (a stand-in, made of Debian packages)"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04 LTS (Noble Numbat)"
VERSION_CODENAME=noble
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=noble
"""


def add_ubuntu(
    layout: ImageLayout, debs: Mapping[Architecture, Sequence[Deb]], *, name: str
) -> None:
    """Store the image of each architecture, made of its ``debs``, in ``layout`` as ``name``."""
    layout.add([_image(layout, debs[each], each) for each in debs], name=name)


def base_entries(debs: Sequence[Deb], *, triple: str) -> tuple[TarEntry, ...]:
    """Return the root file system that ``debs`` make, in the order that layers want."""
    entries: dict[str, TarEntry] = {
        path: TarDirectory(path=path, mode=mode) for path, mode in _DIRECTORIES.items()
    }
    entries["home/ubuntu"] = TarDirectory(
        path="home/ubuntu", mode=0o750, uid=_UBUNTU_ID, gid=_UBUNTU_ID
    )
    for deb in debs:
        with open_data(deb.path) as tar:
            entries.update((entry.path, entry) for entry in _unpacked(tar))
    for entry in _configuration(entries, debs):
        entries[entry.path] = entry
    merged = _MERGED if triple.startswith("x86_64") else tuple(set(_MERGED) - {"lib64"})
    for path in merged:
        entries[path] = TarLink(path=path, target=f"usr/{path}")
    return tuple(entries[path] for path in sorted(entries, key=str.encode))


def _image(layout: ImageLayout, debs: Sequence[Deb], architecture: Architecture) -> Image:
    layer = write_layer(
        base_entries(debs, triple=architecture.triple),
        mtime=EPOCH,
        compression=Compression.GZIP,
        blobs=layout.blobs,
        annotations={},
    )
    return new_image(
        base=None,
        layers=((layer, "the stand-in for ubuntu"),),
        blobs=layout.blobs,
        config=ContainerConfig(
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            cmd=("/bin/bash",),
            labels={
                "org.opencontainers.image.ref.name": "ubuntu",
                "org.opencontainers.image.version": "24.04",
            },
        ),
        platform=platform_of_subdir(architecture.subdir),
        epoch=EPOCH,
        annotations={},
    )


def merged_path(name: str) -> str:
    """Return where a file of Debian lies once /bin, /lib and /sbin are links into /usr."""
    path = name.removeprefix("./").rstrip("/")
    return f"usr/{path}" if path.partition("/")[0] in _MERGED else path


def _unpacked(tar: tarfile.TarFile) -> Iterator[TarEntry]:
    for member in tar:
        path = merged_path(member.name)
        unwanted = fnmatch.fnmatchcase(path, "usr/share/doc/*") and not path.endswith("/copyright")
        if unwanted or any(fnmatch.fnmatchcase(path, rule) for rule in _DROPPED):
            continue
        stream = tar.extractfile(member) if member.isreg() or member.islnk() else None
        if member.issym():
            yield TarLink(path=path, target=member.linkname)
        elif stream is not None:
            yield TarFile(path=path, content=BytesContent(stream.read()), mode=member.mode)


def _configuration(entries: Mapping[str, TarEntry], debs: Sequence[Deb]) -> Iterator[TarEntry]:
    """Yield what the packages' installation scripts would have written."""

    def shipped(path: str) -> str:
        entry = entries[path]
        if not isinstance(entry, TarFile):
            raise TypeError(f"{path} is no file")
        return b"".join(entry.content.chunks()).decode()

    user = f"ubuntu:x:{_UBUNTU_ID}:{_UBUNTU_ID}"
    passwd = shipped("usr/share/base-passwd/passwd.master").replace(":*:", ":x:")
    group = shipped("usr/share/base-passwd/group.master").replace(":*:", ":x:")
    accounts = [line.partition(":")[0] for line in passwd.splitlines()]
    shadow = "".join(f"{account}:*:19000:0:99999:7:::\n" for account in (*accounts, "ubuntu"))
    status = "\n".join(_status(control_text(deb.path)) for deb in debs)
    for path, text, mode in (
        ("etc/passwd", f"{passwd}{user}:Ubuntu:/home/ubuntu:/bin/bash\n", 0o644),
        ("etc/group", f"{group}ubuntu:x:{_UBUNTU_ID}:\n", 0o644),
        ("etc/shadow", shadow, 0o640),
        ("etc/nsswitch.conf", shipped("usr/share/libc-bin/nsswitch.conf"), 0o644),
        ("etc/profile", shipped("usr/share/base-files/profile"), 0o644),
        ("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n", 0o644),
        ("usr/lib/os-release", _OS_RELEASE, 0o644),
        ("var/lib/dpkg/status", status, 0o644),
    ):
        yield TarFile(path=path, content=BytesContent(text.encode()), mode=mode)
    yield TarLink(path="etc/os-release", target="../usr/lib/os-release")
    yield TarLink(path="usr/bin/sh", target="dash")
    yield TarLink(path="usr/bin/awk", target="mawk")


def _status(control: str) -> str:
    first, _, rest = control.partition("\n")
    return f"{first}\nStatus: install ok installed\n{rest}"
