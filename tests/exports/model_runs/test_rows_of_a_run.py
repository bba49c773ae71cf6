"""An export of a model run: its rows, with the run in the place of the project."""

from __future__ import annotations

import pytest

from connections.store.import_row import IncomingLabel, IncomingRun
from connections.store.importers import IMPORTERS
from connections.store.models import StorePredictions, StoreRow
from connections.store.upsert import write_rows
from exportadmin.lib.errors import UserError
from exports.spec.plan import plan
from exports.spec.spec import ExportSpec
from tests.exports.model_runs.runs import SCOPE, delivered, export, predicted, rows_of, scored
from tests.support.rows import answer, box, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = IncomingRun("run-2", "model-1", name="v2")


@pytest.fixture(autouse=True)
def own_folders(tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


@pytest.fixture
def filled(project):
    rows = [
        predicted(row("a", box("car"), answer()), scored(box("car")), split="Training", annotation_group_id="ag-a"),
        predicted(row("b", polygon("road")), scored(box("car"), None), scored(polygon("road")), split="Test"),
        predicted(row("c"), split="Test"),
        row("d", box("car")),
    ]
    predicted(rows[0], scored(box("van")), run=OTHER)
    summary = write_rows(project, rows, now_ms=1_000)
    assert (summary.created, summary.predictions) == (4, 4)
    return project


def test_its_rows_have_the_run_in_the_place_of_the_project(filled):
    rows = {each["data_row"]["global_key"]: each for each in rows_of(export(filled))}
    assert rows.keys() == {"a", "b", "c"}
    assert list(rows["a"]) == [
        "data_row", "media_attributes", "attachments", "metadata_fields", "embeddings", "experiments", "export_admin",
    ]  # fmt: skip
    model = rows["a"]["experiments"]["model-1"]
    assert model["name"] == "My model"
    run = model["runs"].pop("run-1")
    assert not model["runs"]  # the other run of the row is not asked for
    assert list(run) == [
        "name", "run_data_row_id", "annotation_group_id", "labels", "predictions", "split", "export_admin",
    ]  # fmt: skip
    assert (run["name"], run["annotation_group_id"], run["split"]) == ("v1", "ag-a", "Training")
    (label,), (prediction,) = run["labels"], run["predictions"]
    assert label.keys() == {"label_kind", "version", "id", "annotations"}
    assert [mark["name"] for mark in label["annotations"]["objects"]] == ["car"]
    assert prediction["annotations"]["objects"][0]["confidence"] == 0.9
    assert "annotation_group_id" not in rows["b"]["experiments"]["model-1"]["runs"]["run-1"]
    assert rows["c"]["experiments"]["model-1"]["runs"]["run-1"]["labels"] == []


def test_json_has_the_same_rows(filled):
    assert delivered(export(filled, "json")).read_bytes() == (
        b"[\n" + delivered(export(filled)).read_bytes().rstrip(b"\n").replace(b"\n", b",\n") + b"\n]\n"
    )


def test_a_project_export_of_the_same_rows_says_nothing_of_runs(filled):
    text = delivered(export(filled, scope=None)).read_bytes()
    assert b"experiments" not in text
    assert b"run-1" not in text


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        ([], {"name", "run_data_row_id", "labels"}),
        (["predictions"], {"name", "run_data_row_id", "labels", "predictions"}),
        (["model_run_details"], {"name", "run_data_row_id", "labels", "split", "annotation_group_id"}),
    ],
)
def test_predictions_and_details_are_parts(filled, parts, keys):
    report = export(filled, include=parts)
    assert rows_of(report)[0]["experiments"]["model-1"]["runs"]["run-1"].keys() == keys
    counted = report.check_values["predictions"]
    assert counted["total"] == (3 if "predictions" in parts else 0)
    assert counted["rows_by_split"] == ({"Test": 2, "Training": 1} if "model_run_details" in parts else {"none": 3})


