"""Whose ids and times a row has: those of whoever it came from, where it says them; else the store's."""

from __future__ import annotations

import orjson
import pytest

from connections.models import Project
from connections.rows.batch import PARTS
from connections.rows.body import BodyPrinter
from connections.store.import_row import IncomingLabel
from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from exportadmin.lib.ids import derived_id
from exportadmin.lib.times import iso_utc
from exports.sources.store import StoreSource
from exports.spec.conditions.kinds import Window
from exports.spec.selection import Selection
from tests.support.rows import box, mixed, row

pytestmark = pytest.mark.django_db


def stored(key: str) -> StoreRow:
    return StoreRow.objects.get(global_key=key)


def details(entry: StoreRow) -> dict:
    document = orjson.loads(BodyPrinter(frozenset(PARTS), "P").join([entry.body.encode()], [b"[]"], b""))
    return {**document["data_row"]["details"], "id": document["data_row"]["id"]}


# --- ids -------------------------------------------------------------------------------------------------------------


def test_an_id_that_another_row_of_the_project_has_is_refused_with_its_position(project):
    write_rows(project, [row("a", row_id="r1")])
    summary = write_rows(project, [row("b", row_id="r1", position="row 1 (line 1)"), row("c", row_id="r2")])
    assert (summary.created, summary.refused_count) == (1, 1)
    (refused,) = summary.refused
    assert refused.position == "row 1 (line 1)"
    assert refused.reason == "data_row.id 'r1' is that of the row with the key 'a' in this project"


def test_an_id_that_stands_twice_in_one_import_is_refused_the_second_time(project):
    summary = write_rows(project, [row("a", row_id="r1"), row("b", row_id="r1", position="row 2"), row("c")])
    assert (summary.created, [each.position for each in summary.refused]) == (2, ["row 2"])


def test_an_id_that_the_store_made_for_another_row_is_refused_too_and_the_other_way_round(project):
    write_rows(project, [row("a")])
    summary = write_rows(project, [row("b", row_id=stored("a").row_id), row("c", row_id="r3")])
    assert (summary.created, summary.refused_count) == (1, 1)
    other = Project.objects.create(connection=project.connection, name="Other")
    write_rows(other, [row("x", row_id=derived_id(other.public_id, "y"))])
    summary = write_rows(other, [row("y"), row("z")])
    assert (summary.created, summary.refused_count) == (1, 1)


@pytest.mark.parametrize("wrong", ["", "d" * 65])
def test_an_id_that_cannot_be_kept_is_refused(project, wrong):
    summary = write_rows(project, [row("a", row_id=wrong), row("b")])
    assert (summary.created, summary.refused_count) == (1, 1)
    assert "data_row.id has" in summary.refused[0].reason


def test_two_projects_may_hold_rows_with_the_same_ids(project):
    other = Project.objects.create(connection=project.connection, name="Other")
    for each in (project, other):
        assert write_rows(each, [row("a", row_id="r1"), row("b", row_id="r2")]).created == 2
    assert StoreRow.objects.filter(row_id="r1").count() == 2


def test_a_row_keeps_its_id_when_a_later_source_says_none_and_gets_the_one_that_it_says(project):
    write_rows(project, [row("a", row_id="r1"), row("b")])
    write_rows(project, [row("a", box()), row("b", box(), row_id="r2")])
    assert (stored("a").row_id, stored("b").row_id) == ("r1", "r2")
    assert details(stored("b"))["id"] == "r2"


# --- times -----------------------------------------------------------------------------------------------------------

GIVEN = {"created_ms": 1_000_000, "updated_ms": 2_000_000, "activity_ms": 3_000_000}


def test_times_that_the_source_says_are_the_row_s_in_its_columns_and_in_its_body(project):
    write_rows(project, [row("a", **GIVEN)], now_ms=9_000_000)
    entry = stored("a")
    assert (entry.created_ms, entry.updated_ms, entry.activity_ms) == (1_000_000, 2_000_000, 3_000_000)
    assert entry.written_ms == 9_000_000
    found = details(entry)
    assert [found[key] for key in ("created_at", "updated_at", "last_activity_at")] == [
        iso_utc(ms) for ms in (1_000_000, 2_000_000, 3_000_000)
    ]


