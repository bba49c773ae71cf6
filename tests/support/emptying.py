"""How the database is emptied behind a test that committed.

Django's own flush truncates every table and then makes content types and permissions anew: on PostgreSQL half a second
each time, of two thousand tests. Here rows are deleted, which takes some milliseconds since there are few, and content
types and permissions stay, which no test changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from unittest import mock

from django.db import connection, connections, transaction
from django.test import TransactionTestCase

from exportadmin.audit import triggers

_STAY: Final = frozenset({"django_content_type", "auth_permission"})


def empty_database() -> None:
    """Delete every row, the trail too, whose triggers are lifted for that. Its own tests may have no tables of it."""
    if not triggers.tables_are_there(connections["default"]):
        _delete_all()
        return
    with triggers.lifted(connections["default"]):
        _delete_all()


def _delete_all() -> None:
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # no order of tables satisfies every foreign key
            cursor.execute("SET LOCAL session_replication_role = replica")
        for table in tables:
            if table not in _STAY:
                cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


@contextmanager
def emptied_instead_of_flushed() -> Iterator[None]:
    """Inside, transactional tests leave through :func:`empty_database`."""
    with mock.patch.object(TransactionTestCase, "_fixture_teardown", lambda case: empty_database()):
        yield
