"""A delivery's place in the trail, proved to somebody who has neither the trail nor anything else of ours."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from django.test import Client

from connections.access.tokens import issue_token
from exportadmin.audit import triggers
from exportadmin.audit.inclusion import merkle
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import head, record
from exportadmin.lib.signing import SigningKey, installation_key
from exports import actions
from exports.delivery import trail_proof
from exports.delivery.receipt import TRAIL_PROOF, VERIFIER
from exports.delivery.receipt import verify as receipt
from exports.delivery.verify import verify_folder
from tests.exportadmin.audit.support import sql
from tests.rest.world import SHELL, Rest
from tests.support.deliveries import delivery_folder

pytestmark = pytest.mark.django_db(transaction=True)


def content(answer) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def verified(folder: Path, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-I", "-S", str(VERIFIER), str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def more_entries(count: int) -> None:
    """As others go on with their work."""
    for number in range(count):
        with transaction.atomic():
            record("export.planned", actor=SHELL, details={"number": number})


@pytest.fixture
def report(deliver):
    made = deliver(format="csv")
    more_entries(5)
    return made


@pytest.fixture
def handed(report, script, tmp_path) -> SimpleNamespace:
    """The folder that somebody elsewhere has."""
    folder = tmp_path / "handed"
    folder.mkdir()
    for path in delivery_folder(report).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / TRAIL_PROOF).write_bytes(content(script.get(f"reports/{report.report_id}/trail-proof/")))
    key = installation_key().public
    return SimpleNamespace(folder=folder, proof=folder / TRAIL_PROOF, report=report, key=key)


def end_of(report) -> AuditEntry:
    return AuditEntry.objects.get(event="export.completed", object_id=report.report_id)


def test_it_says_which_entry_tells_of_the_delivery_since_when_and_by_whose_word(handed):
    entry = end_of(handed.report)
    told = json.loads(handed.proof.read_text())
    code, said, errors = verified(handed.folder, "--key", handed.key.text)
    assert (code, errors) == (0, "")
    first, second = said.splitlines()
    assert first.endswith(f"signed by {handed.key.key_id}, as delivered")
    assert second.startswith(f"in the trail as entry {entry.sequence} at 20")
    assert second.endswith(f", head {told['head']['sequence']} signed by {handed.key.key_id}")
    sequence, whole = told["head"]["sequence"], told["head"]["hash"]
    assert AuditEntry.objects.get(sequence=sequence).hash == whole

    found = json.loads(verified(handed.folder, "--key", handed.key.text, "--json")[1])
    assert found["in_trail"] == {
        "statement": second,
        "entry": entry.sequence,
        "at": second.split(" at ")[1].split(",")[0],
        "head": f"{sequence}:{whole}",
        "signed_by": handed.key.key_id,
    }
    assert found["ok"]


def test_it_shows_no_other_entry(handed):
    text = handed.proof.read_text()
    assert text.count("exportadmin-audit-1") == 1
    assert "export.planned" not in text
    assert "script of alice" not in text


def test_without_a_key_it_says_whose_word_it_takes(handed):
    code, said, _ = verified(handed.folder)
    assert code == 0
    assert f"head {json.loads(handed.proof.read_text())['head']['sequence']} signed by {handed.key.key_id}: " in said
    assert "the key that the proof itself brings" in said


def test_without_a_proof_nothing_is_told_of_the_trail(handed):
    handed.proof.unlink()
    code, said, _ = verified(handed.folder, "--key", handed.key.text)
    assert (code, "trail" in said) == (0, False)
    assert json.loads(verified(handed.folder, "--json")[1])["in_trail"] is None


def test_page_rest_and_shell_hand_it_out_and_each_is_recorded(handed, alice, tmp_path):
    from django.core.management import call_command

    browser = Client()
    browser.force_login(alice)
    address = f"/exports/{handed.report.report_id}/{TRAIL_PROOF}"
    assert f'href="{address}"' in browser.get(f"/exports/{handed.report.report_id}/").content.decode()
    answer = browser.get(address)
    assert answer["Content-Disposition"] == f'attachment; filename="{TRAIL_PROOF}"'
    handed.proof.write_bytes(content(answer))
    assert verified(handed.folder, "--key", handed.key.text)[0] == 0
    call_command("trail_proof", handed.report.report_id, output=handed.proof)
    assert verified(handed.folder, "--key", handed.key.text)[0] == 0
    entries = AuditEntry.objects.filter(event="export.trail_proof_downloaded")
    assert set(entries.values_list("channel", "outcome")) == {("rest", "done"), ("web", "done"), ("shell", "done")}


def test_who_may_not_download_gets_none(report, rita):
    key = issue_token(user=rita, name="r", scopes=("exports:read",), actor=SHELL)[1]
    assert Rest(key).get(f"reports/{report.report_id}/trail-proof/").status_code == 403
    assert AuditEntry.objects.get(event="export.trail_proof_downloaded").outcome == "refused"


def test_where_nothing_was_delivered_or_all_is_gone_there_is_none(report, script, alice):
    browser = Client()
    browser.force_login(alice)
    actions.remove_files(report=report, actor=SHELL, why="a test")
    assert script.get(f"reports/{report.report_id}/trail-proof/").status_code == 410
    assert browser.get(f"/exports/{report.report_id}/{TRAIL_PROOF}").status_code == 410
    type(report).objects.filter(pk=report.pk).update(status="failed")
    assert script.get(f"reports/{report.report_id}/trail-proof/").status_code == 409
    assert browser.get(f"/exports/{report.report_id}/{TRAIL_PROOF}").status_code == 404


def test_a_trail_with_a_gap_proves_nothing(report, script):
    with triggers.lifted(connection):
        sql("DELETE FROM {entry} WHERE sequence = 2")
    answer = script.get(f"reports/{report.report_id}/trail-proof/")
    assert (answer.status_code, "the trail is not whole" in answer.json()["detail"]) == (409, True)


def test_the_manifest_of_one_file_alone_is_proved_as_part_of_the_whole_one(handed):
    from exports.delivery import manifest

    artifact = handed.report.artifacts.get()
    (handed.folder / "manifest.json").write_bytes(manifest.build_receipt(artifact, installation_key()))
    code, said, errors = verified(handed.folder, "--key", handed.key.text)
    assert (code, errors) == (0, "")
    assert f"in the trail as entry {end_of(handed.report).sequence} at " in said


def test_verify_of_a_folder_with_it_checks_it_too(handed):
    assert verify_folder(handed.folder).as_delivered
    change(handed.proof, "head", "sequence", 1)
    assert verify_folder(handed.folder).problems == [f"{TRAIL_PROOF} does not match its signature: it was changed"]


# --- what does not fit ------------------------------------------------------------------------------------------------


def change(proof: Path, *where_and_what: object, key: SigningKey | None = None) -> None:
    """Put another value somewhere; ``key``: sign it again, as only the installation could."""
    document = json.loads(proof.read_text())
    *where, last, what = where_and_what
    inner = document
    for name in where:
        inner = inner[name]
    inner[last] = what
    if key is None:
        proof.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
    else:
        del document["signature"]
        proof.write_bytes(trail_proof.sign(document, key))


def problem(handed: SimpleNamespace, *, key: str | None = None) -> str:
    code, said, errors = verified(handed.folder, "--key", key or handed.key.text)
    assert code == 1
    assert "in the trail" not in said
    (line,) = errors.splitlines()
    return line.removeprefix(f"error: {TRAIL_PROOF} ")


def flipped(text: str) -> str:
    return ("1" if text[0] == "0" else "0") + text[1:]


@pytest.mark.parametrize("where", ["entry_path", "audit_head_path"])
def test_a_path_that_leads_elsewhere_is_found_even_when_it_is_signed(handed, where):
    path = json.loads(handed.proof.read_text())[where]
    words = {
        "entry_path": "shows an entry that does not lead to the head of the trail",
        "audit_head_path": "is of another trail than the one that manifest.json was made in",
    }[where]
    for wrong in (path[:-1], [*path, path[0]], [flipped(path[0]), *path[1:]], []):
        change(handed.proof, where, wrong, key=installation_key())
        assert problem(handed) == words
    change(handed.proof, where, path, key=installation_key())
    assert verified(handed.folder, "--key", handed.key.text)[0] == 0


def test_the_proof_of_another_delivery_does_not_fit(handed, deliver, script):
    other = deliver(format="csv")
    handed.proof.write_bytes(content(script.get(f"reports/{other.report_id}/trail-proof/")))
    assert problem(handed) == f"is of report {other.report_id}, not of this one"


def test_another_manifest_of_the_same_report_does_not_fit(handed):
    """Signed by the installation's stolen key, say: the trail still has the true one."""
    document = json.loads((handed.folder / "manifest.json").read_bytes())
    kept = {name: value for name, value in document.items() if name not in ("seal", "signature", "files")}
    from exports.delivery import manifest
    from exports.delivery.files import WrittenFile

    files = [WrittenFile(**entry) for entry in document["files"]]
    raw = manifest.build({**kept, "name": "another name"}, kept["check_values"], files, installation_key())
    (handed.folder / "manifest.json").write_bytes(raw)
    assert problem(handed) == "is of another delivery: the trail has another manifest.json"


