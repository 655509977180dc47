from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from condabox.conda.locking import solver_command
from condabox.conda.locking.solver_request import (
    VARIABLE,
    SolverCall,
    SolverRequest,
    reported_failure,
)
from condabox.settings import Settings
from tests.fakes.channel import everywhere, small_world, write_channel

if TYPE_CHECKING:
    from pathlib import Path

FORGE = "https://conda.anaconda.org/conda-forge"
OLD_NUMPY = ("numpy", "1.26.0", "linux-64")


class Command:
    """Calls the command as conda-lock does, in this process."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self.root = tmp_path / "channel"
        self.prefix = tmp_path / "prefix"
        self.folder = tmp_path
        self.output = tmp_path / "output"
        self.virtual = tmp_path / "conda-lock-fake-repodata-x1"
        self.wheels: tuple[Path, ...] = ()
        mirror = write_channel(self.root, small_world())
        self.settings = Settings(cache_dir=tmp_path / "cache", channel_mirrors={FORGE: (mirror,)})
        write_virtual_packages(self.virtual, glibc="2.39")
        monkeypatch.setenv("CONDA_SUBDIR", "linux-64")
        monkeypatch.setenv("CONDA_PKGS_DIRS", str(tmp_path / "pkgs"))
        self.request()

    def request(self, **told: Any) -> None:
        SolverRequest(**told).write(self.folder)
        call = SolverCall(settings=self.settings, folder=self.folder)
        self._patch.setenv(VARIABLE, call.to_variable())

    def __call__(self, *arguments: str) -> Any:
        self._patch.setattr(sys, "argv", ["condabox-solver", *arguments])
        with self.output.open("w") as output:
            self._patch.setattr(sys, "stdout", output)
            solver_command.main()
        return json.loads(self.output.read_text())

    def solve(self, command: str, *specs: str) -> Any:
        urls = (*(folder.as_uri() for folder in self.wheels), FORGE, self.virtual.as_uri())
        channels = [option for url in urls for option in ("--channel", url)]
        options = ["--dry-run", "--json", "--override-channels", *channels]
        return self(command, "--prefix", str(self.prefix), *options, *specs)

    def install(self, *names: str) -> None:
        """Make a prefix as conda-lock fakes it, of what a solve gives for ``names``."""
        folder = self.prefix / "conda-meta"
        folder.mkdir(parents=True)
        for action in self.solve("create", *names)["actions"]["FETCH"]:
            path = folder / f"{action['name']}.json"
            path.write_text(json.dumps(action | {"channel": action["channel"]}))


def write_virtual_packages(root: Path, *, glibc: str) -> None:
    write_packages(root, name="__glibc", version=glibc, build="0")


def write_packages(root: Path, **package: str) -> None:
    folder = root / "linux-64"
    folder.mkdir(parents=True)
    (folder / "repodata.json").write_text(json.dumps({"packages": {"x": package}}))


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    return Command(tmp_path, monkeypatch)


def versions(answer: Any) -> dict[str, str]:
    return {action["name"]: action["version"] for action in answer["actions"]["FETCH"]}


def test_version_is_told(command: Command) -> None:
    with pytest.raises(SystemExit) as caught:
        command("--version")

    assert caught.value.code == 0


def test_create_tells_what_to_fetch_with_canonical_urls(command: Command) -> None:
    answer = command.solve("create", "numpy=2")

    (numpy,) = [a for a in answer["actions"]["FETCH"] if a["name"] == "numpy"]
    assert numpy["url"] == f"{FORGE}/linux-64/numpy-2.1.0-0.conda"
    assert numpy["channel"] == f"{FORGE}/linux-64"
    assert numpy["fn"] == "numpy-2.1.0-0.conda"
    assert numpy["depends"] == ["python >=3.11,<3.13", "libblas"]
    assert (len(numpy["md5"]), len(numpy["sha256"])) == (32, 64)
    linked = {action["name"] for action in answer["actions"]["LINK"]}
    assert linked == set(versions(answer)) == {"numpy", "python", "libblas", "libc"}


def test_the_channel_of_virtual_packages_is_what_is_taken_for_granted(command: Command) -> None:
    assert versions(command.solve("create", "new-libc-only"))

    write_virtual_packages(command.virtual.with_name("conda-lock-fake-repodata-x2"), glibc="2.17")
    command.virtual = command.virtual.with_name("conda-lock-fake-repodata-x2")
    with pytest.raises(SystemExit):
        command.solve("create", "new-libc-only")


def test_no_solution_is_told_to_conda_lock_and_to_the_locker(command: Command) -> None:
    with pytest.raises(SystemExit) as caught:
        command.solve("create", "conflicting")

    assert caught.value.code == 1
    told = json.loads(command.output.read_text())
    assert "numpy <1" in told["message"]
    reported = reported_failure(command.folder)
    assert reported is not None
    assert reported.message == told["message"]


def test_no_failure_is_reported_where_nothing_failed(command: Command) -> None:
    assert reported_failure(command.folder) is None
    command.solve("create", "libc")
    assert reported_failure(command.folder) is None


def test_what_is_preferred_stays(command: Command) -> None:
    (old,) = (p for p in small_world() if (p.name, p.version, p.subdir) == OLD_NUMPY)
    command.request(preferred=(f"{FORGE}/linux-64/{old.filename}",))

    assert versions(command.solve("create", "numpy"))["numpy"] == "1.26.0"
    assert versions(command.solve("create", "numpy>=2"))["numpy"] == "2.1.0"


def test_what_stands_for_a_wheel_takes_the_place_of_the_package(command: Command) -> None:
    """As `condalock_stage` asks for it, in a channel of its own before the others."""
    wheels = command.virtual.with_name("conda-lock-fake-repodata-x2")
    write_packages(wheels, name="libblas", version="9.0", build="condabox_wheel")
    blas = [
        *everywhere("strict", depends=("libblas <4",)),
        *everywhere("loose", depends=("libblas",)),
    ]
    write_channel(command.root, [*small_world(), *blas])
    command.wheels = (wheels,)

    found = versions(command.solve("create", "loose", "libblas * condabox_wheel"))
    assert found == {"loose": "1.0"}
    with pytest.raises(SystemExit):
        command.solve("create", "strict", "libblas * condabox_wheel")


def test_what_is_asked_for_also_counts(command: Command) -> None:
    command.request(also=("numpy <2",))

    assert versions(command.solve("create", "numpy"))["numpy"] == "1.26.0"


def test_list_tells_what_conda_lock_s_prefix_has(command: Command) -> None:
    command.install("libc")

    (entry,) = command("list", "--no-pip", "-p", str(command.prefix), "--json")
    assert entry == {
        "base_url": FORGE,
        "build_number": 0,
        "build_string": "0",
        "channel": f"{FORGE}/linux-64",
        "dist_name": "libc-1.2-0",
        "name": "libc",
        "platform": "linux-64",
        "version": "1.2",
    }


def test_install_moves_what_is_named_alone(command: Command) -> None:
    command.install("numpy")
    newer = [*everywhere("libblas", "4.0"), *everywhere("libc", "2.0")]
    write_channel(command.root, [*small_world(), *newer])

    assert versions(command.solve("install", "libblas")) == {"libblas": "4.0"}


def test_info_tells_conda_lock_s_own_folder_of_packages(command: Command, tmp_path: Path) -> None:
    assert command("info", "--json")["pkgs_dirs"] == [str(tmp_path / "pkgs")]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["create", "--json", "x"], id="no prefix"),
        pytest.param(["create", "-p", "x", "--json", "y"], id="not a dry run"),
        pytest.param(["remove", "x"], id="another command"),
        pytest.param(["install", "-p", "x", "--dry-run", "--json", "--freeze", "y"], id="option"),
    ],
)
def test_what_conda_lock_does_not_use_is_refused(command: Command, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        command(*arguments)

    assert caught.value.code == 2


def test_a_person_s_call_uses_the_settings_of_the_folder(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And fills in the variables of its mirrors."""
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("WHERE", command.root.name)
    mirror = f"{command.root.parent.as_uri()}/$WHERE"
    (tmp_path / "condabox.toml").write_text(
        f"cache-dir = 'here'\n[channels.mirrors]\n'{FORGE}' = ['{mirror}']\n"
    )
    monkeypatch.chdir(tmp_path)

    assert versions(command.solve("create", "libc")) == {"libc": "1.2"}
