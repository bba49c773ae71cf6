"""Proof: one look at whether a delivery is still what was delivered, and what came of it."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

from connections.access.models import ApiToken
from connections.models import Project
from exportadmin.lib.ids import new_id
from exportadmin.runs import statuses
from exportadmin.runs.models import Run
from exports.models.report import ExportReport

ATTRIBUTES, SAMPLED, FULL = "attributes", "sampled", "full"
EQUAL, CHANGED, GONE, EXTRA, UNREADABLE, UNPROVEN = "equal", "changed", "gone", "extra", "unreadable", "unproven"

# how a delivery is looked at → (title, what is read)
HOW: Final[dict[str, tuple[str, str]]] = {
    FULL: ("Read everything", "every file is read whole"),
    SAMPLED: (
        "Read a sample",
        "attributes of every file, and some files whole: first those that attributes cannot prove",
    ),
    ATTRIBUTES: (
        "Attributes only",
        "names, sizes and the checksums that the store tells; nothing is read but the manifest",
    ),
}
# what came of it → (word on screen, colour of the theme)
RESULTS: Final[dict[str, tuple[str, str]]] = {
    EQUAL: ("As delivered", "green"),
    CHANGED: ("Changed", "red"),
    GONE: ("Gone", "red"),
    EXTRA: ("Files added", "red"),
    UNREADABLE: ("Not readable", "yellow"),
    UNPROVEN: ("Not proven", "yellow"),
}
DIFFERENT: Final = frozenset({CHANGED, GONE, EXTRA})


def how_choices() -> list[tuple[str, str]]:
    """For model fields: a function, so that another one needs no migration."""
    return [(key, title) for key, (title, _) in HOW.items()]


def result_choices() -> list[tuple[str, str]]:
    """As :func:`how_choices`."""
    return [(key, title) for key, (title, _) in RESULTS.items()]


class ProofNight(models.Model):
    """One night in which all deliveries were to be proved. Whoever holds the row's lock goes on with it.

    ``note`` says why it ended before all were, empty: they all were.
    """

    began_at = models.DateTimeField(unique=True)
    ended_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.began_at:%Y-%m-%d %H:%M}"


class Proof(Run):
    """``counts`` are files by what was found; ``problems`` the first of ``problems_total`` findings,
    ``[{"file", "finding", "message"}]``; ``note`` says what could not be known. ``bytes_done`` were read of
    ``bytes_expected``. ``result`` is empty until it has ended, and where it could not be found out.
    """

    kind: ClassVar[str] = "proof"

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    report = models.ForeignKey(ExportReport, on_delete=models.CASCADE, related_name="proofs")
    # the report's: runs of a project are found by it
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="proofs")
    night = models.ForeignKey(ProofNight, null=True, on_delete=models.SET_NULL, related_name="proofs")
    how = models.CharField(max_length=20, choices=how_choices)
    result = models.CharField(max_length=20, blank=True, choices=result_choices)
    counts = models.JSONField(default=dict)
    problems = models.JSONField(default=list)
    problems_total = models.PositiveIntegerField(default=0)
    statement = models.TextField(blank=True)
    note = models.TextField(blank=True)
    bytes_expected = models.PositiveBigIntegerField(default=0)
    created_by_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["report", "-created_at", "-id"], name="proof_newest_report"),
            models.Index(fields=["status", "lease_until"], name="proof_by_status"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["report"], condition=Q(status__in=sorted(statuses.ACTIVE)), name="proof_one_at_a_time"
            ),
        ]

    def __str__(self) -> str:
        return f"proof of {self.report}"

    @property
    def label(self) -> str:
        """For the log."""
        return f"proof {self.public_id}"

    @property
    def is_different(self) -> bool:
        """Was something found that is not as it was delivered?"""
        return self.result in DIFFERENT
