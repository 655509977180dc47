"""The process in which facts are taken: a job on each line of standard input, an answer for each.

To take them is work for a processor, and threads of one interpreter would wait for each other.
Facts go into a file; an answer is ``{}``, or ``{"error": …, "hint": …}``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from condabox.conda.lockfiles.lockfile import LockedPackage
from condabox.conda.packages.python import PythonInfo
from condabox.errors import CondaboxError
from condabox.files import write_atomically
from condabox.pruning.observe import observe


def main() -> None:
    """Answer until there are no more jobs, or nobody who asks."""
    for line in sys.stdin.buffer:
        answer = json.dumps(_answer(json.loads(line))) + "\n"
        try:
            # Without a buffer, which Python would want to write once more when it ends.
            os.write(sys.stdout.fileno(), answer.encode())
        except BrokenPipeError:
            return


def _answer(job: dict[str, Any]) -> dict[str, str | None]:
    python = job["python"]
    try:
        facts = observe(
            Path(job["archive"]),
            LockedPackage(**job["package"]),
            python=None if python is None else PythonInfo(**python),
            scratch=Path(job["scratch"]),
        )
        text = json.dumps(facts.to_json(), separators=(",", ":"))
        write_atomically(Path(job["note"]), text.encode())
    except CondaboxError as error:
        return {"error": error.message, "hint": error.hint}
    except OSError as error:
        return {"error": f"cannot write {error.filename}: {error.strerror}", "hint": None}
    return {}


if __name__ == "__main__":
    main()
