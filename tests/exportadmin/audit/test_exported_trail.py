"""A trail that was exported is verified without the database, beside the checkpoints that were kept with it."""

from __future__ import annotations

import io
import json
import random

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from exportadmin.audit import actions, chain, queries
from exportadmin.audit.canonical import canonical
from exportadmin.audit.checkpoints import form
from exportadmin.audit.checkpoints.comparing import verify_file
from exportadmin.audit.checkpoints.taking import take
from exportadmin.audit.trails import ExportedTrail
from tests.exportadmin.audit.support import ALICE, fill

pytestmark = pytest.mark.django_db
COUNT = 40


@pytest.fixture
def exported(tmp_path):
    """The file of 41 entries, the last of which tells of the export, and its lines, newest first."""
    for _ in range(4):
        fill(COUNT // 4)
        take(form.INTERVAL)
    chunks, _ = actions.export_entries(queries.search(), form="ndjson", params={}, actor=ALICE)
    file = tmp_path / "audit.ndjson"
    file.write_bytes(b"".join(chunks))
    return file, file.read_bytes().splitlines()


def found(file):
    verdict = verify_file(settings.CHECKPOINTS_FILE, trail=ExportedTrail(file))
    return verdict.kind, verdict.sequence


def put(file, lines):
    file.write_bytes(b"".join(line + b"\n" for line in lines))


def test_an_export_is_whole_in_either_order(exported):
    file, lines = exported
    verdict = verify_file(settings.CHECKPOINTS_FILE, trail=ExportedTrail(file))
    assert (verdict.unbroken, verdict.entries, verdict.witnesses) == (True, COUNT + 1, 5)
    put(file, reversed(lines))
    assert found(file) == (None, None)


def test_a_changed_byte_is_found_at_its_entry(exported):
    file, lines = exported
    dice = random.Random(3)
    for place, line in enumerate(lines):
        sequence = COUNT + 1 - place
        number = line.index(b'"sequence":') + 11
        at = dice.choice([at for at in range(len(line)) if not number <= at <= number + 2])
        put(file, [*lines[:place], line[:at] + bytes([line[at] ^ 1]) + line[at + 1 :], *lines[place + 1 :]])
        assert found(file) == ("altered", sequence), (sequence, at)


def test_a_changed_number_is_found(exported):
    file, lines = exported
    for place in range(1, COUNT):
        document = json.loads(lines[place])
        sequence = document["sequence"]
        document["sequence"] += 3
        put(file, [*lines[:place], canonical(document), *lines[place + 1 :]])
        kind, at = found(file)
        assert kind in ("missing", "reordered", "duplicated") and at in (sequence, sequence + 3), (kind, at, sequence)


def test_dropped_repeated_and_swapped_lines_are_found(exported):
    file, lines = exported
    for place in range(1, COUNT):
        sequence = COUNT + 1 - place
        put(file, lines[:place] + lines[place + 1 :])
        assert found(file) == ("missing", sequence)
        put(file, [*lines[:place], lines[place], *lines[place:]])
        assert found(file) == ("reordered", sequence)
        put(file, [*lines[:place], lines[place + 1], lines[place], *lines[place + 2 :]])
        kind, at = found(file)
        assert kind == "reordered" and at in (sequence, sequence - 1)


def test_a_cut_end_and_a_cut_beginning_are_found(exported):
    file, lines = exported
    for cut in range(1, COUNT):
        put(file, lines[cut:])
        assert found(file) == ("truncated", COUNT + 2 - cut)
        put(file, lines[:-cut])
        assert found(file) == ("missing", 1)


def test_an_export_hashed_anew_is_found_at_its_first_entry(exported):
    file, lines = exported
    entries = [json.loads(line) for line in reversed(lines)]
    for first in range(COUNT):
        changed = [dict(entry) for entry in entries]
        changed[first]["actor_name"] = "mallory"
        for place in range(first, len(changed)):
            if place > first:
                changed[place]["previous_hash"] = changed[place - 1]["hash"]
            rest = {name: value for name, value in changed[place].items() if name != "hash"}
            columns = {column: rest[chain.JSON_FIELDS.get(column, column)] for column in chain.HASHED}
            texts = {column: canonical(columns[column]).decode() for column in chain.JSON_FIELDS}
            changed[place]["hash"] = chain.digest({**columns, **texts})
        put(file, map(canonical, reversed(changed)))
        assert found(file) == ("rewritten", first + 1)


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("verify_audit", *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue().strip()


def test_the_command_takes_the_file_and_the_checkpoints(exported, tmp_path):
    file, lines = exported
    kept = tmp_path / "kept.ndjson"
    kept.write_bytes(settings.CHECKPOINTS_FILE.read_bytes())
    code, said = run("--export", file, "--checkpoints", kept)
    assert code == 0 and said.startswith(f"{COUNT + 1} entries, unbroken since 20") and "5 witnesses" in said
    fill(5)
    take(form.INTERVAL)
    # the checkpoints of this machine go on, an export does not
    assert run("--export", file)[0] == 0
    assert run("--export", file, "--checkpoints", settings.CHECKPOINTS_FILE)[0] == 1
    assert run("--checkpoints", settings.CHECKPOINTS_FILE)[0] == 0
    put(file, lines[4:])
    code, said = run("--export", file, "--checkpoints", kept)
    assert code == 1 and f"broken at entry {COUNT - 2} (truncated)" in said
    put(file, [*lines[:7], lines[7].replace(b"actor_kind", b"actor_kinds"), *lines[8:]])
    code, said = run("--export", file)
    assert code == 1 and "it has not the members of one" in said
    code, said = run("--export", tmp_path / "none")
    assert code == 2 and said.startswith("--export: ")
    code, said = run("--checkpoints", tmp_path / "none")
    assert code == 2 and said.startswith("--checkpoints: ")
