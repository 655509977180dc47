"""The script that runs checks in a container, on the Python that is here."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from condabox.reporting.findings import Group
from condabox.verification import probe
from condabox.verification.answers import read_answers
from condabox.verification.checks import IMPORTED, Answer, Check, import_check

WORD = "the-word"
SCRIPT = Path(probe.__file__).read_text(encoding="utf-8")
PYTHON = sys.executable.lstrip("/")


def check(*attempts: tuple[str, ...], success: int = 0, seconds: float = 30) -> Check:
    return Check(
        group=Group.SCRIPTS,
        name="x",
        does="x",
        attempts=attempts,
        success=success,
        folder="/",
        seconds=seconds,
    )


def sh(script: str, *, seconds: float = 30) -> Check:
    return check(("/bin/sh", "-c", script), seconds=seconds)


def run(*checks: Check) -> list[Answer | None]:
    plan = {"word": WORD, "most_at_once": 4, "checks": [each.to_json() for each in checks]}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", SCRIPT],
        input=json.dumps(plan).encode() + b"\n",
        capture_output=True,
        check=True,
        timeout=120,
    )
    answers = read_answers(done.stdout, word=WORD)
    assert answers is not None
    return [answers.get(number) for number in range(len(checks))]


def test_old_pythons_can_read_it() -> None:
    ast.parse(SCRIPT, feature_version=(3, 8))


def test_it_imports_the_standard_library_alone() -> None:
    names = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(SCRIPT))
        for name in (
            [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert names <= sys.stdlib_module_names | {"__future__"}


def test_each_check_has_its_own_answer() -> None:
    found = run(sh("echo one"), sh("echo two >&2; exit 3"), sh("kill -SEGV $$"))

    assert found == [
        Answer(how="ended", status=0, said="one\n"),
        Answer(how="ended", status=3, said="two\n"),
        Answer(how="ended", status=-11, said=""),
    ]


def test_the_first_attempt_that_succeeds_is_told_or_else_the_first() -> None:
    second = check(("/bin/sh", "-c", "exit 2"), ("/bin/sh", "-c", "echo 1.0"))
    neither = check(("/bin/sh", "-c", "exit 2"), ("/bin/sh", "-c", "exit 4"))

    assert run(second, neither) == [
        Answer(how="ended", attempt=1, status=0, said="1.0\n"),
        Answer(how="ended", attempt=0, status=2, said=""),
    ]


def test_what_does_not_start_is_told() -> None:
    (found,) = run(check(("/no/such/program",)))

    assert found is not None
    assert (found.how, found.status) == ("unstartable", None)
    assert "/no/such/program" in found.said


def test_a_check_ends_after_its_time_with_all_that_it_started(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    (found,) = run(sh(f"exec 9>{pipe}; sleep 60 & sleep 60", seconds=0.5))

    assert found is not None
    assert found.how == "late"
    # nobody holds the other end any more
    assert os.read(reader, 1) == b""
    os.close(reader)


def test_what_a_check_leaves_running_keeps_nobody_waiting() -> None:
    (found,) = run(sh("setsid sleep 20 & echo done"))

    assert found == Answer(how="ended", status=0, said="done\n")


def test_a_check_that_prints_without_end_is_ended() -> None:
    (found,) = run(sh("yes", seconds=100))

    assert found is not None
    assert found.how == "loud"
    assert len(found.said) <= 4096


def test_the_end_of_what_is_printed_is_kept() -> None:
    (found,) = run(sh("seq 100000"))

    assert found is not None
    assert found.said.endswith("99999\n100000\n")
    assert len(found.said) <= 4096


def test_what_a_check_prints_is_no_answer() -> None:
    fake = json.dumps({"check": 1, "how": "ended", "status": 0, "attempt": 0, "said": ""})
    lies = f"echo '{fake}'; echo '{WORD}x {fake}' >/proc/$PPID/fd/1; exit 1"

    first, second = run(sh(lies), sh("exit 5"))

    assert first is not None
    assert first.status == 1
    assert second == Answer(how="ended", status=5, said="")


def test_a_check_reads_nothing() -> None:
    (found,) = run(sh("cat; echo end"))

    assert found == Answer(how="ended", status=0, said="end\n")


@pytest.mark.parametrize(
    ("source", "status", "last"),
    [
        pytest.param("x = 1", IMPORTED, "", id="works"),
        pytest.param("raise ValueError('no')", 1, "m: ValueError: no", id="raises"),
        pytest.param("import sys; sys.exit(0)", 1, "m: SystemExit: 0", id="exits"),
        pytest.param("import os; os._exit(0)", 0, "", id="ends Python"),
        pytest.param("import nothing_like_it", 1, "No module named 'nothing_like_it'", id="needs"),
        pytest.param(
            "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
            IMPORTED,
            "",
            id="leaves a thread",
        ),
    ],
)
def test_an_import_ends_with_a_status_of_its_own(
    tmp_path: Path, source: str, status: int, last: str
) -> None:
    (tmp_path / "m.py").write_text(source)
    one = import_check(
        Group.TESTS, "m", ("json", "m"), python=PYTHON, seconds=30, folder=str(tmp_path)
    )

    (found,) = run(one)

    assert found is not None
    assert (found.how, found.status) == ("ended", status)
    assert found.said.strip().endswith(last)


def test_the_first_module_that_fails_is_named(tmp_path: Path) -> None:
    one = import_check(
        Group.TESTS, "x", ("json", "gone", "gone2"), python=PYTHON, seconds=30, folder=str(tmp_path)
    )

    (found,) = run(one)

    assert found is not None
    assert "gone: ModuleNotFoundError: No module named 'gone'" in found.said
    assert "gone2" not in found.said
