from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from condabox.conda.envfile.section import ImageSection
from condabox.errors import LockError, SpecError, StaleLockError
from condabox.events import SilentReporter
from condabox.oci.compress import Compression
from condabox.platforms import Platform
from condabox.settings import Settings
from condabox.workflows import build_source
from condabox.workflows.build_request import BuildRequest, LockPolicy
from condabox.workflows.build_source import find_source

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.errors import CondaboxError
    from condabox.events import Reporter
    from condabox.workflows.build_source import BuildSource

FORGE = "https://conda.anaconda.org/conda-forge"
ANACONDA = "https://repo.anaconda.com/pkgs/main"
AMD64 = Platform(os="linux", architecture="amd64")
ARM64 = Platform(os="linux", architecture="arm64")
SHA256 = "ab" * 32
ENVIRONMENT = """\
name: serving
channels: [conda-forge]
dependencies: [python]
platforms: [linux-64]
variables: {A: b}
condabox: {base: "debian:12", cmd: [serve]}
"""


SILENT = SilentReporter()


def explicit(*subdirs: str) -> str:
    lines = [f"{FORGE}/{subdir}/tool-{subdir}-1.0-0.conda#{SHA256}" for subdir in subdirs]
    return "\n".join(["@EXPLICIT", *lines])


def pixi(**environments: tuple[str, ...]) -> str:
    """Return a pixi.lock; each environment has one package for each of its subdirs."""
    return yaml.safe_dump(
        {
            "version": 6,
            "environments": {
                name: {
                    "channels": [{"url": FORGE}],
                    "packages": {
                        subdir: [{"conda": f"{FORGE}/{subdir}/{name}-1.0-0.conda"}]
                        for subdir in subdirs
                    },
                }
                for name, subdirs in environments.items()
            },
            "packages": [
                {"conda": f"{FORGE}/{subdir}/{name}-1.0-0.conda", "sha256": SHA256}
                for name, subdirs in environments.items()
                for subdir in subdirs
            ],
        }
    )


def conda_lock(*subdirs: str, custom: dict[str, str] | None = None) -> str:
    return yaml.safe_dump(
        {
            "version": 1,
            "metadata": {
                "channels": [{"url": "conda-forge", "used_env_vars": []}],
                "platforms": list(subdirs),
                "custom_metadata": custom or {},
            },
            "package": [
                {
                    "name": "tool",
                    "version": "1.0",
                    "manager": "conda",
                    "platform": subdir,
                    "dependencies": {},
                    "url": f"{FORGE}/{subdir}/tool-1.0-0.conda",
                    "hash": {"sha256": SHA256},
                }
                for subdir in subdirs
            ],
        }
    )


OURS = {
    "condabox": "1",
    "condabox-base": "debian:12",
    "condabox-base-digest-linux-64": f"sha256:{SHA256}",
    "condabox-inputs-linux-64": '{"channels":[],"conda":{},"pip":{},"virtual_packages":{}}',
}


@pytest.fixture(autouse=True)
def _on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_source, "host_subdir", lambda: "linux-64")


class Warned(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def find(
    environment: Path,
    *platforms: Platform,
    lock_file: Path | None = None,
    lock_environment: str | None = None,
    policy: LockPolicy = LockPolicy.MAKE,
    reporter: Reporter = SILENT,
) -> BuildSource:
    request = BuildRequest(
        environment=environment,
        lock_file=lock_file,
        lock_environment=lock_environment,
        names=(),
        platforms=platforms,
        base=None,
        output=None,
        load=False,
        lock_policy=policy,
        budget=40,
        compression=Compression.GZIP,
        epoch=None,
    )
    settings = Settings(cache_dir=environment.parent / "cache")
    return find_source(request, settings=settings, env={}, reporter=reporter)


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ai.conda-lock.yml", "ai"),
        ("ai.lock.txt", "ai"),
        ("My App.lock", "my-app"),
        ("ai-linux-64.lock", "ai"),
        ("gpu_linux-64_conda_spec.txt", "gpu"),
        ("default_linux-64_conda_spec.txt", "team-s"),
        ("conda-linux-64.lock", "team-s"),
        ("linux-64.lock.txt", "team-s"),
        ("conda-lock.yml", "team-s"),
        ("spec-file.txt", "team-s"),
        ("explicit.txt", "team-s"),
    ],
)
def test_the_image_is_called_like_the_file_or_its_folder(
    tmp_path: Path, name: str, expected: str
) -> None:
    path = write(tmp_path / "Team S.", name, explicit("linux-64"))

    assert find(path).name == expected


