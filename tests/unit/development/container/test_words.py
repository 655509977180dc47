"""What is said where nobody may listen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

_SCRIPT = """
import sys
sys.path.insert(0, {root!r})
from condabox.development.container.words import say
say("one")
say("two \\udcff")
sys.exit(143)
"""


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", "2>/dev/null"])
def test_a_log_that_takes_nothing_ends_nothing(where: str) -> None:
    command = f'"$0" -I -c "$1" {where}'
    script = _SCRIPT.format(root=str(ROOT))

    done = subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, script], capture_output=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (143, b"", b"")
