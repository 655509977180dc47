from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from condabox.errors import ToolFailedError, ToolMissingError
from condabox.process import Worker, attach, attempt, find, run

if TYPE_CHECKING:
    from pathlib import Path


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_a_failure_shows_the_command_its_status_and_its_last_lines() -> None:
    script = "import sys\nfor i in range(50): print('line', i, file=sys.stderr)\nsys.exit(3)"

    with pytest.raises(ToolFailedError) as caught:
        run(python(script))

    assert "ended with status 3" in caught.value.message
    assert "    line 49" in caught.value.message
    assert "    line 29" not in caught.value.message


def test_attempt_returns_the_status() -> None:
    done = attempt(python("import sys; sys.exit(5)"))

    assert done.returncode == 5


def test_standard_input_reaches_the_program() -> None:
    done = run(python("print(input().upper())"), stdin=b"hello\n")

    assert done.stdout == b"HELLO\n"


def test_env_replaces_the_whole_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")

    done = run(
        python("import os; print(os.environ.get('SECRET'), os.environ['A'])"), env={"A": "b"}
    )

    assert done.stdout == b"None b\n"


@pytest.mark.parametrize("start", [attempt, run, attach, Worker])
def test_a_missing_program_is_an_error_of_ours(start: object) -> None:
    assert callable(start)

    with pytest.raises(ToolMissingError):
        start(["/no/such/program"])


def test_find_says_what_to_do_about_a_missing_tool() -> None:
    with pytest.raises(ToolMissingError) as caught:
        find("no-such-tool", hint="install it")

    assert caught.value.hint == "install it"


def test_a_program_that_is_none_is_an_error_of_ours(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("neither a shebang nor ELF")
    script.chmod(0o755)

    with pytest.raises(ToolMissingError, match=r"cannot run .*script: Exec format error"):
        attempt([str(script)])


@pytest.mark.skipif(os.name != "posix", reason="there are no process groups")
def test_what_is_typed_at_the_terminal_does_not_reach_a_worker() -> None:
    with Worker(python("import os; print(os.getpgrp(), flush=True); input()")) as worker:
        assert int(next(worker.lines())) != os.getpgrp()


def test_a_worker_ends_with_its_context() -> None:
    with Worker(python("import time; print('up', flush=True); time.sleep(600)")) as worker:
        assert next(worker.lines()) == b"up\n"

    assert worker.wait() != 0
