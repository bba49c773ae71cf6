"""An export that a platform made, in lists, on its page, in REST and in the shell: it is said plainly who made it."""

from __future__ import annotations

import csv
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from connections.access.tokens import issue_token
from exportadmin.runs import statuses
from exports.links import actions as link_actions
from exports.models import ExportReport
from exports.spec.platform_export import format_title
from tests.exports.platform_export.conftest import SHELL, delivered, step
from tests.rest.world import SHELL as TOKEN_SHELL
from tests.rest.world import Rest

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def page(client, alice):
    client.force_login(alice)
    return lambda report: client.get(reverse("exports:detail", args=[report.report_id])).content.decode()


@pytest.fixture
def script(mirrored, alice) -> Rest:
    return Rest(issue_token(user=alice, name="script", scopes=("admin",), actor=TOKEN_SHELL)[1])


@pytest.fixture
def unproved(ask):
    """Delivered by Toy itself, where nothing of ours reaches it."""
    return step(ask(where="there", options={"folder": "theirs/out/"}))


def test_its_page_says_who_made_it_and_under_which_id(ask, page):
    text = page(step(ask()))
    assert "Made by Toy, fetched and delivered as it is." in text
    assert "remote-1" in text and "ea-state-green" in text
    assert "an unknown number of annotations" in text


def test_its_rows_are_not_offered_one_by_one(ask, page, script):
    report = step(ask())
    assert "rp-single" not in page(report)
    assert script.post(f"reports/{report.report_id}/convert/", {"format": "csv"}).status_code == 409


def test_one_that_is_not_proved_is_never_green(unproved, page, client):
    text = page(unproved)
    assert "Delivered by Toy, not proved: nothing of this project reaches that place." in text
    assert "s3://theirs/out/" in text
    assert "ea-state-green" not in text
    listed = client.get(reverse("exports:list")).content.decode()
    assert "Not proved" in listed and "ea-state-green" not in listed


def test_rows_and_bytes_that_nobody_has_counted_are_told_as_unknown_and_never_as_none(unproved, ask, client, alice):
    counted = step(ask())
    assert (unproved.rows_known, unproved.bytes_known, counted.rows_known) == (None, None, 3)
    client.force_login(alice)

    def cells(text: str, report: ExportReport) -> list[str]:
        line = next(each for each in text.split("<tr")[1:] if report.report_id in each)
        line = line.partition("</tr>")[0]
        return [" ".join(re.sub("<[^>]+>", " ", cell).split()) for cell in re.findall(r"(<td.*?)</td>", line, re.S)]

    listed = client.get(reverse("exports:list")).content.decode()
    project = client.get(reverse("projects:project", args=[unproved.project.public_id])).content.decode()
    for text in (listed, project):
        assert "–" in cells(text, unproved) and "0" not in cells(text, unproved) and "0 B" not in cells(text, unproved)
        assert "3" in cells(text, counted)
    file = b"".join(client.get(reverse("exports:list_file")).streaming_content).decode("utf-8-sig")
    lines = {line["report_id"]: line for line in csv.DictReader(StringIO(file))}
    assert (lines[unproved.report_id]["rows"], lines[unproved.report_id]["bytes"]) == ("", "")
    assert lines[counted.report_id]["rows"] == "3" and int(lines[counted.report_id]["bytes"]) > 0
    told = client.get("/audit/questions/filters/").content.decode()
    assert "completed, rows not known" in told and "completed, 3 rows" in told


def test_no_row_that_was_counted_is_none_and_not_unknown(ask, server, client, alice, script):
    def empty(method: str) -> None:
        if method == "ask":
            server.exports["remote-1"] = (*server.exports["remote-1"][:2], b"[]")

    server.after = empty
    report = step(ask())
    assert (report.status, report.rows_known) == (statuses.COMPLETED, 0)
    client.force_login(alice)
    assert "0 rows" in client.get(reverse("exports:list")).content.decode()
    file = b"".join(client.get(reverse("exports:list_file")).streaming_content).decode("utf-8-sig")
    assert [line["rows"] for line in csv.DictReader(StringIO(file))] == ["0"]
    progress = script.get(f"reports/{report.report_id}/").json()["progress"]
    assert (progress["rows_done"], progress["bytes_done"]) == (0, report.bytes_done)


def test_while_the_platform_works_its_phase_is_told_and_no_count_that_nobody_made(ask, client, alice, script):
    report = ask()
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.RUNNING, phase="made there")
    client.force_login(alice)
    address = reverse("exports:progress", args=[report.report_id])
    figures = client.get(address, HTTP_HX_REQUEST="true").content.decode()
    assert "Made there" in figures and "rows" not in figures and "%" not in figures and "0 bytes" not in figures
    progress = script.get(f"reports/{report.report_id}/").json()["progress"]
    assert progress["phase"] == "made there"
    assert [progress[key] for key in ("rows_done", "bytes_done", "percent")] == [None, None, None]


def test_one_that_found_nothing_is_no_error(ask, page):
    report = step(ask(statuses=["rejected"]))
    text = page(report)
    assert report.status == statuses.SKIPPED
    assert "Nothing there: Toy says" in text and "What went wrong" not in text


def test_lists_find_it_by_its_format(ask, client, alice, script):
    report = step(ask())
    client.force_login(alice)
    assert report.name in client.get(reverse("exports:list"), {"format": "toy:json"}).content.decode()
    found = script.get("reports/", {"format": "toy:json"}).json()["results"]
    assert [one["report_id"] for one in found] == [report.report_id]
    assert script.get("reports/", {"format": "json"}).json()["results"] == []
    assert format_title("toy:json") == "JSON, made by Toy"


def test_rest_requests_plans_and_saves_it(mirrored, script, server):
    body = {"project": "Harbour", "platform_export": {"format": "json", "statuses": ["review"]}}
    planned = script.post("reports/plan/", body)
    assert (planned.status_code, planned.json()["rows_kept"]) == (200, None)
    saved = script.post("configs/", {**body, "name": "Weekly"}).json()
    asked = script.post("reports/", {"project": "Harbour", "config_id": saved["config_id"]})
    assert asked.status_code == 202
    report = step(ExportReport.objects.get(report_id=asked.json()["report_id"]))
    assert (report.status, report.saved_config.public_id) == (statuses.COMPLETED, saved["config_id"])
    assert script.get(f"reports/{report.report_id}/").json()["made_by"]["remote_id"] == "remote-1"
    refused = script.post("reports/", {**body, "format": "json"})
    assert (refused.status_code, refused.json()["field"]) == (400, "format")


def test_the_same_request_with_the_same_key_is_one_export(mirrored, script, server):
    body = {"project": "Harbour", "platform_export": {"format": "json"}}
    ids = {script.post("reports/", body, HTTP_IDEMPOTENCY_KEY="k").json()["report_id"] for _ in range(2)}
    assert len(ids) == 1


def test_the_shell_lists_and_fetches_its_figures(ask, unproved):
    out = StringIO()
    step(ask())
    call_command("list_exports", stdout=out)
    assert "toy:json" in out.getvalue() and "? rows" in out.getvalue()


def test_a_link_to_its_file_hands_it_out(ask, server, client):
    report = step(ask())
    _, token = link_actions.issue_link(artifact=report.artifacts.get(), actor=SHELL)
    answer = client.get(reverse("exports:link", args=[token]))
    assert "JSON, made by Toy" in answer.content.decode()
    got = client.get(reverse("exports:link_file", args=[token]))
    assert b"".join(got.streaming_content) == delivered(report)[report.artifacts.get().name]
