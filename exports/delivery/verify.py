"""Take the check values of a delivery again and compare.

Three ways, by what is read: nothing but the manifest (``attributes``: names, sizes, and the checksums or states that
the sink tells without reading), some files whole (``sampled``), or all of them (``full``). What a way cannot know is
said: such a file is ``unproven``, not equal.
"""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.db import DatabaseError

from connections.sinks.base import MANIFEST_NAME, DeliveredFileError, Delivery, Entry
from connections.sinks.local import folder_delivery
from connections.sinks.there import HEAD
from exportadmin.lib.errors import UserError
from exportadmin.lib.signing import PublicKey, known_keys
from exports.delivery import manifest
from exports.delivery.destination import delivery_of
from exports.delivery.receipt import TRAIL_PROOF
from exports.delivery.receipt import verify as receipt
from exports.models import Artifact, ExportReport
from exports.models.proof import CHANGED, EQUAL, EXTRA, FULL, GONE, SAMPLED, UNPROVEN, UNREADABLE

log = logging.getLogger(__name__)

BLOCK = 1 << 20
# a manifest has a line a file and some hundred more
LARGEST_MANIFEST = 1 << 28
# a sample of one delivery reads so much at most
SAMPLE_BYTES: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One file that is not as it was delivered; ``name`` is empty for the delivery as a whole.

    ``what``: ``changed``, ``gone``, ``extra`` or ``unreadable``; ``message`` is a sentence that names the file.
    """

    name: str
    what: str
    message: str


@dataclass(frozen=True, slots=True)
class Expected:
    """A file as it was delivered; ``state`` is the one in which its sha256 was last found right, empty: not known."""

    name: str
    bytes: int
    sha256: str
    state: str = ""


@dataclass(slots=True)
class Verdict:
    """``findings`` is empty when nothing was found; ``unproven`` names files of which only the size is known.

    ``files`` were looked at, ``bytes`` of them read; ``states`` are those of files that were read and are right.
    ``signed_by``: whose key signed the manifest; ``is_known_key``: it is one of this installation's.
    ``is_in_database``: the manifest is the one that the database knows, too. ``not_seen``: where a platform delivered
    the files, and we have no way to them: nothing of them is proved.
    """

    report_id: str
    how: str = FULL
    files: int = 0
    bytes: int = 0
    equal: int = 0
    findings: list[Finding] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    states: dict[str, str] = field(default_factory=dict)
    signed_by: PublicKey | None = None
    is_known_key: bool = False
    is_in_database: bool = False
    not_seen: str = ""

    def find(self, name: str, what: str, message: str) -> None:
        """Something is not as it was delivered."""
        self.findings.append(Finding(name, what, message))

    @property
    def problems(self) -> list[str]:
        """A sentence a finding."""
        return [finding.message for finding in self.findings]

    @property
    def ok(self) -> bool:
        """Nothing was found."""
        return not self.findings

    @property
    def is_different(self) -> bool:
        """Something was found that is more than a file that cannot be read just now."""
        return any(finding.what != UNREADABLE for finding in self.findings)

    @property
    def counts(self) -> dict[str, int]:
        """Files (the manifest is one) by what was found."""
        counts = {EQUAL: self.equal, CHANGED: 0, GONE: 0, EXTRA: 0, UNREADABLE: 0}
        counts[UNPROVEN] = len(self.unproven) + bool(self.not_seen)
        for what in (finding.what for finding in self.findings):
            counts[what] += 1
        return counts

    @property
    def result(self) -> str:
        """The gravest of what was found."""
        counts = self.counts
        return next((what for what in (CHANGED, GONE, EXTRA, UNREADABLE, UNPROVEN) if counts[what]), EQUAL)

    @property
    def as_delivered(self) -> bool:
        """It is what this installation delivered, which nobody else can make."""
        return self.result == EQUAL and self.is_known_key

    @property
    def note(self) -> str:
        """What could not be known, in words; empty: nothing."""
        if self.not_seen:
            return f"delivered to {self.not_seen} by the platform itself, where nothing of ours can look: not proved"
        if not self.unproven:
            return ""
        count = len(self.unproven)
        what = self.unproven[0] if count == 1 else f"{count:,} files"
        return f"of {what} the store tells the size, which is right, but no checksum to trust: read to be sure"

    @property
    def statement(self) -> str:
        """What is known of it, in words that go on: ``signed by 1f…, as delivered``."""
        if not self.ok:
            return "not as delivered" if self.is_different else "not all of it can be read"
        if self.signed_by is None:
            signature = "unsigned"
        elif not self.is_known_key:
            signature = f"signed by {self.signed_by.key_id}, a key that is not this installation's"
        elif self.note:
            return f"signed by {self.signed_by.key_id}, {self.note}"
        else:
            return f"signed by {self.signed_by.key_id}, as delivered"
        known = "as the database knows it" if self.is_in_database else "consistent in itself"
        return ", ".join(filter(None, (known, signature, self.note)))

    def to_json(self) -> dict[str, Any]:
        """For shell, REST and the page."""
        key = self.signed_by
        return {
            "report_id": self.report_id,
            "ok": self.ok,
            "as_delivered": self.as_delivered,
            "statement": self.statement,
            "how": self.how,
            "result": self.result,
            "counts": self.counts,
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
            document = manifest.read(raw)
            if _is_the_delivered(document, raw, report, verdict):
                _compare_with_database(document, report.artifacts.all(), report, verdict)
    return verdict


def verify_delivery(delivery: Delivery, *, on_bytes: Callable[[int], None] | None = None) -> Verdict:
    """Compare a delivery with its manifest: every file's size and sha256, nothing missing, nothing added."""
    return _verify(delivery, on_bytes)[0]


