"""The test of an S3 connection finds what is wrong, names the permission that is missing, and leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine

from connections.adapters import FAILED, PASSED, SKIPPED, Step
from connections.models import Connection, Secrets
from connections.s3 import steps
from connections.sinks.s3 import S3Sink
from tests.support import careless_store, seaweed
from tests.support.s3_store import config_of, secrets_of, unsaved_connection

ORDER = ["reach", "clock", "sign_in", "bucket", "region", "owner", "write", "read", "conditions", "abort", "delete"]


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "PATIENCE", 0.0)


def test_of(connection: Connection) -> dict[str, Step]:
    found = list(S3Sink.test(connection))
    assert [step.key for step in found] == ORDER
    return {step.key: step for step in found}


test_of.__test__ = False  # type: ignore[attr-defined]


def states(found: dict[str, Step]) -> dict[str, str]:
    """Of all steps that did not pass."""
    return {key: step.state for key, step in found.items() if step.state != PASSED}


def skipped_after(key: str) -> dict[str, str]:
    return dict.fromkeys(ORDER[ORDER.index(key) + 1 :], SKIPPED)


def as_somebody(store: seaweed.Store, folder: str, identity: str, **changes: Any) -> dict[str, Step]:
    return test_of(unsaved_connection(store.endpoint, folder, identity=identity, **changes))


def left_in(store: seaweed.Store, folder: str) -> list[str]:
    bucket, _, prefix = folder.partition("/")
    return store.keys(bucket, prefix) + store.uploads(bucket, prefix)


def test_with_all_that_an_export_needs_every_step_passes_and_nothing_is_left(s3_store, s3_folder):
    found = as_somebody(s3_store, s3_folder, "exporter", tags="team=vision")
    assert states(found) == {"owner": SKIPPED}
    assert found["owner"].message == "no owner is expected: the connection names none"
    assert left_in(s3_store, s3_folder) == []


def test_a_wrong_secret_is_a_failed_sign_in_and_is_not_repeated(s3_store, s3_folder):
    connection = unsaved_connection(s3_store.endpoint, s3_folder)
    wrong = {**secrets_of(), "secret_access_key": "entirely-wrong-secret"}
    connection.secrets = lambda: Secrets(wrong)  # type: ignore[method-assign]
    found = test_of(connection)
    assert states(found) == {"sign_in": FAILED, **skipped_after("sign_in")}
    assert "does not accept the keys of connection 'Archive'" in found["sign_in"].message
    assert "secret access key" in found["sign_in"].advice
    assert "entirely-wrong-secret" not in str(found)


def test_keys_that_may_only_read_fail_at_the_first_write_which_names_the_permission(s3_store, s3_folder):
    found = as_somebody(s3_store, s3_folder, "read-only")
    assert states(found) == {"owner": SKIPPED, "write": FAILED, **skipped_after("write")}
    assert found["write"].advice == f"Allow s3:PutObject on arn:aws:s3:::{s3_folder}*."


def test_keys_that_may_only_write_are_told_of_all_that_they_lack(s3_store, s3_folder):
    found = as_somebody(s3_store, s3_folder, "write-only")
    assert states(found) == {"owner": SKIPPED, "bucket": FAILED, "read": FAILED, "abort": FAILED}
    bucket = s3_folder.partition("/")[0]
    assert found["bucket"].advice == f"Allow s3:ListBucket on arn:aws:s3:::{bucket}."
    assert found["read"].advice == f"Allow s3:GetObject on arn:aws:s3:::{s3_folder}*."
    assert found["abort"].advice == f"Allow s3:ListBucketMultipartUploads on arn:aws:s3:::{bucket}."
    assert left_in(s3_store, s3_folder) == []


def test_keys_for_another_bucket_may_do_nothing_here(s3_store, s3_folder):
    found = as_somebody(s3_store, s3_folder, "stranger")
    assert states(found) == {"bucket": FAILED, "owner": SKIPPED, "write": FAILED, **skipped_after("write")}


def test_a_bucket_that_is_not_there_is_named(s3_store):
    found = as_somebody(s3_store, "nobody-made-this/exports/", "exporter")
    assert states(found) == {"bucket": FAILED, **skipped_after("bucket")}
    assert found["bucket"].advice == "Make the bucket nobody-made-this, or correct its name."


def test_a_closed_port_is_not_reached(s3_folder):
    found = test_of(unsaved_connection("http://127.0.0.1:9", s3_folder))
    assert states(found) == {"reach": FAILED, **skipped_after("reach")}
    assert "127.0.0.1:9 cannot be reached" in found["reach"].message


def test_a_private_address_that_nobody_permitted_is_not_reached(s3_store, s3_folder):
    found = test_of(unsaved_connection(s3_store.endpoint, s3_folder, private_address=""))
    assert states(found) == {"reach": FAILED, **skipped_after("reach")}
    assert "a superuser can permit" in found["reach"].message


def test_a_clock_that_is_twenty_minutes_wrong_is_said_so(s3_store, s3_folder):
    connection = unsaved_connection(s3_store.endpoint, s3_folder)
    with time_machine.travel(1200 + steps.datetime.now(steps.UTC).timestamp()):
        found = test_of(connection)
    assert states(found) == {"clock": FAILED, **skipped_after("clock")}
    assert "20 minutes ahead" in found["clock"].message
    assert "NTP" in found["clock"].advice


def test_secrets_that_cannot_be_had_stop_it_before_anything_is_asked(monkeypatch, db):
    connection = Connection.objects.create(name="Archive", kind="s3", config=config_of("https://s3.test", "a-bucket/"))
    secret = connection.stored_secrets.model(connection=connection, field="access_key_id", set_by="sue")
    secret.value, secret.set_at = "env:NO_SUCH_VARIABLE", steps.datetime.now(steps.UTC)
    secret.save()
    found = test_of(connection)
    assert states(found) == {"reach": SKIPPED, "clock": SKIPPED, "sign_in": FAILED, **skipped_after("sign_in")}
    assert "access_key_id" in found["sign_in"].message


def test_whoever_stops_in_the_middle_leaves_nothing(s3_store, s3_folder):
    running = S3Sink.test(unsaved_connection(s3_store.endpoint, s3_folder))
    while next(running).key != "conditions":
        pass
    assert left_in(s3_store, s3_folder)
    running.close()  # type: ignore[attr-defined]
    assert left_in(s3_store, s3_folder) == []


def test_a_store_that_ignores_conditions_is_found_out(tmp_path: Path):
    (tmp_path / "buckets" / "careless").mkdir(parents=True)
    with careless_store.running(tmp_path / "buckets") as endpoint:
        found = test_of(unsaved_connection(endpoint, "careless/exports/"))
        assert found["write"].state == found["read"].state == PASSED
        assert found["conditions"].state == FAILED
        assert "If-None-Match" in found["conditions"].message
        assert "overwrite_guard" in found["conditions"].advice
        looking = test_of(unsaved_connection(endpoint, "careless/exports/", overwrite_guard="look"))
        assert looking["conditions"].state == SKIPPED
    assert [path for path in (tmp_path / "buckets").rglob("*") if path.is_file()] == []


# --- what SeaweedFS does not do: answers as Amazon gives them --------------------------------------------------------


class Amazon:
    """Answers with ``status``, ``code`` and ``headers``; where an owner is expected, with the status ``of_owner``."""

    def __init__(self) -> None:
        self.status, self.code, self.headers = 200, "", {"x-amz-bucket-region": "eu-central-1"}
        self.of_owner = 200

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        status = self.of_owner if request.headers.get("x-amz-expected-bucket-owner") else self.status
        if request.command == "PUT":
            status = 403
        code = self.code or ("AccessDenied" if status == 403 else "")
        body = f"<Error><Code>{code}</Code></Error>" if code else "<ListBucketResult></ListBucketResult>"
        request.send_response(status)
        for name, value in {**self.headers, "Content-Length": str(len(body))}.items():
            request.send_header(name, value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body.encode())


@pytest.fixture
def amazon() -> Iterator[Amazon]:
    told = Amazon()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            told.answer(self)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    told.endpoint = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def test_of_amazon(amazon: Amazon, **changes: Any) -> dict[str, Step]:
    return test_of(unsaved_connection(amazon.endpoint, "a-bucket/exports/", **changes))  # type: ignore[attr-defined]


test_of_amazon.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(("status", "code"), [(301, "PermanentRedirect"), (400, "AuthorizationHeaderMalformed")])
def test_a_bucket_in_another_region_says_which(amazon, status, code):
    amazon.status, amazon.code = status, code
    found = test_of_amazon(amazon, region="us-east-1")
    assert states(found) == {"region": FAILED, **skipped_after("region")}
    assert found["region"].advice == "Set the region to eu-central-1."


def test_a_bucket_whose_answer_names_another_region_is_told_apart(amazon):
    found = test_of_amazon(amazon, region="us-east-1")
    assert found["region"].state == FAILED
    assert found["region"].message == "the bucket lies in eu-central-1, not in us-east-1"
    assert test_of_amazon(amazon, region="eu-central-1")["region"].state == PASSED


def test_a_bucket_of_another_account_is_not_the_one_that_was_meant(amazon):
    amazon.of_owner = 403
    found = test_of_amazon(amazon, region="eu-central-1", expected_bucket_owner="123456789012")
    assert found["bucket"].state == PASSED
    assert found["owner"].state == FAILED
    assert "123456789012" in found["owner"].message
    amazon.of_owner = 200
    same = test_of_amazon(amazon, region="eu-central-1", expected_bucket_owner="123456789012")
    assert same["owner"].state == PASSED


def test_keys_that_have_ended_are_a_failed_sign_in(amazon):
    amazon.status, amazon.code = 400, "ExpiredToken"
    assert states(test_of_amazon(amazon)) == {"sign_in": FAILED, **skipped_after("sign_in")}
