"""What a platform made for a run is taken away there, and nothing else is."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from connections.models import Connection, MadeThere
from connections.platforms import leftovers
from connections.platforms.base import Wanted
from connections.platforms.label_studio.platform import LabelStudioPlatform
from connections.sync.models import SyncRun
from exportadmin.lib.errors import PermanentError
from exportadmin.runs.lease import claim
from tests.connections.sync.conftest import mirrored, server, toys  # noqa: F401 - fixtures
from tests.support.label_studio_server import LabelStudioServer

pytestmark = pytest.mark.django_db
WANTED = Wanted("exportadmin-sync-1", "JSON")


def kept(connection: Connection, name: str = "ours", remote_id: str = "", **more: object) -> MadeThere:
    """For a run that is not there any more, and due."""
    wanted = {**asdict(Wanted(name, "JSON")), "options": {}}
    values: dict[str, Any] = {
        "run_kind": "sync",
        "run_pk": 1,
        "external_id": "1",
        "remote_id": remote_id,
        "place": connection.config.get("base_address", ""),
    }
    made = MadeThere.objects.create(connection=connection, wanted=wanted, **{**values, **more})
    MadeThere.objects.filter(pk=made.pk).update(due_at=timezone.now())
    return made


def made_long_ago(made: MadeThere) -> None:
    MadeThere.objects.update(
        due_at=timezone.now(), created_at=timezone.now() - leftovers.MAY_BE_MADE - timedelta(seconds=1)
    )


def test_a_snapshot_of_the_same_number_that_is_somebody_elses_stays(label_studio: LabelStudioPlatform, studio_side):
    theirs = studio_side.make(1, title="January")
    label_studio.tidy("1", str(theirs.export_id), WANTED)
    label_studio.tidy("1", "77", WANTED)
    assert list(studio_side.exports) == [theirs.export_id]


def test_every_snapshot_of_our_name_goes(label_studio: LabelStudioPlatform, studio_side: LabelStudioServer):
    made = [studio_side.make(1, title=title).export_id for title in (WANTED.name, WANTED.name, "January")]
    label_studio.tidy("1", str(made[1]), WANTED)
    assert list(studio_side.exports) == [made[2]]


def test_one_that_is_listed_no_more_goes_by_its_number(label_studio: LabelStudioPlatform, studio_side):
    ours = studio_side.make(1, title=WANTED.name)
    for number in range(100):
        studio_side.make(1, title=f"January {number}")
    label_studio.tidy("1", str(ours.export_id), WANTED)
    assert ours.export_id not in studio_side.exports
    assert len(studio_side.exports) == 100


def test_nothing_is_taken_away_where_the_connection_leads_elsewhere_now(label_studio, studio_side):
    ours = studio_side.make(1, title="ours")
    kept(label_studio.connection, remote_id=str(ours.export_id), place="https://studio.example")
    leftovers.tick()
    assert (list(studio_side.exports), MadeThere.objects.count()) == ([ours.export_id], 1)
    MadeThere.objects.update(place=label_studio.connection.config["base_address"], due_at=timezone.now())
    leftovers.tick()
    assert (studio_side.exports, MadeThere.objects.count()) == ({}, 0)


def test_one_that_may_still_be_made_is_looked_for_until_it_can_be_no_more(label_studio, studio_side):
    made = kept(label_studio.connection)
    leftovers.tick()
    assert MadeThere.objects.get().due_at > timezone.now()
    studio_side.make(1, title="ours")  # late
    made_long_ago(made)
    leftovers.tick()
    assert (studio_side.exports, MadeThere.objects.count()) == ({}, 0)


def test_a_fault_of_one_does_not_keep_the_others(label_studio, studio_side, monkeypatch):
    kept(label_studio.connection, name="breaks", remote_id="1")
    ours = studio_side.make(1, title="ours")
    kept(label_studio.connection, remote_id=str(ours.export_id))
    tidy = LabelStudioPlatform.tidy

    def breaks(self, external_id, remote_id, wanted):
        if wanted.name == "breaks":
            raise KeyError("id")
        tidy(self, external_id, remote_id, wanted)

    monkeypatch.setattr(LabelStudioPlatform, "tidy", breaks)
    leftovers.tick()
    assert studio_side.exports == {}
    left = MadeThere.objects.get()
    assert (left.wanted["name"], left.due_at > timezone.now()) == ("breaks", True)


def test_who_lost_the_run_takes_nothing_away(label_studio, studio_side, mirrored):  # noqa: F811
    run = SyncRun.objects.create(project=mirrored)
    lease = claim(SyncRun, run.pk)
    ours = studio_side.make(1, title="ours")
    kept(label_studio.connection, remote_id=str(ours.export_id), run_pk=run.pk)
    SyncRun.objects.update(fence=lease.fence + 1)  # a second worker goes on with it
    with pytest.raises(PermanentError), leftovers.taken_away(run, lease):
        raise PermanentError("no answer")
    assert list(studio_side.exports) == [ours.export_id]
    SyncRun.objects.update(fence=lease.fence)
    with pytest.raises(PermanentError), leftovers.taken_away(run, lease):
        raise PermanentError("no answer")
    assert studio_side.exports == {}
