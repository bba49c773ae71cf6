"""What can be done with what was delivered, beside handing out its files: prove it, read it, compare it.

As :mod:`exports.actions`: permission and record in one transaction, what is read outside of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from connections.access.permissions import DOWNLOAD, START, VIEW, require
from connections.models import Project
from exportadmin.audit.noise import record_refused
from exportadmin.audit.record import audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import (
    ConflictError,
    GoneError,
    PermanentError,
    TransientError,
)
from exportadmin.lib.heavy import check_time
from exportadmin.lib.signing import installation_key
from exportadmin.runs.ends import cancelled, request_cancel
from exports.delivery import manifest, reading, trail_proof, verify
from exports.handing_out import require_in_all, require_in_all_audited
from exports.models import Artifact, ExportReport, Link, Proof
from exports.models.proof import FULL
from exports.results import compare
from exports.results.preview import ROWS, FirstRows, first_rows, rows_artifact
from exports.run import proofs
from exports.spec.scope import KEY as SCOPE
from exports.spec.scope import scope_text


def verify_report(*, report: ExportReport, actor: Actor, how: str = FULL) -> verify.Verdict:
    """Prove a delivery in this process and wait for it; what was found is kept as a :class:`Proof`.

    Raises :class:`UserError` when there is no delivery, :class:`GoneError` without its files, :class:`ConflictError`
    when its place cannot be reached.
    """
    _check_provable(report, actor)
    began = timezone.now()
    try:
        verdict = verify.verify_report(report, how=how, on_bytes=lambda _: check_time())  # in no transaction
    except (PermanentError, TransientError) as error:
        raise ConflictError(f"report {report.report_id} cannot be verified: {error}") from error
    proofs.keep_at_once(report, verdict, actor, began)
    return verdict


def prove(*, report: ExportReport, actor: Actor, how: str = FULL) -> Proof:
    """Have a delivery proved: at once where it is small and on this machine, else a worker does it.

    While a proof of the report waits or runs, asking for one of the same kind gives that one. Raises as
    :func:`verify_report`, and :class:`ConflictError` while one of another kind is under way.
    """
    _check_provable(report, actor)
    if (active := proofs.active_of(report)) is not None:
        if active.how == how:
            return active
        raise ConflictError(f"report {report.report_id} is being proved ({active.how}): wait for its end, or cancel it")
    if proofs.is_at_once(report):
        verify_report(report=report, actor=actor, how=how)
        return proofs.newest_of(report)
    try:
        with audited("export.proof_requested", actor=actor, project=report.project, obj=report, details={"how": how}):
            proof = proofs.create(report, how, actor)
    except IntegrityError:
        # another request was faster by a moment
        return proofs.newest_of(report)
    return proof


def cancel_proof(*, proof: Proof, actor: Actor) -> Proof:
    """Stop it: one's own, or anybody's for who starts exports. Twice is no error; :class:`ConflictError` after its
    end.
    """
    report = proof.report
    with audited("export.proof_cancel_requested", actor=actor, project=report.project, obj=report):
        is_own = actor.user_id is not None and proof.requested_by == actor.user_id
        require(actor, VIEW if is_own else START, report.project)
        current = request_cancel(proof)
    return cancelled(current)


def _check_provable(report: ExportReport, actor: Actor) -> None:
    require(actor, VIEW, report.project)
    if not report.is_delivered:
        raise ConflictError(f"report {report.report_id} is {report.status}: there is no delivery to verify")
    if report.files_removed_at is not None:
        raise GoneError(f"the files of report {report.report_id} were removed ({report.files_removed_why})")


def download_manifest(*, report: ExportReport, actor: Actor) -> bytes:
    """The manifest of a delivery. Raises :class:`ConflictError` without one, :class:`GoneError`."""
    event = "export.manifest_downloaded"
    require_in_all_audited(actor, report, event=event)
    if not report.is_delivered:
        raise ConflictError(f"report {report.report_id} is {report.status}: there is no manifest")
    with _recorded(event, actor, report.project, report):
        return reading.read_manifest(report)


def download_trail_proof(*, report: ExportReport, actor: Actor) -> bytes:
    """The place of a delivery in the trail. Raises :class:`ConflictError` without one, :class:`GoneError`."""
    event = "export.trail_proof_downloaded"
    require_in_all_audited(actor, report, event=event)
    if not report.is_delivered:
        raise ConflictError(f"report {report.report_id} is {report.status}: the trail tells of no delivery")
    with _recorded(event, actor, report.project, report):
        return trail_proof.build(report, installation_key())


def download_receipt(*, link: Link, actor: Actor) -> bytes:
    """The manifest of the one file that is behind a link, which was opened. Raises :class:`GoneError`."""
    artifact = link.artifact
    with _recorded("artifact.receipt_downloaded", actor, artifact.report.project, artifact, link=link.public_id):
        reading.open_delivered(artifact).close()
        return manifest.build_receipt(artifact, installation_key())


@contextmanager
def _recorded(
    event: str, actor: Actor, project: Project, obj: Artifact | ExportReport, **details: str
) -> Iterator[None]:
    """What is read within, outside any transaction, is recorded, as refused where a :class:`GoneError` passes."""
    about: dict[str, Any] = {"actor": actor, "project": project, "obj": obj, "details": details}
    try:
        yield
    except GoneError as gone:
        record_refused(event, reason=gone.message, **about)
        raise
    with transaction.atomic():
        record(event, **about)


def look_at_rows(*, report: ExportReport, actor: Actor, medium: str = "") -> FirstRows:
    """The first rows of a delivery, or its first of one medium. Raises :class:`ConflictError` without one,
    :class:`GoneError` without its files."""
    artifact = rows_artifact(report)
    details = {"rows": ROWS, "from": "file" if artifact else "source"} | ({"medium": medium} if medium else {})
    with audited(
        "artifact.rows_read", actor=actor, project=report.project, obj=artifact or report, details=details
    ) as line:
        require_in_all(actor, DOWNLOAD, report)
        must_have_files(report, "there are no rows to look at")
        if artifact is None and SCOPE in report.config:
            # of this moment they would be rows of other projects, in which whoever looks may have no business
            raise ConflictError(
                f"report {report.report_id} is of {scope_text(report.config)}: its rows are shown from json and ndjson "
                "files alone"
            )
        if report.made_by:
            raise ConflictError(f"the files of report {report.report_id} are as the platform made them: download them")
        line.details["name"] = report.name
    return first_rows(report, artifact, medium)


def compare_rows(*, older: ExportReport, newer: ExportReport, actor: Actor) -> compare.Compared:
    """Two deliveries of one project row by row; each has its line in the trail.

    Raises :class:`ConflictError` and :class:`GoneError` where that cannot be done exactly: then no row is read, and
    nothing is recorded.
    """
    files = []
    for report in (older, newer):
        require_in_all_audited(actor, report, event="artifact.rows_read")
        must_have_files(report, "there are no rows to compare")
        files.append(compare.comparable(report, rows_artifact(report)))
    with transaction.atomic():
        for file, other in zip(files, (newer, older), strict=True):
            details = {"compared_with": other.report_id}
            record("artifact.rows_read", actor=actor, project=older.project, obj=file, details=details)
    return compare.compare(*files)  # reads the files: outside any transaction


def must_have_files(report: ExportReport, message: str) -> None:
    """Raises :class:`ConflictError` without a delivery, :class:`GoneError` without its files, with what that means."""
    if not report.is_delivered:
        raise ConflictError(f"report {report.report_id} is {report.status}: {message}")
    if report.files_removed_at is not None:
        raise GoneError(f"the files of report {report.report_id} were removed ({report.files_removed_why}): {message}")
