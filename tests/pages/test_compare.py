"""Two exports of one project side by side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exports.models import Artifact, ExportReport
from tests.pages.reports import CHECK_VALUES, deliver, make_report
from tests.support.deliveries import delivery_folder


def rows(project: Project, folder: Path, *ids: str, name: str = "Nightly", **values: Any) -> ExportReport:
    lines = b",\n".join(b'{"data_row":{"id":"%s"}}' % each.encode() for each in ids)
    artifact = deliver(project, folder, body=b"[\n" + lines + b"\n]\n", **values)
    Artifact.objects.filter(pk=artifact.pk).update(lines=len(ids))
    ExportReport.objects.filter(pk=artifact.report.pk).update(name=name)
    return artifact.report


@pytest.fixture
def two(members: Project, tmp_path: Path) -> tuple[ExportReport, ExportReport]:
    later = {**CHECK_VALUES, "annotations_by_class": {"car": 3, "bus": 6, "van": 2}, "rows_by_status": {"accepted": 7}}
    before = {**CHECK_VALUES, "annotations_by_class": {"van": 2, "car": 5, "tree": 4}}
    older = rows(members, tmp_path / "a", "one", "two", "three", name="Monday", check_values=before)
    return older, rows(members, tmp_path / "b", "two", "three", "four<b>", name="Tuesday", check_values=later)


def page_of(client: Client, report: ExportReport, other: ExportReport | None = None) -> str:
    answer = client.get(f"/exports/{report.report_id}/compare/", {"with": other.report_id} if other else {})
    assert answer.status_code == 200
    return answer.content.decode()


def count(page: str, term: str) -> str:
    return page.split(f"<dt>{term}</dt><dd>")[1].split("<")[0]


def test_whichever_page_one_comes_from_the_older_is_on_the_left(two, visitor: Client):
    older, newer = two
    for here, there in ((older, newer), (newer, older)):
        page = page_of(visitor, here, there)
        assert [count(page, term) for term in ("Added", "Removed", "Changed", "Unchanged")] == ["1", "1", "0", "2"]
        assert page.index(">Monday</a>") < page.index(">Tuesday</a>")
        assert "<code>four&lt;b&gt;</code>" in page and "<code>one</code>" in page
        for name, cells in {"car": ("5", "3", "−2"), "bus": ("0", "6", "+6"), "tree": ("4", "0", "−4"),
                            "review": ("3", "0", "−3"), "Rows kept": ("7", "7", "–")}.items():  # fmt: skip
            line = page.split(f'<th scope="row">{name}</th>')[1].split("</tr>")[0]
            assert tuple(cell.split(">")[-1] for cell in line.split("</td>")[:3]) == cells
        classes = page.split("Annotations by class</h2>")[1].split("</section>")[0]
        different, same = classes.split("<summary>1 the same in both</summary>")
        assert re.findall(r'"row">(\w+)<', different) == ["bus", "tree", "car"] and re.findall(
            r'"row">(\w+)<', same
        ) == ["van"]


def test_reading_both_files_is_recorded_for_both(two, visitor: Client):
    page_of(visitor, *two)
    found = AuditEntry.objects.filter(event="artifact.rows_read", outcome="done")
    assert {(entry.object_id, entry.details["compared_with"]) for entry in found} == {
        (one.artifacts.get().public_id, other.report_id) for one, other in (two, two[::-1])
    }


def test_who_may_not_download_compares_check_values_and_reads_no_row(two, rita: User):
    client = Client()
    client.force_login(rita)
    page = page_of(client, *two)
    assert "takes the right to download" in page and "<code>" not in page
    assert "Annotations by class" in page
    assert not AuditEntry.objects.filter(event="artifact.rows_read").exists()


@pytest.mark.parametrize("unread", ["removed", "missing", "no rows"])
def test_what_cannot_be_compared_exactly_is_compared_by_check_values_and_that_is_said(two, visitor: Client, unread):
    older, newer = two
    words = {"removed": "were removed", "missing": "no longer in its place", "no rows": "json and ndjson results only"}
    if unread == "removed":
        ExportReport.objects.filter(pk=newer.pk).update(files_removed_at=newer.finished_at, files_removed_why="old")
    elif unread == "missing":
        (delivery_folder(newer) / "rows.json").unlink()
    else:
        newer.artifacts.update(lines=None)
    page = page_of(visitor, older, newer)
    assert words[unread] in page and "Below are both check values." in page
    assert "<dt>Added</dt>" not in page and "Annotations by class" in page


def test_a_foreign_an_unknown_and_the_same_export_are_404(two, members: Project, connection: Connection,
                                                          oscar: User, tmp_path: Path):  # fmt: skip
    client = Client()
    client.force_login(oscar)
    foreign = rows(Project.objects.create(connection=connection, name="Secret"), tmp_path / "f", "x")
    failed = make_report(members, status=statuses.FAILED)
    for wanted in (foreign.report_id, "nosuch", "%00", "\x00", two[0].report_id, failed.report_id, "x" * 300):
        answer = client.get(f"/exports/{two[0].report_id}/compare/", {"with": wanted})
        assert answer.status_code == 404, wanted
    assert client.get(f"/exports/{foreign.report_id}/compare/", {"with": two[0].report_id}).status_code == 404
    assert client.get(f"/exports/{failed.report_id}/compare/").status_code == 409
    assert client.get(f"/exports/{two[0].report_id}/compare/?other=1").status_code == 400


def test_an_export_of_another_project_is_404_even_to_who_reads_no_rows_and_to_who_sees_both(
    two, connection: Connection, rita: User, visitor: Client, tmp_path: Path
):
    reviewer = Client()
    reviewer.force_login(rita)
    foreign = rows(Project.objects.create(connection=connection, name="Secret"), tmp_path / "f", "x")
    for client in (reviewer, visitor):
        answer = client.get(f"/exports/{two[0].report_id}/compare/", {"with": foreign.report_id})
        assert answer.status_code == 404


def test_the_list_to_choose_from_has_the_projects_other_deliveries_only(two, members, connection, visitor, tmp_path):
    rows(Project.objects.create(connection=connection, name="Secret"), tmp_path / "f", "x", name="Foreign")
    make_report(members, name="Broken", status=statuses.FAILED)
    page = page_of(visitor, two[0])
    assert "Tuesday" in page.split("<select")[1].split("</select>")[0]
    assert "Foreign" not in page and "Broken" not in page and page.count("<option") == 1


def test_deliveries_of_one_name_and_minute_are_told_apart_in_the_list(two, members, visitor, tmp_path):
    others = [rows(members, tmp_path / name, "x", name="Nightly") for name in ("a", "b")]
    for other in others:
        ExportReport.objects.filter(pk=other.pk).update(created_at=two[0].created_at)
    choices = page_of(visitor, two[0]).split("<select")[1].split("</select>")[0]
    shown = [words.partition(">")[2].split("</option>")[0] for words in choices.split("<option")[1:]]
    assert len(set(shown)) == len(shown) == 3
    for other in others:
        assert any(other.report_id[:8] in words for words in shown)


def test_without_another_delivery_it_says_how_to_come_by_one(members: Project, visitor: Client, tmp_path: Path):
    page = page_of(visitor, rows(members, tmp_path / "a", "one"))
    assert "no other delivered export yet" in page and "<select" not in page


@pytest.mark.parametrize("values", [None, {}, [], {"annotations_by_class": 3, "rows_read": "x"}])
def test_check_values_of_any_shape_break_nothing(two, visitor: Client, values: Any):
    ExportReport.objects.filter(pk=two[0].pk).update(check_values=values)
    assert "<dt>Unchanged</dt>" in page_of(visitor, *two)
