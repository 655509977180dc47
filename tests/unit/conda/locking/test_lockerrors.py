from __future__ import annotations

from pathlib import Path

import pytest

from condabox.conda.locking.lockerrors import AGAINST_PROD, explain, names_unreachable
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
        pytest.param(
            TRACE + f"RuntimeError: {AGAINST_PROD}Because x depends on y (>=90), version solving "
            "failed.\n",
            "envs/ai.yml: what development needs does not go with prod: Because x depends on y "
            "(>=90), version solving failed.",
            id="development",
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
    assert explain(stderr, environment=ENVIRONMENT, solver=None).message == expected


def test_a_wall_of_text_is_cut() -> None:
    error = explain(TRACE + "ValueError: " + "x" * 100_000, environment=ENVIRONMENT, solver=None)

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

    message = explain(stderr, environment=ENVIRONMENT, solver=None).message
    assert "host" in message
    assert "s3cret" not in message
    assert "t0ken" not in message


CALLED = "subprocess.CalledProcessError: Command '['/x/mamba', '--version']' "
FAILED = "Could not lock the environment for platform linux-64\n"
NO_JSON = "Failed to parse json, Expecting value: line 1 column 1 (char 0)\n"
COMMAND = "    Command: ['/x/mamba', 'create']\n"


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        pytest.param(
            "mamba: no such library\n" + TRACE + CALLED + "returned non-zero exit status 127.\n",
            "./mamba ended with status 127:\nmamba: no such library",
            id="at once",
        ),
        pytest.param(
            TRACE + CALLED + "returned non-zero exit status 1.\n",
            "./mamba ended with status 1 and did not say why",
            id="in silence",
        ),
        pytest.param(
            TRACE + CALLED + "died with <Signals.SIGKILL: 9>.\n",
            "./mamba was ended by SIGKILL and did not say why",
            id="killed",
        ),
        pytest.param(
            f"{NO_JSON}{FAILED}{COMMAND}    STDERR:\n"
            f"{TRACE}KeyError: 'own'\n{TRACE}{CALLED}returned non-zero exit status 3.\n",
            "./mamba ended with status 3:\n" + TRACE + "KeyError: 'own'",
            id="a traceback of its own",
        ),
        pytest.param(
            f"{NO_JSON}{FAILED}usage: mamba\n{COMMAND}    STDOUT:\nusage: mamba\n"
            f"    STDERR:\nno such option\n{TRACE}{CALLED}returned non-zero exit status 2.\n",
            "./mamba ended with status 2:\nusage: mamba\nno such option",
            id="no json",
        ),
    ],
)
def test_a_solver_that_cannot_run_is_named(stderr: str, expected: str) -> None:
    error = explain(stderr, environment=ENVIRONMENT, solver="./mamba")

    assert error.message == expected
    assert "`./mamba --version`" in str(error.hint)


def test_condabox_s_own_solver_is_not_to_be_left_away() -> None:
    stderr = TRACE + CALLED + "died with <Signals.SIGSEGV: 11>.\n"
    error = explain(stderr, environment=ENVIRONMENT, solver=None)

    assert error.message == "the solver was ended by SIGSEGV and did not say why"
    assert error.hint == "run the command again"
