"""What can be done with exports: one verb, three channels (web, REST, shell).

Every action asks for permission, changes, and records, in one transaction; a refusal is recorded too and raised as a
:class:`UserError` (:class:`NotFoundError`, :class:`DeniedError`, :class:`ConflictError`).
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from connections.access import quotas
from connections.access.permissions import MANAGE, START, VIEW, require, require_audited
from connections.models import Project
from connections.sinks.base import Delivery
from connections.store import removal
from connections.sync.lookup import mirror_of
from exportadmin.audit.once import record_once
from exportadmin.audit.record import audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import (
    ConflictError,
    NotFoundError,
    NothingToDoError,
    PermanentError,
    TransientError,
    UserError,
)
from exportadmin.lib.ids import new_id
from exportadmin.lib.text import check_line, check_text
from exportadmin.runs import statuses
from exportadmin.runs.ends import cancelled, request_cancel
from exportadmin.runs.execute import run_in_foreground
from exportadmin.runs.lease import claim
from exportadmin.runs.queue import enqueue
from exports import remote_listing
from exports.delivery import rows_left
from exports.delivery.destination import connection_of, connection_to, delivery_of, parse_destination, sink_of
from exports.delivery_actions import must_have_files
from exports.display.hidden_names import as_asked
from exports.display.selection_line import one_line
from exports.idempotency import IdempotencyKey
from exports.models import ExportConfig, ExportReport
from exports.remote_listing import RemoteListing
from exports.spec import plan
from exports.spec.catalog import others_read, settle
from exports.spec.platform_export import KEY as PLATFORM_EXPORT
from exports.spec.platform_export import platform_of, usable_platform_of
from exports.spec.selected_rows import NAMED, SelectedRows, find_rows, parse_selection
from exports.spec.spec import ExportSpec

log = logging.getLogger(__name__)

MAX_NAME = 200
MAX_WHY = 200
MAX_REASON = 500
# where too many exports wait: how long it may take until some have begun
QUEUE_RETRY_SECONDS = 60.0


# --- runs ------------------------------------------------------------------------------------------------------------


def plan_export(
    *, project: Project, spec: ExportSpec, actor: Actor, live: bool = False, shows_rows: bool = False
) -> plan.Plan:
    """What the export would deliver; nothing is run. Raises what reading raises.

    A page shows the first rows of it, REST does not (``shows_rows``). A ``live`` one, which a page asks for at each
    change of its form, is a line of the trail the first time that it shows rows of this selection: a line a keystroke
    would bury the trail. Rows of other projects are a line in each of their trails too, in the same way.
    """
    require_audited(actor, START, project, event="export.planned")
    spec = settle(spec, project, actor)
    # planning reads all rows' figures: not within the transaction that records it
    made = plan.build_plan(project, spec, live=live)
    shown = made.sample.shown if shows_rows else 0
    frozen = {key: value for key, value in spec.to_json().items() if key != "resolved"}  # times that go on
    details: dict[str, Any] = {"format": spec.format}
    if shown:
        details |= {"rows_shown": shown, "selects": one_line(frozen)}
    others = rows_left.shown_of_others(made.sample, project) if shown else []
    if not live:
        with transaction.atomic():
            record("export.planned", actor=actor, project=project, details=details)
            for other, rows in others:
                record(rows_left.SHOWN, actor=actor, project=other, details={"rows_shown": rows})
    elif shown:
        record_once("export.planned", actor=actor, key=frozen, project=project, details=details)
        for other, rows in others:
            record_once(rows_left.SHOWN, actor=actor, key=frozen, project=other, details={"rows_shown": rows})
    return made


def request_export(
    *,
    project: Project,
    spec: ExportSpec,
    actor: Actor,
    name: str = "",
    description: str = "",
    idempotency_key: str | None = None,
    saved_config: ExportConfig | None = None,
    retry_of: ExportReport | None = None,
    converted_from: ExportReport | None = None,
    check: Callable[[], None] | None = None,
) -> ExportReport:
    """Queue an export; a worker runs it. The frozen description and the resolved times stay with the report.

    ``check`` is called when no other export of the project can come to be any more, and may refuse this one.

    With an ``idempotency_key`` the same request again gives the same report; the same key with another request raises
    :class:`ConflictError`. Keys belong to the one who uses them.
    """
    key = IdempotencyKey.of(idempotency_key, actor, project, spec, name, description, converted_from)
    if key is not None and (before := key.report()) is not None:
        require(actor, START, project)
        return before
    try:
        with (
            quotas.counted() as keys,
            audited("export.requested", actor=actor, project=project, details=_about(spec, converted_from)) as line,
        ):
            require(actor, START, project)
            spec = settle(spec, project, actor)
            line.details |= _of_scope(spec, project)
            _within_quotas(project, actor, keys)
            report = _create(
                project,
                spec,
                actor,
                name,
                description,
                key=key,
                saved_config=saved_config,
                retry_of=retry_of,
                converted_from=converted_from,
                check=check,
            )
            line.obj, line.after = report, as_asked(report.config)
            enqueue(report)
    except IntegrityError:
        # another request with this key was faster by a moment
        if key is not None and (before := key.report()) is not None:
            return before
        raise
    return report


def _within_quotas(project: Project, actor: Actor, keys: list[str]) -> None:
    """May another export of the project wait, for this person? Raises :class:`TooManyError`."""
    if not quotas.hold(project, actor):
        return
    waiting = ExportReport.objects.filter(status=statuses.QUEUED)
    quotas.check(
        "QUEUED",
        project,
        actor,
        what="exports waiting",
        of_project=waiting.filter(project=project).count,
        of_person=waiting.filter(requested_by=actor.user_id).count,
        retry_after=lambda: QUEUE_RETRY_SECONDS,
    )
    quotas.check_day("RUNS", project, actor, what="exports", keys=keys)


def run_now(
    *,
    project: Project,
    spec: ExportSpec,
    actor: Actor,
    name: str = "",
    description: str = "",
    converted_from: ExportReport | None = None,
) -> ExportReport:
    """Run an export in this process and wait for its end; the report comes back as it ended."""
    with audited("export.requested", actor=actor, project=project, details=_about(spec, converted_from)) as line:
        require(actor, START, project)
        spec = settle(spec, project, actor)
        line.details |= _of_scope(spec, project)
        report = _create(project, spec, actor, name, description, converted_from=converted_from)
        line.obj, line.after = report, as_asked(report.config)
        lease = claim(ExportReport, report.pk, foreground=True)  # before the commit: no worker can be first
    if lease is None:
        raise ConflictError(f"report {report.report_id} could not be claimed")
    run_in_foreground(lease)
    report.refresh_from_db()
    return report


def fetch_remote_export(
    *,
    project: Project,
    remote_id: str,
    actor: Actor,
    name: str = "",
    description: str = "",
    destination: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
) -> ExportReport:
    """Fetch what somebody had made on the project's platform, check it and deliver it; a report that runs as any.

    Nothing is asked for there. Raises as :func:`request_export`, and :class:`UserError` where the project is of no
    platform.
    """
    require(actor, START, project)
    platform_of(project)  # named as the project's matter: who calls this sends no description
    body = {PLATFORM_EXPORT: {"remote_id": remote_id}, "destination": destination}
    return request_export(
        project=project,
        spec=ExportSpec.parse(body, project),
        actor=actor,
        name=name,
        description=description,
        idempotency_key=idempotency_key,
    )


def remote_exports(*, project: Project, actor: Actor) -> list[RemoteListing]:
    """What was exported on the project's platform, by whomever, newest first; asks it, in no transaction.

    Raises :class:`UserError` where the project is of no platform, :class:`ConflictError` where it cannot be asked.
    """
    require(actor, VIEW, project)
    try:
        return remote_listing.exports_there(project)
    except (PermanentError, TransientError) as error:
        raise ConflictError(f"{platform_of(project).title} cannot be asked for its exports: {error}") from error


def cancel(*, report: ExportReport, actor: Actor) -> ExportReport:
    """Stop a run: at once while it waits, within seconds while it runs. Raises :class:`ConflictError` after its end.

    Asking twice is no error: cancelling what is being cancelled gives the report as it is.
    """
    with audited("export.cancel_requested", actor=actor, project=report.project, obj=report):
        require(actor, START, report.project)
        current = request_cancel(report)
    return cancelled(current)


def archive(*, report: ExportReport, actor: Actor) -> ExportReport:
    """Leave it out of the lists that other platforms' own clients ask for; nothing else changes. Twice is no error."""
    return _archived(report, actor, "export.archived", timezone.now())


