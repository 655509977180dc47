from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml

from condabox.conda.lockfiles.plainyaml import read_plain_yaml
from condabox.conda.lockfiles.seal import seal_base
from condabox.errors import CondaboxError, LockError, NewerLockError, SpecError, StaleLockError
from condabox.workflows.lock_check import check_locks, require_all_current
from tests.fakes.current_lock import made_by_conda_lock, write_current_lock
from tests.fakes.lockfiles import FORGE, conda, wheel

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = """\
name: ai
channels: [conda-forge]
platforms: [linux-64, osx-arm64]
dependencies:
  - numpy
  - pip:
      - six
"""
PACKAGES = (
    replace(conda("numpy"), dependencies=("libblas",)),
    conda("libblas"),
    conda("ipykernel", category="dev"),
    wheel("six"),
)
DIGEST = f"sha256:{'00' * 32}"
PINS = f"""\
    condabox-base-digest-linux-64: {DIGEST}
    condabox-base-seal-linux-64: {{seal}}
"""
UNTOLD = "inputs: the lock does not tell them"
CHANGED = "packages: not as they were locked"


def write(folder: Path, name: str = "ai.yml", text: str = ENVIRONMENT) -> Path:
    """Write an environment file, and a lock that is current."""
    path = folder / name
    path.write_text(text)
    write_current_lock(path, PACKAGES)
    return path


def lock_of(environment: Path) -> Path:
    return environment.with_name(f"{environment.stem}.conda-lock.yml")


def edit(
    environment: Path, pattern: str, replacement: str = "", *, everywhere: bool = False
) -> None:
    """Change the lock as a person would: where ``pattern`` is found, in the first place."""
    path = lock_of(environment)
    count = 0 if everywhere else 1
    text, found = re.subn(pattern, replacement, path.read_text(), count=count, flags=re.MULTILINE)
    assert found
    path.write_text(text)


def reasons(environment: Path, *subdirs: str) -> tuple[str, ...]:
    (check,) = check_locks([environment], subdirs=subdirs, env={})
    assert check.staleness is not None, check.problem
    return check.staleness.lines


def problem(*environments: Path) -> CondaboxError:
    with pytest.raises(CondaboxError) as caught:
        require_all_current(check_locks(environments, subdirs=(), env={}))
    return caught.value


def test_what_was_just_locked_is_current(tmp_path: Path) -> None:
    environment = write(tmp_path)

    assert reasons(environment) == ()
    require_all_current(check_locks([environment], subdirs=(), env={}))


def test_a_lock_of_conda_lock_s_own_is_stale(tmp_path: Path) -> None:
    environment = write(tmp_path, text=ENVIRONMENT.replace(", osx-arm64", ""))
    lock_of(environment).write_bytes(made_by_conda_lock("linux-64", PACKAGES, channels=(FORGE,)))

    assert reasons(environment) == (UNTOLD,)


def test_a_platform_without_its_inputs_is_stale(tmp_path: Path) -> None:
    environment = write(tmp_path)
    edit(environment, r"^    condabox-inputs-osx-arm64: .*\n")

    assert reasons(environment) == (f"{UNTOLD} (osx-arm64)",)
    assert reasons(environment, "linux-64") == ()


def pinned(folder: Path) -> Path:
    """Write an environment file, and a lock that is current and pins its base."""
    environment = write(folder)
    seal = seal_base("ubuntu:24.04", DIGEST, subdir="linux-64")
    edit(environment, r"^    condabox-base-seal-linux-64: .*\n", PINS.format(seal=seal))
    assert reasons(environment) == ()
    return environment


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        pytest.param(r"^    condabox-base-digest-linux-64: .*\n", "", id="no digest"),
        pytest.param(r"sha256:00", "sha256:11", id="another digest"),
        pytest.param(r"^    condabox-base-seal-linux-64: .*\n", "", id="no seal, as before"),
        pytest.param(r"^    condabox-base-(digest|seal)-linux-64: .*\n", "", id="neither"),
        pytest.param(r"(base-seal-linux-64: ).*", r"\1 7", id="another seal"),
    ],
)
def test_a_base_that_was_changed_by_hand_is_stale(
    tmp_path: Path, pattern: str, replacement: str
) -> None:
    environment = pinned(tmp_path)
    edit(environment, pattern, replacement, everywhere=True)

    assert reasons(environment, "linux-64") == ("base: not as it was locked",)
    assert reasons(environment, "osx-arm64") == ()


