"""Refusals of people that nobody knows: a few lines each, then one a minute that says how many there were."""

from __future__ import annotations

import dataclasses
import re
import threading

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from exportadmin.audit import noise
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.sentences import sentence
from exportadmin.lib import counts
from exportadmin.lib.actor import SYSTEM, USER, Actor
from exportadmin.lib.networks import network

STRANGER = Actor(kind=USER, name="anonymous", channel="link", address="203.0.113.9")
pytestmark = pytest.mark.django_db


@pytest.fixture
def minute(monkeypatch: pytest.MonkeyPatch):
    """Set the clock to a minute; a process looks at once for those that are over."""
    begin = 1_800_000_000 // 60

    def at(number: int) -> None:
        seconds = (begin + number) * 60
        monkeypatch.setattr(counts.time, "time", lambda: seconds + 30.0)
        monkeypatch.setattr(counts, "NOW", dict.fromkeys(counts.NOW, f"CAST({seconds + 30} AS float8)"))
        noise.forget_when_looked()

    at(0)
    return at


def refuse(times: int, event: str = "link.refused", actor: Actor = STRANGER) -> None:
    for _ in range(times):
        noise.record_refused(event, actor=actor, reason="unknown")


def events() -> list[str]:
    return list(AuditEntry.objects.order_by("sequence").values_list("event", flat=True))


def test_the_first_are_a_line_each_and_a_minute_of_the_others_is_one(minute):
    refuse(500)
    assert events() == ["link.refused"] * noise.SINGLE
    minute(1)
    noise.sum_up()
    assert events() == [*["link.refused"] * noise.SINGLE, "link.refused_more"]
    entry = AuditEntry.objects.get(event="link.refused_more")
    assert (entry.actor_name, entry.address, entry.channel, entry.outcome) == (
        "anonymous",
        "203.0.113.9",
        "link",
        "refused",
    )
    assert entry.details == {
        "count": 490,
        "event": "link.refused",
        "from": "203.0.113.9",
        "minute": "2027-01-15T08:00:00.000+00:00",
    }
    assert sentence(entry).startswith("490 more requests from 203.0.113.9 for links were refused within a minute")
    noise.sum_up(now=True)
    assert events().count("link.refused_more") == 1


def test_the_next_of_them_writes_the_line_of_the_minute_before(minute):
    refuse(noise.SINGLE + 3)
    for number in (1, 2):
        minute(number)
        refuse(7)
    assert [entry.details["count"] for entry in AuditEntry.objects.filter(event="link.refused_more")] == [7, 3]


def test_each_event_and_each_address_is_counted_for_itself(minute):
    other = Actor(kind=USER, name="anonymous", channel="link", address="203.0.113.10")
    refuse(noise.SINGLE + 1)
    refuse(noise.SINGLE + 2, actor=other)
    refuse(noise.SINGLE + 4, "sign_in.refused")
    minute(1)
    noise.sum_up()
    found = AuditEntry.objects.filter(event__endswith="_more").order_by("sequence")
    assert [(entry.event, entry.address, entry.details["count"]) for entry in found] == [
        ("link.refused_more", "203.0.113.10", 2),
        ("link.refused_more", "203.0.113.9", 1),
        ("sign_in.refused_more", "203.0.113.9", 4),
    ]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("203.0.113.9", "203.0.113.9"),
        ("", ""),
    ],
)
def test_a_machine_that_has_a_whole_network_is_one_address(address: str, counted: str):
    assert network(address) == counted


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("203.0.113.9", "203.0.113.0/24"),
        ("", ""),
    ],
)
def test_its_range_is_what_a_site_is_given(address: str, counted: str):
    assert network(address, of_range=True) == counted


def test_who_has_many_networks_writes_no_more_lines_than_a_range_may(minute):
    """Nor more lines that sum up than one for each address that had its share, and one for the range."""
    for subnet in range(noise.OF_RANGE + 30):
        refuse(1, actor=dataclasses.replace(STRANGER, address=f"2001:db8:1:{subnet:x}::1"))
    refuse(noise.SINGLE + 5, actor=dataclasses.replace(STRANGER, address="2001:db8:1:ffff::1"))
    assert events() == ["link.refused"] * noise.OF_RANGE
    refuse(1, actor=dataclasses.replace(STRANGER, address="2001:db8:2::1"))
    assert len(events()) == noise.OF_RANGE + 1
    minute(1)
    noise.sum_up()
    found = AuditEntry.objects.filter(event="link.refused_more")
    assert [(entry.address, entry.details["count"]) for entry in found] == [("2001:db8:1::/48", 30 + noise.SINGLE + 5)]


