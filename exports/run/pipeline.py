"""One export, all stages on one screen: source → filter → writer → sink → check values → manifest → report."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from connections.access.permissions import START, may_in_all, require
from connections.models import Project
from connections.sinks.base import Draft, Sink
from exportadmin.audit.checkpoints.form import DELIVERY
from exportadmin.audit.checkpoints.taking import take_quietly
from exportadmin.audit.record import head as audit_head
from exportadmin.audit.record import record
from exportadmin.lib.actor import USER, Actor, system
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.lib.signing import installation_key
from exportadmin.lib.times import from_datetime
from exportadmin.runs import statuses
from exportadmin.runs.ends import end
from exportadmin.runs.errors import LeaseLost
from exportadmin.runs.lease import RunLease
from exports.check_values import CheckValueCounter
from exports.delivery import manifest, snapshot
from exports.delivery.destination import check_destination, key_of, sink_for
from exports.delivery.files import ReportFiles
from exports.delivery.integrity import state_of
from exports.delivery.publication import Published, adopt_published, discard_drafts
from exports.delivery.row_numbers import DeliveredNumbers
from exports.delivery.rows_left import record_rows_left
from exports.delivery.snapshot import RowNumbers
from exports.formats import FORMATS
from exports.formats.base import FormatContext
from exports.models import Artifact, ExportReport, LineIndex
from exports.run import scratch
from exports.run.cross_check import CrossCheck
from exports.run.refusals import Refusals
from exports.run.sync_first import bring_up_to_date
from exports.sources import source_for
from exports.sources.labels import LabelFilter
from exports.spec.catalog import deleted_since
from exports.spec.conversion import is_convertible
from exports.spec.filters import RowFilter
from exports.spec.scope import KEY as SCOPE
from exports.spec.scope import MODEL_RUN
from exports.spec.spec import ExportSpec

if TYPE_CHECKING:
    from connections.pictures import PictureFetcher


def run(report: ExportReport, lease: RunLease, *, sink: Sink | None = None) -> None:
    """Deliver a claimed report and write its successful end. Every other end is for whoever carries it out."""
    _deliver(report, lease, sink or sink_for(report))
    take_quietly(DELIVERY)


def _deliver(report: ExportReport, lease: RunLease, sink: Sink) -> None:
    lease.check(now=True)
    adopted = adopt_published(sink, report)
    if adopted is not None:  # an earlier attempt died between publication and commit
        sink.discard(key_of(report))
        scratch.discard(report.report_id)
        finish(report, lease, adopted)
        return
    check_permission(report, lease)
    check_destination(report)
    bring_up_to_date(report, lease)
    spec = ExportSpec.from_json(report.config, report.project)
    source = source_for(report)
    selection = source.undecided(spec.selection)
    writer_class = FORMATS.pick(spec.format)
    columns = writer_class.reads(spec.options)
    started = timezone.now()
    record_start(report)
    lease.progress(phase="reading", rows_done=0, bytes_done=0)
    with (
        scratch.folder_for(report) as folder,
        source.open(selection, columns) as reader,
        draft_of(sink, report) as draft,
        _pictures(report, writer_class.fetches_pictures(spec.options), folder) as pictures,
    ):
        # One that was believed dead may have published since: its lease had run out, it had not. No more: its draft is
        # gone now, and cannot be published.
        if (late := adopt_published(sink, report)) is not None:
            finish(report, lease, late)
            return
        lease.progress(rows_expected=reader.rows_expected)
        writer = writer_class(
            FormatContext(
                project_id=reader.project_id,
                project_name=reader.project_name,
                ontology=reader.ontology,
                parts=selection.parts,
                is_of_run=selection.scope.kind == MODEL_RUN,
                scratch=folder,
                options=spec.options,
                project_extra=reader.project_extra,
                report_id=report.report_id,
                report_number=report.pk,
                project_number=report.project_id,
                report_name=report.name,
                made_ms=from_datetime(report.created_at),
                conditions=spec.selection.conditions,
                pictures=pictures,
            )
        )
        row_filter = RowFilter(selection, source.pushed_down)
        counter = CheckValueCounter.of(writer_class, reader.ontology)
        label_filter = LabelFilter(selection, reader, columns, writer_class.cannot_hold)
        delivered = DeliveredNumbers(report.project_id)
        origins = _origins(report, reader.other_revisions)
        numbers = RowNumbers([*origins]) if is_convertible(report) else None
        files = ReportFiles(draft, report, writer)
        refusals = Refusals(files, spec, reader.rows_expected)
        cross_check = CrossCheck(writer, reader.ontology)

        files.write(writer.header(), lease.check)
        for batch in reader.batches():
            lease.check()
            batch = label_filter.apply(row_filter.apply(batch))
            if len(batch):
                files.mark_line(counter.rows)
                files.write(writer.rows(batch), lease.check)
                batch = refusals.settle(batch, writer.take_refused())
                cross_check.look_at(batch)
                if numbers is not None:
                    numbers.add(batch)
                delivered.add(batch)
                counter.add(batch)
            lease.progress(rows_done=counter.rows, bytes_done=files.bytes)
        lease.progress(phase="finishing", rows_done=counter.rows)
        files.write(writer.footer(), lease.check)

        refusals.check(counter.rows + refusals.rows)
        written = files.close(counter.rows)
        dropped_here = row_filter.dropped + label_filter.dropped
        dropped = Counter(reader.dropped_at_source) + dropped_here
        label_filter.counts.choice = spec.selection.labels.text  # of a conversion: what its rows were chosen by
        notes = label_filter.notes + Counter(writer.notes())
        check_values = counter.result(dropped, written, refusals.counts, label_filter.counts, notes)
        if reader.removed_since is not None:
            check_values["removed_since"] = reader.removed_since
        if files.md5 is not None:
            check_values["md5"] = files.md5
        _must_add_up(check_values, reader.rows_expected, dropped_here)
        cross_check.sum_up(check_values["annotations"], check_values.get("predictions", {}).get("total", 0))
        lease.check(now=True)
        head = head_of(report, started, reader.revision)
        if numbers is not None:
            head["snapshot"] = snapshot.to_json(
                reader.project_name, reader.ontology, reader.project_extra, numbers, [*origins.values()]
            )
        manifest_bytes = manifest.build(head, check_values, written, installation_key())
        delivered.keep(report, lease, {**reader.other_revisions, report.project_id: reader.revision})
        delivery = draft.commit(manifest_bytes)
    finish(report, lease, Published(delivery, check_values, written, reader.revision, manifest_bytes))


def _origins(report: ExportReport, others: Collection[int]) -> dict[int, str]:
    """The projects by which rows of a catalog say where they were read, by their keys: their public ids."""
    if SCOPE not in report.config:
        return {}
    read = Project.objects.filter(pk__in=[report.project_id, *others]).order_by("pk")
    return dict(read.values_list("pk", "public_id"))


@contextmanager
def _pictures(report: ExportReport, are_wanted: bool, folder: Path) -> Iterator[PictureFetcher | None]:
    if not are_wanted:
        yield None
        return
    from connections.pictures import PictureFetcher

    with closing(PictureFetcher(report.project, folder)) as pictures:
        yield pictures


@contextmanager
def draft_of(sink: Sink, report: ExportReport) -> Iterator[Draft]:
    """Aborted at the end, which does nothing to one that was committed."""
    draft = sink.begin(key_of(report))
    try:
        yield draft
    finally:
        draft.abort()


def check_permission(report: ExportReport, lease: RunLease) -> None:
    """Once more when a queued run starts: roles and tokens may have gone since. Raises :class:`PermanentError`."""
    if report.requested_by is None or lease.foreground:  # the shell's own run, asked a moment ago
        return
    actor = Actor(
        kind=USER,
        name=report.created_by_name,
        channel="worker",
        user_id=report.requested_by,
        token_id=report.created_by_token_id,
    )
    token = report.created_by_token
    if token is not None and (token.revoked_at or (token.expires_at and token.expires_at <= timezone.now())):
        raise PermanentError(f"token {token.name!r}, which asked for this export, ended before the export started")
    try:
        require(actor, START, report.project)
    except UserError:
        raise PermanentError(
            f"{report.created_by_name} may no longer run exports in this project: nothing was delivered"
        ) from None
    if gone := deleted_since(ExportSpec.from_json(report.config, report.project), report.project):
        raise PermanentError(f"{gone}: nothing was delivered")
    if not may_in_all(actor, START, report.other_projects):
        raise PermanentError(
            f"{report.created_by_name} may no longer run exports in another project that this export reads: nothing "
            "was delivered"
        )


def record_start(report: ExportReport) -> None:
    """The trail is told that an attempt begins."""
    with transaction.atomic():
        record(
            "export.started" if report.attempts < 2 else "export.resumed",
            actor=system("worker"),
            project=report.project,
            obj=report,
            details={"attempt": report.attempts},
        )


def _must_add_up(check_values: dict[str, Any], expected: int | None, dropped_here: Counter[str]) -> None:
    """The post-condition on counts: what the source promised has arrived, every row of it."""
    arrived = check_values["rows_kept"] + sum(check_values["rows_refused"].values()) + sum(dropped_here.values())
    if expected is not None and arrived != expected:
        raise PermanentError(f"the source announced {expected:,} rows but {arrived:,} arrived: nothing was delivered")


def finish(report: ExportReport, lease: RunLease, published: Published, **columns: Any) -> None:
    """The successful end, and the files that were published. ``columns``: more of the report's."""
    check_values = published.check_values
    states = [state_of(published.delivery, file.name) for file in published.files]
    with transaction.atomic():
        finished = end(
            report,
            lease,
            statuses.PARTIAL if check_values["rows_refused"] else statuses.COMPLETED,
            check_values=check_values,
            location=published.delivery.location,
            manifest_sha256=hashlib.sha256(published.manifest).hexdigest(),
            revision=published.revision,
            rows_done=check_values["rows_kept"] or 0,
            are_rows_counted=check_values["rows_kept"] is not None,
            bytes_done=check_values["bytes"] or 0,
            **columns,
        )
        if not finished:
            raise LeaseLost(f"report {report.report_id} was taken over while it was being finished")
        artifacts = Artifact.objects.bulk_create(
            Artifact(
                report=report,
                name=file.name,
                media_type=file.media_type,
                bytes=file.bytes,
                sha256=file.sha256,
                lines=file.lines,
                state=state,
            )
            for file, state in zip(published.files, states, strict=True)
        )
        LineIndex.objects.bulk_create(
            LineIndex(artifact=artifact, entries=file.index)
            for artifact, file in zip(artifacts, published.files, strict=True)
            if file.index
        )
        record_rows_left(report, artifacts, requested_by(report))


