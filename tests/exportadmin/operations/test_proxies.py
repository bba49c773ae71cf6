"""Behind a proxy of ours throttles and the trail see the client; nobody else's headers are believed."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from exportadmin.operations import proxies

OURS = proxies.networks(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "seen"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # a stranger's own header
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),  # the first was written by the client
        ("10.1.2.3", "198.51.100.1, 10.9.9.9", "198.51.100.1"),  # two proxies of ours
        ("127.0.0.1", "10.0.0.5", "10.0.0.5"),  # everybody is ours: the farthest
        ("127.0.0.1", "<script>", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1, rubbish", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("", "198.51.100.1", "198.51.100.1"),  # a Unix socket
        ("127.0.0.1", ", ".join(["10.0.0.1"] * 5_000), "10.0.0.1"),
        # a stranger's long list before what our proxy wrote; then more proxies of ours than are looked through
        ("127.0.0.1", ", ".join(["10.0.0.1"] * 30 + ["198.51.100.1"]), "198.51.100.1"),
        ("127.0.0.1", ", ".join(["198.51.100.1"] + ["10.0.0.7"] * 19), "198.51.100.1"),
        ("127.0.0.1", ", ".join(["198.51.100.1"] + ["10.0.0.7"] * 20), "10.0.0.7"),
    ],
)
def test_the_last_address_that_is_no_proxy_of_ours_is_the_client(peer: str, forwarded: str, seen: str):
    assert proxies.client_address(peer, forwarded, OURS) == seen


@given(forwarded=st.text(max_size=60), peer=st.ip_addresses().map(str))
def test_from_a_stranger_no_header_whatever_changes_who_it_is(forwarded: str, peer: str):
    trusted = proxies.networks(["192.0.2.1"])
    if peer != "192.0.2.1":
        assert proxies.client_address(peer, forwarded, trusted) == peer


def test_without_trusted_proxies_nothing_is_believed(settings):
    settings.TRUSTED_PROXIES = ()
    assert _seen("127.0.0.1", "198.51.100.1") == "127.0.0.1"


def test_the_address_is_put_where_all_others_look_for_it(settings):
    settings.TRUSTED_PROXIES = OURS
    assert _seen("127.0.0.1", "198.51.100.1") == "198.51.100.1"


def _seen(peer: str, forwarded: str) -> str:
    addresses = []

    def answer(request: HttpRequest) -> HttpResponse:
        addresses.append(request.META["REMOTE_ADDR"])
        return HttpResponse()

    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=forwarded)
    proxies.TrustedProxiesMiddleware(answer)(request)
    return str(addresses[0])


@pytest.mark.parametrize("word", ["proxy.example.org", "10.0.0.1/8", "300.1.1.1", "*"])
def test_what_is_no_network_stops_the_start_with_words(word: str):
    with pytest.raises(ImproperlyConfigured, match="EXPORTADMIN_TRUSTED_PROXIES") as stopped:
        proxies.networks([word])
    assert "10.0.0.0/8" in str(stopped.value)