def unarchive(*, report: ExportReport, actor: Actor) -> ExportReport:
    """Put it back into those lists. Twice is no error."""
    return _archived(report, actor, "export.unarchived", None)


def _archived(report: ExportReport, actor: Actor, event: str, at: datetime | None) -> ExportReport:
    with suppress(NothingToDoError), audited(event, actor=actor, project=report.project, obj=report):
        require(actor, START, report.project)
        # only what is not so yet
        others = ExportReport.objects.filter(pk=report.pk, archived_at__isnull=at is not None)
        if not others.update(archived_at=at):
            raise NothingToDoError(f"report {report.report_id} is {'archived' if at else 'not archived'} already")
    report.refresh_from_db()
    return report


def retry(*, report: ExportReport, actor: Actor, check: Callable[[], None] | None = None) -> ExportReport:
    """Run the same frozen description again, as a new report. Raises :class:`ConflictError` while it is active.

    ``check`` as of :func:`request_export`: of two who retry it at the same time the second one sees the first one's.
    """
    report.refresh_from_db(fields=["status"])
    if report.status in statuses.ACTIVE:
        require(actor, START, report.project)
        raise ConflictError(f"report {report.report_id} is still {report.status}: cancel it first, or wait for its end")
    spec = ExportSpec.from_json(report.config, report.project)
    if spec.platform_export is None and not report.is_ours:  # a folder that somebody named holds the first one
        spec = dataclasses.replace(spec, destination=parse_destination(None, report.project))
    again = request_export(
        project=report.project,
        spec=spec,
        actor=actor,
        name=report.name,
        description=report.description,
        saved_config=report.saved_config,
        retry_of=report,
        converted_from=report.converted_from,
        check=check,
    )
    with transaction.atomic():
        event = "export.run_again" if report.status in statuses.SUCCESSFUL else "export.retried"
        record(event, actor=actor, project=report.project, obj=report, details={"as": again.report_id})
    return again