def verify_report(
    report: ExportReport,
    *,
    how: str = FULL,
    on_bytes: Callable[[int], None] | None = None,
    chance: random.Random | None = None,
) -> Verdict:
    """Compare a delivery with what the database knows of it: the manifest, and every file that it lists.

    ``chance`` picks the sample. Raises :class:`UserError` when the report has no delivery, and what its sink raises
    when it cannot be reached.
    """
    if not report.is_delivered:
        raise UserError(f"report {report.report_id} is {report.status}: there is no delivery to verify")
    delivery = delivery_of(report)
    verdict = Verdict(report.report_id, how)
    entries = {entry.name: entry for entry in delivery.entries()}
    artifacts = list(report.artifacts.all())
    if not entries:
        verdict.find("", GONE, "the delivery is missing: there is nothing left in its place")
        for artifact in artifacts:
            verdict.find(artifact.name, GONE, f"{artifact.name} is missing")
        return verdict
    document, raw = _read_manifest(delivery, verdict)
    states = {artifact.name: artifact.state for artifact in artifacts}
    if document is not None and _is_the_delivered(document, raw, report, verdict):
        expected = _listed(document, states)
        _compare_with_database(document, artifacts, report, verdict)
    else:  # what it says is nobody's: the database says what was delivered
        expected = [Expected(one.name, one.bytes, one.sha256, one.state) for one in artifacts]
    compare_all(delivery, expected, entries, verdict, on_bytes, chance or random.Random())  # noqa: S311 - a sample
    verdict.equal += all(finding.name != MANIFEST_NAME for finding in verdict.findings)
    if not report.is_proved:
        verdict.not_seen = str((document or {}).get(HEAD, {}).get("place", "")) or "its own place"
    for name, state in verdict.states.items():
        if state and states.get(name) != state:
            report.artifacts.filter(name=name).update(state=state)
    return verdict


