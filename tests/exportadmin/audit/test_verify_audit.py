"""The command: one line, and an exit code that a script can go by."""

from __future__ import annotations

import io
import json
import tracemalloc

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from exportadmin.audit import trails, triggers
from exportadmin.audit.verify import parse_head, verify
from exportadmin.lib.errors import UserError
from tests.exportadmin.audit.support import fill, head, sql


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    code, error_text = 0, ""
    try:
        call_command("verify_audit", *arguments, stdout=out, stderr=err)
    except CommandError as error:
        code, error_text = error.returncode, str(error)
    assert "\n" not in error_text
    return code, out.getvalue().strip(), error_text


def test_an_empty_trail_is_unbroken(db):
    assert run() == (0, "0 entries, none yet, head 0:" + "0" * 64, "")


def test_an_unbroken_trail_says_so_and_names_its_head(db):
    fill(3)
    code, out, _ = run()
    assert code == 0
    assert out.startswith("3 entries, unbroken since 2") and out.endswith(f"Z, head 3:{head()[1]}")
    kept = out.rpartition(" ")[2]
    fill(2)
    assert run("--head", kept)[0] == 0


def test_a_broken_trail_is_one_line_and_exit_code_1(db):
    fill(3)
    with triggers.lifted(connection):
        sql("DELETE FROM {entry} WHERE sequence = 2")
    code, out, error_text = run()
    assert (code, out) == (1, "")
    assert error_text == "the audit trail is broken at entry 2 (missing): it is gone; entry 3 follows entry 1"


def test_json_says_the_same(db):
    fill(3)
    code, out, _ = run("--json")
    told = json.loads(out)
    assert code == 0
    assert (told["unbroken"], told["entries"], told["head"], told["kind"]) == (
        True,
        3,
        {"sequence": 3, "hash": head()[1]},
        None,
    )
    assert told["missing_triggers"] == []
    with triggers.lifted(connection):
        sql("UPDATE {entry} SET reason = 'x' WHERE sequence = 3")
    code, out, _ = run("--json")
    told = json.loads(out)
    assert (code, told["unbroken"], told["sequence"], told["kind"]) == (1, False, 3, "altered")


@pytest.mark.parametrize(
    "text", ["", "x", "3", "3:abc", ":" + "0" * 64, "-1:" + "0" * 64, "3:" + "G" * 64, "٣:" + "0" * 64]
)
def test_a_head_that_is_none_is_wrong_use(db, text):
    if text:
        code, out, error_text = run(f"--head={text}")
        assert (code, out) == (2, "") and "SEQUENCE:HASH" in error_text
    with pytest.raises(UserError):
        parse_head(text)


@given(st.integers(0, 10**18 - 1), st.binary(min_size=32, max_size=32))
def test_a_head_reads_back_as_it_was_printed(sequence, raw):
    assert parse_head(f"{sequence}:{raw.hex()}") == (sequence, raw.hex())


def test_memory_does_not_grow_with_the_trail(db, monkeypatch):
    monkeypatch.setattr(trails, "PAGE", 20)
    peaks = []
    for more in (100, 900):
        fill(more)
        connection.queries_log.clear()
        verify()
        tracemalloc.start()
        verify()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5
