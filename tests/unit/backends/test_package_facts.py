"""Facts are taken once, by processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Self

import pytest

from condabox.backends.package_facts import FactsTaker
from condabox.conda.packages.fetch import archive_path
from condabox.conda.packages.python import PythonInfo
from condabox.errors import InstallError
from condabox.events import SilentReporter
from condabox.process import Worker
from condabox.pruning.observe import observe
from condabox.settings import Settings
from tests.fakes.packages import File, locked, make_package

if TYPE_CHECKING:
    from pathlib import Path

    from condabox.conda.lockfiles.lockfile import LockedPackage

PYTHON = PythonInfo(version="3.11.2")


@pytest.fixture
def taker(tmp_path: Path) -> FactsTaker:
    settings = Settings(cache_dir=tmp_path / "cache")
    return FactsTaker(settings=settings, reporter=SilentReporter())


def cached(taker: FactsTaker, archive: Path) -> LockedPackage:
    """Put ``archive`` where downloads end."""
    package = locked(archive)
    place = archive_path(package, settings=taker.settings)
    place.parent.mkdir(parents=True)
    place.write_bytes(archive.read_bytes())
    return package


def packages(taker: FactsTaker, folder: Path) -> list[LockedPackage]:
    return [
        cached(
            taker,
            make_package(
                folder,
                name,
                noarch="python",
                files={f"site-packages/{name}.py": File(f"import json, {name}.x\n" * length)},
                entry_points=[f"{name} = {name}:main"],
            ),
        )
        for name, length in (("zz", 1), ("large", 5000), ("aa", 10))
    ]


def test_they_are_those_that_the_archives_have_in_the_order_of_packages(
    taker: FactsTaker, tmp_path: Path
) -> None:
    ours = packages(taker, tmp_path)

    found = taker.of(ours, python=PYTHON)

    assert list(found) == [package.sha256 for package in ours]
    for package in ours:
        archive = archive_path(package, settings=taker.settings)
        expected = observe(archive, package, python=PYTHON, scratch=tmp_path)
        assert expected.imports
        assert found[package.sha256] == expected


def test_they_are_taken_once(
    taker: FactsTaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = packages(taker, tmp_path)
    before = taker.of(ours, python=PYTHON)
    monkeypatch.setattr("condabox.backends.package_facts.fetch_archives", None)

    assert taker.of(ours, python=PYTHON) == before


def test_an_archive_that_cannot_be_read_is_an_error(taker: FactsTaker, tmp_path: Path) -> None:
    broken = tmp_path / "broken-1.0-0.conda"
    broken.write_bytes(b"PK")
    ours = [*packages(taker, tmp_path), cached(taker, broken)]

    with pytest.raises(InstallError, match=r"broken-1\.0-0\.conda"):
        taker.of(ours, python=PYTHON)


def test_a_process_that_ends_is_an_error(
    taker: FactsTaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = packages(taker, tmp_path)
    monkeypatch.setattr(
        "condabox.backends.package_facts.module_command", lambda _: ["sh", "-c", "read line"]
    )

    with pytest.raises(InstallError, match="process that did so has ended"):
        taker.of(ours, python=PYTHON)


def test_a_process_that_ends_before_it_is_asked_is_an_error(
    taker: FactsTaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = packages(taker, tmp_path)
    monkeypatch.setattr(
        "condabox.backends.package_facts.module_command", lambda _: ["sh", "-c", "exec <&-; exit 1"]
    )
    monkeypatch.setattr("condabox.backends.package_facts.Worker", Ended)

    with pytest.raises(InstallError, match="process that did so has ended"):
        taker.of(ours, python=PYTHON)


class Ended(Worker):
    """A process that has ended by the time that somebody talks to it."""

    def __enter__(self) -> Self:
        self.wait()
        return super().__enter__()


def test_a_worker_whose_parent_is_gone_ends_without_a_word(
    taker: FactsTaker, tmp_path: Path
) -> None:
    (ours, *_) = packages(taker, tmp_path)
    job = {
        "archive": str(archive_path(ours, settings=taker.settings)),
        "package": asdict(ours),
        "python": asdict(PYTHON),
        "scratch": str(tmp_path),
        "note": str(tmp_path / "note"),
    }
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run(
        [sys.executable, "-m", "condabox.pruning.observe_worker"],
        input=json.dumps(job).encode() + b"\n",
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)

    assert (done.stderr, (tmp_path / "note").exists()) == (b"", True)


def test_a_full_disk_is_no_traceback(
    taker: FactsTaker, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ours = packages(taker, tmp_path)
    (taker.settings.cache_dir / "facts").write_text("in the way")

    with pytest.raises(InstallError, match="cannot write"):
        taker.of(ours, python=PYTHON)
    assert "Traceback" not in capfd.readouterr().err
