"""A key that comes with another picture is no second writing of its row: it is refused, unless it is to replace it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connections.rows.media import same_media
from connections.store.import_row import IncomingRow
from connections.store.models import StoreCoco, StoreRow
from connections.store.upsert import WriteSummary, write_rows
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db
SIGNED = "https://cdn.test/a.jpg?X-Amz-Date={0}&X-Amz-Signature=aa{0}"


def picture(address: str, name: str = "car", key: str = "task-1", **more: Any) -> IncomingRow:
    made = row(key, box(name), **more)
    made.row_data = address
    return made


def write_both(project: Any, first: IncomingRow, second: IncomingRow, **more: Any) -> WriteSummary:
    assert write_rows(project, [first]).created == 1
    return write_rows(project, [second], **more)


def test_another_address_under_the_same_key_is_refused_with_both_and_nothing_is_touched(project):
    a, z = "/data/upload/1/a.jpg", "/data/upload/2/z.jpg"
    assert write_rows(project, [picture(a)]).created == 1
    before = StoreRow.objects.values().get()
    summary = write_rows(project, [picture(z, "bus"), picture(z, key="task-2")])
    assert (summary.created, summary.updated, summary.refused_count) == (1, 0, 1)
    (refused,) = summary.refused
    for part in ("'task-1'", repr(a), repr(z), "data set", "replace"):
        assert part in refused.reason
    assert StoreRow.objects.values().get(global_key="task-1") == before


def test_with_replace_the_row_takes_the_others_place(project):
    first, second = picture("/data/upload/1/a.jpg"), picture("/data/upload/2/z.jpg", "bus")
    summary = write_both(project, first, second, replace=True)
    assert (summary.updated, summary.refused_count) == (1, 0)
    assert "/data/upload/2/z.jpg" in StoreCoco.objects.get().image


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SIGNED.format(1), SIGNED.format(2)),
        ("https://cdn.test/a.jpg?Expires=1&Signature=x", "https://cdn.test/a.jpg"),
        ("https://cdn.test/get?id=5&Expires=1&sig=x", "https://cdn.test/get?Expires=2&sig=y&id=5"),
        ("/data/local-files/?d=a.jpg", "/data/local-files/?d=a.jpg"),
        ("", "https://cdn.test/a.jpg"),
        ("https://cdn.test/a.jpg", ""),
        ('{"photo":"https://cdn.test/a.jpg","thumb":"t.jpg"}', "https://cdn.test/a.jpg"),
        ('{"votes":1}', '{"votes":2}'),
    ],
)
def test_a_new_signature_or_a_first_address_is_an_update(project, one, other):
    summary = write_both(project, picture(one), picture(other, "bus"))
    assert (summary.updated, summary.refused_count) == (1, 0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://cdn.test/a.jpg?Signature=x", "https://cdn.test/b.jpg?Signature=x"),
        ("https://cdn.test/get?id=5", "https://cdn.test/get?id=6"),
        ("https://shop.test/view.html?id=5", "https://shop.test/view.html?id=6"),
        ("/data/local-files/?d=north/0001.jpg", "/data/local-files/?d=south/0001.jpg"),
        ("s3://b/north/0001.jpg", "s3://b/south/0001.jpg"),
        ("s3://b/x?1.jpg", "s3://b/x?2.jpg"),
        ("A text", "Another text"),
    ],
)
def test_what_else_differs_is_another(project, one, other):
    assert not same_media(one, other)
    assert write_both(project, picture(one), picture(other)).refused_count == 1


def test_the_same_name_with_another_size_is_another_picture(project):
    small = picture("0001.jpg", key="0001.jpg")
    large = picture("0001.jpg", key="0001.jpg")
    large.media_attributes = {**small.media_attributes, "width": 640, "height": 480}
    summary = write_both(project, small, large)
    assert summary.refused_count == 1
    assert "160 x 120" in summary.refused[0].reason and "640 x 480" in summary.refused[0].reason


def task_of(project_id: Any, name: str = "car") -> IncomingRow:
    extra = {"label_studio": {"id": 1, "data": {"image": "a.jpg"}, "project": project_id}}
    return picture("a.jpg", name, source_extra=extra)


def test_a_task_of_another_project_of_label_studio_is_another_also_where_its_picture_is_the_same(project):
    summary = write_both(project, task_of(3), task_of(5, "bus"))
    assert summary.refused_count == 1
    assert "project 3" in summary.refused[0].reason and "project 5" in summary.refused[0].reason
    assert write_rows(project, [task_of(3, "bus")]).updated == 1
    assert write_rows(project, [task_of(None, "tram")]).updated == 1


def test_pictures_of_a_task_do_not_go_in_beside_the_task_itself(project):
    parts = [picture(f"s3://b/{n}.jpg", key=f"task-1/page-{n}", part_of="task-1") for n in (1, 2)]
    write_rows(project, [picture("s3://b/1.jpg")])
    for replace in (False, True):
        summary = write_rows(project, parts, replace=replace)
        assert (summary.created, summary.refused_count) == (0, 2)
        assert "'task-1'" in summary.refused[0].reason
    StoreRow.objects.all().delete()
    assert write_rows(project, parts).created == 2
    assert write_rows(project, parts).unchanged == 2


def test_a_size_that_was_not_known_before_is_an_update(project):
    unknown = picture("a.jpg")
    unknown.media_attributes = {"asset_type": "image"}
    assert write_both(project, unknown, picture("a.jpg")).updated == 1


def test_rows_that_only_a_file_name_tells_apart_are_updated_and_noted_with_their_number(project):
    keys = ("0001.jpg", "0002.jpg")
    write_rows(project, [picture(key, key=key) for key in keys])
    summary = write_rows(project, [picture(key, "bus", key=key) for key in keys])
    assert (summary.updated, summary.refused_count) == (2, 0)
    (note,) = summary.notes.as_json()
    assert (note["count"], note["example"]) == (2, "'0001.jpg'")
    assert "data set" in note["text"]


def test_a_body_whose_address_is_long_is_compared_to_its_end(project):
    long = "https://cdn.test/" + "a" * 9_000
    summary = write_both(project, picture(long + "/1"), picture(long + "/2"))
    assert summary.refused_count == 1
    assert write_rows(project, [picture(long + "/1", "bus", key="task-1")]).updated == 1


def test_of_a_batch_only_the_rows_of_other_pictures_are_refused(project):
    write_rows(project, [picture(f"s3://b/{n}.jpg", key=f"task-{n}") for n in range(60)])
    again = [picture(f"s3://b/{n if n % 3 else 'x'}.jpg", "bus", key=f"task-{n}") for n in range(60)]
    summary = write_rows(project, again)
    assert (summary.updated, summary.refused_count) == (40, 20)
    names = {orjson.loads(one.image).get("source") for one in StoreCoco.objects.all()}
    assert names == {f"s3://b/{n}.jpg" for n in range(60)}
