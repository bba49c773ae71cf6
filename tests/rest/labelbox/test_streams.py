"""Streams of rows: what a header says, which chunk holds a byte or a line, and who may fetch one."""

from __future__ import annotations

import io
import json
import re
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image
from pycocotools import mask as coco_mask

from connections.access.models import Membership
from connections.rows import composite_masks
from connections.store.models import StoreRow
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exportadmin.runs.execute import run_in_foreground
from exportadmin.runs.lease import claim
from exports.dialects.labelbox import chunks
from exports.models import ExportReport
from tests.rest.labelbox.asking import FROM_LINE, FROM_OFFSET, HEADER, data, error, export, stream
from tests.rest.world import Rest, World, whole

# runs read through connections of their own: what is asked for here is committed
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several of them in a file of 40 rows, which has one entry in its index."""
    monkeypatch.setattr(chunks, "SMALLEST", 1 << 12)
    monkeypatch.setattr("exports.sources.store.BATCH_ROWS", 3)


def ran(report: ExportReport) -> ExportReport:
    lease = claim(ExportReport, report.pk, foreground=True)
    assert lease is not None
    run_in_foreground(lease)
    report.refresh_from_db()
    assert report.is_delivered, report.error
    return report


def header(client: Rest, report: ExportReport, kind: str = "RESULT") -> Any:
    return data(client, HEADER, stream(report, kind))["task"]["exportMetadataHeader"]


def chunk(client: Rest, report: ExportReport, kind: str = "RESULT", **place: Any) -> Any:
    query, field = (FROM_LINE, "exportFileFromLine") if "line" in place else (FROM_OFFSET, "exportFileFromOffset")
    return data(client, query, stream(report, kind, **place))["task"][field]


def fetched(found: Any) -> bytes:
    """As the SDK does: no header beside what requests sends, and the length is compared."""
    answer = Client(headers={"Accept-Encoding": "gzip, deflate"}).get(found["file"].removeprefix("http://testserver"))
    assert answer.status_code == 200, answer.content
    assert answer["Content-Encoding"] == "identity"
    raw = whole(answer)
    assert (
        len(raw) == int(found["offsets"]["end"]) - int(found["offsets"]["start"]) + 1 == int(answer["Content-Length"])
    )
    return raw


def all_chunks(client: Rest, report: ExportReport, kind: str = "RESULT") -> list[tuple[Any, bytes]]:
    """The SDK's loop."""
    told, offset, found = header(client, report, kind), 0, []
    while offset < int(told["totalSize"]):
        one = chunk(client, report, kind, offset=str(offset))
        found.append((one, fetched(one)))
        offset = int(one["offsets"]["end"]) + 1
    return found


def test_chunks_are_the_file_in_order_cut_at_lines(own_world: World, small_chunks: None):
    client = own_world.script("oscar")
    report = ran(export(client, own_world))
    told = header(client, report)
    found = all_chunks(client, report)
    assert len(found) > 2
    raw = b"".join(piece for _, piece in found)
    assert (len(raw), raw.count(b"\n")) == (int(told["totalSize"]), told["totalLines"]) == (len(raw), 40)
    line = 0
    for one, piece in found:
        assert piece.endswith(b"\n")
        assert int(one["lines"]["start"]) == line
        line += piece.count(b"\n")
        assert int(one["lines"]["end"]) == line - 1
    for row in raw.splitlines():
        assert set(json.loads(row)) == {"data_row", "media_attributes", "projects"}


