"""What every sink promises to whoever delivers, reads, keeps or removes: the same tests for each that there is."""

from __future__ import annotations

import dataclasses
import hashlib
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from connections.sinks.base import MANIFEST_NAME, DeliveredFileError, Delivery, ReportKey, Sink
from exportadmin.lib.errors import PermanentError
from exportadmin.lib.ids import new_id

BODY = bytes(range(256)) * 300
SHA = hashlib.sha256(BODY).hexdigest()
MANIFEST = b'{"manifest": true}\n'


def deliver(sink: Sink, report: ReportKey, **files: bytes) -> Delivery:
    draft = sink.begin(report)
    for name, body in (files or {"rows": BODY}).items():
        draft.write_file(name, "text/plain", [body])
    return draft.commit(MANIFEST)


def read(delivery: Delivery, name: str, *place: int) -> bytes:
    with closing(delivery.open(name, *place)) as file:
        chunks = iter(lambda: file.read(1000), b"")
        return b"".join(chunks)


def later() -> datetime:
    """Everything that is there is older."""
    return datetime.now(UTC) + timedelta(hours=1)


def test_it_says_what_it_is(sink):
    kind = type(sink)
    assert kind.key
    assert kind.title
    assert kind.help
    assert all(field.name.isidentifier() and field.title and field.help for field in kind.fields)
    assert len({field.name for field in kind.fields} | {"kind", "connection"}) == len(kind.fields) + 2


def test_what_was_written_is_counted_and_hashed_while_it_passes(sink, report):
    draft = sink.begin(report)
    written = draft.write_file("rows.json", "application/json", [BODY[:7], b"", BODY[7:]])
    assert (written.name, written.media_type, written.bytes, written.sha256) == (
        "rows.json",
        "application/json",
        len(BODY),
        SHA,
    )
    assert read(draft.commit(MANIFEST), "rows.json") == BODY


def test_several_files_may_be_under_way_at_the_same_time(sink, report):
    draft = sink.begin(report)
    first, second = draft.open_file("a", "text/plain"), draft.open_file("b", "text/plain")
    for place in range(0, len(BODY), 5_000):
        first.write(BODY[place : place + 5_000])
        second.write(BODY[place : place + 1])
    done = [first.close(), second.close()]
    delivery = draft.commit(MANIFEST)
    assert [hashlib.sha256(read(delivery, file.name)).hexdigest() for file in done] == [file.sha256 for file in done]
    assert [file.bytes for file in done] == [len(BODY), -(-len(BODY) // 5_000)]


def test_nothing_is_visible_before_the_commit(sink, report):
    draft = sink.begin(report)
    draft.write_file("rows", "text/plain", [BODY])
    assert sink.published(report) is None
    location = draft.commit(MANIFEST).location
    found = sink.published(report)
    assert found is not None
    assert found.location == location


def test_an_aborted_draft_leaves_nothing(sink, report):
    draft = sink.begin(report)
    draft.write_file("rows", "text/plain", [BODY])
    draft.open_file("half", "text/plain").write(b"x")
    draft.abort()
    draft.abort()
    assert sink.published(report) is None
    assert list(sink.leftovers(later())) == []


def test_an_abort_after_the_commit_does_nothing(sink, report):
    draft = sink.begin(report)
    draft.write_file("rows", "text/plain", [BODY])
    delivery = draft.commit(MANIFEST)
    draft.abort()
    assert read(delivery, "rows") == BODY


def test_what_the_chunks_raise_passes_and_the_draft_can_be_aborted(sink, report):
    def chunks():
        yield b"x"
        raise ZeroDivisionError

    draft = sink.begin(report)
    with pytest.raises(ZeroDivisionError):
        draft.write_file("rows", "text/plain", chunks())
    draft.abort()
    assert list(sink.leftovers(later())) == []


def test_a_new_attempt_takes_the_drafts_of_dead_ones_away(sink, report):
    sink.begin(report).open_file("half", "text/plain").write(b"x")
    second = sink.begin(dataclasses.replace(report, attempt=2))
    assert len(list(sink.leftovers(later()))) == 1
    second.abort()
    assert list(sink.leftovers(later())) == []


def test_a_second_commit_of_the_same_report_is_refused_and_changes_nothing(sink, report):
    delivery = deliver(sink, report)
    draft = sink.begin(dataclasses.replace(report, attempt=2))
    draft.write_file("rows", "text/plain", [b"others"])
    with pytest.raises(PermanentError, match="nothing was delivered"):
        draft.commit(MANIFEST)
    draft.abort()
    assert read(delivery, "rows") == BODY


def test_a_delivery_is_found_again_by_its_location_alone(sink, report):
    location = deliver(sink, report).location
    again = type(sink)(sink.connection, {}).delivery(location)
    assert read(again, "rows") == BODY
    assert again.address


def test_after_a_crash_the_published_delivery_is_found_by_its_report(sink, report):
    deliver(sink, report)
    found = sink.published(dataclasses.replace(report, attempt=3))
    assert found is not None
    assert read(found, MANIFEST_NAME) == MANIFEST
    assert sink.published(ReportKey(new_id(), report.project_id, 1)) is None


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((), BODY),
        ((0, 0), BODY[:1]),
        ((70_000,), BODY[70_000:]),
        ((1_234, 5_678), BODY[1_234:5_679]),
        ((len(BODY) - 1, len(BODY) + 999), BODY[-1:]),
        ((len(BODY),), b""),
    ],
)
def test_a_file_is_read_from_anywhere_to_anywhere(sink, report, place, expected):
    delivery = deliver(sink, report)
    assert read(delivery, "rows", *place) == expected
    with closing(delivery.open("rows", *place)) as file:
        assert file.size == len(BODY)


