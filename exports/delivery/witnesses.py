"""The heads in the manifests of deliveries to this installation: where the trail stood when each was made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from connections.sinks.base import MANIFEST_NAME, DeliveredFileError
from exportadmin.audit.models import GENESIS
from exportadmin.audit.verify import Witness
from exportadmin.lib.errors import UserError
from exportadmin.lib.signing import known_keys
from exportadmin.lib.times import parse_ms
from exports.delivery import manifest
from exports.delivery.destination import LOCAL, sink_of
from exports.delivery.verify import read_whole


def manifests(*, most: int | None) -> Iterator[Witness]:
    """Of all deliveries that lie there, also of those that the database does not know (any more).

    A manifest that was changed, or is not ours, tells nothing. Raises :class:`UserError` where they lie in a store and
    somebody waits (``most``), ``TransientError`` where it does not answer.
    """
    if most is not None and settings.ARTIFACTS_STORE:
        raise UserError("manifests lie in a store, and are compared each night and by `exportadmin verify_audit`")
    sink = sink_of({"kind": LOCAL}, None)
    keys = known_keys()
    found = 0
    for delivered in sink.leftovers(timezone.now() + timedelta(days=1)):
        if not delivered.is_whole:
            continue
        try:
            document = manifest.read(read_whole(sink.delivery(delivered.location), MANIFEST_NAME))
        except (DeliveredFileError, OSError, UserError):
            continue
        head = document.get("audit_head")
        if manifest.signer(document) not in keys or not isinstance(head, dict):
            continue
        yield Witness(
            int(head.get("sequence", 0)),
            str(head.get("hash", GENESIS)),
            f"manifest of delivery {delivered.report_id}",
            parse_ms(str(document["started_at"])),
        )
        found += 1
        if found == most:
            return
