"""Nobody changes or removes an entry: not the model, not a queryset, not SQL in the database's own shell."""

from __future__ import annotations

import io

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import TransactionTestCase

from exportadmin.audit import chain, triggers
from exportadmin.audit.models import AppendOnlyError, AuditEntry, AuditHead
from exportadmin.audit.record import record
from exportadmin.audit.verify import verify
from tests.exportadmin.audit.support import ALICE, fill, head, sql, stored
from tests.support.emptying import emptied_instead_of_flushed


@pytest.fixture
def five(db):
    fill(5)


def refused(act, error=AppendOnlyError, message="append-only"):
    before = list(AuditEntry.objects.values()), head()
    with pytest.raises(error, match=message), transaction.atomic():
        act()
    assert (list(AuditEntry.objects.values()), head()) == before
    assert verify().unbroken


@pytest.mark.parametrize(
    "act",
    [
        lambda: AuditEntry.objects.get(sequence=3).save(),
        lambda: AuditEntry(sequence=6, event="export.requested").save(),
        lambda: AuditEntry.objects.get(sequence=3).delete(),
        lambda: AuditEntry.objects.all().delete(),
        lambda: AuditEntry.objects.filter(sequence=3).update(reason="x"),
        lambda: AuditEntry.objects.order_by("at_ms").update(reason="x"),
        lambda: AuditEntry.objects.create(sequence=6),
        lambda: AuditEntry.objects.get_or_create(sequence=3),
        lambda: AuditEntry.objects.update_or_create(sequence=3),
        lambda: AuditEntry.objects.bulk_create([AuditEntry(sequence=6)]),
        lambda: AuditEntry.objects.bulk_update(AuditEntry.objects.all(), ["reason"]),
        lambda: AuditEntry._base_manager.filter(sequence=3).update(reason="x"),
        lambda: AuditEntry._base_manager.all().delete(),
        lambda: AuditEntry.objects.all()._raw_delete("default"),
    ],
)
def test_the_model_and_its_querysets_only_read(five, act):
    refused(act)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {entry} SET reason = 'x'",
        "UPDATE {entry} SET reason = reason WHERE sequence = 3",
        "UPDATE {entry} SET sequence = 9 WHERE sequence = 3",
        "DELETE FROM {entry}",
        "DELETE FROM {entry} WHERE sequence = 5",
        "DELETE FROM {head}",
        "UPDATE {head} SET sequence = 4",
        "UPDATE {head} SET sequence = 6",
        "UPDATE {head} SET hash = 'x'",
        "UPDATE {head} SET id = 2",
    ],
)
def test_the_database_refuses_raw_sql(five, statement):
    refused(lambda: sql(statement), IntegrityError)


def test_the_database_refuses_a_model_that_goes_around_its_own_save(five):
    entry = AuditEntry.objects.get(sequence=3)
    entry.reason = "x"
    refused(lambda: entry.save_base(raw=True, force_insert=True), IntegrityError)
    refused(lambda: entry.append(), IntegrityError)


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 7},
        {"sequence": 6, "previous_hash": "0" * 64},
        {"sequence": 5},
        {"sequence": 0},
    ],
)
def test_the_database_refuses_an_entry_that_does_not_continue_the_chain(five, change):
    row = {**stored(5), "previous_hash": head()[1], **change}
    columns, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    refused(lambda: sql(f"INSERT INTO {{entry}} ({columns}) VALUES ({marks})", *row.values()), IntegrityError)


def test_replacing_and_upserting_are_refused_too(five):
    """SQLite's REPLACE deletes without firing a DELETE trigger; PostgreSQL has ON CONFLICT and TRUNCATE."""
    columns = ", ".join(chain.STORED)
    if connection.vendor == "sqlite":
        statements = [
            f"INSERT OR REPLACE INTO {{entry}} ({columns}) SELECT {columns} FROM {{entry}} WHERE sequence = 3",
            "INSERT OR REPLACE INTO {head} (id, sequence, hash) VALUES (1, 0, 'x')",
            "UPDATE OR REPLACE {entry} SET sequence = 4 WHERE sequence = 3",
        ]
    else:
        statements = [
            "TRUNCATE {entry}",
            "TRUNCATE {entry}, {head} CASCADE",
            "TRUNCATE {head}",
            f"INSERT INTO {{entry}} ({columns}) SELECT {columns} FROM {{entry}} WHERE sequence = 3"
            " ON CONFLICT (sequence) DO UPDATE SET reason = 'x'",
            "INSERT INTO {head} (id, sequence, hash) VALUES (1, 0, 'x') ON CONFLICT (id) DO UPDATE SET hash = 'x'",
        ]
    for statement in statements:
        refused(lambda statement=statement: sql(statement), IntegrityError)


def test_a_postgresql_session_in_replica_role_is_refused_too(five):
    if connection.vendor == "sqlite":
        return  # has no such switch
    sql("SET session_replication_role = replica")
    try:
        refused(lambda: sql("DELETE FROM {entry}"), IntegrityError)
    finally:
        sql("SET session_replication_role = origin")


@pytest.mark.django_db(transaction=True)
def test_flush_is_refused_outside_the_tests_own_teardown():
    fill(5)
    with pytest.raises(CommandError):
        call_command("flush", interactive=False, verbosity=0)
    assert verify().entries == 5


@pytest.mark.django_db(transaction=True)
def test_the_teardown_of_transactional_tests_empties_the_trail_and_puts_the_triggers_back():
    fill(5)
    with emptied_instead_of_flushed():
        TransactionTestCase("__init__")._fixture_teardown()  # type: ignore[attr-defined]
    assert (AuditEntry.objects.count(), AuditHead.objects.count()) == (0, 0)
    assert triggers.missing(connection) == []
    fill(2)
    assert verify().entries == 2


def test_triggers_that_are_gone_are_named_and_migrating_puts_them_back(five):
    assert triggers.missing(connection) == []
    triggers.remove(connection)
    assert len(triggers.missing(connection)) >= 5
    errors = io.StringIO()
    call_command("verify_audit", stdout=io.StringIO(), stderr=errors)
    assert "triggers missing" in errors.getvalue()
    call_command("migrate", "audit", verbosity=0)
    assert triggers.missing(connection) == []


def test_a_trigger_that_was_made_harmless_is_named(five):
    if connection.vendor == "sqlite":
        sql("DROP TRIGGER audit_entry_no_delete")
        sql("CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON {entry} BEGIN SELECT 1; END")
        expected = "audit_entry_no_delete"
    else:
        sql("ALTER TABLE {entry} DISABLE TRIGGER audit_entry_no_change")
        expected = "audit_entry_no_change"
    assert triggers.missing(connection) == [expected]


def deny_inserts():
    """As a database administrator would: SQLite by a trigger, PostgreSQL by a role without the right."""
    if connection.vendor == "sqlite":
        sql("CREATE TRIGGER denied BEFORE INSERT ON {entry} BEGIN SELECT RAISE(ABORT, 'denied'); END")
        return
    sql("CREATE ROLE no_trail")
    sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO no_trail")
    sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO no_trail")
    sql("REVOKE INSERT ON {entry} FROM no_trail")
    sql("SET LOCAL ROLE no_trail")


def test_with_insert_denied_a_change_does_not_happen(five):
    deny_inserts()
    with pytest.raises(DatabaseError), transaction.atomic():
        Group.objects.create(name="new")
        record("user.created", actor=ALICE)
    assert not Group.objects.filter(name="new").exists()
    assert verify().entries == 5
    Group.objects.create(name="new")  # the denial is about the trail alone
