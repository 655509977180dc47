"""A certificate authority of a moment's making, and the certificate of a server on this machine."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Paths: ``authority`` is what a client must trust, ``server`` has the key too.

    Where there are ``clients``, that is the authority which must have signed a client's.
    """

    authority: Path
    server: Path
    clients: Path | None = None

    def wrapped(self, listening: socket.socket) -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        if self.clients is not None:
            context.load_verify_locations(self.clients)
            context.verify_mode = ssl.CERT_REQUIRED
        return context.wrap_socket(listening, server_side=True)


def make_certificates(folder: Path, *names: str) -> Certificates:
    """Make, with openssl, a certificate for 127.0.0.1 and for the hosts ``names``."""
    authority, authority_key = folder / "authority.pem", folder / "authority.key"
    server, server_key = folder / "server.pem", folder / "server.key"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    request(authority, authority_key, *curve, "-subj", "/CN=Tests", *_extension("CA:TRUE"))
    hosts = ",".join(["IP:127.0.0.1", *(f"DNS:{name}" for name in names)])
    request(
        server,
        server_key,
        *curve,
        *("-subj", "/CN=Server", "-CA", str(authority), "-CAkey", str(authority_key)),
        *_extension("CA:FALSE"),
        *("-addext", f"subjectAltName={hosts}"),
    )
    server.write_bytes(server.read_bytes() + server_key.read_bytes())
    return Certificates(authority=authority, server=server)


def make_client_certificate(folder: Path, *options: str) -> tuple[Path, Path]:
    """Make a certificate that is its own authority, and its key."""
    certificate, key = folder / "client.cert", folder / "client.key"
    request(certificate, key, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *options)
    return certificate, key


def request(certificate: Path, key: Path, *options: str) -> None:
    """Let openssl make a key and a certificate, which is good for two days."""
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2"]
    command += ["-keyout", str(key), "-out", str(certificate), *options]
    subprocess.run(command, check=True, capture_output=True)


def _extension(constraints: str) -> tuple[str, str]:
    return "-addext", f"basicConstraints=critical,{constraints}"
