"""The eleven questions, each asked of a trail that alice, oscar, rita and mallory made through the doors."""

from __future__ import annotations

import csv
import datetime as dt
import html
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from connections.access.preferences import set_preference
from connections.connection_actions import create_connection, grant_connection, rotate_secret
from connections.connection_actions import test_connection as have_tested
from connections.models import Connection, Project
from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from exportadmin.audit import queries
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.questions import in_order
from exportadmin.audit.record import record
from exportadmin.lib import times
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exports import actions
from exports.models import Artifact, DeliveredRows, ExportReport
from exports.results import search
from exports.spec.spec import ExportSpec
from tests.connections.toy import registered
from tests.support import cast
from tests.support.emptying import empty_database
from tests.support.rows import mixed, row

OWN, FOREIGN, VAULT = "Street scenes", "Secret harbour", "East vault"


@dataclass
class Told:
    """An answer as it stands on the page."""

    status: int
    summary: str
    notes: str
    lines: list[list[str]]

    @property
    def sentences(self) -> list[str]:
        return [line[1] for line in self.lines]


def ask(client: Client, slug: str, **query: str) -> Told:
    response = client.get(f"/audit/questions/{slug}/", query)
    page = response.content.decode()

    def words(text: str) -> str:
        return html.unescape(" ".join(re.sub(r"<[^>]*>", "", text).split()))

    def inside(text: str, mark: str, end: str) -> str:
        return words(text.split(mark)[1].split(end)[0]) if mark in text else ""

    body = page.split("<tbody>")[1].split("</tbody>")[0] if "<tbody>" in page else ""
    cells = [[words(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)] for row in body.split("<tr>")[1:]]
    return Told(
        response.status_code,
        inside(page, 'class="ea-answer">', "</p>"),
        inside(page, 'ea-notes ea-quiet">', "</ul>"),
        cells,
    )


@dataclass
class Story:
    """Who did what; ``clients`` are signed-in browsers by name."""

    own: Project
    foreign: Project
    clients: dict[str, Client]
    nightly: ExportReport
    key: str

    def person(self, name: str) -> Client:
        return self.clients[name]


