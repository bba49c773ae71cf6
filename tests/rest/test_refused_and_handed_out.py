"""What no address alone tells: things named in a query or a body, forms from elsewhere, keys, and how often a look is
told of."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings
from django.utils import timezone

from connections.access.models import Membership
from exportadmin.audit.models import DONE, FAILED, REFUSED, AuditEntry
from exportadmin.audit.sentences import sentence
from exportadmin.lib import counts
from exports import actions
from exports.models import ExportReport
from exports.results.actions import read_report_rows
from tests.rest.world import FOREIGN, OWN, SHELL, Place, World, whole

pytestmark = pytest.mark.django_db
ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


def since(before: int) -> list[AuditEntry]:
    """Without those of the people of a test coming in."""
    lines = AuditEntry.objects.filter(sequence__gt=before).order_by("sequence")
    return list(lines.exclude(event__in=("sign_in.completed", "token.issued")))


def now() -> int:
    return AuditEntry.objects.values_list("sequence", flat=True).first() or 0


def told(before: int) -> list[tuple[str, str, str, str]]:
    return [(line.event, line.outcome, line.actor_name, line.project_name) for line in since(before)]


# --- things that the one who asks may not know of --------------------------------------------------------------------

FOREIGN_NAMES: dict[str, tuple[str, str, Any]] = {
    "compared with it": ("GET", "/exports/{own}/compare/?with={report}", None),
    "the list of it, as a page": ("GET", "/exports/?project={project}", None),
    "the list of it, as a file": ("GET", "/exports/list.csv?project={project}", None),
    "a new export of it": ("GET", "/exports/new/?project={project}", None),
    "a new export as it": ("GET", "/exports/new/?from={report}", None),
    "a new export by its config": ("GET", "/exports/new/?config={config}", None),
    "an import into it": ("GET", "/imports/new/?project={project}", None),
    "links into it": ("GET", "/links/?project={project}", None),
    "reports of it": ("GET", "/api/v1/reports/?project={project}", None),
    "its state": ("GET", "/api/v1/reports/status/?ids={own},{report}", None),
    "its line in a list": ("GET", "/exports/active/?ids={own},{report}", None),
    "links to it": ("GET", "/api/v1/links/?report={report}", None),
    "imports into it": ("GET", "/api/v1/imports/?project={project}", None),
    "a report by its config": ("POST", "/api/v1/reports/", {"project": "{home}", "config_id": "{config}"}),
    "a plan of it": ("POST", "/api/v1/reports/plan/", {"project": "{project}", "format": "csv"}),
    "a key for it": ("POST", "/api/v1/tokens/", {"name": "x", "scopes": ["admin"], "project": "{project}"}),
}


def filled(text: str, world: World) -> str:
    own, foreign = world.own, world.foreign
    names = {"own": own.table.report_id, "home": own.project.public_id, "report": foreign.table.report_id}
    return text.format(**names, project=foreign.project.public_id, config=foreign.config.public_id)


@pytest.mark.parametrize("what", FOREIGN_NAMES)
def test_who_names_what_they_may_not_know_of_leaves_one_line_that_names_it(what: str, world: World):
    method, path, body = FOREIGN_NAMES[what]
    sent = {key: filled(text, world) if isinstance(text, str) else text for key, text in (body or {}).items()}
    browser, before = world.browser("alice"), now()
    to = filled(path, world)
    answer = browser.get(to) if method == "GET" else browser.post(to, sent, "application/json")
    assert answer.status_code in (404, 200)
    assert FOREIGN.encode() not in whole(answer)
    ((_, outcome, who, project),) = told(before)
    assert (outcome, who, project) == (REFUSED, "alice", FOREIGN)


def test_the_dialect_tells_of_foreign_ids_too(world: World):
    client = world.dialect_client("alice")
    project, before = world.own.project.public_id, now()
    ids = [world.own.done.report_id, world.foreign.done.report_id, "nosuch"]
    address = f"/dialects/labellerr/exports/status?project_id={project}&client_id=1&uuid=u"
    assert client.post(address, {"report_ids": ids}, "application/json").status_code == 200
    (line,) = since(before)
    assert (line.event, line.outcome, line.channel, line.project_name) == (
        "request.refused",
        REFUSED,
        "dialect:labellerr",
        FOREIGN,
    )
    assert line.details["reports"] == [world.foreign.done.report_id]


def test_whoever_keeps_asking_for_the_same_foreign_ids_leaves_one_line(world: World):
    script, before = world.script("alice"), now()
    for _ in range(5):
        script.get("reports/status/", {"ids": world.foreign.done.report_id})
    script.get("reports/status/", {"ids": f"{world.foreign.done.report_id},{world.foreign.table.report_id}"})
    assert len(told(before)) == 2


def test_ids_that_there_are_not_are_no_line(world: World):
    before = now()
    assert world.script("alice").get("reports/status/", {"ids": "nosuch,neither"}).status_code == 200
    assert world.browser("alice").get("/exports/active/?ids=nosuch").status_code == 200
    assert told(before) == []


def test_a_page_that_is_still_open_when_its_role_has_ended_leaves_one_line_for_each_part(world: World):
    browser = world.browser("oscar")
    Membership.objects.filter(user=world.people["oscar"]).delete()
    before = now()
    for report in (world.own.waiting, world.own.failed):
        for _ in range(4):
            path = f"/exports/{report.report_id}/progress/"
            assert browser.get(path, headers={"HX-Request": "true"}).status_code == 404
    assert told(before) == [("request.refused", REFUSED, "oscar", OWN)] * 2
    for _ in range(2):
        browser.get(f"/exports/{world.own.done.report_id}/")
    assert len(told(before)) == 4, "who asks for a page is refused each time"


# --- forms from elsewhere, keys that open nothing, Django's admin ----------------------------------------------------


@pytest.mark.parametrize("path", ["/exports/new/plan/", "/account/profile/", "/sign-out/", "/api/v1/reports/"])
def test_a_form_without_its_token_is_a_line_with_the_persons_name(path: str, world: World):
    browser, before = world.browser("oscar", enforce_csrf_checks=True), now()
    answer = browser.post(path, {}, **({"content_type": "application/json"} if "/api/" in path else {}))
    assert answer.status_code == 403
    ((event, outcome, who, _),) = told(before)
    assert (event, outcome, who) == ("request.refused", REFUSED, "oscar")
    assert "CSRF" in since(before)[0].reason


def test_a_strangers_form_is_a_line_too(world: World):
    before = now()
    assert Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "alice"}).status_code == 403
    assert [line[:3] for line in told(before)] == [("request.refused", REFUSED, "anonymous")]


@override_settings(METRICS_TOKEN="m" * 40)
def test_the_metrics_tell_of_wrong_keys_and_of_those_who_have_none(world: World):
    before = now()
    assert Client(**ELSEWHERE).get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404
    assert Client(**ELSEWHERE).get("/metrics").status_code == 404
    assert world.browser("alice", **ELSEWHERE).get("/metrics").status_code == 404
    assert [(line.event, line.actor_name, line.channel) for line in since(before)] == [
        ("token.refused", "anonymous", "metrics"),
        ("request.refused", "anonymous", "web"),
        ("request.refused", "alice", "web"),
    ]
    right = {"Authorization": "Bearer " + settings.METRICS_TOKEN}
    assert Client(**ELSEWHERE).get("/metrics", headers=right).status_code == 200
    assert len(told(before)) == 3


def test_djangos_admin_is_refused_once_and_asks_for_no_other_password(world: World):
    browser, before = world.browser("alice"), now()
    assert browser.get("/admin/").status_code == 403
    assert told(before) == [("request.refused", REFUSED, "alice", "")]
    for path in ("/admin/login/", "/admin/login/?next=/admin/login/"):
        assert Client().get(path).headers["Location"] == "/sign-in/?next=/admin/"
    assert Client().get("/admin/login/?next=/admin/auth/").headers["Location"] == "/sign-in/?next=/admin/auth/"


# --- how often a look is told of -------------------------------------------------------------------------------------


def plan(world: World, client: Client, **more: str) -> Any:
    return client.post("/exports/new/plan/", {"project": world.own.project.public_id, "format": "csv", **more})


def test_the_plan_beside_the_form_is_a_line_for_each_selection(world: World):
    browser, before = world.browser("oscar"), now()
    for name in ("W", "We", "Wee"):
        assert "The first rows" in plan(world, browser, name=name).content.decode()
    assert told(before) == [("export.planned", DONE, "oscar", OWN)]
    (line,) = since(before)
    assert line.details == {"format": "csv", "rows_shown": 3, "selects": "every row"}
    assert sentence(line) == f"oscar planned an export of project {OWN}, and was shown 3 of its rows"
    plan(world, browser, statuses="accepted")
    plan(world, world.browser("alice"))
    assert [line[2] for line in told(before)] == ["oscar", "oscar", "alice"]


def test_rows_of_a_plan_are_readings_in_answers_and_a_plan_alone_is_none(world: World):
    world.script("oscar").post("reports/plan/", {"project": world.own.project.public_id, "format": "csv"})
    question = f"/audit/questions/who-exported/?project={world.own.project.public_id}"
    before = world.browser("sue").get(question).content.decode()
    assert "no readings of rows" in before
    plan(world, world.browser("oscar"))
    assert "1 reading of rows by 1 person" in world.browser("sue").get(question).content.decode()


def test_a_plan_without_rows_tells_of_none(world: World):
    browser, before = world.browser("oscar"), now()
    plan(world, browser, global_keys="nosuch")
    assert told(before) == []


def test_rests_plan_is_a_line_each_and_shows_no_rows(world: World):
    script, before = world.script("oscar"), now()
    for _ in range(2):
        script.post("reports/plan/", {"project": world.own.project.public_id, "format": "csv"})
    assert [line.details for line in since(before)] == [{"format": "csv"}] * 2


def test_reading_the_trail_is_a_line_for_each_filter(world: World):
    browser, before = world.browser("rita"), now()
    for path in ("/audit/", "/audit/", "/audit/?event=export", "/audit/?event=export&older_than=9"):
        assert browser.get(path).status_code == 200
    assert [line.details for line in since(before)] == [
        {"what": "entries", "asked": {}},
        {"what": "entries", "asked": {"event": "export"}},
    ]
    number = AuditEntry.objects.filter(project_id=world.own.project.public_id).first()
    assert number is not None
    for _ in range(2):
        browser.get(f"/audit/{number.sequence}/")
        browser.get("/audit/questions/outside-hours/")
        browser.get("/audit/questions/")
    assert [line.details["what"] for line in since(before)[2:]] == ["single entries", "question outside-hours"]
    assert sentence(since(before)[2]) == "rita read the audit trail: single entries"
    script = world.script("rita")
    for _ in range(2):
        assert script.get("audit/", {"event": "export"}).status_code == 200
    assert [(line.actor_kind, line.channel) for line in since(before)[4:]] == [("token", "rest")]


def test_after_some_minutes_a_look_is_told_of_again(world: World, monkeypatch: pytest.MonkeyPatch):
    browser, before = world.browser("rita"), now()
    browser.get("/audit/")
    later = {vendor: f"({expression} + 601)" for vendor, expression in counts.NOW.items()}
    monkeypatch.setattr(counts, "NOW", later)
    browser.get("/audit/")
    assert len(told(before)) == 2


def test_a_look_that_cannot_be_recorded_is_none_and_the_next_one_is_told_of(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no trail")

    browser = world.browser("rita", raise_request_exception=False)
    before = now()
    with monkeypatch.context() as patched:
        patched.setattr("exportadmin.audit.once.record", broken)
        assert browser.get("/audit/").status_code == 500
    assert browser.get("/audit/").status_code == 200
    assert [line[0] for line in told(before)] == ["audit.read"]


@pytest.fixture
def pictures(world: World, tmp_path: Any) -> Any:
    for place in (world.own, world.foreign):
        (tmp_path / place.project.public_id).mkdir()
        for name in "ab":
            (tmp_path / place.project.public_id / f"{name}.png").write_bytes(b"\x89PNG")
    with override_settings(MEDIA_DIR=tmp_path):
        yield


def test_pictures_are_a_line_for_each_look_at_a_project_also_a_refused_one(world: World, pictures: None):
    browser, before = world.browser("oscar"), now()

    def look(place: Place) -> list[int]:
        return [browser.get(f"/media/{place.project.public_id}/{name}.png").status_code for name in "abab"]

    assert look(world.own) == [200] * 4
    assert look(world.foreign) == [404] * 4
    assert told(before) == [
        ("project.pictures_seen", DONE, "oscar", OWN),
        ("project.pictures_seen", REFUSED, "oscar", FOREIGN),
    ]
    assert browser.get(f"/media/{world.own.project.public_id}/nosuch.png").status_code == 404
    assert browser.get("/media/nosuch/a.png").status_code == 404
    assert len(told(before)) == 2


def test_rows_tell_how_they_ended_and_how_much_was_sent(world: World):
    script, before = world.script("oscar"), now()
    path = f"reports/{world.own.done.report_id}/rows/"
    body = whole(script.get(path, {"limit": 3}))
    began, ended = since(before)
    assert (began.event, ended.event) == ("artifact.rows_read", "artifact.rows_read_ended")
    sent = [ended.details[name] for name in ("ending", "rows_sent", "bytes_sent")]
    assert sent == ["complete", 3, len(body)]
    rows = read_report_rows(report=world.own.done, actor=SHELL)
    assert rows is not None
    next(rows)
    rows.close()
    ended = since(before)[-1]
    assert (ended.event, ended.details["ending"], ended.object_id) == (
        "artifact.rows_read_ended",
        "broken off",
        world.own.artifact.public_id,
    )
    assert ended.details["bytes_sent"] < world.own.artifact.bytes
    assert "ended reading rows" in sentence(ended) and "broken off" in sentence(ended)


def test_the_list_as_a_file_says_how_many_and_which(world: World):
    browser, before = world.browser("oscar"), now()
    whole(browser.get("/exports/list.csv?format=ndjson"))
    (line,) = since(before)
    assert line.details == {"exports": 1, "asked": {"format": "ndjson"}}
    assert sentence(line) == "oscar took the list of exports as a file, 1 of them"


# --- none that says what did not happen ------------------------------------------------------------------------------


def test_to_compare_what_has_no_rows_tells_of_no_rows(world: World):
    table = world.own.table
    again = actions.run_now(project=world.own.project, spec=spec_of(table), actor=SHELL, name="again")
    browser, before = world.browser("oscar"), now()
    for path in (f"/exports/{table.report_id}/compare/", f"/exports/{table.report_id}/compare/?with={again.report_id}"):
        assert browser.get(path).status_code == 200
    mixed = f"/exports/{world.own.done.report_id}/compare/?with={table.report_id}"
    assert browser.get(mixed).status_code == 200
    assert told(before) == []


def spec_of(report: ExportReport) -> Any:
    from exports.spec.spec import ExportSpec

    return ExportSpec.from_json(report.config, report.project)


def test_to_cancel_what_has_ended_is_no_line(world: World):
    browser, before = world.browser("oscar"), now()
    ended = [world.own.done.report_id, world.own.table.report_id, world.own.failed.report_id]
    assert browser.post("/exports/selected/", {"do": "cancel", "reports": ",".join(ended)}).status_code == 302
    assert world.script("oscar").post(f"reports/{ended[0]}/cancel/").status_code == 409
    assert told(before) == []


def test_what_the_state_of_things_forbids_failed_and_was_not_refused(world: World):
    ExportReport.objects.filter(pk=world.own.done.pk).update(files_removed_at=timezone.now(), files_removed_why="old")
    browser, before = world.browser("alice"), now()
    browser.post(f"/exports/{world.own.done.report_id}/delete-files/")
    world.browser("oscar").post(f"/exports/{world.own.done.report_id}/delete-files/")
    assert told(before) == [("export.deleted", FAILED, "alice", OWN), ("export.deleted", REFUSED, "oscar", OWN)]


def test_a_completed_export_is_run_again_and_a_failed_one_retried(world: World):
    script, before = world.script("oscar"), now()
    for report in (world.own.done, world.own.failed):
        assert script.post(f"reports/{report.report_id}/retry/").status_code == 202
    said = [sentence(line) for line in since(before) if line.event in ("export.run_again", "export.retried")]
    assert said == [
        f"token script of oscar ran export {world.own.done.name} of project {OWN} again",
        f"token script of oscar retried export {world.own.failed.name} of project {OWN}",
    ]


def test_deleted_files_are_not_told_as_a_deleted_export(world: World):
    before = now()
    world.browser("alice").post(f"/exports/{world.own.table.report_id}/delete-files/")
    assert sentence(since(before)[-1]) == (
        f"alice deleted the delivered files of export {world.own.table.name} of project {OWN}"
    )


def test_what_is_revoked_already_is_revoked_once(world: World):
    key, _ = world.token("oscar")
    browser, before = world.browser("oscar"), now()
    for _ in range(2):
        assert browser.post(f"/links/{world.own.link.public_id}/revoke/").status_code == 302
        assert browser.post(f"/account/tokens/{key.public_id}/revoke/").status_code == 302
    assert [line[0] for line in told(before)] == ["link.revoked", "token.revoked"]
