"""The page of one export."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.db import transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import Connection, Project
from connections.store.upsert import write_rows
from exportadmin.audit.record import record
from exportadmin.lib.actor import system
from exportadmin.runs import statuses
from exports.models import Artifact, Download, Link
from tests.pages.reports import CHECK_VALUES, CONFIG, deliver, make_report
from tests.pages.squeezed import page_html
from tests.pages.test_list_of_exports import HOSTILE
from tests.support.rows import box, mixed, row


def page_of(client: Client, report: Any) -> str:
    answer = client.get(f"/exports/{report.report_id}/")
    assert answer.status_code == 200
    return page_html(answer)


@pytest.mark.parametrize("report_id", ["nosuch", "%00", "..%2F..%2Fetc", "' OR 1=1 --", "ä" * 300])
def test_an_unknown_id_is_a_404_with_words(visitor: Client, report_id: str):
    answer = visitor.get(f"/exports/{report_id}/")
    assert answer.status_code == 404
    assert "There is nothing here" in page_html(answer)


def test_a_strangers_export_is_a_404(project: Project, stranger: Client):
    report = make_report(project)
    assert stranger.get(f"/exports/{report.report_id}/").status_code == 404


def test_whoever_may_only_look_gets_no_download_button(project: Project, tmp_path: Path, rita: User, client: Client):
    from connections.access.models import Membership

    Membership.objects.create(project=project, user=rita, role="reviewer")
    client.force_login(rita)
    artifact = deliver(project, tmp_path / "d")
    page = page_of(client, artifact.report)
    assert artifact.sha256 in page
    assert "/files/" not in page
    assert client.get(f"/exports/{artifact.report.report_id}/files/{artifact.name}/").status_code == 403


def test_markup_in_every_text_is_shown_as_text(connection: Connection, tmp_path: Path, visitor: Client):
    project = Project.objects.create(connection=connection, name=HOSTILE)
    config = {**CONFIG, "filter": {"global_keys": [HOSTILE], HOSTILE: HOSTILE}}
    values = {
        **CHECK_VALUES,
        "rows_dropped": {HOSTILE: 3},
        "annotations_by_class": {HOSTILE: 9},
        "left_out_by_format": {HOSTILE: 6},
    }
    artifact = deliver(project, tmp_path / "d", description=HOSTILE, config=config, check_values=values, error=HOSTILE)
    Artifact.objects.filter(pk=artifact.pk).update(name=HOSTILE, media_type=HOSTILE)
    artifact.report.name = HOSTILE
    artifact.report.created_by_name = HOSTILE
    artifact.report.save()
    page = page_of(visitor, artifact.report)
    # title, crumb, heading, description, error, project, key and value of the filter twice, dropped, class, left out,
    # file twice, type, sha256's mark, person
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 14
    assert "<script>alert" not in page
    assert "<img src=x" not in page


@pytest.mark.parametrize("config", [None, [], "text", 3, {"a": {"b": {"c": [1, {"d": None}]}}}, {"x": "y" * 10_000}])
def test_a_config_of_any_shape_is_shown(project: Project, visitor: Client, config: Any):
    report = make_report(project, config=config if config is not None else {})
    assert "What was asked" in page_of(visitor, report)


@pytest.mark.parametrize("values", [None, {}, [], {"rows_read": 0}, {"rows_read": 3, "rows_kept": 3}])
def test_check_values_that_are_missing_break_nothing(project: Project, visitor: Client, values: Any):
    page_of(visitor, make_report(project, status=statuses.COMPLETED, check_values=values))


def test_sums_that_do_not_add_up_are_said_loudly(project: Project, tmp_path: Path, visitor: Client):
    wrong = {**CHECK_VALUES, "annotations_by_class": {"car": 5, "tree": 3}}
    page = page_of(visitor, deliver(project, tmp_path / "d", check_values=wrong).report)
    assert "Not every sum adds up" in page
    assert "Stated 9, but the parts make</th><td>8<" in page


def test_sums_that_add_up_are_shown_with_their_parts(project: Project, tmp_path: Path, visitor: Client):
    page = page_of(visitor, deliver(project, tmp_path / "d").report)
    assert "Every sum adds up." in page
    assert "<strong>10 rows read</strong> = <strong>7 kept</strong> + <strong>3 dropped</strong>" in page
    for label, count in [
        ("Kept", 7),
        ("Dropped: another review status", 2),
        ("Dropped: not updated since", 1),
        ("review", 3),
        ("car", 5),
        ("box", 9),
        ("Exported", 9),
        ("Left out: point", 6),
    ]:
        cells = page.split(f'<th scope="row">{label}<svg')
        assert len(cells) == 2, label
        assert cells[1].split("<td>")[1].startswith(f"{count}<"), label
    assert page.count('<tr class="ea-total"><th scope="row">Total</th>') == 5


def test_a_failed_export_says_why_and_offers_no_file(project: Project, visitor: Client):
    page = page_of(visitor, make_report(project, status=statuses.FAILED, error="The disk is full."))
    assert "The disk is full." in page
    assert "This export delivered no files." in page
    assert ">Download<" not in page


def test_a_running_export_shows_its_phase_and_rows(project: Project, visitor: Client):
    report = make_report(
        project, status=statuses.RUNNING, phase="reading", rows_done=1200, rows_expected=5000, bytes_done=2_000_000
    )
    page = page_of(visitor, report)
    assert "Reading: 1,200 of 5,000 rows, 2.0 MB" in page
    assert '<progress class="ea-progress" max="5000" value="1200"' in page
    assert "This export delivered no files." not in page


def test_files_are_shown_with_bytes_sha256_and_a_download(project: Project, tmp_path: Path, visitor: Client):
    artifact = deliver(project, tmp_path / "d", body=b"x" * 3_022_022)
    page = page_of(visitor, artifact.report)
    assert "3,022,022 bytes (3.0 MB)" in page
    assert f'data-sha256="rows.json">{artifact.sha256}</code>' in page
    assert f'data-copy-from="sha-{artifact.public_id}"' in page
    assert f'href="/exports/{artifact.report.report_id}/files/rows.json/"' in page


def test_what_was_asked_is_shown_with_the_window_in_utc(project: Project, visitor: Client):
    config = {
        **CONFIG,
        "statuses": [],
        "filter": {"last_activity_at": ["2026-09-01", None]},
        "resolved": {"last_activity_at": ["2026-09-01T00:00:00.000+00:00", None]},
        "options": {"profile": "exact"},
    }
    page = page_of(visitor, make_report(project, config=config))
    assert '<dt>Review statuses</dt><dd><span class="ea-value">all</span>' in page
    assert "2026-09-01 to any time" in page
    assert "2026-09-01T00:00:00.000+00:00 to any time" in page
    assert '<dt>Profile</dt><dd><span class="ea-value">exact</span>' in page
    assert '<dt>Destination</dt><dd><span class="ea-value">This installation</span>' in page


def test_two_thousand_ids_are_counted_not_printed(project: Project, visitor: Client):
    config = {**CONFIG, "filter": {"global_keys": [f"key-{number:04}" for number in range(2000)]}}
    page = page_of(visitor, make_report(project, config=config))
    assert "key-0011" in page
    assert "key-0012" not in page
    assert "and 1988 more" in page


def test_the_life_of_a_run_is_told_in_steps_and_one_that_broke_says_how_far_it_came(project: Project, visitor: Client):
    report = make_report(
        project,
        status=statuses.CANCELLED,
        started_at=timezone.now(),
        finished_at=timezone.now(),
        phases=[
            {"phase": "reading", "at": "2026-11-26T12:00:00.000+00:00"},
            {"phase": HOSTILE, "at": 1_800_000_000_000},
        ],
        rows_done=3000,
        rows_expected=9000,
    )
    page = page_of(visitor, report)
    steps = page.split('<ol class="rp-steps">')[1].split("</ol>")[0]
    told = [words.split("<")[0] for words in steps.split('rp-step-words">')[1:]]
    assert (told[:2], told[-1], len(told)) == (["Queued", "Reading rows"], "Cancelled", 4)
    assert told[2].startswith("&lt;script&gt;")
    assert "3,000 of 9,000 rows; what was written until then was taken away." in page


def test_the_newest_links_and_downloads_are_listed_and_all_are_counted(
    project: Project, tmp_path: Path, visitor: Client
):
    artifact = deliver(project, tmp_path / "d")
    soon, before = timezone.now() + timedelta(hours=1), timezone.now() - timedelta(hours=1)
    states: dict[str, dict[str, Any]] = {
        "revoked": {"revoked_at": before},
        "used": {"one_time": True, "used_at": before},
        "open": {},
        "expired": {"expires_at": before},
    }
    for number in range(18):
        Link.objects.create(artifact=artifact, signature="0" * 64, expires_at=before, created_by_name=f"old {number}")
    for state, values in states.items():
        given = {"expires_at": soon, "created_by_name": f"{state} {HOSTILE}", **values}
        Link.objects.create(artifact=artifact, signature="0" * 64, **given)
    for number in range(23):
        Download.objects.create(artifact=artifact, actor_name=f"person {number}", channel="link", bytes_requested=12,
                                bytes_sent=5, ending="broken off")  # fmt: skip
    page = page_of(visitor, artifact.report)
    links = page.split('id="links-title"')[1].split("</section>")[0]
    for state in states:
        word = rf'>{state.capitalize()}</span>\s*</td><th scope="row">{state} &lt;script&gt;'
        assert re.search(word, links)
    assert ("old 2<" in links, "old 1<" in links) == (True, False)
    assert "The newest 20 of 22." in links
    downloads = page.split('id="downloads-title"')[1].split("</section>")[0]
    assert "5 of 12" in downloads and "Broken off" in downloads
    assert ("person 22<" in downloads, "person 3<" in downloads, "person 2<" in downloads) == (True, True, False)
    assert "The newest 20 of 23." in downloads


def test_codes_that_no_format_has_any_more_are_shown_as_they_are(project: Project, visitor: Client):
    values = {**CHECK_VALUES, "rows_refused": {HOSTILE: 2, "no_size": 1}}
    page = page_of(visitor, make_report(project, status=statuses.PARTIAL, check_values=values))
    for each in ("3 rows refused", "&lt;script&gt;alert(1)", "1 row: no_size"):
        assert each in page


@pytest.mark.parametrize("kept", [None, 0, {}])
def test_without_refused_rows_there_is_nothing_about_them(project: Project, visitor: Client, kept: Any):
    report = make_report(project, status=statuses.PARTIAL, check_values={**CHECK_VALUES, "rows_refused": kept})
    assert 'id="refused-title"' not in page_of(visitor, report)


def test_what_has_changed_in_the_project_since_it_was_read_is_said(project: Project, tmp_path: Path, visitor: Client):
    write_rows(project, mixed(5), now_ms=1_000)
    report = deliver(project, tmp_path / "d", revision=1).report
    assert "Nothing has changed since." in page_of(visitor, report)
    # by the clock, this was long before
    write_rows(project, [row("row-00001", box("bus")), row("row-00002", box("bus"))], now_ms=500)
    assert "2 rows changed since." in page_of(visitor, report)
    write_rows(project, [row("new")], now_ms=500)
    assert "1 row came and 2 changed since." in page_of(visitor, report)
    assert "The project since then" not in page_of(visitor, make_report(project, status=statuses.FAILED))


def test_the_trail_is_shown_to_who_may_read_it_with_a_way_to_all_of_it(members: Project, oscar: User, rita: User):
    report = make_report(members)
    with transaction.atomic():
        record("export.requested", actor=system(), project=members, obj=report)
        record("export.requested", actor=system(), project=members, obj=("export_report", "another", "Another"))
    client = Client()
    client.force_login(rita)
    page = page_of(client, report)
    assert "Export Admin requested export Nightly of project Street scenes" in page and "Another" not in page
    assert f'href="/audit/?object={report.report_id}"' in page
    client.force_login(oscar)
    assert 'id="trail-title"' not in page_of(client, report)


def test_the_number_of_queries_does_not_depend_on_what_came_out_or_was_handed_out(
    project: Project, tmp_path: Path, visitor: Client
):
    plain = make_report(project, status=statuses.FAILED)
    few, many = (deliver(project, tmp_path / name, revision=1) for name in "de")
    for number in range(30):
        Artifact.objects.create(
            report=many.report, name=f"part-{number}", media_type="text/csv", bytes=1, sha256="0" * 64
        )
        Download.objects.create(artifact=many, actor_name="oscar", channel="web", bytes_requested=12)
        Link.objects.create(artifact=many, signature="0" * 64, expires_at=timezone.now())
    counts = []
    for report in (plain, few.report, many.report):
        with CaptureQueriesContext(database) as queries:
            page_of(visitor, report)
        counts.append(len(queries))
    # session, user, report with project, artifacts, trail; of a delivery also the project as the
    # store finds it, its syncs, rows changed and deleted since, links and downloads with the number of each
    assert counts == [6, 15, 15]