def convert_report(
    *,
    report: ExportReport,
    spec: ExportSpec,
    actor: Actor,
    name: str = "",
    description: str = "",
    idempotency_key: str | None = None,
    now: bool = False,
) -> ExportReport:
    """Write what a report delivered, exactly as it was, in another format: a new report, which runs as any.

    ``spec`` is of :func:`exports.spec.conversion.conversion_spec`; ``now``: in this process (the shell). Raises
    :class:`ConflictError` when the report has delivered nothing, :class:`GoneError` when its files were removed.
    """
    require(actor, START, report.project)
    must_have_files(report, "there is nothing to convert")
    name = name or f"{report.name[:150]} as {spec.format}"
    what: dict[str, Any] = {
        "project": report.project,
        "spec": spec,
        "actor": actor,
        "name": name,
        "description": description,
        "converted_from": report,
    }
    return run_now(**what) if now else request_export(**what, idempotency_key=idempotency_key)


def remove_files(*, report: ExportReport, actor: Actor, why: str) -> ExportReport:
    """Take the delivered files away; report and trail stay. Raises :class:`ConflictError` when there are none."""
    with audited("export.deleted", actor=actor, project=report.project, obj=report, details={"why": why[:MAX_WHY]}):
        require(actor, MANAGE, report.project)
        if len(why) > MAX_WHY:
            raise UserError(f"the reason has {len(why):,} characters; at most {MAX_WHY} are kept", field="why")
        check_line(why, "why")
        current = ExportReport.objects.select_for_update().get(pk=report.pk)
        if not current.is_delivered or current.files_removed_at is not None:
            raise ConflictError(f"report {report.report_id} has no files to remove")
        if not current.is_ours:
            raise ConflictError(f"report {report.report_id} was delivered into a folder that is not ours to empty")
        current.files_removed_at = timezone.now()
        current.files_removed_why = why
        current.save(update_fields=["files_removed_at", "files_removed_why"])
        delivery = delivery_of(current)
        # after the commit: files that are gone while the row says they are there would be worse than the reverse
        transaction.on_commit(lambda: _remove(delivery))
    return current


