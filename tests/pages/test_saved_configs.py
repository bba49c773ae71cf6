"""Saved configs: found, looked at, changed, run, deleted."""

from __future__ import annotations

import html
import re

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import Connection, Project
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import GoneError
from exports import config_actions
from exports.models import ExportConfig, ExportReport
from exports.spec.spec import ExportSpec
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html
from tests.pages.test_new_export import form, page_of, said, signed_in
from tests.support.rows import row

SHELL = Actor(kind="user", name="tester", channel="shell")


@pytest.fixture
def operator(members: Project, oscar: User) -> Client:
    return signed_in(oscar)


def save(project: Project, name: str = "Weekly", **body: object) -> ExportConfig:
    return config_actions.save_config(
        project=project, name=name, spec=ExportSpec.parse({"format": "csv", **body}, project), actor=SHELL
    )


@pytest.fixture
def config(members: Project) -> ExportConfig:
    return save(members, statuses=["accepted"], filter={"global_keys": ["a,b"]})


def here(config: ExportConfig, verb: str = "") -> str:
    return f"/configs/{config.public_id}/{verb}"


# --- bad days --------------------------------------------------------------------------------------------------------


def test_a_reviewer_sees_and_does_nothing_and_a_stranger_does_not_see(
    config: ExportConfig, rita: User, mallory: User, operator: Client
):
    reviewer, stranger = signed_in(rita), signed_in(mallory)
    page = page_of(reviewer.get(here(config)))
    assert "Weekly" in page
    assert "Run now" not in page and "Delete" not in page
    assert "Weekly" not in page_of(stranger.get("/configs/"))
    for client, looking, doing in ((reviewer, 200, 403), (stranger, 404, 404)):
        assert client.get(here(config)).status_code == looking
        assert client.get(here(config, "edit/")).status_code == doing
        edit = form(config.project, do="save", name="Mine")
        assert client.post(here(config, "edit/"), edit).status_code == doing
        for verb in ("run/", "delete/"):
            assert client.post(here(config, verb)).status_code == doing
    config.refresh_from_db()
    assert config.name == "Weekly"
    assert not ExportReport.objects.exists()


def test_looking_at_an_address_changes_nothing(config: ExportConfig, operator: Client):
    for verb in ("run/", "delete/"):
        assert operator.get(here(config, verb)).status_code == 405


def test_what_is_typed_into_a_config_that_was_deleted_meanwhile_is_not_lost(config: ExportConfig, operator: Client):
    config_actions.delete_config(config=config, actor=SHELL)
    typed = form(config.project, do="save", name="Months of work", description="All of it", global_keys="x\ny")
    response = operator.post(f"/configs/{config.public_id or 'gone'}/edit/", typed)
    page = page_of(response)
    assert response.status_code == 410
    assert "was deleted meanwhile" in said(page, "key")
    assert 'value="Months of work"' in page and "All of it</textarea>" in page and "x\ny</textarea>" in page
    assert 'action="/exports/new/"' in page
    for verb in ("", "edit/"):
        assert operator.get(here(config, verb)).status_code == 404
    for verb in ("run/", "delete/"):
        assert operator.post(here(config, verb)).status_code == 404
    assert not ExportConfig.objects.exists()


def test_a_config_deleted_in_the_same_moment_does_not_come_back(config: ExportConfig):
    mine = ExportConfig.objects.get()
    config_actions.delete_config(config=config, actor=SHELL)
    spec = ExportSpec.parse({"format": "json"}, mine.project)
    with pytest.raises(GoneError, match="was deleted meanwhile"):
        config_actions.change_config(config=mine, name="Back", spec=spec, actor=SHELL)
    assert not ExportConfig.objects.exists()


def test_a_config_stays_in_its_project(config: ExportConfig, operator: Client, connection: Connection, alice: User):
    other = Project.objects.create(connection=connection, name="Other")
    assert signed_in(alice).post(here(config, "edit/"), form(other, do="save")).status_code == 400


def test_a_mistake_in_the_form_changes_nothing(config: ExportConfig, operator: Client):
    response = operator.post(here(config, "edit/"), form(config.project, do="save", updated_after="soon"))
    assert response.status_code == 400
    assert "'soon' is not a time" in said(page_of(response), "updated_after")
    before = config.body
    config.refresh_from_db()
    assert config.body == before


def test_a_config_whose_format_is_no_more_says_so_and_does_not_run(config: ExportConfig, operator: Client):
    ExportConfig.objects.update(body={**config.body, "format": "xml", "options": {}})
    response = operator.post(here(config, "run/"), follow=True)
    assert response.redirect_chain == [(here(config), 302)]
    assert "unknown format 'xml'" in page_of(response)
    assert operator.get(here(config, "edit/")).status_code == 200


@pytest.mark.parametrize(
    "path", ["/configs/?colour=red", "/configs/{id}/?colour=red", "/configs/{id}/edit/?colour=red"]
)
def test_unknown_parameters_are_refused(config: ExportConfig, operator: Client, path: str):
    assert operator.get(path.format(id=config.public_id)).status_code == 400


@pytest.mark.parametrize("verb", ["run/", "delete/"])
def test_unknown_parameters_of_a_button_are_refused(config: ExportConfig, operator: Client, verb: str):
    assert operator.post(here(config, verb), {"colour": "red"}).status_code == 400
    assert ExportConfig.objects.count() == 1


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_is_searched_by_name_and_project(members: Project, operator: Client, connection: Connection):
    other = Project.objects.create(connection=connection, name="Harbour")
    save(members, "Weekly"), save(members, "Monthly"), save(other, "Weekly of others")

    def names(q: str) -> list[str]:
        page = page_html(operator.get("/configs/", {"q": q}))
        return re.findall(r'ea-list-name"><a [^>]*>([^<]*)<', page)

    assert names("") == ["Monthly", "Weekly"]
    assert names("WEEK") == ["Weekly"]
    assert names("street") == ["Monthly", "Weekly"]
    assert names("harbour") == names("100%") == names("a\x00") == names("x" * 300) == []
    assert "No config of that name" in page_of(operator.get("/configs/", {"q": "<b>"}))


