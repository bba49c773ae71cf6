"""Take the check values of a delivery again and compare."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import DatabaseError

from connections.sinks.base import MANIFEST_NAME, DeliveredFileError, Delivery
from connections.sinks.local import folder_delivery
from exportadmin.lib.errors import UserError
from exportadmin.lib.signing import PublicKey, known_keys
from exports.delivery import manifest
from exports.delivery.destination import delivery_of
from exports.delivery.receipt import TRAIL_PROOF
from exports.delivery.receipt import verify as receipt
from exports.models import ExportReport

log = logging.getLogger(__name__)

BLOCK = 1 << 20
# a manifest has a line a file and some hundred more
LARGEST_MANIFEST = 1 << 28


@dataclass(slots=True)
class Verdict:
    """``problems`` is empty when nothing was found; each entry is one sentence that names a file.

    ``signed_by``: whose key signed the manifest; ``is_known_key``: it is one of this installation's.
    ``is_in_database``: the manifest is the one that the database knows, too.
    """

    report_id: str
    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)
    signed_by: PublicKey | None = None
    is_known_key: bool = False
    is_in_database: bool = False

    @property
    def ok(self) -> bool:
        """Nothing was found."""
        return not self.problems

    @property
    def as_delivered(self) -> bool:
        """It is what this installation delivered, which nobody else can make."""
        return self.ok and self.is_known_key

    @property
    def statement(self) -> str:
        """What is known of it, in words that go on: ``signed by 1f…, as delivered``."""
        if not self.ok:
            return "not as delivered"
        if self.signed_by is None:
            signature = "unsigned"
        elif self.is_known_key:
            return f"signed by {self.signed_by.key_id}, as delivered"
        else:
            signature = f"signed by {self.signed_by.key_id}, a key that is not this installation's"
        return f"{'as the database knows it' if self.is_in_database else 'consistent in itself'}, {signature}"

    def to_json(self) -> dict[str, Any]:
        """For shell, REST and the page."""
        key = self.signed_by
        return {
            "report_id": self.report_id,
            "ok": self.ok,
            "as_delivered": self.as_delivered,
            "statement": self.statement,
            "files": self.files,
            "bytes": self.bytes,
            "problems": self.problems,
            "signed_by": key and {"key_id": key.key_id, "public_key": key.text, "is_known": self.is_known_key},
            "is_in_database": self.is_in_database,
        }


def read_whole(delivery: Delivery, name: str) -> bytes:
    """A small file. Raises :class:`DeliveredFileError`, ``OSError``."""
    with closing(delivery.open(name)) as file:
        chunks = []
        left = min(file.size, LARGEST_MANIFEST)
        while left and (chunk := file.read(min(BLOCK, left))):
            chunks.append(chunk)
            left -= len(chunk)
    return b"".join(chunks)


def verify_folder(folder: Path, *, on_bytes: Callable[[int], None] | None = None) -> Verdict:
    """Compare a folder of this machine with its manifest, and with the database where that knows the report.

    Raises :class:`UserError` when there is no folder.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder")
    delivery = folder_delivery(folder)
    verdict, raw = _verify(delivery, on_bytes, beside=TRAIL_PROOF)
    if verdict.ok and (folder / TRAIL_PROOF).exists():
        _check_trail_proof(delivery, raw, verdict)
    if verdict.ok:
        try:
            report = ExportReport.objects.filter(report_id=verdict.report_id).first()
        except DatabaseError:  # a folder can be verified where there is no database
            log.warning("the database cannot be asked whether it knows report %s", verdict.report_id)
            report = None
        if report is not None and report.is_delivered:
            _compare_with_database(report, raw, verdict)
    return verdict


def verify_delivery(delivery: Delivery, *, on_bytes: Callable[[int], None] | None = None) -> Verdict:
    """Compare a delivery with its manifest: every file's size and sha256, nothing missing, nothing added."""
    return _verify(delivery, on_bytes)[0]


