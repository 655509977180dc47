"""What an image may cost at most."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condabox.errors import BudgetExceededError, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from condabox.inspection.report import ImageReport

_SIZE = re.compile(r"(?P<number>\d{1,15}(?:\.\d{1,15})?)\s*(?P<prefix>[kKMGT]?)(?P<binary>i?)[bB]?")
_POWERS = ("", "K", "M", "G", "T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of an image, None where there is none."""

    max_size: int | None = None
    """Of the compressed bytes, which whoever pulls it waits for."""
    min_efficiency: float | None = None


def check_budget(report: ImageReport, budget: Budget) -> None:
    """Raise BudgetExceededError, which names every limit that the image does not keep.

    Raise SpecError where nobody can know: layers that are not compressed here are smaller when they
    are pulled.
    """
    broken = list(_broken(report, budget))
    if broken:
        raise BudgetExceededError(f"{report.name}: {'; '.join(broken)}")
    if budget.max_size is not None and report.compressed > budget.max_size:
        raise SpecError(
            f"{report.name}: {report.uncompressed} of its {len(report.layers)} layers are "
            f"uncompressed, so that nobody knows whether more than {budget.max_size:,} bytes "
            "are pulled",
            hint="inspect the image in the registry that it is pulled from, or in the local store",
        )


def _broken(report: ImageReport, budget: Budget) -> Iterator[str]:
    pulled = sum(each.compressed for each in report.layers if not each.uncompressed)
    if budget.max_size is not None and pulled > budget.max_size:
        yield (
            f"{pulled:,} bytes are pulled, {pulled - budget.max_size:,} "
            f"more than the {budget.max_size:,} that are allowed"
        )
    if budget.min_efficiency is not None and report.efficiency < budget.min_efficiency:
        yield (
            f"the efficiency is {report.efficiency:.4f}, less than {budget.min_efficiency:.4f}: "
            f"{report.wasted:,} bytes are wasted across layers"
        )


def parse_size(text: str) -> int:
    """Read a number of bytes like ``900MB``, ``1.2GB`` or ``800MiB``; raise SpecError.

    Units are decimal, those with an i binary, and none is bytes.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None or (found["binary"] and not found["prefix"]):
        raise SpecError(f"{text[:100]!r} is not a size", hint="write it like 900MB or 1.2GiB")
    power = _POWERS.index(found["prefix"].upper())
    unit = (1024.0 if found["binary"] else 1000.0) ** power
    return round(float(found["number"]) * unit)