def test_an_opened_file_goes_on_at_any_place(sink, report):
    with closing(deliver(sink, report).open("rows")) as file:
        file.read(10)
        file.seek(50_000)
        assert file.read(10) == BODY[50_000:50_010]
        file.seek(3)
        assert file.read(1) == BODY[3:4]


@pytest.mark.parametrize("name", ["other", "", ".", "..", "/etc/passwd", "../rows", "rows/", "a\x00b", "a/../rows"])
def test_a_name_leads_to_a_file_of_the_delivery_or_nowhere(sink, report, name):
    delivery = deliver(sink, report)
    with pytest.raises(DeliveredFileError):
        delivery.open(name)


@pytest.mark.parametrize("location", ["", ".", "..", "a", "../x", "a/../../x", "nowhere/at-all", "x\x00/y", "a//b"])
def test_a_location_that_is_none_leads_to_nothing(sink, report, location):
    kept = deliver(sink, report)
    lost = sink.delivery(location)
    assert list(lost.entries()) == []
    with pytest.raises(DeliveredFileError):
        lost.open("rows")
    lost.remove()
    assert read(kept, "rows") == BODY


def test_the_files_are_listed_with_their_sizes_the_manifest_among_them(sink, report):
    entries = list(deliver(sink, report, b=BODY, a=b"xy").entries())
    assert [(entry.name, entry.bytes) for entry in entries] == [("a", 2), ("b", len(BODY)), (MANIFEST_NAME, 19)]
    assert {entry.sha256 for entry in entries if entry.name == "b"} <= {None, SHA}


def test_an_address_for_others_is_one_or_none(sink, report):
    address = deliver(sink, report).url("rows", 60)
    assert address is None or address.startswith("https://")


def test_removed_it_is_gone_and_removing_again_is_no_error(sink, report):
    delivery, other = deliver(sink, report), deliver(sink, ReportKey(new_id(), report.project_id, 1))
    delivery.remove()
    delivery.remove()
    assert sink.published(report) is None
    assert list(delivery.entries()) == []
    with pytest.raises(DeliveredFileError):
        delivery.open("rows")
    assert [leftover.location for leftover in sink.leftovers(later())] == [other.location]
    assert read(other, "rows") == BODY


def test_drafts_of_a_report_are_discarded_and_others_stay(sink, report):
    other = ReportKey(new_id(), report.project_id, 1)
    for key in (report, dataclasses.replace(report, attempt=2), other):
        sink.begin(key).open_file("half", "text/plain").write(b"x")
    sink.discard(report)
    assert [leftover.report_id for leftover in sink.leftovers(later())] == [other.report_id]


def test_leftovers_are_told_apart_and_only_old_ones_are_listed(sink, report):
    half = ReportKey(new_id(), report.project_id, 1)
    sink.begin(half).open_file("half", "text/plain").write(b"x")
    location = deliver(sink, report).location
    found = {leftover.report_id: leftover for leftover in sink.leftovers(later())}
    assert (found[half.report_id].is_draft, found[half.report_id].is_whole) == (True, False)
    whole = found[report.report_id]
    assert (whole.is_draft, whole.is_whole, whole.location) == (False, True, location)
    assert all(leftover.address for leftover in found.values())
    assert list(sink.leftovers(datetime.now(UTC) - timedelta(hours=1))) == []


def test_a_leftover_can_be_taken_away(sink, report):
    sink.begin(ReportKey(new_id(), report.project_id, 1)).open_file("half", "text/plain").write(b"x")
    deliver(sink, report)
    for leftover in list(sink.leftovers(later())):
        sink.remove_leftover(leftover)
    assert list(sink.leftovers(later())) == []
    assert sink.published(report) is None
