"""Each setting of an S3 connection does what it says, or is refused in words."""

from __future__ import annotations

import contextlib
import http.server
import threading
from datetime import UTC, datetime, timedelta

import pytest

from connections import declared
from connections.models import Connection
from connections.s3 import names
from connections.s3.client import open_bucket
from connections.sinks import s3
from connections.sinks.base import ReportKey
from connections.sinks.s3 import S3Sink
from exportadmin.lib.errors import ExportAdminError, PermanentError, UserError
from exportadmin.lib.ids import new_id
from tests.support import seaweed
from tests.support.s3_store import secrets_of, unsaved_connection

KEYS = ("access_key_id", "secret_access_key")
ROLE = "arn:aws:iam::123456789012:role/exports"


def deliver(connection: Connection) -> ReportKey:
    report = ReportKey(new_id(), new_id(), 1)
    draft = S3Sink(connection, {}).begin(report)
    draft.write_file("rows", "text/plain", [b"some rows"])
    draft.commit(b"{}")
    return report


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("exports", "exports/"),
        ("/a/b/", "a/b/"),
        ("/", ""),
    ],
)
def test_a_prefix_is_kept_with_one_slash_at_its_end(given, kept):
    assert names.prefix(given) == kept


@pytest.mark.parametrize(
    ("field", "given", "words"),
    [
        ("bucket", "Team_Exports", "is no name of a bucket"),
        ("bucket", "s3://team/exports", "is no name of a bucket"),
        ("bucket", "a..b", "is no name of a bucket"),
        ("prefix", "a//b", "two slashes in a row"),
        ("prefix", "a/../b", r"has '\.\.' in it"),
        ("prefix", "s3://a/b", "is a whole address"),
        ("prefix", "x" * 800, "more than 744 bytes"),
        ("region", "Frankfurt!", "is no region"),
        ("endpoint", "ftp://store", "begins https://"),
        ("endpoint", "https://user:secret@store.example", "has a user or password in it"),
        ("endpoint", "https://store.example/bucket", "goes on after host and port"),
        ("endpoint", "store.example", "begins https://"),
        ("private_address", "8.8.8.8:443", "needs no permission"),
        ("private_address", "localhost", "is no host and port"),
        ("credentials", "password", "known: keys, role, ambient"),
        ("role_arn", "arn:aws:s3:::bucket", "is no role"),
        ("external_id", "a b", "an external id has"),
        ("expected_bucket_owner", "12345", "is no account"),
        ("encryption", "rot13", "known: none, AES256, aws:kms"),
        ("kms_key_id", "a key", "is no KMS key"),
        ("tags", "team", "is no tag"),
        ("tags", "a=1, a=2", "each name once"),
        ("overwrite_guard", "hope", "known: condition, look"),
        ("path_style", "yes", "expected true or false"),
    ],
)
def test_a_setting_that_is_none_is_refused_in_words(field, given, words):
    config = {"bucket": "team-exports", field: given}
    with pytest.raises(UserError, match=words) as caught:
        declared.parse_config(S3Sink, config)
    assert caught.value.field == f"config.{field}"
    assert "secret@" not in str(caught.value)


@pytest.mark.parametrize(
    ("config", "secrets", "field"),
    [
        ({}, [], "secrets.access_key_id"),
        ({}, ["access_key_id"], "secrets.secret_access_key"),
        ({"credentials": "role"}, [], "config.role_arn"),
        ({"credentials": "ambient"}, ["access_key_id"], "secrets.access_key_id"),
        (
            {"role_arn": "arn:aws:iam::123456789012:role/x"},
            ["access_key_id", "secret_access_key"],
            "config.credentials",
        ),
        ({"kms_key_id": "abc"}, ["access_key_id", "secret_access_key"], "config.encryption"),
    ],
)
def test_what_does_not_fit_together_is_refused(config, secrets, field):
    whole = declared.parse_config(S3Sink, {"bucket": "team-exports", **config})
    with pytest.raises(UserError) as caught:
        declared.check_whole(S3Sink, whole, secrets)
    assert caught.value.field == field


def test_class_encryption_and_tags_are_those_of_every_object(s3_store, s3_folder):
    connection = unsaved_connection(
        s3_store.endpoint, s3_folder, encryption="AES256", storage_class="STANDARD_IA", tags="team=vision, stage=a b"
    )
    report = deliver(connection)
    bucket, _, prefix = s3_folder.partition("/")
    for name in ("rows", "manifest.json"):
        place = {"Bucket": bucket, "Key": f"{prefix}{report.report_id}/{name}"}
        found = s3_store.client().head_object(**place)
        assert (found["ServerSideEncryption"], found["StorageClass"]) == ("AES256", "STANDARD_IA")
        tags = s3_store.client().get_object_tagging(**place)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "vision", "stage": "a b"}


