"""What the store keeps of each row's labels beside the row."""

from __future__ import annotations

import json

import pytest

from connections.models import Project
from connections.rows.labels import FINISHED, GROUND_TRUTH, NO_GROUND_TRUTH, SEVERAL, SKIPPED
from connections.store.import_row import IncomingLabel
from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db


def made(by: str | None, **performance: object) -> IncomingLabel:
    return IncomingLabel(objects=[box()], created_by=by, performance=dict(performance))


def kept(project: Project, *labels: IncomingLabel) -> StoreRow:
    write_rows(project, [row("a", labels=list(labels))])
    return StoreRow.objects.get(project=project, global_key="a")


def test_whose_labels_a_row_has_is_kept_beside_it(project: Project) -> None:
    assert kept(project, made("bo"), made("ann"), made("bo")).label_creators == '["ann","bo"]'


def test_skipped_and_ground_truth_are_kept_beside_the_row(project: Project) -> None:
    stored = kept(project, made("ann", skipped=True), made("bo", benchmark_reference_label=True))
    assert stored.label_flags == SEVERAL | SKIPPED | GROUND_TRUTH | NO_GROUND_TRUTH | FINISHED


def test_a_row_without_labels_has_neither(project: Project) -> None:
    stored = kept(project)
    assert (stored.label_flags, stored.label_creators) == (0, "")


def test_a_label_that_says_only_when_it_was_made_was_not_changed_when_it_came_here(project: Project) -> None:
    stored = kept(project, IncomingLabel(objects=[box()], created_ms=1_700_000_000_000))
    details = json.loads(stored.body.replace("\x1e", "").replace("\x1d", '""'))["projects"][project.public_id]
    label = details["labels"][0]["label_details"]
    assert label["updated_at"] == label["content_last_updated_at"] == label["created_at"]
    assert label["created_at"] == "2023-11-14T22:13:20.000+00:00"
