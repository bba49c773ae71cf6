"""Checkpoints outside the database: what is written when, and what is found by them that the trail alone hides."""

from __future__ import annotations

import json
import random
import stat

import pytest
from django.conf import settings
from django.db import connection, transaction

from exportadmin.audit import chain, triggers
from exportadmin.audit.checkpoints import file, form
from exportadmin.audit.checkpoints.comparing import verify_here
from exportadmin.audit.checkpoints.file import lines
from exportadmin.audit.checkpoints.form import parse
from exportadmin.audit.checkpoints.taking import AtIntervals, DiffersError, take, take_quietly
from exportadmin.audit.models import CheckpointSeries
from exportadmin.audit.verify import verify
from exportadmin.lib import times
from exportadmin.lib.signing import SigningKey, known_keys
from tests.exportadmin.audit.support import cut, fill, head, rehash, set_head, sql, stored

pytestmark = pytest.mark.django_db


def written():
    return [parse(raw) for raw in lines(settings.CHECKPOINTS_FILE)]


def found():
    verdict = verify_here(everywhere=True)
    return verdict.kind, verdict.sequence


@pytest.fixture
def trail():
    """60 entries, a checkpoint after each ten; the triggers are gone."""
    for _ in range(6):
        fill(10)
        take(form.INTERVAL)
    triggers.remove(connection)


def test_a_checkpoint_holds_the_head_and_is_signed_and_names_the_one_before():
    fill(3)
    assert take(form.INTERVAL) == head()
    fill(2)
    take(form.DELIVERY)
    one, two = written()
    assert (one.number, one.sequence, one.hash, one.cause) == (1, 3, stored(3)["hash"], "interval")
    assert (two.number, two.sequence, two.hash, two.cause) == (2, 5, head()[1], "delivery")
    assert two.previous == one.sha256 and one.previous == "0" * 64
    assert one.series == two.series
    assert one.tags == "".join(stored(sequence)["hash"][:8] for sequence in (1, 2, 3))
    assert all(each.is_signed_by(known_keys()) for each in (one, two))
    forged = parse(one.raw.replace(b'"cause":"interval"', b'"cause":"delivery"'))
    assert not forged.is_signed_by(known_keys())


def test_the_file_is_for_its_owner_only():
    fill(1)
    take(form.INTERVAL)
    assert stat.S_IMODE(settings.CHECKPOINTS_FILE.stat().st_mode) == 0o600


def test_nothing_is_written_where_nothing_happened_but_once_an_hour(monkeypatch):
    fill(1)
    for _ in range(3):
        take(form.INTERVAL)
    assert len(written()) == 1
    now = times.now_ms()
    monkeypatch.setattr(times, "now_ms", lambda: now + 3_700_000)
    take(form.DELIVERY)
    assert len(written()) == 1
    take(form.INTERVAL)
    assert [(one.sequence, one.tags) for one in written()][1] == (1, "")
    assert verify_here(everywhere=True).unbroken


def test_the_worker_writes_one_each_interval_unless_a_delivery_has_just_done_so(settings, monkeypatch):
    settings.CHECKPOINT_MINUTES = 2
    clock = [0.0]
    now = times.now_ms()
    monkeypatch.setattr(times, "now_ms", lambda: now + int(clock[0] * 1000))
    chore = AtIntervals(clock=lambda: clock[0])
    for clock[0], many in ((0.0, 1), (60.0, 1), (119.0, 1), (121.0, 2)):
        fill(1)
        chore.tick()
        assert len(written()) == many, clock
    fill(1)
    clock[0] = 200.0
    take(form.DELIVERY)
    clock[0] = 242.0
    chore.tick()
    assert len(written()) == 3


def test_a_long_trail_takes_several_lines(monkeypatch):
    monkeypatch.setattr(form, "MOST_ENTRIES", 4)
    fill(10)
    take(form.INTERVAL)
    assert [(one.first, one.sequence) for one in written()] == [(1, 4), (5, 8), (9, 10)]
    assert verify_here(everywhere=True).unbroken


def test_none_is_taken_inside_a_transaction_that_may_still_be_rolled_back():
    with transaction.atomic(), pytest.raises(RuntimeError):
        take(form.INTERVAL)


def test_a_trail_that_goes_on_is_unbroken_beside_its_checkpoints(trail):
    fill(3)
    verdict = verify_here(everywhere=True)
    assert (verdict.unbroken, verdict.entries, verdict.witnesses, verdict.notes) == (True, 63, 6, ())


