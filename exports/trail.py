"""What the audit trail is told about exports: events, the pages that objects have, and questions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Q, QuerySet

from exportadmin.audit import events, object_urls, queries
from exportadmin.audit.events import OF_PROJECT as _OF
from exportadmin.audit.object_urls import Pages
from exportadmin.audit.questions import QUESTIONS

if TYPE_CHECKING:
    from exports.models import Artifact, ExportConfig, ExportReport, Slice

_QUESTIONS: Final = {
    "who-exported": "downloads:WHO_EXPORTED",
    "outside-hours": "hours:OUTSIDE_HOURS",
    "row": "rows:QUESTION",
    "changes": "changes:CHANGES",
    "person": "person:PERSON",
    "links": "links:QUESTION",
    "filters": "filters:QUESTION",
    "connection": "connection:CONNECTION",
}


def register() -> None:
    """Called when the app is ready."""
    from connections.models import Connection, Project

    object_urls.register("project", Pages(Project.objects.all, "public_id", "projects:project"))
    object_urls.register("export_report", Pages(_reports, "report_id", "exports:detail"))
    object_urls.register("export_config", Pages(_configs, "public_id", "configs:detail"))
    object_urls.register("connection", Pages(Connection.objects.all, "public_id", "connections:detail"))
    object_urls.register("artifact", Pages(_artifacts, "public_id", "exports:detail", "report__report_id"))
    queries.BELONGING.append(of_export)
    for slug, place in _QUESTIONS.items():
        QUESTIONS.register(slug, f"exports.questions.{place}")
    events.register(
        "export",
        "Exports",
        {
            "planned": "{actor} [planned|tried to plan] an export" + _OF + "<, and was shown {rows_shown} of its rows>",
            "requested": "{actor} [requested|tried to request] export {object}" + _OF,
            "started": "{actor} [started|tried to start] export {object}" + _OF + "<, attempt {attempt}>",
            "resumed": "{actor} [resumed|tried to resume] export {object}" + _OF + "<, attempt {attempt}>",
            "completed": "{actor} completed export {object}" + _OF,
            "partial": "{actor} completed export {object}" + _OF + " with some rows refused",
            "rows_left": "<{rows} >rows of project {project} left with export {object}< of {requested_by}>",
            "rows_shown": "{actor} was shown {rows_shown} rows of project {project} in the plan of an export",
            "skipped": "Export {object}" + _OF + " found nothing to export",
            "failed": "Export {object}" + _OF + " failed",
            "errored": "Export {object}" + _OF + " was stopped by a fault",
            "cancel_requested": "{actor} [asked|tried to ask] for export {object}" + _OF + " to be cancelled",
            "archived": "{actor} [archived|tried to archive] export {object}" + _OF,
            "unarchived": "{actor} [unarchived|tried to unarchive] export {object}" + _OF,
            "cancelled": "{actor} [cancelled|tried to cancel] export {object}" + _OF,
            "retried": "{actor} [retried|tried to retry] export {object}" + _OF,
            "run_again": "{actor} ran export {object}" + _OF + " again",
            "list_taken": "{actor} took the list of exports as a file<, {exports} of them>",
            "verified": "{actor} [verified|tried to verify] export {object}" + _OF,
            "proof_requested": "{actor} [asked|tried to ask] for a proof of export {object}" + _OF + "<: {how}>",
            "proof_cancel_requested": "{actor} [asked|tried to ask] for the proof of export {object}"
            + _OF
            + " to be cancelled",
            "proof_cancelled": "{actor} [cancelled|tried to cancel] the proof of export {object}" + _OF,
            "manifest_downloaded": "{actor} [downloaded|tried to download] the manifest of export {object}" + _OF,
            "trail_proof_downloaded": "{actor} [downloaded|tried to download] the trail's proof of export {object}"
            + _OF,
            "altered": "Export {object}" + _OF + " was found not to be as it was delivered",
            "deleted": "{actor} [deleted|tried to delete] the delivered files of export {object}" + _OF,
        },
        readings=("planned", "list_taken", "manifest_downloaded", "trail_proof_downloaded"),
    )
    events.register(
        "installation",
        "The installation",
        {"backed_up": "{actor} [copied|tried to copy] the whole installation<, into {folder}>"},
    )
    events.register(
        "artifact",
        "Delivered files",
        {
            "downloaded": "{actor} [began|tried] to download {object}" + _OF + "<: {ending}>",
            "download_ended": "{actor} ended a download of {object}" + _OF + "<: {ending}><, {bytes_sent} bytes sent>",
            "receipt_downloaded": "{actor} [downloaded|tried to download] the manifest of {object} alone" + _OF,
            "rows_read": "{actor} [read|tried to read] rows of {object}" + _OF,
            "rows_read_ended": "{actor} ended reading rows of {object}"
            + _OF
            + "<: {ending}><, {rows_sent} rows><, {bytes_sent} bytes sent>",
            "removed": "{actor} [removed|tried to remove] {object}" + _OF + ", as retention asks",
        },
        readings=("receipt_downloaded", "rows_read", "rows_read_ended"),
    )
    events.register(
        "link",
        "Links",
        {
            "issued": "{actor} [issued|tried to issue] a link to {object}" + _OF,
            "revoked": "{actor} [revoked|tried to revoke] a link to {object}" + _OF,
            "refused": "A link< to {object}>" + _OF + " was refused",
            "refused_more": "{count} more requests from {from} for links were refused within a minute",
        },
    )
    events.register(
        "signing_key",
        "Signing keys",
        {"rotated": "{actor} [replaced|tried to replace] the key that signs manifests< by {key_id}>"},
    )
    events.register(
        "keys", "Keys of the installation", {"accepted": "{actor} had all machines take the keys of this one"}
    )
    events.register(
        "rows", "Rows", {"deleted": "{actor} [deleted|tried to delete]< {rows}> rows of project {project}<: {why}>"}
    )
    events.register(
        "model_run",
        "Model runs",
        {
            "compared": "{actor} [compared|tried to compare]< the predictions of {object} with the labels>" + _OF,
            "deleted": "{actor} [deleted|tried to delete] model run {object}"
            + _OF
            + "<, with predictions of {rows} rows>",
        },
        readings=("compared",),
    )
    events.register(
        "config",
        "Export configs",
        {
            "created": "{actor} [saved|tried to save] export config {object}" + _OF,
            "changed": "{actor} [changed|tried to change] export config {object}" + _OF,
            "deleted": "{actor} [deleted|tried to delete] export config {object}" + _OF,
        },
    )
    events.register(
        "slice",
        "Slices",
        {
            "created": "{actor} [saved|tried to save] slice {object}" + _OF,
            "changed": "{actor} [changed|tried to change] slice {object}" + _OF,
            "deleted": "{actor} [deleted|tried to delete] slice {object}" + _OF,
        },
    )


def _slices() -> QuerySet[Slice]:
    from exports.models import Slice

    return Slice.objects.filter(project__deleted_at=None)


def of_export(report_id: str) -> Q:
    """Entries about the files of an export, their links, and what went through them: two queries at most."""
    from exportadmin.audit.models import AuditEntry
    from exports.models import Artifact

    files = list(Artifact.objects.filter(report__report_id=report_id).values_list("public_id", flat=True))
    if files or not AuditEntry.objects.filter(event="export.requested", object_id=report_id).exists():
        return Q(object_id__in=files)
    # its project was deleted, so that the trail alone knows its files
    keys = [*events.keys_under("artifact"), *events.keys_under("link")]
    return Q(event__in=keys) & queries.with_detail("report", report_id)


def _reports() -> QuerySet[ExportReport]:
    from exports.models import ExportReport

    return ExportReport.objects.filter(project__deleted_at=None)


def _configs() -> QuerySet[ExportConfig]:
    from exports.models import ExportConfig

    return ExportConfig.objects.filter(project__deleted_at=None)


def _artifacts() -> QuerySet[Artifact]:
    """A delivered file stands on its export's page."""
    from exports.models import Artifact

    return Artifact.objects.filter(report__project__deleted_at=None)