def requested_by(report: ExportReport) -> dict[str, str]:
    """Whose the delivery is: a person, and the token that they used."""
    token = report.created_by_token
    if token is None:
        return {"requested_by": report.created_by_name}
    person = report.created_by_name.removeprefix(f"{token.name} of ")
    return {"requested_by": person, "requested_with": token.name}


def head_of(report: ExportReport, started: datetime, revision: int | None) -> dict[str, Any]:
    """What a manifest says first: of which report, what was asked, and when."""
    config = report.config
    if not report.is_ours:  # where somebody's own folder lies is not for all to whom they hand it on
        config = {**config, "destination": {"kind": config["destination"]["kind"]}}
    return {
        "report_id": report.report_id,
        "project": {"id": report.project.public_id, "name": report.project.name},
        "name": report.name,
        "config": config,
        "revision": revision,
        "requested_at": report.created_at.isoformat(),
        "requested_by": report.created_by_name,
        "started_at": started.isoformat(),
        # where the trail stood: a trail that was cut off later does not reach this entry any more
        # and the checkpoint of it lies outside the database before the delivery is there
        "audit_head": dict(zip(("sequence", "hash"), take_quietly(DELIVERY) or audit_head(), strict=True)),
    }


def discard(report: ExportReport) -> None:
    """Take away everything half-made of a report that will not run again."""
    scratch.discard(report.report_id)
    discard_drafts(report)
