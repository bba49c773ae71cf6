"""Verify: one byte changed, a file missing, a file added: found, and named."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.lib.signing import SigningKey, installation_key
from exports import actions
from exports.delivery.files import WrittenFile
from exports.delivery.manifest import build, read
from exports.delivery.verify import verify_folder, verify_report
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def report(project, tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    write_rows(project, mixed(20), now_ms=1_000)
    spec = ExportSpec.parse({"format": "coco_json"}, project)
    done = actions.run_now(project=project, spec=spec, actor=Actor(kind="user", name="tester", channel="shell"))
    assert done.is_delivered, done.error
    return done


@pytest.fixture
def folder(report) -> Path:
    return delivery_folder(report)


def data_file(folder: Path) -> Path:
    (path,) = [path for path in folder.iterdir() if path.name != "manifest.json"]
    return path


def test_a_delivery_as_it_was_delivered_is_in_order(report, folder):
    assert verify_report(report).ok
    assert verify_folder(folder).ok
    assert verify_folder(folder).bytes == report.check_values["bytes"]


def test_one_changed_byte_anywhere_is_found_and_the_file_named(report, folder):
    random.seed(7)
    for path in (data_file(folder), folder / "manifest.json"):
        original = path.read_bytes()
        for place in [0, len(original) - 1, *random.sample(range(len(original)), 40)]:
            changed = bytearray(original)
            changed[place] ^= 1
            path.write_bytes(changed)
            verdict = verify_folder(folder)
            assert not verdict.ok, f"byte {place} of {path.name}"
            assert path.name in verdict.problems[0]
        path.write_bytes(original)
    assert verify_folder(folder).ok


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"{\n  ", b"{\n    "),
        (b": ", b":"),
        (b",\n  ", b",  "),
        (b"}\n", b"}"),
        (b"}\n", b"}\n\n"),
        (b'"seal"', b'"\\u0073eal"'),
    ],
    ids=["a blank more", "a blank less", "one line less", "no last newline", "a newline more", "an escape"],
)
def test_a_manifest_that_says_the_same_in_other_bytes_is_found(folder, old, new):
    """The seal is taken of what the manifest says; its own bytes are fixed by the canonical form."""
    path = folder / "manifest.json"
    original = path.read_bytes()
    changed = new.join(original.rsplit(old, 1))
    assert changed != original and json.loads(changed) == json.loads(original)
    path.write_bytes(changed)
    assert verify_folder(folder).problems == [
        "manifest.json does not match its seal: it was changed after delivery",
    ]


def test_a_cut_off_file_is_found_by_its_size(folder):
    path = data_file(folder)
    path.write_bytes(path.read_bytes()[:-1])
    (problem,) = verify_folder(folder).problems
    assert path.name in problem
    assert "were delivered" in problem


def test_a_missing_file_is_named(folder):
    path = data_file(folder)
    path.unlink()
    assert verify_folder(folder).problems == [f"{path.name} is missing"]


@pytest.mark.parametrize("name", ["extra.txt", "deep/er/extra.txt", ".hidden"])
def test_an_added_file_is_named(folder, name):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("x")
    assert verify_folder(folder).problems == [f"{name} was added: the manifest does not list it"]


def test_an_added_link_to_a_folder_is_named(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "rows").write_text("x")
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    assert verify_folder(folder).problems == ["more was added: the manifest does not list it"]


def test_a_file_replaced_by_a_link_to_the_same_content_is_named(folder, tmp_path):
    path = data_file(folder)
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(copy)
    assert verify_folder(folder).problems == [f"{path.name} was replaced by a link"]


def test_a_folder_without_a_manifest_is_no_delivery(folder):
    (folder / "manifest.json").unlink()
    (problem,) = verify_folder(folder).problems
    assert problem.startswith("manifest.json is missing")


def forge(folder: Path, key: SigningKey | None, **head: str) -> None:
    """Change the data, and make the manifest anew so that it fits: anybody who can write the folder can."""
    document = read((folder / "manifest.json").read_bytes())
    path = data_file(folder)
    path.write_bytes(path.read_bytes() + b" ")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    file = WrittenFile(path.name, "application/json", path.stat().st_size, sha256)
    kept = {name: document[name] for name in document if name not in ("files", "check_values", "seal", "signature")}
    (folder / "manifest.json").write_bytes(build(kept | head, document["check_values"], [file], key))


def test_check_values_that_were_changed_in_the_database_are_found(report, folder):
    """The manifest says what was delivered; lists, pages and REST show what the database says."""
    assert verify_report(report).is_in_database
    report.check_values = {**report.check_values, "annotations": report.check_values["annotations"] + 1}
    report.save(update_fields=["check_values"])
    problem = "manifest.json does not say what the database says: its rows were changed"
    assert verify_report(report).problems == verify_folder(folder).problems == [problem]
    assert not verify_report(report).is_in_database


@pytest.mark.parametrize("change", [{"sha256": "0" * 64}, {"bytes": 1}, {"name": "other"}], ids=str)
def test_a_file_that_was_changed_in_the_database_is_found(report, folder, change):
    report.artifacts.update(**change)
    problem = "manifest.json does not say what the database says: its rows were changed"
    assert verify_report(report).problems == verify_folder(folder).problems == [problem]


@pytest.mark.parametrize("key", [None, SigningKey("Q" * 43)], ids=["unsigned", "signed by another key"])
def test_a_forged_delivery_is_found_by_the_database_also_as_a_folder(report, folder, key):
    forge(folder, key)
    problem = "manifest.json is not the one that was delivered: it was replaced"
    assert verify_folder(folder).problems == [problem]
    assert not verify_folder(folder).as_delivered
    # what was delivered the database knows: the file itself is named, too
    size = data_file(folder).stat().st_size
    changed = f"{data_file(folder).name} has {size:,} bytes; {size - 1:,} were delivered"
    assert verify_report(report).problems == [problem, changed]


def test_a_forged_delivery_of_a_report_that_nobody_knows_is_only_consistent_in_itself(folder, capsys):
    forge(folder, None, report_id="unheard-of")
    verdict = verify_folder(folder)
    assert (verdict.ok, verdict.as_delivered) == (True, False)
    assert verdict.statement == "consistent in itself, unsigned"
    call_command("verify", str(folder))
    assert capsys.readouterr().out == f"read: 1 file(s), {verdict.bytes:,} bytes, consistent in itself, unsigned\n"

    other = SigningKey("Q" * 43)
    forge(folder, other, report_id="unheard-of")
    verdict = verify_folder(folder)
    assert (verdict.ok, verdict.as_delivered) == (True, False)
    assert verdict.statement == (
        f"consistent in itself, signed by {other.public.key_id}, a key that is not this installation's"
    )


def test_the_old_signature_does_not_fit_what_was_sealed_anew(folder):
    raw = (folder / "manifest.json").read_bytes()
    document = read(raw)
    kept = {name: document[name] for name in document if name not in ("files", "check_values", "seal")}
    file = WrittenFile(data_file(folder).name, "application/json", 1, "0" * 64)
    (folder / "manifest.json").write_bytes(build(kept, document["check_values"], [file], None))
    assert verify_folder(folder).problems == [
        "manifest.json does not match its signature: it was changed after delivery"
    ]


def test_a_delivery_says_who_signed_it(report, folder, capsys):
    key = installation_key().public
    assert read((folder / "manifest.json").read_bytes())["signature"]["public_key"] == key.text
    call_command("verify", str(folder))
    assert capsys.readouterr().out.endswith(f" bytes, signed by {key.key_id}, as delivered\n")
    verdict = verify_report(report).to_json()
    assert verdict["signed_by"] == {"key_id": key.key_id, "public_key": key.text, "is_known": True}
    assert (verdict["as_delivered"], verdict["is_in_database"]) == (True, True)


def test_what_an_older_key_signed_stays_known_by_the_key_or_its_public_half(report, folder, settings):
    (old,) = settings.SIGNING_KEYS
    for known in (old, f"public:{SigningKey(old).public.text}"):
        settings.SIGNING_KEYS = ["Q" * 43, known]
        assert verify_folder(folder).statement == f"signed by {SigningKey(old).public.key_id}, as delivered"
    settings.SIGNING_KEYS = ["Q" * 43]
    verdict = verify_report(report)
    assert verdict.statement == (
        f"as the database knows it, signed by {SigningKey(old).public.key_id}, a key that is not this installation's"
    )


def test_the_shell_says_it_with_its_exit_code(report, folder, capsys):
    call_command("verify", report.report_id)
    assert capsys.readouterr().out.startswith("verified: 1 file(s)")
    call_command("verify", str(folder), "--json")
    assert json.loads(capsys.readouterr().out)["ok"] is True
    data_file(folder).write_text("x")
    with pytest.raises(CommandError, match=data_file(folder).name) as caught:
        call_command("verify", report.report_id)
    assert caught.value.returncode == 1


def test_what_is_not_there_is_said(report):
    with pytest.raises(CommandError, match="no report 'nonsense'"):
        call_command("verify", "nonsense")
