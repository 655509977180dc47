"""Where on this machine the ports of a container are."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.errors import BackendError, SpecError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

LOCALHOST = "127.0.0.1"
_HIGHEST = 65535
_EVERYWHERE = ("", "0.0.0.0", "[::]")  # noqa: S104  (only compared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a service answers; ``host`` is as URLs have it."""

    host: str
    port: int


def parse_port(text: str, whole: str) -> int:
    """Return the number; raise SpecError, which quotes ``whole``, for what is none."""
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:6]) <= _HIGHEST:
        raise SpecError(f"{whole!r} is not a port", hint="write it like 8000 or 8080:8000")
    return int(text)


def check_published(text: str) -> None:
    """Raise SpecError where ``text``, a value of ``--publish``, has something else than ports.

    They may be ranges, and the outer one is the engine's choice where it is empty or zero.
    """
    left, _, inner = text.partition("/")[0].rpartition(":")
    outer = left.rpartition(":")[2]
    for ports in (inner, *([outer] if outer not in {"", "0"} else [])):
        for number in ports.split("-", 1):
            parse_port(number, text)


def port_warnings(publish: Sequence[str]) -> Iterator[str]:
    """Yield what will be otherwise without an engine: there, ports are the host's own.

    Raise BackendError for a port that would need translation, SpecError for what is none.
    """
    for text in publish:
        left, _, last = text.partition("/")[0].rpartition(":")
        address, _, outer = left.rpartition(":")
        port, outer_port = parse_port(last, text), parse_port(outer or last, text)
        if port != outer_port:
            raise BackendError(
                f"--publish {text}: without an engine the container's ports are the host's own",
                hint=f"publish {last}:{last}, or install Docker or podman",
            )
        if address:
            yield f"--publish {text}: without an engine the command itself chooses its address"


def published(port: int, wanted: Sequence[str]) -> tuple[Address, tuple[str, ...]] | None:
    """Return where ``wanted``, the values of ``--publish``, have a container's ``port``.

    Beside it are the same values, with a port where the engine would have chosen one.  None where
    they do not speak of it.
    """
    for place, text in enumerate(wanted):
        outer, _, inner = text.rpartition(":")
        if inner not in {str(port), f"{port}/tcp"}:
            continue
        host, _, number = outer.rpartition(":")
        chosen = parse_port(number, text) if number else free_port(outer_ports(wanted))
        value = f"{host}:{chosen}:{port}" if host else f"{chosen}:{port}"
        shown = LOCALHOST if host in _EVERYWHERE else host
        return Address(host=shown, port=chosen), (*wanted[:place], value, *wanted[place + 1 :])
    return None


def outer_ports(wanted: Sequence[str]) -> frozenset[int]:
    """Return which of this machine's ports ``wanted`` takes, as far as it says so."""
    numbers = (text.rpartition(":")[0].rpartition(":")[2] for text in wanted)
    return frozenset(int(text) for text in numbers if text.isascii() and text.isdecimal())


def own_port(port: int, *, taken: Collection[int]) -> int:
    """Return ``port``, or a free one where somebody listens there or it is among ``taken``."""
    return port if port not in taken and is_free(port) else free_port(taken)


def is_free(port: int) -> bool:
    """Say whether nobody listens at ``port`` of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if sys.platform == "linux":
            # what was closed a moment ago is free; elsewhere what is in use would seem to be, too
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOCALHOST, port))
        except OSError:
            return False
    return True


def free_port(taken: Collection[int]) -> int:
    """Return a port that nobody listens at, and that is not among ``taken``."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((LOCALHOST, 0))
            found = int(probe.getsockname()[1])
        if found not in taken:
            return found
