"""An export of a catalog converted later is the one that would have been made then in the other format."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connections.models import Project
from connections.store.upsert import write_rows
from exportadmin.lib.errors import ConflictError, UserError
from exports import actions
from exports.formats import FORMATS, formats_of_projects
from exports.models import DeliveredRows, ExportReport
from exports.results.search import search
from exports.spec.conversion import conversion_spec, is_convertible
from tests.exports.catalog.test_model_runs import predictions  # noqa: F401
from tests.exports.catalog.world import DAY, World, data_row, export, main_file, person, run
from tests.support.rows import answer, box, polygon


def convert(report: ExportReport, user: Any, format: str, **more: Any) -> ExportReport:
    spec = conversion_spec(report, {"format": format, **more})
    return run(actions.convert_report(report=report, spec=spec, actor=person(user)))


def told(report: ExportReport) -> Any:
    """What is known of a delivery, but for how labels were chosen and what was asked."""
    assert report.status in ("completed", "partial"), report.error
    delivered = DeliveredRows.objects.filter(report=report).order_by("project", "first")
    numbers = list(delivered.values_list("project", "first", "last", "rows", "members", "revision"))
    values = {key: value for key, value in (report.check_values or {}).items() if key not in ("notes", "labels")}
    values.pop("rows_dropped"), values.pop("rows_read")
    if FORMATS.pick(report.format).prints_report:
        values.pop("bytes")
    return numbers, values


def same(report: ExportReport, user: Any, format: str, direct: ExportReport, **more: Any) -> None:
    converted = convert(report, user, format, **more)
    assert told(converted) == told(direct), format
    assert converted.other_projects == direct.other_projects
    if not FORMATS.pick(format).prints_report:
        assert main_file(converted).read_bytes() == main_file(direct).read_bytes(), format


@pytest.mark.parametrize("source", ["json", "ndjson"])
def test_rows_of_several_projects_go_into_every_format_that_holds_them(predictions, oscar, source):  # noqa: F811
    asked = {"all_projects": True, "all_model_runs": True}
    report = export(predictions.north, oscar, source, **asked)
    direct = {key: export(predictions.north, oscar, key, **asked) for key in ("json", "ndjson", "labelbox_ndjson")}
    fewer = ["data_row_details", "project_details", "predictions"]
    few = export(predictions.north, oscar, "ndjson", include=fewer, **asked)
    write_rows(predictions.south, [data_row("d9"), data_row("d2", box("boat"))], now_ms=20 * DAY)
    for key, other in direct.items():
        same(report, oscar, key, other)
    assert {"d9", "boat"}.isdisjoint(main_file(convert(report, oscar, "ndjson")).read_text().split('"'))
    # of what the file has, what is asked for: predictions stay as they are in it
    spec = conversion_spec(report, {"format": "ndjson", "include": fewer[:2]})
    assert {"label_details", "attachments"}.isdisjoint(spec.selection.parts)
    again = convert(few, oscar, "json")
    assert again.check_values["predictions"]["total"] == few.check_values["predictions"]["total"] == 5


@pytest.mark.parametrize("labels", [None, "South"])
def test_rows_with_the_labels_of_one_project_or_none_go_into_every_format(world, oscar, labels):
    write_rows(world.south, [data_row("d4", polygon("road"), box("car"), answer("quality"))], now_ms=11 * DAY)
    asked = {"project_ids": [world.south.public_id]} if labels else {}
    report = export(world.north, oscar, "ndjson", **asked)
    assert is_convertible(report)
    for key in formats_of_projects():
        same(report, oscar, key, export(world.north, oscar, key, **asked))


def test_which_exports_contain_a_row_is_known_of_a_conversion_too(world, oscar):
    report = export(world.north, oscar, project_ids=[world.north.public_id])
    converted = convert(report, oscar, "csv")
    for project in (world.north, world.south):
        assert converted.report_id in search("d2", projects=[project.public_id]).how
    assert converted.report_id not in search("d1", projects=[world.south.public_id]).how


def test_what_a_format_cannot_hold_is_refused_by_name_before_anything_runs(predictions, oscar, client: Client):  # noqa: F811
    several = export(predictions.north, oscar, all_projects=True)
    with_runs = export(predictions.north, oscar, all_model_runs=True)
    of_run = export(predictions.north, oscar, scope={"kind": "model_run", "id": "run-n"})
    tasks = export(predictions.north, oscar, "label_studio_json")
    for report, key, error, words in (
        (several, "coco_json", UserError, "holds the labels of one project, and these are of 2"),
        (with_runs, "csv", UserError, "holds no predictions beside labels"),
        (of_run, "csv", ConflictError, "its rows have the run in the place of their project"),
        (tasks, "csv", ConflictError, "rows of several projects are read back from json and ndjson alone"),
    ):
        with pytest.raises(error, match=words):
            conversion_spec(report, {"format": key})
    client.force_login(oscar)
    answer = client.post(
        f"/api/v1/reports/{several.report_id}/convert/", {"format": "coco_json"}, content_type="application/json"
    )
    assert (answer.status_code, ExportReport.objects.count()) == (400, 4)
    assert "holds the labels of one project" in answer.content.decode()


def test_whoever_may_not_in_all_of_the_projects_converts_nothing(world: World, oscar, rita, alice):
    from connections.access.models import Membership

    report = export(world.north, oscar, all_projects=True)
    Membership.objects.create(project=world.north, user=rita, role="operator")
    with pytest.raises(UserError, match="reads several projects"):
        convert(report, rita, "json")
    Project.objects.filter(pk=world.south.pk).update(deleted_at=timezone.now())
    with pytest.raises(ConflictError, match="was deleted since it was requested"):
        convert(report, alice, "json")
