from __future__ import annotations

from pathlib import Path

import pytest

from condabox.conda.locking.lockerrors import explain, names_unreachable
from condabox.process import Completed

TRACE = 'Traceback (most recent call last):\n  File "/x/y.py", line 1, in f\n    g()\n'
ENVIRONMENT = Path("envs/ai.yml")


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        pytest.param(
            "noise\nCould not lock the environment for platform linux-64\n"
            "nothing provides x\n  needed by y\n    Command: ['conda']\n    STDOUT:\n" + TRACE,
            "nothing provides x\n  needed by y",
            id="a solver of the user's own",
        ),
        pytest.param(
            TRACE + "conda_lock._vendor.poetry.SolverProblemError: Because no versions match\n"
            " and -dummy-package- depends on b, version solving failed.\n",
            "envs/ai.yml: Because no versions match\n and ai depends on b, version solving failed.",
            id="the solver of pip's packages",
        ),
        pytest.param(
            TRACE + "RuntimeError: Unable to find installation candidates for x (1.0)\n",
            "envs/ai.yml: pip: x 1.0 has no wheel for the platform and Python that it is "
            "locked for",
            id="no wheel",
        ),
        pytest.param(TRACE + "KeyError: 'x'\n", "envs/ai.yml: 'x'", id="anything"),
        pytest.param(
            "Usage: conda-lock\nError: no such option\n",
            "envs/ai.yml: Usage: conda-lock\nError: no such option",
            id="no traceback",
        ),
        pytest.param("", "envs/ai.yml: conda-lock failed and did not say why", id="silence"),
    ],
)
def test_the_reason_is_found(stderr: str, expected: str) -> None:
    assert explain(stderr, environment=ENVIRONMENT).message == expected


def test_a_wall_of_text_is_cut() -> None:
    error = explain(TRACE + "ValueError: " + "x" * 100_000, environment=ENVIRONMENT)

    assert len(error.message) < 3000


def test_a_table_out_of_reach_is_told_from_other_failures() -> None:
    def done(code: int, stderr: str) -> Completed:
        return Completed(returncode=code, stdout=b"", stderr=stderr)

    frame = 'File "/x/lookup.py", line 33, in _get_pypi_lookup\n'
    assert names_unreachable(done(1, frame))
    assert not names_unreachable(done(0, frame))
    assert not names_unreachable(done(1, "other"))


def test_addresses_of_another_solver_are_told_without_credentials() -> None:
    stderr = (
        "Could not lock the environment for platform linux-64\n"
        "cannot read https://bob:s3cret@host/t/t0ken/ch/linux-64/repodata.json\n"
        "    Command: x\n"
    )

    message = explain(stderr, environment=Path("ai.yml")).message
    assert "host" in message
    assert "s3cret" not in message
    assert "t0ken" not in message
