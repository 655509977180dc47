"""What a container decides of its Jupyter; a user's own configuration has no say in it."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from pathlib import Path

_SECRET = re.compile(r"([?&][^=&\s]*(?:auth|code|key|state|token|xsrf)[^=&\s]*=)[^&\s]*")


class _NoSecrets(logging.Filter):
    """Takes out of the web server's own lines what Jupyter takes out of its log of requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _SECRET.sub(r"\1[secret]", record.getMessage()), ()
        return True


def _check(password: str) -> None:
    """End Jupyter where everybody knows the password that the hash ``password`` is of."""
    from jupyter_server.auth.security import passwd_check  # noqa: PLC0415  (few have one)

    try:
        why = "is that of the empty password" if passwd_check(password, "") else ""
    except (TypeError, ValueError):
        why = "is of a kind that cannot be checked"
    if why:
        # an exception would leave Jupyter without all that stands below
        sys.stderr.write(f"condabox: JUPYTER_PASSWORD_HASH {why}: give another one\n")
        sys.exit(2)


for name in ("tornado.application", "tornado.general"):
    logging.getLogger(name).addFilter(_NoSecrets())

c = get_config()  # noqa: F821  (Jupyter gives it)

c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabApp.extension_manager = "readonly"
c.ServerApp.root_dir = os.environ["HOME"]

decided = json.loads(Path(os.environ["CONDABOX_STATE"], "jupyter.json").read_bytes())
if not decided["hub"]:
    c.ServerApp.ip = ""  # of both families
    c.ServerApp.port = decided["port"]
    c.ServerApp.port_retries = 0  # another port is one that nobody published
    c.ServerApp.base_url = decided["base_url"]
    c.ServerApp.open_browser = False
    c.ServerApp.allow_remote_access = True
    c.ServerApp.trust_xheaders = True
    c.ServerApp.identity_provider_class = "jupyter_server.auth.identity.PasswordIdentityProvider"
    # both sections: what a user writes into the one of the class beats that of its parent
    for provider in (c.IdentityProvider, c.PasswordIdentityProvider):
        provider.token = decided["token"]
    if decided["password"]:
        _check(decided["password"])
    c.PasswordIdentityProvider.hashed_password = decided["password"]
    c.PasswordIdentityProvider.allow_password_change = False
