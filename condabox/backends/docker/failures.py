"""What went wrong in a build of Docker's, and what can be done about it."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.backends.docker.events import CANCELED
from condabox.backends.docker.names import short_name
from condabox.errors import ToolFailedError, ToolMissingError

if TYPE_CHECKING:
    from condabox.backends.docker.watching import FailedStep, Watched
    from condabox.errors import BackendError
    from condabox.platforms import Platform

_LONGEST_REASON = 300
_KILLED = 128 + signal.SIGKILL

_NO_CACHE_EXPORT = re.compile(
    r"cache export .*not supported|unknown flag: --cache-to", re.IGNORECASE
)
_NO_DAEMON = re.compile(r"cannot connect to the docker daemon", re.IGNORECASE)
_LOST = re.compile(
    r"\bUnavailable\b|\bunexpected EOF\b|: EOF$|transport is closing"
    r"|connection (?:reset by peer|refused)|broken pipe"
)
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_FOREIGN = re.compile(r"exec format error|invalid ELF image", re.IGNORECASE)
_NO_MEMORY = re.compile(r"cannot allocate memory", re.IGNORECASE)
_LINK = re.compile(
    r"cannot copy to non-directory: (?:\S*?/(?:merged|buildkit-mount[0-9]+)(?=/))?(?P<place>/\S*)"
)
_TREE = re.compile(r" (/[a-z]+/) /$")
_EXIT_CODE = re.compile(r"exit code: ([0-9]{1,10})$")
_IMAGE = re.compile(
    r"(?:\[internal\] load metadata for|resolve image config for|(?:\[[^\]]*\] )?FROM) (\S+)"
)
_REGISTRY = re.compile(r"exporting cache|pushing |\[auth\] ")
_WRAPPED = re.compile(
    r"^(?:ERROR: |failed to solve: |rpc error: code = \w+ desc = "
    r"|failed to solve with frontend dockerfile\.v0: |failed to create LLB definition: "
    r'|process ".*" did not complete successfully: |executor failed running \[.*\]: )+',
    re.DOTALL,
)
_DENIED = re.compile(
    r"\b40[13] (?:unauthorized|forbidden)|unauthorized|denied|insufficient_scope"
    r"|no basic auth credentials|authorization failed",
    re.IGNORECASE,
)
_NOT_FOUND = re.compile(r"not found|manifest unknown|no match for platform", re.IGNORECASE)

_DISK = (
    "make room where the builder keeps its data: `docker system df` shows what takes it, and "
    "`docker builder prune` removes what is only kept for later builds"
)
_MEMORY = (
    "Linux ends programs so where memory is short: give the builder's machine more, or run "
    "fewer builds at a time"
)
_ENDED = "Linux ends programs without a word where memory is short: run fewer builds at a time"
_EMULATOR = (
    "install qemu-user-static on the builder's machine and register it with binfmt_misc "
    "(Debian's package does both), or build with --platform for that machine"
)
_CACHE_DRIVER = (
    "use a builder that can (`docker buildx create --use`), turn on Docker's containerd image "
    "store, or leave --cache-to out"
)
_DAEMON = "start Docker, or set DOCKER_HOST"
_LOST_HINT = "did the builder's daemon end? its log says why; what was built so far is kept"
_LOGIN = "log in with `docker login`: the builder has the same credentials"
_NAMES = "look at the names in `base:` and `builder:`"
_REACH = (
    "the builder pulls images itself: its machine has to reach the registry, and to trust its "
    "certificate"
)
_OTHER_BASE = (
    "a base with a link there cannot be one for development, which has a folder of its own there: "
    "choose another `base:`"
)
_ROOM = {
    "/environment/": "choose another `prefix:`, below a folder of its own, such as /condabox/env",
    "/application/": "choose another `dest:`, below a folder of its own",
    "/tools/": _OTHER_BASE,
    "/starter/": _OTHER_BASE,
    "/account/": _OTHER_BASE,
}
"""What helps where a base has no room for one of the trees that our Dockerfile copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sign:
    """What in a step's last lines tells why a download failed, and what helps then."""

    words: re.Pattern[str]
    hint: str


_DOWNLOADS = (
    _Sign(
        words=re.compile(
            r"certificate_verify_failed|certificate (?:verif|problem|has|is)"
            r"|SSL (?:peer|certificate)|self.signed certificate",
            re.IGNORECASE,
        ),
        hint="a host's certificate is not trusted in the build: SSL_CERT_FILE may name a file of "
        "those that are",
    ),
    _Sign(
        words=re.compile(
            r"\b(?:status|status code|http error|returned error)\W{1,4}40[137]\b"
            r"|\b40[137] (?:client error|unauthorized|forbidden|proxy)",
            re.IGNORECASE,
        ),
        hint="a host refuses a package: it needs credentials, or others than it was given",
    ),
    _Sign(
        words=re.compile(
            r"could not (?:resolve|connect)|failed to connect|connection refused"
            r"|connection reset|connection timed out|timeout was reached"
            r"|(?:read|operation|connect) timed out|max retries exceeded"
            r"|temporary failure (?:in name resolution|resolving)"
            r"|network is unreachable|no route to host|download error|failed to fetch"
            r"|\b(?:status|status code|http error|returned error)\W{1,4}(?:404|5[0-9][0-9])\b",
            re.IGNORECASE,
        ),
        hint="a package could not be downloaded: a step of a build has to reach its host, and is "
        "told of the proxies in HTTPS_PROXY, HTTP_PROXY and NO_PROXY",
    ),
)


