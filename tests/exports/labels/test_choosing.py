"""How labels are chosen: in a description, by the shell, in REST and in the form; and what is said of the choice."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from django.core.management import call_command

from connections.models import Project
from connections.store.upsert import write_rows
from exportadmin.lib.errors import UserError
from exports import actions
from exports.display.selection_line import one_line
from exports.display.spec_text import describe
from exports.forms.export import ExportForm
from exports.models import ExportReport
from exports.results.preview import first_rows
from exports.spec.conversion import conversion_spec
from exports.spec.labels import DEFAULT, LABEL_CHOICES, parse_labels
from exports.spec.plan import build_plan, plan
from exports.spec.spec import ExportSpec
from tests.exports.labels.world import ANN, BO, SHELL, boxes_of, content, export, filled, made
from tests.support.rows import answer, box, row

WRITTEN = "not_skipped, all, ground_truth, selected, latest, created_by:PERSON"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, settings) -> None:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


def spec_of(project: Project, **body) -> ExportSpec:
    return ExportSpec.parse({"format": "ndjson", **body}, project)


# --- in a description ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", ["all", "not_skipped", "ground_truth", "latest", f"created_by:{ANN}"])
def test_a_choice_is_frozen_as_it_was_written(project: Project, labels: str) -> None:
    spec = spec_of(filled(project), labels=labels)
    assert spec.to_json()["labels"] == labels
    assert ExportSpec.from_json(spec.to_json(), project).selection == spec.selection


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("skipped", f"unknown choice of labels 'skipped'; known: {WRITTEN}"),
        ("created_by", "labels created_by needs a person: created_by:PERSON, of 1 to 200 characters"),
        ("created_by: ", "labels created_by needs a person: created_by:PERSON, of 1 to 200 characters"),
        ("latest:ann", "labels is 'latest:ann', but latest takes nothing behind it"),
        (7, f"labels is 7; expected a text, one of {WRITTEN}"),
        (["all"], f"labels is ['all']; expected a text, one of {WRITTEN}"),
    ],
)
def test_what_is_no_choice_is_refused_with_what_would_be(project: Project, labels: object, message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}$") as caught:
        spec_of(project, labels=labels)
    assert caught.value.field == "labels"


def test_a_person_who_made_no_label_here_is_refused_with_those_who_did(project: Project) -> None:
    with pytest.raises(UserError, match=f"'zoe' made no label in this project; those who did: {ANN}, {BO}$"):
        spec_of(filled(project), labels="created_by:zoe")


def test_where_nobody_made_a_label_that_is_said(project: Project) -> None:
    with pytest.raises(UserError, match=r"'zoe' made no label in this project; nobody did$"):
        spec_of(project, labels="created_by:zoe")


def test_a_saved_choice_of_somebody_whose_labels_are_gone_gives_an_empty_export(project: Project) -> None:
    body = spec_of(filled(project), labels=f"created_by:{ANN}").to_json()
    write_rows(project, [row(key, labels=[made(BO, box())]) for key in ("plain", "two", "half", "benchmark")])
    spec = ExportSpec.from_json(body, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.check_values["rows_kept"] == 0
    assert report.check_values["rows_dropped"] == {"labels": 6}
    assert "no row matches: the delivery would be empty" in plan(project, spec)["warnings"]


# --- every channel -------------------------------------------------------------------------------------------------


def test_the_shell_chooses(project: Project, capsys) -> None:
    filled(project)
    call_command("run_export", project.public_id, "--format", "coco_json", "--labels", "latest")
    report = ExportReport.objects.get()
    assert report.config["labels"] == "latest"
    out = capsys.readouterr().out
    assert "note: left out of coco_json: classification 1, older labels 3, skipped labels 4" in out
    assert (
        "note: 3 rows have several labels, 7 in all; the choice of labels is “latest”, which leaves out: "
        "older labels 2, skipped labels 3" in out
    )


def test_rest_chooses_and_plans(project: Project, client, alice) -> None:
    filled(project)
    client.force_login(alice)
    body = {"project": project.public_id, "format": "coco_json", "labels": "ground_truth"}
    planned = client.post("/api/v1/reports/plan/", body, content_type="application/json")
    assert planned.status_code == 200, planned.content
    assert planned.json()["labels"]["choice"] == "ground_truth"
    assert planned.json()["rows_kept"] == 1
    asked = client.post("/api/v1/reports/", body, content_type="application/json")
    assert asked.status_code in (200, 201, 202), asked.content
    assert asked.json()["config"]["labels"] == "ground_truth"
    wrong = client.post("/api/v1/reports/plan/", {**body, "labels": "best"}, content_type="application/json")
    assert wrong.status_code == 400
    assert "unknown choice of labels 'best'" in wrong.content.decode()


def form_data(project: Project, **more: str) -> dict[str, object]:
    shown = ExportForm(project=project)
    data = {name: shown[name].value() for name in shown.fields if shown[name].value() not in (None, "")}
    return {**data, "format": "coco_json", **more}


def sent(project: Project, **more: str) -> ExportForm:
    from django.http import QueryDict
    from django.utils.datastructures import MultiValueDict

    data = QueryDict(mutable=True)
    data.update(MultiValueDict({k: v if isinstance(v, list) else [v] for k, v in form_data(project, **more).items()}))
    return ExportForm(data, project=project)


def test_the_form_chooses(project: Project) -> None:
    form = sent(filled(project), labels="latest")
    assert form.is_valid(), form.errors
    assert form.spec is not None
    assert form.spec.to_json()["labels"] == "latest"


def test_the_form_chooses_a_person_and_shows_the_choice_again(project: Project) -> None:
    form = sent(filled(project), labels="created_by", person=BO)
    assert form.is_valid(), form.errors
    assert form.spec is not None
    assert form.spec.to_json()["labels"] == f"created_by:{BO}"
    again = ExportForm.of_body(form.spec.to_json(), project)
    assert (again["labels"].value(), again["person"].value()) == ("created_by", BO)


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"labels": "created_by"}, "person", "needs a person"),
        ({"labels": "created_by", "person": "zoe"}, "person", "'zoe' made no label in this project"),
        ({"labels": "latest", "person": ANN}, "person", "choose that, or leave this empty"),
        ({"labels": "best"}, "labels", "unknown choice of labels 'best'"),
    ],
)
def test_the_form_says_what_is_wrong_with_a_choice(project: Project, given, field: str, message: str) -> None:
    form = sent(filled(project), **given)
    assert not form.is_valid()
    assert message in form.errors[field][0]


def test_the_page_offers_every_choice_and_the_people(project: Project, client, alice) -> None:
    filled(project)
    client.force_login(alice)
    page = client.get("/exports/new/", {"project": project.public_id}).content.decode()
    for key, choice in LABEL_CHOICES.items():
        assert re.search(rf'name="labels"\s+value="{key}"', page)
        assert choice.title.replace("'", "&#x27;") in page
    assert f'<option value="{ANN}"></option>' in page


def test_the_help_says_what_each_choice_takes(client, alice) -> None:
    client.force_login(alice)
    page = client.get("/help/filters/").content.decode()
    for choice in LABEL_CHOICES.values():
        assert choice.help.replace("'", "&#x27;") in page


# --- what is said of it --------------------------------------------------------------------------------------------


def test_a_plan_counts_as_the_run_does(project: Project) -> None:
    filled(project)
    for labels in ("all", "latest", "ground_truth", f"created_by:{BO}", None):
        for format in ("ndjson", "coco_json", "csv", "png"):
            planned = plan(project, spec_of(project, labels=labels, format=format))
            values = export(project, format, labels).check_values
            shared = planned.keys() & values.keys()
            assert {"annotations", "labels", "left_out_by_format", "rows_dropped", "rows_kept"} <= shared
            assert {key: planned[key] for key in shared} == {key: values[key] for key in shared}


def test_a_plan_that_is_kept_is_of_its_own_choice(project: Project) -> None:
    filled(project)
    kept = [build_plan(project, spec_of(project, labels=each), live=True).answer["rows_kept"] for each in ("all", None)]
    assert kept == [6, 5]


def test_a_plan_says_that_rows_have_several_labels(project: Project) -> None:
    filled(project)
    warnings = plan(project, spec_of(project, format="coco_json"))["warnings"]
    assert warnings == [
        "3 rows have several labels, 7 in all; the choice of labels is “not skipped”, which leaves out: skipped "
        "labels 3; 2 of the rows leave with several",
        "what several people marked is in the file once for each of them: choose “latest” or “ground truth” "
        "for one label a row",
        "COCO JSON cannot hold 1 annotations of kind classification: they stay out",
    ]
    assert plan(project, spec_of(project, format="ndjson"))["warnings"][-1] == (
        "what the choice of labels leaves out cannot be imported again from this file: a full backup takes all"
    )


@pytest.mark.parametrize("labels", ["latest", "ground_truth", f"created_by:{ANN}"])
def test_a_plan_warns_of_several_labels_only_where_they_leave(project: Project, labels: str) -> None:
    planned = plan(filled(project), spec_of(project, format="coco_json", labels=labels))
    assert planned["labels"]["rows_leaving_with_several"] == 0
    assert not any("once for each of them" in warning for warning in planned["warnings"])


def test_a_plan_of_rows_with_one_label_each_says_nothing_of_labels(project: Project) -> None:
    write_rows(project, [row("a", box()), row("b", answer())])
    assert plan(project, spec_of(project))["warnings"] == []


def test_the_sample_of_a_plan_is_of_the_labels_that_leave(project: Project) -> None:
    shown = build_plan(filled(project), spec_of(project, format="csv", labels="ground_truth")).sample
    assert shown.rows == 1
    assert "van" not in shown.pieces[1].text
    assert "car" in shown.pieces[1].text


def test_the_preview_of_a_report_that_is_not_rows_shows_the_labels_that_leave(project: Project) -> None:
    shown = first_rows(export(filled(project), "coco_json", "ground_truth"), None).documents
    assert [document["data_row"]["global_key"] for document in shown] == ["benchmark"]
    ((_, of_project),) = shown[0]["projects"].items()
    assert [label["label_details"]["created_by"] for label in of_project["labels"]] == [ANN]


def test_the_page_of_an_export_says_what_became_of_the_labels(project: Project, client, alice) -> None:
    report = export(filled(project), "coco_json", "latest")
    client.force_login(alice)
    page = " ".join(client.get(f"/exports/{report.report_id}/").content.decode().split())
    assert "3 rows have several labels, 7 in all; the choice of labels is “latest”, which leaves out: older" in page
    assert "Labels of each row" in page
    assert "Dropped: none of the labels that were chosen" in page
    assert "Left out: skipped labels" in page
    assert "Every sum adds up" in page


def test_a_choice_is_described_in_words(project: Project) -> None:
    config = spec_of(filled(project), labels=f"created_by:{ANN}").to_json()
    assert ("Labels of each row", (f"those of {ANN}",)) in [(line.term, line.values) for line in describe(config)]
    assert one_line(config) == f"every row; labels: those of {ANN}"
    assert one_line(spec_of(project).to_json()) == "every row"
    assert one_line({"labels": ["odd"]}) == "every row; labels: ['odd']"


def test_the_manifest_says_the_choice(project: Project) -> None:
    from tests.support.deliveries import delivery_folder

    report = export(filled(project), "png", "latest")
    manifest = json.loads((delivery_folder(report) / "manifest.json").read_text())
    assert manifest["config"]["labels"] == "latest"
    assert manifest["check_values"]["labels"]["choice"] == "latest"


# --- together with conditions and conversions ----------------------------------------------------------------------


def test_conditions_about_labels_hold_for_the_labels_that_leave(project: Project) -> None:
    write_rows(
        project,
        [
            row("empty now", labels=[made(ANN, box(), skipped=True), made(BO)]),
            row("still full", labels=[made(ANN, box(), skipped=True), made(BO, box())]),
        ],
    )
    report = export(project, "ndjson", filter={"with_annotations": True})
    assert boxes_of(report).keys() == {"still full"}
    assert report.check_values["rows_dropped"] == {"with_annotations": 1}
    assert boxes_of(export(project, "ndjson", "all", filter={"with_annotations": True})).keys() == {
        "empty now",
        "still full",
    }


def test_rows_with_and_without_annotations_are_all_rows(project: Project) -> None:
    write_rows(
        project,
        [
            row("none"),
            row("full", labels=[made(ANN, box()), made(BO)]),
            row("empty now", labels=[made(ANN, box(), skipped=True), made(BO)]),
            row("nothing on it", labels=[made(BO)]),
            row("skipped", labels=[made(BO, box(), skipped=True)]),
        ],
    )

    def keys(labels: str | None, wanted: bool) -> set[str]:
        report = export(project, "csv", labels, filter={"with_annotations": wanted})
        values = report.check_values
        assert values["rows_read"] == values["rows_kept"] + sum(values["rows_dropped"].values()) == 5
        return set(boxes_of(report))

    assert keys(None, True) == {"full"}
    assert keys(None, False) == {"none", "empty now", "nothing on it"}
    assert keys("all", True) == {"full", "empty now", "skipped"}
    assert keys("all", False) == {"none", "nothing on it"}
    assert keys(f"created_by:{BO}", True) == set()
    assert keys(f"created_by:{BO}", False) == {"full", "empty now", "nothing on it"}


def test_a_window_of_label_times_is_about_the_labels_that_leave(project: Project) -> None:
    filled(project)
    early = {"label_created_at": [None, "1970-01-02 12:00:00"]}
    assert boxes_of(export(project, "coco_json", f"created_by:{BO}", filter=early)) == {}
    assert set(boxes_of(export(project, "coco_json", f"created_by:{ANN}", filter=early))) == {
        "plain",
        "two",
        "benchmark",
    }


@pytest.mark.one_database
@pytest.mark.parametrize("labels", ["all", "not_skipped", "latest", "selected", "ground_truth", f"created_by:{BO}"])
@pytest.mark.parametrize("format", ["json", "csv", "coco_json", "png"])
def test_a_conversion_has_the_bytes_of_a_direct_export(project: Project, labels: str, format: str) -> None:
    filled(project)
    rows = export(project, "ndjson", labels)
    spec = conversion_spec(rows, {"format": format})
    made_of_it = actions.convert_report(report=rows, spec=spec, actor=SHELL, now=True)
    assert content(made_of_it) == content(export(project, format, labels))
    assert made_of_it.check_values["labels"]["choice"] == labels


def test_a_conversion_cannot_choose_again(project: Project) -> None:
    rows = export(filled(project), "ndjson")
    with pytest.raises(UserError, match="unknown key 'labels'"):
        conversion_spec(rows, {"format": "csv", "labels": "all"})


def test_a_file_that_does_not_say_which_labels_were_skipped_becomes_no_coco(project: Project) -> None:
    rows = export(filled(project), "ndjson", "all", include=["label_details"])
    with pytest.raises(UserError, match="holds skipped labels too and left out performance_details"):
        conversion_spec(rows, {"format": "coco_json"})
    assert conversion_spec(rows, {"format": "csv"}).format == "csv"
    assert conversion_spec(export(project, "ndjson", include=[]), {"format": "coco_json"}).format == "coco_json"


def test_the_default_is_not_skipped() -> None:
    assert parse_labels(None) == DEFAULT == LABEL_CHOICES["not_skipped"]()
