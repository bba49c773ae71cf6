"""Ids of COCO files are for ever: kept where they can be, else given anew with the old one beside, and followed."""

from __future__ import annotations

from itertools import islice
from typing import Any

import orjson
import pytest

from connections.models import Project
from connections.store.importers import IMPORTERS
from connections.store.known_project import KnownProject
from connections.store.models import StoreClass, StoreCoco, StoreProject, StoreRow
from connections.store.notes import describe
from connections.store.upsert import WriteSummary, write_rows
from tests.connections.store.coco_files import coco, image, mark
from tests.connections.store.importing import write
from tests.support.imports import import_file
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bring(tmp_path):
    """Import a file into the project ``Set``."""

    def bring(content: Any, project: str = "Set", **more: Any) -> Any:
        return import_file(write(tmp_path, content), project, **more)

    return bring


def images(project: str = "Set") -> dict[str, tuple[int, Any]]:
    """Key → ``(id, source_id)``."""
    found = StoreCoco.objects.filter(row__project__name=project).values_list("row__global_key", "image")
    parsed = {key: orjson.loads(text) for key, text in found}
    return {key: (one["id"], one.get("source_id")) for key, one in parsed.items()}


def printed(project: str = "Set") -> list[dict[str, Any]]:
    """All annotations, in the order of an export."""
    found = StoreCoco.objects.filter(row__project__name=project).order_by("pk")
    return [one for text in found.values_list("annotations", flat=True) for one in orjson.loads(f"[{text}]")]


def printed_ids(project: str = "Set") -> list[tuple[int, Any, int]]:
    """``(id, source_id, image_id)`` of all."""
    return [(one["id"], one.get("source_id"), one["image_id"]) for one in printed(project)]


def notes(run: Any) -> list[str]:
    return [describe(note) for note in run.summary["notes"] if note["kind"] == "changed"]


# --- one file --------------------------------------------------------------------------------------------------------


def test_good_ids_are_reserved_before_the_others_are_numbered_behind_them(bring):
    run = bring(
        coco(
            [image(-1, "minus.jpg"), image("x", "text.jpg"), image(1, "one.jpg"), image(2, "two.jpg")],
            [mark(-1, id=-1), mark("x", id="a"), mark(1, id=1), mark(2, id=2)],
        )
    )
    assert images() == {"minus.jpg": (3, -1), "text.jpg": (4, "x"), "one.jpg": (1, None), "two.jpg": (2, None)}
    assert printed_ids() == [(1, None, 1), (2, None, 2), (3, -1, 3), (4, "a", 4)]
    assert notes(run) == [
        "2 ids of images, texts, below 0 or too large, given anew; the first: -1 is 3",
        "2 ids of annotations, texts, below 0 or too large, given anew; the first: -1 is 3",
    ]


@pytest.mark.parametrize(
    "ids",
    [(1234567890123456789, 20231105123456), (1699180000000, 1699180000500, 5), (2**63 - 1, 2**53 + 1, 0), (7, 3, 5)],
)
def test_numbers_up_to_63_bits_are_ids_that_are_kept(bring, ids):
    run = bring(coco([image(each, f"{each}.jpg") for each in ids], [mark(each, id=each) for each in ids]))
    assert images() == {f"{each}.jpg": (each, None) for each in ids}
    assert sorted(printed_ids()) == sorted((each, None, each) for each in ids)
    assert notes(run) == []


def test_an_id_that_stands_twice_is_kept_by_the_first_annotation(bring):
    run = bring(coco([image(1), image(2, "b.jpg")], [mark(2, id=9), mark(1, id=9), mark(1, id=12), mark(1, id=9)]))
    assert printed_ids() == [(13, 9, 1), (12, None, 1), (14, 9, 1), (9, None, 2)]
    assert notes(run) == ["1 annotation ids that stand more than once: the first annotation keeps it; the first: 9"]


def test_annotations_without_an_id_are_numbered_behind_those_with_one(bring):
    without = mark()
    del without["id"]
    run = bring(coco([image()], [without, mark(id=7), {**without, "id": None}]))
    assert printed_ids() == [(8, None, 1), (7, None, 1), (9, None, 1)]
    assert notes(run) == ["2 ids of annotations, which have none, given here; the first: none is 8"]


