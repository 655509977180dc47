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
    """Paths: ``authority`` is what a client must trust, ``server`` has the key too."""

    authority: Path
    server: Path

    def wrapped(self, listening: socket.socket) -> ssl.SSLSocket:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        return context.wrap_socket(listening, server_side=True)


def make_certificates(folder: Path, *names: str) -> Certificates:
    """Make, with openssl, a certificate for 127.0.0.1 and for the hosts ``names``."""
    authority, authority_key = folder / "authority.pem", folder / "authority.key"
    server, server_key = folder / "server.pem", folder / "server.key"
    _request(authority, authority_key, "-subj", "/CN=Tests", *_extension("CA:TRUE"))
    hosts = ",".join(["IP:127.0.0.1", *(f"DNS:{name}" for name in names)])
    _request(
        server,
        server_key,
        *("-subj", "/CN=Server", "-CA", str(authority), "-CAkey", str(authority_key)),
        *_extension("CA:FALSE"),
        *("-addext", f"subjectAltName={hosts}"),
    )
    server.write_bytes(server.read_bytes() + server_key.read_bytes())
    return Certificates(authority=authority, server=server)


def _extension(constraints: str) -> tuple[str, str]:
    return "-addext", f"basicConstraints=critical,{constraints}"


def _request(certificate: Path, key: Path, *options: str) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-keyout", str(key), "-out", str(certificate), *options]
    subprocess.run(command, check=True, capture_output=True)
