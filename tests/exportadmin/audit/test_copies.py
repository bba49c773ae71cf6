"""Checkpoints are copied to a place that others keep, and the copies find what was done to the file and the trail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection

from exportadmin.audit import triggers
from exportadmin.audit.checkpoints import form
from exportadmin.audit.checkpoints.accepting import accept
from exportadmin.audit.checkpoints.comparing import verify_here
from exportadmin.audit.checkpoints.copies import PLACES, Sweep, TakenError
from exportadmin.audit.checkpoints.form import parse, write
from exportadmin.audit.checkpoints.taking import take
from exportadmin.audit.models import CheckpointSeries
from exportadmin.lib.errors import TransientError
from exportadmin.lib.signing import installation_key
from tests.exportadmin.audit import support
from tests.exportadmin.audit.support import fill

pytestmark = pytest.mark.django_db


class Shelf:
    """Copies in memory. ``is_away``: it does not answer."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.reads = 0
        self.is_away = False

    def names(self, beginning: str = "") -> list[str]:
        self._ask()
        return sorted(name for name in self.kept if name.startswith(beginning))

    def read(self, name: str) -> bytes:
        self._ask()
        self.reads += 1
        return self.kept[name]

    def put(self, name: str, line: bytes) -> None:
        self._ask()
        if self.kept.setdefault(name, line) != line:
            raise TakenError(f"{name} is there")

    def _ask(self) -> None:
        if self.is_away:
            raise TransientError("the shelf does not answer")


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    made = Shelf()
    PLACES.register("shelf", lambda: made)
    yield made
    PLACES.unregister("shelf")


def trail(sweep: Sweep, count: int) -> None:
    for _ in range(count):
        fill(5)
        take(form.INTERVAL)
        sweep.tick()


def found() -> tuple[str | None, int | None]:
    verdict = verify_here(everywhere=True)
    return verdict.kind, verdict.sequence


def test_each_line_becomes_a_copy_in_order_and_once(shelf: Shelf):
    sweep = Sweep()
    trail(sweep, 3)
    lines = settings.CHECKPOINTS_FILE.read_bytes().splitlines(keepends=True)
    assert list(shelf.kept.values()) == lines
    assert [name.partition("/")[2] for name in shelf.kept] == [f"{number:012}.json" for number in (1, 2, 3)]
    before = dict(shelf.kept)
    Sweep().tick()  # another process, which knows nothing of what is copied
    sweep.tick()
    assert shelf.kept == before


def test_what_could_not_be_copied_is_copied_later(shelf: Shelf):
    sweep = Sweep()
    trail(sweep, 1)
    shelf.is_away = True
    trail(sweep, 2)
    assert len(shelf.kept) == 1
    shelf.is_away = False
    sweep.tick()
    assert len(shelf.kept) == 3


def test_a_file_and_a_trail_that_were_cut_together_with_what_the_database_knows_are_found(shelf: Shelf):
    trail(Sweep(), 4)
    lines = settings.CHECKPOINTS_FILE.read_bytes().splitlines(keepends=True)
    settings.CHECKPOINTS_FILE.write_bytes(b"".join(lines[:2]))
    CheckpointSeries.objects.update(number=2, line=lines[1].decode().rstrip("\n"))
    verdict = verify_here(everywhere=True)
    assert (verdict.kind, verdict.sequence) == ("checkpoints shortened", 10)
    assert "there is a copy of checkpoint 4" in verdict.message
    with triggers.lifted(connection):
        support.cut(10)
    assert found() == ("truncated", 11)


def test_a_file_signed_anew_is_found(shelf: Shelf):
    """By somebody who has the database, the home folder and the key in it: but not the store."""
    trail(Sweep(), 3)
    with triggers.lifted(connection):
        support.cut(12)
    settings.CHECKPOINTS_FILE.unlink()
    CheckpointSeries.objects.all().delete()
    fill(6)
    take(form.INTERVAL)
    assert found() == ("rolled back", 13)


def test_copies_of_a_machine_that_is_gone_name_the_entry_after_a_few_were_read(shelf: Shelf):
    trail(Sweep(), 40)
    settings.CHECKPOINTS_FILE.unlink()
    CheckpointSeries.objects.all().delete()
    assert found() == (None, None)
    assert shelf.reads == 1
    with triggers.lifted(connection):
        support.rehash(78, actor_name="mallory")
        assert found() == ("rewritten", 78)
        support.cut(70)
        assert found() == ("truncated", 71)
    assert shelf.reads < 20


def test_a_copy_that_is_gone_or_changed_is_told(shelf: Shelf):
    trail(Sweep(), 4)
    names = list(shelf.kept)
    line = shelf.kept.pop(names[1])
    verdict = verify_here(everywhere=True)
    assert verdict.kind == "checkpoints shortened" and "copy 2 of the checkpoints" in verdict.message
    shelf.kept[names[1]] = line
    shelf.kept[names[3]] = shelf.kept[names[3]].replace(b'"cause":"interval"', b'"cause":"delivery"')
    verdict = verify_here(everywhere=True)
    assert verdict.kind == "checkpoints altered" and "copy 4 of the checkpoints" in verdict.message


def test_a_place_that_does_not_answer_is_a_note_and_no_fault(shelf: Shelf):
    trail(Sweep(), 2)
    shelf.is_away = True
    verdict = verify_here(everywhere=True)
    assert verdict.unbroken
    assert verdict.notes == ("Copies of checkpoints could not be compared: the shelf does not answer.",)


def test_a_file_signed_anew_to_hide_what_was_accepted_is_found(shelf: Shelf):
    """The trail is like all witnesses; but somebody who has the key took the break out of the newest line."""
    sweep = Sweep()
    trail(sweep, 2)
    with triggers.lifted(connection):
        support.cut(7)
    accept("restored from the backup of Monday", support.ALICE)
    sweep.tick()
    assert found() == (None, None)
    *before, last = settings.CHECKPOINTS_FILE.read_bytes().splitlines()
    one = parse(last)
    assert len(one.breaks) == 1
    hiding = write(
        series=one.series, number=one.number, previous=one.previous, at_ms=one.at_ms, installation=one.installation,
        cause=one.cause, sequence=one.sequence, hash=one.hash, tags=one.tags, breaks=(), key=installation_key(),
    )  # fmt: skip
    settings.CHECKPOINTS_FILE.write_bytes(b"".join(line + b"\n" for line in (*before, hiding.raw)))
    CheckpointSeries.objects.update(line=hiding.raw.decode())
    verdict = verify_here(everywhere=True)
    assert not verdict.unbroken
    assert "is not what its copy is" in " ".join([verdict.message, *verdict.notes])
