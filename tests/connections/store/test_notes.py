"""What is noted of rows that went in: a count and the first example a kind, in the summary of every channel."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command

from connections.store.import_row import IncomingRow
from connections.store.importers import IMPORTERS, ndjson
from connections.store.imports.actions import ImportSpec, import_here
from connections.store.notes import CARRIED, CHANGED, KINDS, MAX_NOTES, Notes, describe
from exportadmin.lib.actor import system
from tests.connections.store.importing import write


def test_notes_of_one_kind_and_text_are_one_note_with_the_first_example():
    notes = Notes()
    notes.add(CHANGED, "ids, given anew", example="'a' is 1")
    notes.add(CHANGED, "ids, given anew", count=1203, example="'b' is 2")
    notes.add(CARRIED, "ellipses")
    assert [describe(note) for note in notes.as_json()] == ["1,204 ids, given anew; the first: 'a' is 1", "1 ellipses"]
    assert notes.counts() == {**dict.fromkeys(KINDS, 0), "changed": 1204, "carried": 1}


def test_however_many_kinds_there_are_the_counts_are_whole_and_memory_is_bounded():
    notes = Notes()
    for number in range(1000):
        notes.add(CHANGED if number % 2 else CARRIED, f"text {number}", example="x" * 10_000)
    kept = notes.as_json()
    assert len(kept) <= MAX_NOTES + len(KINDS)
    assert max(len(note["example"]) for note in kept) <= 300
    assert (notes.counts()["changed"], notes.counts()["carried"]) == (500, 500)


class Noting(ndjson.NdjsonImporter):
    """Notes something of each row, good or bad, and something of the file."""

    def convert(self, value: dict, position: str) -> IncomingRow:
        self.row_notes.add(CARRIED, "ellipses, kept as they are", example=position)
        return super().convert(value, position)

    def rows(self) -> Iterator[IncomingRow]:
        self.notes.add(CHANGED, "names", example="of the file")
        yield from super().rows()


@pytest.fixture
def run(db, tmp_path, settings, monkeypatch):
    settings.EXPORTADMIN_HOME = tmp_path

    class Picked:
        def pick(self, key, **kwargs):
            return Noting

    monkeypatch.setattr("connections.store.imports.runner.IMPORTERS", Picked())
    good = {"data_row": {"global_key": "a", "row_data": "https://x.test/a.jpg"}}
    of_importer = {"data_row": {"row_data": "https://x.test/no-key.jpg"}}
    of_store = {"data_row": {"global_key": "k" * 501, "row_data": "https://x.test/b.jpg"}}
    lines = [of_importer, of_store, good, {"data_row": {**good["data_row"], "global_key": "b"}}]
    path = write(tmp_path, "\n".join(map(json.dumps, lines)), "rows.ndjson")
    return lambda: import_here(spec=ImportSpec("New", path.name, "ndjson"), path=path, actor=system("shell"))


@pytest.mark.django_db(transaction=True)
def test_what_was_noted_of_a_refused_row_is_dropped_with_it(run):
    summary = run().summary
    assert (summary["created"], summary["refused_count"]) == (2, 2)
    assert summary["note_counts"] == {**dict.fromkeys(KINDS, 0), "changed": 1, "carried": 2}
    carried = summary["notes"][1]
    assert (carried["kind"], carried["count"]) == ("carried", 2)
    assert carried["example"].startswith("row 3 "), "the first of a row that went in"
    again = run().summary
    assert (again["unchanged"], again["note_counts"]["carried"]) == (2, 2), "said of rows that are there already too"


@pytest.mark.django_db(transaction=True)
def test_the_shell_says_the_counts_in_its_first_lines(tmp_path, settings, capsys):
    settings.EXPORTADMIN_HOME = tmp_path
    image = {"id": 1, "file_name": "a.jpg", "width": 9, "height": 9, "date_captured": "some day"}
    path = write(tmp_path, {"images": [image, {**image, "id": 2}], "annotations": [], "categories": [], "mine": [1]})
    call_command("import_rows", str(path), project="New")
    first, second, *notes = capsys.readouterr().out.splitlines()
    assert first.startswith("New: 2 rows read as coco_json = 2 created")
    assert second == "of note: 1 changed, 3 carried only"
    assert len(notes) == 3
    assert notes[0].startswith("changed: 1 images whose file_name stands twice")
    assert "carried: 1 entries of 'mine', not part of COCO, kept with the project" in notes


@pytest.mark.django_db(transaction=True)
def test_tasks_that_nobody_has_finished_are_counted(tmp_path, settings, capsys):
    settings.EXPORTADMIN_HOME = tmp_path
    task = {"data": {"image": "https://x.test/a.jpg"}}
    guess = [{"result": [], "score": 0.5}]
    tasks = [
        {"id": 1, **task, "annotations": [], "predictions": guess},
        {"id": 2, **task, "annotations": [], "drafts": guess},
        {"id": 3, **task, "annotations": [{"result": []}], "predictions": guess},
        {"id": 4, **task, "annotations": []},
    ]
    path = write(tmp_path, tasks)
    call_command("import_rows", str(path), project="New")
    _, second, *notes = capsys.readouterr().out.splitlines()
    assert second == "of note: 3 carried only, 2 with predictions or drafts only"
    assert [note.partition("; the first: row ")[0] for note in notes] == [
        "carried: 2 predictions, kept with their tasks",
        "carried: 1 drafts, kept with their tasks",
        "unfinished: 2 tasks that hold only predictions or drafts",
    ]


@pytest.mark.django_db(transaction=True)
def test_pieces_that_belong_to_no_row_are_in_the_first_lines_and_end_with_1(tmp_path, settings, capsys):
    settings.EXPORTADMIN_HOME = tmp_path
    mark = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 2, 2]}
    stray = {**mark, "id": 2, "image_id": 99}
    image = {"id": 1, "file_name": "a.jpg", "width": 9, "height": 9}
    path = write(tmp_path, {"images": [image], "annotations": [mark, stray], "categories": [{"id": 1, "name": "car"}]})
    with pytest.raises(CommandError, match="import partial: all refused rows are in") as caught:
        call_command("import_rows", str(path), project="New")
    assert caught.value.returncode == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("of note: 1 refused that belong to no row")


def test_an_own_row_says_what_is_only_carried_and_what_has_no_class(tmp_path):
    box = {"annotation_kind": "ImageBoundingBox", "bounding_box": {"top": 1, "left": 1, "height": 2, "width": 2}}
    objects = [
        {"name": "car", **box},
        {"name": "", **box},
        {"name": "text", "annotation_kind": "Cuboid", "corner": {"start": 0, "end": 4}},
        {"name": "text", "annotation_kind": "Cuboid", "corner": {"start": 5, "end": 6}},
    ]
    row = {
        "data_row": {"global_key": "k", "row_data": "https://x.test/a.jpg"},
        "projects": {"p": {"labels": [{"annotations": {"objects": objects}}]}},
        "of_theirs": {"a": 1},
    }
    reading = IMPORTERS["ndjson"](write(tmp_path, json.dumps(row)), default_status=None, project_key="p")
    (read,) = reading.rows_with_notes()
    assert [(note["kind"], note["count"], note["example"].partition(": ")[2]) for note in read.notes] == [
        ("carried", 1, "'of_theirs'"),
        ("carried", 2, ""),
        ("unlabelled", 1, ""),
    ]
    assert read.notes[1]["text"] == "annotations of kind Cuboid, kept as they are"
    assert read.notes[1]["example"].endswith("object 3")
