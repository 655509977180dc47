"""One platform's build: what docker is told, where the image comes from, and what is left."""

from __future__ import annotations

import os
import re
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condabox.backends.docker.builder import Builder, Progress
from condabox.backends.docker.building import build_platform
from condabox.backends.docker.cache import CacheOptions
from condabox.errors import BackendError, ImageError
from condabox.oci.archive import write_archive
from condabox.oci.layout import BlobDirectory
from condabox.oci.validate import validate_image
from condabox.settings import Settings
from tests.fakes.docker import FakeDaemon
from tests.fakes.dockersave import docker_save, plain_layers
from tests.fakes.images import AMD64, ARM64, EPOCH, make_image
from tests.fakes.programs import Programs
from tests.fakes.watching import WatchingReporter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from condabox.oci.image import Image
    from condabox.platforms import Platform

OLD_YOUNG_OTHER = (".built-old", ".built-young", "sha256")
TAGGED = re.compile(r"--tag (condabox\.invalid/build:[0-9a-f]{16}) ")


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_image(tmp_path / "made", {"bin/a": b"a" * 5000}, {"etc/b": b"b"})


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    with FakeDaemon(tmp_path).running() as running:
        monkeypatch.setenv("DOCKER_HOST", running.host)
        yield running


class Docker:
    """A command that gives ``image`` as Docker does, and says what it was told."""

    def __init__(self, tmp_path: Path, daemon: FakeDaemon, programs: Programs) -> None:
        self.folder = tmp_path
        self.daemon = daemon
        self.programs = programs
        self.reporter = WatchingReporter()
        self.settings = Settings(cache_dir=tmp_path / "cache")
        self.builder = Builder(
            command=(str(programs.folder / "docker"), "build"),
            env={**os.environ, "HTTP_PROXY": ""},
            progress=Progress.PLAIN,
            buildx=False,
            stored=True,
        )

    def gives(self, image: Image, *, build: str = ":") -> None:
        saved = docker_save(self.folder / "saved.tar", image)
        write_archive(self.folder / "image.tar", [image], names=[])
        self.programs.add(
            "docker",
            f"""case "$1 $2" in
"image inspect") echo {image.config.digest};;
"image save") cat {saved};;
*)
    echo "$*" >>{self.folder}/told
    for word; do
        dest="${{word#type=oci,dest=}}"
        test "$dest" = "$word" || cat {self.folder}/image.tar >"${{dest%%,*}}"
    done
    {build};;
esac""",
        )

    def told(self) -> str:
        return (self.folder / "told").read_text()

    def tag(self) -> str:
        match = TAGGED.search(self.told())
        assert match
        return match[1]

    def build(
        self,
        *,
        platform: Platform = AMD64,
        hosts: tuple[str, ...] = (),
        secrets: dict[str, Path] | None = None,
        cache: CacheOptions | None = None,
        epoch: int | None = EPOCH,
    ) -> AbstractContextManager[Image]:
        return build_platform(
            self.folder / "context",
            target="prod",
            platform=platform,
            epoch=epoch,
            hosts=hosts,
            builder=self.builder,
            secrets=secrets or {},
            cache=cache or CacheOptions(),
            settings=self.settings,
            blobs=BlobDirectory(self.folder / "blobs"),
            reporter=self.reporter,
        )


@pytest.fixture
def docker(
    tmp_path: Path, daemon: FakeDaemon, image: Image, monkeypatch: pytest.MonkeyPatch
) -> Docker:
    docker = Docker(tmp_path, daemon, Programs(tmp_path / "bin", monkeypatch))
    docker.gives(image)
    return docker


def into_files(docker: Docker) -> None:
    docker.builder = replace(docker.builder, buildx=True, stored=False)


def test_an_image_comes_out_of_the_daemon(docker: Docker, image: Image) -> None:
    with docker.build() as made:
        assert plain_layers(made) == plain_layers(image)
        assert made.config == image.config
        assert validate_image(made) == ()

    assert docker.told() == (
        "build --target prod --platform linux/amd64 --progress plain"
        f" --build-arg SOURCE_DATE_EPOCH={EPOCH} --tag {docker.tag()} {docker.folder}/context\n"
    )


