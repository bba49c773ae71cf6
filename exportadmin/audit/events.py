"""Every event there is: its dotted key and its sentence. A key that is not here is refused by ``record()``.

In a sentence ``{actor}``, ``{object}`` and ``{project}`` are the frozen names, any other ``{word}`` is taken from the
entry's details. ``[did|tried to do]`` chooses by outcome: done, or refused / failed. ``<…>`` is left out when a name in
it is empty. Adding an event is one line here.
"""

from __future__ import annotations

_OF = "< of project {project}>"
_IN = "< in project {project}>"

EVENTS: dict[str, str] = {
    # exports
    "export.planned": "{actor} [planned|tried to plan] an export" + _OF,
    "export.requested": "{actor} [requested|tried to request] export {object}" + _OF,
    "export.started": "{actor} [started|tried to start] export {object}" + _OF + "<, attempt {attempt}>",
    "export.resumed": "{actor} [resumed|tried to resume] export {object}" + _OF + "<, attempt {attempt}>",
    "export.completed": "{actor} completed export {object}" + _OF,
    "export.partial": "{actor} completed export {object}" + _OF + " with some rows refused",
    "export.failed": "Export {object}" + _OF + " failed",
    "export.errored": "Export {object}" + _OF + " was stopped by a fault",
    "export.cancel_requested": "{actor} [asked|tried to ask] for export {object}" + _OF + " to be cancelled",
    "export.cancelled": "{actor} [cancelled|tried to cancel] export {object}" + _OF,
    "export.retried": "{actor} [retried|tried to retry] export {object}" + _OF,
    "export.reaped": "{actor} took export {object}" + _OF + " back from a worker that fell silent",
    "export.verified": "{actor} [verified|tried to verify] export {object}" + _OF,
    "export.deleted": "{actor} [deleted|tried to delete] export {object}" + _OF,
    # delivered files
    "artifact.downloaded": "{actor} [began|tried] to download {object}" + _OF,
    "artifact.download_ended": "{actor} ended a download of {object}" + _OF + "<: {ending}><, {bytes_sent} bytes sent>",
    "artifact.rows_read": "{actor} [read|tried to read] rows of {object}" + _OF,
    "artifact.removed": "{actor} [removed|tried to remove] {object}" + _OF + ", as retention asks",
    # links
    "link.issued": "{actor} [issued|tried to issue] a link to {object}" + _OF,
    "link.revoked": "{actor} [revoked|tried to revoke] a link to {object}" + _OF,
    "link.refused": "A link< to {object}>" + _OF + " was refused",
    # configs and schedules
    "config.created": "{actor} [saved|tried to save] export config {object}" + _OF,
    "config.changed": "{actor} [changed|tried to change] export config {object}" + _OF,
    "config.deleted": "{actor} [deleted|tried to delete] export config {object}" + _OF,
    "schedule.created": "{actor} [made|tried to make] schedule {object}" + _OF,
    "schedule.changed": "{actor} [changed|tried to change] schedule {object}" + _OF,
    "schedule.paused": "{actor} [paused|tried to pause] schedule {object}" + _OF,
    "schedule.resumed": "{actor} [resumed|tried to resume] schedule {object}" + _OF,
    "schedule.deleted": "{actor} [deleted|tried to delete] schedule {object}" + _OF,
    "schedule.fired": "Schedule {object}" + _OF + " was due",
    "schedule.missed": "Schedule {object}" + _OF + " missed its time",
    "watermark.moved": "{actor} [moved|tried to move] the watermark of {object}" + _OF,
    "watermark.reset": "{actor} [reset|tried to reset] the watermark of {object}" + _OF,
    # projects and their rows
    "project.created": "{actor} [created|tried to create] project {project}",
    "project.changed": "{actor} [changed|tried to change] project {project}",
    "project.deleted": "{actor} [deleted|tried to delete] project {project}",
    "import.started": "{actor} [started|tried to start] the import of {object}< into project {project}>",
    "import.completed": "{actor} imported {object}< into project {project}>",
    "import.failed": "The import of {object}< into project {project}> failed",
    # connections
    "connection.created": "{actor} [added|tried to add] connection {object}",
    "connection.changed": "{actor} [changed|tried to change] connection {object}",
    "connection.secret_rotated": "{actor} [replaced|tried to replace] a secret of connection {object}",
    "connection.tested": "{actor} tested connection {object}",
    "connection.disabled": "{actor} [disabled|tried to disable] connection {object}",
    "connection.enabled": "{actor} [enabled|tried to enable] connection {object}",
    "connection.deleted": "{actor} [deleted|tried to delete] connection {object}",
    "connection.address_allowed": "{actor} [allowed|tried to allow] connection {object} a private address",
    "connection.address_withdrawn": "{actor} [withdrew|tried to withdraw] a private address from connection {object}",
    "connection.call_refused": "A call of connection {object} was refused",
    # people
    "user.created": "{actor} [added|tried to add] user {object}",
    "user.changed": "{actor} [changed|tried to change] user {object}",
    "user.disabled": "{actor} [disabled|tried to disable] user {object}",
    "user.enabled": "{actor} [enabled|tried to enable] user {object}",
    "user.deleted": "{actor} [deleted|tried to delete] user {object}",
    "user.password_changed": "{actor} [changed|tried to change] the password of {object}",
    "membership.granted": "{actor} [gave|tried to give] {object} <the role {role}>" + _IN,
    "membership.changed": "{actor} [changed|tried to change] the role of {object}" + _IN + "< to {role}>",
    "membership.revoked": "{actor} [took|tried to take] {object} out of project {project}",
    "token.issued": "{actor} [issued|tried to issue] token {object}",
    "token.changed": "{actor} [changed|tried to change] token {object}",
    "token.revoked": "{actor} [revoked|tried to revoke] token {object}",
    "token.refused": "A token< {object}> was refused",
    # sign-ins and requests
    "sign_in.completed": "{actor} signed in",
    "sign_in.refused": "A sign-in as {actor} was refused",
    "sign_in.locked": "Sign-ins as {actor} are locked for a while",
    "sign_out.completed": "{actor} signed out",
    "request.refused": "A request of {actor}< for {object}>" + _IN + " was refused",
    "request.throttled": "A request of {actor} was refused: too many",
    # the product itself
    "audit.read": "{actor} [read|tried to read] the audit trail",
    "audit.exported": "{actor} [exported|tried to export] the audit trail",
    "audit.verified": "{actor} verified the audit trail",
    "setting.changed": "{actor} [changed|tried to change] setting {object}",
    "key.rotated": "{actor} [rotated|tried to rotate] the encryption keys",
    "worker.started": "Worker< {object}> started",
    "worker.stopped": "Worker< {object}> stopped",
    "worker.restarted": "Worker< {object}> was restarted",
    "worker.lost": "Worker< {object}> fell silent",
    "installation.created": "Export Admin was installed",
}


def keys_under(prefix: str) -> list[str]:
    """The keys that are ``prefix`` or lie under it: ``export`` → ``export.requested`` …, never ``exporter.x``."""
    prefix = prefix.rstrip(".")
    return [key for key in EVENTS if key == prefix or key.startswith(f"{prefix}.")]