def test_environments_of_one_pixi_lock_give_images_of_different_names(tmp_path: Path) -> None:
    path = write(tmp_path / "app", "pixi.lock", pixi(default=("linux-64",), gpu=("linux-64",)))

    found = {chosen: find(path, lock_environment=chosen) for chosen in (None, "default", "gpu")}

    assert {chosen: source.name for chosen, source in found.items()} == {
        None: "app",
        "default": "app",
        "gpu": "app-gpu",
    }
    (package,) = found["gpu"].lock.packages["linux-64"]
    assert package.name == "gpu"


def test_a_name_that_no_image_can_have_is_replaced(tmp_path: Path) -> None:
    assert find(write(tmp_path, "数据.lock", explicit("linux-64"))).name == "environment"


def test_a_lock_alone_has_the_default_section(tmp_path: Path) -> None:
    found = find(write(tmp_path, "x.lock", explicit("linux-64", "noarch")))

    assert found.image == ImageSection()
    assert (found.variables, found.subdirs) == ({}, ("linux-64",))


def test_a_lock_of_condabox_alone_knows_its_base(tmp_path: Path) -> None:
    path = write(tmp_path, "ai.conda-lock.yml", conda_lock("linux-64", custom=OURS))

    found = find(path)

    assert (found.name, found.image.base) == ("ai", "debian:12")
    assert found.lock.base_digests == {"linux-64": f"sha256:{SHA256}"}


@pytest.mark.parametrize("name", ["ai.yml", "ai.yaml"])
def test_the_lock_of_an_environment_file_beside_it_is_taken_for_a_slip(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path, name, ENVIRONMENT)
    path = write(tmp_path, "ai.conda-lock.yml", conda_lock("linux-64", custom=OURS))

    with pytest.raises(LockError, match=f"is the lock of .*{name}") as caught:
        find(path)

    assert f"condabox build {tmp_path / name}" in str(caught.value.hint)


def test_a_lock_of_others_is_built_beside_any_environment_file(tmp_path: Path) -> None:
    write(tmp_path, "conda-lock.yml", conda_lock("linux-64"))
    write(tmp_path, "ai.yml", ENVIRONMENT)

    for name in ("conda-lock.yml", "ai.conda-lock.yml"):
        assert find(write(tmp_path, name, conda_lock("linux-64"))).subdirs == ("linux-64",)


@pytest.mark.parametrize("policy", [LockPolicy.MAKE, LockPolicy.LOCKED])
def test_a_lock_of_others_in_the_place_of_its_own_is_stale(
    tmp_path: Path, policy: LockPolicy
) -> None:
    environment = write(tmp_path, "ai.yml", ENVIRONMENT)
    write(tmp_path, "ai.conda-lock.yml", conda_lock("linux-64"))

    with pytest.raises(StaleLockError, match="is stale\n    inputs") as caught:
        find(environment, policy=policy)

    assert "keeps its packages" in str(caught.value.hint)
    assert find(environment, policy=LockPolicy.FROZEN).subdirs == ("linux-64",)


def test_the_section_may_come_from_one_file_and_the_packages_from_another(tmp_path: Path) -> None:
    environment = write(tmp_path, "ai.yml", ENVIRONMENT)
    lock = write(tmp_path, "pixi.lock", pixi(gpu=("linux-64", "linux-aarch64")))

    found = find(environment, lock_file=lock, lock_environment="gpu")

    assert (found.path, found.name, found.variables) == (environment, "serving", {"A": "b"})
    assert (found.image.base, found.image.cmd) == ("debian:12", ("serve",))
    assert [package.name for package in found.lock.packages["linux-64"]] == ["gpu"]
    assert not environment.with_name("ai.conda-lock.yml").exists()


@pytest.mark.parametrize(
    ("locked", "asked", "expected"),
    [
        pytest.param(("linux-64", "linux-aarch64"), (), ("linux-64",), id="the host's"),
        pytest.param(("linux-aarch64", "osx-64"), (), ("linux-aarch64",), id="the only one"),
        pytest.param(
            ("linux-64", "linux-aarch64"), (ARM64, AMD64), ("linux-aarch64", "linux-64"), id="both"
        ),
    ],
)
def test_a_lock_is_built_for_what_is_asked_for(
    tmp_path: Path,
    locked: tuple[str, ...],
    asked: tuple[Platform, ...],
    expected: tuple[str, ...],
) -> None:
    assert find(write(tmp_path, "pixi.lock", pixi(default=locked)), *asked).subdirs == expected
    assert find(write(tmp_path, "x.lock.yml", conda_lock(*locked)), *asked).subdirs == expected