@pytest.mark.parametrize("left", [59, 55, 50, 10, 1])
def test_a_cut_tail_is_truncated_and_says_what_was_witnessed_last_and_when(trail, left):
    cut(left)
    assert verify().unbroken
    verdict = verify_here(everywhere=True)
    assert (verdict.kind, verdict.sequence) == ("truncated", left + 1)
    assert "entry 60, by checkpoint 6 at 20" in verdict.message


def test_an_older_database_in_its_place_is_rolled_back():
    fill(10)
    take(form.INTERVAL)
    older = CheckpointSeries.objects.get()
    fill(10)
    take(form.INTERVAL)
    triggers.remove(connection)
    cut(10)
    older.save()
    assert verify().unbroken
    assert found() == ("rolled back", 11)


def test_a_trail_that_went_on_after_it_was_set_back_is_rolled_back(trail, monkeypatch):
    cut(25)
    now = times.now_ms()
    monkeypatch.setattr(times, "now_ms", lambda: now + 60_000)
    fill(50)
    assert verify().unbroken
    assert found() == ("rolled back", 26)


def test_a_trail_written_anew_with_all_its_hashes_is_found_at_its_first_entry(trail):
    dice = random.Random(1)
    for first in (1, 60, *dice.sample(range(2, 60), 8)):
        with transaction.atomic():
            rehash(first, actor_name="mallory")
            assert verify().unbroken
            assert found() == ("rewritten", first)
            transaction.set_rollback(True)


def test_a_dropped_entry_is_found_also_when_all_behind_it_follow(trail):
    sql("DELETE FROM {entry} WHERE sequence = 33")
    for sequence in range(34, 61):
        sql("UPDATE {entry} SET sequence = %s WHERE sequence = %s", sequence - 1, sequence)
    set_head(59, stored(59)["hash"])
    previous = stored(32)["hash"]
    for sequence in range(33, 60):
        row = {**stored(sequence), "previous_hash": previous}
        previous = chain.digest(row)
        sql(
            "UPDATE {entry} SET previous_hash = %s, hash = %s WHERE sequence = %s",
            row["previous_hash"],
            previous,
            sequence,
        )
    set_head(59, previous)
    assert verify().unbroken
    assert found() == ("rewritten", 33)


def test_no_checkpoint_is_written_of_a_trail_that_is_not_the_one_that_was_witnessed(trail):
    cut(55)
    with pytest.raises(DiffersError, match="entry 60, which checkpoint 6 has witnessed, is not there any more"):
        take(form.INTERVAL)
    fill(10)
    with pytest.raises(DiffersError, match="is another one now"):
        take(form.INTERVAL)
    assert len(written()) == 6


# --- the checkpoints themselves --------------------------------------------------------------------------------------


def change(edit):
    path = settings.CHECKPOINTS_FILE
    kept = path.read_bytes().splitlines(keepends=True)
    edit(kept)
    path.write_bytes(b"".join(kept))


def test_a_file_that_is_gone_is_told_and_not_begun_anew(trail):
    settings.CHECKPOINTS_FILE.unlink()
    verdict = verify_here(everywhere=True)
    assert verdict.kind == "checkpoints gone"
    assert "checkpoint 6 was written there" in verdict.summary
    with pytest.raises(DiffersError, match="is gone"):
        take(form.INTERVAL)


@pytest.mark.parametrize("kept", [1, 3, 4])
def test_a_file_that_was_shortened_is_told(trail, kept):
    change(lambda lines: lines.__delitem__(slice(kept, None)))
    verdict = verify_here(everywhere=True)
    assert (verdict.kind, verdict.sequence) == ("checkpoints shortened", kept * 10)
    assert f"ends with checkpoint {kept}; checkpoint 6 was written" in verdict.message
    with pytest.raises(DiffersError, match="checkpoint 6 was written"):
        take(form.INTERVAL)


def test_a_trail_and_a_file_that_were_cut_together_are_found_by_the_line_in_the_database(trail):
    change(lambda lines: lines.__delitem__(slice(3, None)))
    cut(30)
    assert found() == ("truncated", 31)