def test_from_everywhere_there_are_so_many_lines_and_one_says_how_many_more(minute, monkeypatch):
    monkeypatch.setattr(noise, "OF_ALL", 25)
    for number in range(40):
        refuse(1, actor=dataclasses.replace(STRANGER, address=f"198.51.{number}.1"))
    refuse(3, actor=dataclasses.replace(STRANGER, address="198.51.0.1"))
    assert events() == ["link.refused"] * 25
    refuse(1, "sign_in.refused")
    minute(1)
    noise.sum_up()
    entry = AuditEntry.objects.get(event="link.refused_more")
    assert (entry.address, entry.details["count"]) == ("elsewhere", 18)
    assert sentence(entry).startswith("18 more requests from elsewhere for links were refused within a minute")


def test_of_somebody_who_is_known_each_refusal_is_a_line(minute):
    known = Actor(kind=USER, name="mallory", channel="link", user_id=7, address="203.0.113.9")
    shell = Actor(kind=USER, name="root", channel="shell")
    system = Actor(kind=SYSTEM, name="system", channel="worker")
    for actor in (known, shell, system):
        refuse(noise.SINGLE + 5, actor=actor)
    assert events() == ["link.refused"] * 3 * (noise.SINGLE + 5)


@pytest.mark.django_db(transaction=True)
def test_all_processes_count_together_and_one_of_them_writes_the_line(minute):
    gate = threading.Barrier(4)

    def ask() -> None:
        gate.wait()
        refuse(25)
        connections.close_all()

    def look() -> None:
        gate.wait()
        noise.sum_up(now=True)
        connections.close_all()

    for job, then in ((ask, 1), (look, 1)):
        threads = [threading.Thread(target=job) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        minute(then)
    assert events() == [*["link.refused"] * noise.SINGLE, "link.refused_more"]
    assert AuditEntry.objects.first().details["count"] == 100 - noise.SINGLE


def test_over_the_wire_links_sign_ins_and_keys_are_bounded(client: Client, minute):
    for _ in range(30):
        assert client.get("/exports/l/" + "a" * 24 + "." + "b" * 43 + "/").status_code == 404
        assert client.get("/api/v1/projects/").status_code == 401
        client.get("/api/v1/projects/", headers={"Authorization": "Bearer ea_" + "x" * 43})
    written = events()
    for event in ("link.refused", "request.refused", "token.refused"):
        assert written.count(event) == noise.SINGLE, event
    minute(1)
    noise.sum_up()
    assert sorted(set(events()) - set(written)) == ["link.refused_more", "request.refused_more", "token.refused_more"]


@pytest.mark.parametrize("token", ["x", "a.b", "A" * 300, "a" * 24, "a" * 24 + "." + "b" * 42])
def test_an_address_that_cannot_be_of_a_link_is_no_line(client: Client, token: str):
    for path in (f"/exports/l/{token}/", f"/exports/l/{token}/file"):
        assert client.get(path).status_code == 404
    assert events() == []


# --- answers ---------------------------------------------------------------------------------------------------------


def answer(alice: User, slug: str) -> str:
    client = Client()
    client.force_login(alice)
    page = client.get(f"/audit/questions/{slug}/").content.decode()
    return " ".join(re.sub("<[^>]+>", " ", page).split())


def test_answers_count_what_was_summed_up(minute, alice: User):
    refuse(37, "sign_in.refused", Actor(kind=USER, name="root", channel="web", address="203.0.113.9"))
    refuse(25)
    noise.record_refused("request.refused", actor=Actor(USER, "mallory", "web", 7), reason="not permitted")
    minute(1)
    assert "37 refused sign-ins under more than 1 name" in answer(alice, "sign-ins")
    assert "26 requests" in answer(alice, "refused")


def test_whoever_reads_the_trail_finds_the_minutes_that_are_over(minute, alice: User):
    refuse(noise.SINGLE + 4)
    minute(1)
    client = Client()
    client.force_login(alice)
    assert "4 more requests from 203.0.113.9 for links were refused" in client.get("/audit/").content.decode()