@pytest.fixture(scope="module")
def story(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("artifacts")
    with override_settings(ARTIFACTS_DIR=folder), django_db_blocker.unblock():
        try:
            yield _live_through_it()
        finally:
            empty_database()


@pytest.fixture(autouse=True)
def _nothing_stays(db: None) -> None:
    """What a test adds to the story is undone."""


def _live_through_it() -> Story:
    people = {"alice": cast.alice(), "oscar": cast.oscar(), "rita": cast.rita(), "mallory": cast.mallory()}
    store = Connection.objects.create(name="Built-in store", kind="store")
    own = Project.objects.create(connection=store, name=OWN, time_zone="Europe/Warsaw")
    foreign = Project.objects.create(connection=store, name=FOREIGN)
    clients = {name: _browser(user) for name, user in people.items()}
    for project in (own, foreign):
        write_rows(project, mixed(12), now_ms=1_000)
    _give(clients["alice"], own, "oscar", "operator")
    _give(clients["alice"], own, "rita", "operator")
    _give(clients["alice"], own, "rita", "reviewer")
    nightly = _export(own, people["oscar"], "Nightly", {"format": "ndjson"})
    _export(own, people["oscar"], "Accepted", {"format": "csv", "statuses": ["accepted"]})
    _export(own, people["alice"], "Coco", {"format": "coco_json", "filter": {"with_annotations": True}})
    removed = _export(own, people["alice"], "Old", {"format": "json", "filter": {"global_keys": ["row-00001"]}})
    actions.remove_files(report=removed, actor=_actor(people["alice"]), why="too old")
    _export(foreign, people["alice"], "Hidden", {"format": "json"})
    artifact = nightly.artifacts.get()
    page = f"/exports/{nightly.report_id}/files/{artifact.name}/"
    assert b"".join(clients["oscar"].get(page))
    assert clients["rita"].get(page).status_code == 403
    assert clients["mallory"].get(f"/exports/{nightly.report_id}/").status_code == 404
    key = (
        clients["oscar"]
        .post(
            "/api/v1/tokens/", {"name": "ci", "scopes": ["exports:read"], "project": own.public_id}, "application/json"
        )
        .json()["key"]
    )
    script = Client(headers={"Authorization": f"Bearer {key}"})
    assert b"".join(script.get(f"/api/v1/artifacts/{artifact.public_id}/download/"))
    _links(clients["oscar"], artifact.public_id)
    config = _post(clients["oscar"], "configs/", {"project": own.public_id, "format": "csv", "name": "Weekly"})
    changed = {"project": own.public_id, "format": "csv", "name": "Weekly", "statuses": ["accepted"]}
    clients["oscar"].put(f"/api/v1/configs/{config['config_id']}/", changed, "application/json")
    with registered():
        _vault(_actor(people["alice"]), own, foreign)
    for _ in range(django_settings.AXES_FAILURE_LIMIT):
        Client(REMOTE_ADDR="203.0.113.5").post("/sign-in/", {"username": "alice", "password": "guess"})
    return Story(own, foreign, clients, nightly, key)


def _vault(actor: Actor, own: Project, foreign: Project) -> None:
    """Made, tested, granted to both, its secret set anew."""
    made = create_connection(
        kind="vault", name=VAULT, config={"room": "EAST"}, secrets={"phrase": "sesame"}, actor=actor
    )
    assert len(list(have_tested(connection=made, actor=actor))) == 3
    for project in (own, foreign):
        grant_connection(connection=made, project=project, actor=actor)
    rotate_secret(connection=made, secrets={"phrase": "other"}, actor=actor)


def _browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _actor(user: User) -> Actor:
    return Actor("user", user.username, "web", user_id=user.pk)


def _give(client: Client, project: Project, name: str, role: str) -> None:
    address = f"/api/v1/projects/{project.public_id}/members/{name}/"
    assert client.put(address, {"role": role}, "application/json").status_code == 200


def _post(client: Client, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(f"/api/v1/{path}", body, "application/json")
    assert answer.status_code in (200, 201), answer.content
    return answer.json()


def _export(project: Project, user: User, name: str, body: dict[str, Any]) -> ExportReport:
    report = actions.run_now(project=project, spec=ExportSpec.parse(body, project), actor=_actor(user), name=name)
    assert report.status == statuses.COMPLETED, report.error
    return report


def _links(client: Client, artifact: str) -> None:
    """One used twice, one revoked and tried, one for one person only, tried by nobody."""
    used, revoked, _ = (
        _post(client, f"artifacts/{artifact}/links/", body) for body in ({}, {"one_time": True}, {"for_user": "rita"})
    )
    visitor = Client(REMOTE_ADDR="198.51.100.4")
    for _ in range(2):
        assert b"".join(visitor.get(_path(used) + "file"))
    client.post(f"/api/v1/links/{revoked['link_id']}/revoke/")
    assert visitor.get(_path(revoked) + "file").status_code == 410


def _path(link: dict[str, Any]) -> str:
    return re.sub(r"https?://[^/]+", "", link["url"])


# --- all of them ---------------------------------------------------------------------------------------------------


def test_there_are_eleven_each_with_an_address_of_its_own(story: Story):
    assert [question.place for question in in_order()] == list(range(1, 12))
    page = story.person("rita").get("/audit/questions/").content.decode()
    for question in in_order():
        assert f'<a href="/audit/questions/{question.slug}/">{html.escape(question.title)}</a>' in page
        assert ask(story.person("rita"), question.slug).status == 200
    assert story.person("rita").get("/audit/questions/no-such/").status_code == 404


@pytest.mark.parametrize("slug", ["who-exported", "row", "sign-ins"])
def test_an_operator_and_a_stranger_get_no_answers(story: Story, slug: str):
    for name in ("oscar", "mallory"):
        assert story.person(name).get(f"/audit/questions/{slug}/?row=row-00001").status_code == 403
        assert story.person(name).get("/audit/questions/").status_code == 403


def test_a_reviewer_s_answers_hold_nothing_of_another_project(story: Story):
    needed = {"row": "row-00001", "person": "alice", "connection": VAULT}
    for question in in_order():
        asked = {name: needed[name] for name in question.needed}
        page = story.person("rita").get(f"/audit/questions/{question.slug}/", asked).content.decode()
        assert FOREIGN not in page and "Hidden" not in page, question.slug
        taken = b"".join(story.person("rita").get(f"/audit/questions/{question.slug}/", {**asked, "as": "csv"}))
        assert FOREIGN.encode() not in taken, question.slug


def test_every_answer_can_be_taken_as_csv_with_its_own_columns_and_that_is_recorded(story: Story):
    needed = {"row": "row-00001", "person": "oscar", "connection": VAULT}
    for question in in_order():
        asked = {name: needed[name] for name in question.needed}
        shown = ask(story.person("alice"), question.slug, **asked)
        body = b"".join(story.person("alice").get(f"/audit/questions/{question.slug}/", {**asked, "as": "csv"}))
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))
        assert len(rows) == len(shown.lines) + 1, question.slug
        extra = len(rows[0]) - rows[0].index("hash") - 1
        for cells, line in zip(rows[1:], shown.lines, strict=True):
            assert [cell.lstrip("'") for cell in cells[len(cells) - extra :]] == line[2 : 2 + extra], question.slug
        last = AuditEntry.objects.order_by("-sequence").first()
        assert last is not None and last.details == {"as": "csv", "asked": {**asked, "question": question.slug}}


