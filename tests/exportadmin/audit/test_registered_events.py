"""An app registers its events; that is all it takes to have them recorded, told, listed and asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from exportadmin.audit import events, object_urls
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import record
from exportadmin.audit.sentences import sentence
from exportadmin.lib.actor import Actor

CAPTAIN = Actor(kind="user", name="nemo", channel="web")


@pytest.fixture
def boats() -> Iterator[None]:
    events.register("boat", "Boats", {"sunk": "{actor} [sank|tried to sink] {object}<, {depth} m deep>"})
    object_urls.register("boat", object_urls.Pages(User.objects.all, "username", "projects:project", "first_name"))
    yield
    events.unregister("boat")
    object_urls.PAGES.unregister("boat")


@pytest.fixture
def sunk(boats: None, db: None) -> AuditEntry:
    User.objects.create(username="b1", first_name="lincoln")
    with transaction.atomic():
        return record("boat.sunk", actor=CAPTAIN, obj=("boat", "b1", "Abraham Lincoln"), details={"depth": 40})


@pytest.fixture
def reader(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_an_event_of_nobody_is_not_recorded(db: None):
    with pytest.raises(ValueError, match=r"unknown event 'boat\.sunk'"), transaction.atomic():
        record("boat.sunk", actor=CAPTAIN)


def test_it_is_told_as_its_sentence_says(sunk: AuditEntry):
    assert sentence(sunk) == "nemo sank Abraham Lincoln, 40 m deep"


def test_the_page_lists_it_links_it_and_offers_it_as_an_action(sunk: AuditEntry, reader: Client):
    page = reader.get("/audit/", {"event": "boat.sunk"}).content.decode()
    assert '<optgroup label="Boats">' in page
    assert '<option value="boat.sunk" selected>Boats: sunk</option>' in page
    assert '<a href="/projects/lincoln/">Abraham Lincoln</a>' in page
    assert "Abraham Lincoln" not in reader.get("/audit/", {"event": "sign_in"}).content.decode()


def test_rest_finds_it(sunk: AuditEntry, reader: Client):
    for wanted in ("boat", "boat.sunk"):
        (entry,) = reader.get("/api/v1/audit/", {"event": wanted}).json()["results"]
        assert entry["sentence"] == "nemo sank Abraham Lincoln, 40 m deep"
    refused = reader.get("/api/v1/audit/", {"event": "boat.raised"})
    assert (refused.status_code, refused.json()["field"]) == (400, "event")


def test_two_apps_fill_one_group_and_cannot_say_two_things_of_one_event(boats: None):
    events.register("boat", "Boats", {"raised": "{actor} raised {object}"})
    assert events.keys_under("boat") == ["boat.sunk", "boat.raised"]
    with pytest.raises(ValueError, match=r"'boat\.sunk' is registered twice"):
        events.register("boat", "Boats", {"sunk": "{object} went down"})
    with pytest.raises(ValueError, match="are called 'Boats' already, not 'Ships'"):
        events.register("boat", "Ships", {})
