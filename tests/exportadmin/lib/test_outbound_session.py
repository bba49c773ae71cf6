"""What a session through the guard sends, follows, repeats and takes, and how it says that it did not."""

from __future__ import annotations

import itertools
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from exportadmin.lib.addresses import ForbiddenAddressError, HostPort
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.lib.http import (
    ATTEMPTS,
    LONGEST_RETRY_AFTER,
    MAX_REFUSAL,
    Guard,
    NotSentError,
    OutboundSession,
    PermanentStatusError,
    TooLargeError,
    TransientStatusError,
    end_within,
    retry_after,
    session,
)
from tests.support.canary import BODY, TEXT, Canary, response

Servers = Callable[..., Canary]
SECRET = "s3cr3t-9f8e7d6c"


def to(*servers: Canary, own: Canary | None = None, pauses: list[float] | None = None) -> OutboundSession:
    """A session whose guard permits these servers; the first is its own."""
    guard = Guard(private=tuple(HostPort(server.host, server.port) for server in servers))
    waited = [] if pauses is None else pauses
    own_url = (own or servers[0]).url
    return OutboundSession(guard, own_url, credentials={"X-Api-Key": SECRET}, pause=waited.append)


def sent(server: Canary) -> str:
    server.connections()
    return b"".join(server.requests).decode()


def test_credentials_go_to_the_own_host(servers: Servers):
    own = servers()
    answer = to(own).get(f"{own.url}/rows", params={"page": 2})
    assert answer.content == BODY
    assert f"X-Api-Key: {SECRET}" in sent(own)
    assert "GET /rows?page=2 HTTP/1.1" in sent(own)


def test_to_another_host_goes_none_of_them(servers: Servers):
    own, other = servers(), servers()
    to(own, other).get(f"{other.url}/file", headers={"Authorization": SECRET, "Cookie": SECRET})
    assert "GET /file" in sent(other)
    assert SECRET not in sent(other)


def test_nor_where_it_is_redirected_to_and_they_do_not_come_back(servers: Servers):
    addresses: dict[str, str] = {}
    own = servers(lambda asked: [response(302, location=addresses["other"]) if b"/first" in asked else response(200)])
    other = servers(lambda _: [response(307, location=addresses["back"])])
    addresses.update(other=f"{other.url}/x", back=f"{own.url}/last")
    to(own, other).get(f"{own.url}/first")
    assert SECRET not in sent(other)
    first, last = (request.decode() for request in own.requests)
    assert SECRET in first
    assert SECRET not in last


def test_cookies_and_netrc_and_proxies_are_left_alone(servers: Servers, tmp_path: Any, monkeypatch: pytest.MonkeyPatch):
    canary, own = servers(), servers(lambda _: [response(200, set_cookie=f"a={SECRET}; Path=/")])
    (tmp_path / "netrc").write_text(f"machine {own.host} login u password {SECRET}")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, canary.url)
    client = session(Guard(private=(HostPort(own.host, own.port),)), own.url)
    client.get(own.url)
    client.get(own.url)
    assert "Cookie" not in sent(own)
    assert "Authorization" not in sent(own)
    assert own.connections() == 2
    assert canary.connections() == 0


def test_a_request_that_changes_something_follows_no_redirect(servers: Servers):
    own = servers(lambda _: [response(307, location="/elsewhere")])
    with pytest.raises(PermanentError, match="redirects a POST"):
        to(own).post(own.url, json={"secret": SECRET})
    assert own.connections() == 1


def test_redirects_have_an_end(servers: Servers):
    own = servers(lambda _: [response(302, location="/again")])
    with pytest.raises(PermanentError, match="more than 5 times"):
        to(own).get(own.url)
    assert own.connections() == 6


def test_of_an_encrypted_connection_none_leads_to_a_plain_one(servers: Servers):
    own = servers()
    client = to(own)
    request = client.prepare_request(requests.Request("GET", "https://example.org/"))
    with pytest.raises(ForbiddenAddressError, match="without encryption"):
        client._redirected(request, own.url, "https://example.org")


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
def test_what_may_be_better_later_is_asked_again_with_growing_pauses(servers: Servers, status: int):
    own, pauses = servers(lambda _: [response(status, BODY)]), list[float]()
    with pytest.raises(TransientStatusError, match=rf"answered {status} \(.+\)$") as caught:
        to(own, pauses=pauses).get(own.url)
    assert caught.value.status == status
    assert own.connections() == ATTEMPTS
    assert all(0.25 * 2**n <= pause <= 0.5 * 2**n for n, pause in enumerate(pauses))
    assert len(pauses) == ATTEMPTS - 1


