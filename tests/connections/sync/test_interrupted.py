"""A sync whose worker goes away anywhere: asked for once, every row once, every tombstone once, each counted once."""

from __future__ import annotations

import pytest

from connections.platforms import remote
from connections.store.models import StoreRow, StoreTombstone
from connections.sync.actions import request_sync
from connections.sync.models import FULL, Mirror, SyncRun
from exportadmin.runs import statuses
from exportadmin.runs.errors import HandedBack
from exportadmin.runs.execute import execute
from exportadmin.runs.lease import RunLease
from tests.connections.sync.conftest import ME, keys, remote_row

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 1_200  # in several batches, of rows and of tombstones


@pytest.fixture
def many(server, mirrored):
    server.rows["remote"] = [remote_row(number) for number in range(COUNT)]
    return mirrored


def carry_out(run, monkeypatch, *, goes_away_at: int, before: bool) -> int:
    """Until its end, by workers of which the first goes away when it has something to commit for that time: before
    or after it wrote it, and so within the transaction in either case. How often they had something to commit."""
    save, commits = RunLease.save, []

    def counted(lease, **columns):
        commits.append(columns)
        if before and len(commits) == goes_away_at:
            raise HandedBack("it goes away")
        save(lease, **columns)
        if not before and len(commits) == goes_away_at:
            raise HandedBack("it goes away")

    with monkeypatch.context() as patch:
        patch.setattr(RunLease, "save", counted)
        for _ in range(5):
            SyncRun.objects.filter(pk=run.pk).update(not_before=None)
            execute("sync", run.pk)
            run.refresh_from_db()
            if run.status in statuses.TERMINAL:
                break
    assert run.status == "completed", run.error
    return len(commits)


@pytest.mark.parametrize("before", [True, False])
def test_rows_and_tombstones_come_once_wherever_a_worker_goes_away(server, many, monkeypatch, before):
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    place, rows = 0, server.rows["remote"]
    while True:
        place += 1
        for model in (StoreRow, StoreTombstone):
            model.objects.all().delete()
        Mirror.objects.update(watermark_ms=None, full_due=False)
        server.exports.clear()
        server.rows["remote"] = rows
        first = request_sync(project=many, actor=ME)
        commits = carry_out(first, monkeypatch, goes_away_at=place, before=before)
        assert (first.summary["rows"], first.summary["created"], len(server.exports)) == (COUNT, COUNT, 1), place
        assert keys(many) == {row["file_id"] for row in rows}

        server.rows["remote"] = rows[700:]
        second = request_sync(project=many, actor=ME, mode=FULL)
        again = carry_out(second, monkeypatch, goes_away_at=place, before=before)
        figures = (second.summary["rows"], second.summary["unchanged"], second.summary["gone"], len(server.exports))
        assert figures == (500, 500, 700, 2), place
        assert StoreTombstone.objects.filter(project=many).count() == 700
        assert Mirror.objects.get().watermark_ms in (None, server.now_ms), "of a lost answer the clock is not known"
        if place > max(commits, again):
            break
    assert place > 6