def _check_trail_proof(delivery: Delivery, raw: bytes, verdict: Verdict) -> None:
    try:
        proved = receipt.read_proof(read_whole(delivery, TRAIL_PROOF), raw, manifest.read(raw))
    except (receipt.Wrong, DeliveredFileError, OSError) as error:
        verdict.find(TRAIL_PROOF, CHANGED, f"{TRAIL_PROOF} {error}")
        return
    # beside a delivery of another installation its own key is right, as far as that one's manifest is
    if PublicKey(proved.signature.public_key) not in (*known_keys(), verdict.signed_by):
        key_id = proved.signature.key_id
        words = f"{TRAIL_PROOF} is signed by {key_id}, a key that is not this installation's"
        verdict.find(TRAIL_PROOF, CHANGED, words)


def _verify(delivery: Delivery, on_bytes: Callable[[int], None] | None, *, beside: str = "") -> tuple[Verdict, bytes]:
    """The verdict, and the manifest's bytes that it is of; none where it cannot be read.

    ``beside``: a file that may lie there without being listed.
    """
    verdict = Verdict(report_id="")
    document, raw = _read_manifest(delivery, verdict)
    if document is None:
        return verdict, b""
    verdict.report_id = str(document.get("report_id", ""))
    verdict.equal = 1
    entries = {entry.name: entry for entry in delivery.entries() if entry.name != beside}
    compare_all(delivery, _listed(document, {}), entries, verdict, on_bytes, random.Random())  # noqa: S311
    return verdict, raw


def _read_manifest(delivery: Delivery, verdict: Verdict) -> tuple[dict[str, Any] | None, bytes]:
    """The document and its bytes; ``None`` where it is none, which is found."""
    raw = b""
    try:
        raw = read_whole(delivery, MANIFEST_NAME)
        document = manifest.read(raw)
    except DeliveredFileError as error:
        verdict.find(MANIFEST_NAME, GONE, f"{MANIFEST_NAME} {error}: what has none is not a finished delivery")
        return None, raw
    except UserError as error:
        verdict.find(MANIFEST_NAME, CHANGED, str(error))
        return None, raw
    except OSError as error:
        verdict.find(MANIFEST_NAME, UNREADABLE, f"{MANIFEST_NAME} cannot be read: {error.strerror or error}")
        return None, raw
    verdict.signed_by = manifest.signer(document)
    verdict.is_known_key = verdict.signed_by in known_keys()
    return document, raw


def _listed(document: Mapping[str, Any], states: Mapping[str, str]) -> list[Expected]:
    return [
        Expected(entry["name"], entry["bytes"], entry["sha256"], states.get(entry["name"], ""))
        for entry in document["files"]
    ]


def _is_the_delivered(document: Mapping[str, Any], raw: bytes, report: ExportReport, verdict: Verdict) -> bool:
    """Is it the manifest that was delivered? If not, that is found."""
    if hashlib.sha256(raw).hexdigest() == report.manifest_sha256:
        return True
    if (owner := str(document.get("report_id", ""))) != report.report_id:
        verdict.find(MANIFEST_NAME, CHANGED, f"{MANIFEST_NAME} belongs to report {owner}")
    else:
        verdict.find(MANIFEST_NAME, CHANGED, f"{MANIFEST_NAME} is not the one that was delivered: it was replaced")
    return False


def _compare_with_database(
    document: Mapping[str, Any], artifacts: Iterable[Artifact], report: ExportReport, verdict: Verdict
) -> None:
    """The manifest is the one that was delivered: do our own rows still say what it says?"""
    known = {artifact.name: (artifact.bytes, artifact.sha256) for artifact in artifacts}
    written = {entry["name"]: (entry["bytes"], entry["sha256"]) for entry in document["files"]}
    verdict.is_in_database = known == written and document["check_values"] == report.check_values
    if not verdict.is_in_database:
        words = f"{MANIFEST_NAME} does not say what the database says: its rows were changed"
        verdict.find(MANIFEST_NAME, CHANGED, words)


