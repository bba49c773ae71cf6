"""Proofs of deliveries: how one is carried out, as :mod:`exportadmin.runs` wants to know it, and what is kept of it.

A delivery that is found different is *altered* (:mod:`exports.delivery.integrity`), and handed out by no way, until
a proof finds all of it as it was. That it cannot be read just now says nothing of what it is, and changes nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from connections.access.permissions import VIEW
from connections.access.requester import check_requester
from exportadmin.audit.models import DONE, FAILED
from exportadmin.audit.record import record
from exportadmin.lib.actor import Actor, system
from exportadmin.lib.errors import GoneError, PermanentError, TransientError
from exportadmin.runs import statuses
from exportadmin.runs.ends import end
from exportadmin.runs.errors import LeaseLost
from exportadmin.runs.lease import RunLease
from exportadmin.runs.queue import enqueue
from exportadmin.runs.runners import Runner
from exports.delivery import verify
from exports.delivery.integrity import mark_altered, mark_as_delivered
from exports.models import ExportReport, Proof, ProofNight
from exports.models.proof import ATTRIBUTES, EQUAL, SAMPLED, UNREADABLE

READING: Final = "reading"
# a proof on this machine that reads no more is not worth a worker: whoever asks waits a moment
AT_ONCE_BYTES: Final = 1 << 26
MOST_PROBLEMS: Final = 100
# of one report; the trail tells of all
KEPT: Final = 20
REMOVED: Final = "its files were removed"


class ProofRunner(Runner[Proof]):
    """Of kind ``proof``."""

    model = Proof

    def run(self, run: Proof, lease: RunLease) -> None:
        """Look, and keep what was found."""
        lease.check(now=True)
        check_requester(run, VIEW, run.project, "prove exports of this project")
        if run.report.files_removed_at is not None:
            raise PermanentError(REMOVED)
        lease.progress(phase=READING)
        read = 0

        def on_bytes(count: int) -> None:
            nonlocal read
            read += count
            lease.progress(bytes_done=read)
            lease.check()

        try:
            verdict = verify.verify_report(run.report, how=run.how, on_bytes=on_bytes)
            if not verdict.is_different and not verdict.ok:
                raise TransientError("; ".join(verdict.problems[:MOST_PROBLEMS]))
        except TransientError as error:
            if run.night_id is None:
                raise
            raise PermanentError(str(error)) from error  # the next night tries again
        lease.check(now=True)
        with transaction.atomic():
            report = ExportReport.objects.select_for_update().get(pk=run.report_id)
            if report.files_removed_at is not None:  # what it did not find was taken away by us
                finished = end(run, lease, statuses.CANCELLED, REMOVED)
            else:
                finished = end(run, lease, statuses.COMPLETED, **_columns(verdict))
            if not finished:
                raise LeaseLost(f"{run.label} was taken over while it was being finished")
            if run.status == statuses.COMPLETED:
                _mark(report, verdict, system("worker"), run.started_at or run.created_at)

    def ended(self, run: Proof) -> None:
        """The trail, and when the report was last proved."""
        _ended(run, system("worker"))


def is_at_once(report: ExportReport) -> bool:
    """Is a proof done by the time that somebody can wait for it?"""
    is_here = report.destination_id is None and not settings.ARTIFACTS_STORE
    return is_here and _size(report) <= AT_ONCE_BYTES


def active_of(report: ExportReport) -> Proof | None:
    """The one that waits or runs; there is one at most."""
    return Proof.objects.filter(report=report, status__in=statuses.ACTIVE).first()


def newest_of(report: ExportReport) -> Proof:
    """Raises ``Proof.DoesNotExist``."""
    return Proof.objects.filter(report=report).select_related("project").latest("created_at", "pk")


def create(report: ExportReport, how: str, actor: Actor, night: ProofNight | None = None) -> Proof:
    """Queue one. In a transaction; raises ``IntegrityError`` where one is active."""
    proof = Proof.objects.create(
        report=report,
        project=report.project,
        how=how,
        night=night,
        bytes_expected=bytes_to_read(report, how),
        created_by_id=actor.user_id,
        created_by_name=actor.name,
        requested_by=actor.user_id,
        created_by_token_id=actor.token_id,
    )
    enqueue(proof)
    return proof


def bytes_to_read(report: ExportReport, how: str) -> int:
    """So much at most, beside the manifest."""
    if how == ATTRIBUTES:
        return 0
    return min(_size(report), verify.SAMPLE_BYTES) if how == SAMPLED else _size(report)


def keep_at_once(report: ExportReport, verdict: verify.Verdict, actor: Actor, began: datetime) -> None:
    """What a proof found that was made while somebody waited. Raises :class:`GoneError`: the files went meanwhile."""
    with transaction.atomic():
        current = ExportReport.objects.select_for_update().get(pk=report.pk)
        if current.files_removed_at is not None:
            raise GoneError(f"the files of report {report.report_id} were removed while they were read")
        proof = Proof.objects.create(
            report=report,
            project=report.project,
            how=verdict.how,
            status=statuses.COMPLETED,
            bytes_done=verdict.bytes,
            bytes_expected=bytes_to_read(report, verdict.how),
            created_by_id=actor.user_id,
            created_by_name=actor.name,
            requested_by=actor.user_id,
            created_by_token_id=actor.token_id,
            started_at=began,
            **_columns(verdict),
        )
        Proof.objects.filter(pk=proof.pk).update(finished_at=Now())
        _ended(proof, actor)
        _mark(current, verdict, actor, began)
    report.altered_at, report.altered_why = current.altered_at, current.altered_why


def _mark(report: ExportReport, verdict: verify.Verdict, actor: Actor, began: datetime) -> None:
    if verdict.is_different:
        mark_altered(report, "; ".join(verdict.problems[:MOST_PROBLEMS]), actor)
    elif verdict.result == EQUAL:
        mark_as_delivered(report, began)


def _columns(verdict: verify.Verdict) -> dict[str, Any]:
    findings = verdict.findings[:MOST_PROBLEMS]
    return {
        "result": verdict.result,
        "counts": verdict.counts,
        "problems": [{"file": one.name, "finding": one.what, "message": one.message} for one in findings],
        "problems_total": len(verdict.findings),
        "statement": verdict.statement,
        "note": verdict.note,
    }


def _ended(proof: Proof, actor: Actor) -> None:
    report = proof.report
    older = Proof.objects.filter(report=report, status__in=statuses.TERMINAL).order_by("-created_at", "-pk")
    Proof.objects.filter(pk__in=list(older.values_list("pk", flat=True)[KEPT:])).delete()
    if proof.status == statuses.CANCELLED:
        record("export.proof_cancelled", actor=actor, project=proof.project, obj=report, reason=proof.error)
        return
    if proof.status != statuses.ERRORED:  # a fault of ours has looked at nothing
        ExportReport.objects.filter(pk=report.pk).update(proved_at=Now(), proof_result=proof.result or UNREADABLE)
    is_good = proof.status == statuses.COMPLETED and not proof.problems_total
    details = {"how": proof.how, "result": proof.result, "files": sum(proof.counts.values()), "bytes": proof.bytes_done}
    record(
        "export.verified",
        actor=actor,
        project=proof.project,
        obj=report,
        outcome=DONE if is_good else FAILED,
        reason="; ".join(problem["message"] for problem in proof.problems) or proof.error,
        details=details,
    )


def _size(report: ExportReport) -> int:
    return int((report.check_values or {}).get("bytes") or 0)
