"""What single packages need beyond the move from Debian's places to conda's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def _bundle_certificates(staging: Path, _: str) -> None:
    directory = staging / "ssl"
    directory.mkdir()
    certificates = sorted(staging.glob("share/ca-certificates/mozilla/*.crt"))
    bundle = b"".join(path.read_bytes().strip() + b"\n" for path in certificates)
    (directory / "cacert.pem").write_bytes(bundle)
    (directory / "cert.pem").symlink_to("cacert.pem")
    for path in certificates:
        path.unlink()
    (staging / "bin" / "update-ca-certificates").unlink()
    # Debian's libcrypto looks in /usr/lib/ssl, and that path cannot grow into a prefix.
    _activate(
        staging,
        "ca-certificates",
        on='export SSL_CERT_FILE="${CONDA_PREFIX}/ssl/cacert.pem"\n',
        off="unset SSL_CERT_FILE\n",
    )


def _activate(staging: Path, name: str, *, on: str, off: str) -> None:
    for directory, text in (("activate.d", on), ("deactivate.d", off)):
        path = staging / "etc" / "conda" / directory / f"{name}.sh"
        path.parent.mkdir(parents=True)
        path.write_text(text)


def _configure_sshd(staging: Path, prefix: str) -> None:
    text = (staging / "share/openssh/sshd_config").read_text()
    text = text.replace("/usr/lib/openssh/", f"{prefix}/libexec/").replace(
        "UsePAM yes", "UsePAM no"
    )
    (staging / "etc" / "sshd_config").write_text(text)


def _wrap_git(staging: Path, prefix: str) -> None:
    # Debian's git looks for its commands in /usr; conda's has its prefix compiled in.
    command = staging / "bin" / "git"
    real = staging / "libexec" / "git-core" / "git"
    real.unlink(missing_ok=True)
    command.rename(real)
    command.write_text(
        "#!/bin/sh\n"
        f'export GIT_EXEC_PATH="${{GIT_EXEC_PATH-{prefix}/libexec/git-core}}"\n'
        f'export GIT_TEMPLATE_DIR="${{GIT_TEMPLATE_DIR-{prefix}/share/git-core/templates}}"\n'
        f'exec "{prefix}/libexec/git-core/git" "$@"\n'
    )
    command.chmod(0o755)


EDITS: Mapping[str, Callable[[Path, str], None]] = {
    "ca-certificates": _bundle_certificates,
    "git": _wrap_git,
    "openssh": _configure_sshd,
}
"""By conda name: a function of the staged tree and the package's placeholder prefix."""