def test_and_is_taken_when_it_comes(servers: Servers):
    answers = iter([response(503), response(200, b"rows")])
    own = servers(lambda _: [next(answers)])
    assert to(own).get(own.url).content == b"rows"


def test_a_post_is_sent_once(servers: Servers):
    own = servers(lambda _: [response(503, retry_after="7")])
    with pytest.raises(TransientStatusError) as caught:
        to(own).post(own.url, json={})
    assert own.connections() == 1
    assert caught.value.retry_after == 7


def test_the_other_side_says_how_long_to_wait(servers: Servers):
    answers, pauses = iter([response(429, retry_after="3"), response(200)]), list[float]()
    own = servers(lambda _: [next(answers)])
    to(own, pauses=pauses).get(own.url)
    assert pauses == [3]


def test_a_wait_beyond_the_whole_time_is_left_to_the_caller(servers: Servers):
    own, pauses = servers(lambda _: [response(429, retry_after="3600")]), list[float]()
    with pytest.raises(TransientError) as caught:
        to(own, pauses=pauses).get(own.url)
    assert caught.value.retry_after == 3600
    assert pauses == []


@pytest.mark.parametrize("value", ["soon", "-5", "", "Wed, 31 Dec 1999 23:59:59 GMT", "9" * 400])
def test_a_wait_that_is_none_does_no_harm(servers: Servers, value: str):
    answers, pauses = iter([response(503, retry_after=value), response(200)]), list[float]()
    own = servers(lambda _: [next(answers)])
    try:
        to(own, pauses=pauses).get(own.url)
    except TransientError as error:
        assert error.retry_after
    assert all(0 <= pause <= 120 for pause in pauses)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("007", 7),
        ("3600", 3600),
        ("1000000000", LONGEST_RETRY_AFTER),
        ("99999999999999999999", LONGEST_RETRY_AFTER),
        ("9" * 5000, LONGEST_RETRY_AFTER),
        ("0" * 5000 + "7", 7),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_RETRY_AFTER),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", None),
        ("Wed, 31 Dec 1999 23:59:59 GMT", 0),
        ("\u0663", None),  # a digit, and none of HTTP's
        ("1e9", None),
        ("nan", None),
        ("-5", None),
        (None, None),
    ],
)
def test_what_a_header_asks_for_is_a_wait_that_ends(value: str | None, seconds: float | None):
    assert retry_after(value) == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418, 501, 304, 100 * 9])
def test_what_will_stay_is_said_once(servers: Servers, status: int):
    own = servers(lambda _: [response(status, BODY)])
    with pytest.raises(PermanentStatusError, match=f"answered {status}") as caught:
        to(own).get(own.url)
    assert caught.value.status == status
    assert own.connections() == 1