def _remove(delivery: Delivery) -> None:
    """What cannot be removed now is a leftover, which retention tries again."""
    try:
        delivery.remove()
    except PermanentError:
        log.exception("the files at %s are to be removed, but stay", delivery.address)


# --- rows ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, slots=True)
class DeletedRows:
    """``selected`` were found; ``deleted`` of them are gone, ``kept`` were written since they were found.

    ``revision`` is the project's after the last deletion, ``None`` where nothing was deleted.
    """

    selected: SelectedRows
    deleted: int = 0
    kept: int = 0
    revision: int | None = None


def delete_rows(
    *, project: Project, body: Mapping[str, Any], reason: str, actor: Actor, dry_run: bool = False
) -> DeletedRows:
    """Delete the rows that ``body`` selects (:func:`exports.spec.selected_rows.parse_selection`), for good.

    A tombstone stays of each. Many rows go in several transactions, so that others get their turn: what was begun is
    in the trail, whatever stops it. ``dry_run``: they are only found and counted. Raises :class:`UserError`.
    """
    require(actor, MANAGE, project)
    if mirror_of(project) is not None:
        raise ConflictError(
            f"project {project.name!r} mirrors one of a platform: rows that are deleted there go with the next full "
            "sync; deleted here, they would come again with it"
        )
    selection = parse_selection(body, project)
    reason = check_line(reason.strip(), "reason")
    if not dry_run and not 0 < len(reason) <= MAX_REASON:
        raise UserError(f"the reason has {len(reason):,} characters; 1 to {MAX_REASON} are kept", field="reason")
    selected = find_rows(project, selection)
    if dry_run:
        return DeletedRows(selected)
    removed = removal.Removal(project, seen=selected.revision, reason=reason, deleted_by=actor.name)
    details = {"selected": len(selected.pks), "by": _selection_details(body), "why": reason}
    batches = [selected.pks[at : at + removal.BATCH] for at in range(0, len(selected.pks), removal.BATCH)]
    committed = 0
    try:
        for batch in batches[:-1]:
            removed.remove(batch)
            committed = removed.deleted
        # the last ones, and the entry of all of them, together
        with audited("rows.deleted", actor=actor, project=project, details=details) as line:
            require(actor, MANAGE, project)
            removed.remove(batches[-1] if batches else ())
            line.details |= {"rows": removed.deleted, "kept": removed.kept}
    except BaseException as error:
        if committed:
            with transaction.atomic():
                record(
                    "rows.deleted",
                    actor=actor,
                    project=project,
                    outcome="failed",
                    reason=str(error) or type(error).__name__,
                    details={**details, "rows": committed},
                )
        raise
    return DeletedRows(selected, removed.deleted, removed.kept, removed.revision)


def _selection_details(body: Mapping[str, Any]) -> dict[str, Any]:
    """For the trail: conditions as they were given, but of rows that are named one by one only how many."""
    given = {key: body[key] for key in NAMED if body.get(key) is not None} or dict(body["filter"])
    return {key: len(value) if key in (*NAMED, *NAMED.values()) else value for key, value in given.items()}


# --- finding and making ----------------------------------------------------------------------------------------------