@pytest.mark.parametrize("place", range(6))
def test_a_dropped_line_is_told(trail, place):
    change(lambda lines: lines.pop(place))
    fill(1)
    if place == 5:  # the database still has it: the file is one behind, as after a crash
        take(form.INTERVAL)
        assert [one.number for one in written()] == [1, 2, 3, 4, 5, 6, 7]
        assert verify_here(everywhere=True).unbroken
        return
    verdict = verify_here(everywhere=True)
    assert verdict.kind == "checkpoints altered"
    assert f"checkpoint {place + 1} is gone" in verdict.message


def test_swapped_and_repeated_lines_are_told(trail):
    change(lambda lines: lines.insert(3, lines.pop(2)))
    assert found()[0] == "checkpoints altered"
    change(lambda lines: lines.insert(2, lines.pop(3)))
    assert verify_here(everywhere=True).unbroken
    change(lambda lines: lines.insert(3, lines[2]))
    assert "checkpoint 3 stands behind checkpoint 3" in verify_here(everywhere=True).message


def test_every_byte_of_a_line_counts(trail):
    path = settings.CHECKPOINTS_FILE
    whole = path.read_bytes()
    dice = random.Random(2)
    for at in dice.sample(range(len(whole)), 60):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        verdict = verify_here(everywhere=True)
        assert not verdict.unbroken and (verdict.kind or "").startswith("checkpoints"), at
    path.write_bytes(whole)
    assert verify_here(everywhere=True).unbroken


def test_a_line_of_another_key_is_told(trail, settings):
    before = settings.SIGNING_KEYS
    settings.SIGNING_KEYS = ["x" * 20 + "abcdefghijklmnopqrstuvwxyz0123456789"]
    verdict = verify_here(everywhere=True)
    assert verdict.kind == "checkpoints altered" and "which is not ours" in verdict.message
    settings.SIGNING_KEYS = [*settings.SIGNING_KEYS, *before]
    fill(1)
    take(form.INTERVAL)
    assert verify_here(everywhere=True).unbroken


def test_a_process_that_died_before_the_line_was_in_the_file_leaves_no_fault(trail):
    change(lambda lines: lines.pop())
    assert verify_here(everywhere=True).unbroken
    cut(55)
    assert found() == ("truncated", 56)


def test_a_piece_of_a_line_is_taken_away_and_no_fault(trail):
    with settings.CHECKPOINTS_FILE.open("ab") as opened:
        opened.write(b'{"at":"20')
    assert verify_here(everywhere=True).unbroken
    fill(1)
    take(form.INTERVAL)
    assert [one.number for one in written()] == [1, 2, 3, 4, 5, 6, 7]


def test_lines_are_read_back_whatever_their_length():
    fill(1)
    take(form.INTERVAL)
    fill(1_500)
    take(form.INTERVAL)
    fill(1)
    take(form.INTERVAL)
    assert [one.sequence for one in written()] == [1, 1501, 1502]
    assert settings.CHECKPOINTS_FILE.stat().st_size > 12_000
    assert json.loads(written()[1].raw)["first"] == 2


def test_a_process_that_does_not_let_go_of_the_file_stops_nobody(monkeypatch):
    monkeypatch.setattr(file, "LOCK_SECONDS", 0.0)
    fill(1)
    with file.held(settings.CHECKPOINTS_FILE):
        with pytest.raises(BlockingIOError):
            take(form.INTERVAL)
        assert take_quietly(form.DELIVERY) is None
    take(form.INTERVAL)
    assert len(written()) == 1


def test_a_forged_line_that_tells_of_a_break_hides_no_cut_trail(trail):
    """Anybody who may write the file can add a line; what it says was accepted counts only if we have signed it."""
    last = written()[-1]
    now = times.now_ms()
    broken = form.Break(now, 21, "truncated", "cut", "restored", "alice", "0" * 64)
    forged = form.write(
        series=last.series, number=last.number + 1, previous=last.sha256, at_ms=now, installation=last.installation,
        cause=form.INTERVAL, sequence=20, hash=stored(20)["hash"], tags="", breaks=(broken,), key=SigningKey("Q" * 43),
    )  # fmt: skip
    with settings.CHECKPOINTS_FILE.open("ab") as file:
        file.write(forged.raw + b"\n")
    cut(20)
    verdict = verify_here(everywhere=True)
    assert (verdict.sequence, verdict.entries) == (21, 20)
    assert verdict.kind in ("truncated", "rolled back")
    assert "the last that was witnessed is entry 60" in verdict.message
    assert "accepted" not in " ".join(verdict.notes)