def test_a_digest_beside_the_name_of_another_base_is_stale(tmp_path: Path) -> None:
    environment = pinned(tmp_path)
    environment.write_text(f"{ENVIRONMENT}condabox: {{base: 'debian:12'}}\n")
    edit(environment, "condabox-base: ubuntu:24.04", "condabox-base: debian:12")
    edit(environment, "2.39", "2.36", everywhere=True)

    assert "base: not as it was locked (linux-64)" in reasons(environment)


def test_a_lock_that_does_not_tell_its_base_is_stale(tmp_path: Path) -> None:
    environment = write(tmp_path)
    edit(environment, r"^    condabox-base: .*\n")

    assert reasons(environment) == ("base: absent -> ubuntu:24.04",)


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        pytest.param(r"^- name: numpy\n(?:  .*\n)+", "", id="a package is gone"),
        pytest.param(r"^- name: libblas\n(?:  .*\n)+", "", id="a dependency is gone"),
        pytest.param(r"^- name: six\n(?:  .*\n)+", "", id="a wheel is gone"),
        pytest.param(r"^- name: libblas\n(?:  .*\n)+", r"\g<0>\g<0>", id="a package is twice"),
        pytest.param(r"numpy-1\.0-0", "numpy-2.0-0", id="another archive"),
        pytest.param(r"sha256: ..", "sha256: 00", id="another hash"),
        pytest.param(r"md5: cd", "md5: 00", id="another md5"),
        pytest.param(r"version: '1\.0'", "version: '2.0'", id="another version"),
        pytest.param(r"category: dev", "category: main", id="another category"),
        pytest.param(r"libblas: '>=1'", "libblas: '>=2'", id="another dependency"),
        pytest.param(r"(condabox-packages-linux-64: ).+", r"\1 abc", id="another seal"),
        pytest.param(r"^    condabox-packages-linux-64: .*\n", "", id="no seal"),
    ],
)
def test_packages_that_were_changed_by_hand_are_stale(
    tmp_path: Path, pattern: str, replacement: str
) -> None:
    environment = write(tmp_path)
    edit(environment, pattern, replacement)

    assert reasons(environment) == (f"{CHANGED} (linux-64)",)
    assert reasons(environment, "osx-arm64") == ()


def test_packages_of_one_lock_beside_the_inputs_of_another_are_stale(tmp_path: Path) -> None:
    """As git merges a changed environment file and an update."""
    environment = write(tmp_path)
    environment.write_text(ENVIRONMENT.replace("numpy", "numpy <2"))
    edit(environment, '"numpy"', '"numpy <2"', everywhere=True)

    assert reasons(environment) == (CHANGED,)


def test_a_lock_may_be_formatted_in_another_way(tmp_path: Path) -> None:
    environment = write(tmp_path)
    path = lock_of(environment)
    document = read_plain_yaml(path.read_bytes())
    path.write_text(yaml.safe_dump(document, default_style='"', indent=4, width=40))

    assert reasons(environment) == ()


def test_what_is_to_be_locked_and_what_no_longer_is_told(tmp_path: Path) -> None:
    environment = write(tmp_path)
    environment.write_text(ENVIRONMENT.replace("osx-arm64", "win-64, osx-64"))

    assert reasons(environment) == ("platforms: + osx-64, win-64", "platforms: - osx-arm64")
    assert reasons(environment, "linux-64") == ()


def test_a_lock_that_is_not_there_is_told_as_before(tmp_path: Path) -> None:
    environment = write(tmp_path)
    lock_of(environment).unlink()

    error = problem(environment)
    assert error.message == f"{lock_of(environment)} does not exist"
    assert error.hint == f"run `condabox lock {environment}`"
    assert isinstance(error, LockError)


