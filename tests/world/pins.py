"""Choose today's versions: ``python -m tests.world.pins`` writes `wheels.txt` anew."""

from __future__ import annotations

from pathlib import Path

from tests.world.architectures import ARCHITECTURES
from tests.world.pip import resolve
from tests.world.wheel_recipes import ROOTS

_HEADER = "# Made by `python -m tests.world.pins`: what the world's projects need, all of it.\n"


def main() -> None:
    """Resolve for one architecture; the others have wheels of the same versions."""
    pins = resolve(ROOTS, architecture=ARCHITECTURES["linux-64"])
    Path(__file__).with_name("wheels.txt").write_text(_HEADER + "\n".join(pins) + "\n")


if __name__ == "__main__":
    main()
