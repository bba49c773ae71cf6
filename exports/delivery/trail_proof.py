"""That the trail tells of a delivery, as a small signed file that an outsider checks without the trail.

A manifest cannot hold the entry of the very end that it is written before; so this is a second file, made on request.
It holds that entry, its path to the root of a Merkle tree over the whole trail (:mod:`exportadmin.audit.inclusion`),
the path of the entry at which the trail stood when the manifest was made, and the head, which whoever runs the
installation can compare (``exportadmin verify_audit --head``). All of it is signed. ``receipt/verify.py`` checks it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.utils import timezone

from exportadmin.audit import chain
from exportadmin.audit.canonical import canonical
from exportadmin.audit.inclusion import inclusion
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.record import TrailError
from exportadmin.lib.errors import ConflictError
from exportadmin.lib.signing import ALGORITHM, SigningKey
from exports.delivery import manifest
from exports.delivery.reading import read_manifest
from exports.models import ExportReport

VERSION: Final = 1
PURPOSE: Final = "exportadmin trail proof"
ENDS: Final = ("export.completed", "export.partial")


def build(report: ExportReport, key: SigningKey) -> bytes:
    """The file, as the trail stands now. Raises :class:`ConflictError`, :class:`GoneError` without the manifest."""
    stood_at = manifest.read(read_manifest(report))["audit_head"]["sequence"]
    found = AuditEntry.objects.filter(object_id=report.report_id, event__in=ENDS, outcome=DONE)
    entry = found.order_by("sequence").values(*chain.STORED).first()
    if entry is None:
        raise ConflictError(f"the trail has no entry of the delivery of report {report.report_id}")
    try:
        proved = inclusion([entry["sequence"], *([stood_at] if stood_at else [])])
    except TrailError as error:
        raise ConflictError(str(error)) from error
    return sign(
        {
            "proof_version": VERSION,
            "entry": canonical(chain.document(entry)).decode("utf-8"),
            "entry_path": proved.paths[0],
            "audit_head_path": proved.paths[1] if stood_at else [],
            "head": {
                "sequence": proved.sequence,
                "hash": proved.hash,
                "root": proved.root,
                "read_at": timezone.now().isoformat(timespec="seconds"),
            },
        },
        key,
    )


def sign(document: Mapping[str, Any], key: SigningKey) -> bytes:
    """With the signature of all of it."""
    signature = {
        "algorithm": ALGORITHM,
        "key_id": key.public.key_id,
        "public_key": key.public.text,
        "value": key.sign(PURPOSE, _text(document)),
    }
    return _text({**document, "signature": signature})


def _text(document: Mapping[str, Any]) -> bytes:
    """As ``verify.py`` writes it again: no figure in it but whole numbers, nothing beyond ASCII."""
    return json.dumps(document, indent=2, sort_keys=True).encode("ascii") + b"\n"