def test_where_no_annotation_has_an_id_they_are_numbered_from_1_on(bring):
    without = mark()
    del without["id"]
    run = bring(coco([image(), image(2, "b.jpg")], [without, {**without, "image_id": 2}, without]))
    assert printed_ids() == [(1, None, 1), (2, None, 1), (3, None, 2)]
    assert notes(run) == []


def test_the_sources_id_stands_in_the_row_too(bring):
    bring(coco([image("x")], [mark("x", id="m")]))
    body = StoreRow.objects.get().body
    assert '"coco":{"id":"x",' in body
    assert '"source_extra":{"coco":{"id":"m",' in body
    assert '"coco_id":1' in body


def test_categories_keep_their_ids_and_the_others_are_numbered_behind_them(bring):
    categories = [{"id": -1, "name": "void"}, {"id": "c", "name": "text"}, {"id": 2, "name": "cat"}]
    run = bring(coco([image(1, neg_category_ids=[-1, 2])], [mark(1, "c", id=1)], categories=categories))
    assert dict(StoreClass.objects.values_list("name", "number")) == {"void": 3, "text": 4, "cat": 2}
    assert orjson.loads(StoreCoco.objects.get().image)["neg_category_ids"] == [3, 2]
    assert (
        "2 numbers of classes, other than the file says; the first: class 'void' gets the number 3; the file says -1"
        in notes(run)
    )


# --- what refers to an id --------------------------------------------------------------------------------------------


def test_references_stay_where_ids_are_kept(bring):
    content = coco(
        [image(1, next_image_id=2), image(2, "b.jpg", prev_image_id=1)],
        [mark(id=501), mark(id=777, parent_id=501, group_id=501)],
        relations=[{"id": 1, "image_id": 1, "subject_ann": 777, "object_ann": 501}],
    )
    run = bring(content)
    assert [(one["id"], one.get("parent_id"), one.get("group_id")) for one in printed()] == [
        (501, None, None),
        (777, 501, 501),
    ]
    assert notes(run) == []


def test_references_follow_ids_that_are_given_anew(bring):
    content = coco(
        [image("x", next_image_id="y"), image("y", "b.jpg", prev_image_id="x"), image(1, "c.jpg", prev_image_id=9)],
        [
            mark("x", id="p", children=["q", 5]),
            mark("y", id="q", parent_id="p", group_id="p", relations=[{"to": "p", "kind": "on"}], parent="?"),
            mark(1, id=5, parent_id=1.0, source_id="p", object_id="p"),
        ],
        relations=[{"id": "p", "image_id": "x", "subject_ann": "q", "object_id": "p", "other": "p"}],
    )
    run = bring(content)
    first, second, third = printed()[1:] + printed()[:1]
    assert (first["id"], first["source_id"], first["children"]) == (6, "p", [7, 5])
    assert (second["id"], second["parent_id"], second["group_id"], second["parent"]) == (7, 6, 6, "?")
    assert second["relations"] == [{"to": 6, "kind": "on"}]
    assert (third["parent_id"], third["source_id"], third["object_id"]) == (1.0, "p", "p")
    found = {one["id"]: one for one in map(orjson.loads, StoreCoco.objects.values_list("image", flat=True))}
    assert (found[2]["next_image_id"], found[3]["prev_image_id"], found[1]["prev_image_id"]) == (3, 2, 9)
    assert (
        '"coco_lists":{"relations":[{"id":"p","image_id":2,"subject_ann":7,"object_id":6,"other":"p"}]}'
        in StoreRow.objects.get(number=2).body
    )
    assert "9 references to images, annotations and categories that have another id: they have it too" in notes(run)


# --- into a project that has rows ------------------------------------------------------------------------------------


FIRST = coco([image(1, "0001.jpg"), image(2, "0002.jpg")], [mark(1, id=1), mark(2, id=2, parent_id=1)])
SECOND = coco(
    [image(1, "0003.jpg", next_image_id=2), image(2, "0009.jpg", prev_image_id=1), image(9, "c.jpg")],
    [mark(1, id=1), mark(2, id=2, parent_id=1), mark(9, id=40, parent_id=2)],
)


def test_a_second_file_leaves_the_ids_of_the_first_alone_and_its_references_follow(bring):
    bring(FIRST)
    run = bring(SECOND)
    assert images() == {
        "0001.jpg": (1, None),
        "0002.jpg": (2, None),
        "0003.jpg": (10, 1),
        "0009.jpg": (11, 2),
        "c.jpg": (9, None),
    }
    assert printed_ids() == [(1, None, 1), (2, None, 2), (40, None, 9), (41, 1, 10), (42, 2, 11)]
    assert [one.get("parent_id") for one in printed()] == [None, 1, 42, None, 41]
    assert notes(run)[:2] == [
        "2 ids of images, which others in this project have, given anew; the first: 1 is 10",
        "2 ids of annotations, which others in this project have, given anew; the first: 1 is 41",
    ]


