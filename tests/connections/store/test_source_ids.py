"""Numbers of rows and ids of annotations that a source brings: kept where they are free, for ever."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from connections.store.import_row import IncomingClass
from connections.store.models import HANDED_OUT, StoreClass, StoreCoco, StoreProject, StoreRow
from connections.store.notes import describe
from connections.store.upsert import write_rows
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db
STAMP = 1_700_000_000_000


def marked(identity: Any, **more: Any) -> dict[str, Any]:
    return {**box(), "source_extra": {"coco": {"id": identity}, **more}}


def numbers(project: Any) -> dict[str, int]:
    return dict(StoreRow.objects.filter(project=project).values_list("global_key", "number"))


def images(project: Any) -> dict[str, tuple[int, Any]]:
    """Key → ``(id, source_id)`` as COCO prints them."""
    found = StoreCoco.objects.filter(row__project=project).values_list("row__global_key", "image")
    parsed = {key: orjson.loads(image) for key, image in found}
    return {key: (image["id"], image.get("source_id")) for key, image in parsed.items()}


def printed_ids(project: Any) -> dict[str, list[tuple[int, Any]]]:
    """Key → ``(id, source_id)`` of its annotations as COCO prints them."""
    found = StoreCoco.objects.filter(row__project=project).values_list("row__global_key", "annotations")
    return {key: [(one["id"], one.get("source_id")) for one in orjson.loads(f"[{text}]")] for key, text in found}


# --- numbers of rows -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", [0, 2**38 - 1, 2**38, 2**39 + 5, 2**40, STAMP, HANDED_OUT.start - 1, 2**53 + 1, 2**63 - 1]
)
def test_a_number_of_any_size_is_kept_and_later_ones_never_meet_it(project, number):
    write_rows(project, [row("a", box(), number=number), row("b"), row("c", number=number)])
    found = numbers(project)
    assert found["a"] == number
    assert len(set(found.values())) == 3
    write_rows(project, [row("d", number=number), row("a", box("dog"), number=7), row("e", number=found["c"])])
    later = numbers(project)
    assert {key: later[key] for key in found} == found
    assert len(set(later.values())) == 5
    assert images(project)["a"] == (number, None)
    assert {pk >> 40 for pk in StoreRow.objects.values_list("pk", flat=True)} == {project.pk}


def test_numbers_are_handed_out_behind_every_one_that_a_batch_brings(project):
    write_rows(project, [row("text"), row("one", number=1), row("stamp", number=STAMP), row("two", number=2)])
    assert numbers(project) == {"text": STAMP + 1, "one": 1, "stamp": STAMP, "two": 2}


def test_rows_of_large_numbers_lie_behind_the_others_in_the_order_in_which_they_came(project):
    write_rows(project, [row("z", number=2**60), row("y", number=STAMP), row("b", number=2), row("a", number=1)])
    assert list(StoreRow.objects.order_by("pk").values_list("global_key", flat=True)) == ["a", "b", "z", "y"]


def test_a_number_that_is_handed_out_to_nobody_is_not_kept(project):
    write_rows(project, [row("a", number=HANDED_OUT.start), row("b", number=HANDED_OUT.stop - 1)])
    assert numbers(project) == {"a": 1, "b": 2}
    write_rows(project, [row("c", number=HANDED_OUT.start - 1), row("d"), row("e", number=HANDED_OUT.stop)])
    assert numbers(project)["d"] == HANDED_OUT.start
    assert numbers(project)["e"] == HANDED_OUT.stop


def test_a_picture_that_gets_another_number_says_its_sources(project):
    coco = {"file_name": "a.jpg"}
    write_rows(project, [row("a", number=5, source_extra={"coco": coco})])
    write_rows(project, [row("b", number=5, source_extra={"coco": {"file_name": "b.jpg"}})])
    write_rows(project, [row("c", number=5)])
    assert images(project) == {"a": (5, None), "b": (6, 5), "c": (7, None)}
    body = orjson.loads(StoreRow.objects.get(global_key="b").body.replace("\x1d", '""').replace("\x1e", ""))
    assert body["source_extra"]["coco"] == {"id": 5, "file_name": "b.jpg"}


# --- ids of annotations ----------------------------------------------------------------------------------------------


def test_annotations_keep_the_ids_that_they_state(project):
    write_rows(project, [row("a", marked(777), marked(501)), row("b", marked(2**63 - 1), marked(0))])
    assert printed_ids(project) == {"a": [(777, None), (501, None)], "b": [(2**63 - 1, None), (0, None)]}
    write_rows(project, [row("c", box())])
    assert printed_ids(project)["c"] == [(778, None)]


def test_annotations_without_ids_are_numbered_behind_those_that_have_one(project):
    write_rows(project, [row("a", box(), box()), row("b", marked(1), box(), marked(9))])
    assert printed_ids(project) == {"a": [(10, None), (11, None)], "b": [(1, None), (13, None), (9, None)]}


@pytest.mark.parametrize("size", [1, 500])
def test_an_id_that_stands_twice_is_kept_once(project, monkeypatch, size):
    monkeypatch.setattr("connections.store.upsert.FIRST_BATCH", size)
    monkeypatch.setattr("connections.store.upsert.BATCH", size)
    summary = write_rows(project, [row("a", marked(5), marked(5)), row("b", marked(5)), row("c", marked(6))])
    found = printed_ids(project)
    assert found["a"][0] == (5, None)
    ids = [identity for marks in found.values() for identity, _ in marks]
    assert len(set(ids)) == 4
    assert [found["a"][1][1], found["b"][0][1]] == [5, 5]
    text = "ids of annotations that others of the project have, given anew; the first: row a: 5 is "
    assert [describe(note).startswith(f"{3 if size == 1 else 2} {text}") for note in summary.notes.as_json()] == [True]


def test_a_second_import_finds_the_ids_of_the_first_taken(project):
    write_rows(project, [row("a", marked(1), marked(2)), row("b", box(), box())])
    write_rows(project, [row("c", marked(1), marked(9)), row("d", marked(3)), row("e", marked(100))])
    found = printed_ids(project)
    assert found["a"] == [(1, None), (2, None)]
    assert found["b"] == [(3, None), (4, None)]
    assert found["c"][1] == (9, None)
    assert found["e"] == [(100, None)]
    assert (found["c"][0][1], found["d"][0][1]) == (1, 3)
    ids = [identity for marks in found.values() for identity, _ in marks]
    assert len(set(ids)) == len(ids)
    assert min(found["c"][0][0], found["d"][0][0]) > 100


def test_a_row_keeps_its_ids_when_it_changes(project):
    write_rows(project, [row("a", marked(5), marked(8)), row("b", marked(6))])
    write_rows(project, [row("a", marked(8), marked(5), marked(7))])
    assert printed_ids(project)["a"] == [(8, None), (5, None), (7, None)]
    write_rows(project, [row("b", marked(8))])
    assert printed_ids(project)["b"] == [(9, 8)]


def test_what_was_given_in_place_of_an_id_is_asked_for_again(project):
    write_rows(project, [row("a", marked("x1", coco_id=40)), row("b", marked("x2"))])
    assert printed_ids(project) == {"a": [(40, "x1")], "b": [(41, "x2")]}


def test_an_import_beside_another_takes_no_id_of_it(project):
    def meanwhile(rows: int) -> None:
        if rows == 1:
            write_rows(project, [row("other", marked(50), box(), number=2**50)])

    def coming() -> Any:
        yield row("a", marked(1))
        yield row("b", marked(50), number=2**50)
        yield row("c", marked(51))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("connections.store.upsert.FIRST_BATCH", 1)
        patch.setattr("connections.store.upsert.BATCH", 1)
        write_rows(project, coming(), on_progress=meanwhile)
    found = printed_ids(project)
    ids = [identity for marks in found.values() for identity, _ in marks]
    assert len(set(ids)) == len(ids) == 5
    assert found["other"][0] == (50, None)
    assert found["b"][0][1] == 50
    assert len(set(numbers(project).values())) == 4


def test_what_a_refused_row_states_stays_free(project):
    summary = write_rows(project, [row("a", {**marked(5), "name": None, "annotation_kind": 5}), row("b", marked(5))])
    assert summary.refused_count == 1
    assert printed_ids(project) == {"b": [(5, None)]}


# --- numbers of classes ----------------------------------------------------------------------------------------------


def test_classes_keep_their_numbers_and_the_others_are_numbered_behind_them(project):
    classes = [
        IncomingClass("void", extra={"id": -1}),
        IncomingClass("one", 1),
        IncomingClass("stamp", STAMP),
        IncomingClass("largest", 2**63 - 1),
    ]
    summary = write_rows(project, [row("a", box("void"))], classes=classes)
    assert dict(StoreClass.objects.values_list("name", "number")) == {
        "void": STAMP + 1,
        "one": 1,
        "stamp": STAMP,
        "largest": 2**63 - 1,
    }
    assert [describe(note) for note in summary.notes.as_json()] == [
        f"1 numbers of classes, other than the file says; the first: class 'void' gets the number {STAMP + 1}; "
        "the file says -1"
    ]


def test_a_class_whose_number_is_taken_keeps_it_as_that_of_its_source(project):
    write_rows(project, [], classes=[IncomingClass("cat", 1)])
    write_rows(project, [], classes=[IncomingClass("dog", 1), IncomingClass("cow", 2), IncomingClass("cat", 9)])
    assert dict(StoreClass.objects.values_list("name", "number")) == {"cat": 1, "dog": 3, "cow": 2}
    assert StoreClass.objects.get(name="dog").extra == {"id": 1}


def test_numbers_that_were_given_are_told_by_the_project(project):
    write_rows(project, [row("a", marked(7), number=12), row("b", box())])
    store = StoreProject.objects.get(project=project)
    assert (store.next_number, store.next_annotation) == (14, 9)
