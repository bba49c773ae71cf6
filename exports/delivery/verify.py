"""Take the check values of a delivery again and compare."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connections.sinks.base import MANIFEST_NAME, DeliveredFileError, Delivery
from connections.sinks.local import folder_delivery
from exportadmin.lib.errors import UserError
from exports.delivery import manifest
from exports.delivery.destination import delivery_of
from exports.models import ExportReport

BLOCK = 1 << 20
# a manifest has a line a file and some hundred more
LARGEST_MANIFEST = 1 << 28


@dataclass(slots=True)
class Verdict:
    """``problems`` is empty when everything is as it was delivered; each entry is one sentence that names a file."""

    report_id: str
    files: int = 0
    bytes: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing was found."""
        return not self.problems

    def to_json(self) -> dict[str, Any]:
        """For shell, REST and the page."""
        return {
            "report_id": self.report_id,
            "ok": self.ok,
            "files": self.files,
            "bytes": self.bytes,
            "problems": self.problems,
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
    """Compare a folder of this machine with its manifest. Raises :class:`UserError` when there is no folder."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder")
    return verify_delivery(folder_delivery(folder), on_bytes=on_bytes)


def verify_delivery(delivery: Delivery, *, on_bytes: Callable[[int], None] | None = None) -> Verdict:
    """Compare a delivery with its manifest: every file's size and sha256, nothing missing, nothing added."""
    verdict = Verdict(report_id="")
    try:
        document = manifest.read(read_whole(delivery, MANIFEST_NAME))
    except DeliveredFileError as error:
        verdict.problems.append(f"{MANIFEST_NAME} {error}: what has none is not a finished delivery")
        return verdict
    except (UserError, OSError) as error:
        verdict.problems.append(str(error))
        return verdict
    verdict.report_id = str(document.get("report_id", ""))
    listed = {MANIFEST_NAME}
    for entry in document["files"]:
        listed.add(entry["name"])
        _compare(delivery, entry, verdict, on_bytes)
    for found in delivery.entries():
        if found.name not in listed:
            verdict.problems.append(f"{found.name} was added: the manifest does not list it")
    return verdict


def verify_report(report: ExportReport, *, on_bytes: Callable[[int], None] | None = None) -> Verdict:
    """As :func:`verify_delivery`, and the manifest must be the one that the database knows.

    Raises :class:`UserError` when the report has no delivery.
    """
    if not report.is_delivered:
        raise UserError(f"report {report.report_id} is {report.status}: there is no delivery to verify")
    delivery = delivery_of(report)
    if not any(delivery.entries()):
        return Verdict(report.report_id, problems=["the delivery is missing: there is nothing left in its place"])
    verdict = verify_delivery(delivery, on_bytes=on_bytes)
    if not verdict.ok:
        return verdict
    raw = read_whole(delivery, MANIFEST_NAME)
    document = manifest.read(raw)
    known = {artifact.name: (artifact.bytes, artifact.sha256) for artifact in report.artifacts.all()}
    written = {entry["name"]: (entry["bytes"], entry["sha256"]) for entry in document["files"]}
    if verdict.report_id != report.report_id:
        verdict.problems.append(f"{MANIFEST_NAME} belongs to report {verdict.report_id}")
    elif hashlib.sha256(raw).hexdigest() != report.manifest_sha256:
        verdict.problems.append(f"{MANIFEST_NAME} is not the one that was delivered: it was replaced")
    elif known != written or document["check_values"] != report.check_values:
        verdict.problems.append(f"{MANIFEST_NAME} does not say what the database says: its rows were changed")
    return verdict


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