def test_wrong_values_stand_beside_their_field_and_unknown_parameters_are_refused(story: Story):
    alice = story.person("alice")
    for slug, query, words in (
        ("who-exported", "after=yesterday", "is not a time"),
        ("outside-hours", "zone=Mars", "unknown time zone"),
        ("outside-hours", "from=25:00", "is not a time of day"),
        ("outside-hours", "from=18:00&until=08:00", "before they begin"),
        ("outside-hours", "days=never", "unknown days"),
        ("filters", "status=nice", "nice"),
        ("filters", "filter=odd", "unknown filter"),
    ):
        response = alice.get(f"/audit/questions/{slug}/?{query}")
        assert response.status_code == 400, query
        assert words in response.content.decode().split('ea-field-wrong"')[1].split("</p>")[0], query
    for query in ("actor=alice", "page=2", "project=a&project=b", "older_than=x", "as=xml"):
        assert alice.get(f"/audit/questions/who-exported/?{query}").status_code == 400, query
    assert alice.get("/audit/questions/row/?as=csv").status_code == 400


@pytest.mark.parametrize(
    "slug", ["who-exported", "outside-hours", "row", "changes", "links", "access", "filters", "connection"]
)
def test_an_answer_asks_the_same_few_queries_however_long_it_is(story: Story, slug: str):
    counts = []
    asked = {"row": {"row": "row-00001"}, "connection": {"connection": VAULT}}.get(slug, {})
    ask(story.person("alice"), slug, **asked)  # the first look in some minutes is recorded
    for _ in range(2):
        with CaptureQueriesContext(connection) as seen:
            assert ask(story.person("alice"), slug, **asked).status == 200
        # with SQLite, counts of requests are in a file of their own
        counts.append(len([query for query in seen if "hitcount" not in query["sql"]]))
        with transaction.atomic():
            for entry in AuditEntry.objects.exclude(event__startswith="audit.")[:60]:
                record(
                    entry.event,
                    actor=Actor(entry.actor_kind, entry.actor_name, entry.channel, user_id=entry.actor_user_id),
                    project=(entry.project_id, entry.project_name),
                    obj=(entry.object_kind, entry.object_id, entry.object_name),
                    outcome=entry.outcome,
                    before=entry.before,
                    after=entry.after,
                    details=entry.details,
                )
    assert counts[0] == counts[1] <= 16


# --- one by one ----------------------------------------------------------------------------------------------------


def test_1_who_exported_and_who_took_the_files(story: Story):
    told = ask(story.person("rita"), "who-exported", project=OWN)
    assert told.summary.startswith(
        f"4 exports of project {OWN} by 2 people, 4 downloads by 1 person (2 without sign-in) and no readings of rows "
    ), told.summary
    assert sum("requested export" in said for said in told.sentences) == 4
    assert sum("began to download" in said for said in told.sentences) == 4
    assert any(said.startswith("token ci of oscar began") for said in told.sentences)
    nothing = ask(story.person("rita"), "who-exported", project=FOREIGN)
    assert nothing.lines == []
    assert nothing.summary.endswith("exported or taken away in that time, as far as you may read the trail.")
    assert ask(story.person("alice"), "who-exported", project=FOREIGN).summary.startswith("1 export of project")
    assert ask(story.person("rita"), "who-exported", before="2020-01-01").lines == []


