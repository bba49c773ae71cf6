"""What networks and stores do to a delivery of several parts: it arrives whole, or nothing of it is there."""

from __future__ import annotations

import hashlib
import random
from contextlib import closing

import botocore.auth
import pytest
from botocore.compat import get_current_datetime

from connections.s3 import client
from connections.s3.client import S3Error
from connections.sinks.base import ReportKey
from connections.sinks.s3 import S3Sink
from exportadmin.lib.errors import ExportAdminError, PermanentError, TransientError
from tests.support import careless_store
from tests.support.s3_proxy import Answer, Corrupt, CorruptAnswer, Hang, Proxy, Reset, Slow, Unconditional, on
from tests.support.s3_store import unsaved_connection

MIB = 1 << 20
BODY = random.Random(7).randbytes(5 * MIB)
PARTS = 2
THE_END = b"the end"  # a part smaller than the others
SHA = hashlib.sha256(BODY * PARTS + THE_END).hexdigest()


@pytest.fixture
def sink(s3_proxy: Proxy, s3_folder: str, s3_in_a_hurry: None, monkeypatch) -> S3Sink:
    monkeypatch.setattr(client, "ATTEMPTS", 4)
    return S3Sink(unsaved_connection(s3_proxy.endpoint, s3_folder), {})


@pytest.fixture
def there(s3_store, s3_folder):
    """Keys of objects and of unfinished uploads, as the store itself tells."""
    bucket, _, prefix = s3_folder.partition("/")
    return lambda: s3_store.keys(bucket, prefix) + s3_store.uploads(bucket, prefix)


def deliver(sink: S3Sink, report: ReportKey, parts: int = PARTS) -> str:
    """As the pipeline does it: whatever happens, the draft is given up."""
    draft = sink.begin(report)
    try:
        draft.write_file("rows", "text/plain", [*[BODY] * parts, THE_END])
        draft.write_file("small", "text/plain", [b"small"])
        return draft.commit(b"{}").location
    finally:
        draft.abort()


def check_whole(sink: S3Sink, location: str, there) -> None:
    assert [key.rpartition("/")[2] for key in there()] == ["manifest.json", "rows", "small"]
    digest = hashlib.sha256()
    with closing(sink.delivery(location).open("rows")) as file:
        while block := file.read(MIB):
            digest.update(block)
    assert digest.hexdigest() == SHA


def test_parts_are_sent_while_it_is_written_and_nothing_shows_before_the_end(sink, report, s3_proxy, there):
    draft = sink.begin(report)
    file = draft.open_file("rows", "text/plain")
    file.write(BODY * PARTS + THE_END)
    file.close()
    draft._arrive()
    assert s3_proxy.actions().count("upload_part") == PARTS + 1
    assert [key.rpartition("/")[2] for key in there()] == [f".{report.report_id}.1.part", "rows"]  # an upload
    assert sink.published(report) is None
    check = draft.commit(b"{}")
    assert [entry.name for entry in check.entries()] == ["manifest.json", "rows"]


@pytest.mark.parametrize(
    "what",
    [Answer(500, "InternalError"), Answer(503, "SlowDown"), Answer(503, "SlowDown", headers={"Retry-After": "0"})],
    ids=["500", "503", "503 with Retry-After"],
)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after it was done"])
def test_bursts_of_errors_are_sat_out(sink, report, s3_proxy, there, what, after):
    """A fifth of all requests, whatever they are."""
    client.ATTEMPTS = 7  # as in the product; it is put back
    dice = random.Random(20)
    answer = Answer(what.status, what.code, after=after, headers=what.headers)
    s3_proxy.fault = lambda request: answer if dice.random() < 0.2 else None
    location = deliver(sink, report)
    refused = len(s3_proxy.seen)
    s3_proxy.fault = lambda request: None
    check_whole(sink, location, there)
    assert refused > len({(request.method, request.path) for request in s3_proxy.seen[:refused]})


