"""The state of the chain on the trail's pages, and verifying it there."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client

from connections.models import Project
from exportadmin.audit import actions, triggers
from exportadmin.audit.checkpoints.form import INTERVAL
from exportadmin.audit.checkpoints.taking import take
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import record
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
    assert f'id="trail-head">{last.sequence}:{last.hash}</code>' in said


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


def test_reviewers_verify_too_and_operators_do_not(trail: Client, members: Project, rita: User, oscar: User):
    reviewer = Client()
    reviewer.force_login(rita)
    assert "Verify now" in top(reviewer)
    assert reviewer.post("/audit/verify/").status_code == 302
    assert "unbroken since" in top(reviewer) and "by rita in" in top(reviewer)
    operator = Client()
    operator.force_login(oscar)
    assert operator.post("/audit/verify/").status_code == 403
    last = AuditEntry.objects.order_by("-sequence").first()
    assert last is not None and (last.event, last.actor_name) == ("request.refused", "oscar")


def test_the_trail_is_compared_with_a_head_that_somebody_kept(trail: Client):
    kept = AuditEntry.objects.get(sequence=20)
    page = trail.post("/audit/verify/", {"head": f" 20:{kept.hash}"}, follow=True).content.decode()
    assert "it contains entry 20 with that hash" in page
    for text, words in (
        (f"20:{'0' * 64}", "The trail does not contain that head: it, or one before it"),
        (f"400:{kept.hash}", "The trail does not contain that head: the trail ends at entry"),
        ("20", "is not a head: expected SEQUENCE:HASH"),
    ):
        page = trail.post("/audit/verify/", {"head": text}, follow=True).content.decode()
        assert words in page, text
        # whoever brings a wrong head does not make the trail a broken one
        assert "The trail is broken" not in page


@pytest.mark.parametrize("address", ["/", "/audit/questions/", "/audit/3/", "/audit/questions/changes/"])
def test_a_broken_trail_is_red_on_home_and_on_every_page_of_the_trail(
    trail: Client, members: Project, rita: User, oscar: User, address: str
):
    assert "The audit trail is broken" not in trail.get(address).content.decode()
    triggers.remove(connection)
    sql("UPDATE {entry} SET actor_name = 'bob' WHERE sequence = 7")
    triggers.install(connection)
    trail.post("/audit/verify/")
    reviewer, operator = Client(), Client()
    reviewer.force_login(rita)
    operator.force_login(oscar)
    for client, is_told in ((trail, True), (reviewer, address != "/audit/3/"), (operator, False)):
        page = client.get(address).content.decode()
        told = (
            '<div class="ea-note ea-note-error" role="alert">\n  <strong>The audit trail is broken at entry 7 (altered)'
        )
        assert (told in page) is is_told


def test_lost_checkpoints_are_told_as_that(trail: Client):
    take(INTERVAL)
    fill(1)
    take(INTERVAL)
    settings.CHECKPOINTS_FILE.unlink()
    trail.post("/audit/verify/")
    said = top(trail)
    assert "The checkpoints of the trail are not whole: checkpoints gone" in said
    assert "The trail is broken" not in said


def test_a_trail_longer_than_a_page_can_walk_points_to_the_shell(trail: Client, monkeypatch):
    monkeypatch.setattr(actions, "MOST_WHILE_WAITING", 10)
    assert "exportadmin verify_audit" in top(trail) and "Verify now" not in top(trail)
    answer = trail.post("/audit/verify/")
    assert answer.status_code == 409
    assert "exportadmin verify_audit" in answer.content.decode()


def test_verifying_is_no_link_that_a_stranger_can_make_one_follow(trail: Client):
    assert trail.get("/audit/verify/").status_code == 405
    guarded = Client(enforce_csrf_checks=True)
    guarded.force_login(User.objects.get(username="alice"))
    assert guarded.post("/audit/verify/").status_code == 403