def test_times_that_it_does_not_say_are_the_time_of_writing_and_creation_stays(project):
    write_rows(project, [row("a")], now_ms=5_000)
    write_rows(project, [row("a", box())], now_ms=6_000)
    entry = stored("a")
    assert (entry.created_ms, entry.updated_ms, entry.activity_ms, entry.written_ms) == (5_000, 6_000, 6_000, 6_000)
    write_rows(project, [row("a", **GIVEN)], now_ms=7_000)
    assert stored("a").created_ms == 1_000_000


def test_a_label_s_times_author_and_reviews_are_the_source_s(project):
    label = IncomingLabel(
        objects=[box()],
        label_id="l-1",
        created_ms=1_000,
        updated_ms=2_000,
        content_updated_ms=1_500,
        created_by="ann@example.test",
        reviews=[{"score": 1}],
    )
    write_rows(project, [row("a", labels=[label])], now_ms=9_000)
    body = stored("a").body.encode()
    document = orjson.loads(BodyPrinter(frozenset(PARTS), "P").join([body], [b"[]"], b""))
    (found,) = document["projects"][project.public_id]["labels"]
    assert found["id"] == "l-1"
    assert found["label_details"] == {
        "created_at": iso_utc(1_000),
        "updated_at": iso_utc(2_000),
        "created_by": "ann@example.test",
        "content_last_updated_at": iso_utc(1_500),
        "reviews": [{"score": 1}],
    }


def test_the_same_rows_again_are_unchanged_whenever_they_come(project):
    rows = [row("a", row_id="r1", **GIVEN), row("b", box())]
    write_rows(project, rows, now_ms=5_000)
    before = list(StoreRow.objects.values())
    assert write_rows(project, rows, now_ms=9_000_000_000).unchanged == 2
    assert list(StoreRow.objects.values()) == before


@pytest.mark.parametrize("change", [{"row_id": "r2"}, {"updated_ms": 1}, {"activity_ms": 1}, {"created_ms": 1}])
def test_another_id_or_time_alone_is_a_change(project, change):
    write_rows(project, [row("a", row_id="r1", **GIVEN)])
    assert write_rows(project, [row("a", **{"row_id": "r1", **GIVEN, **change})]).updated == 1


@pytest.mark.django_db(transaction=True)
def test_conditions_mean_the_source_s_times(project):
    write_rows(project, [row("old", **GIVEN), row("ours")], now_ms=9_000_000)

    def keys(**conditions):
        with StoreSource(project).open(Selection(project.public_id, conditions), frozenset()) as reader:
            return [key for batch in reader.batches() for key in batch.global_keys]

    assert keys(updated_after=2_000_000) == ["ours"]
    assert keys(updated_after=1_999_999) == ["old", "ours"]
    assert keys(last_activity_at=Window(end_ms=3_000_000)) == ["old"]


# --- what is ours ----------------------------------------------------------------------------------------------------


def test_every_transaction_that_changes_rows_has_a_revision_and_rows_remember_their_first(project):
    write_rows(project, mixed(5))
    write_rows(project, mixed(5))  # nothing changed, nothing raised
    write_rows(project, [row("row-00001", box("tram")), row("new")])
    found = dict(StoreRow.objects.values_list("global_key", "revision"))
    assert found == {**{f"row-{n:05d}": 1 for n in range(5)}, "row-00001": 2, "new": 2}
    assert (stored("row-00001").added_revision, stored("new").added_revision) == (1, 2)
    project.store.refresh_from_db()
    assert project.store.revision == 2


def test_the_medium_of_a_row_is_kept_beside_it(project):
    media = [{"asset_type": "image"}, {"mime_type": "video/mp4"}, {}, {"asset_type": "dicom"}]
    rows = [row(f"r{n}") for n in range(4)]
    for each, attributes in zip(rows, media, strict=True):
        each.media_attributes = attributes
    write_rows(project, rows)
    assert [stored(f"r{n}").media_type for n in range(4)] == ["image", "video", "image", ""]
