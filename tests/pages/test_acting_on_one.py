"""The buttons of one export: where they are shown, what they do, and that the action decides in any case."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.models import Project
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.sentences import sentence
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions
from exports.models import Artifact, ExportReport, Proof
from exports.run import proofs
from exports.spec.spec import ExportSpec
from tests.pages.reports import deliver, make_report
from tests.pages.squeezed import page_html
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

HTMX = {"HX-Request": "true"}
SHELL = Actor(kind="user", name="tester", channel="shell")
BUTTONS = {"Prove now", "Run again", "Run again with changes", "Compare", "Delete the files", "Cancel the export",
           "Download<", "Share by link"}  # fmt: skip


@pytest.fixture
def clients(members: Project, alice: User, oscar: User, rita: User) -> dict[str, Client]:
    made = {}
    for user in (alice, oscar, rita):
        made[user.username] = Client()
        made[user.username].force_login(user)
    return made


@pytest.fixture
def delivered(members: Project, transactional_db: None, settings, tmp_path: Path) -> Artifact:
    """A real delivery, with a manifest."""
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    write_rows(members, mixed(10))
    report = actions.run_now(project=members, spec=ExportSpec.parse({"format": "json"}, members), actor=SHELL)
    return report.artifacts.get()


def buttons(client: Client, report: ExportReport) -> set[str]:
    page = page_html(client.get(f"/exports/{report.report_id}/"))
    return {words.rstrip("<") for words in BUTTONS if f">{words}" in page}


def messages(client: Client, report: ExportReport) -> str:
    return page_html(client.get(f"/exports/{report.report_id}/")).split('<div class="ea-columns')[0]


def last() -> AuditEntry:
    return AuditEntry.objects.order_by("-sequence")[0]


def test_each_sees_the_buttons_of_what_they_may_do_and_what_can_work(clients, members: Project, tmp_path: Path):
    done = deliver(members, tmp_path / "d").report
    everybody = {"Prove now", "Compare"}
    runs = {"Run again", "Run again with changes"}
    assert buttons(clients["rita"], done) == everybody
    assert buttons(clients["oscar"], done) == everybody | runs | {"Download", "Share by link"}
    assert buttons(clients["alice"], done) == everybody | runs | {"Download", "Share by link", "Delete the files"}
    failed, running = (make_report(members, status=one) for one in (statuses.FAILED, statuses.RUNNING))
    assert buttons(clients["alice"], failed) == runs
    assert buttons(clients["alice"], running) == {"Cancel the export"}
    assert buttons(clients["rita"], running) == set()
    actions.remove_files(report=done, actor=SHELL, why="a try")
    assert buttons(clients["alice"], done) == runs | {"Compare"}


def test_a_delivery_into_somebodys_folder_has_no_delete_button(clients, members: Project, tmp_path: Path):
    config = {"format": "json", "destination": {"kind": "local", "folder": "/somewhere"}}
    report = deliver(members, tmp_path / "d", config=config, is_ours=False).report
    assert "Delete the files" not in buttons(clients["alice"], report)
    answer = clients["alice"].post(f"/exports/{report.report_id}/delete-files/")
    assert answer.status_code == 302
    assert "a folder that is not ours" in messages(clients["alice"], report)


def test_proving_reads_the_files_again_and_says_so(clients, delivered: Artifact):
    address = f"/exports/{delivered.report.report_id}/prove/"
    said = page_html(clients["rita"].post(address, headers=HTMX))
    assert "2 as delivered" in said and ", as delivered" in said and 'role="status"' in said and "<html" not in said
    assert "Read everything, by rita" in said
    assert (last().event, last().outcome, last().actor_name, last().channel) == (
        "export.verified",
        "done",
        "rita",
        "web",
    )
    assert clients["rita"].post(address, {"how": "attributes"}).status_code == 302
    words = "As delivered: 2 as delivered, 0 bytes read: signed by"
    assert words in messages(clients["rita"], delivered.report)
    page = page_html(clients["rita"].get(f"/exports/{delivered.report.report_id}/"))
    assert "Attributes only, by rita" in page and "Earlier proofs" in page


def test_proving_names_the_file_that_is_not_as_it_was_and_has_the_page_loaded_anew(clients, delivered: Artifact):
    path = delivery_folder(delivered.report) / delivered.name
    content = path.read_bytes()
    path.write_bytes(content.replace(b"car", b"cat", 1))
    (path.parent / "<b>extra").write_bytes(b"x")
    address = f"/exports/{delivered.report.report_id}/prove/"
    answer = clients["alice"].post(address, headers=HTMX)
    said = page_html(answer)
    assert f"{delivered.name} was changed" in said
    assert "&lt;b&gt;extra was added" in said and "<b>extra" not in said
    assert answer.headers["HX-Refresh"] == "true", "its files are no longer offered"
    told = AuditEntry.objects.order_by("-sequence").values_list("event", "outcome")[:2]
    assert list(told) == [("export.altered", "failed"), ("export.verified", "failed")]
    assert "HX-Refresh" not in clients["alice"].post(address, headers=HTMX).headers
    clients["alice"].post(address)
    assert f"{delivered.name} was changed" in messages(clients["alice"], delivered.report)
    path.write_bytes(content)
    (path.parent / "<b>extra").unlink()
    assert clients["alice"].post(address, headers=HTMX).headers["HX-Refresh"] == "true"


def test_a_long_list_of_what_was_found_is_cut_with_words(clients, delivered: Artifact):
    for number in range(12):
        (delivery_folder(delivered.report) / f"extra-{number:02}").write_bytes(b"x")
    said = page_html(clients["alice"].post(f"/exports/{delivered.report.report_id}/prove/", headers=HTMX))
    assert "extra-09 was added" in said and "extra-10" not in said and "and 2 more" in said


def test_a_large_delivery_is_proved_by_a_worker_while_the_page_looks_on(
    clients, delivered: Artifact, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(proofs, "AT_ONCE_BYTES", -1)
    report = delivered.report
    said = page_html(clients["rita"].post(f"/exports/{report.report_id}/prove/", headers=HTMX))
    assert 'hx-trigger="every 2s"' in said and "Queued" in said and "Prove now" not in said
    assert "Cancel the proof" not in said, "a reviewer's page does not offer it"
    fragment = f"/exports/{report.report_id}/proof/"
    answer = clients["oscar"].get(fragment, headers=HTMX)
    assert "Cancel the proof" in page_html(answer) and "HX-Refresh" not in answer.headers
    proof = Proof.objects.get()
    execute("proof", proof.pk)
    answer = clients["oscar"].get(fragment, headers=HTMX)
    assert answer.headers["HX-Refresh"] == "true" and "2 as delivered" in page_html(answer)
    assert clients["oscar"].get(fragment).headers["Location"] == f"/exports/{report.report_id}/"
    cancel = f"/exports/{report.report_id}/proof/{proof.public_id}/cancel/"
    assert clients["oscar"].post(cancel).status_code == 302
    assert "there is nothing to cancel" in messages(clients["oscar"], report)


def test_proving_what_has_no_files_says_why_not(clients, members: Project, tmp_path: Path):
    failed = make_report(members, status=statuses.FAILED)
    said = page_html(clients["alice"].post(f"/exports/{failed.report_id}/prove/", headers=HTMX))
    assert "there is no delivery to verify" in said
    clients["alice"].post(f"/exports/{failed.report_id}/prove/")
    assert "there is no delivery to verify" in messages(clients["alice"], failed)
    assert clients["alice"].post(f"/exports/{failed.report_id}/prove/", {"how": "by eye"}).status_code == 400


def test_cancel_ends_what_waits_and_refuses_what_has_ended(clients, members: Project):
    waiting, failed = make_report(members), make_report(members, status=statuses.FAILED)
    assert clients["rita"].post(f"/exports/{waiting.report_id}/cancel/").status_code == 403
    clients["oscar"].post(f"/exports/{waiting.report_id}/cancel/")
    waiting.refresh_from_db()
    assert waiting.status == statuses.CANCELLED
    assert "Cancelled." in messages(clients["oscar"], waiting)
    assert AuditEntry.objects.filter(event="export.cancel_requested", actor_name="oscar", outcome="done").exists()
    clients["oscar"].post(f"/exports/{failed.report_id}/cancel/")
    assert "there is nothing to cancel" in messages(clients["oscar"], failed)


def test_run_again_leads_to_the_new_export(clients, members: Project):
    failed = make_report(members, status=statuses.FAILED)
    answer = clients["oscar"].post(f"/exports/{failed.report_id}/retry/")
    again = ExportReport.objects.get(retry_of=failed)
    assert answer.headers["Location"] == f"/exports/{again.report_id}/"
    assert AuditEntry.objects.filter(event="export.retried", object_id=failed.report_id).exists()
    running = make_report(members, status=statuses.RUNNING)
    clients["oscar"].post(f"/exports/{running.report_id}/retry/")
    assert "cancel it first" in messages(clients["oscar"], running)
    assert clients["rita"].post(f"/exports/{failed.report_id}/retry/").status_code == 403


def test_deleted_files_leave_the_report_with_its_check_values_and_the_reason(clients, delivered: Artifact):
    report = delivered.report
    address = f"/exports/{report.report_id}/delete-files/"
    assert clients["oscar"].post(address).status_code == 403
    clients["alice"].post(address, {"why": " asked by  <b>legal</b> "})
    assert not delivery_folder(report).exists()
    page = page_html(clients["rita"].get(f"/exports/{report.report_id}/"))
    assert "The files were removed on" in page and "Reason: asked by &lt;b&gt;legal&lt;/b&gt;." in page
    assert "Every sum adds up." in page and delivered.sha256 in page
    assert ">Download<" not in page and "/preview/" not in page
    entry = AuditEntry.objects.get(event="export.deleted", outcome="done")
    assert (entry.actor_name, entry.details["why"]) == ("alice", "asked by <b>legal</b>")
    assert sentence(entry).startswith(f"alice deleted the delivered files of export {report.name}")
    clients["alice"].post(address)
    assert "has no files to remove" in messages(clients["alice"], report)


def test_a_reason_that_no_database_holds_is_refused_in_words(clients, members: Project, tmp_path: Path):
    report = deliver(members, tmp_path / "d").report
    clients["alice"].post(f"/exports/{report.report_id}/delete-files/", {"why": "a\x00b"})
    assert "why holds U+0000" in messages(clients["alice"], report)
    report.refresh_from_db()
    assert report.files_removed_at is None


@pytest.mark.parametrize("verb", ["prove", "cancel", "retry", "delete-files"])
def test_a_button_is_no_link(clients, members: Project, tmp_path: Path, verb: str):
    report = deliver(members, tmp_path / "d").report
    assert clients["alice"].get(f"/exports/{report.report_id}/{verb}/").status_code == 405
    assert Client(enforce_csrf_checks=True).post(f"/exports/{report.report_id}/{verb}/").status_code in (302, 403)


def test_what_was_run_again_leads_to_what_came_of_it_and_back(project: Project, visitor: Client):
    failed = make_report(project, name="Nightly", status="failed")
    again = make_report(project, name="Nightly", status="completed", retry_of=failed)
    page = page_html(visitor.get(f"/exports/{failed.report_id}/"))
    assert f'<dt>Run again as</dt><dd><a href="/exports/{again.report_id}/">Nightly</a>' in page
    page = page_html(visitor.get(f"/exports/{again.report_id}/"))
    assert f'<dt>Run again from</dt><dd><a href="/exports/{failed.report_id}/">Nightly</a>' in page
    assert "Run again as" not in page
