"""Rows that a format cannot hold: refused with their reasons, counted and listed; the rest is delivered."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from connections.models import Project
from connections.rows.batch import BODY
from connections.store.import_row import IncomingRow
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions
from exports.delivery.destination import delivery_of
from exports.delivery.files import is_errors_file
from exports.delivery.verify import read_whole, verify_report
from exports.display.refused_rows import SHOWN
from exports.models import ExportReport
from exports.sources import SOURCES
from exports.sources.store import StoreSource
from exports.spec.plan import plan
from exports.spec.spec import MAX_REFUSED, ExportSpec
from tests.support.rows import box, mask, row

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, settings: Any) -> None:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


def without_size(key: str, **more: Any) -> IncomingRow:
    """A box in a picture of which nobody knows the width."""
    made = row(key, box(), **more)
    made.media_attributes["width"] = None
    return made


def fill(project: Project, count: int, bad: int) -> None:
    """``bad`` rows among ``count`` cannot be painted; they are spread, and of another status."""
    step = count // bad
    write_rows(
        project,
        [
            without_size(f"bad-{index:04d}", status="rejected")
            if index % step == 3 and index // step < bad
            else row(f"row-{index:04d}", box(), status="accepted")
            for index in range(count)
        ],
    )


@pytest.fixture
def thousand(members: Project) -> Project:
    """1,000 rows of which 7 cannot be painted."""
    fill(members, 1_000, 7)
    return members


@pytest.fixture
def forty(members: Project) -> Project:
    """40 rows of which 2 cannot be painted."""
    fill(members, 40, 2)
    return members


def export(project: Project, format: str = "png", **body: Any) -> ExportReport:
    spec = ExportSpec.parse({"format": format, **body}, project)
    return actions.run_now(project=project, spec=spec, actor=SHELL)


def files(report: ExportReport) -> list[bytes]:
    delivery = delivery_of(report)
    return [read_whole(delivery, artifact.name) for artifact in report.artifacts.all()]


def test_seven_of_a_thousand_rows_are_refused_listed_and_counted_and_the_rest_is_delivered(thousand: Project):
    report = export(thousand)
    assert (report.status, report.error) == (statuses.PARTIAL, "")
    values = report.check_values
    assert (values["rows_read"], values["rows_kept"], values["rows_refused"]) == (1_000, 993, {"no_size": 7})
    assert values["rows_by_status"] == {"accepted": 993}
    assert values["annotations_by_class"] == {"car": 993}
    assert (report.rows_done, values["files"]) == (993, 2)
    result, errors = files(report)
    with zipfile.ZipFile(io.BytesIO(result)) as archive:
        masks = [name for name in archive.namelist() if name.startswith("masks/")]
        assert len(masks) == 993
        index = list(csv.DictReader(io.StringIO(archive.read("index.csv").decode(), newline="")))
        assert [line["global_key"] for line in index if not line["file"]] == [
            f"bad-{142 * place + 3:04d}" for place in range(7)
        ]
        assert len(index) == 1_000
    lines = [json.loads(line) for line in errors.splitlines()]
    assert [line["global_key"] for line in lines] == [f"bad-{142 * place + 3:04d}" for place in range(7)]
    assert {line["code"] for line in lines} == {"no_size"}
    assert lines[0]["reason"].startswith("media_attributes say width None and height 120")
    assert all(line["data_row_id"] and line.keys() == lines[0].keys() for line in lines)
    assert verify_report(report).ok
    assert values["bytes"] == len(result) + len(errors)


def test_a_format_that_holds_the_same_rows_completes(thousand: Project):
    report = export(thousand, "coco_json")
    assert (report.status, report.check_values["rows_refused"]) == (statuses.COMPLETED, {})
    assert report.check_values["rows_kept"] == 1_000
    assert len(report.artifacts.all()) == 1


def test_more_refused_rows_than_are_allowed_fail_the_run_with_the_count_and_an_example(
    thousand: Project, settings: Any
):
    report = export(thousand, max_refused=0.001)
    assert report.status == statuses.FAILED
    told = r"\d of 1,000 rows were refused, and max_refused \(0\.001\) allows 1: nothing was delivered; the first is "
    assert re.match(told, report.error)
    assert "('bad-0003'): media_attributes say width None" in report.error
    assert list(report.artifacts.all()) == []
    assert [path for path in settings.ARTIFACTS_DIR.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("most", "status"),
    [(0, statuses.FAILED), (0.049, statuses.FAILED), (0.05, statuses.PARTIAL), (1, statuses.PARTIAL)],
)
def test_as_many_as_are_allowed_are_not_too_many(forty: Project, most: float, status: str):
    assert export(forty, max_refused=most).status == status


def test_a_share_of_a_whole_number_of_rows_is_that_number(members: Project):
    spec = ExportSpec.parse({"format": "png", "max_refused": 0.29}, members)
    assert [spec.refusals_allowed(rows) for rows in (99, 100)] == [28, 29]


def test_one_of_several_rows_never_stops_the_others_unless_none_may_be_refused(members: Project):
    spec, strict = (ExportSpec.parse({"format": "png", "max_refused": share}, members) for share in (0.1, 0))
    assert [spec.refusals_allowed(rows) for rows in (0, 1, 2, 19, 20)] == [0, 0, 1, 1, 2]
    assert [strict.refusals_allowed(rows) for rows in (0, 1, 2, 19, 20)] == [0] * 5
    write_rows(members, [row("good", box()), without_size("bad")])
    report = export(members)
    assert (report.status, report.check_values["rows_refused"]) == (statuses.PARTIAL, {"no_size": 1})
    assert export(members, max_refused=0).status == statuses.FAILED
    assert export(members, filter={"global_keys": ["bad"]}).status == statuses.FAILED


def test_rows_that_the_filter_drops_are_neither_refused_nor_counted_for_the_share(forty: Project):
    only_good = export(forty, statuses=["accepted"], max_refused=0)
    assert (only_good.status, only_good.check_values["rows_refused"]) == (statuses.COMPLETED, {})
    report = export(forty, statuses=["rejected"], max_refused=0.5)
    assert report.status == statuses.FAILED
    assert "of 2 rows were refused" in report.error


@pytest.mark.parametrize("value", [-0.1, 1.01, "0.1", True, [], float("nan")])
def test_a_share_that_is_none_is_refused_with_what_would_be_right(members: Project, value: Any):
    with pytest.raises(UserError, match=r"max_refused is .*; expected a share from 0 \(no row\) to 1") as caught:
        ExportSpec.parse({"format": "png", "max_refused": value}, members)
    assert caught.value.field == "max_refused"


def test_the_share_is_kept_with_the_report_and_has_a_default(members: Project):
    spec = ExportSpec.parse({"format": "png"}, members)
    assert spec.to_json()["max_refused"] == MAX_REFUSED == 0.1
    frozen = ExportSpec.parse({"format": "png", "max_refused": 0}, members).to_json()
    assert ExportSpec.from_json(frozen, members).max_refused == 0


def test_a_run_that_died_between_publication_and_commit_ends_partial_too(forty: Project, monkeypatch):
    from exports.run import pipeline

    real = pipeline.end

    def dies(*args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(pipeline, "end", real)
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "end", dies)
    spec = ExportSpec.parse({"format": "png"}, forty)
    with pytest.raises(KeyboardInterrupt):
        actions.run_now(project=forty, spec=spec, actor=SHELL)
    report = ExportReport.objects.get()
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.QUEUED, attempts=1, lease_until=None)
    execute("export", report.pk)
    report.refresh_from_db()
    assert (report.status, report.attempts) == (statuses.PARTIAL, 2)
    assert [is_errors_file(each.name) for each in report.artifacts.all()] == [False, True]


def test_the_trail_says_partial_and_how_many(forty: Project):
    export(forty)
    entry = AuditEntry.objects.get(event="export.partial")
    assert entry.outcome == "done"
    assert '"refused":2' in entry.details_json.replace(" ", "")


# --- channels --------------------------------------------------------------------------------------------------------


@pytest.fixture
def client(alice: Any) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_rest_hands_out_the_refused_rows_from_any_line(forty: Project, client: Client):
    report = export(forty)
    address = f"/api/v1/reports/{report.report_id}/rows/"
    answer = client.get(address, {"stream": "errors", "line": "1"})
    (line,) = b"".join(answer.streaming_content).splitlines()  # type: ignore[attr-defined]
    assert json.loads(line)["global_key"] == "bad-0023"
    assert (answer["X-Total-Lines"], answer["X-First-Line"]) == ("2", "1")
    beyond = client.get(address, {"stream": "errors", "line": "2"})
    assert (beyond.status_code, "line is out of range, max line is 1" in beyond.content.decode()) == (400, True)
    assert client.get(address).status_code == 409  # png has no rows to read; the errors are not taken for them


def test_rest_says_partial_and_takes_the_share(forty: Project, client: Client):
    report = client.get(f"/api/v1/reports/{export(forty).report_id}/").json()
    assert (report["status"], report["check_values"]["rows_refused"]) == ("partial", {"no_size": 2})
    assert [is_errors_file(each["name"]) for each in report["artifacts"]] == [False, True]
    body = {"project": forty.public_id, "format": "png", "max_refused": 0}
    planned = client.post("/api/v1/reports/plan/", json.dumps(body), content_type="application/json").json()
    (stop,) = planned["stops"]
    assert stop.startswith("PNG class masks cannot hold 2 of the first 40 rows; the first of them is row ")
    assert stop.endswith("; of all 40 rows, max_refused allows 0")


def test_a_plan_warns_of_rows_that_will_be_refused(forty: Project):
    answer = plan(forty, ExportSpec.parse({"format": "png"}, forty))
    assert answer["stops"] == []
    (warning,) = answer["warnings"]
    assert warning.startswith("PNG class masks cannot hold 2 of the first 40 rows; the first of them is row ")
    assert warning.endswith("; with more than 4 such rows the run fails")


def test_the_page_names_the_reason_and_the_first_rows_and_where_all_are(members: Project, client: Client):
    fill(members, 300, SHOWN + 1)
    report = export(members)
    page = " ".join(client.get(f"/exports/{report.report_id}/").content.decode().split())
    assert f"{SHOWN + 1} rows refused" in page
    assert f"<li>{SHOWN + 1} rows: the size of the picture is unknown, or no whole number of pixels</li>" in page
    assert "<strong>bad-0003</strong>: media_attributes say width None" in page
    assert page.count("<strong>bad-") == SHOWN
    assert "and 1 more" in page
    assert f"<code>{report.artifacts.all()[1].name}</code>" in page
    assert f"+ <strong>{SHOWN + 1} refused</strong>" in page
    assert "Every sum adds up." in page
    assert "Delivered, but some rows were refused; they are listed." in page
    assert "Run again" in page


def test_the_page_of_a_partial_export_without_its_files_still_says_how_many(forty: Project, client: Client):
    report = export(forty)
    actions.remove_files(report=report, actor=SHELL, why="old")
    page = client.get(f"/exports/{report.report_id}/").content.decode()
    assert "2 rows refused" in page
    assert "<strong>bad-" not in page


def test_the_shell_prints_what_was_refused_and_fails_where_it_is_too_much(forty: Project, tmp_path: Path):
    out = io.StringIO()
    call_command("run_export", forty.name, format="png", output=tmp_path / "out", stdout=out)
    assert "partial: 40 rows read = 38 kept + 0 dropped + 2 refused (no_size 2)" in out.getvalue()
    assert sum(is_errors_file(path.name) for path in (tmp_path / "out").iterdir()) == 1
    with pytest.raises(CommandError, match=r"export failed: \d of 40 rows were refused") as caught:
        call_command("run_export", forty.name, format="png", max_refused=0.0, stdout=io.StringIO())
    assert caught.value.returncode == 1


# --- formats that write what a source renders not --------------------------------------------------------------------


@pytest.mark.parametrize("format", ["coco_json", "csv"])
def test_a_broken_annotation_of_a_source_of_rows_refuses_its_row_alone(members: Project, format: str):
    """The store refuses such a row when it comes in; a source that only knows rows may have it."""
    write_rows(members, [row(f"row-{index}", mask()) for index in range(12)])

    class RowsOnly(StoreSource):
        key = "rows-only"

        def open(self, selection: Any, columns: frozenset[str]) -> Any:
            return _Broken(super().open(selection, frozenset({BODY})))

    class _Broken:
        def __init__(self, opened: Any) -> None:
            self._opened = opened

        def __enter__(self) -> Any:
            reader = self._opened.__enter__()
            whole = reader.batches

            def batches() -> Any:
                for batch in whole():
                    at = list(batch.global_keys).index("row-5")
                    batch.bodies = [
                        body.replace(b'"size":[120,160]', b'"sise":[120,160]') if place == at else body
                        for place, body in enumerate(batch.bodies)
                    ]
                    yield batch

            reader.batches = batches
            return reader

        def __exit__(self, *args: Any) -> Any:
            return self._opened.__exit__(*args)

    SOURCES.register("rows-only", RowsOnly)
    try:
        members.connection.kind = "rows-only"
        members.connection.save()
        report = export(members, format)
    finally:
        SOURCES.unregister("rows-only")
    assert (report.status, report.check_values["rows_refused"]) == (statuses.PARTIAL, {"unreadable": 1}), report.error
    result, errors = files(report)
    assert json.loads(errors)["reason"] == "an annotation is not as it should be: 'size' is missing"
    if format == "coco_json":
        assert len(json.loads(result)["images"]) == len(json.loads(result)["annotations"]) == 11
    else:
        assert len(result.splitlines()) == 1 + 11