def test_without_a_time_of_the_user_s_all_images_have_the_same_in_their_layers(
    docker: Docker,
) -> None:
    with docker.build(epoch=None):
        assert " --build-arg SOURCE_DATE_EPOCH=1000000000 " in docker.told()


def test_a_time_before_all_others_is_a_time(docker: Docker) -> None:
    with docker.build(epoch=0):
        assert " --build-arg SOURCE_DATE_EPOCH=0 " in docker.told()


def test_buildx_is_told_to_give_it_to_the_daemon(docker: Docker) -> None:
    docker.builder = replace(docker.builder, buildx=True)

    with docker.build():
        assert f" --load --tag {docker.tag()} " in docker.told()


def test_an_image_comes_in_a_file(docker: Docker, image: Image) -> None:
    into_files(docker)

    with docker.build() as made:
        assert (made.manifest, made.config) == (image.manifest, image.config)
        assert validate_image(made) == ()

    assert re.search(r" --output type=oci,dest=\S+,rewrite-timestamp=true ", docker.told())
    assert "--tag" not in docker.told()
    assert list((docker.folder / "cache" / "docker").glob(".*")) == []


def test_the_daemon_has_the_image_until_the_context_ends(
    docker: Docker, daemon: FakeDaemon
) -> None:
    with docker.build():
        daemon.tags = {"sha256:made": ["ai:1", docker.tag()]}

    assert daemon.tags == {"sha256:made": ["ai:1"]}


def test_several_builds_have_names_of_their_own(docker: Docker, daemon: FakeDaemon) -> None:
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(docker.build())
        tags = TAGGED.findall(docker.told())
        daemon.tags = {"sha256:made": tags.copy()}

    assert len(set(tags)) == 2
    assert daemon.tags == {"sha256:made": []}


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ImageError("no")])
def test_whatever_ends_it_the_name_goes(
    docker: Docker, daemon: FakeDaemon, error: BaseException
) -> None:
    def end_badly() -> None:
        with docker.build():
            daemon.tags = {"sha256:made": [docker.tag()]}
            raise error

    with pytest.raises((KeyboardInterrupt, SystemExit, ImageError)):
        end_badly()

    assert daemon.tags == {"sha256:made": []}


def test_a_name_that_stays_is_told_of(docker: Docker, daemon: FakeDaemon) -> None:
    daemon.refusals = ["the disk is read-only"]

    with docker.build():
        daemon.tags = {"sha256:made": [docker.tag()]}

    [warning] = docker.reporter.warnings
    assert f"an image may still be called {docker.tag()} in Docker" in warning
    assert "the disk is read-only" in warning


@pytest.mark.parametrize("stored", [True, False])
def test_a_step_that_fails_is_the_error_and_nothing_stays(
    docker: Docker, daemon: FakeDaemon, image: Image, *, stored: bool
) -> None:
    docker.builder = replace(docker.builder, buildx=True, stored=stored)
    step = "#1 [1/1] RUN false"
    said = "\\n".join((step, "#1 0.1 it is broken", "#1 ERROR: exit code: 1"))
    docker.gives(image, build=f'printf "{said}\\n" >&2; exit 1')

    with pytest.raises(BackendError, match="it is broken"), docker.build():
        pass

    assert daemon.removed == []
    assert docker.reporter.warnings == []
    assert list((docker.folder / "cache").glob("docker/.*")) == []
    assert not (docker.folder / "blobs").exists()


@pytest.mark.parametrize("stored", [True, False])
def test_an_image_for_another_platform_is_an_error(docker: Docker, *, stored: bool) -> None:
    docker.builder = replace(docker.builder, stored=stored)

    with pytest.raises(ImageError, match="linux/arm64"), docker.build(platform=ARM64):
        pass


def test_a_file_that_is_no_image_is_an_error(docker: Docker) -> None:
    into_files(docker)
    (docker.folder / "image.tar").write_bytes(b"")

    with pytest.raises(ImageError), docker.build():
        pass

    assert list((docker.folder / "cache" / "docker").glob(".*")) == []


def test_secrets_are_given_by_their_files(docker: Docker, tmp_path: Path) -> None:
    with docker.build(secrets={"netrc": tmp_path / "a,b", "ca": tmp_path / "c"}):
        pass

    assert f' --secret id=ca,src={tmp_path}/c --secret id=netrc,"src={tmp_path}/a,b" ' in (
        docker.told()
    )


