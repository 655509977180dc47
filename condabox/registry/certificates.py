"""Authorities of a registry's own, and who we are to it, where Docker and podman look for them.

containers-certs.d(5), and Docker's "Verify repository client with certificates".
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condabox.errors import RegistryError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator, Mapping, Sequence

_SYSTEM = (Path("/etc/containers/certs.d"), Path("/etc/docker/certs.d"))
_NONE = ""
"""The password of a key that has one: nobody is asked for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whether a registry's certificate is checked, with which files beside the usual ones.

    ``identities`` are certificates of ours and their keys.  All hold for whom the registry sends us
    to, too, as with Docker: its token server and its storage.
    """

    verify: bool = True
    authorities: tuple[Path, ...] = ()
    identities: tuple[tuple[Path, Path], ...] = ()

    def prepare(self, context: ssl.SSLContext) -> None:
        """Let ``context`` know the files; raise RegistryError for what cannot be used."""
        for path in self.authorities:
            with _explained(path, "a certificate"):
                context.load_verify_locations(path)
        for certificate, key in self.identities:
            with _explained(certificate, "a certificate and its key"):
                context.load_cert_chain(certificate, key, password=_NONE)


def certificate_folders(env: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where there may be a folder for a registry; the first that has one counts."""
    home = env.get("HOME") or env.get("USERPROFILE")
    own = (Path(home, ".config", "containers", "certs.d"),) if home else ()
    return (*own, *_SYSTEM)


def find_trust(host: str, *, verify: bool, folders: Sequence[Path]) -> Trust:
    """Return what holds for ``host``, which has its port where that is not the usual one.

    Raise RegistryError for a certificate without its key, and a key without its certificate.
    """
    if not host.strip("."):
        return Trust(verify=verify)
    files = next(filter(None, (_files(folder / host) for folder in folders)), ())
    certificates = [path for path in files if path.suffix == ".cert"]
    for path in files:
        other = path.with_suffix({".cert": ".key", ".key": ".cert"}.get(path.suffix, path.suffix))
        if other not in files:
            raise RegistryError(
                f"{path} has no {other.name} beside it",
                hint="put both there; the name of an authority's certificate ends with .crt",
            )
    return Trust(
        verify=verify,
        authorities=tuple(path for path in files if verify and path.suffix == ".crt"),
        identities=tuple((path, path.with_suffix(".key")) for path in certificates),
    )


def _files(folder: Path) -> tuple[Path, ...]:
    # Docker's folder is often closed to all but root, for whom it is then.
    try:
        return tuple(sorted(folder.iterdir()))
    except OSError:
        return ()


@contextmanager
def _explained(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:  # which those of OpenSSL are, too
        reason = f": {error.strerror}" if isinstance(error, PermissionError) else ""
        raise RegistryError(
            f"{path} cannot be read as {what}{reason}",
            hint="it must be PEM, without a password, and readable to you; or remove it",
        ) from None
