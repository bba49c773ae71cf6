"""A row that the store refuses is as if it had never been there: no class, no number, no id is taken by it."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from connections.models import Project
from connections.store.models import StoreClass, StoreProject, StoreRow
from connections.store.upsert import write_rows
from tests.support.rows import answer, box, mask, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)

BROKEN = {"name": "torn", "annotation_kind": "ImagePolygon", "polygon": [{"x": 1.0}]}
NOT_A_MASK = {**mask("cloud"), "mask": {"size": [2, 2]}}


def classes() -> dict[str, int]:
    return dict(StoreClass.objects.values_list("name", "number"))


@pytest.mark.parametrize("bad", [BROKEN, NOT_A_MASK, {**box("halfway"), "bounding_box": None}])
def test_a_refused_row_adds_no_class_no_question_and_takes_no_number(project, bad):
    refused = row("bad", box("only there"), answer("only asked there"), bad, row_id="theirs")
    good = [row("a", box("car"), number=1), refused, row("b", box("tree"), polygon("car"), answer("quality"))]
    summary = write_rows(project, good)
    assert (summary.created, summary.refused_count, summary.annotations) == (2, 1, 4)
    assert classes() == {"car": 1, "tree": 2, "quality": 1}
    assert dict(StoreRow.objects.values_list("global_key", "number")) == {"a": 1, "b": 2}
    store = StoreProject.objects.get(project=project)
    assert (store.next_number, store.next_annotation, store.has_source_ids) == (3, 5, False)


def test_a_class_that_a_good_row_names_after_a_refused_one_stays(project):
    write_rows(project, [row("bad", box("car"), BROKEN), row("good", box("car"))])
    assert classes() == {"car": 1}
    write_rows(project, [row("bad", box("car"), box("lorry"), BROKEN)])
    assert classes() == {"car": 1}


def test_the_id_of_a_refused_row_is_free_for_the_row_that_comes_after(project):
    summary = write_rows(project, [row("bad", BROKEN, row_id="r1"), row("good", box(), row_id="r1")])
    assert (summary.created, summary.refused_count) == (1, 1)
    assert StoreRow.objects.get().row_id == "r1"


def test_a_change_that_is_refused_leaves_the_row_as_it_was(project):
    write_rows(project, [row("a", box())])
    before = StoreRow.objects.values().get()
    summary = write_rows(project, [row("a", box("van"), box("bus"), BROKEN)])
    assert (summary.updated, summary.refused_count) == (0, 1)
    assert StoreRow.objects.values().get() == before
    assert classes() == {"car": 1}


def test_through_the_shell_a_file_of_bad_rows_ends_with_1_and_an_empty_ontology(tmp_path, settings):
    settings.EXPORTADMIN_HOME = tmp_path
    path = tmp_path / "rows.ndjson"
    objects = [{"name": "ghost", "annotation_kind": "ImageBoundingBox", "bounding_box": {"top": 1, "left": 1}}]
    line = {
        "data_row": {"global_key": "k", "row_data": "https://x.test/a.jpg"},
        "projects": {"p": {"labels": [{"annotations": {"objects": objects}}]}},
    }
    path.write_text(json.dumps(line))
    with pytest.raises(CommandError, match=r"every row was refused \(1\)") as caught:
        call_command("import_rows", str(path), project="New")
    assert caught.value.returncode == 1
    assert Project.objects.get().name == "New"
    assert not StoreClass.objects.exists()
