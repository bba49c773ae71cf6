"""Checkpoints of the trail in the store of this installation: a small object each, never over another one."""

from __future__ import annotations

import pytest
from django.conf import settings as used

from connections.checkpoint_copies import in_the_store
from exportadmin.audit.checkpoints import form
from exportadmin.audit.checkpoints.comparing import verify_here
from exportadmin.audit.checkpoints.copies import Sweep, TakenError
from exportadmin.audit.checkpoints.taking import take
from tests.exportadmin.audit.support import fill
from tests.support import s3_store as stores


@pytest.fixture
def in_store(settings, monkeypatch, s3_folder):
    stores.keep_artifacts_in(s3_folder, settings, monkeypatch)
    return s3_folder


def test_an_installation_without_a_store_has_no_place_for_them(settings):
    settings.ARTIFACTS_STORE = ""
    assert in_the_store() is None


def test_they_lie_beside_the_deliveries_and_are_compared(db, in_store, s3_store):
    sweep = Sweep()
    for _ in range(3):
        fill(2)
        take(form.INTERVAL)
        sweep.tick()
    bucket, _, prefix = in_store.partition("/")
    keys = s3_store.keys(bucket, prefix)
    assert len(keys) == 3 and all(key.startswith(f"{prefix}checkpoints/") for key in keys)
    assert verify_here(everywhere=True).unbroken
    lines = used.CHECKPOINTS_FILE.read_bytes().splitlines(keepends=True)
    used.CHECKPOINTS_FILE.write_bytes(b"".join(lines[:2]))
    verdict = verify_here(everywhere=True)
    assert verdict.kind == "checkpoints shortened" and "there is a copy of checkpoint 3" in verdict.message


def test_a_copy_is_written_once(db, in_store, s3_store):
    place = in_the_store()
    place.put("series/000000000001.json", b"one\n")
    place.put("series/000000000001.json", b"one\n")
    with pytest.raises(TakenError):
        place.put("series/000000000001.json", b"two\n")
    assert place.read("series/000000000001.json") == b"one\n"