def test_the_list_pages_and_its_queries_do_not_grow(members: Project, operator: Client):
    save(members, "First")
    with CaptureQueriesContext(database) as few:
        operator.get("/configs/")
    for number in range(60):
        make_report(members, saved_config=save(members, f"Config {number:02d}"))
    with CaptureQueriesContext(database) as many:
        page = page_of(operator.get("/configs/", {"q": "config"}))
    # session, user, count, page, may start somewhere, may audit somewhere
    assert (len(few), len(many)) == (6, 6)
    assert "1–50 of 60 configs" in page
    assert 'rel="next" href="?q=config&page=2"' in page
    assert '"exports_exportconfig"."body",' not in many.captured_queries[3]["sql"]


def test_without_configs_the_list_says_what_they_are(operator: Client):
    assert "A config keeps what was asked" in page_of(operator.get("/configs/"))


# --- one config ------------------------------------------------------------------------------------------------------


def test_a_config_is_told_in_words_with_its_runs(config: ExportConfig, operator: Client):
    make_report(config.project, name="Its run", saved_config=config)
    make_report(config.project, name="Another run")
    page = page_of(operator.get(here(config)))
    assert "Its run" in page and "Another run" not in page
    assert re.search(r"<dt>Review statuses</dt><dd><span[^>]*>accepted<", page)


def test_its_form_is_filled_and_saving_it_changes_it(config: ExportConfig, operator: Client):
    page = html.unescape(page_html(operator.get(here(config, "edit/"))))
    assert 'value="Weekly"' in page and ">\na,b</textarea>" in page
    answer = operator.post(here(config, "edit/"), form(config.project, do="save", name="Daily", annotations="without"))
    assert answer.url == here(config)
    config.refresh_from_db()
    assert (config.name, config.body["format"]) == ("Daily", "ndjson")
    assert config.body["filter"] == {"with_annotations": False}
    assert AuditEntry.objects.filter(event="config.changed", outcome="done").count() == 1


def test_changed_and_run_at_once_the_run_has_the_changes(config: ExportConfig, operator: Client):
    operator.post(here(config, "edit/"), form(config.project, do="save-run", name="Daily"))
    report = ExportReport.objects.get()
    assert (report.name, report.format, report.saved_config_id) == ("Daily", "ndjson", config.pk)


def test_run_now_pressed_twice_is_one_run(config: ExportConfig, operator: Client):
    key = re.search(r'name="key" value="(\w+)"', page_of(operator.get(here(config))))
    assert key
    answers = [operator.post(here(config, "run/"), {"key": key[1]}) for _ in range(2)]
    report = ExportReport.objects.get()
    assert [answer.url for answer in answers] == [f"/exports/{report.report_id}/"] * 2
    assert report.saved_config_id == config.pk
    assert report.config["filter"] == {"global_keys": ["a,b"]}
    operator.post(here(config, "run/"))
    assert ExportReport.objects.count() == 2


def test_deleted_it_is_gone_and_its_runs_stay(config: ExportConfig, operator: Client):
    report = make_report(config.project, saved_config=config)
    answer = operator.post(here(config, "delete/"), follow=True)
    assert "Config “Weekly” deleted. Its exports stay." in page_of(answer)
    assert not ExportConfig.objects.exists()
    report.refresh_from_db()
    assert report.saved_config is None


def test_two_configs_of_a_project_never_have_one_name(operator: Client, config: ExportConfig, connection: Connection):
    send = {"project": config.project.public_id, "format": "csv", "name": config.name, "do": "save"}
    refused = operator.post("/exports/new/", send)
    assert refused.status_code == 400
    assert f"has a config &#x27;{config.name}&#x27; already" in refused.content.decode()
    other = save(config.project, name="Monthly")
    renamed = operator.post(here(other, "edit/"), send)
    assert renamed.status_code == 400
    assert operator.post(here(config, "edit/"), send).status_code == 302, "it may keep its own"
    assert sorted(ExportConfig.objects.values_list("name", flat=True)) == sorted(["Monthly", config.name])


def test_what_changed_since_its_own_last_delivery_is_said_whatever_else_was_delivered(
    config: ExportConfig, operator: Client, rita: User
):
    project = config.project
    write_rows(project, [row("r1"), row("r2")])
    assert "Since its last delivery" not in page_of(operator.get(here(config)))
    values = {"status": "completed", "started_at": timezone.now()}
    mine = make_report(project, name="Weekly", saved_config=config, revision=1, **values)
    write_rows(project, [row("r3")])
    make_report(project, name="Another", revision=2, **values)
    make_report(project, name="Weekly", saved_config=config, revision=2, status="failed")
    page = page_of(operator.get(here(config)))
    assert "<strong>1 row came</strong>" in page and f'<a href="/exports/{mine.report_id}/">this config’s last' in page
    (address,) = re.findall(r'href="([^"]+)">Export what has changed<', page)
    filled_in = page_of(operator.get(address))
    assert re.search(rf'<input[^>]*name="since_revision" value="{mine.report_id}"', filled_in)
    assert re.search(r'value="accepted" checked', filled_in) and "a,b</textarea>" in filled_in
    assert "Export what has changed" not in page_of(signed_in(rita).get(here(config)))