@pytest.mark.parametrize("dataset", ["", "north"])
def test_the_same_files_again_change_nothing(bring, dataset):
    odd = coco(
        [image("x"), image(-4, "b.jpg")], [mark("x", id="m"), mark("x", id=3), mark(-4, id=3), mark(-4, id=None)]
    )
    for content in (FIRST, SECOND, odd):
        bring(content, dataset=dataset)
    before = (images(), printed())
    for content in (odd, SECOND, FIRST):
        run = bring(content, dataset=dataset)
        assert (run.summary["created"], run.summary["updated"]) == (0, 0)
    assert (images(), printed()) == before


def test_two_data_sets_of_the_same_file_keep_apart(bring):
    bring(FIRST, dataset="north")
    bring(FIRST, dataset="south")
    assert images() == {
        "north/0001.jpg": (1, None),
        "north/0002.jpg": (2, None),
        "south/0001.jpg": (3, 1),
        "south/0002.jpg": (4, 2),
    }
    assert printed_ids() == [(1, None, 1), (2, None, 2), (3, 1, 3), (4, 2, 4)]
    assert [one.get("parent_id") for one in printed()] == [None, 1, None, 3]


def test_a_picture_that_is_there_keeps_its_number_whatever_a_later_file_says(bring):
    bring(FIRST)
    run = bring(coco([image(7, "0001.jpg", note=1), image(1, "new.jpg")], [mark(7, id=5), mark(1, id=6)]))
    assert images() == {"0001.jpg": (1, 7), "0002.jpg": (2, None), "new.jpg": (8, 1)}
    assert notes(run) == [
        "1 ids of images, which have a number in this project and keep it; the first: 7 is 1",
        "1 ids of images, which others in this project have, given anew; the first: 1 is 8",
    ]


def test_annotations_that_change_keep_their_ids(bring):
    bring(FIRST)
    bring(coco([image(1, "0001.jpg")], [mark(1, id=30), mark(1, id=1, area=1.5), mark(1, id="x")]))
    bring(coco([image(1, "0001.jpg")], [mark(1, id="x", area=2.5), mark(1, id=1)]))
    assert printed_ids() == [(31, "x", 1), (1, None, 1), (2, None, 2)]


def test_ids_stand_behind_those_of_rows_that_no_file_numbered(bring):
    bring(FIRST)
    project = Project.objects.get(name="Set")
    write_rows(project, [row("task", box(), box())])
    bring(SECOND)
    ids = [one["id"] for one in printed()]
    assert len(set(ids)) == len(ids) == 7
    assert images()["task"] == (3, None)
    assert StoreProject.objects.get(project=project).next_annotation > max(ids)


# --- an import that was killed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("done", [1, 2, 3])
def test_an_import_that_goes_on_gives_the_same_ids(bring, tmp_path, connection, done):
    content = coco(
        [image("a", "a.jpg", next_image_id="b"), image("b", "b.jpg"), image(1, "c.jpg"), image("d", "d.jpg")],
        [mark("a", id="p", parent_id="q"), mark("b", id="q"), mark(1, id=1), mark("d", id=1, parent_id="p")],
    )
    path = write(tmp_path, content)
    for name in ("Whole", "Killed"):
        project = Project.objects.create(connection=connection, name=name)
        import_file(write(tmp_path, FIRST, "first.json"), name)
        known = KnownProject(project)
        importer = IMPORTERS["coco_json"](path, default_status=None, project_key="", project=known)
        rows = importer.rows_with_notes()
        if name == "Killed":
            summary = write_rows(project, islice(rows, done), classes=importer.classes)
            known = KnownProject(project, reserved=known.reserved)
            importer = IMPORTERS["coco_json"](path, default_status=None, project_key="", project=known)
            rows = importer.rows_with_notes()
            write_rows(project, rows, classes=importer.classes, so_far=WriteSummary(rows=summary.rows))
        else:
            write_rows(project, rows, classes=importer.classes)
    assert images("Killed") == images("Whole")
    assert printed("Killed") == printed("Whole")
