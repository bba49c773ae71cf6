"""Exports that Labelbox makes itself: delivered byte for byte, filtered there, checked here."""

from __future__ import annotations

import pytest
from django.conf import settings as django_settings

from connections.connection_actions import create_connection
from connections.models import Project
from connections.platforms import remote
from connections.platforms.labelbox import rows
from connections.sinks.local import LocalDraft
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import UserError
from exportadmin.lib.http import OutboundSession
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions
from exports.delivery.verify import verify_report
from exports.forms.platform_export import PlatformExportForm
from exports.models import ExportReport
from exports.run import pipeline, platform_export
from exports.spec.plan import plan
from exports.spec.spec import ExportSpec
from tests.exports.platform_export.conftest import SHELL, delivered, expire, step, to_the_end
from tests.support import kills
from tests.support.far_side import Answer
from tests.support.kills import Places
from tests.support.labelbox_server import COMPLETE, IN_PROGRESS, LabelboxServer, Served, labelled_row

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 30


@pytest.fixture
def held(labelbox_server: LabelboxServer) -> LabelboxServer:
    served = [
        labelled_row(number, active_ms=1000 * number, status="DONE" if number % 2 else "TO_LABEL")
        for number in range(COUNT)
    ]
    labelbox_server.serve("one", served)
    labelbox_server.slices["s"] = Served("s", "Night", served[:3])
    return labelbox_server


@pytest.fixture
def connection(held, db, own_folders):
    return create_connection(kind="labelbox", name="Labelbox", config=held.config, secrets=held.secrets, actor=SHELL)


@pytest.fixture
def pier(connection) -> Project:
    """Project ``one`` of Labelbox."""
    return Project.objects.create(connection=connection, name="Pier", external_id="one")


def ask(project: Project, **wanted) -> ExportReport:
    body = {"platform_export": wanted if "remote_id" in wanted else {"format": "ndjson", **wanted}}
    return actions.request_export(project=project, spec=ExportSpec.parse(body, project), actor=SHELL)


def test_it_is_delivered_byte_for_byte_and_counted(held, pier):
    options = {"project_details": "yes", "data_row_details": "yes", "label_details": "no"}
    report = to_the_end(ask(pier, statuses=["Done"], updated_after="1970-01-01T00:00:10Z", options=options))
    assert (report.status, report.error, report.format) == (statuses.COMPLETED, "", "labelbox:ndjson")
    (task,) = held.tasks.values()
    assert delivered(report)[report.artifacts.get().name] == task.streams["RESULT"]
    assert report.artifacts.get().name.endswith(".ndjson")
    assert verify_report(report).as_delivered
    values = report.check_values
    assert (values["rows_kept"], values["rows_by_status"]) == (10, {"Done": 10})
    assert task.name == f"{report.remote_name} [one]"


def test_one_that_ignored_the_filters_is_delivered_nowhere(held, pier):
    held.habits.ignores_filters = True
    report = to_the_end(ask(pier, statuses=["Done"], options={"project_details": "yes"}))
    assert report.status == statuses.FAILED
    assert "statuses Done alone, and 15 rows of what it made are others: row-00000 (status 'ToLabel')" in report.error
    assert delivered_nothing()


def delivered_nothing() -> bool:
    return not [path for path in django_settings.ARTIFACTS_DIR.rglob("*") if path.is_file()]


def test_what_the_rows_do_not_tell_is_noted(pier):
    notes = to_the_end(ask(pier, statuses=["Done"])).check_values["notes"]
    assert notes["rows that do not say their status, which was not checked"] == 15


def test_lines_of_the_stream_of_errors_are_shown(held, pier):
    held.habits.errors = ["line of nobody knows what shape"]
    report = to_the_end(ask(pier))
    assert (report.status, report.check_values["rows_refused"]) == ("partial", {"lines_in_the_stream_of_errors": 1})
    assert [text for text in report.check_values["notes"] if text.endswith("such as line of nobody knows what shape")]


def test_nothing_there_is_skipped(pier):
    report = to_the_end(ask(pier, options={"global_keys": ["no-such-key"]}))
    assert (report.status, report.error) == (
        statuses.SKIPPED,
        "nothing there: Labelbox says 'Labelbox has no row that the request selects'",
    )


@pytest.mark.parametrize(
    ("external_id", "wanted", "words"),
    [
        ("slice:s", {"statuses": ["Done"]}, "statuses is not for a slice: Labelbox has it for a project"),
        ("slice:s", {"updated_after": "2025-01-01"}, "updated_after out"),
        ("one", {"options": {"project_ids": ["x"]}}, "project_ids is not for a project: Labelbox has it for a dataset"),
        ("one", {"options": {"batch_id": "x"}}, "unknown option platform_export.options.batch_id; known: "),
        ("one", {"format": "rows"}, "unknown format 'rows'; Labelbox makes ndjson"),
    ],
)
def test_what_a_thing_cannot_be_asked_for_is_refused_by_name(connection, external_id, wanted, words):
    project = Project.objects.create(connection=connection, name="Any", external_id=external_id)
    with pytest.raises(UserError, match=words):
        ask(project, **wanted)