def test_noarch_packages_are_for_the_platforms_that_are_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "x.txt", explicit("noarch"))

    found = find(path, ARM64, AMD64)

    assert found.subdirs == ("linux-aarch64", "linux-64")
    assert found.lock.packages["linux-64"] == found.lock.packages["linux-aarch64"]
    with pytest.raises(LockError, match="does not tell its platform") as caught:
        find(path)
    assert caught.value.hint == "choose one, such as --platform linux/amd64"


@pytest.mark.parametrize(
    ("name", "content", "hint"),
    [
        ("x.txt", explicit("linux-64"), "give the one for linux-aarch64"),
        ("pixi.lock", pixi(default=("linux-64",)), "and run `pixi lock`"),
        ("conda-lock.yml", conda_lock("linux-64"), "with `--platform linux-aarch64` too"),
    ],
)
def test_a_platform_that_is_not_locked_is_told_with_what_to_do(
    tmp_path: Path, name: str, content: str, hint: str
) -> None:
    with pytest.raises(LockError, match="no packages for linux-aarch64, only for") as caught:
        find(write(tmp_path, name, content), ARM64)

    assert hint in str(caught.value.hint)


def test_a_platform_with_packages_that_cannot_be_installed_is_refused_alone(
    tmp_path: Path,
) -> None:
    content = yaml.safe_load(pixi(default=("linux-64", "linux-aarch64")))
    content["environments"]["default"]["packages"]["linux-aarch64"].append({"pypi": "./"})
    content["packages"].append({"pypi": "./", "name": "mine"})
    path = write(tmp_path, "pixi.lock", yaml.safe_dump(content))

    assert find(path).subdirs == ("linux-64",)
    with pytest.raises(LockError, match=r"pypi: mine is locked to \./"):
        find(path, ARM64)


@pytest.mark.parametrize("content", [pixi(default=()), conda_lock()])
def test_a_lock_for_no_platform_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(LockError, match="is for no platform"):
        find(write(tmp_path, "x.lock", content))


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        pytest.param(
            {"policy": LockPolicy.LOCKED}, LockError, "no environment file that --locked", id="1"
        ),
        pytest.param({"lock_file": "x.txt"}, SpecError, "--lock-file names another one", id="2"),
        pytest.param({"lock_environment": "gpu"}, LockError, "is an explicit lock", id="3"),
    ],
)
def test_options_that_mean_nothing_with_a_lock_are_refused(
    tmp_path: Path, options: dict[str, object], kind: type[CondaboxError], message: str
) -> None:
    path = write(tmp_path, "x.txt", explicit("linux-64"))
    if "lock_file" in options:
        options["lock_file"] = path

    with pytest.raises(kind, match=message):
        find(path, **options)  # type: ignore[arg-type]  # a table of them


def test_an_environment_file_has_no_environments(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no environments to choose from"):
        find(write(tmp_path, "ai.yml", ENVIRONMENT), lock_environment="gpu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing.lock", "missing.lock does not exist"),
        ("ai.yml", "ai.yml is not a lock file"),
        (".", "cannot be read: Is a directory"),
    ],
)
def test_the_lock_file_must_be_one(tmp_path: Path, name: str, message: str) -> None:
    environment = write(tmp_path, "ai.yml", ENVIRONMENT)

    with pytest.raises(LockError, match=message):
        find(environment, lock_file=tmp_path / name)


def test_a_file_too_large_for_a_lock_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build_source, "LARGEST_LOCK", 20)
    path = write(tmp_path, "x.txt", explicit("linux-64"))

    with pytest.raises(LockError, match=r"x\.txt is larger than"):
        find(write(tmp_path, "ai.yml", ENVIRONMENT), lock_file=path)


def test_packages_of_anaconda_are_not_taken_in_silence(tmp_path: Path) -> None:
    lock = write(tmp_path, "x.txt", explicit("linux-64").replace(FORGE, ANACONDA))
    quiet = ENVIRONMENT.replace("{base:", "{allow-defaults: true, base:")
    environments = [write(tmp_path, "a.yml", ENVIRONMENT), write(tmp_path, "b.yml", quiet)]
    warned = [Warned(), Warned(), Warned()]

    find(lock, reporter=warned[0])
    find(environments[0], lock_file=lock, reporter=warned[1])
    find(environments[1], lock_file=lock, reporter=warned[2])

    told = f"{lock} has packages of {ANACONDA}: Anaconda's terms of service bill companies for it"
    assert [each.warnings for each in warned] == [[told], [told], []]
