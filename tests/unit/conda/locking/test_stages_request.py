from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.conda.locking.solver_request import (
    VARIABLE,
    SolverCall,
    SolverRequest,
    forget_failure,
    reported_failure,
)
from condabox.conda.locking.stages_request import StagesReport, StagesRequest
from condabox.errors import SolveError
from condabox.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

IDNA = "https://conda.example/forge/noarch/idna-3.7-0.conda"
MIRRORS = {"https://conda.example/forge": ("https://me:s3cret@mirror.example/forge",)}


def test_what_the_stages_tell_each_other_arrives_as_it_was_sent(tmp_path: Path) -> None:
    request = StagesRequest(
        main=SolverRequest(also=("numpy",)),
        both=SolverRequest(also=("numpy", "ipdb"), preferred=(IDNA,)),
        dev=("ipdb",),
    )
    report = StagesReport(sizes={"numpy": 3}, moved=("numpy 1 0 leaves",), shared=("idna",))
    request.write(tmp_path)
    report.write(tmp_path)

    assert StagesRequest.read(tmp_path) == request
    assert StagesReport.read(tmp_path) == report


def test_a_solver_finds_what_it_is_asked_for(tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path / "cache", channel_mirrors=MIRRORS)
    sent = SolverCall(settings=settings, folder=tmp_path)
    SolverRequest(also=("numpy >=2",), preferred=(IDNA,)).write(tmp_path)

    found = SolverCall.of_environment({VARIABLE: sent.to_variable()})
    assert found == sent
    assert found is not None
    assert found.request == SolverRequest(also=("numpy >=2",), preferred=(IDNA,))


def test_a_person_asks_for_nothing_more(tmp_path: Path) -> None:
    call = SolverCall(settings=Settings(cache_dir=tmp_path))
    call.report(SolveError("no solution"))

    assert SolverCall.of_environment({}) is None
    assert call.request == SolverRequest()
    assert list(tmp_path.iterdir()) == []


def test_no_credentials_are_in_files(tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path / "cache", channel_mirrors=MIRRORS)
    call = SolverCall(settings=settings, folder=tmp_path)
    SolverRequest().write(tmp_path)
    call.report(SolveError("no solution"))

    assert not [path for path in tmp_path.iterdir() if "s3cret" in path.read_text()]


def test_a_failure_is_found_until_it_does_not_matter(tmp_path: Path) -> None:
    call = SolverCall(settings=Settings(cache_dir=tmp_path), folder=tmp_path)
    assert reported_failure(tmp_path) is None

    call.report(SolveError("no solution", hint="another one"))
    found = reported_failure(tmp_path)
    assert found is not None
    assert (found.message, found.hint) == ("no solution", "another one")

    forget_failure(tmp_path)
    assert reported_failure(tmp_path) is None
