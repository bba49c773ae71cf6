"""New export: what is wrong is said beside its field and nothing typed is lost; what is right becomes one export."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.access.models import Membership
from connections.models import Connection, Project
from connections.rows.batch import PARTS
from connections.rows.review_statuses import REVIEW_STATUSES
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exports.models import ExportConfig, ExportReport
from tests.pages.reports import CONFIG, make_report
from tests.pages.squeezed import page_html
from tests.support.rows import mixed

NEW, PLAN = "/exports/new/", "/exports/new/plan/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator(members: Project, oscar: User) -> Client:
    return signed_in(oscar)


@pytest.fixture
def foreign(connection: Connection) -> Project:
    return Project.objects.create(connection=connection, name="Secret harbour")


def form(project: Project, **values: Any) -> dict[str, Any]:
    return {"project": project.public_id, "format": "ndjson", "parts": list(PARTS), "key": "k1", "do": "run", **values}


def page_of(response: Any) -> str:
    return html.unescape(page_html(response))


def said(page: str, name: str) -> str:
    """The line under an input."""
    found = re.search(rf'id="{name}_error"[^>]*>(.*?)</p>', page, re.S)
    assert found, name
    return re.sub(r"<[^>]+>", "", found[1]).removeprefix("Wrong: ").strip()


# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "name", "words"),
    [
        ({"updated_after": "tomorrow"}, "updated_after", "'tomorrow' is not a time: expected"),
        ({"updated_after": "2026-02-30"}, "updated_after", "is not a time (day is out of range"),
        ({"last_activity_from": "x"}, "last_activity_from", "'x' is not a time"),
        ({"label_created_to": "12"}, "label_created_to", "'12' is not a time"),
        (
            {"last_activity_from": "2026-02-02", "last_activity_to": "2026-01-01"},
            "last_activity_to",
            "Last activity ends (2026-01-01T00:00:00.000+00:00) before it begins (2026-02-02",
        ),
        ({"global_keys": "\n".join(f"key {n}" for n in range(2001))}, "global_keys", "line 2,001 ('key 2000') is the"),
        ({"data_row_ids": "a\nb\x00\n"}, "data_row_ids", "line 2 holds U+0000"),
        ({"statuses": ["accepted", "lost"]}, "statuses", "unknown review status 'lost'; known: to_label"),
        ({"annotations": "maybe"}, "annotations", "'maybe'; expected true or false"),
        ({"parts": ["wheels"]}, "parts", "unknown part 'wheels'; known:"),
        ({"format": "xml"}, "format", "unknown format 'xml'; known:"),
        ({"format": ""}, "format", "unknown format ''; known:"),
        ({"format": "csv", "csv.profile": "loud"}, "csv.profile", "unknown profile 'loud'; known: exact"),
        ({"max_refused": "2"}, "max_refused", "max_refused is 2.0; expected a share from 0 (no row) to 1 (all)"),
        ({"max_refused": "a few"}, "max_refused", "'a few'; expected a share"),
        ({"name": "n" * 201}, "name", "201 characters; at most 200 are kept"),
        ({"name": "a\x00"}, "name", "holds U+0000"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_in_the_summary_and_nothing_is_lost(
    members: Project, operator: Client, typed: dict[str, Any], name: str, words: str
):
    response = operator.post(NEW, form(members, description="Keep me", **typed))
    page = page_of(response)
    assert response.status_code == 400
    assert words in said(page, name)
    assert f'<li><a href="#{name}">' in page
    assert 'role="alert" id="mistakes" tabindex="-1" autofocus' in page
    assert f'id="{name}"' in page, "the summary's link leads somewhere"
    assert "Keep me</textarea>" in page
    for value in typed.values():
        if (
            isinstance(value, str)
            and value
            and "\x00" not in value
            and name not in ("annotations", "format", "csv.profile")
        ):
            assert value in page
    assert not ExportReport.objects.exists()


def test_a_wrong_input_is_marked_for_a_screen_reader_and_a_right_one_is_not(members: Project, operator: Client):
    page = page_of(operator.post(NEW, form(members, updated_after="x", last_activity_to="2026-01-01")))
    wrong, right = (re.search(rf'<input[^>]*id="{name}"[^>]*>', page) for name in ("updated_after", "last_activity_to"))
    assert (
        wrong and 'aria-invalid="true"' in wrong[0] and 'aria-describedby="times-help updated_after_error"' in wrong[0]
    )
    assert right and "aria-invalid" not in right[0]


def test_all_mistakes_are_said_at_once(members: Project, operator: Client):
    page = page_of(
        operator.post(NEW, form(members, updated_after="x", last_activity_to="y", format="z", name="n" * 300))
    )
    summary = page.split('id="mistakes"')[1].split("</div>")[0]
    assert re.findall(r'href="#(\w+)"', summary) == ["updated_after", "last_activity_to", "format", "name"]


def test_a_reviewer_and_a_stranger_get_nothing(
    members: Project, rita: User, mallory: User, foreign: Project, operator: Client
):
    for client, project, status in (
        (signed_in(rita), members, 403),
        (signed_in(mallory), members, 404),
        (operator, foreign, 404),
    ):
        assert client.get(NEW, {"project": project.public_id}).status_code == status
        for do in ("run", "save", "save-run", "plan"):
            assert client.post(NEW, form(project, do=do)).status_code == status
        assert client.post(PLAN, form(project)).status_code == status
    assert operator.post(NEW, {**form(foreign), "project": ""}).status_code == 404
    assert operator.post(NEW, {**form(foreign), "project": "a\x00"}).status_code == 404
    assert not ExportReport.objects.exists()
    assert not ExportConfig.objects.exists()


def test_no_plan_is_made_for_a_project_that_one_may_not_see(
    members: Project, mallory: User, monkeypatch: pytest.MonkeyPatch
):
    from exports.spec import plan

    monkeypatch.setattr(plan, "build_plan", lambda *args, **more: pytest.fail("a plan was made"))
    assert signed_in(mallory).post(PLAN, form(members)).status_code == 404
    assert signed_in(mallory).post(NEW, form(members, do="plan")).status_code == 404


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"colour": "red"}, "unknown parameter 'colour'; known: project, from, config"),
        ({"project": "a", "from": "b"}, "give one of project, from, config"),
    ],
)
def test_unknown_parameters_of_the_address_are_refused(operator: Client, query: dict[str, str], words: str):
    response = operator.get(NEW, query)
    assert response.status_code == 400
    assert words in page_of(response)


@pytest.mark.parametrize("path", [NEW, PLAN])
def test_unknown_parameters_of_the_form_are_refused(members: Project, operator: Client, path: str):
    for values, words in (
        ({"colour": "red"}, "unknown parameter 'colour'; known: project"),
        ({"xml.profile": "x"}, "unknown parameter 'xml.profile'"),
        ({"name": ["a", "b"]}, "name was given 2 times"),
    ):
        response = operator.post(path, form(members, **values))
        assert (response.status_code, words in page_of(response)) == (400, True)
    assert operator.post(f"{path}?colour=red", form(members)).status_code == 400
    assert not ExportReport.objects.exists()


def test_a_button_that_is_none_is_refused(members: Project, operator: Client):
    response = operator.post(NEW, form(members, do="explode"))
    assert response.status_code == 400
    assert "expected one of run, save, save-run, plan" in page_of(response)


# --- one form, one export --------------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_is_one_export(members: Project, operator: Client):
    first, second = (operator.post(NEW, form(members)) for _ in range(2))
    report = ExportReport.objects.get()
    assert first.url == second.url == f"/exports/{report.report_id}/"
    assert AuditEntry.objects.filter(event="export.requested", outcome="done").count() == 1


@pytest.mark.parametrize("do", ["save", "save-run"])
def test_the_same_form_saved_twice_is_one_config(members: Project, operator: Client, do: str):
    first, second = (operator.post(NEW, form(members, do=do, name="Weekly")) for _ in range(2))
    assert first.status_code == second.status_code == 302
    assert first.url == second.url
    config = ExportConfig.objects.get()
    assert ExportReport.objects.filter(saved_config=config).count() == (do == "save-run")


def test_a_form_that_was_sent_changed_and_sent_again_asks_before_it_makes_another(members: Project, operator: Client):
    operator.post(NEW, form(members))
    answer = operator.post(NEW, form(members, name="Another"))
    page = page_of(answer)
    assert answer.status_code == 409
    assert "press the button again" in said(page, "key")
    assert 'value="Another"' in page
    key = re.search(r'name="key" value="(\w+)"', page)
    assert key and key[1] != "k1"
    assert operator.post(NEW, form(members, name="Another", key=key[1])).status_code == 302
    assert ExportReport.objects.count() == 2


def test_everything_that_was_typed_arrives_in_the_frozen_config(members: Project, operator: Client, oscar: User):
    members.time_zone = "Europe/Warsaw"
    members.save()
    typed = form(
        members,
        statuses=["accepted", "review"],
        updated_after="2026-01-01",
        last_activity_from="2026-01-02 03:04:05",
        label_created_to="2026-02-01T00:00:00+00:00",
        batches=["b1"],
        global_keys=" a,b \t c\r\n\r\na,b\n",
        annotations="with",
        parts=["attachments"],
        format="csv",
        **{"csv.profile": "spreadsheet-safe"},
        max_refused=" 0.05 ",
        name="  Weekly  ",
        description="For the team",
    )
    assert operator.post(NEW, typed).status_code == 302
    report = ExportReport.objects.get()
    assert (report.name, report.description, report.created_by_id) == ("Weekly", "For the team", oscar.pk)
    assert report.config == {
        "format": "csv",
        "statuses": ["accepted", "review"],
        "filter": {
            "updated_after": "2026-01-01",
            "last_activity_at": ["2026-01-02 03:04:05", None],
            "label_created_at": [None, "2026-02-01T00:00:00+00:00"],
            "batch_ids": ["b1"],
            "global_keys": ["a,b", "c"],
            "with_annotations": True,
        },
        "labels": "not_skipped",
        "include": ["attachments"],
        "destination": {"kind": "local"},
        "options": {"profile": "spreadsheet-safe", "dataset": "no", "metadata": "no"},
        "max_refused": 0.05,
        "time_zone": "Europe/Warsaw",
        "resolved": {
            "updated_after": "2025-12-31T23:00:00.000+00:00",
            "last_activity_at": ["2026-01-02T02:04:05.000+00:00", None],
            "label_created_at": [None, "2026-02-01T00:00:00.000+00:00"],
        },
    }


def test_without_a_name_it_gets_one(members: Project, operator: Client):
    operator.post(NEW, form(members, name="  "))
    operator.post(NEW, form(members, do="save", key="k2"))
    assert ExportReport.objects.get().name == ExportConfig.objects.get().name == "Street scenes ndjson"


def test_options_of_another_format_stay_behind(members: Project, operator: Client):
    operator.post(NEW, form(members, **{"csv.profile": "spreadsheet-safe"}))
    assert ExportReport.objects.get().config["options"] == {}


# --- where the form comes from ---------------------------------------------------------------------------------------


def test_who_may_start_in_one_project_is_in_it_at_once_and_in_several_chooses(
    members: Project, operator: Client, foreign: Project, oscar: User
):
    assert '<p class="ea-new-name">Street scenes</p>' in page_of(operator.get(NEW))
    Membership.objects.create(project=foreign, user=oscar, role="reviewer")
    assert "Secret harbour" not in page_of(operator.get(NEW)), "seeing is not starting"
    Membership.objects.filter(project=foreign, user=oscar).update(role="operator")
    page = page_of(operator.get(NEW))
    assert 'id="export-form"' not in page
    assert re.findall(r"<option[^>]*>([^<]*)<", page) == ["Secret harbour", "Street scenes"]
    page = page_of(operator.get(NEW, {"project": foreign.public_id}))
    assert f'<option value="{foreign.public_id}" selected>Secret harbour' in page


def test_who_may_start_nowhere_is_told_so(members: Project, rita: User):
    assert "You may not run exports in any project yet" in page_of(signed_in(rita).get(NEW))


def test_the_counts_of_the_project_stand_beside_what_can_be_chosen(members: Project, operator: Client):
    write_rows(members, mixed(40, batch_id="b-1", batch_name="b-1"), now_ms=1_000)
    page = page_of(operator.get(NEW))
    assert "40 rows, " in page
    assert set(re.findall(r'name="statuses" value="(\w+)"', page)) == set(REVIEW_STATUSES)
    counts = dict(
        re.findall(r'value="(\w+)"><span class="form-check-label">\w+ <span class="ea-num ea-quiet">(\d+)', page)
    )
    assert {key: counts[key] for key in ("accepted", "review", "to_label")} == {
        "accepted": "10",
        "review": "10",
        "to_label": "0",
    }
    assert re.search(r'name="batches" value="b-1".{0,90}>40<', page)


def test_completed_only_is_a_switch_with_its_count_and_the_condition_that_rest_has(members: Project, operator: Client):
    write_rows(members, mixed(40), now_ms=1_000)
    page = page_of(operator.get(NEW))
    switch = re.search(r'<input[^>]*name="completed"[^>]*>.{0,40}Completed only <[^>]*>(\d+)<', page)
    assert switch and switch[1] == "10"
    assert 'role="switch"' in switch[0] and 'value="Done"' in switch[0] and "checked" not in switch[0]
    operator.post(NEW, form(members, completed="Done"))
    assert ExportReport.objects.get().config["filter"] == {"workflow_status": ["Done"]}
    operator.post(NEW, form(members, key="k2"))
    assert ExportReport.objects.latest("pk").config["filter"] == {}


def test_a_report_fills_the_form_and_a_foreign_one_is_not_there(
    members: Project, operator: Client, foreign: Project, rita: User
):
    config = {
        **CONFIG,
        "statuses": ["accepted", "review"],
        "filter": {
            "workflow_status": "Done",
            "updated_after": 1_700_000_000_000,
            "last_activity_at": [None, "2026-01-01"],
            "global_keys": ["a,b", "<b>"],
            "with_annotations": False,
        },
        "format": "csv",
        "options": {"profile": "spreadsheet-safe"},
    }
    report = make_report(members, config=config, name="Nightly", description="Why")
    page = operator.get(NEW, {"from": report.report_id}).content.decode()
    checked = re.findall(r'name="([\w.]+)"\s+value="([^"]*)" checked', page)
    assert checked == [
        ("scope", "project"),
        ("labels_of", "none"),
        ("predictions_of", "none"),
        ("completed", "Done"),
        ("statuses", "review"),
        ("statuses", "accepted"),
        ("annotations", "without"),
        ("labels", "not_skipped"),
        ("format", "csv"),
        ("parts", "attachments"),
    ]
    assert '<option value="spreadsheet-safe" selected>' in page
    assert ">\na,b\n&lt;b&gt;</textarea>" in page
    for value in ("1700000000000", "2026-01-01", "Nightly"):
        assert f'value="{value}"' in page
    hidden = make_report(foreign)
    assert operator.get(NEW, {"from": hidden.report_id}).status_code == 404
    assert operator.get(NEW, {"from": "nosuch"}).status_code == 404
    assert operator.get(NEW, {"config": "nosuch"}).status_code == 404
    assert signed_in(rita).get(NEW, {"from": report.report_id}).status_code == 403


def test_times_of_a_report_keep_their_meaning_when_the_project_has_moved(members: Project, operator: Client):
    config = {
        **CONFIG,
        "filter": {"updated_after": "2026-01-01"},
        "time_zone": "Europe/Warsaw",
        "resolved": {"updated_after": "2025-12-31T23:00:00.000+00:00"},
    }
    page = page_of(operator.get(NEW, {"from": make_report(members, config=config).report_id}))
    assert 'value="2025-12-31T23:00:00.000+00:00"' in page


def test_a_report_whose_conditions_exclude_each_other_is_refused_in_words(members: Project, operator: Client):
    report = make_report(
        members, config={**CONFIG, "statuses": ["accepted"], "filter": {"workflow_status": "InReview"}}
    )
    response = operator.get(NEW, {"from": report.report_id})
    assert response.status_code == 400
    assert "exclude each other" in page_of(response)


def test_the_page_takes_as_many_queries_with_many_projects_rows_and_batches(
    members: Project, operator: Client, connection: Connection, oscar: User
):
    write_rows(members, mixed(3), now_ms=1_000)
    address = {"project": members.public_id}
    with CaptureQueriesContext(database) as few:
        operator.get(NEW, address)
    for number in range(20):
        other = Project.objects.create(connection=connection, name=f"Project {number}")
        Membership.objects.create(project=other, user=oscar, role="operator")
    for number in range(30):
        write_rows(members, mixed(3, batch_id=f"b-{number}", batch_name="b"), now_ms=2_000 + number)
    with CaptureQueriesContext(database) as many:
        assert operator.get(NEW, address).status_code == 200
    # session, user; the only project, itself, may see, may start; the list of projects; and of what it holds: project,
    # classes, marks, sums, statuses, datasets, batches; whose labels it holds: project, creators; connections to a
    # bucket; whose catalog it is: account, projects, slices, model runs; its own of these
    assert (len(few), len(many)) == (22, 22)
    with CaptureQueriesContext(database) as again:
        operator.get(NEW, address)
    assert len(again) == 15