def test_every_byte_and_every_line_is_in_the_chunk_that_is_said_to_hold_it(own_world: World, small_chunks: None):
    client = own_world.script("oscar")
    report = ran(export(client, own_world))
    found = [one for one, _ in all_chunks(client, report)]
    places = [{key: one[key] for key in ("offsets", "lines")} for one in found]
    for place in places:
        for by, many in (("offset", "offsets"), ("line", "lines")):
            start, end = int(place[many]["start"]), int(place[many]["end"])
            for wanted in {start, (start + end) // 2, end}:
                one = chunk(client, report, **{by: wanted})
                assert {key: one[key] for key in ("offsets", "lines")} == place


@pytest.mark.parametrize("place", [{"offset": "99999999"}, {"line": 40}, {"line": -1}, {"offset": "x"}])
def test_a_place_outside_is_refused(own_world: World, place: dict[str, Any]):
    client = own_world.script("oscar")
    report = ran(export(client, own_world))
    query = FROM_LINE if "line" in place else FROM_OFFSET
    assert error(client, query, stream(report, **place))[0] == "MALFORMED_REQUEST"


def test_a_stream_without_a_row_has_no_header_and_no_chunk(own_world: World):
    client = own_world.script("oscar")
    nothing = {"ids": ["nosuch"], "operator": "is", "type": "data_row_id"}
    report = ran(export(client, own_world, nothing))
    assert header(client, report) is header(client, report, "ERRORS") is chunk(client, report, offset="0") is None
    waiting = export(client, own_world, name="waits")
    assert waiting.status == statuses.QUEUED
    assert header(client, waiting) is None


def test_refused_rows_are_the_stream_of_errors(own_world: World):
    """Of masks that break off no picture can be made. The list has no index: its chunks are found by reading it."""
    masked = StoreRow.objects.filter(project=own_world.own.project, body__contains='"counts":"').order_by("number")[:2]
    for row in masked:
        row.body = re.sub('"counts":"[^"]*"', '"counts":"o"', row.body)
        row.save(update_fields=["body"])
    client = own_world.script("oscar")
    report = ran(export(client, own_world))
    assert (report.status, header(client, report)["totalLines"]) == (statuses.PARTIAL, 38)
    assert header(client, report, "ERRORS")["totalLines"] == 2
    ((one, raw),) = all_chunks(client, report, "ERRORS")
    told = [json.loads(line) for line in raw.splitlines()]
    assert [line["data_row_id"] for line in told] == [row.row_id for row in masked]
    assert {line["reason"] for line in told} == {"a mask cannot be read: the mask's counts break off"}
    assert fetched(chunk(client, report, "ERRORS", line=1)) == raw
    assert one["lines"] == {"start": "0", "end": "1"}


def test_masks_are_pictures_that_are_fetched_with_the_key_and_hold_every_pixel(
    own_world: World, monkeypatch: pytest.MonkeyPatch
):
    client = own_world.script("oscar")
    report = ran(export(client, own_world))
    raw = b"".join(piece for _, piece in all_chunks(client, report))
    assert b'"mask":' not in raw and b'"counts":' not in raw
    rows = StoreRow.objects.filter(project=own_world.own.project).order_by("number")
    kept = re.findall(r'"mask":\{"size":\[120,160\],"counts":"([^"]*)"', "".join(row.body for row in rows))
    found = re.findall(rb'"composite_mask":\{"url":"http://testserver([^"]*)","color_rgb":\[(\d+),(\d+),(\d+)\]', raw)
    assert len(found) == len(kept) > 1
    for (url, *colour), counts in zip(found, kept, strict=True):
        answer = client.get(url.decode())
        assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
        picture = np.asarray(Image.open(io.BytesIO(answer.content)))
        pixels = np.asfortranarray((picture == [int(part) for part in colour]).all(axis=2).astype(np.uint8))
        assert coco_mask.encode(pixels)["counts"].decode() == json.loads(f'"{counts}"')
    looked = AuditEntry.objects.filter(event="artifact.rows_read", details_json__contains=".masks.ndjson")
    assert looked.count() == 1
    for wrong in (url.replace(b"/masks/", b"/masks/1"), url.replace(b"/index/1", b"/index/2"), b"/nowhere"):
        assert client.get(wrong.decode()).status_code == 404
    assert Client().get(url.decode()).status_code == 401
    assert own_world.script("rita").get(url.decode()).status_code == 403
    monkeypatch.setattr(composite_masks, "MOST_PIXELS", 100)  # it was more when the export was made
    refused = client.get(url.decode())
    assert (refused.status_code, "160 x 120 pixels has more than the 100" in refused.content.decode()) == (409, True)


def test_the_address_of_a_chunk_ends(own_world: World, monkeypatch: pytest.MonkeyPatch):
    client = own_world.script("oscar")
    found = chunk(client, ran(export(client, own_world)), offset="0")
    address = found["file"].removeprefix("http://testserver")
    monkeypatch.setattr(chunks, "ADDRESS_SECONDS", -1)
    assert Client().get(address).status_code == 410
    monkeypatch.undo()
    changed = address[:-1] + ("A" if address[-1] != "A" else "B")
    assert Client().get(changed).status_code == Client().get("/dialects/labelbox/chunks/x").status_code == 401


def test_the_address_of_a_chunk_opens_what_its_token_may_download(own_world: World):
    token, key = own_world.token("oscar")
    client = Rest(key)
    report = ran(export(client, own_world))
    address = chunk(client, report, offset="0")["file"].removeprefix("http://testserver")
    membership = Membership.objects.filter(user=own_world.people["oscar"])
    membership.update(role="reviewer")
    assert Client().get(address).status_code == 403
    membership.update(role="operator")
    assert Client().get(address).status_code == 200
    token.revoked_at = timezone.now() - timedelta(seconds=1)
    token.save()
    assert Client().get(address).status_code == 401


def test_who_took_a_chunk_is_in_the_trail_with_how_much_was_sent(own_world: World):
    client = own_world.script("oscar")
    report = ran(export(client, own_world))
    found = chunk(client, report, line=0)
    before = AuditEntry.objects.order_by("-sequence")[0].sequence
    raw = fetched(found)
    began, ended = AuditEntry.objects.filter(sequence__gt=before).order_by("sequence")
    assert (began.event, ended.event) == ("artifact.rows_read", "artifact.rows_read_ended")
    assert {began.channel, ended.channel} == {"dialect:labelbox"}
    assert {began.actor_name, ended.actor_name} == {"script of oscar"}
    assert (ended.details["bytes_sent"], ended.details["rows_sent"]) == (len(raw), 40)


def test_files_that_were_removed_are_a_conflict_in_words(own_world: World):
    client = own_world.script("oscar")
    report = ran(export(client, own_world))
    ExportReport.objects.filter(pk=report.pk).update(files_removed_at=timezone.now(), files_removed_why="old")
    code, message = error(client, HEADER, stream(report))
    assert (code, "The file was removed" in message) == ("RESOURCE_CONFLICT", True)


def test_a_mask_of_which_no_picture_can_be_painted_is_refused_and_never_promised(own_world: World):
    masked = StoreRow.objects.filter(project=own_world.own.project, body__contains='"counts":"').order_by("number")[0]
    client = own_world.script("oscar")
    counts = coco_mask.frPyObjects({"size": [20_000, 20_000], "counts": [0, 4, 399_999_996]}, 20_000, 20_000)["counts"]
    large = '"mask":{"size":[20000,20000],"counts":' + json.dumps(counts.decode())
    masked.body = re.sub(r'"mask":\{"size":\[120,160\],"counts":"[^"]*"', lambda _: large, masked.body)
    masked.save(update_fields=["body"])
    ((_, raw),) = all_chunks(client, ran(export(client, own_world)), "ERRORS")
    (told,) = (json.loads(line) for line in raw.splitlines())
    assert told["data_row_id"] == masked.row_id
    assert "20,000 x 20,000 pixels has more than" in told["reason"]
