"""Whatever is done to a trail of 1,000 entries is found, with the first bad entry and the kind named."""

from __future__ import annotations

import os

import pytest
from django.db import DatabaseError, DataError, connection, transaction

from exportadmin.audit import chain
from exportadmin.audit import verify as verifying
from exportadmin.audit.models import GENESIS, AuditEntry
from exportadmin.audit.verify import verify
from tests.exportadmin.audit.support import head, insert, set_head, sql, stored

# django_db: for pytest-django to make the database when this file is run by itself
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("thousand")]
ENDS_AND_MIDDLE = (1, 2, 500, 501, 999, 1000)
# `make soak` takes every entry, the suite a sample
EVERY = 1 if os.environ.get("SOAK") else 5


def found():
    verdict = verify()
    assert not verdict.unbroken
    assert f"entry {verdict.sequence} ({verdict.kind})" in verdict.summary
    return verdict.kind, verdict.sequence


def move(old, new):
    sql("UPDATE {entry} SET sequence = %s WHERE sequence = %s", new, old)


def swap(one, other):
    move(one, 5_000)
    move(other, one)
    move(5_000, other)


def flipped(value, at):
    """The stored value with the lowest bit of its byte ``at`` turned over; None where that is no text any more."""
    raw = bytearray(str(value).encode("utf-8"))
    raw[at] ^= 1
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def test_an_untouched_trail_is_unbroken():
    verdict = verify()
    assert (verdict.unbroken, verdict.entries, verdict.head) == (True, 1000, head())
    assert verdict.summary.startswith("1,000 entries, unbroken since 20") and verdict.summary.endswith(
        f"1000:{head()[1]}"
    )


def test_every_column_of_the_table_is_hashed():
    assert set(chain.HASHED) == {column.attname for column in AuditEntry._meta.concrete_fields} - {"hash"}


def test_a_flipped_byte_in_any_column_is_found_in_the_database():
    for sequence in ENDS_AND_MIDDLE:
        before = stored(sequence)
        for column in chain.STORED[1:]:
            value = before[column]
            if column == "at_ms" or isinstance(value, int):
                changed = value ^ 1
            elif value is None:
                changed = 1
            else:
                changed = flipped(value, 0) if value else "x"
            with transaction.atomic():
                sql(f"UPDATE {{entry}} SET {column} = %s WHERE sequence = %s", changed, sequence)
                assert found() == ("altered", sequence), column
                transaction.set_rollback(True)
    assert verify().unbroken


def test_every_byte_of_every_entry_counts():
    """Each byte of each stored column of every fifth entry (in ``make soak``: of all), one flip at a time."""
    flips = 0
    for row in AuditEntry.objects.filter(sequence__lte=1000).values(*chain.STORED):
        if row["sequence"] % EVERY:
            continue
        assert verifying._digest(row) == row["hash"]
        for column in chain.STORED:
            value = row[column]
            for at in range(len(str(value).encode("utf-8")) if value is not None else 0):
                changed = flipped(value, at)
                if changed is None:
                    continue
                if isinstance(value, int):
                    if not changed.lstrip("-").isdigit():
                        continue
                    changed = int(changed)
                tampered = {**row, column: changed}
                assert verifying._digest(tampered) != tampered["hash"], (column, at)
                flips += 1
    assert flips > 250_000 // EVERY
    print(f"{flips:,} flipped bytes in {1000 // EVERY:,} entries, all of them found")


@pytest.mark.parametrize(
    "text", ['{"a":1 }', '{"a":1,"a":1}', "{", "", "NaN", "[1e2]", '"\\u0041"', "[" * 100_000, '"\\ud800"']
)
def test_json_that_is_not_as_it_was_written_is_found(text):
    sql("UPDATE {entry} SET details_json = %s WHERE sequence = 500", text)
    assert found() == ("altered", 500)


def test_text_that_the_database_cannot_decode_is_found_or_refused_by_it():
    if connection.vendor == "postgresql":
        with pytest.raises(DataError), transaction.atomic():
            sql("UPDATE {entry} SET reason = convert_from('\\xff'::bytea, 'UTF8') WHERE sequence = 500")
        return
    sql("UPDATE {entry} SET reason = CAST(x'ff' AS TEXT) WHERE sequence = 500")
    assert found() == ("altered", 500)


def test_another_type_in_a_column_is_found_where_the_database_lets_it_in():
    try:
        with transaction.atomic():
            sql("UPDATE {entry} SET hash = %s WHERE sequence = 500", stored(500)["hash"].encode())
    except DatabaseError:
        return  # PostgreSQL keeps its types
    assert found() == ("altered", 500)


def test_an_entry_rewritten_with_its_hash_breaks_the_next_one():
    row = {**stored(500), "actor_name": "mallory"}
    sql("UPDATE {entry} SET actor_name = 'mallory', hash = %s WHERE sequence = 500", chain.digest(row))
    assert found() == ("altered", 501)


