"""What a push did, in one line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condabox.reporting.formats import format_size

if TYPE_CHECKING:
    from condabox.registry.push import PushResult


def describe_push(result: PushResult) -> str:
    """Say how much was sent where, how much need not be, and which tags stand for it now."""
    amounts = {
        "sent": result.uploaded,
        "mounted": result.mounted,
        "already there": result.present,
    }
    parts = [f"{format_size(size)} {what}" for what, size in amounts.items() if size]
    return f"{result.name}: {', '.join(parts)}; tagged {', '.join(result.tags)}"