def test_3_which_exports_contain_a_row(story: Story):
    told = ask(story.person("rita"), "row", row="row-00001")
    assert told.summary.startswith("4 exports contain the row row-00001; of them 4 downloads by 1 person (2 without ")
    exports = {said.split("export ")[1].split(" of project")[0] for said in told.sentences if "requested" in said}
    assert exports == {"Nightly", "Accepted", "Coco", "Old"}
    assert {line[2] for line in told.lines} == {"kept when it was made, by its global key"}
    assert sum("began to download" in said for said in told.sentences) == 4
    row_id = StoreRow.objects.get(project=story.own, global_key="row-00001").row_id
    by_id = ask(story.person("rita"), "row", row=row_id)
    assert by_id.summary.startswith(f"4 exports contain the row {row_id}; of them 4 downloads")
    waiting = ask(story.person("rita"), "row")
    assert (waiting.status, waiting.summary, waiting.lines) == (200, "", [])


def test_3_downloads_of_a_coco_file_are_downloads_of_its_rows(story: Story):
    coco = ExportReport.objects.get(name="Coco")
    assert b"".join(story.person("oscar").get(f"/exports/{coco.report_id}/files/{coco.artifacts.get().name}/"))
    told = ask(story.person("rita"), "row", row="row-00003")
    assert told.summary.startswith("2 exports contain the row row-00003; of them 5 downloads by 1 person (2 without")
    late = ask(story.person("rita"), "row", row="row-00003", after="2100-01-01")
    assert late.summary.endswith("of them in that time no downloads and no readings of rows.")


def test_3_what_is_not_known_stands_in_the_same_sentence(story: Story):
    rita, alice = story.person("rita"), story.person("alice")
    none = "No row is, or was, called row-0000"
    assert ask(rita, "row", row="row-0000").summary == f"{none}, as far as you may read the trail."
    assert ask(alice, "row", row="row-0000").summary == f"{none}."
    write_rows(story.own, [row("row-new")], now_ms=2_000)
    nowhere = "No export was found to contain the row row-new"
    assert ask(rita, "row", row="row-new").summary == f"{nowhere}."
    DeliveredRows.objects.filter(report__name__in=["Nightly", "Coco"]).delete()
    unsearched = "; 2 exports were not searched, since nobody kept which rows are in there."
    told = ask(rita, "row", row="row-new")
    assert told.summary == f"{nowhere}{unsearched}"
    assert "Not searched, so it may be in there: Coco, Nightly." in told.notes
    assert ask(rita, "row", row="row-00001").summary.endswith(f"no readings of rows{unsearched}")
    assert "2 rows are, or were, called so" in ask(alice, "row", row="row-00001").notes


def test_3_an_answer_ends_with_the_newest_of_very_many_exports_and_says_so(story: Story, monkeypatch):
    monkeypatch.setattr(search, "MOST_EXPORTS", 2)
    told = ask(story.person("rita"), "row", row="row-00001")
    assert told.summary.startswith("4 exports contain") and "newest 2 of these exports" in told.notes


def test_4_what_was_changed_and_how(story: Story):
    told = ask(story.person("rita"), "changes", object="Weekly")
    assert told.summary.startswith("2 changes of Weekly by 1 person")
    assert [line[2] for line in told.lines] == ["statuses", "made"]


def test_5_which_requests_were_refused(story: Story):
    told = ask(story.person("rita"), "refused")
    assert told.summary.startswith("3 requests by 2 people (1 without sign-in) were refused")
    assert told.summary.endswith(
        "Not in this answer, since superusers alone see it: what was refused outside projects."
    )
    assert any("rita" in said and "may not download" in said for said in told.sentences)
    assert any("mallory" in said for said in told.sentences)
    assert any("A link to" in said and "revoked" in said for said in told.sentences)
    assert not any("sign-in" in said for said in told.sentences)
    assert len(ask(story.person("rita"), "refused", person="mallory").lines) == 1