def endless(_: bytes) -> Iterator[bytes]:
    return itertools.chain([b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"], itertools.repeat(b"x" * 65536))


def test_a_body_has_an_end(servers: Servers):
    own = servers(endless)
    with pytest.raises(TooLargeError, match="more than 1,000,000 bytes"):
        to(own).request("GET", own.url, max_bytes=1_000_000)


def test_a_streamed_one_too(servers: Servers):
    own, read = servers(endless), 0
    with (
        pytest.raises(PermanentError, match="more than"),
        to(own).request("GET", own.url, stream=True, max_bytes=300_000) as answer,
    ):
        for chunk in answer.iter_content(10_000):
            read += len(chunk)
    assert read <= 300_000


def test_a_small_body_that_unpacks_to_a_large_one_too(servers: Servers):
    import gzip

    packed = gzip.compress(bytes(50_000_000))
    own = servers(lambda _: [response(200, packed, content_encoding="gzip")])
    with pytest.raises(PermanentError, match="more than"):
        to(own).get(own.url)


def test_an_answer_that_trickles_ends(servers: Servers):
    """Each byte is in time, all of them would not be: the clock is the caller's."""
    own = servers(endless)
    with pytest.raises(TransientError, match="in time"):
        to(own).request("POST", own.url, whole_seconds=1e-9)
    with end_within(1e-9), pytest.raises(TransientError, match="in time"):
        to(own).get(own.url)
    other = servers()
    assert to(other).get(other.url).content == BODY, "the end is that of the block"


def test_a_head_that_trickles_ends(servers: Servers, monkeypatch: pytest.MonkeyPatch):
    """The timer is over at once, the other side would go on for ever; what came of the head is no answer."""

    class Timer(threading.Timer):
        def __init__(self, seconds: float, *arguments: Any) -> None:
            assert seconds > 10
            super().__init__(0, *arguments)

    monkeypatch.setattr("exportadmin.lib.http.threading.Timer", Timer)
    over = threading.Event()

    def answer(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nA: "
        over.wait(30)

    own = servers(answer)
    with pytest.raises(TransientError, match="did not answer in time"):
        to(own).post(own.url)
    over.set()


@pytest.mark.parametrize(
    "told",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"HTTP/1.1 504 Late\r\nContent-Length: 0\r\n\r\n"],
)
def test_what_may_have_been_received_is_never_called_not_sent(servers: Servers, told: bytes):
    own = servers(lambda _: [told])
    with pytest.raises(TransientError) as caught:
        to(own).post(own.url)
    assert not isinstance(caught.value, NotSentError)


def test_of_a_refusal_is_kept_what_is_asked_for_and_no_message_has_it(servers: Servers):
    own = servers(lambda _: [response(400, BODY * 1000)])
    with pytest.raises(PermanentStatusError) as caught:
        to(own).request("POST", own.url, refusal_bytes=MAX_REFUSAL)
    assert caught.value.body == (BODY * 1000)[:MAX_REFUSAL]
    assert TEXT not in str(caught.value)
    with pytest.raises(PermanentStatusError) as caught:
        to(own).request("POST", own.url)
    assert caught.value.body == b""


def test_a_refusal_without_an_end_is_read_so_far(servers: Servers):
    own = servers(lambda asked: itertools.chain([b"HTTP/1.1 400 No\r\nConnection: close\r\n\r\n"], endless(asked)))
    with pytest.raises(PermanentStatusError) as caught:
        to(own).request("POST", own.url, refusal_bytes=100, max_bytes=1000)
    assert len(caught.value.body) == 100


def test_who_tries_again_himself_is_told_at_once(servers: Servers):
    own = servers(lambda _: [response(503)])
    guard = Guard(private=(HostPort(own.host, own.port),))
    with pytest.raises(TransientStatusError):
        session(guard, own.url, attempts=1).get(own.url)
    assert own.connections() == 1


def test_an_answer_that_breaks_off_is_asked_for_again(servers: Servers):
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"
    answers = iter([cut, response(200, b"whole")])
    own = servers(lambda _: [next(answers)])
    assert to(own).get(own.url).content == b"whole"


def test_nobody_there_is_a_transient_error():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    guard = Guard(private=(HostPort("127.0.0.1", port),))
    with pytest.raises(NotSentError, match=f"no connection to http://127.0.0.1:{port}"):
        session(guard, f"http://127.0.0.1:{port}").post(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(("number", "kind"), [(socket.EAI_AGAIN, NotSentError), (socket.EAI_NONAME, PermanentError)])
def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch, number: int, kind: type[Exception]):
    def resolve(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(number, "text of the resolver")

    monkeypatch.setattr("exportadmin.lib.http.socket.getaddrinfo", resolve)
    with pytest.raises(kind, match=r"https://nowhere\.example"):
        session(Guard(), "https://nowhere.example").post("https://nowhere.example/x")


def test_no_error_and_no_log_tells_what_was_answered_or_secret(servers: Servers, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    for status in (200, 302, 400, 401, 500):
        own = servers(lambda _, status=status: [response(status, BODY, location="http://10.9.8.7/" + TEXT)])
        try:
            to(own).request("GET", f"{own.url}/{SECRET}?key={SECRET}", max_bytes=10)
        except (TransientError, PermanentError) as error:
            told = "".join(traceback.format_exception(error)) + str(error)
        else:
            pytest.fail("it should have failed")
        for one in (told, caplog.text):
            assert TEXT not in one
            assert SECRET not in one
