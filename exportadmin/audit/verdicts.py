"""What the last verification of the whole trail found, and when it was witnessed last: for pages, metrics and health.

It is kept beside the trail, since a trail may be too broken to take a line about that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from exportadmin.audit.models import ChainVerdict, CheckpointSeries
from exportadmin.audit.record import head
from exportadmin.audit.trails import Head
from exportadmin.audit.verify import OF_CHECKPOINTS, Verdict
from exportadmin.lib import times

# also where nothing happens there is one an hour
SILENCE_MS: Final = 2 * 3_600_000


@dataclass(frozen=True, slots=True)
class State:
    """``head`` is the newest entry's. Without ``verdict`` nobody has verified yet, without ``checkpoint`` none is."""

    head: Head
    verdict: ChainVerdict | None = None
    checkpoint: CheckpointSeries | None = None

    @property
    def is_broken(self) -> bool:
        """Was it, when it was verified last?"""
        return self.verdict is not None and bool(self.verdict.kind)

    @property
    def is_of_checkpoints(self) -> bool:
        """Are the checkpoints broken, not the trail?"""
        return self.verdict is not None and self.verdict.kind.startswith(OF_CHECKPOINTS)

    @property
    def head_text(self) -> str:
        """As it is compared: ``SEQUENCE:HASH``."""
        return f"{self.head[0]}:{self.head[1]}"

    @property
    def seconds(self) -> float:
        """How long the verification took."""
        return self.verdict.milliseconds / 1000 if self.verdict else 0.0

    @property
    def unverified(self) -> int:
        """Entries that came after the last verification, its own among them."""
        return max(0, self.head[0] - self.verdict.entries) if self.verdict else 0

    @property
    def trouble(self) -> str:
        """One line: what is wrong, for whoever has to act; empty: nothing is known to be."""
        if self.verdict is not None and self.verdict.kind:
            return broken_text(self.verdict)
        if self.checkpoint is not None and times.now_ms() - self.checkpoint.at_ms > SILENCE_MS:
            at = times.iso_utc(self.checkpoint.at_ms)[:16].replace("T", " ")
            return f"the last checkpoint was written at {at} UTC: a running worker writes one an hour at least"
        return ""


def state() -> State:
    """Three queries."""
    return State(head(), last(), CheckpointSeries.objects.defer("line").order_by("-at_ms").first())


def last() -> ChainVerdict | None:
    """What was found last; one query."""
    return ChainVerdict.objects.first()


def broken_text(verdict: ChainVerdict) -> str:
    """One line about a verdict that is not good."""
    if verdict.kind.startswith(OF_CHECKPOINTS):
        return f"the checkpoints of the audit trail are not whole: {verdict.message}"
    return f"the audit trail is broken at entry {verdict.bad_entry} ({verdict.kind}): {verdict.message}"


def keep(verdict: Verdict, *, by: str, milliseconds: int, entry: int | None) -> ChainVerdict:
    """From now on this is the last."""
    kept, _ = ChainVerdict.objects.update_or_create(
        pk=1,
        defaults={
            "at_ms": times.now_ms(),
            "verified_by": by,
            "milliseconds": milliseconds,
            "entry": entry,
            "entries": verdict.entries,
            "since_ms": verdict.since_ms,
            "witnesses": verdict.witnesses,
            "kind": verdict.kind or "",
            "bad_entry": verdict.sequence,
            "message": verdict.message,
            "notes": "\n".join(verdict.notes),
        },
    )
    return kept
