"""Where all rows ever were of one medium no row is asked for it; else each says its own."""

from __future__ import annotations

import pytest

from connections.models import Project
from connections.store.models import StoreProject
from connections.store.upsert import write_rows
from exports.sources.store import StoreSource
from exports.spec.selection import Selection
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db(transaction=True)
SOUND = {"asset_type": "audio", "mime_type": "audio/mpeg"}


def media_of(project: Project) -> list[str]:
    with StoreSource(project).open(Selection(project.public_id), frozenset()) as reader:
        return [one for batch in reader.batches() for one in batch.media_types]


def test_the_project_knows_it_of_all_its_rows(project):
    write_rows(project, [row("one", box()), row("two")])
    assert StoreProject.objects.get(project=project).media_types == ["image"]
    assert media_of(project) == ["image", "image"]


def test_rows_of_another_medium_are_told_apart_from_then_on(project):
    write_rows(project, [row("one", box())])
    sound = row("two")
    sound.media_attributes = dict(SOUND)
    write_rows(project, [sound])
    assert StoreProject.objects.get(project=project).media_types == ["audio", "image"]
    assert media_of(project) == ["image", "audio"]


def test_a_row_whose_medium_became_another_is_told_rightly(project):
    write_rows(project, [row("one")])
    sound = row("one")
    sound.media_attributes = dict(SOUND)
    write_rows(project, [sound], replace=True)
    assert media_of(project) == ["audio"]


def test_where_nobody_knows_the_rows_are_asked(project):
    write_rows(project, [row("one", box())])
    StoreProject.objects.filter(project=project).update(media_types=[])
    assert media_of(project) == ["image"]
