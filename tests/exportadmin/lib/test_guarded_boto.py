"""boto3 reaches what its guard permits, and nothing else."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from exportadmin.lib.addresses import ForbiddenAddressError, HostPort
from exportadmin.lib.boto import guard_botocore
from exportadmin.lib.errors import PermanentError
from exportadmin.lib.http import MAX_BODY, Guard
from tests.support import seaweed
from tests.support.canary import TEXT, Canary, response


def guarded_client(endpoint: str, guard: Guard, service: Any = "s3", **config: Any) -> Any:
    identity = seaweed.IDENTITIES["admin"]
    session = boto3.session.Session(
        aws_access_key_id=identity.access_key_id,
        aws_secret_access_key=identity.secret_access_key,
        region_name=seaweed.REGION,
    )
    guard_botocore(session, guard, connect_seconds=5, read_seconds=10)
    settings = Config(s3={"addressing_style": "path"}, **config)
    return session.client(service, endpoint_url=endpoint, config=settings)


def test_a_private_store_is_reached_with_its_permission(s3_store: seaweed.Store, s3_folder: str):
    bucket, _, prefix = s3_folder.partition("/")
    host, port = s3_store.address.split(":")
    client = guarded_client(s3_store.endpoint, Guard(private=(HostPort(host, int(port)),)))
    body = bytes(range(256)) * 4096
    client.put_object(Bucket=bucket, Key=f"{prefix}x", Body=body, ChecksumAlgorithm="SHA256")
    assert client.get_object(Bucket=bucket, Key=f"{prefix}x")["Body"].read() == body
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket=bucket, Key=f"{prefix}nothing")
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"


@pytest.mark.parametrize("service", ["s3", "sts"])
def test_without_it_no_service_is(canary: Canary, service: str):
    client = guarded_client(f"http://127.0.0.1:{canary.port}", Guard(private=(HostPort("127.0.0.1", 9),)), service)
    with pytest.raises(ForbiddenAddressError, match="loopback") as caught:
        client.list_buckets() if service == "s3" else client.get_caller_identity()
    assert TEXT not in str(caught.value)
    assert canary.connections() == 0


def test_the_canary_would_have_been_reached(canary: Canary):
    client = guarded_client(f"http://127.0.0.1:{canary.port}", Guard(private=(HostPort("127.0.0.1", canary.port),)))
    with pytest.raises(ClientError, match=TEXT):
        client.list_buckets()
    assert canary.connections() > 0


def test_a_proxy_from_the_environment_is_not_used(
    canary: Canary, s3_store: seaweed.Store, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{canary.port}")
    host, port = s3_store.address.split(":")
    guarded_client(s3_store.endpoint, Guard(private=(HostPort(host, int(port)),))).list_buckets()
    assert canary.connections() == 0


def test_a_redirect_to_another_region_is_checked_again(
    canary: Canary, servers: Callable[..., Canary], monkeypatch: pytest.MonkeyPatch
):
    """The store answers that the bucket is elsewhere; boto3 asks there, which is nowhere that it may go."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, **named: Any) -> Any:
        return real("127.0.0.1", canary.port, **named) if "amazonaws.com" in host else real(host, port, **named)

    monkeypatch.setattr("exportadmin.lib.http.socket.getaddrinfo", resolve)
    body = b"<Error><Code>PermanentRedirect</Code><Endpoint>s3.eu-west-1.amazonaws.com</Endpoint></Error>"
    store = servers(lambda _: [response(301, body, x_amz_bucket_region="eu-west-1")])
    client = guarded_client(store.url, Guard(private=(HostPort("127.0.0.1", store.port),)))
    with pytest.raises((ForbiddenAddressError, ClientError)):
        client.get_object(Bucket="b", Key="k")
    assert store.connections() > 0
    assert canary.connections() == 0


def test_an_endless_answer_ends(servers: Callable[..., Canary]):
    head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
    store = servers(lambda _: itertools.chain([head], itertools.repeat(b"x" * 65536)))
    client = guarded_client(store.url, Guard(private=(HostPort("127.0.0.1", store.port),)))
    with pytest.raises(PermanentError, match=f"more than {MAX_BODY:,} bytes"):
        client.list_buckets()


def test_an_answer_that_breaks_off_is_asked_for_again(servers: Callable[..., Canary]):
    answers = iter(
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<List",
            response(200, b"<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>"),
        ]
    )
    store = servers(lambda _: [next(answers)])
    client = guarded_client(store.url, Guard(private=(HostPort("127.0.0.1", store.port),)))
    assert client.list_buckets()["Buckets"] == []
    assert store.connections() == 2
