"""Predictions of model runs beside the data rows of a catalog: which runs they are of, and what the rows hold."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from connections.access.models import Membership
from connections.rows.batch import BODY
from connections.store.import_row import IncomingRun
from connections.store.models import StoreModelRun, StorePredictions
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import UserError
from exports import actions
from exports.model_runs.actions import delete_model_run
from exports.models import ExportReport
from exports.results.staleness import changes_after, changes_text
from exports.sources import source_of
from exports.sources.store import TableReader
from exports.spec.catalog import settle
from exports.spec.spec import ExportSpec
from tests.exports.catalog.world import (
    CATALOG,
    DAY,
    World,
    data_row,
    export,
    ids,
    main_file,
    person,
    request,
    rows,
    run,
)
from tests.exports.model_runs.runs import predicted, scored
from tests.support.rows import answer, box, polygon

NORTH_RUN = IncomingRun("run-n", "model-1", name="v1", model_name="Boats")
SOUTH_RUN = IncomingRun("run-s", "model-1", name="v2", model_name="Boats")
EAST_RUN = IncomingRun("run-e", "model-2", name="secret", model_name="Theirs")


@pytest.fixture
def predictions(world: World) -> World:
    """``north`` has a run over d1 and d2, ``south`` one over d2 and d4, ``east``, a project of others, one over d3."""
    write_rows(
        world.north,
        [
            predicted(
                data_row("d1", box("car"), label_created_ms=DAY),
                scored(box("car")),
                run=NORTH_RUN,
                split="Training",
                annotation_group_id="ag-1",
            ),
            predicted(
                data_row("d2", box("car"), box("person"), status="accepted", label_created_ms=2 * DAY),
                scored(box("person")),
                scored(box("car")),
                run=NORTH_RUN,
                split="Test",
            ),
        ],
        now_ms=11 * DAY,
    )
    write_rows(
        world.south,
        [
            predicted(
                data_row("d2", polygon("road"), box("car"), activity_ms=5 * DAY, label_created_ms=6 * DAY),
                scored(polygon("road")),
                run=SOUTH_RUN,
            ),
            predicted(
                data_row("d4", polygon("road"), dataset_id="ds-pier", label_created_ms=3 * DAY),
                scored(box("car")),
                run=SOUTH_RUN,
            ),
        ],
        now_ms=11 * DAY,
    )
    write_rows(
        world.east,
        [predicted(data_row("d3", box("secret"), activity_ms=9 * DAY), scored(box("secret")), run=EAST_RUN)],
        now_ms=11 * DAY,
    )
    return world


def runs_of(row: dict) -> dict[str, dict]:
    return {key: each for model in row["experiments"].values() for key, each in model["runs"].items()}


def test_a_run_of_others_is_as_one_that_does_not_exist(predictions, oscar):
    messages = []
    for foreign in ("run-e", "nosuch"):
        with pytest.raises(UserError) as refused:
            request(predictions.north, oscar, model_run_ids=["run-s", foreign])
        assert refused.value.field == "model_run_ids[1]"
        messages.append(refused.value.message.replace(foreign, "ID"))
    assert messages[0] == messages[1]
    assert not ExportReport.objects.exists()
    assert AuditEntry.objects.order_by("-sequence")[0].outcome == "refused"


def test_more_than_thirty_runs_are_refused(predictions, oscar):
    with pytest.raises(UserError, match="cannot exceed 30 items") as refused:
        request(predictions.north, oscar, model_run_ids=[f"run-{n}" for n in range(31)])
    assert refused.value.field == "model_run_ids"


def test_who_may_only_look_into_a_project_does_not_export_its_runs_from_another_one(predictions, rita):
    Membership.objects.create(project=predictions.north, user=rita, role="operator")
    Membership.objects.create(project=predictions.south, user=rita, role="reviewer")
    with pytest.raises(UserError, match="no model run 'run-s'"):
        request(predictions.north, rita, model_run_ids=["run-s"])
    found = rows(export(predictions.north, rita, all_model_runs=True))
    assert [list(runs_of(each)) for each in found] == [["run-n"], ["run-n"], []]


def test_rows_have_the_runs_that_they_are_in_behind_their_projects(predictions, oscar):
    report = export(predictions.north, oscar, all_model_runs=True)
    found = {each["data_row"]["id"]: each for each in rows(report)}
    assert list(found["d2"])[-2:] == ["projects", "experiments"]
    assert {name: list(runs_of(each)) for name, each in found.items()} == {
        "d1": ["run-n"], "d2": ["run-n", "run-s"], "d3": [], "d4": ["run-s"],
    }  # fmt: skip
    assert found["d3"]["experiments"] == {}
    assert list(found["d2"]["experiments"]) == ["model-1"]
    assert found["d2"]["experiments"]["model-1"]["name"] == "Boats"
    first = runs_of(found["d1"])["run-n"]
    assert list(first) == ["name", "run_data_row_id", "annotation_group_id", "labels", "predictions", "split"]
    assert (first["name"], first["annotation_group_id"], first["split"]) == ("v1", "ag-1", "Training")
    (prediction,) = first["predictions"]
    assert prediction["annotations"]["objects"][0]["confidence"] == 0.9
    # labels are those of projects that were named: none
    assert all(each["labels"] == [] for row in found.values() for each in runs_of(row).values())
    assert report.check_values["annotations"] == 0


@pytest.mark.parametrize(
    ("named", "labelled"),
    [
        ({"project_ids": ["North"]}, {"run-n"}),
        ({"project_ids": ["South"]}, {"run-s"}),
        ({"all_projects": True}, {"run-n", "run-s"}),
    ],
)
def test_labels_of_a_run_are_those_of_its_project_where_they_leave(predictions, oscar, named, labelled):
    ids_of = {each.name: each.public_id for each in (predictions.north, predictions.south)}
    if "project_ids" in named:
        named = {"project_ids": [ids_of[name] for name in named["project_ids"]]}
    project_of = {"run-n": ids_of["North"], "run-s": ids_of["South"]}
    for row in rows(export(predictions.north, oscar, all_model_runs=True, **named)):
        for key, each in runs_of(row).items():
            expected = row["projects"][project_of[key]]["labels"] if key in labelled else []
            assert each["labels"] == expected
            assert bool(expected) == (key in labelled)


@pytest.mark.parametrize("labels", [{}, {"project_ids": ["North"]}, {"project_ids": ["South"]}, {"all_projects": True}])
def test_predictions_are_counted_apart_by_the_classes_of_all_projects(predictions, oscar, labels):
    ids_of = {each.name: each.public_id for each in (predictions.north, predictions.south)}
    if "project_ids" in labels:
        labels = {"project_ids": [ids_of[name] for name in labels["project_ids"]]}
    without = export(predictions.north, oscar, **labels).check_values
    body = {"format": "json", "scope": CATALOG, "all_model_runs": True, **labels}
    found = export(predictions.north, oscar, "json", all_model_runs=True, **labels).check_values
    assert found["predictions"] == {
        "total": 5,
        "by_class": {"car": 3, "person": 1, "road": 1},
        "by_kind": {"box": 4, "polygon": 1},
        "by_split": {"Test": 2, "Training": 1, "none": 2},
        "rows_by_split": {"Test": 1, "Training": 1, "none": 2},
        "left_out": {},
    }
    for key in ("rows_kept", "annotations", "annotations_by_class", "annotations_by_kind", "left_out_by_format"):
        assert found[key] == without[key]
    spec = ExportSpec.parse(body, predictions.north)
    planned = actions.plan_export(project=predictions.north, spec=spec, actor=person(oscar)).answer
    assert planned["predictions"] == found["predictions"]


def test_all_else_is_byte_for_byte_as_without_runs(predictions, oscar):
    for more in ({}, {"project_ids": [predictions.south.public_id]}, {"all_projects": True}):
        with_runs = main_file(export(predictions.north, oscar, all_model_runs=True, **more)).read_bytes().splitlines()
        without = main_file(export(predictions.north, oscar, **more)).read_bytes().splitlines()
        for line, bare in zip(with_runs, without, strict=True):
            begin = line.index(b',"experiments":')
            assert line.startswith(bare[:begin])
            parsed = json.loads(line)
            del parsed["experiments"]
            assert parsed == json.loads(bare)


def test_a_row_says_no_numbers_of_classes_that_are_another_projects(predictions, oscar):
    body = {"format": "ndjson", "scope": CATALOG, "all_projects": True, "all_model_runs": True}
    selection = settle(ExportSpec.parse(body, predictions.north), predictions.north, person(oscar)).selection
    with source_of(predictions.north, selection.scope).open(selection, frozenset({BODY})) as reader:
        found = [each for batch in reader.batches() for runs in batch.experiments for each in runs]
    assert [each.class_counts for each in found if each.run.run_id == "run-s"] == ["p3:1", "b1:1"]  # not south's
    assert {each.used for each in found} == {b""}


def test_one_run_is_named_and_no_other_is_in_the_file(predictions, oscar):
    text = main_file(export(predictions.north, oscar, model_run_ids=["run-s"])).read_text()
    assert "run-s" in text
    assert "run-n" not in text


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        ([], {"name", "run_data_row_id", "labels"}),
        (["predictions"], {"name", "run_data_row_id", "labels", "predictions"}),
        (["model_run_details"], {"name", "run_data_row_id", "labels", "split", "annotation_group_id"}),
    ],
)
def test_predictions_and_details_are_parts(predictions, oscar, parts, keys):
    report = export(predictions.north, oscar, all_model_runs=True, include=parts)
    assert runs_of(rows(report)[0])["run-n"].keys() == keys
    assert report.check_values["predictions"]["total"] == (5 if "predictions" in parts else 0)


@pytest.mark.parametrize(
    ("scope", "more", "found"),
    [
        ({"kind": "dataset", "id": "Quay"}, {}, ["d1", "d2"]),
        ({"kind": "data_rows"}, {"filter": {"data_row_ids": ["d2", "d4"]}}, ["d2", "d4"]),
        (None, {}, ["d1"]),
    ],
)
def test_every_scope_of_the_catalog_takes_them(predictions, oscar, scope, more, found):
    from exports.models import Slice

    if scope is None:
        saved = Slice.objects.create(project=predictions.north, name="one", filter={"data_row_ids": ["d1"]})
        scope = {"kind": "slice", "id": saved.public_id}
    made = rows(export(predictions.north, oscar, scope=scope, all_model_runs=True, **more))
    assert ids(made) == found
    assert all(runs_of(each) for each in made)


def test_a_run_of_the_same_id_in_two_projects_is_in_a_row_once(predictions, oscar):
    again = predicted(data_row("d1", box("car")), scored(answer("quality")), run=NORTH_RUN)
    write_rows(predictions.south, [again], now_ms=12 * DAY)
    report = export(predictions.north, oscar, model_run_ids=["run-n"])
    text = main_file(report).read_text().splitlines()[0]
    assert text.count('"run-n"') == 1
    # the first project's
    assert report.check_values["predictions"]["by_class"] == {"car": 2, "person": 1}


@pytest.mark.parametrize("key", ["coco_json", "csv", "coco_results"])
def test_formats_without_them_refuse_by_name(predictions, oscar, key):
    with pytest.raises(UserError) as refused:
        request(predictions.north, oscar, key, all_model_runs=True)
    assert refused.value.field == "format"


def test_what_is_settled_stays_though_runs_come_and_get_other_names(predictions, oscar):
    report = request(predictions.north, oscar, all_model_runs=True)
    late = IncomingRun("run-late", "model-1", name="v3", model_name="Boats")
    write_rows(predictions.north, [predicted(data_row("d3"), scored(box("car")), run=late)], now_ms=12 * DAY)
    StoreModelRun.objects.filter(run_id="run-n").update(name="renamed")
    settled = report.config["scope_settled"]
    assert settled["runs"] == [
        {"project": predictions.north.public_id, "id": "run-n"},
        {"project": predictions.south.public_id, "id": "run-s"},
    ]
    found = rows(run(report))
    assert {key for each in found for key in runs_of(each)} == {"run-n", "run-s"}


def test_who_lost_the_project_of_a_run_before_it_began_gets_nothing(predictions, oscar):
    report = request(predictions.north, oscar, model_run_ids=["run-s"])
    Membership.objects.filter(project=predictions.south, user=oscar).delete()
    assert run(report).status == "failed"
    assert "may no longer run exports in another project" in report.error


def test_a_run_that_was_deleted_since_fails_the_export_in_words(predictions, oscar):
    report = request(predictions.north, oscar, model_run_ids=["run-s"])
    StoreModelRun.objects.filter(run_id="run-s").delete()
    assert run(report).status == "failed"
    assert "the model run run-s, which this export reads, was deleted" in report.error


def test_the_plan_and_the_trail_name_the_runs(predictions, oscar):
    spec = ExportSpec.parse({"format": "ndjson", "scope": CATALOG, "model_run_ids": ["run-n"]}, predictions.north)
    planned = actions.plan_export(project=predictions.north, spec=spec, actor=person(oscar)).answer
    assert planned["scope"]["model_runs"] == [{"id": "run-n", "name": "Boats / v1", "project": "North"}]
    (warning,) = (each for each in planned["warnings"] if "come without labels" in each)
    assert warning.startswith("beside predictions no annotation is in the file")
    request(predictions.north, oscar, model_run_ids=["run-n"])
    assert AuditEntry.objects.filter(event="export.requested").get().details["model_runs"] == ["run-n"]


def test_a_catalog_without_runs_reads_nothing_of_them(predictions, oscar, monkeypatch):
    asked = []
    fetch = TableReader.fetch
    monkeypatch.setattr(TableReader, "fetch", lambda reader, query: asked.append(query.model) or fetch(reader, query))
    export(predictions.north, oscar, all_projects=True)
    without = list(asked)
    assert not {StoreModelRun, StorePredictions} & set(without)
    asked.clear()
    export(predictions.north, oscar, all_projects=True, all_model_runs=True)
    assert StoreModelRun in asked


def test_rows_as_labelbox_writes_them_have_them_too(predictions, oscar):
    report = export(predictions.north, oscar, "labelbox_ndjson", model_run_ids=["run-n"])
    assert runs_of(rows(report)[0])["run-n"]["predictions"]


def test_the_form_takes_them_and_shows_again_what_was_taken(predictions, oscar):
    browser = Client()
    browser.force_login(oscar)
    text = browser.get(f"/exports/new/?project={predictions.north.public_id}").content.decode()
    assert "Boats / v2 (South)" in text
    assert "Theirs / secret" not in text
    typed = {
        "project": predictions.north.public_id,
        "format": "ndjson",
        "do": "run",
        "parts": ["data_row_details", "predictions", "backup"],
        "scope": "catalog",
    }
    some = {"predictions_of": "some", "model_run_ids": ["run-s"]}
    sent = browser.post("/exports/new/", {**typed, **some})
    assert sent.status_code == 302, sent.content.decode()
    report = ExportReport.objects.get()
    assert report.config["model_run_ids"] == ["run-s"]
    assert report.config["include"] == ["data_row_details", "predictions"]
    again = Client()
    again.force_login(oscar)
    shown = again.get(f"/exports/new/?from={report.report_id}").content.decode()
    assert re.search(r'name="model_run_ids"\s+value="run-s" checked', shown)
    for more, message in (
        ({"predictions_of": "some"}, "Which model runs?"),
        ({"model_run_ids": ["run-s"]}, "Ticked model runs go with “Of these model runs” alone."),
        ({"predictions_of": "some", "model_run_ids": ["run-e"]}, "no model run 'run-e'"),
        ({"predictions_of": "all", "format": "csv"}, "holds no predictions beside labels"),
        ({"predictions_of": "all", "scope": "project"}, "all_model_runs does not go with the scope project"),
    ):
        refused = browser.post("/exports/new/", {**typed, **more})
        assert refused.status_code == 400, more
        assert message in refused.content.decode().replace("&#x27;", "'"), more
    planned = browser.post("/exports/new/", {**typed, "do": "plan", "predictions_of": "all"}).content.decode()
    assert "With the predictions of 2 model runs:" in planned


def test_a_report_is_stale_when_another_project_or_a_run_that_it_read_says_something_else(predictions, oscar, alice):
    report = export(predictions.north, oscar, all_model_runs=True)
    alone = export(predictions.north, oscar, scope={"kind": "model_run", "id": "run-n"})
    without = export(predictions.north, oscar, scope={"kind": "project"})

    def told() -> list[str]:
        for each in (report, alone, without):
            each.refresh_from_db()
        return [changes_text(changes_after(each)) for each in (report, alone, without)]

    assert told() == ["", "", ""]
    d1 = data_row("d1", box("car"), label_created_ms=DAY)
    write_rows(predictions.north, [predicted(d1, scored(box("car"), 0.5), run=NORTH_RUN)])
    assert told() == ["predictions of 1 row changed"] * 2 + [""]
    write_rows(predictions.south, [data_row("d9"), data_row("d4", box("car"), dataset_id="ds-pier")])
    assert told()[0] == "1 row came and 1 changed; predictions of 1 row changed"
    gone = StoreModelRun.objects.get(run_id="run-n")
    delete_model_run(project=predictions.north, run=gone, actor=person(alice))
    assert told() == ["1 row came and 1 changed; 1 model run was deleted", "1 model run was deleted", ""]


def test_who_may_not_see_a_project_learns_neither_it_nor_its_runs_from_what_was_asked(predictions, oscar, rita, client):
    Membership.objects.create(project=predictions.north, user=rita, role="operator")
    of_south = {"project_ids": [predictions.north.public_id, predictions.south.public_id]}
    report = export(predictions.north, oscar, model_run_ids=["run-n", "run-s"], **of_south)
    south = predictions.south.public_id
    rest, pages = f"/api/v1/reports/{report.report_id}/", [f"/exports/{report.report_id}/", "/exports/"]
    pages += [f"/exports/new/?from={report.report_id}"]
    for user, may_know in ((rita, False), (oscar, True)):
        client.force_login(user)
        config = client.get(rest).json()["config"]
        assert config["scope_settled"].get("others") == (None if may_know else 1)
        assert config["project_ids"] == of_south["project_ids"][: None if may_know else 1]
        assert config["model_run_ids"] == ["run-n", "run-s"][: None if may_know else 1]
        told = [client.get(path).content.decode() for path in (rest, "/api/v1/reports/", *pages)]
        for each in told:
            # ids and tokens may hold anything: words are looked at. v2 is the name of south's run
            assert may_know or not ({"run-s", "v2", south} & set(re.split(r"[^\w-]+", each)))
        assert any(south in each for each in told) == may_know
    entries = AuditEntry.objects.filter(event="export.requested", object_id=report.report_id)
    assert not any("Boats" in f"{each.after_json}{each.details_json}" for each in entries)
