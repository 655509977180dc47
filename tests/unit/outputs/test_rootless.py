"""Containers without an engine: what is decided before the kernel is asked.

`tests/integration/test_run.py` really runs some.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from condabox.errors import BackendError, DigestMismatchError, ImageError
from condabox.events import SilentReporter
from condabox.oci.compress import Compression
from condabox.oci.config import ContainerConfig
from condabox.oci.descriptor import Descriptor
from condabox.oci.image import new_image
from condabox.oci.layer import write_layer
from condabox.oci.layout import BlobDirectory
from condabox.oci.manifest import ImageManifest
from condabox.oci.mediatype import OCI_LAYER
from condabox.oci.tarball import TarDirectory, TarLink
from condabox.outputs.engines import Program
from condabox.outputs.rootless import (
    Bind,
    Command,
    Isolation,
    find_isolation,
    namespace_options,
    run_apart,
    run_image,
    unpack,
)
from condabox.outputs.unpack import RootDirectory
from condabox.process import Heard
from tests.fakes.images import AMD64, EPOCH, make_image
from tests.fakes.tars import layer
from tests.fakes.watching import WatchingReporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.events import Reporter, Task
    from condabox.oci.image import Image
    from condabox.oci.tarball import TarEntry

PASSWD = b"root:x:0:0::/root:/bin/sh\napp:x:1000:100::/home/app:/bin/sh\n"


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(
        tmp_path / "made", {"etc/passwd": PASSWD}, {"bin/app": b"#!"}, config=ContainerConfig()
    )


def command(*, user: str = "", env: dict[str, str] | None = None, folder: str = "") -> Command:
    return Command(arguments=("app", "-v"), env=env or {}, working_dir=folder, user=user)


class FakeUnshare:
    """An `unshare` that starts nothing, and notes what it should have."""

    def __init__(self, folder: Path, script: str) -> None:
        self.path = folder / "unshare"
        self.folder = folder
        self.path.write_text(
            "#!/bin/sh\n"
            'for last; do :; done; state=$(dirname "$last")\n'
            f'echo "$@" > {folder}/arguments; cp "$last" {folder}/spec.json\n'
            f'(cd "$state/root" && find . | sort) > {folder}/tree\n'
            f"{script}\n"
        )
        self.path.chmod(0o755)

    @property
    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_text().split()

    @property
    def spec(self) -> dict[str, object]:
        found = json.loads((self.folder / "spec.json").read_text())
        assert isinstance(found, dict)
        return found

    @property
    def tree(self) -> list[str]:
        return (self.folder / "tree").read_text().split()

    def run(
        self,
        image: Image,
        wanted: Command,
        *,
        isolation: Isolation = Isolation.USER_NAMESPACE,
        reporter: Reporter | None = None,
    ) -> int:
        return run_image(
            image,
            wanted,
            unshare=str(self.path),
            isolation=isolation,
            folder=self.folder / "run",
            reporter=reporter or SilentReporter(),
        )


@pytest.fixture
def fake(tmp_path: Path) -> FakeUnshare:
    return FakeUnshare(tmp_path, ': > "$state/failure"; exit 7')


def left(folder: Path) -> list[Path]:
    return list((folder / "run").glob("run-*"))


def test_root_is_mapped_in_the_way_that_every_version_knows() -> None:
    options = namespace_options(Isolation.USER_NAMESPACE, uid=0, gid=0)

    assert options == (
        "--user",
        "--map-root-user",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
    )


def test_a_user_is_mapped_by_its_numbers_and_keeps_what_mounting_takes() -> None:
    options = namespace_options(Isolation.USER_NAMESPACE, uid=1000, gid=100)

    assert options[:4] == ("--user", "--map-user=1000", "--map-group=100", "--keep-caps")


def test_root_with_another_group_is_mapped_by_number() -> None:
    options = namespace_options(Isolation.USER_NAMESPACE, uid=0, gid=5)

    assert "--map-group=5" in options


def test_real_root_needs_no_user_namespace() -> None:
    options = namespace_options(Isolation.REAL_ROOT, uid=1000, gid=100)

    assert options == ("--mount", "--pid", "--fork", "--kill-child")


def test_a_user_namespace_is_preferred(fake: FakeUnshare) -> None:
    fake.path.write_text("#!/bin/sh\nexit 0\n")

    assert find_isolation(str(fake.path)) is Isolation.USER_NAMESPACE


@pytest.mark.parametrize(("uid", "fallback"), [(0, Isolation.REAL_ROOT), (1000, None)])
def test_only_real_root_can_do_without_a_user_namespace(
    fake: FakeUnshare, monkeypatch: pytest.MonkeyPatch, uid: int, fallback: Isolation | None
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    fake.path.write_text(
        '#!/bin/sh\ncase "$1" in --user) echo unshare: not permitted >&2; exit 1;; esac\n'
    )

    if fallback:
        assert find_isolation(str(fake.path)) is fallback
    else:
        with pytest.raises(BackendError, match="not permitted"):
            find_isolation(str(fake.path))


def test_where_no_namespace_is_allowed_the_hint_says_so(
    fake: FakeUnshare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    fake.path.write_text("#!/bin/sh\necho forbidden here >&2; exit 1\n")

    with pytest.raises(BackendError, match="forbidden here") as caught:
        find_isolation(str(fake.path))

    assert "podman" in str(caught.value.hint)


def test_the_exit_status_comes_back(fake: FakeUnshare, image: Image) -> None:
    assert fake.run(image, command()) == 7


def test_the_root_is_complete_while_it_runs_and_gone_after(fake: FakeUnshare, image: Image) -> None:
    fake.run(image, command(folder="/work"))

    assert {"./etc/passwd", "./bin/app", "./work", "./proc", "./dev"} <= set(fake.tree)
    assert left(fake.folder) == []


def test_the_hosts_names_are_known_in_the_container(fake: FakeUnshare, image: Image) -> None:
    fake.run(image, command())

    assert "./etc/resolv.conf" in fake.tree


def test_the_first_process_learns_what_to_do(fake: FakeUnshare, image: Image) -> None:
    fake.run(image, command(user="app", env={"A": "1"}, folder="work"))

    spec = fake.spec
    assert spec["arguments"] == ["app", "-v"]
    assert spec["working_dir"] == "/work"
    assert (spec["uid"], spec["gid"], spec["switch_user"]) == (1000, 100, False)
    assert fake.arguments[:3] == ["--user", "--map-user=1000", "--map-group=100"]
    assert spec["terminal"] is False


def test_the_variables_are_the_images_with_a_path_and_a_home(
    fake: FakeUnshare, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_HOST", "1")

    fake.run(image, command(user="app", env={"A": "1", "PATH": "/opt/env/bin"}))

    assert fake.spec["env"] == {"A": "1", "PATH": "/opt/env/bin", "HOME": "/home/app"}


def test_what_the_image_says_is_stronger_than_what_we_add(fake: FakeUnshare, image: Image) -> None:
    fake.run(image, command(env={"HOME": "/data"}))

    env = fake.spec["env"]
    assert isinstance(env, dict)
    assert env["HOME"] == "/data"
    assert env["PATH"].endswith("/bin")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_real_root_switches_to_the_user(fake: FakeUnshare, image: Image) -> None:
    fake.run(image, command(user="1000:5"), isolation=Isolation.REAL_ROOT)

    spec = fake.spec
    assert (spec["uid"], spec["gid"], spec["switch_user"]) == (1000, 5, True)
    assert "--user" not in fake.arguments


def test_nobody_else_can_look_into_the_root(fake: FakeUnshare, image: Image) -> None:
    fake.path.write_text(
        '#!/bin/sh\nfor last; do :; done; state=$(dirname "$last")\n'
        f': > "$state/failure"; stat -c %a "$state" "$state/root" > {fake.folder}/modes\n'
    )

    fake.run(image, command())

    assert (fake.folder / "modes").read_text().split() == ["700", "755"]


def test_a_container_that_cannot_be_set_up_is_explained(image: Image, tmp_path: Path) -> None:
    fake = FakeUnshare(tmp_path, 'echo -n cannot mount proc > "$state/failure"; exit 125')

    with pytest.raises(BackendError, match="cannot mount proc"):
        fake.run(image, command())

    assert left(tmp_path) == []


def test_unshare_that_fails_itself_is_explained(image: Image, tmp_path: Path) -> None:
    fake = FakeUnshare(tmp_path, "exit 1")

    with pytest.raises(BackendError, match="status 1"):
        fake.run(image, command())


def test_an_image_that_is_not_whole_leaves_nothing(image: Image, tmp_path: Path) -> None:
    (tmp_path / "made" / "blobs" / "sha256" / image.manifest.layers[1].digest.hex).unlink()
    fake = FakeUnshare(tmp_path, "exit 0")

    with pytest.raises(ImageError):
        fake.run(image, command())

    assert left(tmp_path) == []


def test_a_damaged_layer_is_not_run(fake: FakeUnshare, image: Image, tmp_path: Path) -> None:
    path = tmp_path / "made" / "blobs" / "sha256" / image.manifest.layers[1].digest.hex
    data = path.read_bytes()
    path.write_bytes(data[:4] + bytes([data[4] ^ 1]) + data[5:])  # a time in the header

    with pytest.raises(DigestMismatchError):
        fake.run(image, command())

    assert not (tmp_path / "spec.json").exists()


def test_what_follows_the_last_file_of_a_layer_is_checked_too(image: Image, tmp_path: Path) -> None:
    blobs = BlobDirectory(tmp_path / "padded")
    data = layer("f").getvalue() + bytes(3 << 20)
    digest = blobs.add(data)
    blobs.path_of(digest).write_bytes(data[:-1] + b"1")
    padded = ImageManifest.create(
        config=image.manifest.config,
        layers=[Descriptor(media_type=OCI_LAYER, digest=digest, size=len(data))],
        annotations={},
    )
    (tmp_path / "root").mkdir()

    with pytest.raises(DigestMismatchError):
        unpack(
            replace(image, manifest=padded, blobs=blobs),
            RootDirectory(tmp_path / "root", ownership=False),
            reporter=SilentReporter(),
        )


@pytest.mark.parametrize(
    "wanted",
    [
        Command(arguments=("a\0b",), env={}, working_dir="", user=""),
        Command(arguments=("a",), env={"A": "\0"}, working_dir="", user=""),
        Command(arguments=("a",), env={}, working_dir="../..", user=""),
        Command(arguments=("a",), env={}, working_dir="/etc/passwd\0", user=""),
        Command(arguments=("a",), env={}, working_dir="", user="nobody-knows"),
    ],
)
def test_what_cannot_be_run_is_refused(fake: FakeUnshare, image: Image, wanted: Command) -> None:
    with pytest.raises(ImageError):
        fake.run(image, wanted)

    assert left(fake.folder) == []


def test_what_a_crash_left_is_removed_and_what_runs_is_not(fake: FakeUnshare, image: Image) -> None:
    crashed, running = fake.folder / "run" / "run-crashed", fake.folder / "run" / "run-running"
    for state in (crashed, running):
        (state / "root").mkdir(parents=True)
        (state / "alive").touch()
    with (running / "alive").open() as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        fake.run(image, command())

    assert left(fake.folder) == [running]


def test_the_pipe_for_signals_is_ours_alone(image: Image, tmp_path: Path) -> None:
    fake = FakeUnshare(
        tmp_path, f'stat -c "%a %F" "$state/control" > {tmp_path}/control; : > "$state/failure"'
    )

    fake.run(image, command())

    assert (tmp_path / "control").read_text().split() == ["600", "fifo"]


def apart(image: Image, fake: FakeUnshare) -> Heard:
    return run_apart(
        image,
        Program(arguments=("app", "-v"), stdin=b"told", seconds=60, most=1000),
        unshare=str(fake.path),
        isolation=Isolation.USER_NAMESPACE,
        folder=fake.folder / "run",
        reporter=SilentReporter(),
    )


def test_what_is_run_apart_has_a_network_of_its_own_and_no_terminal(
    tmp_path: Path, image: Image
) -> None:
    fake = FakeUnshare(tmp_path, 'cat; : > "$state/failure"; exit 7')

    assert apart(image, fake) == Heard(returncode=7, said=b"told")
    assert fake.arguments[0] == "--net"
    assert (fake.spec["terminal"], fake.spec["loopback"]) == (False, True)
    assert fake.spec["arguments"] == ["app", "-v"]
    assert left(tmp_path) == []


def test_why_nothing_can_run_apart_is_explained(tmp_path: Path, image: Image) -> None:
    fake = FakeUnshare(tmp_path, "echo unshare: not permitted; exit 1")

    with pytest.raises(BackendError, match="status 1: unshare: not permitted"):
        apart(image, fake)


def bound(fake: FakeUnshare, image: Image, *binds: Bind) -> object:
    fake.run(image, replace(command(), binds=binds))
    return fake.spec["binds"]


def test_a_folder_is_bound_where_the_image_has_one_for_it(
    fake: FakeUnshare, image: Image, tmp_path: Path
) -> None:
    source = tmp_path / "data"
    source.mkdir()

    found = bound(fake, image, Bind(source=source, target="/srv/data"))

    assert isinstance(found, list)
    ((host, place),) = found
    assert host == str(source)
    assert place.endswith("/root/srv/data")
    assert "./srv/data" in fake.tree


def test_a_file_is_bound_over_a_file(fake: FakeUnshare, image: Image, tmp_path: Path) -> None:
    source = tmp_path / "keys"
    source.write_text("ssh-ed25519 AAAA")

    bound(fake, image, Bind(source=source, target="/run/secrets/authorized_keys"))

    assert "./run/secrets/authorized_keys" in fake.tree
    assert source.read_text() == "ssh-ed25519 AAAA"


def test_a_volume_is_made_and_stays(fake: FakeUnshare, image: Image, tmp_path: Path) -> None:
    source = tmp_path / "volumes" / "condabox-ai"

    for _ in range(2):
        bound(fake, image, Bind(source=source, target="/workspace"))
        (source / "kept").touch()

    assert [path.name for path in source.iterdir()] == ["kept"]


def image_of(folder: Path, *entries: TarEntry) -> Image:
    blobs = BlobDirectory(folder / "blobs")
    written = write_layer(
        entries, mtime=EPOCH, compression=Compression.GZIP, blobs=blobs, annotations={}
    )
    return new_image(
        base=None,
        layers=[(written, "all")],
        blobs=blobs,
        config=ContainerConfig(),
        platform=AMD64,
        epoch=EPOCH,
        annotations={},
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_volume_that_root_makes_is_the_images_user_s(fake: FakeUnshare, tmp_path: Path) -> None:
    home = TarDirectory(path="workspace", mode=0o775, uid=1000, gid=7)
    source = tmp_path / "volumes" / "condabox-ai"
    wanted = replace(command(), binds=(Bind(source=source, target="/workspace"),))

    fake.run(image_of(tmp_path / "made", home), wanted, isolation=Isolation.REAL_ROOT)

    found = source.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o7777) == (1000, 7, 0o775)


def test_no_link_of_the_image_leads_a_volume_out_of_it(fake: FakeUnshare, tmp_path: Path) -> None:
    source, outside = tmp_path / "volume", tmp_path / "outside"
    outside.mkdir()
    image = image_of(tmp_path / "made", TarLink(path="workspace", target=f"{outside}"))

    found = bound(fake, image, Bind(source=source, target="/workspace/inner"))

    assert isinstance(found, list)
    assert "/run/run-" in found[0][1]
    assert list(outside.iterdir()) == []


def test_what_cannot_be_a_volume_is_named(fake: FakeUnshare, image: Image, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(BackendError, match="below cannot be a volume: Not a directory"):
        bound(fake, image, Bind(source=tmp_path / "file" / "below", target="/x"))


def test_the_user_sees_that_files_are_being_removed(fake: FakeUnshare, image: Image) -> None:
    told = WatchingReporter()

    fake.run(image, command(), reporter=told)

    assert [name for name, _, _ in told.tasks] == ["Unpacking", "Removing the container's files"]


class Breaking(SilentReporter):
    """Somebody who listens no more while files are removed: from the start, or at the end."""

    def __init__(self, error: Exception, *, at_start: bool) -> None:
        self.error = error
        self.at_start = at_start

    @contextmanager
    def task(self, description: str, *, total: int | None) -> Iterator[Task]:
        ours = description.startswith("Removing")
        if ours and self.at_start:
            raise self.error
        with super().task(description, total=total) as task:
            yield task
        if ours:
            raise self.error


def still_open(folder: Path) -> list[str]:
    """Return what this process has open below ``folder``, removed or not."""
    links = (os.path.realpath(each) for each in Path("/proc/self/fd").iterdir())
    return [link for link in links if link.startswith(f"{folder}/run/run-")]


@pytest.mark.parametrize("at_start", [True, False])
def test_files_are_removed_though_nobody_can_see_it(
    fake: FakeUnshare, image: Image, *, at_start: bool
) -> None:
    closed = Breaking(OSError(errno.EIO, "Input/output error"), at_start=at_start)

    assert fake.run(image, command(), reporter=closed) == 7
    assert (left(fake.folder), still_open(fake.folder)) == ([], [])


@pytest.mark.parametrize("at_start", [True, False])
def test_files_are_removed_whatever_becomes_of_the_reporter(
    fake: FakeUnshare, image: Image, *, at_start: bool
) -> None:
    broken = Breaking(ValueError("I/O operation on closed file"), at_start=at_start)

    with pytest.raises(ValueError, match="closed file"):
        fake.run(image, command(), reporter=broken)

    assert (left(fake.folder), still_open(fake.folder)) == ([], [])
