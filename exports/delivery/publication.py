"""What an attempt that died may have published: adopted by the next one, or taken away when there is none."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from connections.sinks.base import MANIFEST_NAME, DeliveredFileError, Delivery, Sink
from connections.sinks.there import DeliveryThere
from exportadmin.lib.errors import PermanentError, TransientError, UserError
from exports.delivery import manifest
from exports.delivery.destination import key_of, sink_for
from exports.delivery.files import WrittenFile
from exports.delivery.verify import read_whole, verify_delivery
from exports.models import ExportReport

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """A delivery with what the database is to know of it."""

    delivery: Delivery
    check_values: dict[str, Any]
    files: list[WrittenFile]
    revision: int | None
    manifest: bytes


def adopt_published(sink: Sink, report: ExportReport) -> Published | None:
    """The delivery that an earlier attempt of this very report published.

    Raises :class:`PermanentError` where something else lies in its place.
    """
    delivery = sink.published(key_of(report)) if report.attempts > 1 else None
    if delivery is None:
        return None
    if report.is_there:
        delivery = DeliveryThere(delivery, report.destination)
    verdict = verify_delivery(delivery)
    if not verdict.as_delivered or verdict.report_id != report.report_id:
        what = "; ".join(verdict.problems) or f"{verdict.statement}, of report {verdict.report_id}"
        raise PermanentError(f"{delivery.address} holds something else than this report's delivery: {what}")
    raw = read_whole(delivery, MANIFEST_NAME)
    document = manifest.read(raw)
    files = [WrittenFile(**entry) for entry in document["files"]]
    return Published(delivery, document["check_values"], files, document["revision"], raw)


def unpublish(report: ExportReport) -> None:
    """Take a published delivery of this very report away again: it will end without one, so none may be visible.

    Called in the transaction that writes the end, under the report's fence. What is anything else stays. What lies
    elsewhere is asked for after the commit: no transaction waits for it, and no other attempt can begin any more. Where
    it cannot be reached then, it is left over, and retention takes it away.
    """
    try:
        sink = sink_for(report)
    except UserError:  # a destination that there is not: nothing can have been delivered there
        return
    if report.attempts and sink.is_remote:
        transaction.on_commit(lambda: _unpublish_remote(sink, report))
    elif report.attempts:
        _unpublish(sink, report)


def _unpublish_remote(sink: Sink, report: ExportReport) -> None:
    try:
        _unpublish(sink, report)
    except (TransientError, PermanentError) as error:
        log.warning("report %s ended without a delivery, but there may be one: %s", report.report_id, error)


def _unpublish(sink: Sink, report: ExportReport) -> None:
    delivery = sink.published(key_of(report))
    if delivery is None:
        return
    try:
        published = manifest.read(read_whole(delivery, MANIFEST_NAME)).get("report_id")
    except (DeliveredFileError, OSError, UserError):
        return
    if published == report.report_id:
        delivery.remove()


def discard_drafts(report: ExportReport) -> None:
    """Take away what attempts that died left half-made."""
    try:
        sink = sink_for(report)
    except UserError:
        return
    sink.discard(key_of(report))