@pytest.mark.parametrize(
    "fault",
    [
        on("upload_part", Reset(), first=1, times=2),
        on("upload_part", Slow(), times=2),
        on("upload_part", Corrupt(), times=2),
        on("upload_part", CorruptAnswer(), times=2),
        on("put_object", Corrupt(), times=2),
        on("put_object", Reset(), times=2),
        on("complete_multipart_upload", Answer(500, "InternalError", after=True), times=2),
        on("complete_multipart_upload", Answer(409, "ConditionalRequestConflict"), times=2),
        on("put_object", Answer(409, "ConditionalRequestConflict"), times=2),
        on("create_multipart_upload", Answer(500, "InternalError", after=True), times=1),
        on("put_object", Answer(500, "InternalError", after=True), first=0, times=3),
    ],
    ids=lambda fault: None,
)
def test_what_goes_away_is_tried_again_and_the_delivery_is_whole(sink, report, s3_proxy, there, fault):
    s3_proxy.fault = fault
    location = deliver(sink, report)
    s3_proxy.fault = lambda request: None
    assert fault.hits
    found = there()
    if found.count(f"{found[0].rpartition('/')[0]}/rows") == 2:  # of an upload that was begun twice one half stays
        sink.discard(report)
    check_whole(sink, location, there)


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (
            on("upload_part", Answer(403, "AccessDenied"), first=5),
            PermanentError,
            "may not upload a part .*s3:PutObject",
        ),
        (on("complete_multipart_upload", Answer(403, "AccessDenied")), PermanentError, "may not complete an upload"),
        (on("put_object", Answer(403, "AccessDenied")), PermanentError, "may not write an object at s3://"),
        (on("put_object", Answer(403, "AccessDenied"), first=1), PermanentError, "may not write an object at s3://"),
        (on("upload_part", Answer(507, "InsufficientStorage"), first=1), PermanentError, "has no room left"),
        (on("upload_part", Answer(500, "InternalError"), first=1), TransientError, r"upload a part \(InternalError\)"),
        (on("upload_part", Corrupt()), TransientError, "could not upload a part"),
        (on("upload_part", CorruptAnswer()), TransientError, "arrived changed"),
        (on("upload_part", Reset(), first=2), TransientError, "broke the connection off"),
        (on("put_object|complete_multipart_upload", Answer(503, "SlowDown")), TransientError, "SlowDown"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_stays_ends_it_in_words_and_nothing_is_left(sink, report, s3_proxy, there, fault, kind, words):
    s3_proxy.fault = fault
    with pytest.raises(kind, match=words) as caught:
        deliver(sink, report, parts=6 if "upload a part .*s3" in words else PARTS)
    assert fault.hits
    assert "secret words" not in str(caught.value)
    assert there() == []
    assert sink.published(report) is None


@pytest.fixture
def impatient(sink, monkeypatch) -> None:
    """Silence is soon too long, so that machines under load may take something for it: all is tried again."""
    monkeypatch.setattr(client, "READ_SECONDS", 3.0)


def test_silence_is_sat_out(impatient, sink, report, s3_proxy, there):
    s3_proxy.fault = on("upload_part", Hang(), first=1, times=1)
    location = deliver(sink, report)
    s3_proxy.fault = lambda request: None
    check_whole(sink, location, there)


def test_silence_that_stays_ends_it(impatient, sink, report, s3_proxy, there, monkeypatch):
    monkeypatch.setattr(client, "ATTEMPTS", 2)
    s3_proxy.fault = on("upload_part", Hang(), first=1)
    with pytest.raises(TransientError, match="silent for too long"):
        deliver(sink, report)
    assert sink.published(report) is None
    s3_proxy.fault = lambda request: None
    sink.discard(report)
    assert there() == []


def test_a_store_that_refuses_every_third_object_delivers_nothing(sink, report, s3_proxy, there):
    """Whichever of them it is: a file, or the manifest."""
    for offset in range(3):
        count = iter(range(offset, 1000))

        def refuse(request, count=count):
            is_object = request.action in ("put_object", "complete_multipart_upload")
            return Answer(403, "AccessDenied") if is_object and next(count) % 3 == 2 else None

        s3_proxy.fault = refuse
        with pytest.raises(S3Error, match="may not"):
            deliver(sink, report)
        assert sink.published(report) is None
        assert there() == []


def test_an_answer_that_is_lost_at_the_manifest_is_no_second_delivery(sink, report, s3_proxy, there):
    """The store has it, tells of an error, and is silent from then on: what is published keeps its files."""

    def lost(request):
        lost.over = lost.over or (request.action == "put_object" and request.key.endswith("manifest.json"))
        return Answer(500, "InternalError", after=request.action == "put_object") if lost.over else None

    lost.over = False
    s3_proxy.fault = lost
    with pytest.raises(TransientError):
        deliver(sink, report)
    s3_proxy.fault = lambda request: None
    found = sink.published(report)
    assert found is not None
    sink.discard(report)
    check_whole(sink, found.location, there)


def test_a_clock_that_is_twenty_minutes_wrong_is_said(sink, report, monkeypatch, there):
    from datetime import timedelta

    monkeypatch.setattr(
        botocore.auth, "get_current_datetime", lambda *a, **k: get_current_datetime(*a, **k) - timedelta(minutes=20)
    )
    with pytest.raises(PermanentError, match=r"the clock of this machine is not that of 127\.0\.0\.1"):
        deliver(sink, report)
    monkeypatch.undo()
    assert there() == []


def test_who_may_only_read_is_told_which_permission_is_missing(s3_store, s3_folder, report, s3_in_a_hurry):
    sink = S3Sink(unsaved_connection(s3_store.endpoint, s3_folder, "read-only"), {})
    with pytest.raises(PermanentError, match=r"connection 'Archive' may not write an object .* keys need s3:PutObject"):
        sink.begin(report)


def test_keys_that_nobody_knows_and_a_missing_bucket_are_said(s3_store, s3_folder, report, s3_in_a_hurry):
    connection = unsaved_connection(s3_store.endpoint, s3_folder)
    connection.secrets = lambda: {"access_key_id": "AKNOBODY", "secret_access_key": "no/secret"}
    with pytest.raises(PermanentError, match="does not accept the keys of connection 'Archive'"):
        S3Sink(connection, {}).begin(report)
    nowhere = S3Sink(unsaved_connection(s3_store.endpoint, "nobody-made-this/x/", "admin"), {})
    with pytest.raises(PermanentError, match="there is no bucket nobody-made-this at 127"):
        nowhere.begin(report)


def test_a_bucket_of_another_account_gets_nothing(s3_proxy, s3_folder, report, s3_in_a_hurry, there):
    """The proxy does what Amazon does: SeaweedFS has no accounts."""

    def owned(request):
        expected = request.headers.get("x-amz-expected-bucket-owner")
        return Answer(403, "AccessDenied") if expected != "111122223333" else None

    s3_proxy.fault = owned
    connection = unsaved_connection(s3_proxy.endpoint, s3_folder, expected_bucket_owner="444455556666")
    with pytest.raises(PermanentError, match="has to belong to account 444455556666"):
        deliver(S3Sink(connection, {}), report)
    assert there() == []
    connection = unsaved_connection(s3_proxy.endpoint, s3_folder, expected_bucket_owner="111122223333")
    assert deliver(S3Sink(connection, {}), report)


def test_a_store_that_ignores_conditions_is_refused_and_can_be_had_by_looking_first(
    s3_proxy, s3_store, s3_folder, report, s3_in_a_hurry, there
):
    bucket = s3_folder.partition("/")[0]
    ignores = Unconditional(lambda key: s3_store.client().delete_object(Bucket=bucket, Key=key))
    s3_proxy.fault = lambda request: ignores
    with pytest.raises(PermanentError, match=r"ignores If-None-Match.*: nothing was delivered.*look first"):
        deliver(S3Sink(unsaved_connection(s3_proxy.endpoint, s3_folder), {}), report)
    assert there() == []
    looking = S3Sink(unsaved_connection(s3_proxy.endpoint, s3_folder, overwrite_guard="look"), {})
    location = deliver(looking, report)
    check_whole(looking, location, there)
    with pytest.raises(PermanentError, match=r"is there already.*nothing was delivered"):
        second = looking.begin(ReportKey(report.report_id, report.project_id, 2))
        second.write_file("rows", "text/plain", [b"others"])
        try:
            second.commit(b"{}")
        finally:
            second.abort()
    check_whole(looking, location, there)


@pytest.mark.parametrize("rows", [BODY * PARTS, b"few"], ids=["in parts", "in one piece"])
def test_a_process_that_was_believed_dead_delivers_nothing(sink, report, there, rows):
    """It wakes up when another attempt has begun, and finds its marker gone."""
    first = sink.begin(report)
    first.write_file("rows", "text/plain", [rows, THE_END])
    second = sink.begin(ReportKey(report.report_id, report.project_id, 2))
    second.write_file("rows", "text/plain", [BODY * PARTS, THE_END])
    with pytest.raises(ExportAdminError):
        first.commit(b'{"attempt": 1}')
    first.abort()
    delivery = second.commit(b'{"attempt": 2}')
    with closing(delivery.open("manifest.json")) as file:
        assert file.read(100) == b'{"attempt": 2}'
    assert [key.rpartition("/")[2] for key in there()] == ["manifest.json", "rows"]


def test_a_real_store_that_ignores_conditions_is_refused_too(tmp_path, report, s3_in_a_hurry):
    (tmp_path / "buckets" / "careless").mkdir(parents=True)
    with careless_store.running(tmp_path / "buckets") as endpoint:
        with pytest.raises(PermanentError, match="ignores If-None-Match"):
            deliver(S3Sink(unsaved_connection(endpoint, "careless/exports/"), {}), report)
        assert [path for path in (tmp_path / "buckets").rglob("*") if path.is_file()] == []
        looking = S3Sink(unsaved_connection(endpoint, "careless/exports/", overwrite_guard="look"), {})
        deliver(looking, report)
        found = looking.published(report)
        assert sorted(entry.name for entry in found.entries()) == ["manifest.json", "rows", "small"]
        with closing(found.open("rows")) as file:
            assert file.size == len(BODY) * PARTS + len(THE_END)


def test_a_bucket_that_wants_its_tags_on_every_object_has_them_on_the_probe_too(
    s3_proxy, s3_folder, s3_in_a_hurry, report, there
):
    def untagged(request):
        is_bare = request.action == "put_object" and "x-amz-tagging" not in request.headers
        return Answer(403, "AccessDenied") if is_bare else None

    sink = S3Sink(unsaved_connection(s3_proxy.endpoint, s3_folder, tags="team=vision"), {})
    s3_proxy.fault = untagged
    location = deliver(sink, report)
    s3_proxy.fault = lambda request: None
    check_whole(sink, location, there)
