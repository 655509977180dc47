"""What the user hears of a registry: its warnings, once each, and what it makes them wait for."""

from __future__ import annotations

import pytest

from condabox.registry.notices import Notices, parse_warnings
from tests.fakes.watching import WatchingReporter

SOON = "your token will expire in 30 seconds"


@pytest.fixture
def reporter() -> WatchingReporter:
    return WatchingReporter()


@pytest.mark.parametrize(
    ("header", "texts"),
    [
        (f'299 - "{SOON}"', (SOON,)),
        (f'299 - "{SOON}", 299 - "and, \\"really\\", soon"', (SOON, 'and, "really", soon')),
        ('110 - "Response is stale"', ()),
        ('299 cache.example "not of a registry"', ()),
        ('1299 - "no"', ()),
        ("299 - without quotes", ()),
        ('299 - "without an end', ()),
        ('299 - "' + "x" * 5000 + '"', ()),
        ("", ()),
    ],
)
def test_a_header_has_warnings_of_registries(header: str, texts: tuple[str, ...]) -> None:
    assert parse_warnings(header) == texts


def test_a_warning_is_told_once(reporter: WatchingReporter) -> None:
    notices = Notices(reporter)

    for host in ("a.example", "a.example", "b.example"):
        notices.warn(host, '299 - "soon", 299 - "soon"')

    assert reporter.warnings == ["a.example says: soon", "b.example says: soon"]


def test_what_was_told_before_is_known(reporter: WatchingReporter) -> None:
    told: set[str] = set()

    for _ in range(2):
        Notices(reporter, told=told).warn("a.example", '299 - "soon"')

    assert len(reporter.warnings) == 1


def test_a_pause_is_told_with_its_reason(reporter: WatchingReporter) -> None:
    notices = Notices(reporter)

    notices.wait(59.2, because="a.example answers with status 429")
    notices.wait(0.4, because="")

    assert reporter.messages == [
        "a.example answers with status 429: trying again in 60 s",
        "trying again in 1 s",
    ]
