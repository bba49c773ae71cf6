"""A number or a name means one job or directory, or none: never another one's files."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connections.rows.diffgram import PLACES, place_number
from connections.store.models import StoreRow
from exports.dialects.diffgram import places
from exports.models import ExportReport
from tests.exports.dialects.diffgram.conftest import Site
from tests.exports.dialects.diffgram.sdk import DiffgramError

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def one_number(site: Site, monkeypatch: pytest.MonkeyPatch) -> int:
    """Every batch and every dataset has it."""
    StoreRow.objects.filter(global_key="four.jpg").update(dataset_id="other", dataset_name="Other")
    number = site.project.pk * PLACES + 7
    monkeypatch.setattr(places, "place_number", lambda project, *texts: number if texts else project * PLACES)
    return number


def conflict(refused: pytest.ExceptionInfo[DiffgramError]) -> str:
    text, status = refused.value.args
    assert status == 409
    body = json.loads(text)
    assert body.keys() == {"error"}
    return str(body["error"])


def test_two_jobs_of_one_number_are_refused_by_it(site: Site, one_number: int):
    client = site.client(begin=False)
    for ask in (client.job, client.generate_export):
        with pytest.raises(DiffgramError) as refused:
            ask(one_number)
        assert conflict(refused).startswith(f"409 Conflict: 2 have the number {one_number} here, so that none is meant")
        assert "b1" in conflict(refused) and "b2" in conflict(refused)
    assert not ExportReport.objects.exists()


def test_two_directories_of_one_number_are_refused_by_it(site: Site, one_number: int):
    client = site.client(begin=False)
    asks: Any = (
        lambda: client.files(one_number),
        lambda: client.generate_export(None, source="directory", directory_id=one_number),
    )
    for ask in asks:
        with pytest.raises(DiffgramError) as refused:
            ask()
        assert f"2 have the number {one_number}" in conflict(refused)
    assert not ExportReport.objects.exists()


def test_a_name_of_two_directories_is_refused_and_their_ids_are_not(site: Site):
    StoreRow.objects.filter(global_key="four.jpg").update(dataset_id="other", dataset_name="demo")
    StoreRow.objects.exclude(global_key="four.jpg").update(dataset_id="first", dataset_name="demo")
    client, address = site.client(begin=False), f"/api/project/{site.project.public_id}/user/legacy/working_dir/view"
    with pytest.raises(DiffgramError) as refused:
        client.get(address, {"name": "demo"})
    assert "2 have the name 'demo'" in conflict(refused)
    found = client.get(address, {"name": "other"})["working_dir"]
    assert len(client.files(found["directory_id"])) == 1


def test_numbers_are_whole_for_every_reader_and_rarely_met_twice():
    found = {place_number(900_000, "job", f"batch-{n}") for n in range(30_000)}
    assert len(found) == 30_000
    assert max(found) < 2**53
