from __future__ import annotations

from dataclasses import replace

import pytest

from condabox.errors import BudgetExceededError, SpecError
from condabox.inspection.budget import Budget, check_budget, parse_size
from condabox.inspection.examine import examine
from condabox.oci.mediatype import OCI_LAYER
from tests.fakes.contents import contents, image_of

REPORT = examine(
    image_of(600, 400), [contents(("a", b"1" * 100)), contents(("a", b"1" * 100))], name="ai:1"
)

RAW = examine(image_of(600, 400, media_type=OCI_LAYER), [contents("a"), contents("b")], name="ai:1")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123", 123),
        ("123 B", 123),
        ("900MB", 900_000_000),
        ("900 mb", None),
        ("1.2GB", 1_200_000_000),
        ("1.2G", 1_200_000_000),
        ("800MiB", 800 << 20),
        ("2kB", 2000),
        ("2KiB", 2048),
        ("1TB", 10**12),
        ("", None),
        ("-1MB", None),
        ("1iB", None),
        ("1e9", None),
        ("nan", None),
        ("9" * 400, None),
        ("many", None),
    ],
)
def test_sizes(text: str, size: int | None) -> None:
    if size is not None:
        assert parse_size(text) == size
        return
    with pytest.raises(SpecError) as caught:
        parse_size(text)
    assert "900MB" in str(caught.value.hint)


@pytest.mark.parametrize(
    "budget",
    [
        Budget(),
        Budget(max_size=1000),
        Budget(min_efficiency=0.5),
        Budget(max_size=1000, min_efficiency=0.0),
    ],
)
def test_what_is_kept_is_no_error(budget: Budget) -> None:
    check_budget(REPORT, budget)


def test_all_that_is_broken_is_told_at_once() -> None:
    with pytest.raises(BudgetExceededError) as caught:
        check_budget(REPORT, Budget(max_size=999, min_efficiency=0.95))

    assert caught.value.exit_code == 11
    assert caught.value.message == (
        "ai:1: 1,000 bytes are pulled, 1 more than the 999 that are allowed; "
        "the efficiency is 0.5000, less than 0.9500: 100 bytes are wasted across layers"
    )


def test_what_nobody_has_compressed_tells_nothing_of_what_is_pulled() -> None:
    with pytest.raises(SpecError) as caught:
        check_budget(RAW, Budget(max_size=999))

    assert caught.value.message == (
        "ai:1: 2 of its 2 layers are uncompressed, so that nobody knows whether more than "
        "999 bytes are pulled"
    )
    assert "registry" in str(caught.value.hint)


def test_what_is_small_enough_uncompressed_is_so_compressed() -> None:
    check_budget(RAW, Budget(max_size=1000, min_efficiency=1.0))


def test_compressed_layers_alone_may_be_too_much() -> None:
    compressed, raw = REPORT.layers[0], RAW.layers[1]

    with pytest.raises(BudgetExceededError) as caught:
        check_budget(replace(REPORT, layers=(compressed, raw)), Budget(max_size=500))

    assert caught.value.message.startswith("ai:1: 600 bytes are pulled, 100 more than the 500")


def test_another_limit_that_is_broken_is_told_first() -> None:
    report = replace(RAW, efficiency=0.5)

    with pytest.raises(BudgetExceededError):
        check_budget(report, Budget(max_size=999, min_efficiency=0.95))
