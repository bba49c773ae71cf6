"""Finding entries and taking them out as ndjson or CSV."""

from __future__ import annotations

import csv
import hashlib
import io
import json

import pytest
from django.db import transaction

from exportadmin.audit.canonical import canonical
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.queries import search, search_params
from exportadmin.audit.record import record
from exportadmin.audit.serialize import csv_lines, ndjson
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import UserError
from tests.exportadmin.audit.support import ALICE, fill

BOB = Actor("user", "bob", "rest", user_id=9, request_id="req-2")


@pytest.fixture
def four(db):
    with transaction.atomic():
        record("export.requested", actor=ALICE, project=("p1", "Litter"), obj=("export_report", "r1", "Nightly"))
        record(
            "export.failed", actor=BOB, project=("p2", "Cats"), obj=("export_report", "r2", "Once"), outcome="failed"
        )
        record("link.issued", actor=ALICE, project=("p1", "Litter"), obj=("artifact", "a1", "rows.json"))
        record("sign_in.refused", actor=BOB, outcome="refused")


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, [4, 3, 2, 1]),
        ({"actor": "alice"}, [3, 1]),
        ({"event": "export"}, [2, 1]),
        ({"event": "export.failed"}, [2]),
        ({"object": "r1"}, [1]),
        ({"object": "rows.json"}, [3]),
        ({"object_kind": "export_report"}, [2, 1]),
        ({"project": "p1"}, [3, 1]),
        ({"project": "Cats"}, [2]),
        ({"channel": "rest"}, [4, 2]),
        ({"outcome": "refused"}, [4]),
        ({"request_id": "req-2"}, [4, 2]),
        ({"actor": "alice", "event": "link", "project": "Litter"}, [3]),
        ({"actor": "nobody"}, []),
        ({"after": "2020-01-01"}, [4, 3, 2, 1]),
        ({"before": "2020-01-01"}, []),
        ({"actor": ""}, [4, 3, 2, 1]),
    ],
)
def test_filters_are_anded_and_newest_comes_first(four, params, found):
    assert [entry.sequence for entry in search_params(params)] == found


def test_the_window_includes_both_its_ends(four):
    at = AuditEntry.objects.get(sequence=2).at_ms
    assert 2 in [entry.sequence for entry in search(after=at, before=at)]
    assert 2 not in [entry.sequence for entry in search(after=at + 1)]
    assert 2 not in [entry.sequence for entry in search(before=at - 1)]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"hash__startswith": "a"}, "hash__startswith"),
        ({"reason": "x"}, "reason"),
        ({"event": "nothing"}, "event"),
        ({"outcome": "maybe"}, "outcome"),
        ({"after": "yesterday"}, "after"),
        ({"before": "2024-99-01"}, "before"),
        ({"actor": "a\x00"}, "actor"),
    ],
)
def test_what_is_not_on_the_list_is_refused_by_name(db, params, field):
    with pytest.raises(UserError) as refusal:
        search_params(params)
    assert refusal.value.field == field


def test_an_outsider_can_check_the_chain_from_the_ndjson_alone(db):
    fill(30)
    previous = "0" * 64
    lines = list(ndjson(AuditEntry.objects.order_by("sequence")))
    for line in lines:
        document = json.loads(line)
        claimed = document.pop("hash")
        assert document["previous_hash"] == previous
        previous = hashlib.sha256(canonical(document)).hexdigest()
        assert previous == claimed
    assert len(lines) == 30


def test_csv_opens_in_a_spreadsheet_without_running_anything(db):
    for name in ("=1+1", "+1", "-1", "@x", "  =1", "\t=1", 'a"b,c', "plain", "＝1"):
        record("export.requested", actor=Actor("user", name, "web"), obj=("export_report", "r", name))
    rows = list(csv.DictReader(io.StringIO(b"".join(csv_lines(search())).decode("utf-8-sig"), newline="")))
    shown = {row["object_name"] for row in rows}
    assert shown == {"'=1+1", "'+1", "'-1", "'@x", "'  =1", "\ufffd=1", 'a"b,c', "plain", "'＝1"}
    assert all(row["sentence"].startswith(("'", "\ufffd", "a", "plain")) for row in rows)
    assert rows[0]["at"].endswith("+00:00") and rows[-1]["sequence"] == "1"
    assert set(rows[0]) >= {"before", "after", "details", "hash"}


def test_the_count_of_queries_does_not_grow_with_the_entries(db, django_assert_num_queries):
    fill(40)
    for count in (5, 40):
        with django_assert_num_queries(1):
            list(search()[:count])
