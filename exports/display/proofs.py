"""Proofs of a delivery, as its page tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from exportadmin.runs import statuses
from exports.models import ExportReport, Proof
from exports.models.proof import CHANGED, EQUAL, EXTRA, GONE, HOW, RESULTS, UNPROVEN, UNREADABLE

SHOWN: Final = 6
MOST_PROBLEMS: Final = 10
_COUNTED: Final = {
    EQUAL: "as delivered",
    CHANGED: "changed",
    GONE: "gone",
    EXTRA: "added",
    UNREADABLE: "not readable",
    UNPROVEN: "not proven",
}


@dataclass(frozen=True, slots=True)
class ShownProof:
    """``word`` and ``colour`` are its result, or its state where it has none; ``counts`` are in words."""

    proof: Proof
    word: str
    colour: str
    how: str
    by: str
    counts: str
    problems: tuple[str, ...]

    @property
    def more_problems(self) -> int:
        """That are not among ``problems``."""
        return self.proof.problems_total - len(self.problems)


def shown(proof: Proof) -> ShownProof:
    """As people read it."""
    word, colour = RESULTS[proof.result] if proof.result in RESULTS else statuses.TITLES[proof.status]
    counts = [f"{count:,} {_COUNTED[what]}" for what, count in proof.counts.items() if count and what in _COUNTED]
    return ShownProof(
        proof,
        word,
        colour,
        HOW[proof.how][0] if proof.how in HOW else proof.how,
        "Export Admin, at night" if proof.night_id is not None else proof.created_by_name or "the shell",
        ", ".join(counts),
        tuple(problem["message"] for problem in proof.problems[:MOST_PROBLEMS]),
    )


def proofs_of(report: ExportReport) -> dict[str, Any]:
    """For the page: the newest one, and the ones before it; one query."""
    all_shown = [shown(proof) for proof in report.proofs.order_by("-created_at", "-pk")[:SHOWN]]
    return {"newest": all_shown[0] if all_shown else None, "earlier": all_shown[1:]}
