"""Rows whose numbers are too large to lie by are found, exported and read back as all others are."""

from __future__ import annotations

import orjson
import pytest

from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exports import actions
from exports.sources.store import StoreSource
from exports.spec.conversion import conversion_spec
from exports.spec.selection import Selection
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")
NUMBERS = {"small": 5, "stamp": 1_700_000_000_000, "largest": 2**63 - 1, "next": 2**53 + 1}


@pytest.fixture
def written(project, tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    marked = {**box(), "source_extra": {"coco": {"id": 2**62}}}
    write_rows(project, [row(key, marked if key == "stamp" else box(), number=n) for key, n in NUMBERS.items()])
    return project


def test_the_documents_of_any_numbers_are_read(written):
    with StoreSource(written).open(Selection(written.public_id), frozenset()) as reader:
        wanted = ["next", "small", "largest", "stamp"]
        found = list(reader.documents([NUMBERS[key] for key in wanted]))
    assert [document["data_row"]["global_key"] for document in found] == wanted


def test_an_export_and_its_conversion_print_the_same_ids(written):
    def export(**spec):
        report = actions.run_now(project=written, spec=ExportSpec.parse(spec, written), actor=SHELL)
        assert report.is_delivered, report.error
        return report

    direct = export(format="coco_json")
    (artifact,) = direct.artifacts.all()
    direct_bytes = (delivery_folder(direct) / artifact.name).read_bytes()
    parsed = orjson.loads(direct_bytes)
    assert sorted(one["id"] for one in parsed["images"]) == sorted(NUMBERS.values())
    assert {one["image_id"] for one in parsed["annotations"]} == set(NUMBERS.values())
    assert 2**62 in {one["id"] for one in parsed["annotations"]}

    rows = export(format="ndjson")
    spec = conversion_spec(rows, {"format": "coco_json"})
    converted = actions.convert_report(report=rows, spec=spec, actor=SHELL, now=True)
    assert converted.is_delivered, converted.error
    (artifact,) = converted.artifacts.all()
    assert (delivery_folder(converted) / artifact.name).read_bytes() == direct_bytes


def test_rows_are_deleted_whatever_their_numbers(written, alice):
    actor = Actor(kind="user", name="alice", channel="shell", user_id=alice.pk)
    body = {"global_keys": ["small", "largest", "next"]}
    done = actions.delete_rows(project=written, body=body, reason="wrong", actor=actor)
    assert (done.deleted, done.kept) == (3, 0)
    assert list(StoreRow.objects.filter(project=written).values_list("global_key", flat=True)) == ["stamp"]
