from __future__ import annotations

import pytest
from django.db import connection, transaction

from exportadmin.audit import triggers
from tests.exportadmin.audit import support


@pytest.fixture(scope="module")
def _thousand_entries(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        support.fill(1000)
        triggers.remove(connection)
        yield
        transaction.set_rollback(True)


@pytest.fixture
def thousand(_thousand_entries):
    """A trail of 1,000 entries with its triggers gone, as before each test again."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