def test_another_entry_in_its_place_does_not_fit(handed):
    entry = json.loads(json.loads(handed.proof.read_text())["entry"])
    for name, value, words in (
        ("event", "export.requested", "shows an entry of something else than a delivery"),
        ("outcome", "failed", "shows an entry of something else than a delivery"),
        ("at_ms", entry["at_ms"] - 1, "shows an entry that does not lead to the head of the trail"),
        ("sequence", entry["sequence"] - 1, "shows an entry that does not lead to the head of the trail"),
        ("sequence", "x", "is no proof of Export Admin"),
        ("details", [], "is no proof of Export Admin"),
    ):
        text = json.dumps({**entry, name: value}, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        change(handed.proof, "entry", text, key=installation_key())
        assert problem(handed) == words


def test_a_trail_that_was_written_anew_is_found_by_the_head_in_the_manifest(handed):
    """Every entry from some place on with a new hash, and the whole proof signed: the manifest knows the old one."""
    told = json.loads(handed.proof.read_text())
    size, entry = told["head"]["sequence"], json.loads(told["entry"])
    leaves = [hashlib.sha256(b"\0" + hashlib.sha256(b"%d" % place).digest()).digest() for place in range(size)]
    own = hashlib.sha256(told["entry"].encode()).digest()
    leaves[entry["sequence"] - 1] = hashlib.sha256(b"\0" + own).digest()
    stood = json.loads((handed.folder / "manifest.json").read_bytes())["audit_head"]["sequence"]
    root, paths = merkle([entry["sequence"] - 1, stood - 1], leaves)
    change(handed.proof, "head", "root", root.hex(), key=installation_key())
    change(handed.proof, "audit_head_path", [one.hex() for one in paths[1]], key=installation_key())
    change(handed.proof, "entry_path", [one.hex() for one in paths[0]], key=installation_key())
    assert problem(handed) == "is of another trail than the one that manifest.json was made in"


def test_one_that_somebody_else_signed_is_found_with_the_right_key(handed):
    other = SigningKey("R" * 43)
    change(handed.proof, "head", "read_at", "2026-01-01T00:00:00+00:00", key=other)
    assert problem(handed) == f"is signed by {other.public.key_id}, not by a key that was given"


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b"[]", "is no proof of Export Admin"),
        (b'{"proof_version": true}', "is no proof of Export Admin"),
        (b'{"proof_version": 2}', "has version 2; this verify.py reads 1: get the newer one"),
        (b'{"proof_version": 1}', "does not match its signature"),
        (
            b'{"proof_version": 1, "signature": {"key_id": 1, "public_key": 2, "value": 3}}',
            "does not match its signature",
        ),
    ],
)
def test_what_is_no_proof_is_a_line_not_a_traceback(handed, raw, words):
    handed.proof.write_bytes(raw)
    assert words in problem(handed)


