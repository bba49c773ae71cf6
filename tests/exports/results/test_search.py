"""Which deliveries hold a row: by any of its names, in every format, whatever became of row and files since."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.models import Project
from connections.store import called
from connections.store.models import MAX_NUMBER_AS_PLACE, StoreRow
from connections.store.removal import Removal
from connections.store.upsert import write_rows
from exportadmin.audit.scope import Scope
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exportadmin.runs.errors import LeaseLost
from exportadmin.runs.execute import run_in_foreground
from exportadmin.runs.lease import claim
from exports import actions
from exports.delivery import row_numbers
from exports.delivery.row_numbers import DeliveredNumbers, holds, packed
from exports.formats import formats_of_projects
from exports.models import DeliveredRows, ExportReport
from exports.questions.rows import _held, _notes
from exports.results.search import Found, search
from exports.run import pipeline
from exports.spec.spec import ExportSpec
from tests.support.rows import box, mixed, row

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")


@pytest.fixture(autouse=True)
def own_folders(tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


@pytest.fixture
def rows_written(project: Project) -> Project:
    write_rows(project, mixed(12), now_ms=1_000)
    return project


def export(project: Project, **body: object) -> ExportReport:
    spec = ExportSpec.parse({"format": "ndjson", **body}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.is_delivered, report.error
    return report


def delete(project: Project, *keys: str) -> None:
    pks = list(StoreRow.objects.filter(project=project, global_key__in=keys).values_list("pk", flat=True))
    Removal(project, seen=10**9, reason="test", deleted_by="tester").remove(pks)


def reports_with(text: str, project: Project | None = None) -> set[str]:
    found = search(text, projects=None, project=project.public_id if project else None)
    reports = set(ExportReport.objects.filter(report_id__in=found.how).values_list("report_id", flat=True))
    assert len(reports) == found.exports
    return reports


@given(st.lists(st.sets(st.integers(0, 2**63 - 1) | st.integers(0, 300) | st.integers(5_000, 9_000)), max_size=4))
def test_what_is_packed_holds_its_numbers_and_no_others(batches):
    for numbers in filter(None, batches):
        first, last, count, members = packed(np.array(sorted(numbers), np.int64))
        assert len(members) <= 8 * count
        near = {number + step for number in numbers for step in (-1, 0, 1)} | {0, 2**63 - 1}
        assert {number for number in near if holds(number, first, last, count, members)} == numbers


def test_consecutive_numbers_take_no_byte_and_half_of_them_a_bit():
    assert packed(np.arange(7, 4_000, dtype=np.int64))[3] == b""
    assert len(packed(np.arange(0, 8_000, 2, dtype=np.int64))[3]) == 1_000


@pytest.mark.one_database
@pytest.mark.parametrize("format", formats_of_projects())
def test_a_row_is_found_in_every_format_by_each_of_its_names(rows_written, format):
    write_rows(rows_written, [row("row-named", box(), row_id="id-1", external_id="scan 7")], now_ms=2_000)
    whole = export(rows_written, format=format)
    export(rows_written, format=format, filter={"global_keys": ["row-00001"]})
    for name in ("row-named", "id-1", "scan 7"):
        assert reports_with(name) == {whole.report_id}, name
    number = StoreRow.objects.get(global_key="row-named").number
    assert reports_with(f"{number:012d}-row-named.png") == {whole.report_id}
    assert reports_with("row-0000") == set() == reports_with(f"{99:012d}-x.png")


def test_only_rows_that_left_are_in_it(rows_written):
    report = export(rows_written, filter={"global_keys": ["row-00001", "row-00003"]})
    assert reports_with("row-00003") == {report.report_id}
    assert reports_with("row-00002") == set()
    without_size = row("row-wild", box())
    without_size.media_attributes.clear()
    write_rows(rows_written, [without_size], now_ms=2_000)
    masks = export(rows_written, format="png", max_refused=1)
    assert masks.status == statuses.PARTIAL
    assert reports_with("row-wild") == set() and masks.report_id in reports_with("row-00003")


def test_a_row_that_was_deleted_and_came_again_is_found_in_the_exports_of_both_lives(rows_written):
    before = export(rows_written)
    number = StoreRow.objects.get(global_key="row-00004").number
    delete(rows_written, "row-00004")
    without = export(rows_written)
    assert reports_with("row-00004") == {before.report_id}
    # its number is another row's now
    write_rows(rows_written, [row("row-other", box(), number=number)], now_ms=3_000)
    assert StoreRow.objects.get(global_key="row-other").number == number
    other = export(rows_written)
    assert reports_with("row-00004") == {before.report_id}
    assert reports_with("row-other") == {other.report_id}
    write_rows(rows_written, [row("row-00004", box())], now_ms=4_000)
    again = export(rows_written, format="coco_json")
    assert reports_with("row-00004") == {before.report_id, again.report_id}
    assert reports_with("row-00001") == {before.report_id, without.report_id, other.report_id, again.report_id}


def test_a_deleted_row_is_found_by_its_file_name(rows_written):
    before = export(rows_written)
    number = StoreRow.objects.get(global_key="row-00004").number
    delete(rows_written, "row-00004")
    export(rows_written)
    assert reports_with(f"{number:012d}-row-00004.png") == {before.report_id}


def test_a_row_whose_number_is_too_large_for_a_place_is_found_by_its_file_name(rows_written):
    number = MAX_NUMBER_AS_PLACE + 7
    large = 10**15 + 1
    write_rows(rows_written, [row("row-far", number=number), row("row-farther", number=large)], now_ms=2_000)
    report = export(rows_written)
    delete(rows_written, "row-farther")
    for each in (number, large):
        assert reports_with(f"{each:012d}-row.png") == {report.report_id}, each
        assert reports_with(f"{each + 1:012d}-row.png") == set()
    assert reports_with(f"{2**63}-row.png") == set()


def test_where_more_rows_are_called_so_than_are_searched_the_answer_says_so(rows_written, monkeypatch):
    monkeypatch.setattr(called, "MOST", 3)
    named = [row(f"twin-{number}", box(), external_id="scan") for number in range(3)]
    write_rows(rows_written, named, now_ms=2_000)
    export(rows_written)
    scope = Scope(everything=True)
    found = search("scan", projects=None)
    assert (len(found.rows), found.are_rows_cut) == (3, False)
    assert _held(found, {"row": "scan"}, scope) == "1 export contains the row scan"
    write_rows(rows_written, [row("twin-3", external_id="scan")], now_ms=3_000)
    found = search("scan", projects=None)
    assert (len(found.rows), found.are_rows_cut) == (3, True)
    told = "1 export contains the row scan (only the first 3 rows called so were searched)"
    assert _held(found, {"row": "scan"}, scope) == told
    notes = " ".join(_notes(found))
    assert "only the first 3 of them were searched" in notes and "all of them" not in notes


def test_a_row_that_got_another_id_is_found_by_the_one_under_which_it_left(rows_written):
    write_rows(rows_written, [row("row-named", box(), row_id="id-1", external_id="scan 7")], now_ms=2_000)
    first = export(rows_written)
    write_rows(rows_written, [row("row-named", row_id="id-2", external_id="scan 8")], now_ms=3_000, replace=True)
    second = export(rows_written)
    assert reports_with("id-1") == reports_with("scan 7") == {first.report_id}
    assert reports_with("id-2") == reports_with("scan 8") == {first.report_id, second.report_id}


def test_a_conversion_holds_the_rows_of_what_it_was_made_of(rows_written):
    before = export(rows_written)
    delete(rows_written, "row-00004")
    converted = actions.run_now(
        project=rows_written,
        spec=ExportSpec.parse({"format": "csv"}, rows_written),
        actor=SHELL,
        converted_from=before,
    )
    assert reports_with("row-00004") == {before.report_id, converted.report_id}


def test_what_was_delivered_is_known_when_the_files_are_gone_and_goes_with_the_report(rows_written):
    report = export(rows_written)
    actions.remove_files(report=report, actor=SHELL, why="old")
    assert reports_with("row-00001") == {report.report_id}
    ExportReport.objects.all().delete()
    assert not DeliveredRows.objects.exists()


def test_only_what_may_be_seen_is_searched(rows_written, project):
    report = export(project)
    assert search("row-00001", projects=[project.public_id]).exports == 1
    hidden = search("row-00001", projects=[])
    assert (hidden.rows, hidden.exports, hidden.unsearched) == ([], 0, 0)
    assert reports_with("row-00001", project) == {report.report_id}


def test_a_delivery_of_which_nobody_kept_the_rows_is_not_searched_and_one_without_rows_is(rows_written):
    known = export(rows_written)
    empty = export(rows_written, filter={"global_keys": ["nothing"]})
    assert empty.rows_done == 0
    unknown = export(rows_written)
    DeliveredRows.objects.filter(report=unknown).delete()
    found: Found = search("row-00001", projects=None)
    assert (found.exports, found.unsearched, found.unsearched_names) == (1, 1, [unknown.name])
    assert known.report_id in found.how
    # what a platform made is its own: nobody here has seen the rows, unless its file tells that there is none
    for are_rows_counted, unsearched in ((False, 2), (True, 1)):
        ExportReport.objects.filter(pk=empty.pk).update(made_by="labellerr", are_rows_counted=are_rows_counted)
        assert search("row-00001", projects=None).unsearched == unsearched


def test_a_delivery_that_an_earlier_attempt_published_is_known_and_what_failed_is_not(rows_written, monkeypatch):
    spec = ExportSpec.parse({"format": "json"}, rows_written)
    report = actions.request_export(project=rows_written, spec=spec, actor=SHELL)
    died = claim(ExportReport, report.pk, foreground=True)
    assert died is not None
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "finish", lambda *args: pytest.fail("died"))
        with pytest.raises(BaseException, match="died"), died:
            pipeline.run(died.run, died)
    assert DeliveredRows.objects.filter(report=report).exists()
    assert reports_with("row-00001") == set()
    again = claim(ExportReport, report.pk, foreground=True)
    assert again is not None
    run_in_foreground(again)
    report.refresh_from_db()
    assert (report.status, reports_with("row-00001")) == (statuses.COMPLETED, {report.report_id})


def test_who_lost_the_run_writes_nothing(rows_written):
    spec = ExportSpec.parse({"format": "json"}, rows_written)
    report = actions.request_export(project=rows_written, spec=spec, actor=SHELL)
    lease = claim(ExportReport, report.pk, foreground=True)
    assert lease is not None
    ExportReport.objects.filter(pk=report.pk).update(fence=99)
    numbers = DeliveredNumbers(report.project_id)
    with pytest.raises(LeaseLost):
        numbers.keep(report, lease, {})


def test_pieces_are_cut_and_all_of_them_are_kept(rows_written, monkeypatch):
    monkeypatch.setattr(row_numbers, "PIECE", 5)
    report = export(rows_written)
    assert sum(DeliveredRows.objects.filter(report=report).values_list("rows", flat=True)) == 12
    assert DeliveredRows.objects.filter(report=report).count() == 3
    assert reports_with("row-00011") == {report.report_id}