def test_check_values_count_predictions_apart_from_labels(filled):
    found = export(filled).check_values
    assert found["annotations_by_class"] == {"car": 1, "quality": 1, "road": 1}
    assert found["predictions"] == {
        "total": 3,
        "by_class": {"car": 2, "road": 1},
        "by_kind": {"box": 2, "polygon": 1},
        "by_split": {"Test": 2, "Training": 1},
        "rows_by_split": {"Test": 2, "Training": 1},
        "left_out": {},
    }
    assert found["left_out_by_format"] == {}


def test_the_plan_says_the_same_beforehand(filled):
    spec = ExportSpec.parse({"format": "json", "scope": SCOPE}, filled)
    assert plan(filled, spec)["predictions"] == export(filled, "json").check_values["predictions"]


def test_a_format_that_holds_no_predictions_has_the_labels_and_counts_what_it_left_out(filled):
    found = export(filled, "coco_json").check_values
    assert found["rows_kept"] == 3
    assert found["annotations"] == 2
    assert found["left_out_by_format"] == {"classification": 1, "predictions": 3}
    assert "predictions" not in found


@pytest.mark.parametrize(
    ("body", "field", "why"),
    [
        ({"scope": {"kind": "model_run", "id": "nope"}}, "scope.id", "has no model run 'nope'"),
        ({"scope": {"kind": "model_run"}}, "scope.id", "expected the id of the model run"),
        ({"filter": {"data_row_ids": ["x"]}}, "filter.data_row_ids", "does not go with the scope model_run"),
        ({"statuses": ["review"]}, "statuses", "does not go with the scope model_run"),
        ({"include": ["label_details"]}, "include", "the part label_details does not go with the scope model_run"),
        ({"scope": None, "include": ["predictions"]}, "include", "the part predictions is of model runs"),
        ({"model_run_ids": ["run-2"]}, "model_run_ids", "does not go with the scope model_run"),
    ],
)
def test_what_does_not_go_with_it_is_refused_by_name(filled, body, field, why):
    with pytest.raises(UserError, match=why) as error:
        ExportSpec.parse({"format": "json", "scope": SCOPE, **body}, filled)
    assert error.value.field == field


def test_it_comes_back_in_with_the_same_predictions_and_changes_nothing(filled):
    def stored():
        return list(StorePredictions.objects.order_by("pk").values()), list(StoreRow.objects.order_by("pk").values())

    before = stored()
    path = delivered(export(filled))
    importer = IMPORTERS["ndjson"](path, default_status=None, project_key=filled.public_id)
    summary = write_rows(filled, importer.rows())
    assert not importer.refused
    assert (summary.unchanged, summary.rows) == (3, 3)
    assert stored() == before


def test_into_an_empty_project_it_brings_rows_labels_and_predictions(filled, connection):
    from connections.models import Project

    empty = Project.objects.create(connection=connection, name="Empty")
    path = delivered(export(filled))
    importer = IMPORTERS["ndjson"](path, default_status=None, project_key=empty.public_id)
    summary = write_rows(empty, importer.rows(), classes=importer.classes)
    assert (summary.created, summary.predictions) == (3, 3)
    again = rows_of(export(empty))
    for one, other in zip(rows_of(export(filled)), again, strict=True):
        assert one["experiments"] == other["experiments"]


def test_a_label_that_has_a_key_like_the_projects_own_is_copied_whole(project):
    tricky = IncomingLabel(objects=[box()], extra={"note": [1], "project_tags": [2], "end": [3]})
    write_rows(project, [predicted(row("a", labels=[tricky], project_tags=["t", {"x": [], "project_tags": []}]))])
    (found,) = rows_of(export(project))
    (label,) = found["experiments"]["model-1"]["runs"]["run-1"]["labels"]
    assert (label["note"], label["project_tags"], label["end"]) == ([1], [2], [3])
    assert len(label["annotations"]["objects"]) == 1


def test_a_run_that_was_deleted_since_fails_the_export_in_words(filled):
    from connections.store.models import StoreModelRun
    from exports import actions
    from tests.exports.model_runs.runs import SHELL

    spec = ExportSpec.parse({"format": "json", "scope": SCOPE}, filled)
    StoreModelRun.objects.filter(run_id="run-1").delete()
    report = actions.run_now(project=filled, spec=spec, actor=SHELL)
    assert report.status == "failed"
    assert "the model run run-1 is not in project" in report.error
