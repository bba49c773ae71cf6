"""However a forbidden address is written, nothing connects to it: not a session, not boto3, not after redirects."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from exportadmin.lib.addresses import ForbiddenAddressError, HostPort
from exportadmin.lib.boto import guard_botocore
from exportadmin.lib.errors import PermanentError
from exportadmin.lib.http import Guard, OutboundSession, session
from tests.support.canary import TEXT, Canary, response
from tests.support.forbidden import FORMS, Network

# http is permitted, so that it is the address that stops what is not public
OPEN = Guard(allow_http=True)


PATHS = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2})


@pytest.fixture(scope="module")
def boto3_session() -> boto3.session.Session:
    """Behind :data:`OPEN`; one for all, as it reads megabytes of descriptions."""
    made = boto3.session.Session(aws_access_key_id="k", aws_secret_access_key="s", region_name="us-east-1")
    guard_botocore(made, OPEN)
    return made


def told(error: BaseException) -> str:
    return str(error) + repr(error) + "".join(traceback.format_exception(error))


@pytest.mark.parametrize("form", FORMS)
def test_no_session_connects(form: str, network: Network, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(PermanentError) as caught:
        session(OPEN, "https://own.example").get(form.replace("{port}", str(network.canary.port)))
    assert network.reached == []
    assert network.canary.connections() == 0
    assert TEXT not in told(caught.value) + caplog.text


@pytest.mark.parametrize("form", FORMS)
def test_no_boto3_connects(form: str, boto3_session: Any, network: Network, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    url = form.replace("{port}", str(network.canary.port))
    with pytest.raises((PermanentError, BotoCoreError, ValueError)) as caught:
        boto3_session.client("s3", endpoint_url=url, config=PATHS).list_buckets()
    assert network.reached == []
    assert network.canary.connections() == 0
    assert TEXT not in told(caught.value) + caplog.text


def test_there_are_sixty_forms_and_the_network_of_this_test_does_lead_to_the_canary(network: Network):
    assert len(FORMS) >= 60
    assert network.getaddrinfo("0x7f.1", 80)[0][4] == ("127.0.0.1", 80)
    with pytest.raises(ForbiddenAddressError):  # it is public and is connected to, but the peer is another
        session(OPEN, "https://own.example").get(f"http://public.example:{network.canary.port}/")
    assert network.canary.connections() == 1
    assert network.canary.requests == [b""]


def test_a_peer_that_is_not_who_was_meant_gets_no_byte(network: Network, boto3_session: Any):
    with pytest.raises(ForbiddenAddressError):
        boto3_session.client("s3", endpoint_url=f"http://public.example:{network.canary.port}").list_buckets()
    assert network.canary.connections() == 1
    assert network.canary.requests == [b""]


@pytest.mark.parametrize(
    ("answers", "attempts"),
    [
        ([["52.216.0.1"], ["127.0.0.1"]], 1),
        ([["52.216.0.1"], ["52.216.0.1"], ["10.0.0.1"]], 2),
        ([["52.216.0.1"], ["52.216.0.1", "127.0.0.1"]], 1),
        ([["127.0.0.1"], ["52.216.0.1"]], 0),
    ],
)
def test_a_name_that_answers_twice_differently_is_asked_once_for_each_connection(
    network: Network, monkeypatch: pytest.MonkeyPatch, answers: list[list[str]], attempts: int
):
    """What was checked is what is connected to; the next attempt asks, and checks, anew."""
    network.names["rebound.example"] = [*map(list, answers)]

    def refuse(_: Any, address: Any) -> None:
        network.reached.append(address[0])
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    client = OutboundSession(OPEN, "https://own.example", pause=lambda _: None)
    with pytest.raises(ForbiddenAddressError):
        client.get("http://rebound.example/")
    assert network.reached == ["52.216.0.1"] * attempts
    assert network.looked_up == ["rebound.example"] * (attempts + 1)


@pytest.mark.parametrize("hops", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://0x7f.1:{port}/",
        "//127.0.0.1:{port}/",
        "http://user@127.0.0.1:{port}/",
        "ftp://127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@x/",
        "http://１２７.0.0.1:{port}/",
    ],
)
def test_no_redirect_leads_there(servers: Callable[..., Canary], canary: Canary, hops: int, target: str):
    steps = iter([*(f"/{hop}" for hop in range(1, hops)), target.replace("{port}", str(canary.port))])
    own = servers(lambda _: [response(302, b"", location=next(steps))])
    client = session(Guard(private=(HostPort(own.host, own.port),)), own.url)
    with pytest.raises(ForbiddenAddressError) as caught:
        client.get(own.url)
    assert own.connections() == hops
    assert canary.connections() == 0
    assert TEXT not in told(caught.value)
