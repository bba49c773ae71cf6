"""Where a report's files go and lie: from the destination that its description names to the sink and the delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.models import Connection, Project
from connections.sinks import SINKS
from connections.sinks.base import Delivery, ReportKey, Sink
from connections.sinks.there import DeliveryThere
from connections.use import check_usable, granted_to, named_connection
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.lib.text import check_text
from exports.models import ExportReport

LOCAL = "local"


def parse_destination(value: object, project: Project) -> dict[str, Any]:
    """``{"kind", "connection"?: id, …}`` with the fields of its sink.

    Raises :class:`UserError` for what no sink takes, and for a connection that the project may not use.
    """
    if value is None or value == {}:
        return {"kind": LOCAL}
    if not isinstance(value, Mapping):
        raise UserError(f"destination is {value!r}; expected a JSON object", field="destination")
    kind = value.get("kind", LOCAL)
    if not isinstance(kind, str):
        raise UserError(f"destination.kind is {kind!r}; known: {', '.join(sorted(SINKS))}", field="destination")
    sink = SINKS.pick(kind, field="destination")
    known = ["kind", *(["connection"] if sink.needs_connection else []), *(field.name for field in sink.fields)]
    for key, text in value.items():
        if key not in known:
            raise UserError(f"unknown destination setting {key!r}; known: {', '.join(known)}", field="destination")
        if not isinstance(text, str):
            raise UserError(f"destination.{key} is {text!r}; expected a text", field="destination")
        check_text(text, "destination")
    for field in sink.fields:
        if field.is_required and not value.get(field.name):
            raise UserError(f"destination.{field.name} is missing: {field.help}", field="destination")
    wanted: dict[str, Any] = {"kind": kind, **value}
    if (connection := connection_of(wanted, project)) is not None:
        wanted["connection"] = connection.public_id
    return {**wanted, **sink.parse_settings(connection, _settings(wanted))}


def connection_of(destination: Mapping[str, Any], project: Project, *, hold: bool = False) -> Connection | None:
    """The connection that a destination names (``None``: this machine), if the project may use it now.

    ``hold`` as in :func:`connections.use.named_connection`, which says what is raised.
    """
    kind = destination["kind"]
    if not SINKS.pick(kind, field="destination").needs_connection:
        return None
    return named_connection(project, kind, destination.get("connection", ""), hold=hold)


def connection_to(place: str, project: Project, *, hold: bool = False) -> Connection | None:
    """By which the project reaches what lies at ``place`` (``s3://bucket/folder/``), if it has a way there.

    ``hold`` as in :func:`connection_of`.
    """
    kind, _, path = place.partition("://")
    if kind not in SINKS or not SINKS[kind].needs_connection:
        return None
    granted = granted_to(project, kind).filter(disabled_at=None).order_by("name")
    for connection in granted.select_for_update(no_key=True) if hold else granted:
        try:
            SINKS[kind].parse_settings(connection, {"folder": path})
        except UserError:  # another bucket, or outside what the connection is for
            continue
        return connection
    return None


def check_destination(report: ExportReport) -> None:
    """Asked when a run starts: the connection may have been taken from the project since. Raises ``PermanentError``."""
    if report.destination is None:
        return
    try:
        check_usable(report.destination, report.project)
    except UserError as error:
        raise PermanentError(f"{error.message}: nothing was delivered") from None


def _settings(destination: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in destination.items() if key not in ("kind", "connection")}


def sink_of(destination: Mapping[str, Any], connection: Connection | None) -> Sink:
    """The sink of a destination. Raises :class:`UserError` for a kind that there is not (any more)."""
    return SINKS.pick(destination.get("kind", LOCAL), field="destination")(connection, _settings(destination))


def sink_for(report: ExportReport) -> Sink:
    """As :func:`sink_of`, for the destination that the report was requested with."""
    return sink_of(report.config.get("destination") or {}, report.destination)


def key_of(report: ExportReport) -> ReportKey:
    """What a sink knows a report by."""
    return ReportKey(report.report_id, report.project.public_id, report.attempts)


def delivery_of(report: ExportReport) -> Delivery:
    """What the report delivered; it may be gone by now. Raises :class:`UserError` as :func:`sink_of` does."""
    connection = report.destination
    if report.is_there:
        return DeliveryThere(sink_of({"kind": LOCAL}, None).delivery(report.location), connection)
    return sink_of({"kind": connection.kind if connection else LOCAL}, connection).delivery(report.location)