def compare_all(
    delivery: Delivery,
    expected: Iterable[Expected],
    entries: Mapping[str, Entry],
    verdict: Verdict,
    on_bytes: Callable[[int], None] | None,
    chance: random.Random,
) -> None:
    """Every file of ``expected``, and whether ``entries`` has more than these."""
    listed = {MANIFEST_NAME}
    proven: list[Expected] = []
    doubtful: list[Expected] = []
    for file in expected:
        listed.add(file.name)
        if file.name not in entries:
            verdict.find(file.name, GONE, f"{file.name} is missing")
        elif verdict.how == FULL:
            read_and_compare(delivery, file, verdict, on_bytes)
        elif (is_proven := _ask(delivery, file, entries[file.name], verdict)) is not None:
            (proven if is_proven else doubtful).append(file)
    if verdict.how == SAMPLED:
        chance.shuffle(proven)
        chance.shuffle(doubtful)
        left, sample = SAMPLE_BYTES, set()
        for file in (*doubtful, *proven):  # first of all what nothing else can prove
            if file.bytes <= left:
                left -= file.bytes
                sample.add(file)
                read_and_compare(delivery, file, verdict, on_bytes)
        proven, doubtful = ([file for file in files if file not in sample] for files in (proven, doubtful))
    verdict.files += len(proven) + len(doubtful)
    verdict.equal += len(proven)
    verdict.unproven = sorted(file.name for file in doubtful)
    for name in entries:
        if name not in listed:
            verdict.find(name, EXTRA, f"{name} was added: the manifest does not list it")


def _ask(delivery: Delivery, file: Expected, entry: Entry, verdict: Verdict) -> bool | None:
    """Without reading: is it proven to be as delivered? ``None``: it is not, which is found."""
    try:
        with closing(delivery.open(file.name)) as opened:
            size, state = opened.size, opened.state()
    except DeliveredFileError as error:
        verdict.find(file.name, CHANGED, f"{file.name} {error}")
        return None
    except OSError as error:
        verdict.find(file.name, UNREADABLE, f"{file.name} cannot be read: {error.strerror or error}")
        return None
    if size != file.bytes:
        verdict.find(file.name, CHANGED, _other_size(file, size))
        return None
    if entry.sha256 not in (None, file.sha256):
        verdict.find(file.name, CHANGED, _other_content(file))
        return None
    if state and file.state:  # one that was written anew may have brought the old checksum along as an attribute
        return state == file.state
    return entry.sha256 is not None


def read_and_compare(
    delivery: Delivery, file: Expected, verdict: Verdict, on_bytes: Callable[[int], None] | None
) -> None:
    """Read one file whole; what it is goes into the verdict."""
    digest = hashlib.sha256()
    size = 0
    try:
        with closing(delivery.open(file.name)) as opened:
            state = opened.state()
            while block := opened.read(BLOCK):
                digest.update(block)
                size += len(block)
                if on_bytes is not None:
                    on_bytes(len(block))
            is_still = opened.state() == state
    except DeliveredFileError as error:
        verdict.find(file.name, CHANGED, f"{file.name} {error}")
        return
    except OSError as error:
        verdict.find(file.name, UNREADABLE, f"{file.name} cannot be read: {error.strerror or error}")
        return
    verdict.files += 1
    verdict.bytes += size
    if size != file.bytes:
        verdict.find(file.name, CHANGED, _other_size(file, size))
    elif digest.hexdigest() != file.sha256:
        verdict.find(file.name, CHANGED, _other_content(file))
    elif not is_still:
        verdict.find(file.name, CHANGED, f"{file.name} was changed while it was read")
    else:
        verdict.equal += 1
        verdict.states[file.name] = state


def _other_size(file: Expected, size: int) -> str:
    return f"{file.name} has {size:,} bytes; {file.bytes:,} were delivered"


def _other_content(file: Expected) -> str:
    return f"{file.name} was changed: its sha256 is not the one that was delivered"