def test_6_what_a_person_did(story: Story):
    told = ask(story.person("alice"), "person", person="oscar")
    assert ", among them 2 exports, 2 downloads, no readings of rows and no refused tries." in told.summary
    assert all(said.startswith(("oscar ", "token ci of oscar ")) for said in told.sentences)
    hers = ask(story.person("rita"), "person", person="nobody").summary
    assert hers.startswith("Nothing is recorded of nobody in that time, as far as you may read the trail. Not in this")
    assert (
        "Nothing is recorded of nobody in that time." in ask(story.person("alice"), "person", person="nobody").summary
    )
    page = story.person("alice").get("/audit/questions/person/").content.decode()
    assert '<option value="oscar">' in page


def test_7_what_became_of_the_links(story: Story):
    told = ask(story.person("rita"), "links")
    assert told.summary.startswith("3 links to 1 file by 1 person")
    personal, revoked, used = told.lines
    assert (personal[2], used[2], revoked[2]) == ("rita", "whoever has it", "whoever has it, once")
    assert used[3].startswith("used 2 times, ends ")
    assert revoked[3] == "never used, revoked, refused 1 time (revoked)"
    assert personal[3].startswith("never used, ends ")


def test_7_a_link_that_ran_out_says_so(story: Story, monkeypatch):
    later = times.now_ms() + 3 * 3_600_000
    monkeypatch.setattr(times, "now_ms", lambda: later)
    assert all("expired" in line[3] or "revoked" in line[3] for line in ask(story.person("rita"), "links").lines)


def test_8_who_was_given_access(story: Story):
    told = ask(story.person("rita"), "access")
    assert told.summary.startswith("3 changes of roles, 1 change of a token by 2 people")
    given = {line[1].split(" in project")[0]: line[2] for line in told.lines}
    assert given["alice gave oscar the role operator"] == "operator"
    assert given["alice changed the role of rita"] == "operator → reviewer"
    assert given["oscar issued token ci"].startswith("exports:read to oscar")
    assert len(ask(story.person("rita"), "access", person="rita").lines) == 2
    assert any("token ci" in said for said in ask(story.person("rita"), "access", person="oscar").sentences)


def test_9_under_which_filter_data_was_exported(story: Story):
    told = ask(story.person("rita"), "filters")
    assert told.summary.startswith("4 exports by 2 people") and told.summary.endswith("; 1 of them under no filter.")
    words = {line[1].split("export ")[1].split(" of project")[0]: line[2:4] for line in told.lines}
    assert words["Nightly"] == ["none: every row", "completed, 12 rows"]
    assert words["Accepted"][0] == "review statuses: accepted"
    assert words["Coco"][0] == "annotations: only rows with"
    assert words["Old"] == ["global keys: row-00001", "completed, 1 row"]
    assert len(ask(story.person("rita"), "filters", filter="none").lines) == 1
    assert len(ask(story.person("rita"), "filters", filter="some").lines) == 3
    accepted = ask(story.person("rita"), "filters", status="accepted")
    assert [("Accepted" in said) for said in accepted.sentences] == [True]
    assert ask(story.person("rita"), "filters", status="review").lines == []


def test_11_what_was_changed_at_a_connection_and_who_used_it_for_what(story: Story):
    vault = Connection.objects.get(name=VAULT)
    body = {"format": "ndjson", "destination": {"kind": "vault", "connection": vault.public_id}}
    with registered():
        for project, name in ((story.own, "oscar"), (story.foreign, "alice")):
            actor = _actor(User.objects.get(username=name))
            spec = ExportSpec.parse(body, project)
            actions.request_export(project=project, spec=spec, actor=actor, name=f"Kept by {name}")
    told = ask(story.person("alice"), "connection", connection=VAULT)
    assert told.summary.startswith("East vault was used for 2 exports by 2 people and had 4 changes by 1 person ")
    assert [line[1].split(" connection ")[0] for line in told.lines] == [
        "alice used",
        "oscar used",
        "alice set other secrets of",
        "alice granted",
        "alice granted",
        "alice tested",
        "alice created",
    ]
    assert [line[2] for line in told.lines if "secrets" in line[1]] == ["secrets.phrase"]
    assert ask(story.person("alice"), "connection", connection=vault.public_id).lines == told.lines
    used = ask(story.person("rita"), "connection", connection=VAULT)
    assert used.summary.startswith("East vault was used for 1 export by 1 person")
    kept = ExportReport.objects.get(name="Kept by oscar")
    assert [line[1:3] for line in used.lines if "used" in line[1]] == [
        [f"oscar used connection East vault for export Kept by oscar in project {OWN}", f"export {kept.report_id}"]
    ]
    assert ask(story.person("alice"), "connection", connection="West vault").lines == []


