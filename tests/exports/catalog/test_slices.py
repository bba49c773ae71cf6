"""Slices: saved selections of data rows, the same in every channel."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from connections.access.models import Membership
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exports import slice_actions
from exports.models import ExportReport, Slice
from exports.spec.conditions import CONDITIONS
from tests.exports.catalog.world import DAY, data_row, export, ids, person, request, rows, run


def saved(world, user, name="Piers", **filter_):
    return slice_actions.save_slice(
        project=world.north, name=name, filter=filter_ or {"dataset_ids": ["Pier"]}, actor=person(user)
    )


def of(slice):
    return {"kind": "slice", "id": slice.public_id}


def test_a_slice_selects_over_all_projects_of_the_catalog(world, oscar):
    report = export(world.north, oscar, scope=of(saved(world, oscar)))
    assert ids(rows(report)) == ["d3", "d4"]
    assert (report.check_values["rows_read"], report.check_values["rows_dropped"]) == (2, {})
    assert report.config["scope_settled"]["name"] == "Piers"


def test_times_of_labels_are_looked_at_row_by_row(world, oscar):
    slice = saved(world, oscar, label_created_at=[4 * DAY, 7 * DAY])
    report = export(world.north, oscar, scope=of(slice), all_projects=True)
    assert ids(rows(report)) == ["d2"]
    assert (report.check_values["rows_read"], report.check_values["rows_dropped"]) == (1, {})


def test_an_export_keeps_what_the_slice_selected_when_it_was_requested(world, oscar):
    slice = saved(world, oscar)
    report = request(world.north, oscar, scope=of(slice))
    slice_actions.change_slice(slice=slice, name="Piers", filter={"global_keys": ["key-d1"]}, actor=person(oscar))
    slice_actions.delete_slice(slice=slice, actor=person(oscar))
    assert ids(rows(run(report))) == ["d3", "d4"]
    with pytest.raises(UserError, match="no slice"):
        request(world.north, oscar, scope=of(slice))


@pytest.mark.parametrize(
    ("filter_", "field"),
    [
        ({}, "filter"),
        (None, "filter"),
        ({"dataset_ids": None}, "filter"),
        ({"statuses": ["review"]}, "filter.statuses"),
        ({"dataset_ids": []}, "filter.dataset_ids"),
        ({"moon": 1}, "filter"),
        ("all", "filter"),
    ],
)
def test_what_selects_nothing_of_a_data_row_is_refused_by_name(world, oscar, filter_, field):
    with pytest.raises(UserError) as refused:
        slice_actions.save_slice(project=world.north, name="n", filter=filter_, actor=person(oscar))
    assert refused.value.field == field
    assert not Slice.objects.exists()


def test_a_name_is_once_in_a_project(world, oscar):
    saved(world, oscar)
    with pytest.raises(UserError, match="has a slice 'Piers' already"):
        saved(world, oscar)
    slice_actions.save_slice(project=world.south, name="Piers", filter={"global_keys": ["a"]}, actor=person(oscar))


def test_who_may_not_export_changes_no_slice(world, oscar, rita, mallory):
    Membership.objects.create(project=world.north, user=rita, role="reviewer")
    slice = saved(world, oscar)
    for user, error in ((rita, DeniedError), (mallory, NotFoundError)):
        with pytest.raises(error):
            saved(world, user, name="other")
        with pytest.raises(error):
            slice_actions.delete_slice(slice=slice, actor=person(user))
    assert Slice.objects.count() == 1


def test_every_change_is_in_the_trail(world, oscar):
    slice = saved(world, oscar)
    slice_actions.change_slice(slice=slice, name="Quays", filter={"dataset_ids": ["Quay"]}, actor=person(oscar))
    slice_actions.delete_slice(slice=slice, actor=person(oscar))
    entries = AuditEntry.objects.filter(event__startswith="slice.").order_by("sequence")
    assert [entry.event for entry in entries] == ["slice.created", "slice.changed", "slice.deleted"]
    assert entries[1].before["name"] == "Piers"
    assert entries[1].after["filter"] == {"dataset_ids": ["Quay"]}


def test_rest_keeps_lists_changes_and_deletes_them(world, oscar):
    script = APIClient()
    script.force_login(oscar)
    address = f"/api/v1/projects/{world.north.public_id}/slices/"
    made = script.post(address, {"name": "Piers", "filter": {"dataset_ids": ["Pier"]}}, format="json")
    assert made.status_code == 201, made.content
    assert script.get(address).json()["results"] == [made.json()]
    one = made["Location"]
    changed = script.put(one, {"name": "Quays", "filter": {"dataset_ids": ["Quay"]}}, format="json")
    assert changed.json()["filter"] == {"dataset_ids": ["Quay"]}
    body = {"project": world.north.public_id, "format": "ndjson", "scope": of(Slice.objects.get())}
    plan = script.post("/api/v1/reports/plan/", body, format="json").json()
    assert plan["rows_kept"] == 2
    assert plan["scope"]["text"] == "slice 'Quays'"
    assert [each["name"] for each in plan["scope"]["projects"]] == ["North", "South"]
    assert any("no annotation is in the file" in warning for warning in plan["warnings"])
    assert script.delete(one).status_code == 204
    assert script.get(one).status_code == 404


def test_rest_lists_datasets_and_batches_with_their_rows(world, oscar):
    script = APIClient()
    script.force_login(oscar)
    found = script.get(f"/api/v1/projects/{world.north.public_id}/datasets/").json()
    assert found["results"] == [
        {"id": "ds-quay", "name": "Quay", "rows": 2},
        {"id": "ds-pier", "name": "Pier", "rows": 1},
    ]
    assert script.get(f"/api/v1/projects/{world.north.public_id}/batches/").json()["results"] == []


def test_the_shell_keeps_and_exports_them(world, capsys, tmp_path):
    call_command("slices", "North", save="Piers", filter='{"dataset_ids": ["Pier"]}')
    call_command("slices", "North", save="Piers", filter='{"dataset_ids": ["Quay"]}')
    capsys.readouterr()
    call_command("slices", "North", json=True)
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed["filter"] == {"dataset_ids": ["Quay"]}
    call_command(
        "run_export", "North", format="ndjson", scope=f"slice:{listed['slice_id']}", all_projects=True, json=True
    )
    assert json.loads(capsys.readouterr().out)["check_values"]["rows_kept"] == 3  # of all projects
    call_command("slices", "North", delete="Piers")
    assert not Slice.objects.exists()


def test_pages_keep_change_and_delete_them(world, oscar):
    browser = Client()
    browser.force_login(oscar)
    base = f"/projects/{world.north.public_id}/slices/"
    assert b"No slices yet" in browser.get(base).content
    wrong = browser.post(f"{base}new/", {"name": "Piers"})
    assert wrong.status_code == 400
    assert b"it would select the whole catalog" in wrong.content
    typed = {"name": "Piers", "datasets": ["ds-pier"], "media_types": ["image"]}
    assert browser.post(f"{base}new/", typed).status_code == 302
    slice = Slice.objects.get()
    assert slice.filter == {"dataset_ids": ["ds-pier"], "media_types": ["image"]}
    form = browser.get(f"{base}{slice.public_id}/").content.decode()
    assert 'name="statuses"' not in form and 'value="ds-pier"' in form
    assert browser.post(f"{base}{slice.public_id}/", {"name": "All piers", "datasets": ["ds-pier"]}).status_code == 302
    assert b"All piers" in browser.get(base).content
    other = f"/projects/{world.south.public_id}/slices/{slice.public_id}/"
    assert browser.get(other).status_code == 404
    assert browser.post(f"{base}{slice.public_id}/delete/").status_code == 302
    assert not Slice.objects.exists()


def typed_form(world, **more):
    return {"project": world.north.public_id, "format": "ndjson", "do": "run", "parts": ["data_row_details"], **more}


def test_the_form_exports_a_scope_and_says_what_does_not_go_together(world, oscar):
    browser = Client()
    browser.force_login(oscar)
    slice = saved(world, oscar)
    page = browser.get(f"/exports/new/?project={world.north.public_id}&scope=slice&scope_slice={slice.public_id}")
    text = page.content.decode()
    assert f'<option value="{slice.public_id}" selected>Piers</option>' in text
    assert "come without annotations" in text
    assert world.south.public_id in text
    assert world.east.public_id not in text

    typed = typed_form(
        world, scope="slice", scope_slice=slice.public_id, labels_of="some", project_ids=[world.south.public_id]
    )
    sent = browser.post("/exports/new/", typed)
    assert sent.status_code == 302, sent.content.decode()
    report = ExportReport.objects.get()
    assert report.config["scope"] == {"kind": "slice", "id": slice.public_id}
    assert report.config["project_ids"] == [world.south.public_id]
    again = browser.get(f"/exports/new/?from={report.report_id}").content.decode()
    assert f'<option value="{slice.public_id}" selected>Piers</option>' in again

    for more, message in (
        ({"scope": "dataset"}, "Which dataset?"),
        ({"scope": "catalog", "scope_dataset": "Pier"}, "It goes with “A dataset” alone"),
        ({"labels_of": "all"}, "all_projects does not go with the scope project"),
        ({"scope": "catalog", "labels_of": "some"}, "Which projects?"),
        ({"scope": "catalog", "statuses": ["review"]}, "the filter statuses does not go with the scope catalog"),
        ({"scope": "catalog", "labels_of": "some", "project_ids": [world.east.public_id]}, "no project"),
        ({"scope": "catalog", "labels_of": "all", "format": "csv"}, "holds the labels of one project"),
    ):
        refused = browser.post("/exports/new/", typed_form(world, **more))
        assert refused.status_code == 400, more
        assert message in refused.content.decode().replace("&#x27;", "'"), more
    assert ExportReport.objects.count() == 1


def test_a_saved_config_keeps_the_scope_and_settles_it_at_each_run(world, oscar):
    browser = Client()
    browser.force_login(oscar)
    typed = {**typed_form(world, scope="catalog", name="Weekly"), "do": "save"}
    assert browser.post("/exports/new/", typed).status_code == 302
    config = world.north.configs.get()
    assert config.body["scope"] == {"kind": "catalog"}
    assert "scope_settled" not in config.body
    Membership.objects.create(project=world.east, user=oscar, role="operator")
    browser.post(f"/configs/{config.public_id}/run/")
    assert ids(rows(run(ExportReport.objects.get()))) == ["d1", "d2", "d3", "d4", "d5"]


def test_the_project_page_lists_its_datasets(world, oscar):
    browser = Client()
    browser.force_login(oscar)
    page = browser.get(f"/projects/{world.north.public_id}/").content.decode()
    assert "Quay" in page and "Pier" in page
    assert f"/projects/{world.north.public_id}/slices/" in page


def test_a_condition_of_a_slice_is_one_of_a_data_row():
    assert {key for key, condition in CONDITIONS.items() if condition.is_in_catalog} == {
        "global_keys",
        "data_row_ids",
        "dataset_ids",
        "media_types",
        "last_activity_at",
        "label_created_at",
    }


def test_a_dataset_that_is_renamed_and_a_slice_that_is_deleted_after_the_request_are_read_as_they_were(world, oscar):
    actor = person(oscar)
    kept = slice_actions.save_slice(project=world.north, name="s", filter={"dataset_ids": ["Pier"]}, actor=actor)
    of_dataset = request(world.north, oscar, scope={"kind": "dataset", "id": "Pier"})
    of_slice = request(world.north, oscar, scope={"kind": "slice", "id": kept.public_id})
    slice_actions.delete_slice(slice=kept, actor=actor)
    for project in (world.north, world.south):
        for name in ("d3", "d4") if project is world.south else ("d3",):
            renamed = data_row(name, dataset_id="ds-pier")
            renamed.dataset = "Jetty"
            write_rows(project, [renamed], now_ms=12 * DAY)
    assert ids(rows(run(of_dataset))) == ["d3", "d4"]  # by its id
    assert rows(run(of_slice)) == []  # which named it, and nothing is called so any more
    assert of_slice.check_values["rows_read"] == 0
    with pytest.raises(UserError, match="no slice"):
        request(world.north, oscar, scope={"kind": "slice", "id": kept.public_id})
    with pytest.raises(UserError, match="no dataset 'Pier'"):
        request(world.north, oscar, scope={"kind": "dataset", "id": "Pier"})
