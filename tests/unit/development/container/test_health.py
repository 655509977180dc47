"""How services are."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Protocol

import pytest

from condabox.development.container.folder import STATE, held, private_folder
from condabox.development.container.health import ailments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.development.container.places import System


class Tell(Protocol):
    def __call__(self, *, jupyter: object = None, ssh: object = None) -> None: ...


_HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"


@pytest.fixture
def own(system: System) -> System:
    return replace(system, uid=os.getuid())


@pytest.fixture
def tell(own: System) -> Iterator[Tell]:
    """Let services be there until the test ends."""
    with ExitStack() as stack:

        def tell(*, jupyter: object = None, ssh: object = None) -> None:
            state = private_folder(own) / STATE
            state.write_text(json.dumps({"jupyter": jupyter, "ssh": ssh}))
            stack.enter_context(held(state))

        yield tell


class _Jupyter(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/team/api" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), _Jupyter)
    Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_container_with_a_command_is_well(own: System) -> None:
    assert list(ailments(own)) == []
    private_folder(own)
    assert list(ailments(own)) == []


def test_services_of_a_container_that_is_gone_do_not_count(own: System) -> None:
    state = {"jupyter": None, "ssh": {"port": 2222}}
    (private_folder(own) / STATE).write_text(json.dumps(state))

    assert list(ailments(own)) == []


def test_jupyter_answers_at_its_path(
    own: System, tell: Tell, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    tell(jupyter={"port": port, "base_url": "/team/"})

    assert list(ailments(own)) == []


def test_another_answer_is_none(own: System, tell: Tell, port: int) -> None:
    tell(jupyter={"port": port, "base_url": "/"})

    assert list(ailments(own)) == ["JupyterLab answers with status 404"]


def test_who_does_not_answer_is_not_well(own: System, tell: Tell) -> None:
    tell(jupyter={"port": 1, "base_url": "/"}, ssh={"port": 2222})

    jupyter, ssh = ailments(own)

    assert jupyter.startswith("JupyterLab does not answer: ")
    assert ssh == "SSH does not listen"


@pytest.mark.parametrize("table", ["tcp", "tcp6"])
@pytest.mark.parametrize(
    ("line", "well"),
    [
        ("   0: 00000000:08AE 00000000:0000 0A 00000000:00000000\n", True),
        ("   0: 00000000000000000000000000000000:08AE 00:0000 0A 0\n", True),
        ("   0: 0100007F:08AE 0100007F:1234 01 00000000:00000000\n", False),
        ("   0: 00000000:08AF 00000000:0000 0A 00000000:00000000\n", False),
        ("", False),
    ],
)
def test_ssh_is_not_called_but_looked_for(
    own: System, tell: Tell, table: str, line: str, *, well: bool
) -> None:
    tell(ssh={"port": 2222})
    own.at(f"/proc/net/{table}").write_text(_HEAD + line)

    assert list(ailments(own)) == ([] if well else ["SSH does not listen"])
