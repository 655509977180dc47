"""Checks match specs before a solver sees them, and says what was probably meant."""

from __future__ import annotations

import re

from condabox.conda.envfile.reading import FieldError
from condabox.platforms import SUBDIRS

_LONGEST = 500
_SPEC = re.compile(
    r"(?:(?P<channel>[^\s\[\]]+)::)?"
    r"(?P<name>[A-Za-z0-9_][A-Za-z0-9_.-]*)"
    r"(?P<rest>|[\s<>=!~][^\[\]]*)"
    r"(?:\[(?P<brackets>[^\[\]]*)\])?"
)
_WORDS = r"[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*"
_CONSTRAINT = re.compile(
    rf"(?:==?)?\*|~=(?:[0-9]+!)?{_WORDS}(?:\+{_WORDS})?"
    rf"|(?:==?|!=|<=?|>=?)?(?:[0-9]+!)?{_WORDS}(?:\+{_WORDS})?(?:\.?\*)?"
)
_BUILD = re.compile(r"[A-Za-z0-9_.*+-]+")
_VERSION_AND_BUILD = re.compile(r"(?P<version>.*[A-Za-z0-9_.*+-])[ =](?P<build>[^ =,|<>!~]+)")
_BRACKET = re.compile(r"""\s*(\w+)\s*=\s*(?:'([^']*)'|"([^"]*)"|([^'",\s]+))\s*(?:,|$)""")
_MISTAKES = tuple(
    (re.compile(pattern), message, hint)
    for pattern, message, hint in (
        (
            r"^-[er] |^--|^git\+|^https?://\S*\.whl$| @ ",
            "is a pip requirement",
            "move it below `- pip:`",
        ),
        (r"(?:^|\s)-[A-Za-z_]", "is not a match spec", "put a space after each dash: `- numpy`"),
        (r"\n", "is not a match spec", "one package to a line: `- numpy`"),
        (
            r"\.(?:conda|tar\.bz2)$",
            "is a package file",
            "name the package and its channel: conda-forge::numpy=2.1",
        ),
        (
            r";",
            "has a marker",
            "conda has none; put a selector behind the entry: `# [linux64]`",
        ),
        (r"\(", "has parentheses", "conda-lock does not read them: write numpy>=2,<3"),
        (r"=>|=<", "has its operator reversed", "write >= or <="),
    )
)
_AMBIGUOUS_BLANKS = re.compile(
    r"^=.*(?:\s[,|]|[,|]\s)|[,|]\s+=|[,|]\s\s|\s\s[,|]|=\s+=|[<>=!~]\s\s"
)
_LOCKABLE_KEYS = ("version", "build", "channel")


def package_name(spec: str, *, at: str) -> str:
    """Return the name that ``spec`` asks for, in lower case as conda compares it.

    Raise FieldError for a spec that conda, conda-lock and rattler do not all read alike.
    """
    spec = spec.strip()
    if mistake := _mistake(spec):
        message, hint = mistake
        raise FieldError(f"{_shown(spec)} {message}", at=at, hint=hint)
    found = _SPEC.fullmatch(spec)
    if found is None:
        raise FieldError(
            f"{_shown(spec)} is not a match spec",
            at=at,
            hint="write it like numpy, numpy=2.1, numpy>=2,<3 or conda-forge::numpy",
        )
    if found["channel"]:
        _check_channel(found["channel"], spec=spec, at=at)
    if rest := found["rest"].strip():
        _check_rest(rest, spec=spec, at=at)
    if found["brackets"] is not None:
        _check_brackets(found["brackets"], spec=spec, at=at)
    return found["name"].lower()


def _shown(spec: str) -> str:
    """Quote ``spec`` for a message, without the credentials that an address may hold."""
    return repr(re.sub(r"://[^/\s]*@", "://…@", spec[:_LONGEST]))


def _mistake(spec: str) -> tuple[str, str] | None:
    """Recognise what is no match spec but often written in place of one."""
    if len(spec) > _LONGEST:
        return "is too long for a match spec", "one package to a line: `- numpy`"
    for pattern, message, hint in _MISTAKES:
        if pattern.search(spec):
            return message, hint
    return None


def _check_rest(rest: str, *, spec: str, at: str) -> None:
    """Check what follows the name: a version, and a build string after a space or ``=``."""
    if _AMBIGUOUS_BLANKS.search(rest):
        raise FieldError(
            f"{_shown(spec)} has a blank where conda looks for a build string",
            at=at,
            hint="write it without blanks: numpy=2,<3",
        )
    # conda takes a blank behind `=` at the start alone
    rest = re.sub(r"([<>!~]=?|^==?)\s+", r"\1", rest)
    rest = re.sub(r"\s*([,|])\s*", r"\1", rest)
    if re.search(r" [<>=!~]", rest):
        raise FieldError(
            f"{_shown(spec)} joins two limits by a space",
            at=at,
            hint="join them by a comma: numpy>=2,<3",
        )
    parted = _VERSION_AND_BUILD.fullmatch(rest)
    if parted:
        _check_version(parted["version"], spec=spec, at=at)
        _check_build(parted["build"], spec=spec, at=at)
    else:
        _check_version(rest, spec=spec, at=at)


def _check_version(version: str, *, spec: str, at: str) -> None:
    for constraint in re.split(r"[,|]", version):
        if not _CONSTRAINT.fullmatch(constraint):
            raise FieldError(
                f"{_shown(spec)}: {constraint!r} is not a version or a limit",
                at=at,
                hint="write it like numpy=2.1, numpy>=2,<3 or numpy!=2.0.1",
            )


def _check_build(build: str, *, spec: str, at: str) -> None:
    if not _BUILD.fullmatch(build):
        raise FieldError(
            f"{_shown(spec)}: {build!r} is not a build string",
            at=at,
            hint="a build string comes last: numpy=2.1=py312*",
        )


def _check_channel(channel: str, *, spec: str, at: str) -> None:
    if "@" in channel:
        raise FieldError(
            "holds credentials",
            at=at,
            hint="keep them out of the file, for example in ~/.netrc",
        )
    if channel.rpartition("/")[2] in {*SUBDIRS, "noarch"}:
        raise FieldError(
            f"{_shown(spec)} names a subdir, which conda-lock does not lock by",
            at=at,
            hint="use `platforms:` and selectors such as `# [linux64]`",
        )


def _check_brackets(brackets: str, *, spec: str, at: str) -> None:
    position = 0
    while not position or position < len(brackets):
        found = _BRACKET.match(brackets, position)
        if found is None:
            raise FieldError(
                f"{_shown(spec)}: [{brackets}] is not a list of key=value",
                at=at,
                hint="extras are pip's; in conda they are packages, such as uvicorn-standard",
            )
        key, value = found[1], next(filter(None, found.groups()[1:]), "")
        if key not in _LOCKABLE_KEYS:
            raise FieldError(
                f"{_shown(spec)}: conda-lock cannot lock by {key}",
                at=at,
                hint=f"it knows {', '.join(_LOCKABLE_KEYS)}",
            )
        if key == "version":
            _check_version(value.replace(" ", ""), spec=spec, at=at)
        elif key == "build":
            _check_build(value, spec=spec, at=at)
        else:
            _check_channel(value, spec=spec, at=at)
        position = found.end()
