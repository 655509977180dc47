"""Who is interrupted while it pushes gives up in the registry what it has begun there."""

from __future__ import annotations

import hashlib
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from condabox.registry.uploads import SMALL
from tests.fakes.images import make_image
from tests.fakes.pushing import Pushing
from tests.fakes.registry import FakeRegistry
from tests.fakes.registry_behaviour import Fault

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_push_leaves_no_upload_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    large = hashlib.shake_128(b"large").digest(SMALL + 1)
    image = make_image(tmp_path / "made", {"a": b"a"}, {"b": b"b"}, {"c": large})
    pushing = Pushing.of(tmp_path, [image])
    end = threading.Event()

    with FakeRegistry().running() as registry:
        registry.behaviour.faults = [
            Fault(method="PUT", path="digest=", until=end, times=99),
            Fault(method="PATCH", until=end, times=99),
        ]
        with pushing.start(f"{registry.host}/app:1.0") as running:
            wait_for_requests(registry, 3)
            running.send_signal(number)
            status = running.wait(timeout=30)
            running.communicate()
        left = dict(registry.uploads)
        end.set()

    assert status == 128 + number
    assert left == {}


def wait_for_requests(registry: FakeRegistry, many: int) -> None:
    """Wait until ``many`` blobs are on their way, but not for ever."""
    for _ in range(3000):
        if len(registry.requests("PUT") + registry.requests("PATCH")) == many:
            return
        time.sleep(0.01)
    pytest.fail("they never were on their way")
