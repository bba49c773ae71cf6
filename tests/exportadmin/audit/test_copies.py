"""Checkpoints are copied to a place that others keep, and the copies find what was done to the file and the trail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection

from exportadmin.audit import triggers
from exportadmin.audit.checkpoints import comparing, form
from exportadmin.audit.checkpoints.accepting import accept
from exportadmin.audit.checkpoints.comparing import verify_here
from exportadmin.audit.checkpoints.copies import PLACES, Sweep, TakenError
from exportadmin.audit.checkpoints.form import parse, write
from exportadmin.audit.checkpoints.taking import take
from exportadmin.audit.models import CheckpointSeries
from exportadmin.audit.trails import DatabaseTrail
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


def test_copies_that_lagged_behind_what_was_accepted_are_no_fault_but_later_gaps_are(shelf: Shelf):
    """The numbers of lines that were lost before they were copied are never given again."""
    sweep = Sweep()
    trail(sweep, 2)
    kept = settings.CHECKPOINTS_FILE.read_bytes()
    shelf.is_away = True
    trail(sweep, 3)
    shelf.is_away = False
    settings.CHECKPOINTS_FILE.write_bytes(kept)
    assert found() == ("checkpoints shortened", 10)
    accept("the disk was replaced", support.ALICE)
    trail(Sweep(), 3)
    numbers = [int(name[-17:-5]) for name in shelf.kept]
    assert numbers[:3] == [1, 2, 6] and len(numbers) > 4
    assert found() == (None, None)
    gone = list(shelf.kept)[-2]
    del shelf.kept[gone]
    assert found() == ("checkpoints shortened", 0)
    accept("somebody cleared the store", support.ALICE)
    assert found() == (None, None)


@pytest.mark.parametrize("way", ["another file", "cut"])
def test_a_file_that_was_put_back_is_copied_from_its_beginning(shelf: Shelf, way: str):
    sweep = Sweep()
    trail(sweep, 4)
    path = settings.CHECKPOINTS_FILE
    kept = path.read_bytes().splitlines(keepends=True)
    copied = dict(shelf.kept)
    shelf.kept.clear()
    if way == "cut":
        path.write_bytes(b"".join(kept[:2]))
        kept = kept[:2]
    else:
        other = path.with_name("other")
        other.write_bytes(b"".join(kept))
        other.replace(path)
    sweep.tick()
    assert shelf.kept == dict(list(copied.items())[: len(kept)])


def test_a_checkpoint_and_its_copy_that_are_written_meanwhile_are_no_fault(shelf: Shelf, monkeypatch):
    """By another worker, between any two steps of the verification."""
    sweep = Sweep()
    trail(sweep, 2)
    for name in ("series_of_here", "scan", "signed_breaks", "verify"):
        ours = getattr(comparing, name)

        def after(*given, ours=ours, **options):
            answer = ours(*given, **options)
            trail(sweep, 2)
            return answer

        def before(*given, ours=ours, **options):
            trail(sweep, 2)
            return ours(*given, **options)

        for meanwhile in (before, after):
            monkeypatch.setattr(comparing, name, meanwhile)
            verdict = verify_here(everywhere=True)
            assert (verdict.kind, verdict.notes) == (None, ()), (name, meanwhile.__name__, verdict)
        monkeypatch.setattr(comparing, name, ours)


def test_a_checkpoint_that_is_written_behind_the_end_of_the_walk_is_no_fault(shelf: Shelf, monkeypatch):
    sweep = Sweep()
    trail(sweep, 2)
    ours = DatabaseTrail.rows

    def rows(self, after, last):
        found = list(ours(self, after, last))
        trail(sweep, 1)
        yield from found

    monkeypatch.setattr(DatabaseTrail, "rows", rows)
    assert found() == (None, None)
