"""The state of the chain on the trail's pages, and verifying it there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from connections.models import Project
from exportadmin.audit import triggers
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import record
from exportadmin.audit.views import chain
from exportadmin.lib.actor import Actor
from tests.exportadmin.audit.support import fill, sql

ALICE = Actor("user", "alice", "web")


@pytest.fixture
def trail(visitor: Client) -> Client:
    """Alice, and a trail of 31 entries (her sign-in was the first)."""
    fill(30)
    return visitor


def top(client: Client) -> str:
    page = client.get("/audit/").content.decode()
    return " ".join(page.split('aria-labelledby="chain-title"')[1].split("</section>")[0].split())


def test_nothing_is_claimed_before_the_first_verification(visitor: Client):
    with transaction.atomic():
        record("export.requested", actor=ALICE)
    assert "not verified yet" in top(visitor)


def test_verifying_says_how_many_since_when_by_whom_and_how_long_it_took(trail: Client):
    answer = trail.post("/audit/verify/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/audit/")
    last = AuditEntry.objects.order_by("-sequence").first()
    assert last is not None
    assert (last.event, last.actor_name, last.outcome, last.details["entries"]) == (
        "audit.verified",
        "alice",
        "done",
        31,
    )
    said = top(trail)
    assert "31 entries, unbroken since" in said
    assert "by alice in 0." in said
    assert "1 entry since then" in said
    assert f"#{last.sequence}" in said


@pytest.mark.parametrize(
    ("tampering", "kind", "place"),
    [
        ("UPDATE {entry} SET actor_name = 'bob' WHERE sequence = 7", "altered", 7),
        ("DELETE FROM {entry} WHERE sequence = 9", "missing", 9),
    ],
)
def test_a_broken_chain_is_red_and_names_the_first_bad_entry(trail: Client, tampering: str, kind: str, place: int):
    trail.post("/audit/verify/")
    triggers.remove(connection)
    sql(tampering)
    triggers.install(connection)
    trail.post("/audit/verify/")
    said = top(trail)
    assert f'The trail is broken at entry <a href="/audit/{place}/">#{place}</a>: {kind}' in said
    assert "unbroken since" not in said
    assert 'role="alert"' in said
    last = AuditEntry.objects.filter(event="audit.verified").order_by("-sequence").first()
    assert last is not None and last.outcome == "failed"


def test_a_trail_too_broken_to_be_written_on_still_gets_its_verdict(trail: Client):
    triggers.remove(connection)
    sql("DELETE FROM {head}")
    triggers.install(connection)
    answer = trail.post("/audit/verify/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "The trail is broken" in page and "truncated" in page and "could not be recorded" in page


def test_only_superusers_verify_and_the_others_see_the_state(trail: Client, members: Project, rita: User, oscar: User):
    trail.post("/audit/verify/")
    reviewer = Client()
    reviewer.force_login(rita)
    assert "Verify now" not in top(reviewer)
    assert "31 entries, unbroken since" in top(reviewer)
    for person in (rita, oscar):
        client = Client()
        client.force_login(person)
        assert client.post("/audit/verify/").status_code == 403
        last = AuditEntry.objects.order_by("-sequence").first()
        assert last is not None and (last.event, last.actor_name) == ("request.refused", person.username)


def test_a_trail_longer_than_a_page_can_walk_points_to_the_shell(trail: Client, monkeypatch):
    monkeypatch.setattr(chain, "MOST", 10)
    assert "exportadmin verify_audit" in top(trail) and "Verify now" not in top(trail)
    answer = trail.post("/audit/verify/")
    assert answer.status_code == 409
    assert "exportadmin verify_audit" in answer.content.decode()


def test_verifying_is_no_link_that_a_stranger_can_make_one_follow(trail: Client):
    assert trail.get("/audit/verify/").status_code == 405
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(User.objects.get(username="alice"))
    assert guarded.post("/audit/verify/").status_code == 403
