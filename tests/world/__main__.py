"""Build the test world from the command line: ``python -m tests.world [DIRECTORY]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from condabox.errors import CondaboxError
from tests.world.architectures import ARCHITECTURES
from tests.world.errors import WorldError
from tests.world.world import build_world, default_directory


def main() -> int:
    """Build it, and say what is in it and how to use it."""
    parser = argparse.ArgumentParser(prog="python -m tests.world", description=__doc__)
    parser.add_argument("directory", type=Path, nargs="?", default=default_directory())
    parser.add_argument("--subdir", action="append", choices=sorted(ARCHITECTURES))
    arguments = parser.parse_args()
    try:
        world = build_world(arguments.directory, subdirs=arguments.subdir or tuple(ARCHITECTURES))
    except (WorldError, CondaboxError) as error:
        print(f"tests.world: error: {error}", file=sys.stderr)
        return 1
    for subdir, name, size in world.report.packages:
        print(f"{size / 1e6:9.2f} MB  {subdir}/{name}")
    total = sum(size for _, _, size in world.report.packages)
    print(f"{total / 1e6:9.2f} MB  in {len(world.report.packages)} packages")
    for note in world.report.notes:
        print(note)
    print(f"built in {world.report.seconds} s; to use it: export CONDABOX_CONFIG={world.settings}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
