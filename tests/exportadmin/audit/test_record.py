"""The one way in: what is written, when it is refused, and that it stands or falls with its change."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.db import connection, connections, transaction
from django.http import Http404
from django.test.utils import CaptureQueriesContext, isolate_apps

from exportadmin.audit import chain
from exportadmin.audit import record as recording
from exportadmin.audit.models import GENESIS, AuditEntry, AuditHead
from exportadmin.audit.record import TrailError, audited, record
from exportadmin.audit.verify import verify
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import UserError
from tests.exportadmin.audit.support import ALICE, PROJECT, fill, sql, stored


@pytest.mark.django_db(transaction=True)
def test_it_is_refused_outside_a_transaction():
    with pytest.raises(RuntimeError, match="atomic"):
        record("export.requested", actor=ALICE)
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("event", "outcome"), [("export.exploded", "done"), ("", "done"), ("export.requested", "maybe")]
)
def test_an_unknown_event_or_outcome_is_refused(db, event, outcome):
    with pytest.raises(ValueError, match="unknown"):
        record(event, actor=ALICE, outcome=outcome)


def test_a_value_without_a_plain_form_is_refused(db):
    with pytest.raises(TypeError, match="object cannot stand"):
        record("export.requested", actor=ALICE, details={"x": object()})


def test_what_was_told_stands_in_the_entry_word_for_word(db):
    entry = record(
        "config.changed",
        actor=ALICE,
        project=PROJECT,
        obj=("export_config", "c1", "Nightly"),
        outcome="failed",
        reason="disk full\nat 50 %",
        before={"name": "Old"},
        after={"name": "Nightly"},
        details={"rows": 3},
    )
    again = AuditEntry.objects.get(sequence=entry.sequence)
    told = {name: getattr(again, name) for name in (*chain.HASHED[2:17], "before", "after", "details")}
    assert told == {
        "event": "config.changed",
        "outcome": "failed",
        "reason": "disk full at 50 %",
        "actor_kind": "user",
        "actor_name": "alice",
        "actor_user_id": 7,
        "actor_token_id": None,
        "channel": "web",
        "request_id": "req-1",
        "address": "192.0.2.7",
        "project_id": "p1",
        "project_name": "Litter",
        "object_kind": "export_config",
        "object_id": "c1",
        "object_name": "Nightly",
        "before": {"name": "Old"},
        "after": {"name": "Nightly"},
        "details": {"rows": 3},
    }


def test_entries_count_from_one_and_each_carries_the_hash_before(db):
    fill(3)
    rows = [stored(sequence) for sequence in (1, 2, 3)]
    assert rows[0]["previous_hash"] == GENESIS
    assert [row["previous_hash"] for row in rows[1:]] == [row["hash"] for row in rows[:2]]
    assert recording.head() == (3, rows[2]["hash"])
    assert all(chain.digest(row) == row["hash"] for row in rows)


def test_the_head_of_an_empty_trail_is_zero(db):
    assert recording.head() == (0, GENESIS)


def test_names_are_frozen_and_outlive_what_they_name(db):
    user = User.objects.create_user("carol")
    sequence = record("user.created", actor=ALICE, obj=user).sequence
    user.username = "caroline"
    user.save()
    user.delete()
    entry = AuditEntry.objects.get(sequence=sequence)
    assert (entry.object_kind, entry.object_name) == ("user", "carol")


@isolate_apps("exportadmin.audit")  # a model of the test alone: left in Django's list, makemigrations would see it
def test_a_model_is_named_by_its_public_id(db):
    class Thing(Group):
        class Meta:
            proxy = True
            app_label = "audit"
            verbose_name = "export report"

        report_id = "r42"

    entry = record("export.requested", actor=ALICE, obj=Thing(name="Nightly"))
    assert (entry.object_kind, entry.object_id, entry.object_name) == ("export_report", "r42", "Nightly")


def test_hostile_names_are_kept_within_bounds_on_every_database(db):
    nasty = "\x00a\r\nX: y\ud800" + "\U0001f600" * 400
    actor = Actor("user", nasty, "web", request_id=nasty, address=nasty)
    record("export.requested", actor=actor, project=(nasty, nasty), obj=(nasty, nasty, nasty), reason=nasty,
           details={nasty: nasty, "huge": 2**80, "nan": float("nan"), "deep": [[[[[[]]]]]]})  # fmt: skip
    entry = AuditEntry.objects.get()
    assert entry.actor_name.startswith("\ufffda\ufffd\ufffdX: y\ufffd") and len(entry.actor_name) == 200
    assert entry.actor_name.endswith("…")
    assert entry.details["huge"] == str(2**80)
    assert verify().unbroken


def test_secrets_never_reach_the_entry(db):
    entry = record(
        "project.changed",
        actor=ALICE,
        reason="https://bob:s3cr3t@host/x failed",
        before={"api_key": "s3cr3t", "url": "https://host?token=s3cr3t", "name": "a"},
        after={"api_key": "s3cr3t-2", "url": "https://host", "name": "b"},
        details={"headers": [{"Authorization": "Bearer s3cr3t"}], "nested": {"clientSecret": "s3cr3t"}},
    )
    assert "s3cr3t" not in str(stored(entry.sequence))
    assert (entry.before["api_key"], entry.after["api_key"]) == ("set", "changed")
    assert (entry.before["name"], entry.after["name"]) == ("a", "b")


def test_it_takes_three_queries(db):
    fill(1)
    with CaptureQueriesContext(connection) as queries:
        record("export.requested", actor=ALICE, project=PROJECT)
    assert len(queries) == 3


@pytest.mark.django_db(transaction=True)
def test_a_change_rolled_back_takes_its_entry_along():
    fill(2)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        Group.objects.create(name="new")
        record("user.created", actor=ALICE)
        raise ZeroDivisionError
    assert (Group.objects.count(), verify().entries) == (0, 2)
    fill(1)
    assert verify().entries == 3


def test_with_the_head_gone_nothing_is_recorded(db):
    from exportadmin.audit import triggers

    fill(2)
    with triggers.lifted(connection):
        sql("DELETE FROM {head}")
    with pytest.raises(TrailError):
        record("export.requested", actor=ALICE)


# --- recorded() ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_recorded_writes_the_change_and_what_the_block_learnt():
    with audited("user.created", actor=ALICE, details={"how": "form"}) as line:
        line.obj = Group.objects.create(name="new")
        line.after = {"name": "new"}
    assert line.entry is not None
    entry = AuditEntry.objects.get()
    assert (entry.outcome, entry.object_name, entry.after, entry.details) == (
        "done",
        "new",
        {"name": "new"},
        {"how": "form"},
    )
    assert Group.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (UserError("name is taken", field="name"), "name is taken"),
        (PermissionDenied(), "not permitted"),
        (Http404(), "not found"),
    ],
)
def test_a_refusal_undoes_the_change_and_is_recorded_with_its_reason(refusal, reason):
    with pytest.raises(type(refusal)), audited("config.created", actor=ALICE, after={"name": "x"}):
        Group.objects.create(name="new")
        raise refusal
    assert refusal.is_recorded, "whoever catches it next writes no second line"
    entry = AuditEntry.objects.get()
    assert (entry.outcome, entry.reason, entry.after) == ("refused", reason, None)
    assert Group.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_a_crash_undoes_the_change_and_leaves_no_entry():
    with pytest.raises(ZeroDivisionError), audited("config.created", actor=ALICE):
        Group.objects.create(name="new")
        raise ZeroDivisionError
    assert (Group.objects.count(), AuditEntry.objects.count()) == (0, 0)


# --- many at once ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_parallel_writers_make_one_unbroken_chain():
    """Real commits from eight threads, the very first entry among them; every third change is rolled back."""
    writers, each = 8, 12
    together, errors = threading.Barrier(writers), []

    def write(number):
        try:
            together.wait(30)
            for turn in range(each):
                try:
                    with transaction.atomic():
                        Group.objects.create(name=f"{number}-{turn}")
                        record("user.created", actor=ALICE, details={"writer": number, "turn": turn})
                        if turn % 3 == 2:
                            raise UserError("rolled back")
                except UserError:
                    pass
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    committed = writers * each * 2 // 3
    verdict = verify()
    assert (verdict.unbroken, verdict.entries) == (True, committed), verdict.summary
    assert Group.objects.count() == committed
    assert AuditHead.objects.count() == 1
    assert {(e.details["writer"], e.details["turn"]) for e in AuditEntry.objects.all()} == {
        (writer, turn) for writer in range(writers) for turn in range(each) if turn % 3 != 2
    }


@pytest.mark.django_db(transaction=True)
def test_the_trail_can_be_verified_while_it_grows():
    fill(50)
    stop, errors = threading.Event(), []

    def write():
        try:
            while not stop.is_set():
                fill(1)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        verdicts = [verify() for _ in range(20)]
    finally:
        stop.set()
        writer.join(30)
    assert errors == []
    assert [verdict.summary for verdict in verdicts if not verdict.unbroken] == []