def explained(watched: Watched, *, returncode: int, platform: Platform) -> BackendError:
    """Return what to raise for a build for ``platform`` that failed.

    The step that went wrong is named with its last lines; nothing else of the log is in it.
    ``returncode`` is negative where a signal has ended the command.
    """
    said = "\n".join(watched.said)
    if _NO_CACHE_EXPORT.search(said):
        return ToolFailedError("this builder cannot export its cache", hint=_CACHE_DRIVER)
    if watched.failed is not None:
        return _of_step(watched.failed, platform)
    return _of_command(watched, said, returncode)


def _of_command(watched: Watched, said: str, returncode: int) -> BackendError:
    """Explain what happened where no step is to blame."""
    for line in watched.said:
        if _NO_DAEMON.search(line):
            return ToolMissingError(_reason(line), hint=_DAEMON)
    if returncode < 0:
        what = f"the command that builds was ended by {_signal(-returncode)}"
        return ToolFailedError(what, hint=_ENDED if -returncode == signal.SIGKILL else None)
    if _FULL.search(said):
        return _failed("no space is left where the builder works", watched.said, hint=_DISK)
    for line in watched.said:
        if _LOST.search(line):
            what = f"the connection to the builder was lost: {_reason(line)}"
            return ToolFailedError(what, hint=_LOST_HINT)
        if line.endswith(CANCELED):
            return ToolFailedError("the build was canceled")
    words = tuple(_WRAPPED.sub("", line) for line in watched.said)
    # a plugin that is killed says nothing
    return _failed(
        f"the build ended with status {returncode}", words, hint=None if words else _ENDED
    )


def _of_step(failed: FailedStep, platform: Platform) -> BackendError:
    title, told = short_name(failed.name), "\n".join((failed.error, *failed.lines))
    if happened := _happened(failed.error, told, platform) or _linked(failed):
        what, hint = happened
        return _failed(f"{title}: {what}", failed.lines, hint=hint)
    if status := _EXIT_CODE.search(failed.error):
        what = f"{title} ended with status {status[1]}"
        return _failed(what, failed.lines, hint=_download(told))
    reason = _reason(failed.error)
    if image := _IMAGE.match(failed.name):
        what = f"cannot pull {image[1]}: {reason}"
        return ToolFailedError(what, hint=_pull(reason))
    return _failed(f"{title}: {reason}", failed.lines, hint=_other(failed.name, reason))


def _happened(error: str, told: str, platform: Platform) -> tuple[str, str] | None:
    """Return what befell a step through no fault of its own, and what helps."""
    if _FULL.search(told):
        return "no space is left", _DISK
    if _FOREIGN.search(told):
        return f"the builder cannot run programs for {platform}", _EMULATOR
    status = _EXIT_CODE.search(error)
    if (status and int(status[1]) == _KILLED) or _NO_MEMORY.search(error):
        return "its program was killed", _MEMORY
    return None


def _linked(failed: FailedStep) -> tuple[str, str] | None:
    """Return which link of the base a copied folder cannot replace, and what helps."""
    link, tree = _LINK.search(failed.error), _TREE.search(failed.name)
    if link is None or tree is None or tree[1] not in _ROOM:
        return None
    return f"the base has a link at {link['place']}, where a folder has to be", _ROOM[tree[1]]


def _other(name: str, reason: str) -> str | None:
    if _REGISTRY.match(name) and _DENIED.search(reason):
        return _LOGIN
    return _LOST_HINT if _LOST.search(reason) and not _REGISTRY.match(name) else None


def _pull(reason: str) -> str:
    if _DENIED.search(reason):
        return _LOGIN
    return _NAMES if _NOT_FOUND.search(reason) else _REACH


def _download(told: str) -> str | None:
    return next((sign.hint for sign in _DOWNLOADS if sign.words.search(told)), None)


def _failed(what: str, lines: tuple[str, ...], *, hint: str | None = None) -> ToolFailedError:
    return ToolFailedError("\n    ".join((what, *lines)), hint=hint)


def _reason(error: str) -> str:
    """Return what Go wrapped in words of every caller; what matters is at the end."""
    text = " ".join(_WRAPPED.sub("", error).split())
    return text if len(text) <= _LONGEST_REASON else f"…{text[1 - _LONGEST_REASON :]}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