def test_a_first_entry_rewritten_with_its_hash_is_found_by_itself():
    """Nothing comes before it, and it says so: one that follows something is not the first that was written."""
    row = {**stored(1), "previous_hash": "f" * 64}
    sql("UPDATE {entry} SET previous_hash = %s, hash = %s WHERE sequence = 1", row["previous_hash"], chain.digest(row))
    assert found() == ("altered", 1)
    assert "it is not the first entry that was written" in verify().summary


def test_a_trail_rewritten_whole_is_found_by_a_kept_head_only():
    kept, early = head(), (400, stored(400)["hash"])
    previous = stored(499)["hash"]
    for sequence in range(500, 1001):
        row = {**stored(sequence), "previous_hash": previous}
        if sequence == 500:
            row["actor_name"] = "mallory"
        previous = chain.digest(row)
        sql(
            "UPDATE {entry} SET actor_name = %s, previous_hash = %s, hash = %s WHERE sequence = %s",
            row["actor_name"], row["previous_hash"], previous, sequence,
        )  # fmt: skip
    set_head(1000, previous)
    assert verify().unbroken
    assert verify(early).unbroken
    verdict = verify(kept)
    assert (verdict.kind, verdict.sequence) == ("rewritten", 1000)
    assert "kept head" in verdict.summary


@pytest.mark.parametrize("sequence", [1, 2, 500, 999])
def test_a_dropped_entry_is_missing(sequence):
    sql("DELETE FROM {entry} WHERE sequence = %s", sequence)
    assert found() == ("missing", sequence)


def test_a_dropped_stretch_is_missing_from_its_first():
    sql("DELETE FROM {entry} WHERE sequence BETWEEN 300 AND 700")
    assert found() == ("missing", 300)
    assert "entries 300 to 700 are gone" in verify().summary


def test_a_dropped_entry_is_missing_also_when_the_others_move_up():
    sql("DELETE FROM {entry} WHERE sequence = 990")
    for sequence in range(991, 1001):
        move(sequence, sequence - 1)
    set_head(999, head()[1])
    assert found() == ("missing", 990)


@pytest.mark.parametrize(("one", "other"), [(1, 2), (1, 1000), (499, 500), (3, 900), (999, 1000)])
def test_swapped_entries_are_reordered(one, other):
    swap(one, other)
    assert found() == ("reordered", one)


def test_an_entry_moved_to_the_end_is_reordered():
    move(500, 1001)
    assert found() == ("reordered", 500)
    assert "stands at 1001" in verify().summary


@pytest.mark.parametrize("place", [0, -5])
def test_an_entry_moved_before_the_first_is_reordered(place):
    move(500, place)
    assert found() == ("reordered", place)


def test_an_entry_appended_once_more_is_duplicated():
    insert({**stored(500), "sequence": 1001})
    assert found() == ("duplicated", 1001)
    set_head(1001, stored(500)["hash"])
    assert found() == ("duplicated", 1001)
    assert "entry 500 once more" in verify().summary


def test_an_entry_squeezed_in_once_more_is_duplicated():
    for sequence in range(1000, 990, -1):
        move(sequence, sequence + 1)
    insert({**stored(990), "sequence": 991})
    set_head(1001, head()[1])
    assert found() == ("duplicated", 991)


def test_an_entry_written_over_by_another_is_duplicated():
    row = stored(10)
    assignments = ", ".join(f"{column} = %s" for column in chain.STORED[1:])
    sql(f"UPDATE {{entry}} SET {assignments} WHERE sequence = 500", *(row[column] for column in chain.STORED[1:]))
    assert found() == ("duplicated", 500)


@pytest.mark.parametrize("left", [999, 500, 1, 0])
def test_a_trail_cut_at_its_end_is_truncated(left):
    sql("DELETE FROM {entry} WHERE sequence > %s", left)
    assert found() == ("truncated", left + 1)


@pytest.mark.parametrize("left", [999, 500, 1, 0])
def test_a_trail_cut_together_with_its_head_is_truncated_against_a_kept_head(left):
    kept = head()
    sql("DELETE FROM {entry} WHERE sequence > %s", left)
    if left:
        set_head(left, stored(left)["hash"])
    else:
        sql("DELETE FROM {head}")
    assert verify().unbroken
    verdict = verify(kept)
    assert (verdict.kind, verdict.sequence) == ("truncated", left + 1)


def test_a_head_that_is_gone_is_truncated():
    sql("DELETE FROM {head}")
    assert found() == ("truncated", 1001)


def test_a_head_set_back_is_found():
    set_head(990, stored(990)["hash"])
    assert found() == ("altered", 991)


def test_a_head_with_another_hash_is_found():
    set_head(1000, GENESIS)
    assert found() == ("altered", 1000)


def test_the_first_bad_entry_is_named_when_several_are():
    sql("UPDATE {entry} SET reason = 'x' WHERE sequence IN (700, 300)")
    sql("DELETE FROM {entry} WHERE sequence = 400")
    assert found() == ("altered", 300)


def test_a_kept_head_inside_the_trail_is_confirmed():
    for sequence in ENDS_AND_MIDDLE:
        assert verify((sequence, stored(sequence)["hash"])).unbroken
    assert verify((0, GENESIS)).unbroken
    assert verify((0, "1" * 64)).kind == "rewritten"
