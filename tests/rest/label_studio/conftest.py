"""A world of projects, as Label Studio's SDK meets it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from exportadmin.runs import statuses
from exports.models import ExportReport
from tests.rest.label_studio.asking import create, report_of
from tests.rest.world import World


@pytest.fixture
def world(standing_world: World) -> Iterator[World]:
    with transaction.atomic():
        yield standing_world
        transaction.set_rollback(True)


@pytest.fixture
def completed(world: World) -> ExportReport:
    """A snapshot as its end leaves it; nothing is read of it here."""
    report = report_of(create(world.dialect_client("oscar"), world, {"title": "Made"}))
    made = {"status": statuses.COMPLETED, "rows_done": 40, "check_values": {"md5": "0" * 32, "rows_refused": {}}}
    ExportReport.objects.filter(pk=report.pk).update(**made)
    report.refresh_from_db()
    return report
