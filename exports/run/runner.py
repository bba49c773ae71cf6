"""How an export is carried out, as :mod:`exportadmin.runs` wants to know it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from exportadmin.audit.record import record
from exportadmin.lib.actor import system
from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exportadmin.runs.lease import RunLease
from exportadmin.runs.runners import Runner
from exports.delivery.destination import delivery_of
from exports.delivery.publication import discard_drafts, unpublish
from exports.delivery.row_numbers import forget
from exports.models import ExportReport
from exports.run import pipeline, platform_export, scratch


class ExportRunner(Runner[ExportReport]):
    """Of kind ``export``."""

    model = ExportReport

    def run(self, run: ExportReport, lease: RunLease) -> None:
        """All stages, see :mod:`exports.run.pipeline`; where a platform makes the file, a step of
        :mod:`exports.run.platform_export`.
        """
        if run.made_by:
            platform_export.run(run, lease)
        else:
            pipeline.run(run, lease)

    def ended(self, run: ExportReport) -> None:
        """No delivery stays visible without a successful end; the trail is told."""
        details: dict[str, Any] = {}
        if run.check_values is not None:
            details = {"rows": run.check_values["rows_kept"], "bytes": run.check_values["bytes"]}
            details["manifest_sha256"] = run.manifest_sha256  # what a proof of this entry proves
            if run.status in statuses.SUCCESSFUL and (place := _delivered_to(run)):
                details |= {"delivered_to": place, **pipeline.requested_by(run)}
                if not run.is_proved:
                    details["proved"] = False
            if refused := sum(run.check_values["rows_refused"].values()):
                details["refused"] = refused
        else:
            transaction.on_commit(lambda: scratch.discard(run.report_id))
            forget(run)
            unpublish(run)  # an attempt may have published and died before it could say so
        record(
            f"export.{run.status}",
            actor=system("worker"),
            project=run.project,
            obj=run,
            outcome="done" if run.status in statuses.SUCCESSFUL | {statuses.CANCELLED, statuses.SKIPPED} else "failed",
            reason=run.error,
            details=details,
        )

    def clean_up(self, run: ExportReport) -> None:
        """Drafts and spools of attempts that died; what a platform's file has of it already is gone on with."""
        if run.made_by:
            discard_drafts(run)
        else:
            pipeline.discard(run)

    def reason_not_to_resume(self, run: ExportReport) -> str:
        """Begun in somebody's shell, into a folder of theirs: not ours to go on with, perhaps days later."""
        return "" if run.is_ours else "its shell went away before it was done"


def _delivered_to(report: ExportReport) -> str:
    """Where its files lie, when that is not this installation; empty: they have not left."""
    if report.destination is None and not report.is_there:
        return "" if report.is_ours else "a folder that was named in a shell"
    try:
        return platform_export.place_of(report) if report.is_there else delivery_of(report).address
    except UserError:  # a kind of destination that there is not any more
        return str(report.destination)
