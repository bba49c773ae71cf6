"""A proof says of every file whether it is still what was delivered, by attributes, a sample, or reading all of it."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.utils import timezone

from connections.access.models import Membership
from connections.models import Connection, Project
from connections.sinks.local import LocalDelivery
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, GoneError, NotFoundError, PermanentError, TransientError
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exportadmin.runs.reaper import reap
from exports import actions, delivery_actions
from exports.delivery import verify
from exports.delivery.integrity import mark_altered
from exports.models import ExportReport, Proof
from exports.models.proof import ATTRIBUTES, CHANGED, EQUAL, EXTRA, FULL, GONE, HOW, SAMPLED, UNPROVEN
from exports.run import proofs
from exports.spec.spec import ExportSpec
from tests.connections.sinks.blobs import BlobSink
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

USER = Actor(kind="user", name="tester", channel="shell")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def report(home: Path, project: Project) -> ExportReport:
    write_rows(project, mixed(20), now_ms=1_000)
    spec = ExportSpec.parse({"format": "ndjson"}, project)
    report = actions.run_now(project=project, spec=spec, actor=USER)
    assert report.is_delivered, report.error
    return report


@pytest.fixture
def file(report: ExportReport) -> Path:
    return delivery_folder(report) / report.artifacts.get().name


@pytest.fixture
def stored(archive: Connection, deliver: Callable[..., ExportReport]) -> ExportReport:
    """Delivered into a store that tells checksums without reading."""
    return deliver({"kind": BlobSink.key, "connection": archive.public_id})


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files of which bytes are read."""
    found: list[str] = []
    read = verify.read_and_compare

    def counting(delivery: Any, file: verify.Expected, *rest: Any) -> None:
        found.append(file.name)
        read(delivery, file, *rest)

    monkeypatch.setattr(verify, "read_and_compare", counting)
    return found


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is small enough to be proved at once."""
    monkeypatch.setattr(proofs, "AT_ONCE_BYTES", -1)


def flip(file: Path) -> bytes:
    """One bit, the size as before. What it was."""
    content = file.read_bytes()
    file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    return content


def work(proof: Proof) -> Proof:
    """As a worker does."""
    execute("proof", proof.pk)
    proof.refresh_from_db()
    return proof


def state_of(report: ExportReport) -> tuple[bool, str]:
    """Is it altered, and what did its last proof find?"""
    report.refresh_from_db()
    return report.altered_at is not None, report.proof_result


# --- what is found ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [*HOW])
def test_a_delivery_as_it_was_is_equal_however_one_looks(report: ExportReport, how: str):
    proof = delivery_actions.prove(report=report, actor=USER, how=how)
    assert (proof.status, proof.result, proof.problems) == (statuses.COMPLETED, EQUAL, [])
    assert proof.counts == {EQUAL: 2, CHANGED: 0, GONE: 0, EXTRA: 0, "unreadable": 0, UNPROVEN: 0}
    assert proof.finished_at is not None


def test_attributes_read_no_file(report: ExportReport, reads: list[str]):
    assert delivery_actions.verify_report(report=report, actor=USER, how=ATTRIBUTES).bytes == 0
    assert reads == []
    assert delivery_actions.verify_report(report=report, actor=USER, how=FULL).bytes == report.check_values["bytes"]
    assert reads == [report.artifacts.get().name]


def change(file: Path) -> None:
    flip(file)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def take(file: Path) -> None:
    file.unlink()


def add(file: Path) -> None:
    (file.parent / "extra.txt").write_text("x")


@pytest.mark.parametrize(
    ("spoil", "how", "result", "words"),
    [
        (change, FULL, CHANGED, "{name} was changed: its sha256 is not the one that was delivered"),
        (change, SAMPLED, CHANGED, "{name} was changed: its sha256 is not the one that was delivered"),
        *((cut, how, CHANGED, "were delivered") for how in HOW),
        *((take, how, GONE, "{name} is missing") for how in HOW),
        *((add, how, EXTRA, "extra.txt was added: the manifest does not list it") for how in HOW),
    ],
)
def test_what_is_wrong_is_named_and_closes_the_delivery_until_it_is_good_again(
    report: ExportReport, file: Path, spoil: Callable[[Path], None], how: str, result: str, words: str
):
    content = file.read_bytes()
    spoil(file)
    proof = delivery_actions.prove(report=report, actor=USER, how=how)
    assert (proof.status, proof.result, proof.problems_total) == (statuses.COMPLETED, result, 1)
    (problem,) = proof.problems
    assert problem["finding"] == result
    assert words.format(name=file.name) in problem["message"]
    assert problem["file"] in (file.name, "extra.txt")
    assert state_of(report) == (True, result)
    entry = AuditEntry.objects.get(event="export.verified")
    assert (entry.outcome, problem["message"] in entry.reason) == ("failed", True)

    (file.parent / "extra.txt").unlink(missing_ok=True)
    file.write_bytes(content)
    assert delivery_actions.prove(report=report, actor=USER, how=FULL).result == EQUAL
    assert state_of(report) == (False, EQUAL)


def test_what_attributes_cannot_tell_is_said_and_opens_nothing(report: ExportReport, file: Path):
    """The bytes are others, the size is not: this machine knows no checksum."""
    flip(file)
    proof = delivery_actions.prove(report=report, actor=USER, how=ATTRIBUTES)
    assert (proof.result, proof.counts[UNPROVEN], proof.problems) == (UNPROVEN, 1, [])
    assert "read to be sure" in proof.note and file.name in proof.note
    delivery_actions.verify_report(report=report, actor=USER)
    report.refresh_from_db()
    assert report.altered_at is not None
    os.utime(file)
    assert delivery_actions.prove(report=report, actor=USER, how=ATTRIBUTES).result == UNPROVEN
    report.refresh_from_db()
    assert report.altered_at is not None, "that the size is right clears nothing"


def test_a_file_that_was_only_touched_is_proven_by_attributes_once_it_was_read(report: ExportReport, file: Path):
    os.utime(file)
    assert delivery_actions.prove(report=report, actor=USER, how=ATTRIBUTES).result == UNPROVEN
    assert delivery_actions.prove(report=report, actor=USER, how=SAMPLED).result == EQUAL
    assert delivery_actions.prove(report=report, actor=USER, how=ATTRIBUTES).result == EQUAL


def test_a_delivery_that_is_gone_names_all_that_is_not_there(report: ExportReport, file: Path):
    actions.delivery_of(report).remove()
    proof = delivery_actions.prove(report=report, actor=USER)
    assert (proof.result, proof.counts[GONE]) == (GONE, 2)
    assert [problem["file"] for problem in proof.problems] == ["", file.name]


def test_without_its_manifest_files_are_compared_with_the_database(report: ExportReport, file: Path):
    (file.parent / "manifest.json").unlink()
    flip(file)
    proof = delivery_actions.prove(report=report, actor=USER)
    assert {(problem["file"], problem["finding"]) for problem in proof.problems} == {
        ("manifest.json", GONE),
        (file.name, CHANGED),
    }


def test_a_file_that_changes_while_it_is_read_is_not_proven(
    report: ExportReport, file: Path, monkeypatch: pytest.MonkeyPatch
):
    def touched(count: int) -> None:
        os.utime(file)

    assert verify.verify_report(report, on_bytes=touched).problems == [f"{file.name} was changed while it was read"]


def test_the_list_of_problems_is_cut_and_counted(report: ExportReport, file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proofs, "MOST_PROBLEMS", 3)
    for number in range(5):
        (file.parent / f"extra-{number}").write_text("x")
    proof = delivery_actions.prove(report=report, actor=USER)
    assert (len(proof.problems), proof.problems_total, proof.counts[EXTRA]) == (3, 5, 5)


# --- a store that tells checksums -------------------------------------------------------------------------------------


def blob(stored: ExportReport, home: Path) -> Path:
    (path,) = (home / "blob-stores" / "Archive" / "blobs").glob(stored.artifacts.get().sha256)
    return path


def test_a_store_that_tells_checksums_proves_without_reading(stored: ExportReport, reads: list[str]):
    stored.artifacts.update(state="")  # as of a store that tells no states
    verdict = verify.verify_report(stored, how=ATTRIBUTES)
    assert (verdict.result, verdict.as_delivered, reads) == (EQUAL, True, [])


def test_another_checksum_is_found_without_reading(stored: ExportReport, home: Path, reads: list[str]):
    index = next((home / "blob-stores" / "Archive" / "index").glob("*/*.json"))
    other = "0" * 64
    was = stored.artifacts.get().sha256
    (home / "blob-stores" / "Archive" / "blobs" / other).write_bytes(blob(stored, home).read_bytes())
    index.write_text(index.read_text().replace(was, other))
    verdict = verify.verify_report(stored, how=ATTRIBUTES)
    assert (verdict.result, reads) == (CHANGED, [])
    assert "its sha256 is not the one that was delivered" in verdict.problems[0]


def test_a_checksum_that_may_have_been_brought_along_is_not_trusted(stored: ExportReport, home: Path):
    """Written anew in the same size, with the old checksum as an attribute: read to be sure."""
    flip(blob(stored, home))
    assert verify.verify_report(stored, how=ATTRIBUTES).result == UNPROVEN
    assert verify.verify_report(stored, how=SAMPLED).result == CHANGED


# --- samples ----------------------------------------------------------------------------------------------------------


def test_a_sample_reads_first_what_nothing_else_proves_and_no_more_than_its_bytes(
    report: ExportReport, file: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
):
    delivery = actions.delivery_of(report)
    made = []
    for number in range(6):
        path = file.parent / f"part-{number}"
        path.write_bytes(b"x" * 100)
        with closing(delivery.open(path.name)) as opened:
            state = opened.state()
        digest = hashlib.sha256(b"x" * 100).hexdigest()
        made.append(verify.Expected(path.name, 100, digest, "" if number == 3 else state))
    monkeypatch.setattr(verify, "SAMPLE_BYTES", 250)
    entries = {entry.name: entry for entry in delivery.entries()}
    seen = set()
    for seed in range(10):
        reads.clear()
        verdict = verify.Verdict("", SAMPLED)
        verify.compare_all(delivery, made, entries, verdict, None, random.Random(seed))
        assert len(reads) == 2 and reads[0] == "part-3", "250 bytes are two files of 100"
        assert verdict.counts[CHANGED] == 0 and verdict.equal == 6 and not verdict.unproven
        seen.add(reads[1])
    assert len(seen) > 2, "each time others"


def test_a_file_larger_than_the_sample_is_not_read_and_that_is_said(
    report: ExportReport, file: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
):
    os.utime(file)
    monkeypatch.setattr(verify, "SAMPLE_BYTES", 10)
    assert delivery_actions.prove(report=report, actor=USER, how=SAMPLED).result == UNPROVEN
    assert reads == []


# --- a run of its own -------------------------------------------------------------------------------------------------


def test_a_large_one_is_queued_and_a_worker_keeps_what_it_found(report: ExportReport, queued: None, file: Path):
    proof = delivery_actions.prove(report=report, actor=USER)
    assert (proof.status, proof.result, proof.bytes_expected) == (statuses.QUEUED, "", report.check_values["bytes"])
    work(proof)
    assert (proof.status, proof.result, proof.bytes_done) == (statuses.COMPLETED, EQUAL, file.stat().st_size)
    report.refresh_from_db()
    assert report.proved_at is not None
    events = AuditEntry.objects.filter(event__startswith="export.").order_by("sequence").values_list("event", flat=True)
    assert list(events)[-2:] == ["export.proof_requested", "export.verified"]


def test_asking_again_while_one_is_under_way_gives_that_one(report: ExportReport, queued: None):
    proof = delivery_actions.prove(report=report, actor=USER)
    assert delivery_actions.prove(report=report, actor=USER).pk == proof.pk
    with pytest.raises(ConflictError, match="is being proved"):
        delivery_actions.prove(report=report, actor=USER, how=ATTRIBUTES)
    with pytest.raises(IntegrityError), transaction.atomic():
        proofs.create(report, FULL, USER)


def test_one_that_waits_is_cancelled_at_once(report: ExportReport, queued: None):
    proof = delivery_actions.cancel_proof(proof=delivery_actions.prove(report=report, actor=USER), actor=USER)
    assert proof.status == statuses.CANCELLED
    assert AuditEntry.objects.filter(event="export.proof_cancelled").count() == 1
    report.refresh_from_db()
    assert report.proved_at is None
    assert delivery_actions.prove(report=report, actor=USER).pk != proof.pk


def test_one_that_reads_stops_when_asked(report: ExportReport, queued: None, monkeypatch: pytest.MonkeyPatch):
    proof = delivery_actions.prove(report=report, actor=USER)
    whole = verify.verify_report

    def asked_meanwhile(*args: Any, **kwargs: Any) -> Any:
        delivery_actions.cancel_proof(proof=proof, actor=USER)
        return whole(*args, **kwargs)

    monkeypatch.setattr(verify, "verify_report", asked_meanwhile)
    assert work(proof).status == statuses.CANCELLED
    assert proof.result == ""


def test_one_that_was_left_by_its_worker_goes_on(report: ExportReport, queued: None):
    proof = delivery_actions.prove(report=report, actor=USER)
    Proof.objects.filter(pk=proof.pk).update(status=statuses.RUNNING, attempts=1, fence=1, lease_until=None)
    reap()
    assert work(proof).result == EQUAL


def test_who_asked_and_may_no_longer_see_the_project_has_nothing_proved(report: ExportReport, queued: None, rita: Any):
    membership = Membership.objects.create(project=report.project, user=rita, role="reviewer")
    actor = Actor(kind="user", name="rita", channel="web", user_id=rita.pk)
    proof = delivery_actions.prove(report=report, actor=actor)
    membership.delete()
    assert work(proof).status == statuses.FAILED
    assert "may no longer" in proof.error
    with pytest.raises(NotFoundError):
        delivery_actions.prove(report=report, actor=actor)


def test_a_reviewer_cancels_her_own_and_no_others(report: ExportReport, queued: None, members: Project, rita: Any):
    actor = Actor(kind="user", name="rita", channel="web", user_id=rita.pk)
    proof = delivery_actions.prove(report=report, actor=USER)
    with pytest.raises(DeniedError):
        delivery_actions.cancel_proof(proof=proof, actor=actor)
    delivery_actions.cancel_proof(proof=proof, actor=USER)
    assert (
        delivery_actions.cancel_proof(proof=delivery_actions.prove(report=report, actor=actor), actor=actor).status
        == "cancelled"
    )


def test_files_that_retention_takes_meanwhile_are_not_called_missing(
    report: ExportReport, queued: None, monkeypatch: pytest.MonkeyPatch
):
    proof = delivery_actions.prove(report=report, actor=USER)
    whole = verify.verify_report

    def removed_meanwhile(*args: Any, **kwargs: Any) -> Any:
        actions.remove_files(report=ExportReport.objects.get(pk=report.pk), actor=USER, why="old")
        return whole(*args, **kwargs)

    monkeypatch.setattr(verify, "verify_report", removed_meanwhile)
    assert work(proof).status == statuses.CANCELLED
    report.refresh_from_db()
    assert (report.altered_at, proof.error) == (None, proofs.REMOVED)


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), TransientError("the store is away")], ids=str)
def test_what_cannot_be_read_just_now_is_tried_again_and_is_not_called_changed(
    report: ExportReport, queued: None, monkeypatch: pytest.MonkeyPatch, error: Exception
):
    opened = LocalDelivery.open

    def away(self: LocalDelivery, name: str, *rest: Any) -> Any:
        if name != "manifest.json":
            raise error
        return opened(self, name, *rest)

    monkeypatch.setattr(LocalDelivery, "open", away)
    proof = delivery_actions.prove(report=report, actor=USER)
    for _ in range(3):
        assert proof.result == ""
        Proof.objects.filter(pk=proof.pk).update(not_before=None)
        work(proof)
    assert (proof.status, proof.attempts) == (statuses.FAILED, 3)
    assert str(error.args[-1]) in proof.error
    assert state_of(report) == (False, "unreadable")


def test_a_place_that_refuses_ends_the_proof_in_its_words(
    report: ExportReport, queued: None, monkeypatch: pytest.MonkeyPatch
):
    def refused(self: LocalDelivery) -> Any:
        raise PermanentError("the key may not list the bucket (s3:ListBucket)")

    monkeypatch.setattr(LocalDelivery, "entries", refused)
    proof = work(delivery_actions.prove(report=report, actor=USER))
    assert (proof.status, proof.error) == (statuses.FAILED, "the key may not list the bucket (s3:ListBucket)")
    with pytest.raises(ConflictError, match="may not list the bucket"):
        delivery_actions.verify_report(report=report, actor=USER)
    report.refresh_from_db()
    assert report.altered_at is None


def test_of_one_report_the_newest_are_kept(report: ExportReport, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(proofs, "KEPT", 3)
    made = [delivery_actions.prove(report=report, actor=USER, how=ATTRIBUTES).pk for _ in range(5)]
    assert sorted(Proof.objects.values_list("pk", flat=True)) == made[-3:]


def test_what_has_no_files_is_not_proved(report: ExportReport):
    ExportReport.objects.filter(pk=report.pk).update(files_removed_at=timezone.now(), files_removed_why="old")
    report.refresh_from_db()
    with pytest.raises(GoneError):
        delivery_actions.prove(report=report, actor=USER)
    ExportReport.objects.filter(pk=report.pk).update(files_removed_at=None, status=statuses.FAILED)
    report.refresh_from_db()
    with pytest.raises(ConflictError, match="there is no delivery"):
        delivery_actions.prove(report=report, actor=USER)


# --- the shell --------------------------------------------------------------------------------------------------------


def test_the_shell_takes_the_way_to_look(report: ExportReport, file: Path, capsys: pytest.CaptureFixture[str]):
    call_command("verify", report.report_id, "--how", "attributes")
    assert capsys.readouterr().out.startswith("verified: 1 file(s), 0 bytes, signed by ")
    os.utime(file)
    call_command("verify", report.report_id, "--how", "attributes")
    said = capsys.readouterr().out
    assert said.startswith("looked at: 1 file(s), 0 bytes") and "read to be sure" in said
    with pytest.raises(CommandError, match="a folder is always read whole"):
        call_command("verify", str(file.parent), "--how", "attributes")
    assert Proof.objects.count() == 2


def test_a_link_in_the_place_of_a_file_is_found_by_attributes(report: ExportReport, file: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(copy)
    proof = delivery_actions.prove(report=report, actor=USER, how=ATTRIBUTES)
    assert [problem["message"] for problem in proof.problems] == [f"{file.name} was replaced by a link"]


def test_what_cannot_be_read_while_somebody_waits_is_said_and_not_called_changed(
    report: ExportReport, monkeypatch: pytest.MonkeyPatch
):
    opened = LocalDelivery.open

    def away(self: LocalDelivery, name: str, *rest: Any) -> Any:
        if name != "manifest.json":
            raise OSError(5, "Input/output error")
        return opened(self, name, *rest)

    monkeypatch.setattr(LocalDelivery, "open", away)
    proof = delivery_actions.prove(report=report, actor=USER)
    assert (proof.result, proof.statement) == ("unreadable", "not all of it can be read")
    assert "Input/output error" in proof.problems[0]["message"]
    assert state_of(report) == (False, "unreadable")


def test_what_was_found_altered_while_a_proof_read_stays_altered(report: ExportReport, queued: None, file: Path):
    """It may have read the file before somebody changed it."""
    proof = delivery_actions.prove(report=report, actor=USER)
    original = flip(file)
    read = verify.verify_report

    def found_meanwhile(of: ExportReport, **how: Any) -> verify.Verdict:
        mark_altered(ExportReport.objects.get(pk=of.pk), "a download found it")
        file.write_bytes(original)
        return read(of, **how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verify, "verify_report", found_meanwhile)
        assert work(proof).result == EQUAL
    report.refresh_from_db()
    assert report.altered_why == "a download found it"
    assert delivery_actions.prove(report=report, actor=USER) is not None
    assert work(Proof.objects.latest("pk")).result == EQUAL
    report.refresh_from_db()
    assert report.altered_at is None, "a proof that began after that opens it again"
