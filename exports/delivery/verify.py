"""Take the check values of a delivery again and compare (DESIGN.md §5)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connections.sinks.local import MANIFEST_NAME
from exportadmin.lib.errors import UserError
from exports.delivery import manifest
from exports.models import ExportReport

BLOCK = 1 << 20


@dataclass(slots=True)
class Verdict:
    """``problems`` is empty when everything is as it was delivered; each entry is one sentence that names a file."""

    report_id: str
    location: str
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


def verify_folder(folder: Path, *, on_bytes: Callable[[int], None] | None = None) -> Verdict:
    """Compare a folder with its manifest. Raises :class:`UserError` when there is no folder."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder")
    verdict = Verdict(report_id="", location=str(folder))
    try:
        raw = (folder / MANIFEST_NAME).read_bytes()
        document = manifest.read(raw)
    except FileNotFoundError:
        verdict.problems.append(f"{MANIFEST_NAME} is missing: a folder without it is not a finished delivery")
        return verdict
    except (UserError, OSError) as error:
        verdict.problems.append(str(error))
        return verdict
    verdict.report_id = str(document.get("report_id", ""))
    listed = {MANIFEST_NAME}
    for entry in document["files"]:
        listed.add(entry["name"])
        _compare(folder / entry["name"], entry, verdict, on_bytes)
    for path in sorted(_files_below(folder)):
        if path not in listed:
            verdict.problems.append(f"{path} was added: the manifest does not list it")
    return verdict


def verify_report(report: ExportReport, *, on_bytes: Callable[[int], None] | None = None) -> Verdict:
    """As :func:`verify_folder`, and the manifest must be the one that the database knows.

    Raises :class:`UserError` when the report has no delivery.
    """
    if not report.is_delivered:
        raise UserError(f"report {report.report_id} is {report.status}: there is no delivery to verify")
    folder = Path(report.location)
    if not folder.is_dir():
        return Verdict(report.report_id, report.location, problems=[f"{folder.name}: the delivery's folder is missing"])
    verdict = verify_folder(folder, on_bytes=on_bytes)
    if not verdict.ok:
        return verdict
    document = manifest.read((folder / MANIFEST_NAME).read_bytes())
    known = {artifact.name: (artifact.bytes, artifact.sha256) for artifact in report.artifacts.all()}
    written = {entry["name"]: (entry["bytes"], entry["sha256"]) for entry in document["files"]}
    if document.get("report_id") != report.report_id:
        verdict.problems.append(f"{MANIFEST_NAME} belongs to report {document.get('report_id')}")
    elif known != written or document.get("check_values") != report.check_values:
        verdict.problems.append(f"{MANIFEST_NAME} does not say what the database recorded: it was replaced")
    return verdict


def _compare(path: Path, entry: dict[str, Any], verdict: Verdict, on_bytes: Callable[[int], None] | None) -> None:
    digest = hashlib.sha256()
    size = 0
    try:
        if path.is_symlink():
            verdict.problems.append(f"{entry['name']} was replaced by a link")
            return
        with path.open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
                size += len(block)
                if on_bytes is not None:
                    on_bytes(len(block))
    except FileNotFoundError:
        verdict.problems.append(f"{entry['name']} is missing")
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


def _files_below(folder: Path) -> list[str]:
    found = []
    for root, folders, files in os.walk(folder):
        base = Path(root).relative_to(folder)
        found += [str(base / name) for name in files]
        found += [str(base / name) for name in folders if (Path(root) / name).is_symlink()]
    return found
