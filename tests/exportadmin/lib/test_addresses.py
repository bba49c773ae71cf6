"""Which addresses may be reached: public ones, private ones with a permission, some never."""

from __future__ import annotations

import ipaddress

import pytest

from exportadmin.lib.addresses import ForbiddenAddressError, HostPort, Reach, check_url, parse_private_address, reach
from exportadmin.lib.errors import UserError

NEVER = """
0.0.0.0 0.1.2.3 169.254.169.254 169.254.170.2 169.254.170.23 169.254.0.1 168.63.129.16 100.100.100.200 192.0.0.192
192.0.0.1 192.0.0.170 192.0.2.1 198.51.100.7 203.0.113.9 198.18.0.1 198.19.255.255 192.88.99.1 224.0.0.1 239.255.255.255
240.0.0.1 255.255.255.255 192.175.48.1
:: ::7f00:1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::1
2002:7f00:1:: 2002:808:808::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:db8::1 3fff::1
100::1 fe80::1 fe80::a9fe:a9fe fec0::1 ff02::1 ff0e::1 fd00:ec2::254 fd20:ce::254 5f00::1 2620:4f:8000::1
2a00:1450:4001:81c:0:5efe:7f00:1 2a00:1450:4001:81c:200:5efe:a00:1 4000::1
""".split()  # noqa: SIM905 - a list to read
WITH_PERMISSION = """
127.0.0.1 127.255.255.254 ::1 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 fc00::1 fd12::5
""".split()  # noqa: SIM905 - a list to read
OPEN = "8.8.8.8 52.216.0.1 172.32.0.1 100.128.0.1 11.0.0.1 192.0.1.1 2a00:1450:4001:81c::200e 2600:1f18::1".split()  # noqa: SIM905


@pytest.mark.parametrize(
    ("address", "kind"),
    [(a, Reach.NEVER) for a in NEVER]
    + [(a, Reach.PERMITTED) for a in WITH_PERMISSION]
    + [(a, Reach.PUBLIC) for a in OPEN],
)
def test_every_address_is_public_or_private_or_never_reached(address: str, kind: Reach):
    assert reach(ipaddress.ip_address(address))[0] is kind


@pytest.mark.parametrize("scoped", ["fd12::5%eth0", "2a00::1%1"])
def test_an_address_of_one_network_card_is_never_reached(scoped: str):
    assert reach(ipaddress.ip_address(scoped))[0] in (Reach.NEVER, Reach.PERMITTED)
    with pytest.raises(ForbiddenAddressError):
        check_url(f"https://[{scoped}]/")


def test_what_python_calls_private_is_never_public():
    """The standard library's own list is not ours, but nothing on it may be open."""
    for network in (*ipaddress._IPv4Constants._private_networks, *ipaddress._IPv6Constants._private_networks):
        for address in (network[0], network[-1]):
            if not address.is_global:
                assert reach(address)[0] is not Reach.PUBLIC, address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://example.org/", "begins https"),
        ("file:///etc/passwd", "begins https"),
        ("//example.org/", "begins https"),
        ("example.org", "begins https"),
        ("https://user:pw@example.org/", "user or password"),
        ("https://example.org@127.0.0.1/", "user or password"),
        ("https://example.org\\@127.0.0.1/", "backslash"),
        ("https://exa mple.org/", "space"),
        ("https://example.org/\r\nHost: x", "control"),
        ("https:///path", "no host"),
        ("https://example.org:0/", "port 0"),
        ("https://example.org:99999/", "cannot be read"),
        ("https://[::1/", "cannot be read"),
        ("https://example.org./", "ends with a dot"),
        ("https://2130706433/", "no address"),
        ("https://0x7f000001/", "no address"),
        ("https://0177.0.0.1/", "no address"),
        ("https://127.1/", "no address"),
        ("https://１２７.0.0.1/", "letters"),
        ("https://127。0。0。1/", "letters"),
        ("https://%31%32%37.0.0.1/", "no address|no host name"),
        ("https://-a.example/", "no host name"),
        ("https://a..b/", "no host name"),
        ("https://" + "a." * 127 + "example/", "no host name"),
        ("https://example.org/" + "a" * 9000, "characters"),
    ],
)
def test_a_url_that_can_be_read_in_two_ways_is_refused(url: str, why: str):
    with pytest.raises(ForbiddenAddressError, match=why):
        check_url(url)


def test_the_refusal_of_a_url_repeats_no_secret_of_it():
    with pytest.raises(ForbiddenAddressError) as caught:
        check_url("https://user:hunter2x@example.org/hunter2x?key=hunter2x")
    assert "hunter2x" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10.0.0.5:9000", HostPort("10.0.0.5", 9000)),
        ("[fd12:0:0::5]:9000", HostPort("fd12::5", 9000)),
        ("MinIO.corp:443", HostPort("minio.corp", 443)),
        (" 127.0.0.1:8333 ", HostPort("127.0.0.1", 8333)),
    ],
)
def test_a_permission_is_one_host_and_one_port(text: str, expected: HostPort):
    assert parse_private_address(text) == expected
    assert parse_private_address(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("10.0.0.5", "no host and port"),
        ("10.0.0.0/8:80", "no host name|no address"),
        ("10.0.0.5:0", "1 to 65535"),
        ("10.0.0.5:70000", "1 to 65535"),
        ("fd12::5:9000", "no host and port"),
        ("*:9000", "no host name"),
        ("169.254.169.254:80", "nobody may permit"),
        ("168.63.129.16:80", "nobody may permit"),
        ("[::ffff:10.0.0.5]:9000", "nobody may permit"),
        ("8.8.8.8:443", "needs no permission"),
        ("0x7f.1:80", "no address"),
        ("http://10.0.0.5:9000", "no host and port"),
    ],
)
def test_a_permission_that_is_none_says_why(text: str, why: str):
    with pytest.raises(UserError, match=why) as caught:
        parse_private_address(text, field="private_address")
    assert caught.value.field == "private_address"