def test_what_is_signed_and_no_proof_is_a_line_too(handed):
    for document in ({"proof_version": 1}, {"proof_version": 1, "head": 3, "entry": 4}):
        handed.proof.write_bytes(trail_proof.sign(document, installation_key()))
        assert problem(handed) == "is no proof of Export Admin"


def test_one_byte_of_it_changed_anywhere_is_found(handed):
    raw, dice = handed.proof.read_bytes(), random.Random(9162)
    manifest_raw = (handed.folder / "manifest.json").read_bytes()
    manifest, _ = receipt.read_manifest(manifest_raw)
    assert receipt.read_proof(raw, manifest_raw, manifest).entry == end_of(handed.report).sequence
    missed = []
    for place in range(len(raw)):
        changed = bytearray(raw)
        changed[place] ^= dice.randrange(1, 256)
        try:
            receipt.read_proof(bytes(changed), manifest_raw, manifest)
        except receipt.Wrong:
            continue
        missed.append(place)
    assert missed == []


# --- the tree ---------------------------------------------------------------------------------------------------------


def reference(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, to the letter."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return hashlib.sha256(b"\1" + reference(leaves[:half]) + reference(leaves[half:])).digest()


@pytest.mark.parametrize("size", [*range(1, 20), 63, 64, 65])
def test_root_and_paths_are_those_of_the_standard_for_every_place(size):
    hashes = [hashlib.sha256(b"%d" % place).digest() for place in range(size)]
    leaves = [hashlib.sha256(b"\0" + one).digest() for one in hashes]
    for place in range(size):
        root, (path,) = merkle([place], leaves)
        assert root == reference(hashes)
        text = [one.hex() for one in path]
        assert receipt._leads_to(root, size, place + 1, hashes[place], text)
        assert not receipt._leads_to(root, size, place + 1, hashes[place - 1], text) or size == 1
        for other in (place, place + 2, size + 1):
            if other != place + 1:
                assert not receipt._leads_to(root, size, other, hashes[place], text)


def test_the_head_that_it_names_is_one_that_the_installation_knows(handed):
    from exportadmin.audit.verify import verify

    told = json.loads(handed.proof.read_text())["head"]
    assert verify((told["sequence"], told["hash"])).unbroken
    assert told["sequence"] < head()[0]
