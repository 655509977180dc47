"""How one address is asked: the address that may be seen, and the credentials apart from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

from condabox.conda.channels.channel import VARIABLE, without_credentials

_SECRET = re.compile(
    r"(?<=://)[^\s/]*@"  # user and password, in which somebody forgot to quote an @
    r"|/t/[^\s/\"')]+(?=/)"  # conda's token
    r"|(?<=\S)\?[^\s\"')]*=[^\s\"')]*"  # the signature in an address that a server led to
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """An address, as it may be stored and told, and what it takes to be answered there.

    ``asked`` is the address with conda's token in its path; ``user`` and ``password`` are None
    and empty where nobody is to be named.  ``unset`` names the variables that nobody has set.
    """

    url: str
    asked: str = field(repr=False)
    user: str | None = field(default=None, repr=False)
    password: str = field(default="", repr=False)
    unset: tuple[str, ...] = ()

    @classmethod
    def of(cls, url: str) -> Access:
        """Take ``url`` apart."""
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
        name, _, password = user.partition(":")
        shown = without_credentials(url)
        asked = urlunsplit(parts._replace(netloc=host))
        return cls(
            url=shown,
            asked=asked,
            user=unquote(name) if at else None,
            password=unquote(password),
            unset=tuple(
                found[1] or found[2]
                for part in (*user.split(":"), *_token_of(shown, asked))
                # a password may well have a $ in it, but it is hardly the name of a variable
                if (found := VARIABLE.fullmatch(part))
            ),
        )

    @property
    def private(self) -> bool:
        """Whether the address brings credentials of its own."""
        return self.user is not None or self.asked != self.url

    @property
    def host(self) -> str:
        """The host as rattler's stores of credentials know it: without its port."""
        found = urlsplit(self.url).hostname or ""
        return f"[{found}]" if ":" in found else found


def _token_of(shown: str, asked: str) -> tuple[str, ...]:
    return tuple(set(asked.split("/")) - set(shown.split("/")) - {"t"})


def redacted(text: str) -> str:
    """Take what may be secret out of the addresses that ``text``, a tool's message, mentions."""
    return _SECRET.sub("", text)
