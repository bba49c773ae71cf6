"""Each row that comes back satisfies what was asked; the fifth that does not ends the sync."""

from __future__ import annotations

import pytest

from connections.platforms.base import Wanted
from connections.store.import_row import IncomingRow
from connections.store.importers import IMPORTERS
from connections.store.imports.files import folder_of
from connections.sync import fetched
from connections.sync.actions import request_sync
from connections.sync.checks import RowChecks
from connections.sync.models import SyncRun
from exportadmin.lib.errors import PermanentError
from tests.connections.platforms.toy import ToyPlatform
from tests.connections.sync.conftest import ME

NOON = 1_764_590_400_000  # 2025-12-01T12:00:00Z


def row(number: int, *, status: str = "review", updated_ms: int | None = None) -> IncomingRow:
    return IncomingRow(f"row {number}", f"{number}.jpg", "", status, updated_ms=updated_ms)


def checks(**asked) -> RowChecks:
    return RowChecks(ToyPlatform, IMPORTERS["labellerr_json"], Wanted("n", "json", **asked))


def test_a_row_from_before_the_moment_that_was_asked_for_is_an_example():
    looked = checks(updated_after_ms=NOON)
    looked.look_at(row(1, updated_ms=NOON))
    looked.look_at(row(2))  # it does not say
    looked.end()
    looked.look_at(row(3, updated_ms=NOON - 1))
    with pytest.raises(PermanentError, match=r"Toy was asked for rows updated since 2025-12-01T12:00:00.*'3.jpg'"):
        looked.end()


def test_the_fifth_ends_it_at_once():
    looked = checks(updated_after_ms=NOON)
    for number in range(4):
        looked.look_at(row(number, updated_ms=1))
    with pytest.raises(PermanentError, match=r"'0.jpg' .*'4.jpg' .*: it ignored the filter"):
        looked.look_at(row(4, updated_ms=1))


def test_statuses_are_compared_in_our_words():
    looked = checks(statuses=("None", "accepted"))
    looked.look_at(row(1, status="to_label"))
    looked.look_at(row(2, status="accepted"))
    looked.end()
    looked.look_at(row(3, status="rejected"))
    with pytest.raises(PermanentError, match=r"of status None, accepted and sent others, such as '3.jpg' \(rejected\)"):
        looked.end()


def test_statuses_that_were_counted_in_the_file_are_the_platforms_words():
    looked = checks(statuses=("None", "accepted"))
    looked.check_counts({"None": 3, "accepted": 1})
    with pytest.raises(PermanentError, match="sent others: 2 'rejected'"):
        looked.check_counts({"None": 3, "rejected": 2})
    checks().check_counts({"rejected": 2})


@pytest.mark.django_db(transaction=True)
def test_files_of_syncs_that_ended_elsewhere_are_swept(mirrored):
    run = request_sync(project=mirrored, actor=ME)
    file = fetched.folder_for(run) / "export.json"
    file.write_text("[]")
    fetched.sweep()
    assert file.exists(), "it may go on"
    SyncRun.objects.filter(pk=run.pk).update(status="failed")
    fetched.sweep()
    assert not folder_of(run).exists()
