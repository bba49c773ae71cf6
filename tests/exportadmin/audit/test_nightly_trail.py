"""The trail is verified each night and when something does not fit, and what came of it is kept and shown."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.db import connection

from exportadmin.audit import triggers, verdicts
from exportadmin.audit.checkpoints import form
from exportadmin.audit.checkpoints.taking import AtIntervals, take
from exportadmin.audit.models import AuditEntry, ChainVerdict, CheckpointSeries
from exportadmin.audit.nightly import Nightly
from exportadmin.lib import times
from tests.exportadmin.audit.support import cut, fill, sql

pytestmark = pytest.mark.django_db
BEGAN = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_three(settings):
    settings.PROOF_AT, settings.PROOF_HOURS = time(3, 0), 5


def verified():
    return [(one.actor_kind, one.outcome) for one in AuditEntry.objects.filter(event="audit.verified")]


def test_once_a_night_within_its_hours():
    fill(5)
    hours = [-1.0]
    trail = Nightly(lambda: BEGAN + timedelta(hours=hours[0]))
    for hours[0], many in ((-1.0, 0), (0.0, 1), (1.0, 1), (6.0, 1), (24.0, 2), (25.0, 2)):
        trail.tick()
        assert len(verified()) == many, hours
    assert set(verified()) == {("system", "done")}
    kept = ChainVerdict.objects.get()
    assert (kept.kind, kept.verified_by, kept.entries) == ("", "Export Admin", 6)


def test_never_where_there_is_no_night(settings):
    settings.PROOF_AT = None
    fill(5)
    Nightly(lambda: BEGAN).tick()
    assert verified() == []


def test_a_checkpoint_that_does_not_fit_has_the_trail_verified_at_once_and_once(settings, monkeypatch):
    settings.PROOF_AT = None
    fill(5)
    take(form.INTERVAL)
    trail = Nightly(lambda: BEGAN)
    clock, now = [0.0], times.now_ms()
    monkeypatch.setattr(times, "now_ms", lambda: now + int(clock[0] * 1000))
    chore = AtIntervals(trail.suspect, clock=lambda: clock[0])
    with triggers.lifted(connection):
        cut(3)
    for clock[0] in (400.0, 800.0, 1200.0):
        chore.tick()
        trail.tick()
    assert verified() == [("system", "failed")]
    assert verdicts.state().trouble.startswith("the audit trail is broken at entry 4 (truncated): the trail ends at")


def test_a_verdict_is_kept_where_the_trail_takes_no_line_about_it():
    fill(5)
    with triggers.lifted(connection):
        sql("DELETE FROM {head}")
    Nightly(lambda: BEGAN).tick()
    kept = ChainVerdict.objects.get()
    assert (kept.kind, kept.bad_entry, kept.entry) == ("truncated", 6, None)


def test_a_good_verdict_takes_the_place_of_a_bad_one():
    fill(5)
    night = [0]
    trail = Nightly(lambda: BEGAN + timedelta(days=night[0]))
    with triggers.lifted(connection):
        kept = AuditEntry.objects.get(sequence=3).actor_name
        sql("UPDATE {entry} SET actor_name = 'mallory' WHERE sequence = 3")
        trail.tick()
        assert verdicts.state().is_broken
        sql("UPDATE {entry} SET actor_name = %s WHERE sequence = 3", kept)
    night[0] = 1
    trail.tick()
    assert not verdicts.state().is_broken


def test_checkpoints_that_are_not_written_any_more_are_trouble():
    fill(5)
    assert verdicts.state().trouble == ""
    take(form.INTERVAL)
    assert verdicts.state().trouble == ""
    CheckpointSeries.objects.update(at_ms=times.now_ms() - 3 * 3_600_000)
    assert "the last checkpoint was written at 20" in verdicts.state().trouble
