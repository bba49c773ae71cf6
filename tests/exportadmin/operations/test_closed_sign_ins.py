"""Five failed sign-ins of a name from an address close it for a quarter of an hour, and twenty from an address whatever
the name is; who goes on is closed out for longer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import SESSION_KEY, authenticate
from django.test import Client
from django.utils import timezone

from exportadmin.audit.models import AuditEntry
from exportadmin.audit.sentences import sentence
from exportadmin.lib import counts
from exportadmin.sign_in import LIMITS, RANGE_TIMES
from tests.support.cast import PASSWORD

HERE, ELSEWHERE = "198.51.100.7", "203.0.113.9"


def attempt(client: Client, password: str = "wrong", name: str = "alice", address: str = HERE, path: str = "/sign-in/"):
    return client.post(path, {"username": name, "password": password}, REMOTE_ADDR=address)


def fail(client: Client, times: int, **more: str) -> list[int]:
    return [attempt(client, **more).status_code for _ in range(times)]


def entries(event: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(event=event).order_by("sequence"))


def test_the_sixth_try_is_refused_even_with_the_right_password(client: Client, alice):
    assert fail(client, 4) == [200] * 4
    fail(client, 1)
    answer = attempt(client, PASSWORD)
    assert answer.status_code == 429
    assert "_auth_user_id" not in client.session


def test_four_slips_are_forgiven_and_forgotten_after_the_right_password(client: Client, alice):
    fail(client, 4)
    assert attempt(client, PASSWORD).status_code == 302
    client.post("/sign-out/")
    assert fail(client, 4) == [200] * 4
    assert attempt(client, PASSWORD).status_code == 302


def test_the_page_says_in_plain_words_what_happened_and_how_long(client: Client, alice):
    fail(client, 5)
    answer = attempt(client, PASSWORD)
    page = answer.content.decode()
    assert '<h1 class="ea-title">Too many tries</h1>' in page
    assert "closed for 15 minutes" in page
    assert "failed 5 times" in page
    assert answer.headers["Retry-After"] == "900"
    assert 'href="/sign-in/"' in page
    assert PASSWORD not in page


def test_it_stands_on_the_trail_once_with_name_and_address(client: Client, alice):
    fail(client, 5)
    attempt(client, PASSWORD)
    attempt(client, PASSWORD)
    (entry,) = entries("sign_in.locked")
    assert (entry.actor_name, entry.address, entry.outcome, entry.channel) == ("alice", HERE, "refused", "web")
    assert entry.actor_user_id is None  # nobody has proven to be her
    assert entry.request_id
    assert "5 failed tries" in entry.reason
    assert "15 minutes" in entry.reason
    assert len(entries("sign_in.refused")) == 7
    assert "are locked for a while" in sentence(entry)


def test_after_a_quarter_of_an_hour_it_is_open_again(client: Client, alice):
    fail(client, 5)
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=14, seconds=30))
    assert attempt(client, PASSWORD).status_code == 429
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=15, seconds=5))
    assert attempt(client, PASSWORD).status_code == 302


def test_tries_while_it_is_closed_do_not_keep_it_closed(client: Client, alice):
    fail(client, 5)
    (before,) = AccessAttempt.objects.values_list("attempt_time", "failures_since_start")
    fail(client, 3)
    assert list(AccessAttempt.objects.values_list("attempt_time", "failures_since_start")) == [before]


def test_nobody_locks_alice_out_from_elsewhere(client: Client, alice):
    fail(client, 6, address=ELSEWHERE)
    assert attempt(client, PASSWORD, address=ELSEWHERE).status_code == 429
    assert attempt(client, PASSWORD, address=HERE).status_code == 302


def test_a_colleague_at_the_same_address_may_sign_in(client: Client, alice, oscar):
    fail(client, 6)
    assert attempt(client, PASSWORD, name="oscar").status_code == 302


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "User-Agent"])
def test_a_header_does_not_make_another_address(client: Client, alice, header):
    for number in range(5):
        client.post(
            "/sign-in/",
            {"username": "alice", "password": "wrong"},
            headers={header: f"192.0.2.{number}"},
            REMOTE_ADDR=HERE,
        )
    assert attempt(client, PASSWORD).status_code == 429


def test_djangos_own_admin_is_no_other_way_in(client: Client, alice):
    answer = attempt(client, PASSWORD, path="/admin/login/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in/?next=/admin/")
    assert SESSION_KEY not in client.session
    fail(client, 5, path="/sign-in/?next=/admin/")
    assert attempt(client, PASSWORD, path="/sign-in/?next=/admin/").status_code == 429
    assert attempt(client, PASSWORD).status_code == 429


def test_a_name_that_there_is_not_closes_the_same_way(client: Client, db):
    assert fail(client, 5, name="nobody")[:4] == [200] * 4
    assert attempt(client, name="nobody").status_code == 429


def test_a_name_that_no_database_can_hold_is_counted_too(client: Client, alice, rf):
    for name in ("x" * 10_000, "a\x00b", "\ud800"):
        before = AccessAttempt.objects.count()
        assert authenticate(rf.post("/sign-in/"), username=name, password=None) is None
        assert AccessAttempt.objects.count() == before + 1


def test_the_machines_own_shell_is_not_throttled(client: Client, alice):
    for _ in range(6):
        assert authenticate(None, username="alice", password="wrong") is None
    assert authenticate(None, username="alice", password=PASSWORD) == alice


def test_behind_a_unix_socket_there_is_no_address_and_it_works(client: Client, alice):
    fail(client, 5, address="")
    assert attempt(client, PASSWORD, address="").status_code == 429


def test_what_is_kept_of_a_failure_is_no_password_and_no_way_on(client: Client, alice):
    for _ in range(2):
        client.post(
            "/sign-in/?next=/exports/l/abc.secret/",
            {"username": "alice", "password": "hunter2hunter2", "next": "/exports/l/abc.secret/"},
            REMOTE_ADDR=HERE,
        )
    (kept,) = AccessAttempt.objects.values()
    assert kept["failures_since_start"] == 2
    assert "hunter2" not in str(kept)
    assert "abc.secret" not in str(kept)


# --- one password with many names ------------------------------------------------------------------------------------

MANY = LIMITS[0][0]


def spray(client: Client, times: int, address: str = HERE, beginning: int = 0) -> list[int]:
    return [
        attempt(client, name=f"spray{number}", address=address).status_code
        for number in range(beginning, beginning + times)
    ]


def pass_time(seconds: float) -> None:
    """As if all that was counted had been counted so much earlier."""
    counts._execute(
        "UPDATE exportadmin_hitcount SET began_at = began_at - :by, ends_at = ends_at - :by", {"by": float(seconds)}
    )


def counted_here() -> list[tuple[str, int]]:
    found = counts._execute("SELECT key, hits FROM exportadmin_hitcount WHERE key LIKE :like", {"like": "sign_in.198%"})
    return sorted((str(key), int(hits)) for key, hits in found)


def test_one_password_with_many_names_is_closed_for_the_address(client: Client, alice):
    assert spray(client, MANY + 3) == [200] * MANY + [429] * 3
    answer = attempt(client, PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= LIMITS[0][1]
    page = answer.content.decode()
    assert "from your address" in page and f"failed {MANY} times" in page and "15 minutes" in page
    assert attempt(client, PASSWORD, address=ELSEWHERE).status_code == 302


def test_it_stands_on_the_trail_once(client: Client, db):
    spray(client, MANY + 3)
    (entry,) = entries("sign_in.closed")
    assert (entry.outcome, entry.address, entry.actor_name) == ("refused", HERE, "anonymous")
    assert f"{MANY} failed tries from {HERE}" in entry.reason
    assert sentence(entry).startswith(f"Sign-ins from {HERE} are closed for a while")


def test_who_goes_on_is_closed_out_for_longer(client: Client, db):
    spray(client, MANY)
    closed_for = []
    for number in range(1, 5):
        closed_for.append(int(attempt(client, name="more").headers["Retry-After"]))
        pass_time(closed_for[-1] + 1)
        spray(client, MANY, beginning=MANY * number)
    assert closed_for[0] <= LIMITS[0][1] < closed_for[1] <= LIMITS[1][1]
    assert closed_for[-1] > LIMITS[1][1]


def test_tries_while_the_address_is_closed_count_nowhere(client: Client, db):
    spray(client, MANY)
    before = counted_here()
    assert {hits for _, hits in before} == {MANY}
    spray(client, 5, beginning=MANY)
    assert counted_here() == before


def test_a_range_of_addresses_is_closed_as_well(client: Client, alice):
    limit = MANY * RANGE_TIMES
    statuses = [
        status for host in range(limit // MANY) for status in spray(client, MANY, f"198.51.100.{host}", host * MANY)
    ]
    assert statuses == [200] * limit
    assert attempt(client, PASSWORD, address="198.51.100.250").status_code == 429
    assert attempt(client, PASSWORD, address="198.51.101.250").status_code == 302


def test_another_address_of_the_same_machine_is_the_same_address(client: Client, alice):
    for number in range(MANY):
        attempt(client, name=f"spray{number}", address=f"2001:db8::{number:x}")
    assert attempt(client, PASSWORD, address="2001:db8::ffff").status_code == 429
    assert attempt(client, PASSWORD, address="2001:db8:0:1::1").status_code == 302


def test_right_passwords_are_no_failures(client: Client, alice):
    for _ in range(MANY + 5):
        assert attempt(client, PASSWORD).status_code == 302
        client.post("/sign-out/")


def test_behind_a_unix_socket_nobody_is_closed_out_with_all_others(client: Client, alice):
    spray(client, MANY + 5, address="")
    assert attempt(client, PASSWORD, address="").status_code == 302
