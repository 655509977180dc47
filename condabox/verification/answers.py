"""Has checks run in a container, and says what their answers mean."""

from __future__ import annotations

import json
import secrets
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.decode import DecodeError, mapping, optional, required
from condabox.errors import ToolFailedError
from condabox.outputs.engines import Program
from condabox.reporting.findings import Finding, Group, State
from condabox.reporting.formats import counted, printable
from condabox.verification import probe
from condabox.verification.breaking import is_broken, missing_module
from condabox.verification.checks import Answer
from condabox.verification.installed import normalized

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from condabox.process import Heard
    from condabox.verification.checks import Check

_MOST_AT_ONCE = 4
_MOST_OUTPUT = 64 << 20
"""Bytes that a container may say: answers are few and short."""
_SECONDS_TO_START = 120.0
_LONGEST = 3600.0
"""Seconds for all checks together, however many an image asks for."""
_LAST_WORDS = 4096

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_FOR_TESTS = frozenset({"hypothesis", "mock", "nose", "pytest"})
"""Modules that tests need, and that nothing else does."""

_HINTS = {
    Group.IMPORTS: "start the image with `condabox run`, and import it there by hand",
    Group.SCRIPTS: "start it in the image with `condabox run`, by hand",
    Group.PACKAGE_TESTS: "its builder tests that this works: a dependency is missing, or was "
    "replaced by one that does not fit",
    Group.TESTS: "`test:` of the environment file asks for it",
}


def ask(
    checks: Sequence[Check], *, python: str, run: Callable[[Program], Heard]
) -> tuple[Answer | None, ...]:
    """Have ``checks`` run by the image's ``python``; return their answers, None where none came.

    Raise ToolFailedError where the container did not start, or Python did not in it.
    """
    word = secrets.token_hex(16)
    plan = {
        "word": word,
        "most_at_once": _MOST_AT_ONCE,
        "checks": [each.to_json() for each in checks],
    }
    seconds = _SECONDS_TO_START + sum(each.seconds * len(each.attempts) for each in checks)
    script = Path(probe.__file__).read_text(encoding="utf-8")
    heard = run(
        Program(
            arguments=(f"/{python}", "-I", "-S", "-c", script),
            stdin=json.dumps(plan).encode() + b"\n",
            seconds=min(seconds, _LONGEST),
            most=_MOST_OUTPUT,
        )
    )
    answers = read_answers(heard.said, word=word)
    if answers is None:
        said = heard.said.decode(errors="replace").strip().splitlines()
        raise ToolFailedError(
            f"/{python} did not start in the container: {printable(said[-1] if said else '')}"
        )
    return tuple(map(answers.get, range(len(checks))))


def read_answers(said: bytes, *, word: str) -> dict[int, Answer] | None:
    """Return the answers in what a container ``said``; None where the probe did not even start.

    Only lines with ``word`` count, and of several answers to a check the first.
    """
    start = word.encode() + b" "
    lines = [line for line in said.split(b"\n") if line.startswith(start)]
    answers: dict[int, Answer] = {}
    for line in lines:
        try:
            told = mapping(json.loads(line.removeprefix(start)), at="")
            if "check" in told:
                answer = Answer(
                    how=required(told, "how", str, at=""),
                    attempt=required(told, "attempt", int, at=""),
                    status=optional(told, "status", int, at=""),
                    said=required(told, "said", str, at=""),
                )
                answers.setdefault(required(told, "check", int, at=""), answer)
        except (DecodeError, ValueError, RecursionError):
            continue
    return answers if lines else None


def ask_directly(check: Check, *, run: Callable[[Program], Heard]) -> Answer:
    """Have one check run in containers of its own, where no Python could run several."""
    answers = []
    for number, arguments in enumerate(check.attempts):
        seconds = _SECONDS_TO_START + check.seconds
        heard = run(Program(arguments=arguments, seconds=seconds, most=_MOST_OUTPUT))
        how = "ended" if heard.returncode is not None else "late"
        said = heard.said[-_LAST_WORDS:].decode(errors="replace")
        answers.append(Answer(how=how, attempt=number, status=heard.returncode, said=said))
        if heard.returncode in {check.success, None}:
            return answers[-1]
    return answers[0]


def judge(check: Check, answer: Answer | None) -> Finding:
    """Return what an answer says of the image.

    A program that serves instead of telling of itself, or that knows no ``--help``, is no problem;
    nor is a test that needs an optional extra of what it tests.
    """
    hint = _HINTS[check.group]
    if answer is None:
        detail = f"{check.does}: no answer came: the container ended before"
        return Finding.problem(check.group, check.name, detail, hint=hint)
    if answer.how == "ended" and answer.status == check.success:
        return Finding.ok(check.group, check.name, _done(check, answer))
    detail = f"{check.does}: {_reason(check, answer)}"
    if _is_harmless(check, answer):
        return Finding.note(check.group, check.name, detail, hint=hint)
    return Finding.problem(check.group, check.name, detail, hint=hint)


def summarized(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return ``findings``, with those of packages' own tests that are well as one of them."""
    group = Group.PACKAGE_TESTS
    well = [each for each in findings if each.group is group and each.state is State.OK]
    if not well:
        return tuple(findings)
    detail = "can import what their own tests import"
    one = Finding.ok(group, counted(len(well), "package"), detail)
    return (*(each for each in findings if each not in well), one)


def _done(check: Check, answer: Answer) -> str:
    if check.group is not Group.SCRIPTS:
        return printable(check.does)
    return f"{check.name} {' '.join(check.attempts[answer.attempt % len(check.attempts)][1:])}"


def _reason(check: Check, answer: Answer) -> str:
    words = [line for line in answer.said.splitlines() if line.strip()]
    last = printable(words[-1].strip()) if words else ""
    match answer.how:
        case "late":
            return f"no answer in {check.seconds:.0f} seconds"
        case "loud":
            return "it printed without end"
        case "unstartable":
            return f"it cannot be started: {last}"
        case _:
            return _end(check, answer, last)


def _end(check: Check, answer: Answer, last: str) -> str:
    if answer.status is not None and answer.status < 0:
        return f"it died of {_signal(-answer.status)}"
    told = f": {last}" if last else ""
    if check.group in {Group.IMPORTS, Group.PACKAGE_TESTS} and answer.status == 1:
        return last or "it ended with status 1"
    return f"it ended with status {answer.status}{told}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _is_harmless(check: Check, answer: Answer) -> bool:
    if check.group is Group.PACKAGE_TESTS:
        return _needs_an_extra(check, answer)
    if check.group is not Group.SCRIPTS or answer.how == "unstartable":
        return False
    if answer.how != "ended":
        return True
    status = answer.status or 0
    cannot_start = status < 0 or status in {_NOT_FOUND, _NOT_EXECUTABLE}
    return not (cannot_start or is_broken(answer.said))


def _needs_an_extra(check: Check, answer: Answer) -> bool:
    """Tell whether a test misses what its package works without."""
    top = (missing_module(answer.said) or "").partition(".")[0]
    return answer.how == "ended" and (top in _FOR_TESTS or normalized(top) in check.optional)
