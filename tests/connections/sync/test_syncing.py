"""What a sync brings, how far it says it has read, and what it takes away."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from connections.platforms.base import LostAnswerError, Waiting
from connections.rows.body import head_of
from connections.store.models import StoreRow, StoreTombstone
from connections.sync import runner
from connections.sync.actions import change_mirror, request_sync
from connections.sync.models import FULL, INCREMENTAL, Mirror, SyncRun
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import PermanentError
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from tests.connections.sync.conftest import ME, MINUTE, keys, remote_row

pytestmark = pytest.mark.django_db(transaction=True)


def asked(server):
    """What was asked for, in order."""
    return [wanted for _, wanted, _ in server.exports.values()]


def test_the_first_sync_reads_everything_and_keeps_the_platforms_time(server, mirrored, sync):
    run = sync()
    assert (run.status, run.mode, run.error) == ("completed", FULL, "")
    assert run.summary["created"] == run.summary["rows"] == 30
    assert keys(mirrored) == {row["file_id"] for row in server.rows["remote"]}
    mirror = Mirror.objects.get()
    assert mirror.watermark_ms == server.now_ms
    assert mirror.synced_at == mirror.full_synced_at == run.asked_at
    assert (run.remote_id, run.remote_name) == ("remote-1", asked(server)[0].name)
    assert list((settings.EXPORTADMIN_HOME / "syncs").iterdir()) == [], "what was fetched is gone"


def test_the_next_one_asks_for_what_changed_with_an_overlap(server, mirrored, sync):
    sync()
    first = server.now_ms
    server.rows["remote"][3] |= {"file_status": "accepted", "updated_at": first + MINUTE}
    server.rows["remote"][4] |= {"file_status": "accepted", "updated_at": first - 5 * MINUTE}
    run = sync()
    assert (run.mode, run.since_ms) == (INCREMENTAL, first - 10 * MINUTE)
    assert (run.summary["rows"], run.summary["updated"]) == (2, 2)
    assert Mirror.objects.get().watermark_ms == server.now_ms
    assert set(StoreRow.objects.filter(status="accepted").values_list("global_key", flat=True)) == {
        "file-003",
        "file-004",
    }


def test_a_file_that_was_renamed_there_is_the_same_row(server, mirrored, sync):
    sync()
    server.rows["remote"][3] |= {"file_name": "renamed.jpg", "updated_at": server.now_ms + MINUTE}
    run = sync()
    assert (run.status, run.summary["updated"], run.summary["refused_count"]) == ("completed", 1, 0)
    row = StoreRow.objects.get(project=mirrored, global_key="file-003")
    assert "renamed.jpg" in row.body


def test_incremental_syncs_come_to_the_same_as_reading_all_anew(server, mirrored, sync):
    """Brute force: whatever changes, appears and comes again, the mirror is what the platform holds."""
    chance = random.Random(11)
    sync()
    for step in range(6):
        now = server.now_ms
        for row in chance.sample(server.rows["remote"], 4):
            row |= {
                "file_status": chance.choice(["review", "accepted"]),
                "updated_at": now + chance.randint(-9, 59) * MINUTE,
                "remarks": f"{step}",
            }
        server.rows["remote"].append(remote_row(100 + step, updated_at=now + MINUTE))
        run = sync()
        assert (run.mode, run.status) == (INCREMENTAL, "completed"), run.error
        assert run.summary["rows"] <= 15
        there = {row["file_id"]: (row["file_status"], row.get("remarks")) for row in server.rows["remote"]}
        here = {
            row.global_key: (row.status, _extra(row).get("remarks"))
            for row in StoreRow.objects.filter(project=mirrored)
        }
        assert here == there


def _extra(row):
    return head_of(row.body, is_whole=True)["source_extra"].get("labellerr", {})


def test_nothing_new_is_no_failure_and_the_mirror_is_up_to_date(server, mirrored, sync):
    sync()
    watermark = Mirror.objects.get().watermark_ms
    run = sync()
    assert (run.status, run.mode, run.summary["rows"], run.remote_id) == ("completed", INCREMENTAL, 0, "")
    mirror = Mirror.objects.get()
    assert mirror.watermark_ms == watermark, "no clock was told"
    assert mirror.synced_at == run.asked_at


def test_a_full_one_is_due_after_the_hours_that_were_set(mirrored, sync):
    sync()
    assert sync().mode == INCREMENTAL
    Mirror.objects.update(full_synced_at=timezone.now() - timedelta(hours=24))
    assert sync().mode == FULL
    assert sync().mode == INCREMENTAL
    assert sync(FULL).mode == FULL
    change_mirror(project=mirrored, actor=ME, full_every_hours=0)
    assert sync().mode == FULL


def test_rows_that_are_gone_leave_tombstones_with_a_reason(server, mirrored, sync):
    sync()
    del server.rows["remote"][10:13]
    run = sync(FULL)
    assert (run.status, run.summary["gone"], run.summary["unchanged"]) == ("completed", 3, 27)
    assert keys(mirrored) == {row["file_id"] for row in server.rows["remote"]}
    stones = StoreTombstone.objects.filter(project=mirrored)
    assert {stone.global_key for stone in stones} == {"file-010", "file-011", "file-012"}
    assert {stone.reason for stone in stones} == {f"not in Toy any more ({run.label})"}
    assert AuditEntry.objects.get(event="sync.completed", object_id=run.public_id).details["gone"] == 3


def test_an_incremental_sync_takes_nothing_away(server, mirrored, sync):
    sync()
    del server.rows["remote"][:20]
    server.rows["remote"][0]["updated_at"] = server.now_ms + MINUTE
    assert sync().status == "completed"
    assert len(keys(mirrored)) == 30


def test_many_rows_gone_are_taken_away_only_where_somebody_asked_for_a_full_sync(server, mirrored, sync):
    sync()
    del server.rows["remote"][:25]
    Mirror.objects.update(full_due=True)
    run = sync()
    assert (run.status, run.mode) == ("failed", FULL)
    assert "25 of 30 rows of the mirror are not among those that Toy sent" in run.error
    assert "ask for a full sync" in run.error
    assert len(keys(mirrored)) == 30
    assert sync(FULL).summary["gone"] == 25
    assert len(keys(mirrored)) == 5


def test_a_platform_that_says_it_has_no_rows_is_asked_twice(server, mirrored, sync, monkeypatch):
    monkeypatch.setattr(runner, "CONFIRM_AFTER", timedelta(0))
    sync()
    server.rows["remote"] = []
    Mirror.objects.update(full_due=True)
    run = sync()
    assert run.status == "failed"
    assert "says that it has no rows" in run.error
    asks = []
    server.before = lambda step: asks.append(step) if step == "ask" else None
    run = sync(FULL)
    assert (run.status, run.summary["gone"], len(asks)) == ("completed", 30, 2)
    assert keys(mirrored) == set()


def test_one_that_has_rows_the_second_time_keeps_them(server, mirrored, sync, monkeypatch):
    monkeypatch.setattr(runner, "CONFIRM_AFTER", timedelta(0))
    sync()
    rows, server.rows["remote"] = server.rows["remote"], []
    asks = []

    def before(step):
        if step == "ask":
            asks.append(step)
            if len(asks) == 2:
                server.rows["remote"] = rows

    server.before = before
    run = sync(FULL)
    assert (run.status, run.summary["gone"], run.summary["unchanged"]) == ("completed", 0, 30)


def test_an_empty_project_is_mirrored_empty(server, mirrored, sync):
    server.rows["remote"] = []
    run = sync()
    assert (run.status, run.summary["rows"]) == ("completed", 0)
    assert Mirror.objects.get().watermark_ms is None


def test_refused_rows_are_listed_stay_here_and_come_again(server, mirrored, sync):
    sync()
    watermark = Mirror.objects.get().watermark_ms
    server.rows["remote"][2] |= {"file_status": "nobody knows", "updated_at": server.now_ms + MINUTE}
    run = sync()
    assert (run.status, run.summary["refused_count"]) == ("failed", 1), "it was the only one"
    server.rows["remote"][3] |= {"updated_at": server.now_ms + MINUTE, "remarks": "new"}
    run = sync()
    assert (run.status, run.summary["refused_count"], run.summary["updated"]) == ("partial", 1, 1)
    assert Mirror.objects.get().watermark_ms == watermark, "it stays behind"
    run = sync(FULL)
    assert (run.status, run.summary["gone"]) == ("partial", 0), "it is there, if it cannot be read"
    server.rows["remote"][2]["file_status"] = "accepted"
    assert sync().status == "completed"
    assert Mirror.objects.get().watermark_ms == server.now_ms
    assert StoreRow.objects.get(global_key="file-002").status == "accepted"


def test_where_a_refused_row_says_no_id_nothing_is_taken_away(server, mirrored, sync):
    sync()
    del server.rows["remote"][0]
    server.rows["remote"].append({"file_name": "no id", "file_status": "review"})
    run = sync(FULL)
    assert (run.status, run.summary["gone"]) == ("partial", 0)
    assert any("what is gone was not looked for" in note["text"] for note in run.summary["notes"])


def test_what_cannot_be_read_is_kept_and_counted_on_the_run_and_the_mirror(server, mirrored, sync):
    strange = {"question_name": "car", "question_type": "hologram", "answer": [{"depth": 1}]}
    server.rows["remote"][5]["latest_answer"] = [strange]
    server.rows["remote"][6]["latest_answer"] = [strange, "?"]
    counts = {"answers of type hologram, kept as they are": 2, "answers of type no object, kept as they are": 1}
    assert sync().summary["not_understood"] == counts
    assert Mirror.objects.get().not_understood == counts
    assert '"depth":1' in StoreRow.objects.get(global_key="file-005").body
    del server.rows["remote"][6]
    sync(FULL)
    assert Mirror.objects.get().not_understood == {"answers of type hologram, kept as they are": 1}


def test_a_platform_that_ignores_the_filter_is_found_out_by_what_came(server, mirrored, sync):
    sync()
    sync()
    for row in server.rows["remote"]:
        row["updated_at"] = 1 << 60  # all of them, whatever is asked for
    for row in server.rows["remote"][:3]:
        row["remarks"] = "changed"
    # as if all had been written long before
    StoreRow.objects.update(written_ms=0)
    run = sync()
    assert run.status == "failed"
    assert "sent all 30 rows" in run.error
    assert "it ignored the filter" in run.error
    assert run.error.count("'file-") == 5
    assert sync().mode == FULL, "the next one reads everything"


def test_rows_that_changed_within_the_overlap_come_again_and_are_no_proof(server, mirrored, sync):
    for row in server.rows["remote"]:
        row["updated_at"] = server.now_ms + 59 * MINUTE
    assert sync().summary["created"] == 30
    run = sync()
    assert (run.mode, run.status, run.summary["unchanged"]) == (INCREMENTAL, "completed", 30)


def test_most_rows_unchanged_but_not_all_is_said_and_no_failure(server, mirrored, sync):
    sync()
    sync()
    StoreRow.objects.update(written_ms=0)
    for row in server.rows["remote"][:25]:
        row["updated_at"] = server.now_ms + MINUTE
    run = sync()
    assert run.status == "completed"
    assert any("is the filter honoured there?" in note["text"] for note in run.summary["notes"])


def test_a_worker_waits_in_steps_and_asks_once_though_the_answer_is_lost(server, mirrored):
    server.looks = [Waiting("Processing"), Waiting("Processing", progress=0.5), *server.looks]

    def lose(step):
        if step == "ask":
            raise LostAnswerError("timed out")

    server.after = lose
    run = request_sync(project=mirrored, actor=ME)
    steps = 0
    while not SyncRun.objects.filter(pk=run.pk, status__in=statuses.TERMINAL).exists():
        SyncRun.objects.filter(pk=run.pk).update(not_before=None)
        execute("sync", run.pk)
        steps += 1
    run.refresh_from_db()
    assert (run.status, run.remote_id, run.attempts, len(server.exports)) == ("completed", "remote-1", 1, 1)
    assert steps == 3
    assert AuditEntry.objects.filter(event="sync.started").count() == 1


def test_a_project_that_is_gone_there_fails_in_words(server, mirrored, sync):
    del server.rows["remote"]
    run = sync()
    assert (run.status, run.error) == ("failed", "Toy, looking at the project: there is no project 'remote'")
    assert AuditEntry.objects.get(event="sync.failed").reason == run.error


def test_a_file_that_is_cut_off_fails_and_the_watermark_stays(server, mirrored, sync):
    def cut(step):
        if step == "fetch":
            raise PermanentError("the file is cut off")

    server.before = cut
    run = sync()
    assert run.status == "failed"
    assert "fetching the file: the file is cut off" in run.error
    assert Mirror.objects.get().watermark_ms is None
    assert list((settings.EXPORTADMIN_HOME / "syncs").iterdir()) == []


def test_a_full_file_without_any_row_is_asked_for_twice_too(server, mirrored, sync, monkeypatch):
    monkeypatch.setattr(runner, "CONFIRM_AFTER", timedelta(0))
    sync()
    monkeypatch.setattr(server, "select", lambda project, wanted: Nothing())
    Mirror.objects.update(full_due=True)
    assert "says that it has no rows (a file without any)" in sync().error
    before = len(server.exports)
    run = sync(FULL)
    assert (run.status, run.summary["gone"], len(server.exports) - before) == ("completed", 30, 2)


class Nothing(list):
    """No rows, and yet a file is made of them."""

    def __bool__(self):
        return True