def test_the_form_offers_what_the_thing_can_be_asked_for(connection, pier):
    night = Project.objects.create(connection=connection, name="Night", external_id="slice:s")
    of_project, of_slice = (PlatformExportForm(project=one).fields for one in (pier, night))
    assert {"option.batch_ids", "after"} <= set(of_project)
    assert not {"option.batch_ids", "after", "option.predictions"} & set(of_slice)
    assert (len(of_project["statuses"].choices), of_slice["statuses"].choices) == (4, [])
    assert "option.project_ids" in of_slice
    assert "option.project_ids" not in of_project


def test_the_plan_doubts_a_catalog_without_labels(connection):
    project = Project.objects.create(connection=connection, name="Night", external_id="slice:s")
    spec = ExportSpec.parse({"platform_export": {"format": "ndjson"}}, project)
    assert any("rows of a slice have no annotations" in one for one in plan(project, spec)["warnings"])


def test_one_that_was_made_there_already_is_fetched_where_it_is_listed(held, pier):
    made = to_the_end(ask(pier))
    report = to_the_end(ask(pier, remote_id=made.remote_id))
    assert (report.status, len(held.tasks)) == (statuses.COMPLETED, 1)
    other = Project.objects.create(connection=pier.connection, name="Other", external_id="two")
    report = to_the_end(ask(other, remote_id=made.remote_id))
    assert "Labelbox lists no export" in report.error


def test_after_a_break_it_goes_on_behind_what_is_here(held, pier, monkeypatch):
    held.habits.chunk_bytes = 4000
    report = ask(pier)
    held.on["file", "before"] = lambda: held.answers["file"].extend([Answer(500)] * (held.count("file") == 3))
    assert step(report).status == statuses.QUEUED
    report = to_the_end(report)
    assert report.status == statuses.COMPLETED
    starts = [call.path for call in held.calls if call.route == "file"]
    assert starts.count(starts[2]) == 2
    assert len(starts) == len(set(starts)) + 1
    assert not list((django_settings.EXPORTADMIN_HOME / "scratch").iterdir())


# --- kills ------------------------------------------------------------------------------------------------------------


def places(patch: pytest.MonkeyPatch, deadly: int = 0) -> Places:
    """Those that the run of this process passes; it dies at ``deadly``."""
    found = Places(patch, deadly)
    found.watch(OutboundSession, "request", lambda session, method, url, **named: url.partition("?")[0][-24:])
    found.watch(rows, "checked", lambda *arguments: "checking the file")
    found.watch(platform_export, "check_rows", lambda *arguments: "checking the rows")
    found.watch(LocalDraft, "commit", lambda *arguments: "the publication")
    found.watch(pipeline, "end", lambda *arguments, **named: "the end")
    return found


@pytest.mark.one_database
def test_killed_anywhere_one_export_is_made_there_and_one_delivered_here(held, pier, monkeypatch):
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    held.habits.chunk_bytes = 9000
    turns: list[list[str]] = []
    held.habits.looks = [IN_PROGRESS, COMPLETE]
    report = ask(pier)
    while not turns or report.status == statuses.QUEUED:
        with pytest.MonkeyPatch.context() as patch:
            undisturbed = places(patch)
            step(report)
        turns.append(undisturbed.passed)
    assert report.status == statuses.COMPLETED, report.error
    assert {"after checking the rows", "after the publication", "after the end"} <= {*turns[1]}
    for turn, passed in enumerate(turns):
        for place, died_at in enumerate(passed, 1):
            held.tasks.clear()
            held.habits.looks = [IN_PROGRESS, COMPLETE]
            report = ask(pier)
            if turn:
                step(report)
            ExportReport.objects.filter(pk=report.pk).update(not_before=None)

            def act(report=report, place=place) -> None:
                places(pytest.MonkeyPatch(), place)
                execute("export", report.pk)

            assert kills.dies(act), died_at
            expire(report)
            to_the_end(report)
            assert (report.status, report.error) == (statuses.COMPLETED, ""), died_at
            (made,) = held.tasks.values()
            assert report.remote_id == made.id, died_at
            assert verify_report(report).as_delivered, died_at
            ended = AuditEntry.objects.filter(object_id=report.report_id, event="export.completed")
            assert ended.count() == 1, died_at
            assert not list((django_settings.EXPORTADMIN_HOME / "scratch").iterdir()), died_at
