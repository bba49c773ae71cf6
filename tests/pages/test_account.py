"""One's own account: profile, password, theme, time zone."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.access.models import Preference
from connections.access.preferences import set_preference
from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import DeniedError
from exports.models import ExportReport
from tests.pages.people import signed_in, trail
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html
from tests.support.cast import PASSWORD

NEW = "another horse, another staple"


def prefer(client: Client, theme: str = "system", time_zone: str = "UTC") -> int:
    return client.post("/account/preferences/", {"theme": theme, "time_zone": time_zone}).status_code


# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "zone", ["Mars/Olympus", "", "../../etc/passwd", "Europe", "a\x00b", "x" * 100, "europe/warsaw ; DROP"]
)
def test_a_time_zone_that_there_is_not_is_refused_with_words(visitor: Client, zone: str):
    answer = visitor.post("/account/preferences/", {"theme": "dark", "time_zone": zone})
    assert answer.status_code == 400
    assert 'role="alert" id="time_zone_error"' in page_html(answer)
    assert Preference.objects.count() == 0
    assert [line[:2] for line in trail("setting.changed")] == [("setting.changed", "refused")]


@pytest.mark.parametrize("theme", ["neon", "", "dark\x00", '"><script>'])
def test_a_theme_that_there_is_not_is_refused(visitor: Client, theme: str):
    answer = visitor.post("/account/preferences/", {"theme": theme, "time_zone": "UTC"})
    assert (answer.status_code, "there is no theme" in answer.content.decode()) == (400, True)
    assert Preference.objects.count() == 0


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"email": f"{'x' * 300}@example.org"}, "email"),
        ({"first_name": "x" * 151}, "first_name"),
        ({"last_name": "a\x00b"}, "last_name"),
        ({"first_name": "a\nb"}, "first_name"),
    ],
)
def test_a_profile_that_makes_no_sense_is_refused_beside_its_field(visitor: Client, alice: User, said, field):
    answer = visitor.post("/account/profile/", {"first_name": "", "last_name": "", "email": "", **said})
    assert answer.status_code == 400
    assert f'role="alert" id="{field}_error"' in page_html(answer)
    alice.refresh_from_db()
    assert alice.email == "alice@example.org"


def test_nobody_chooses_for_somebody_else(oscar: User, rita: User):
    other = Actor(kind="user", name="rita", channel="web", user_id=rita.pk)
    script = Actor(kind="token", name="t of oscar", channel="rest", user_id=oscar.pk, token_id=1)
    for actor in (other, script):
        with pytest.raises(DeniedError):
            set_preference(user=oscar, theme="dark", time_zone="UTC", actor=actor)
    assert Preference.objects.count() == 0


@pytest.mark.parametrize(
    ("old", "new", "again"), [("wrong", NEW, NEW), (PASSWORD, NEW, "another"), (PASSWORD, "short", "short")]
)
def test_a_password_is_not_changed_without_the_old_one_or_for_a_bad_one(oscar: User, old: str, new: str, again: str):
    client = signed_in(oscar)
    said = {"old_password": old, "new_password1": new, "new_password2": again}
    answer = client.post("/account/password/", said)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()
    oscar.refresh_from_db()
    assert oscar.check_password(PASSWORD)
    refused = [("user.password_changed", "refused", "oscar", "oscar")] if old == "wrong" else []
    assert trail("user.password_changed") == refused


# --- profile and password --------------------------------------------------------------------------------------------


def test_a_changed_profile_is_recorded_with_before_and_after(oscar: User):
    client = signed_in(oscar)
    said = {"first_name": "Oscar", "last_name": "Operetta", "email": "oscar@example.org"}
    for _ in range(2):  # nothing new: nothing recorded
        assert client.post("/account/profile/", said).status_code == 302
    oscar.refresh_from_db()
    assert oscar.get_full_name() == "Oscar Operetta"
    (entry,) = AuditEntry.objects.filter(event="user.changed")
    assert (entry.actor_name, entry.object_name) == ("oscar", "oscar")
    assert entry.before == {"first_name": "", "last_name": ""}
    assert entry.after == {"first_name": "Oscar", "last_name": "Operetta"}


def test_nobody_makes_themselves_a_superuser_with_the_profile_form(oscar: User):
    data = {"email": "o@example.org", "is_superuser": "on"}
    assert signed_in(oscar).post("/account/profile/", data).status_code == 400
    oscar.refresh_from_db()
    assert (oscar.email, oscar.is_superuser, oscar.is_staff) == ("oscar@example.org", False, False)


def test_a_new_password_signs_other_browsers_out_and_is_in_the_trail_without_itself(oscar: User):
    here, there = signed_in(oscar), signed_in(oscar)
    said = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert here.post("/account/password/", said).status_code == 302
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    assert [Client().login(username="oscar", password=each) for each in (PASSWORD, NEW)] == [False, True]
    (entry,) = AuditEntry.objects.filter(event="user.password_changed")
    assert (entry.outcome, entry.object_name) == ("done", "oscar")
    assert NEW not in f"{entry.before_json}{entry.after_json}{entry.details_json}{entry.reason}"


# --- looks -----------------------------------------------------------------------------------------------------------


def test_a_chosen_theme_is_in_the_page_before_any_script(visitor: Client):
    assert '<html lang="en">' in visitor.get("/account/").content.decode()
    assert prefer(visitor, "dark") == 302
    for address in ("/account/", "/exports/", "/nowhere/"):
        page = visitor.get(address).content.decode()
        assert '<html lang="en" data-theme="dark" data-bs-theme="dark">' in page
        assert '<meta name="color-scheme" content="dark">' in page
    assert prefer(visitor, "system") == 302
    assert '<html lang="en">' in visitor.get("/account/").content.decode()


def test_another_browser_of_the_same_person_follows_at_once(alice: User, visitor: Client):
    other = signed_in(alice)
    other.get("/account/")
    prefer(visitor, "dark", "Asia/Tokyo")
    page = other.get("/account/").content.decode()
    assert 'data-theme="dark"' in page
    assert 'value="Asia/Tokyo"' in page


def test_times_are_printed_in_ones_own_zone_and_the_exact_time_stays(visitor: Client, project: Project):
    report = make_report(project)
    ExportReport.objects.filter(pk=report.pk).update(created_at=dt.datetime(2026, 11, 2, 12, 0, 30, tzinfo=dt.UTC))
    exact = 'datetime="2026-11-02T12:00:30.000+00:00"'
    for zone, shown in (
        ("UTC", "2 Nov 2026, 12:00 UTC"),
        ("America/Sao_Paulo", "2 Nov 2026, 09:00 UTC-03"),
        ("Asia/Tokyo", "2 Nov 2026, 21:00 JST"),
    ):
        prefer(visitor, time_zone=zone)
        assert f"<time {exact}>{shown}</time>" in visitor.get(f"/exports/{report.report_id}/").content.decode()
    assert timezone.get_current_timezone_name() == "UTC"  # what one request has chosen is not the next one's


def test_rest_stays_with_utc(visitor: Client, project: Project):
    prefer(visitor, time_zone="Asia/Tokyo")
    created = visitor.get(f"/api/v1/projects/{project.public_id}/").json()["created_at"]
    assert created.endswith(("Z", "+00:00"))


def test_a_zone_that_is_gone_since_is_utc(visitor: Client, alice: User, project: Project):
    Preference.objects.create(user=alice, time_zone="Atlantis/Capital")
    report = make_report(project)
    assert " UTC</time>" in visitor.get(f"/exports/{report.report_id}/").content.decode()


def test_a_change_is_recorded_with_before_and_after(visitor: Client):
    for _ in range(2):  # nothing new: nothing recorded
        prefer(visitor, "dark", " Europe/Warsaw ")
    (entry,) = AuditEntry.objects.filter(event="setting.changed")
    assert entry.before == {"theme": "system", "time_zone": "UTC"}
    assert entry.after == {"theme": "dark", "time_zone": "Europe/Warsaw"}
    assert entry.object_name == "theme and time zone of alice"


def test_theme_and_zone_cost_no_query_of_their_own(visitor: Client, project: Project):
    address = f"/exports/{make_report(project, status='running').report_id}/"
    for _ in range(2):  # with nothing chosen, and with something
        with CaptureQueriesContext(database) as asked:
            assert visitor.get(address).status_code == 200
            assert [query["sql"] for query in asked if 'FROM "access_preference"' in query["sql"]] == []
        prefer(visitor, "dark", "Asia/Tokyo")


def test_only_superusers_are_led_to_the_administration(visitor: Client, stranger: Client):
    assert 'href="/admin/"' in visitor.get("/account/").content.decode()
    assert 'href="/admin/"' not in stranger.get("/account/").content.decode()
