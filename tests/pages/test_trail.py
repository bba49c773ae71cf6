"""The trail's pages: found, filtered, paged, one entry, the same as a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.db import transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.access.models import Membership
from connections.access.roles import ADMIN
from connections.models import Connection, Project
from connections.store.models import ImportRun
from exportadmin.audit import object_urls
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import record
from exportadmin.lib.actor import Actor
from exports.models import ExportConfig
from tests.pages.reports import deliver, make_report

ALICE = Actor("user", "alice", "web", user_id=7, request_id="req-1", address="192.0.2.7")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def reviewer(members: Project, rita: User) -> Client:
    """Rita, who reviews "Street scenes"."""
    return browser(rita)


def write(event: str = "export.requested", **values: object) -> AuditEntry:
    with transaction.atomic():
        return record(event, **{"actor": ALICE, "project": ("p1", "Litter"), **values})  # type: ignore[arg-type]


def text(response) -> str:
    return response.content.decode()


# --- who may -------------------------------------------------------------------------------------------------------


def test_a_reviewer_sees_the_entries_of_her_project_and_no_others(members: Project, reviewer: Client):
    own = write(project=members, obj=("export_report", "r1", "Nightly"))
    other = write(project=("p2", "Secret harbour"), obj=("export_report", "r2", "Hidden"))
    page = text(reviewer.get("/audit/"))
    assert "Nightly" in page and "Hidden" not in page and "Secret harbour" not in page
    assert reviewer.get(f"/audit/{own.sequence}/").status_code == 200
    assert reviewer.get(f"/audit/{other.sequence}/").status_code == 404
    taken = b"".join(reviewer.get("/audit/export/?as=csv"))
    assert b"Nightly" in taken and b"Hidden" not in taken


@pytest.mark.parametrize("address", ["/audit/", "/audit/1/", "/audit/export/"])
def test_an_operator_and_a_stranger_are_refused_and_that_is_recorded(
    address: str, members: Project, oscar: User, mallory: User
):
    write(project=members)
    for person in (oscar, mallory):
        assert browser(person).get(address).status_code == 403
        last = AuditEntry.objects.order_by("-sequence").first()
        assert last is not None
        assert (last.event, last.actor_name, last.details["path"]) == ("request.refused", person.username, address)


def test_reading_leaves_an_entry_and_taking_away_leaves_one(visitor: Client):
    write()
    before = AuditEntry.objects.count()
    for _ in range(2):
        visitor.get("/audit/?actor=alice")
        visitor.get("/audit/1/")
    read = AuditEntry.objects.filter(sequence__gt=before).order_by("sequence")
    assert [(line.event, line.details["what"]) for line in read] == [
        ("audit.read", "entries"),
        ("audit.read", "single entries"),
    ]
    visitor.get("/audit/export/?as=csv&actor=alice")
    last = AuditEntry.objects.order_by("-sequence").first()
    assert last is not None
    assert (last.event, last.channel) == ("audit.exported", "web")
    assert last.details == {"as": "csv", "asked": {"actor": "alice"}}


# --- filters -------------------------------------------------------------------------------------------------------


def test_the_filters_of_the_search_are_fields_of_the_page_and_stay_filled_in(visitor: Client):
    write(obj=("export_report", "r1", "Nightly"))
    write("link.issued", obj=("artifact", "a1", "rows.json"))
    page = text(visitor.get("/audit/?event=link&actor=alice&project=Litter"))
    assert "rows.json" in page and "Nightly" not in page
    assert 'name="actor" value="alice"' in page
    assert '<option value="link" selected>Links: everything</option>' in page


def test_every_wrong_filter_has_its_words_beside_it_and_nothing_is_listed(visitor: Client):
    write(obj=("export_report", "r1", "Nightly"))
    response = visitor.get("/audit/?after=yesterday&before=2026-13-01&outcome=maybe&event=nothing&actor=alice")
    page = text(response)
    assert response.status_code == 400
    for name, words in {
        "after": "YYYY-MM-DD",
        "before": "is not a time",
        "outcome": "known: done, refused, failed",
        "event": "expected one such as",
    }.items():
        error = page.split(f'id="f-{name}_error">')[1].split("</p>")[0]
        assert words.replace("'", "&#x27;") in error, name
    assert 'id="f-actor_error"></p>' in page
    assert "Nightly" not in page
    assert 'value="yesterday"' in page


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("hash__startswith=a", "unknown parameter"),
        ("page=2", "unknown parameter"),
        ("actor=a&actor=b", "actor was given 2 times"),
        ("older_than=-1", "expected the number of an entry"),
        ("older_than=1&newer_than=1", "not both"),
    ],
)
def test_what_could_only_be_a_mistake_is_refused(visitor: Client, query: str, words: str):
    response = visitor.get(f"/audit/?{query}")
    assert response.status_code == 400
    assert words in text(response)


def test_the_form_s_empty_fields_leave_the_address(visitor: Client):
    response = visitor.get("/audit/?actor=alice&event=&after=")
    assert (response.status_code, response.headers["Location"]) == (302, "/audit/?actor=alice")
    assert visitor.get("/audit/?actor=&event=").headers["Location"] == "/audit/"


@pytest.mark.parametrize("value", ["\x00", "a\x00b", "'", "%", "💥", "x" * 300])
def test_any_text_is_looked_for_or_refused_in_words(visitor: Client, value: str):
    for name in ("actor", "object", "project", "request_id", "address", "channel", "actor_kind", "object_kind"):
        response = visitor.get("/audit/", {name: value})
        assert response.status_code == (400 if "\x00" in value else 200), name
    assert visitor.get("/audit/", {"actor": "x" * 301}).status_code == 400
    assert visitor.get(f"/audit/{10**30}/").status_code == 404


# --- entries -------------------------------------------------------------------------------------------------------


def test_a_project_in_a_sentence_and_in_an_entry_leads_to_its_page(visitor: Client, project: Project):
    entry = write(project=project)
    link = f'<a href="/projects/{project.public_id}/">Street scenes</a>'
    assert f"of project {link}" in text(visitor.get("/audit/"))
    one = text(visitor.get(f"/audit/{entry.sequence}/"))
    assert one.count(link) >= 2  # in the sentence and among what the entry holds
    assert visitor.get(f"/projects/{project.public_id}/").status_code == 200


@pytest.mark.parametrize("kind", sorted(object_urls.PAGES))
def test_every_kind_that_has_pages_finds_them(visitor: Client, project: Project, tmp_path: Path, kind: str):
    artifact = deliver(project, tmp_path / "d")
    imported = ImportRun.objects.create(project=project, file_name="a.json", format="ndjson", bytes_total=1)
    things = {
        "project": project.public_id,
        "export_report": artifact.report.report_id,
        "artifact": artifact.public_id,
        "import": imported.public_id,
        "connection": Connection.objects.create(name="Vault", kind="s3").public_id,
        "export_config": ExportConfig.objects.create(project=project, name="Weekly", body={"format": "json"}).public_id,
    }
    entry = AuditEntry(object_kind=kind, object_id=things[kind])
    (address,) = object_urls.addresses([entry]).values()
    assert visitor.get(address).status_code == 200


def test_an_entry_is_a_sentence_whose_names_lead_to_their_pages(visitor: Client, project: Project):
    report = make_report(project, name="Nightly")
    entry = write(project=project, obj=report)
    page = text(visitor.get("/audit/"))
    assert f'alice requested export <a href="/exports/{report.report_id}/">Nightly</a> of project' in page
    one = text(visitor.get(f"/audit/{entry.sequence}/"))
    assert f'<a href="/exports/{report.report_id}/">Nightly</a>' in one
    for shown in ("192.0.2.7", "req-1", entry.hash, entry.previous_hash, "export.requested"):
        assert shown in one


def test_a_delivered_file_leads_to_its_export(visitor: Client, project: Project, tmp_path):
    artifact = deliver(project, tmp_path / "d")
    write("artifact.downloaded", project=project, obj=artifact)
    assert f'<a href="/exports/{artifact.report.report_id}/">rows.json</a>' in text(visitor.get("/audit/"))


def test_before_and_after_stand_side_by_side_and_say_what_differs_without_a_secret(visitor: Client):
    entry = write(
        "config.changed",
        before={"name": "old", "kept": 1, "password": "hunter2", "gone": [1], "in": {"api_key": "a"}},
        after={"name": "new", "kept": 1, "password": "hunter2", "come": True, "in": {"api_key": "b"}},
    )
    page = text(visitor.get(f"/audit/{entry.sequence}/"))
    rows = {}
    for row in page.split("<tr class=")[1:]:
        state = row.split('"')[1].removeprefix("ea-change-")
        rows[row.split('ea-list-name">')[1].split("<")[0]] = state
    assert rows == {
        "name": "changed",
        "kept": "same",
        "password": "same",
        "gone": "removed",
        "in.api_key": "changed",
        "come": "added",
    }
    assert "hunter2" not in page


def test_entries_of_one_request_stand_together_and_one_click_shows_them_all(visitor: Client):
    write()
    for _ in range(2):
        write(actor=Actor("user", "alice", "web", request_id="one-click"))
    page = text(visitor.get("/audit/"))
    together = page.split('<tbody class="ea-together">')[1].split("</tbody>")[0]
    assert together.count("<tr>") == 2
    assert 'href="/audit/?request_id=one-click"' in together
    whole = text(visitor.get("/audit/?request_id=one-click"))
    assert whole.count('<td class="ea-when">') == 2


def test_pages_are_cut_by_number_and_lose_no_entry(visitor: Client):
    with transaction.atomic():
        for number in range(120):
            record("export.requested", actor=ALICE, obj=("export_report", f"r{number}", f"Run {number}"))
    seen: list[str] = []
    address = "/audit/?event=export.requested"
    for _ in range(3):
        page = text(visitor.get(address))
        seen += [part.split('"')[0] for part in page.split("</span>#")[1:]]
        address = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&") if 'rel="next"' in page else ""
        address = address and f"/audit/{address}"
    numbers = [int(part.split("<")[0]) for part in seen]
    assert address == ""
    assert numbers == sorted(numbers, reverse=True) and len(set(numbers)) == 120
    newer = page.split('rel="prev" href="')[1].split('"')[0].replace("&amp;", "&")
    back = text(visitor.get(f"/audit/{newer}"))
    assert [int(part.split("<")[0]) for part in back.split("</span>#")[1:]] == numbers[50:100]


@pytest.mark.parametrize("count", [3, 40])
def test_the_list_asks_the_same_few_queries_however_long_it_is(visitor: Client, project: Project, tmp_path, count: int):
    for number in range(count):
        artifact = deliver(project, tmp_path / f"d{number}")
        write("artifact.downloaded", project=project, obj=artifact)
        write(project=project, obj=artifact.report)
    visitor.get("/audit/")  # the first look in some minutes is recorded
    with CaptureQueriesContext(database) as queries:
        visitor.get("/audit/")
    # session, user, entries, addresses, head, last verification, last checkpoint; with SQLite, counts are in a file
    assert len([query for query in queries if "hitcount" not in query["sql"]]) == 7


def test_hostile_names_stay_text(visitor: Client):
    actor = Actor("user", HOSTILE, "web", request_id="r", address="192.0.2.1")
    entry = write(
        actor=actor,
        project=("p", HOSTILE),
        obj=("export_report", HOSTILE, HOSTILE),
        reason=HOSTILE,
        before={HOSTILE: HOSTILE},
        after={HOSTILE: HOSTILE + "!"},
        details={HOSTILE: HOSTILE},
    )
    for address in ("/audit/", f"/audit/{entry.sequence}/"):
        page = text(visitor.get(address))
        assert "<script>alert" not in page and "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page
    page = text(visitor.get("/audit/", {"actor": HOSTILE, "after": HOSTILE}))
    assert "<script>alert" not in page


def test_an_empty_trail_and_an_empty_answer_are_told_apart(reviewer: Client):
    assert "Nothing is recorded yet" in text(reviewer.get("/audit/"))
    assert "No entry matches" in text(reviewer.get("/audit/?actor=nobody"))


# --- as a file -----------------------------------------------------------------------------------------------------


def test_the_filtered_list_can_be_taken_as_csv_and_ndjson(visitor: Client):
    write(obj=("export_report", "r1", "=1+1"))
    write("link.issued", obj=("artifact", "a1", "rows.json"))
    answer = visitor.get("/audit/export/?as=csv&event=export")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    body = b"".join(answer).decode()
    assert "'=1+1" in body and "rows.json" not in body
    lines = b"".join(visitor.get("/audit/export/?as=ndjson&event=link")).splitlines()
    assert [json.loads(line)["object_name"] for line in lines] == ["rows.json"]
    for wrong in ("as=xml", "event=nothing", "page=1"):
        assert visitor.get(f"/audit/export/?{wrong}").status_code == 400


def test_an_admin_of_a_project_reads_it_too(members: Project, mallory: User):
    Membership.objects.create(project=members, user=mallory, role=ADMIN)
    write(project=members)
    assert browser(mallory).get("/audit/").status_code == 200
