"""Installs local packages with rattler; run as a program, because rattler may crash on its way out.

Its standard input is one JSON document:
``{"archives": [...], "target": ..., "cache": ..., "prefix": ..., "platform": ...}``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import rattler


async def install(request: dict[str, Any]) -> None:
    records = [
        await rattler.RepoDataRecord.from_package_archive(archive)
        for archive in request["archives"]
    ]
    await rattler.install(
        records,
        target_prefix=request["target"],
        cache_dir=request["cache"],
        alternative_target_prefix=request["prefix"],
        platform=rattler.Subdir(request["platform"]),
        execute_link_scripts=False,
        show_progress=False,
    )


def main() -> None:
    status = 0
    try:
        asyncio.run(install(json.load(sys.stdin)))
    except Exception as error:  # noqa: BLE001 - whatever it is, the caller reads it
        sys.stderr.write(f"{error}\n")
        status = 1
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
