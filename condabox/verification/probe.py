"""Runs checks inside of a container and tells how each of them ended.

`condabox.verification.answers` sends it to the image's own Python, from 3.8 on, as a script that
imports the standard library alone.  The plan comes as one line of JSON, and each answer goes out
as another one, behind a word that only the plan told: what checked code prints is no answer.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

_LAST_WORDS = 4096
"""Bytes of a check's output that are told."""
_MOST_OUTPUT = 1 << 26
"""Bytes after which a check is ended."""
_LAST_BREATH = 2.0
"""Seconds to read what an ended check has left in its pipe."""


def main() -> None:
    """Carry out the plan on standard input."""
    plan: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    word = plan["word"].encode()
    lock = threading.Lock()
    with os.fdopen(os.dup(1), "wb") as out:

        def tell(answer: dict[str, Any]) -> None:
            with lock:
                # on a line of its own, whatever was written into the same pipe before
                out.write(b"\n" + word + b" " + json.dumps(answer).encode() + b"\n")
                out.flush()

        def work(number: int) -> None:
            tell({"check": number, **_answer(plan["checks"][number])})

        tell({"python": sys.version.split()[0]})
        with ThreadPoolExecutor(min(plan["most_at_once"], os.cpu_count() or 1)) as pool:
            for future in [pool.submit(work, number) for number in range(len(plan["checks"]))]:
                future.result()


def _answer(check: dict[str, Any]) -> dict[str, Any]:
    """Return how the first attempt ended that succeeded, or else the very first."""
    first: dict[str, Any] = {}
    for number, arguments in enumerate(check["attempts"]):
        found = _attempt(arguments, check)
        if found["how"] == "ended" and found["status"] == check["success"]:
            return {**found, "attempt": number}
        first = first or {**found, "attempt": number}
        if found["how"] != "ended":
            break
    return first


def _attempt(arguments: list[str], check: dict[str, Any]) -> dict[str, Any]:
    try:
        started = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=check["folder"],
            start_new_session=True,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        return {"how": "unstartable", "status": None, "said": str(error)}
    output = _Output(started)
    output.start()
    how = "ended"
    try:
        started.wait(check["seconds"])
    except subprocess.TimeoutExpired:
        how = "late"
    _kill(started)
    status = started.wait()
    # what it has started may keep the pipe open in a session of its own
    output.join(_LAST_BREATH)
    said = bytes(output.last).decode(errors="replace")
    return {"how": "loud" if output.too_much else how, "status": status, "said": said}


def _kill(started: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):  # nobody may be left
        os.killpg(started.pid, signal.SIGKILL)


class _Output(threading.Thread):
    """Keeps the end of what a check prints, and ends one that prints without end."""

    def __init__(self, started: subprocess.Popen[bytes]) -> None:
        super().__init__(daemon=True)
        self.last = bytearray()
        self.too_much = False
        self._program = started

    def run(self) -> None:
        """Read until the pipe is closed."""
        pipe, read = self._program.stdout, 0
        while pipe:
            chunk = pipe.read(1 << 16)
            if not chunk:
                return
            self.last += chunk
            del self.last[:-_LAST_WORDS]
            read += len(chunk)
            if read > _MOST_OUTPUT and not self.too_much:
                self.too_much = True
                _kill(self._program)


if __name__ == "__main__":
    main()
