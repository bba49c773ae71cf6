"""Rows that left with an export of another project are found from the trail of the project that they are of."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.html import strip_tags

from connections.access.models import Membership
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.scope import Scope
from exportadmin.audit.sentences import sentence
from exports import actions
from exports.models import ExportReport
from exports.register.lines import lines, register_entries
from exports.results.actions import read_report_rows
from exports.spec.spec import ExportSpec
from tests.exports.catalog.world import CATALOG, World, export, person, request, run

LEFT = "export.rows_left"


@pytest.fixture
def report(world: World, oscar, rita) -> ExportReport:
    """Of oscar, in North, with rows of South. Rita reads the trail of South, and does not know of North."""
    Membership.objects.create(project=world.south, user=rita, role="reviewer")
    made = export(world.north, oscar, all_projects=True)
    client = Client()
    client.force_login(oscar)
    path = f"/api/v1/artifacts/{made.artifacts.get().public_id}/download/"
    list(client.get(path).streaming_content)  # type: ignore[attr-defined]
    return made


def told_of_north(text: str, world: World) -> bool:
    return any(each in text for each in ("North", "north", world.north.public_id))


def test_a_run_that_failed_leaves_no_such_line(world, oscar):
    made = request(world.north, oscar)
    Membership.objects.filter(project=world.south, user=oscar).delete()
    assert run(made).status == "failed"
    assert not AuditEntry.objects.filter(event=LEFT).exists()


def test_a_project_of_which_no_row_was_delivered_has_no_line(world, oscar):
    export(world.north, oscar, scope={"kind": "data_rows"}, filter={"data_row_ids": ["d1"]})
    export(world.north, oscar, scope={"kind": "project"})
    assert not AuditEntry.objects.filter(event=LEFT).exists()


def test_the_end_of_a_run_is_a_line_in_the_trail_of_every_project_whose_rows_left(world, report):
    entry = AuditEntry.objects.get(event=LEFT)
    assert (entry.project_id, entry.object_id) == (world.south.public_id, report.report_id)
    assert entry.details["rows"] == 3  # d2, d3, d4
    assert entry.details["requested_by"] == "oscar"
    assert sentence(entry) == f"3 rows of project South left with export {report.report_id} of oscar"
    assert not told_of_north(f"{entry.object_name}{entry.details_json}{entry.after_json}", world)


def test_the_line_is_there_exactly_when_the_end_is(world, oscar, monkeypatch):
    from exports.run import pipeline

    def fail(*_: object) -> None:
        raise RuntimeError("the trail cannot be written")

    made = request(world.north, oscar)
    monkeypatch.setattr(pipeline, "record_rows_left", fail)
    run(made)
    assert not made.is_delivered
    assert not AuditEntry.objects.filter(event__in=[LEFT, "export.completed"]).exists()


def test_the_register_of_that_project_has_the_downloads_and_names_no_other_project(world, report, rita, client: Client):
    client.force_login(rita)
    page = client.get("/api/v1/register/", {"project": "South"})
    found = page.json()["results"]
    assert [(line["kind"], line["who"], line["report_id"]) for line in found] == [
        ("download", "oscar", report.report_id)
    ]
    assert not told_of_north(page.content.decode(), world)
    for more in ({}, {"as": "csv"}):
        answer = client.get("/audit/register/", more)
        text = b"".join(answer.streaming_content).decode() if more else answer.content.decode()  # type: ignore[attr-defined]
        assert report.report_id in text
        assert not told_of_north(text, world)


def test_readings_are_found_too_and_once(world, report, oscar, rita):
    rows = read_report_rows(report=report, actor=person(oscar))
    assert rows is not None
    rows.close()
    of_south = Scope(False, (world.south.public_id,))
    assert [line.kind for line in lines(register_entries({"project": "South"}, of_south), of_south)] == [
        "reading",
        "download",
    ]
    both = Scope(False, (world.south.public_id, world.north.public_id))
    assert [line.project for line in lines(register_entries({}, both), both)] == ["North", "North"]


def test_whoever_may_not_read_its_trail_does_not_learn_that_a_project_was_read(world, report):
    of_north, of_east = Scope(False, (world.north.public_id,)), Scope(False, (world.east.public_id,))
    assert not register_entries({"project": "South"}, of_north).exists()
    assert not register_entries({}, of_east).exists()


def test_the_question_who_took_the_files_tells_of_them(world, report, rita, client: Client):
    client.force_login(rita)
    text = client.get("/audit/questions/who-exported/", {"project": "South"}).content.decode()
    assert "With exports of other projects, which hold rows of these too: 1 download by 1 person" in text
    assert f"3 rows of project South left with export {report.report_id}" in " ".join(strip_tags(text).split())
    assert not told_of_north(text, world)


def test_they_are_found_when_the_export_is_gone(world, report):
    report.delete()
    assert register_entries({"project": "South"}, Scope(False, (world.south.public_id,))).count() == 1


def test_a_plan_that_shows_rows_of_another_project_is_a_line_in_its_trail(world, oscar, rita, client: Client):
    Membership.objects.create(project=world.south, user=rita, role="reviewer")
    for format in ("json", "json", "ndjson"):  # beside the form: the same again is no line of its own
        spec = ExportSpec.parse({"format": format, "scope": CATALOG}, world.north)
        actions.plan_export(project=world.north, spec=spec, actor=person(oscar), live=True, shows_rows=True)
    planned = AuditEntry.objects.filter(event="export.planned")
    assert {entry.project_id for entry in planned} == {world.north.public_id}
    shown = AuditEntry.objects.filter(event="export.rows_shown")
    assert [(entry.project_id, entry.actor_name, entry.details["rows_shown"]) for entry in shown] == [
        (world.south.public_id, "oscar", 2)  # d2 and d3, of d1 to d3
    ] * 2
    assert sentence(shown[0]) == "oscar was shown 2 rows of project South in the plan of an export"
    assert not told_of_north("".join(f"{each.object_name}{each.details_json}" for each in shown), world)
    client.force_login(rita)
    found = client.get("/api/v1/register/", {"project": "South"}).json()["results"]
    assert [(line["kind"], line["who"], line["rows"]) for line in found] == [("reading", "oscar", 2)] * 2


def test_a_plan_that_is_asked_for_tells_each_time_and_one_without_rows_never(world, oscar):
    shown = AuditEntry.objects.filter(event="export.rows_shown")
    spec = ExportSpec.parse({"format": "json", "scope": CATALOG}, world.north)
    actions.plan_export(project=world.north, spec=spec, actor=person(oscar))
    assert not shown.exists()
    for _ in range(2):
        actions.plan_export(project=world.north, spec=spec, actor=person(oscar), shows_rows=True)
    assert shown.count() == 2
    only = ExportSpec.parse({"format": "json", "scope": {"kind": "project"}}, world.north)
    actions.plan_export(project=world.north, spec=only, actor=person(oscar), shows_rows=True)
    assert shown.count() == 2
