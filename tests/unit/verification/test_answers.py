"""What answers of a container mean, and what does not count as one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condabox.errors import ToolFailedError
from condabox.process import Heard
from condabox.reporting.findings import Finding, Group, State
from condabox.verification.answers import (
    ask,
    ask_directly,
    judge,
    read_answers,
    summarized,
)
from condabox.verification.checks import (
    IMPORTED,
    Answer,
    command_check,
    import_check,
    script_check,
)

if TYPE_CHECKING:
    from condabox.outputs.engines import Program
    from condabox.verification.checks import (
        Check,
    )

WORD = "w0rd"
IMPORT = import_check(Group.IMPORTS, "a", ("a", "b"), python="opt/env/bin/python", seconds=5)
OWN_TEST = import_check(
    Group.PACKAGE_TESTS,
    "a",
    ("a",),
    python="opt/env/bin/python",
    seconds=5,
    optional=frozenset({"an-extra"}),
)
SCRIPT = script_check("tool", "opt/env/bin/tool", seconds=5)
COMMAND = command_check("tool --check", has_shell=True, seconds=5)


def line(word: str = WORD, /, **told: object) -> bytes:
    answer = {"check": 0, "how": "ended", "attempt": 0, "status": 0, "said": "", **told}
    return f"{word} {json.dumps(answer)}\n".encode()


def test_only_lines_with_the_word_are_answers() -> None:
    said = b"noise\n" + line("other", check=1) + line(check=2, status=3) + b" " + line(check=4)

    assert read_answers(said, word=WORD) == {2: Answer(how="ended", status=3)}


def test_the_first_answer_to_a_check_counts() -> None:
    assert read_answers(line(status=1) + line(status=0), word=WORD) == {
        0: Answer(how="ended", status=1)
    }


@pytest.mark.parametrize(
    "told",
    [
        {"check": "0"},
        {"how": 1},
        {"status": "0"},
        {"said": None},
        {"attempt": None},
    ],
)
def test_an_answer_of_another_form_is_none(told: dict[str, object]) -> None:
    assert read_answers(line(**told), word=WORD) == {}


@given(st.binary(max_size=200))
def test_whatever_is_said_can_be_read(said: bytes) -> None:
    assert read_answers(WORD.encode() + b" " + said, word=WORD) is not None


def test_deeply_nested_json_is_no_answer() -> None:
    assert read_answers(f"{WORD} {'[' * 100_000}".encode(), word=WORD) == {}


def test_a_container_in_which_nothing_started_is_an_error() -> None:
    def run(_: Program) -> Heard:
        return Heard(returncode=127, said=b"exec: \x1b[31mno such file\n")

    with pytest.raises(ToolFailedError, match=r"did not start in the container: exec: \\x1b"):
        ask([IMPORT], python="opt/env/bin/python", run=run)


def test_what_did_not_answer_is_none() -> None:
    asked: list[Program] = []

    def run(program: Program) -> Heard:
        asked.append(program)
        word = json.loads(program.stdin)["word"]
        return Heard(returncode=None, said=line(word, check=1))

    found = ask([IMPORT, SCRIPT], python="opt/env/bin/python", run=run)

    assert found == (None, Answer(how="ended", status=0))
    (program,) = asked
    assert program.arguments[:4] == ("/opt/env/bin/python", "-I", "-S", "-c")
    # the word is told to nobody who can look at arguments or variables
    assert json.loads(program.stdin)["word"] not in " ".join(program.arguments)


def test_each_container_gets_another_word() -> None:
    words = set()

    def run(program: Program) -> Heard:
        word = json.loads(program.stdin)["word"]
        words.add(word)
        return Heard(returncode=0, said=line(word))

    for _ in range(2):
        ask([IMPORT], python="p", run=run)

    assert len(words) == 2


def test_without_python_each_attempt_has_a_container() -> None:
    asked: list[tuple[str, ...]] = []

    def run(program: Program) -> Heard:
        asked.append(program.arguments)
        return Heard(returncode=len(asked) - 1 or 2, said=b"1.0\n")

    assert ask_directly(SCRIPT, run=run) == Answer(how="ended", attempt=0, status=2, said="1.0\n")
    assert asked == [("/opt/env/bin/tool", "--help"), ("/opt/env/bin/tool", "--version")]


def test_without_python_a_program_without_end_is_late() -> None:
    found = ask_directly(SCRIPT, run=lambda _: Heard(returncode=None, said=b""))

    assert found.how == "late"


def ended(status: int, said: str = "") -> Answer:
    return Answer(how="ended", status=status, said=said)


TRACEBACK = "Traceback (most recent call last):\n  File x\n"


@pytest.mark.parametrize(
    ("check", "answer", "state", "detail"),
    [
        pytest.param(IMPORT, ended(IMPORTED), State.OK, "import a, b", id="imported"),
        pytest.param(
            IMPORT,
            ended(1, "…\n\nb: ImportError: libgomp.so.1: cannot open\n"),
            State.PROBLEM,
            "import a, b: b: ImportError: libgomp.so.1: cannot open",
            id="not imported",
        ),
        pytest.param(
            IMPORT, ended(0), State.PROBLEM, "import a, b: it ended with status 0", id="ends Python"
        ),
        pytest.param(
            IMPORT, ended(-11), State.PROBLEM, "import a, b: it died of SIGSEGV", id="dies"
        ),
        pytest.param(
            IMPORT,
            ended(-300),
            State.PROBLEM,
            "import a, b: it died of signal 300",
            id="odd signal",
        ),
        pytest.param(
            IMPORT,
            Answer(how="late", status=-9),
            State.PROBLEM,
            "import a, b: no answer in 5 seconds",
            id="hangs",
        ),
        pytest.param(
            IMPORT,
            Answer(how="loud"),
            State.PROBLEM,
            "import a, b: it printed without end",
            id="loud",
        ),
        pytest.param(
            IMPORT,
            None,
            State.PROBLEM,
            "import a, b: no answer came: the container ended before",
            id="no answer",
        ),
        pytest.param(
            IMPORT, ended(1, "\x1b[2J\n"), State.PROBLEM, "import a, b: \\x1b[2J", id="escapes"
        ),
        pytest.param(SCRIPT, ended(0), State.OK, "tool --help", id="help"),
        pytest.param(
            SCRIPT,
            Answer(how="ended", attempt=1, status=0),
            State.OK,
            "tool --version",
            id="version",
        ),
        pytest.param(
            SCRIPT,
            ended(2, "usage: tool FILE\n"),
            State.NOTE,
            "tool --help: it ended with status 2: usage: tool FILE",
            id="knows no help",
        ),
        pytest.param(
            SCRIPT,
            Answer(how="late"),
            State.NOTE,
            "tool --help: no answer in 5 seconds",
            id="serves",
        ),
        pytest.param(
            SCRIPT,
            Answer(how="unstartable", said="[Errno 2] No such file"),
            State.PROBLEM,
            "tool --help: it cannot be started: [Errno 2] No such file",
            id="no interpreter",
        ),
        pytest.param(
            SCRIPT,
            ended(1, f"{TRACEBACK}ImportError: cannot import name 'main' from 'tool'\n"),
            State.PROBLEM,
            "tool --help: it ended with status 1: "
            "ImportError: cannot import name 'main' from 'tool'",
            id="entry point gone",
        ),
        pytest.param(
            SCRIPT,
            ended(1, f"{TRACEBACK}importlib.metadata.PackageNotFoundError: x\n"),
            State.PROBLEM,
            "tool --help: it ended with status 1: importlib.metadata.PackageNotFoundError: x",
            id="metadata gone",
        ),
        pytest.param(
            SCRIPT,
            ended(
                1,
                f"{TRACEBACK}ModuleNotFoundError: No module named 'y'\n\n"
                f"{TRACEBACK}RuntimeError: use y[cli]\n",
            ),
            State.NOTE,
            "tool --help: it ended with status 1: RuntimeError: use y[cli]",
            id="wants an extra",
        ),
        pytest.param(
            SCRIPT,
            ended(127, "tool: error while loading shared libraries: libx.so: no such file"),
            State.PROBLEM,
            "tool --help: it ended with status 127: tool: error while loading shared libraries: "
            "libx.so: no such file",
            id="library gone",
        ),
        pytest.param(
            SCRIPT, ended(-6), State.PROBLEM, "tool --help: it died of SIGABRT", id="script dies"
        ),
        pytest.param(
            OWN_TEST,
            ended(
                1, "ModuleNotFoundError: No module named 'pytest'\na: ModuleNotFoundError: pytest"
            ),
            State.NOTE,
            "import a: a: ModuleNotFoundError: pytest",
            id="test needs another package",
        ),
        pytest.param(
            OWN_TEST,
            ended(1, "ModuleNotFoundError: No module named 'an_extra'\na: RuntimeError: no"),
            State.NOTE,
            "import a: a: RuntimeError: no",
            id="test needs an extra of the package",
        ),
        pytest.param(
            OWN_TEST,
            ended(1, "ModuleNotFoundError: No module named 'scipy'\na: no scipy"),
            State.PROBLEM,
            "import a: a: no scipy",
            id="dependency gone",
        ),
        pytest.param(
            OWN_TEST,
            ended(1, "ModuleNotFoundError: No module named 'a.core'\na: gone"),
            State.PROBLEM,
            "import a: a: gone",
            id="package lacks its own module",
        ),
        pytest.param(COMMAND, ended(0), State.OK, "tool --check", id="command"),
        pytest.param(
            COMMAND,
            ended(3, "no\n"),
            State.PROBLEM,
            "tool --check: it ended with status 3: no",
            id="command fails",
        ),
    ],
)
def test_an_answer_is_judged(
    check: Check, answer: Answer | None, state: State, detail: str
) -> None:
    found = judge(check, answer)

    assert (found.state, found.detail) == (state, detail)
    assert (found.hint is None) == (state is State.OK)


def test_own_tests_that_are_well_are_one_finding() -> None:
    def own(name: str, answer: Answer) -> Finding:
        check = import_check(Group.PACKAGE_TESTS, name, (name,), python="p", seconds=5)
        return judge(check, answer)

    other, bad = judge(IMPORT, ended(IMPORTED)), own("c", ended(1, "c: no"))

    found = summarized([other, own("a", ended(IMPORTED)), bad, own("b", ended(IMPORTED))])

    assert found == (
        other,
        bad,
        Finding.ok(Group.PACKAGE_TESTS, "2 packages", "can import what their own tests import"),
    )
    assert summarized([other]) == (other,)