def find_report(report_id: str) -> ExportReport:
    """By public id, without asking who asks (the shell). Raises :class:`NotFoundError`."""
    report = ExportReport.objects.select_related("project").filter(report_id=report_id).first()
    if report is None:
        raise NotFoundError(f"no report {report_id[:80]!r}")
    return report


def _about(spec: ExportSpec, converted_from: ExportReport | None) -> dict[str, str]:
    """For the trail."""
    told = {"format": spec.format}
    if (wanted := spec.platform_export) is not None:
        told |= {"made_by": wanted.platform, "where": wanted.where}
        told |= {"remote_id": wanted.remote_id} if wanted.remote_id else {}
    return told | ({"converted_from": converted_from.report_id} if converted_from else {})


def _of_scope(spec: ExportSpec, project: Project) -> dict[str, Any]:
    """For the trail: what is read beside the project, by ids, since not all who read it may know of those projects, nor
    of what is called how in them."""
    scope = spec.selection.scope
    if scope.settled is None:
        return {}
    reads = others_read(spec, project)
    text = (dataclasses.replace(scope, settled=None) if reads else scope).text
    told: dict[str, Any] = {"scope": text, "reads": reads, "labels_of": len(scope.settled.labels_of)}
    if scope.settled.runs:
        own = [run.id for run in scope.settled.runs if run.project == project.public_id]
        told |= {"model_runs": own, "model_runs_of_others": len(scope.settled.runs) - len(own)}
    return told


def _create(
    project: Project,
    spec: ExportSpec,
    actor: Actor,
    name: str,
    description: str,
    *,
    key: IdempotencyKey | None = None,
    saved_config: ExportConfig | None = None,
    retry_of: ExportReport | None = None,
    converted_from: ExportReport | None = None,
    check: Callable[[], None] | None = None,
) -> ExportReport:
    check_text(description, "description")
    # whoever deletes the project takes the same lock: this run is seen there, or there is no project here
    if not Project.objects.select_for_update(no_key=True).filter(pk=project.pk).values_list("pk"):
        raise NotFoundError(f"no project {project.public_id!r}")
    if check is not None:
        check()
    destination = connection_of(spec.destination, project, hold=True)
    is_ours = sink_of(spec.destination, destination).is_ours
    name = usable_name(name, f"{project.name[:150]} {spec.format}")
    wanted = spec.platform_export
    if wanted is not None:
        platform = usable_platform_of(project)
        if wanted.is_there:
            destination = connection_to(platform.delivers_to(wanted.wanted(name)), project, hold=True)
    report_id = new_id()
    report = ExportReport.objects.create(
        report_id=report_id,
        project=project,
        other_projects=others_read(spec, project),
        destination=destination,
        is_ours=is_ours,
        made_by=wanted.platform if wanted else "",
        remote_id=wanted.remote_id if wanted else "",
        remote_name=f"{name[:150]} {report_id}" if wanted and not wanted.remote_id else "",
        is_there=wanted is not None and wanted.is_there,
        name=name,
        description=description,
        format=spec.format,
        config=spec.to_json(),
        saved_config=saved_config,
        retry_of=retry_of,
        converted_from=converted_from,
        created_by_id=actor.user_id,
        created_by_name=actor.name,
        requested_by=actor.user_id,
        created_by_token_id=actor.token_id,
        idempotency_key=key.key if key else None,
        idempotency_scope=key.scope if key else "",
        idempotency_digest=key.digest if key else "",
    )
    if destination is not None:
        details = {"report": report.report_id, "name": report.name}
        record("connection.used", actor=actor, project=project, obj=destination, details=details)
    return report


def usable_name(name: str, default: str) -> str:
    """``default`` where it is empty. Raises :class:`UserError`."""
    name = name.strip() or default
    if not name:
        raise UserError("a name is missing", field="name")
    if len(name) > MAX_NAME:
        raise UserError(f"the name has {len(name)} characters; at most {MAX_NAME} are kept", field="name")
    return check_line(name, "name")