def test_10_which_sign_ins_were_refused_and_locked(story: Story):
    told = ask(story.person("alice"), "sign-ins")
    tries = django_settings.AXES_FAILURE_LIMIT
    assert told.summary.startswith(f"{tries} refused sign-ins under 1 name") and told.summary.endswith(
        "; locked 1 time."
    )
    assert len(ask(story.person("alice"), "sign-ins", address="203.0.113.5").lines) == tries + 1
    assert ask(story.person("alice"), "sign-ins", address="203.0.113.6").lines == []
    hers = ask(story.person("rita"), "sign-ins")
    assert hers.lines == []
    assert hers.summary == "Sign-ins were not looked for. Not in this answer, since superusers alone see it: sign-ins."


def test_readings_of_rows_are_no_downloads(story: Story):
    oscar = story.person("oscar")
    assert b"".join(oscar.get(f"/api/v1/reports/{story.nightly.report_id}/rows/"))
    assert oscar.get(f"/exports/{story.nightly.report_id}/preview/").status_code == 200
    told = "4 downloads by 1 person (2 without sign-in) and 2 readings of rows by 1 person"
    assert told in ask(story.person("rita"), "who-exported", project=OWN).summary
    assert told in ask(story.person("rita"), "outside-hours", **{"from": "00:00", "until": "00:01"}).summary
    assert "2 downloads, 2 readings of rows" in ask(story.person("rita"), "person", person="oscar").summary


def test_all_about_an_export_is_about_its_files_their_links_and_what_went_through_them(story: Story):
    report = story.nightly
    about = AuditEntry.objects.filter(details_json__contains=f'"report":"{report.report_id}"').exclude(
        event="connection.used"
    )
    expected = {*about, *AuditEntry.objects.filter(object_id=report.report_id)}
    kinds = {entry.event for entry in expected}
    assert {
        "export.requested",
        "artifact.downloaded",
        "artifact.download_ended",
        "link.issued",
        "link.revoked",
    } <= kinds
    assert "link.refused" in kinds
    found = set(queries.search(object=report.report_id))
    assert found == expected
    page = story.person("rita").get("/audit/", {"object": report.report_id}).content.decode()
    assert page.count("began to download") == 4 and "issued a link" in page
    card = story.person("rita").get(f"/exports/{report.report_id}/").content.decode().split('id="trail-title"')[1]
    assert "a link to" in card
    # the trail outlives the project, and what belonged together still does
    Artifact.objects.filter(report=report).delete()
    assert set(queries.search(object=report.report_id)) == expected


def test_pages_of_the_trail_speak_of_times_in_the_zone_of_who_looks(story: Story):
    rita = User.objects.get(username="rita")
    set_preference(user=rita, theme="system", time_zone="Asia/Kathmandu", actor=_actor(rita))
    entry = AuditEntry.objects.filter(event="export.requested", project_name=OWN).order_by("sequence")[0]
    local = times.to_datetime(entry.at_ms).astimezone(times.zone("Asia/Kathmandu"))
    clock = f"{local.day} {local:%b %Y, %H:%M:%S} UTC+0545"
    person = story.person("rita")
    assert clock in person.get("/audit/?event=export.requested").content.decode()
    assert clock in person.get(f"/audit/{entry.sequence}/").content.decode()
    assert "Asia/Kathmandu, such as" in person.get("/audit/").content.decode()
    told = ask(person, "who-exported")
    assert "UTC+0545" in told.summary and " UTC " not in told.summary
    written = f"{local:%Y-%m-%d %H:%M:%S}"
    assert f"#{entry.sequence}<" in person.get("/audit/", {"before": f"{written}.999"}).content.decode()
    assert f"#{entry.sequence}<" not in person.get("/audit/", {"after": f"{written}.999"}).content.decode()
    assert len(ask(person, "who-exported", after=written).lines) == len(ask(person, "who-exported").lines)


