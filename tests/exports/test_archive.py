"""An export is archived and unarchived: one action, through page, REST and shell."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from connections.access.models import Membership
from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exports.models import ExportReport


def entries() -> list[tuple[str, str, str]]:
    found = AuditEntry.objects.filter(event__in=["export.archived", "export.unarchived"]).order_by("sequence")
    return list(found.values_list("event", "outcome", "channel"))


@pytest.fixture
def report(db: None, connection, oscar, rita) -> ExportReport:
    project = Project.objects.create(connection=connection, name="Quay")
    Membership.objects.create(project=project, user=oscar, role="operator")
    Membership.objects.create(project=project, user=rita, role="reviewer")
    return ExportReport.objects.create(project=project, name="Boats", format="ndjson", config={}, status="failed")


def browser(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_who_may_not_start_exports_may_not_archive_them(report, rita, mallory):
    for where in ("/exports/{}/{}/", "/api/v1/reports/{}/{}/"):
        for verb in ("archive", "unarchive"):
            assert browser(rita).post(where.format(report.report_id, verb)).status_code == 403
            assert browser(mallory).post(where.format(report.report_id, verb)).status_code == 404
    assert {outcome for _, outcome, _ in entries()} == {"refused"}
    report.refresh_from_db()
    assert report.archived_at is None
    page = browser(rita).get(f"/exports/{report.report_id}/").content.decode()
    assert "/archive/" not in page and "/unarchive/" not in page


def test_a_report_that_there_is_not_cannot_be_archived_in_a_shell(db):
    with pytest.raises(CommandError, match="no report 'nosuch'"):
        call_command("archive", "nosuch")


def test_rest_archives_and_unarchives_and_twice_is_no_error_and_no_line(report, oscar):
    client, path = browser(oscar), f"/api/v1/reports/{report.report_id}"
    first = client.post(f"{path}/archive/").json()["archived_at"]
    assert first and client.post(f"{path}/archive/").json()["archived_at"] == first
    assert client.get(f"{path}/").json()["archived_at"] == first
    for _ in range(2):
        assert client.post(f"{path}/unarchive/").json()["archived_at"] is None
    assert entries() == [("export.archived", "done", "rest"), ("export.unarchived", "done", "rest")]


def test_the_page_has_the_button_that_fits(report, oscar):
    client, path = browser(oscar), f"/exports/{report.report_id}/"
    for verb, other in (("archive", "unarchive"), ("unarchive", "archive")):
        page = client.get(path).content.decode()
        assert f'action="{path}{verb}/"' in page and f'action="{path}{other}/"' not in page
        assert ("Archived" in page) == (verb == "unarchive")
        assert client.post(f"{path}{verb}/").status_code == 302
    assert entries() == [("export.archived", "done", "web"), ("export.unarchived", "done", "web")]


def test_the_shell_does_and_undoes_it(report, capsys):
    call_command("archive", report.report_id)
    assert capsys.readouterr().out == f"{report.report_id}: archived\n"
    call_command("archive", report.report_id, undo=True)
    assert capsys.readouterr().out == f"{report.report_id}: not archived\n"
    assert entries() == [("export.archived", "done", "shell"), ("export.unarchived", "done", "shell")]
