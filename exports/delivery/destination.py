"""Where a report's files go and lie: from the destination that its description names to the sink and the delivery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.models import Connection
from connections.sinks import SINKS
from connections.sinks.base import Delivery, ReportKey, Sink
from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_text
from exports.models import ExportReport

LOCAL = "local"


def parse_destination(value: object) -> dict[str, Any]:
    """``{"kind", "connection"?, …}`` with the fields of its sink. Raises :class:`UserError` for what no sink takes."""
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
    wanted = {"kind": kind, **value}
    connection_of(wanted)
    return wanted


def connection_of(destination: Mapping[str, Any]) -> Connection | None:
    """The connection that a destination names (``None``: this machine). Raises :class:`UserError`."""
    kind = destination["kind"]
    if not SINKS.pick(kind, field="destination").needs_connection:
        return None
    found = Connection.objects.filter(kind=kind, name=destination.get("connection", "")).first()
    if found is None:
        known = ", ".join(repr(name) for name in Connection.objects.filter(kind=kind).values_list("name", flat=True))
        raise UserError(
            f"destination.connection names no connection of kind {kind}; known: {known or 'none yet'}",
            field="destination",
        )
    return found


def sink_of(destination: Mapping[str, Any], connection: Connection | None) -> Sink:
    """The sink of a destination. Raises :class:`UserError` for a kind that there is not (any more)."""
    settings = {key: value for key, value in destination.items() if key not in ("kind", "connection")}
    return SINKS.pick(destination.get("kind", LOCAL), field="destination")(connection, settings)


def sink_for(report: ExportReport) -> Sink:
    """As :func:`sink_of`, for the destination that the report was requested with."""
    return sink_of(report.config.get("destination") or {}, report.destination)


def key_of(report: ExportReport) -> ReportKey:
    """What a sink knows a report by."""
    return ReportKey(report.report_id, report.project.public_id, report.attempts)


def delivery_of(report: ExportReport) -> Delivery:
    """What the report delivered; it may be gone by now. Raises :class:`UserError` as :func:`sink_of` does."""
    connection = report.destination
    return sink_of({"kind": connection.kind if connection else LOCAL}, connection).delivery(report.location)