# --- outside working hours -----------------------------------------------------------------------------------------

# Warsaw's clocks went forward in the night to 29 March 2026: UTC+1 before, UTC+2 after
MOMENTS = {
    "Fri 07:59:59": ("2026-03-27T06:59:59Z", True),
    "Fri 08:00": ("2026-03-27T07:00:00Z", False),
    "Fri 17:59:59": ("2026-03-27T16:59:59Z", False),
    "Fri 18:00": ("2026-03-27T17:00:00Z", True),
    "Sat 12:00": ("2026-03-28T11:00:00Z", True),
    "Sun 12:00": ("2026-03-29T10:00:00Z", True),
    "Mon 07:59:59": ("2026-03-30T05:59:59Z", True),
    "Mon 08:00": ("2026-03-30T06:00:00Z", False),
    "Mon 17:59:59": ("2026-03-30T15:59:59Z", False),
    "Mon 18:00": ("2026-03-30T16:00:00Z", True),
}


@pytest.fixture
def hours(story: Story, monkeypatch) -> Client:
    """A download by oscar at each of :data:`MOMENTS`, told by its file's name."""
    # the trail's clock only: the sessions go on
    with transaction.atomic():
        for name, (moment, _) in MOMENTS.items():
            monkeypatch.setattr("exportadmin.audit.record.times.now_ms", lambda moment=moment: times.parse_ms(moment))
            obj = ("artifact", name, name)
            record("artifact.downloaded", actor=Actor("user", "oscar", "web"), project=story.own, obj=obj)
    monkeypatch.undo()
    return story.person("rita")


MARCH = {"after": "2026-03-01", "before": "2026-04-01"}


def late(told: Told) -> set[str]:
    return {name for name in MOMENTS if any(f" {name} " in said for said in told.sentences)}


def test_2_downloads_outside_working_hours_by_the_project_s_clock(hours: Client):
    told = ask(hours, "outside-hours", project=OWN, **MARCH)
    assert late(told) == {name for name, (_, is_late) in MOMENTS.items() if is_late}
    assert "Monday to Friday, 08:00 to 18:00, Europe/Warsaw, the project's time zone" in told.notes
    assert told.summary.startswith(
        f"Outside working hours of project {OWN}: 6 downloads by 1 person and no readings of rows"
    )
    assert any(line[2] == "Mon 30 Mar 2026, 07:59" for line in told.lines)


def test_2_hours_days_and_zone_are_the_reviewer_s_to_choose(hours: Client):
    assert late(ask(hours, "outside-hours", zone="UTC", **MARCH)) == {
        "Fri 07:59:59", "Fri 08:00", "Sat 12:00", "Sun 12:00", "Mon 07:59:59", "Mon 08:00"
    }  # fmt: skip
    every_day = ask(hours, "outside-hours", project=OWN, days="mon-sun", **{"from": "00:00", "until": "24:00"}, **MARCH)
    assert late(every_day) == set()
    weekend = ask(hours, "outside-hours", zone="Europe/Warsaw", **{"from": "0:00", "until": "24:00"}, **MARCH)
    assert late(weekend) == {"Sat 12:00", "Sun 12:00"}


def test_2_a_real_download_in_the_night_is_told(story: Story, monkeypatch):
    night = dt.datetime(2026, 6, 10, 1, 30, tzinfo=dt.UTC)
    monkeypatch.setattr("exportadmin.audit.record.times.now_ms", lambda: times.from_datetime(night))
    artifact = story.nightly.artifacts.get()
    b"".join(story.person("oscar").get(f"/exports/{story.nightly.report_id}/files/{artifact.name}/"))
    monkeypatch.undo()
    told = ask(story.person("rita"), "outside-hours", project=OWN, after="2026-06-09", before="2026-06-11")
    assert [line[2] for line in told.lines] == ["Wed 10 Jun 2026, 03:30"]