def test_proxies_are_given_by_name_alone(docker: Docker) -> None:
    proxies = {"HTTP_PROXY": "http://proxy:1", "no_proxy": "localhost", "ALL_PROXY": ""}
    docker.builder = replace(docker.builder, env={**os.environ, **proxies, "HTTPS_PROXY": ""})

    with docker.build():
        told = docker.told()

    assert " --build-arg HTTP_PROXY --build-arg no_proxy --tag " in told
    assert "proxy:1" not in told
    assert "--network" not in told


def test_a_proxy_with_a_password_is_no_build_argument_and_docker_itself_knows_it(
    docker: Docker, image: Image
) -> None:
    proxies = {"HTTPS_PROXY": "http://me:hunter2@proxy:1", "NO_PROXY": "localhost"}
    docker.builder = replace(docker.builder, env={**os.environ, **proxies})
    docker.gives(image, build=f'echo "$HTTPS_PROXY" >{docker.folder}/known')

    with docker.build():
        told = docker.told()

    assert " --build-arg NO_PROXY --tag " in told
    assert "HTTPS_PROXY" not in told
    assert (docker.folder / "known").read_text() == "http://me:hunter2@proxy:1\n"


@pytest.mark.parametrize(
    ("hosts", "proxy", "own"),
    [
        (("conda.example.com",), "", False),
        (("conda.example.com", "127.0.0.1"), "", True),
        (("localhost",), "", True),
        (("::1",), "", True),
        ((), "http://me:pw@127.0.0.1:3128", True),
        ((), "localhost:3128", True),
        ((), "http://[broken", False),
    ],
)
def test_what_is_on_this_machine_is_reached_by_its_network(
    docker: Docker, *, hosts: tuple[str, ...], proxy: str, own: bool
) -> None:
    docker.builder = replace(docker.builder, env={**os.environ, "HTTP_PROXY": proxy})

    with docker.build(hosts=hosts):
        assert (" --network host " in docker.told()) == own


def test_caches_are_given_as_they_are_named(docker: Docker) -> None:
    into_files(docker)
    cache = CacheOptions(cache_from=("type=registry,ref=a", "b"), cache_to=("type=local,dest=c",))

    with docker.build(cache=cache):
        told = docker.told()

    words = "--cache-from type=registry,ref=a --cache-from b --cache-to type=local,dest=c"
    assert f" {words} " in told


def test_an_old_command_can_leave_no_cache(docker: Docker) -> None:
    with (
        pytest.raises(BackendError, match="cannot leave its cache") as caught,
        docker.build(cache=CacheOptions(cache_to=("type=local,dest=c",))),
    ):
        pass

    assert "buildx" in str(caught.value.hint)
    assert not (docker.folder / "told").exists()


def test_an_old_command_takes_no_cache_but_an_image_s(docker: Docker) -> None:
    with (
        pytest.raises(BackendError, match="takes a cache from images alone") as caught,
        docker.build(cache=CacheOptions(cache_from=("a:1", "type=registry,ref=b"))),
    ):
        pass

    assert "type=registry,ref=b" in caught.value.message
    assert "buildx" in str(caught.value.hint)
    assert not (docker.folder / "told").exists()


def test_an_old_command_takes_the_cache_of_an_image(docker: Docker) -> None:
    with docker.build(cache=CacheOptions(cache_from=("a:1",))):
        assert " --cache-from a:1 --tag " in docker.told()


def test_every_step_runs_anew_where_that_is_asked_for(docker: Docker) -> None:
    with docker.build(cache=CacheOptions(anew=True)):
        assert " --no-cache --tag " in docker.told()


def test_what_killed_builds_left_long_ago_goes(docker: Docker) -> None:
    into_files(docker)
    old, young, other = (docker.folder / "cache" / "docker" / name for name in OLD_YOUNG_OTHER)
    for folder in (old, young, other):
        folder.mkdir(parents=True)
        (folder / "image.tar").write_bytes(b"")
    for folder in (old, other):
        os.utime(folder, (EPOCH, EPOCH))

    with docker.build():
        pass

    assert [each.exists() for each in (old, young, other)] == [False, True, True]