def verify_report(report: ExportReport, *, on_bytes: Callable[[int], None] | None = None) -> Verdict:
    """As :func:`verify_delivery`, and the manifest must be the one that the database knows.

    Raises :class:`UserError` when the report has no delivery.
    """
    if not report.is_delivered:
        raise UserError(f"report {report.report_id} is {report.status}: there is no delivery to verify")
    delivery = delivery_of(report)
    if not any(delivery.entries()):
        return Verdict(report.report_id, problems=["the delivery is missing: there is nothing left in its place"])
    verdict, raw = _verify(delivery, on_bytes)
    if verdict.ok:
        _compare_with_database(report, raw, verdict)
    return verdict


def _check_trail_proof(delivery: Delivery, raw: bytes, verdict: Verdict) -> None:
    try:
        proved = receipt.read_proof(read_whole(delivery, TRAIL_PROOF), raw, manifest.read(raw))
    except (receipt.Wrong, DeliveredFileError, OSError) as error:
        verdict.problems.append(f"{TRAIL_PROOF} {error}")
        return
    if PublicKey(proved.signature.public_key) not in known_keys():
        key_id = proved.signature.key_id
        verdict.problems.append(f"{TRAIL_PROOF} is signed by {key_id}, a key that is not this installation's")


def _verify(delivery: Delivery, on_bytes: Callable[[int], None] | None, *, beside: str = "") -> tuple[Verdict, bytes]:
    """The verdict, and the manifest's bytes that it is of; none where it cannot be read.

    ``beside``: a file that may lie there without being listed.
    """
    verdict = Verdict(report_id="")
    try:
        raw = read_whole(delivery, MANIFEST_NAME)
        document = manifest.read(raw)
    except DeliveredFileError as error:
        verdict.problems.append(f"{MANIFEST_NAME} {error}: what has none is not a finished delivery")
        return verdict, b""
    except (UserError, OSError) as error:
        verdict.problems.append(str(error))
        return verdict, b""
    verdict.report_id = str(document.get("report_id", ""))
    verdict.signed_by = manifest.signer(document)
    verdict.is_known_key = verdict.signed_by in known_keys()
    listed = {MANIFEST_NAME, beside}
    for entry in document["files"]:
        listed.add(entry["name"])
        _compare(delivery, entry, verdict, on_bytes)
    for found in delivery.entries():
        if found.name not in listed:
            verdict.problems.append(f"{found.name} was added: the manifest does not list it")
    return verdict, raw


def _compare_with_database(report: ExportReport, raw: bytes, verdict: Verdict) -> None:
    document = manifest.read(raw)
    known = {artifact.name: (artifact.bytes, artifact.sha256) for artifact in report.artifacts.all()}
    written = {entry["name"]: (entry["bytes"], entry["sha256"]) for entry in document["files"]}
    if verdict.report_id != report.report_id:
        verdict.problems.append(f"{MANIFEST_NAME} belongs to report {verdict.report_id}")
    elif hashlib.sha256(raw).hexdigest() != report.manifest_sha256:
        verdict.problems.append(f"{MANIFEST_NAME} is not the one that was delivered: it was replaced")
    elif known != written or document["check_values"] != report.check_values:
        verdict.problems.append(f"{MANIFEST_NAME} does not say what the database says: its rows were changed")
    verdict.is_in_database = verdict.ok


def _compare(
    delivery: Delivery, entry: dict[str, Any], verdict: Verdict, on_bytes: Callable[[int], None] | None
) -> None:
    digest = hashlib.sha256()
    size = 0
    try:
        with closing(delivery.open(entry["name"])) as file:
            while block := file.read(BLOCK):
                digest.update(block)
                size += len(block)
                if on_bytes is not None:
                    on_bytes(len(block))
    except DeliveredFileError as error:
        verdict.problems.append(f"{entry['name']} {error}")
        return
    except OSError as error:
        verdict.problems.append(f"{entry['name']} cannot be read: {error.strerror}")
        return
    verdict.files += 1
    verdict.bytes += size
    if size != entry["bytes"]:
        verdict.problems.append(f"{entry['name']} has {size:,} bytes; {entry['bytes']:,} were delivered")
    elif digest.hexdigest() != entry["sha256"]:
        verdict.problems.append(f"{entry['name']} was changed: its sha256 is not the one that was delivered")