def test_what_is_stale_is_told_with_its_reasons(tmp_path: Path) -> None:
    environment = write(tmp_path)
    environment.write_text(ENVIRONMENT.replace("numpy", "scipy"))

    error = problem(environment)
    assert error.message == (f"{lock_of(environment)} is stale\n    dependencies: + scipy, - numpy")
    assert error.hint == f"run `condabox lock {environment}`"
    assert isinstance(error, StaleLockError)


def test_a_broken_file_hides_no_other(tmp_path: Path) -> None:
    names = ("broken.yml", "current.yml", "old.yml", "newer.yml", "missing.yml")
    broken, current, old, newer, missing = (write(tmp_path, name) for name in names)
    broken.write_text("dependencies: [")
    old.write_text(ENVIRONMENT.replace("numpy", "scipy"))
    edit(newer, "condabox: '1'", "condabox: '2'")
    lock_of(missing).unlink()

    error = problem(broken, current, old, newer, missing)
    assert [line.partition(":")[0] for line in error.message.splitlines()] == [
        str(broken),
        f"{lock_of(newer)} was made by a newer condabox (its entries have version 2)",
        "  hint",
        f"{lock_of(old)} is stale",
        "    dependencies",
        f"{lock_of(missing)} does not exist",
    ]
    assert error.hint == f"run `condabox lock {old} {missing}`"
    assert error.exit_code == LockError.exit_code


def test_no_hint_follows_another(tmp_path: Path) -> None:
    stale, newer = write(tmp_path, "stale.yml"), write(tmp_path, "newer.yml")
    lock_of(stale).unlink()
    edit(newer, "condabox: '1'", "condabox: '2'")
    newer_too = write(tmp_path, "too.yml")
    edit(newer_too, "condabox: '1'", "condabox: '2'")

    for files in ([stale, newer], [newer, stale], [newer, newer_too]):
        error = problem(*files)
        lines = [*error.message.splitlines(), f"  hint: {error.hint}"]
        assert ["hint: " in line for line in lines] == [False, True, False, True]


@pytest.mark.parametrize("number", [1, 2])
def test_what_cannot_be_read_has_its_own_exit_code(tmp_path: Path, number: int) -> None:
    files = [tmp_path / f"{n}.yml" for n in range(number)]

    error = problem(write(tmp_path, "current.yml"), *files)
    assert error.exit_code == SpecError.exit_code
    assert all(str(file) in error.message for file in files)


def test_a_stale_lock_outweighs_what_cannot_be_read(tmp_path: Path) -> None:
    stale = write(tmp_path)
    lock_of(stale).unlink()

    assert problem(tmp_path / "none.yml", stale).exit_code == LockError.exit_code


def test_for_machines_each_platform_has_its_reasons(tmp_path: Path) -> None:
    environment = write(tmp_path)
    environment.write_text(ENVIRONMENT.replace("osx-arm64", "win-64"))
    edit(environment, r"^- name: six\n(?:  .*\n)+")

    (check,) = check_locks([environment], subdirs=(), env={})

    assert check.to_json() == {
        "environment": str(environment),
        "path": str(lock_of(environment)),
        "stale": True,
        "subdirs": [
            {"subdir": "linux-64", "stale": True, "reasons": [CHANGED]},
            {"subdir": "osx-arm64", "stale": True, "reasons": ["platforms: - osx-arm64"]},
            {"subdir": "win-64", "stale": True, "reasons": ["platforms: + win-64"]},
        ],
        "error": None,
    }


def test_for_machines_what_is_current_is_there_too(tmp_path: Path) -> None:
    (check,) = check_locks([write(tmp_path)], subdirs=("linux-64",), env={})

    assert check.stale is False
    assert check.to_json()["subdirs"] == [{"subdir": "linux-64", "stale": False, "reasons": []}]


def test_for_machines_what_cannot_be_told_is_null(tmp_path: Path) -> None:
    environment = write(tmp_path)
    edit(environment, "condabox: '1'", "condabox: '2'")

    (check,) = check_locks([environment], subdirs=(), env={})

    assert isinstance(check.problem, NewerLockError)
    assert check.to_json() == {
        "environment": str(environment),
        "path": str(lock_of(environment)),
        "stale": None,
        "subdirs": [],
        "error": check.problem.message,
    }