def test_a_key_of_kms_and_the_owner_are_named_in_each_request(s3_proxy, s3_folder):
    connection = unsaved_connection(
        s3_proxy.endpoint,
        s3_folder,
        encryption="aws:kms",
        kms_key_id="alias/exports",
        expected_bucket_owner="123456789012",
    )
    bucket = open_bucket(connection)
    with contextlib.suppress(ExportAdminError):  # SeaweedFS has no KMS
        bucket.call("put_object", Key=f"{bucket.prefix}x", Body=b"x", **bucket.write)
    sent = s3_proxy.seen[0].headers
    assert sent["x-amz-server-side-encryption"] == "aws:kms"
    assert sent["x-amz-server-side-encryption-aws-kms-key-id"] == "alias/exports"
    assert sent["x-amz-expected-bucket-owner"] == "123456789012"


@pytest.fixture(autouse=True)
def _in_a_hurry(s3_in_a_hurry: None) -> None:
    """No test here waits."""


def test_rotated_keys_are_used_at_once(s3_store, s3_folder):
    connection = unsaved_connection(s3_store.endpoint, s3_folder)
    deliver(connection)
    connection.secrets = lambda: {**secrets_of(), "secret_access_key": "another/secret"}
    with pytest.raises(PermanentError, match="does not accept the keys"):
        deliver(connection)
    connection.secrets = lambda: secrets_of("admin")
    deliver(connection)


def test_parts_grow_so_that_ten_thousand_hold_the_largest_object(monkeypatch):
    monkeypatch.setattr(s3, "PART_BYTES", 8 << 20)
    assert {s3.part_size(number) for number in range(1, 1001)} == {8 << 20}
    assert sum(s3.part_size(number) for number in range(1, 10_001)) >= 5 << 40
    assert s3.part_size(10_000) <= 5 << 30


class Sts(http.server.BaseHTTPRequestHandler):
    """Lends SeaweedFS's own keys to whoever assumes the role with the right external id."""

    asked: list[str] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(body)
        if "ExternalId=ours" not in body:
            self._answer(403, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>")
            return
        known = seaweed.IDENTITIES["exporter"]
        ends = datetime.now(UTC) + timedelta(hours=1)
        self._answer(
            200,
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>{known.access_key_id}</AccessKeyId><SecretAccessKey>{known.secret_access_key}"
            f"</SecretAccessKey><SessionToken></SessionToken><Expiration>{ends:%Y-%m-%dT%H:%M:%SZ}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>",
        )

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments) -> None:
        return


@pytest.fixture
def sts(monkeypatch):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sts)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    monkeypatch.setattr(Sts, "asked", [])
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", f"http://127.0.0.1:{server.server_address[1]}")
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_a_role_is_assumed_with_its_external_id(sts, s3_store, s3_folder, monkeypatch):
    from exportadmin.lib import http as outbound

    # one private address is all that a connection may have: the store's. STS is a public one in the world.
    both = outbound.guard_for(s3_store.address).private + outbound.guard_for(sts).private
    monkeypatch.setattr(outbound, "guard_for", lambda address="": outbound.Guard(private=both))
    connection = unsaved_connection(
        s3_store.endpoint, s3_folder, credentials="role", role_arn=ROLE, external_id="ours", region="eu-central-1"
    )
    deliver(connection)
    deliver(connection)
    assert len(Sts.asked) == 1  # what is lent is kept until it ends
    assert "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fexports" in Sts.asked[0]
    connection.config["external_id"] = "others"
    with pytest.raises(PermanentError, match=r"may not assume its role \(AccessDenied\).*external id"):
        deliver(connection)


def test_who_lends_roles_is_reached_through_the_guard_too(sts, s3_store, s3_folder):
    connection = unsaved_connection(s3_store.endpoint, s3_folder, credentials="role", role_arn=ROLE, external_id="ours")
    with pytest.raises(PermanentError, match="a loopback address"):
        deliver(connection)
    assert Sts.asked == []


def test_this_machines_own_credentials_are_used_where_the_connection_says_so(s3_store, s3_folder, monkeypatch):
    known = secrets_of()
    connection = unsaved_connection(s3_store.endpoint, s3_folder, credentials="ambient")
    connection.secrets = dict
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", known["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", known["secret_access_key"])
    deliver(connection)


def test_a_role_without_anybody_to_assume_it_is_said(s3_store, s3_folder, monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    connection = unsaved_connection(s3_store.endpoint, s3_folder, credentials="role", role_arn=ROLE)
    connection.secrets = dict
    with pytest.raises(PermanentError, match="this machine has no credentials of its own"):
        deliver(connection)


def test_keys_that_are_gone_are_not_replaced_by_this_machines_own(s3_store, s3_folder, monkeypatch):
    known = secrets_of()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", known["access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", known["secret_access_key"])
    connection = unsaved_connection(s3_store.endpoint, s3_folder)
    connection.secrets = dict
    with pytest.raises(PermanentError, match="has no access key and secret: set them"):
        deliver(connection)
