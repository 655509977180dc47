"""Runs inside an image, by the Python that is in there, and tells what that Python could do.

    condabox run -e LD_DEBUG=files -e LD_DEBUG_OUTPUT=/tmp/loaded IMAGE --
        python -c "$(cat tests/fakes/insider.py)" MODULE...

It imports each module, tries what is easily broken, and prints one JSON document.  Who imports
what is seen from the frames of the interpreter, and what loads which library by glibc's own record
(ld.so(8), LD_DEBUG): nothing here knows how condabox proves the same.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import warnings
from functools import partial
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

PREFIX = Path(sys.prefix)


class Watch:
    """A finder that finds nothing, and notes who asked first for each module, and how.

    ``statement`` is an import statement, ``compiled`` an extension module, ``call`` all else: there
    a name can be computed.
    """

    def __init__(self) -> None:
        from dis import opmap  # noqa: PLC0415

        self._import = opmap["IMPORT_NAME"]
        self._call = importlib.import_module.__code__
        self.asked: dict[str, tuple[str, str]] = {}

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> None:
        self.asked.setdefault(name, self._asker(sys._getframe(1)))

    def _asker(self, frame: FrameType | None) -> tuple[str, str]:
        while frame is not None:
            code = frame.f_code
            loader = frame.f_locals.get("self") if code.co_name == "exec_module" else None
            if isinstance(loader, ExtensionFileLoader):
                return str(loader.path), "compiled"
            if not code.co_filename.startswith("<frozen importlib") and code is not self._call:
                static = code.co_code[frame.f_lasti] == self._import
                return code.co_filename, "statement" if static else "call"
            frame = frame.f_back
        return "", "call"


def imported(watch: Watch) -> Iterator[tuple[str, str, str, str]]:
    """Yield who asked for a module, how, its name, and the file that it came from."""
    for name, (asker, how) in sorted(watch.asked.items()):
        module = sys.modules.get(name)
        spec = getattr(module, "__spec__", None)
        if spec is not None and spec.has_location and spec.name == name:
            yield inner(asker), how, name, inner(str(spec.origin))


def loaded(record: Path) -> Iterator[tuple[str, str, str]]:
    """Yield who needed a library, by its ELF header, the path that it was found by, and its file.

    What programs open by name, extension modules among it, is told as needed by nobody.
    """
    needed: dict[str, str] = {}
    paths = []
    for line in record.read_text(errors="replace").splitlines():
        if found := re.search(r"file=(\S+) \[\d+\];  needed by (\S+) \[", line):
            needed.setdefault(found[1], found[2])
        elif found := re.search(r"calling init: (\S+)", line):
            paths.append(found[1])
    for path in paths:
        who = needed.get(os.path.basename(path), "")  # noqa: PTH119
        yield inner(who), inner(path), inner(os.path.realpath(path))


def top_levels() -> list[str]:
    """Return what all installed distributions say that they have: RECORD lists what is gone."""
    from importlib.metadata import packages_distributions  # noqa: PLC0415

    return sorted(name for name in packages_distributions() if name.isidentifier())


def inner(path: str) -> str:
    """Return ``path`` relative to the prefix, where it is in there."""
    return path.removeprefix(f"{PREFIX}/")


def attempt(task: Callable[[], Any]) -> Any:
    """Return what ``task`` does, or how it failed, as a text."""
    try:
        return task()
    except BaseException as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"


def versions() -> dict[str, str]:
    from importlib.metadata import distributions, version  # noqa: PLC0415

    return {name: version(name) for name in sorted(each.name for each in distributions())}


def entry_points() -> dict[str, str]:
    """Return the console scripts whose function is not there."""
    from importlib.metadata import entry_points as every  # noqa: PLC0415

    tried = {each.name: attempt(each.load) for each in every(group="console_scripts")}
    return {name: found for name, found in tried.items() if isinstance(found, str)}


def time_zone() -> list[str]:
    import zoneinfo  # noqa: PLC0415
    from datetime import datetime  # noqa: PLC0415

    def name(*where: str) -> str:
        zoneinfo.reset_tzpath(where)
        zoneinfo.ZoneInfo.clear_cache()
        return str(datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).tzname())

    return [name(f"{PREFIX}/share/zoneinfo"), name()]  # without a path it is the tzdata wheel's


def authorities() -> list[bool]:
    import ssl  # noqa: PLC0415

    certifi: Any = importlib.import_module("certifi")
    files = (certifi.where(), f"{PREFIX}/ssl/cacert.pem")
    counts = [ssl.create_default_context(cafile=each).cert_store_stats() for each in files]
    return [each["x509_ca"] > 0 for each in counts]


def colours() -> int:
    import curses  # noqa: PLC0415

    curses.setupterm("xterm-256color", 1)
    return curses.tigetnum("colors")


def kernels() -> dict[str, str]:
    kernelspec: Any = importlib.import_module("jupyter_client.kernelspec")
    found = kernelspec.KernelSpecManager().get_all_specs()
    return {name: spec["spec"]["language"] for name, spec in found.items()}


def completions() -> list[str]:
    jedi: Any = importlib.import_module("jedi")
    # What `split` returns is only said in a stub.
    return [each.name for each in jedi.Script("''.split()[0].capital").complete()]


def templates() -> list[str]:
    jinja2: Any = importlib.import_module("jinja2")
    text = "{{ 'even' if 2 is even else 'odd' }}"
    environment = jinja2.Environment(autoescape=True)
    return [environment.from_string(text).render(), environment.tests["odd"].__module__]


def library_by_link() -> list[bool]:
    import ctypes  # noqa: PLC0415

    link = PREFIX / "lib" / "libprefixprobe.so"
    return [link.is_symlink(), bool(ctypes.CDLL(str(link)).prefix_probe_guard)]


def headers() -> dict[str, bool]:
    import sysconfig  # noqa: PLC0415

    python = Path(sysconfig.get_path("include"), "Python.h")
    return {
        "python": python.exists(),
        "torch": Path(PREFIX, "include/torch/csrc/api/include/torch/torch.h").exists(),
        "openssl": Path(PREFIX, "include/openssl/ssl.h").exists(),
    }


def programs() -> dict[str, int]:
    """Return the exit statuses of those of these commands that are in the prefix."""
    commands = (
        *("curl --version", "git --version", "openssl version", "ps -V", "sqlite3 -version"),
        *("ssh -V", "tini --version", "f2py -h", "isympy --help", "ipython --version"),
        *("jupyter lab path", "jupyter server extension list"),
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("LD_DEBUG")}
    statuses = {}
    for command in commands:
        words = command.split()
        if Path(PREFIX, "bin", words[0]).exists():
            done = subprocess.run(words, env=env, capture_output=True, check=False)
            statuses[command] = done.returncode
    return statuses


CHECKS = (
    *(versions, entry_points, time_zone, authorities, colours, kernels, completions, templates),
    *(library_by_link, headers, programs),
)


def main() -> None:
    """Import what the command line names, try everything, and tell."""
    warnings.simplefilter("ignore")
    watch = Watch()
    sys.meta_path.insert(0, watch)
    names = (*sys.argv[1:], *top_levels())
    tried = {name: attempt(partial(importlib.import_module, name)) for name in names}
    edges = list(imported(watch))
    checks = {check.__name__: attempt(check) for check in CHECKS}
    record = Path(f"{os.environ.get('LD_DEBUG_OUTPUT')}.{os.getpid()}")
    answer = {
        "failed": {name: found for name, found in tried.items() if isinstance(found, str)},
        "imported": edges,
        "loaded": sorted(loaded(record)) if record.exists() else [],
        **checks,
    }
    print(json.dumps(answer))  # noqa: T201


if __name__ == "__main__":
    main()
