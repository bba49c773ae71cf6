"""The trail beside everything that was witnessed of it: checkpoints here, their copies elsewhere, other witnesses."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol

from django.conf import settings
from django.db import connection

from exportadmin.audit.checkpoints import copies, form
from exportadmin.audit.checkpoints.file import CHANGED, GONE, SHORTENED, Fault, scan, signed_breaks, witnessed
from exportadmin.audit.checkpoints.form import ACCEPTED, Break, Checkpoint, CheckpointError
from exportadmin.audit.checkpoints.taking import series_of_here
from exportadmin.audit.models import AuditEntry, CheckpointSeries
from exportadmin.audit.trails import Head, Trail
from exportadmin.audit.verify import Verdict, Witness, verify
from exportadmin.lib import times
from exportadmin.lib.errors import ExportAdminError, PermanentError, TransientError, UserError
from exportadmin.lib.registry import Registry
from exportadmin.lib.signing import known_keys


class Source(Protocol):
    """Other witnesses: with ``most``, so many of them at most. What cannot be reached raises ``TransientError``."""

    def __call__(self, *, most: int | None) -> Iterator[Witness]: ...


# key → where they are found; what is registered says in ``name`` what each is
SOURCES: Final[Registry[Source]] = Registry("source of witnesses", {})
# of one source, while somebody waits
MOST_WHILE_WAITING: Final = 1_000
SOME_FAULTS: Final = 3


@dataclass(slots=True)
class Gathered:
    """What there is to compare with."""

    checkpoints: Iterator[Witness] = field(default_factory=lambda: iter(()))
    others: list[Witness] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    was_rolled_back: bool = False

    def witnesses(self) -> Iterator[Witness]:
        """In the order of the first entry that each tells of; without what was accepted."""
        others = sorted(
            (one for one in self.others if not any(each.covers(one.sequence, one.at_ms) for each in self.breaks)),
            key=lambda one: one.begins,
        )
        return heapq.merge(self.checkpoints, others, key=lambda one: one.begins)


def verify_here(kept_head: Head | None = None, *, everywhere: bool) -> Verdict:
    """Walk the trail beside all witnesses. ``everywhere``: also those that other machines have, and all manifests."""
    gathered = gather(everywhere=everywhere)
    return _judged(gathered, verify(kept_head, gathered.witnesses(), was_rolled_back=gathered.was_rolled_back))


def verify_file(
    file: Path, kept_head: Head | None = None, *, trail: Trail | None = None, must_reach: bool = True
) -> Verdict:
    """Beside the checkpoints of this file only: the database's trail, or another one.

    ``must_reach`` as in :func:`~exportadmin.audit.verify.verify`. Raises :class:`UserError` where there is no file.
    """
    if not file.is_file():
        raise UserError(f"{file} is no file", field="checkpoints")
    gathered = Gathered()
    _from_file(gathered, file)
    return _judged(gathered, verify(kept_head, gathered.witnesses(), trail=trail, must_reach=must_reach))


def _judged(gathered: Gathered, verdict: Verdict) -> Verdict:
    notes = [*(f"{fault.message[:1].upper()}{fault.message[1:]}." for fault in gathered.faults[:SOME_FAULTS])]
    if verdict.unbroken and gathered.faults:
        fault, notes = gathered.faults[0], notes[1:]
        verdict = replace(verdict, kind=fault.kind, sequence=fault.sequence, message=fault.message)
    for each in gathered.breaks:
        notes.append(
            f"From entry {each.sequence} on the trail is not the one that was witnessed before "
            f"{times.iso_utc(each.at_ms)[:19]}Z ({each.kind}): {each.by} accepted that then, for: {each.why}."
        )
    return replace(verdict, notes=(*notes, *gathered.notes))


def gather(*, everywhere: bool) -> Gathered:
    """All that can be found. ``everywhere`` as in :func:`verify_here`.

    Others may write a checkpoint meanwhile: first into the database, then into the file, from there to the copies. So
    what the file must hold is read before the file is, and what the database must hold after it.
    """
    gathered = Gathered()
    path: Path = settings.CHECKPOINTS_FILE
    listed = list(_listed(gathered)) if everywhere else []
    written = series_of_here()
    last = _from_file(gathered, path)
    _compare_with_the_database(gathered, path, last, written)
    for where, known in listed if everywhere or last is not None else _listed(gathered):
        try:
            _from_copies(gathered, where, known, last)
        except (TransientError, PermanentError) as error:
            gathered.notes.append(f"Copies of checkpoints could not be compared: {error}.")
    for source in SOURCES.values():
        try:
            found = list(source(most=None if everywhere else MOST_WHILE_WAITING))
        except ExportAdminError as error:
            gathered.notes.append(f"Not everything could be compared: {error}.")
            continue
        gathered.others += found
        if not everywhere and len(found) >= MOST_WHILE_WAITING:
            gathered.notes.append(
                f"Beside the first {len(found):,} of more {found[0].name.partition(' ')[0]}s: the nightly verification "
                "and `exportadmin verify_audit` take all."
            )
    return gathered


def _from_file(gathered: Gathered, path: Path) -> Checkpoint | None:
    keys = tuple(known_keys())
    try:
        scanned = scan(path, keys)
        gathered.breaks += signed_breaks(path, keys, scanned)
    except OSError as error:
        gathered.faults.append(Fault(GONE, 0, f"{path} cannot be read: {error.strerror or error}"))
        return None
    gathered.faults += scanned.faults
    if scanned.accepted_faults:
        gathered.notes.append(f"{scanned.accepted_faults:,} faults of {path} were accepted.")
    # read later, when the breaks that copies tell of are among them
    gathered.checkpoints = (one.witness() for one in witnessed(path, keys, scanned, gathered.breaks))
    return scanned.last


def _compare_with_the_database(
    gathered: Gathered, path: Path, last: Checkpoint | None, here: Sequence[CheckpointSeries]
) -> None:
    """Does the file end where the database knew it to end before it was read (``here``)?"""
    if last is None:
        if here and not (len(here) == 1 and here[0].number == 1):
            _add_fault(gathered, GONE, 0, f"{path} is gone: checkpoint {here[0].number:,} was written there", here[0])
        elif not here and (elsewhere := CheckpointSeries.objects.order_by("-at_ms").first()) is not None:
            gathered.notes.append(f"There are no checkpoints here; the last were written at {elsewhere.place}.")
        return
    for row in here:
        if row.series != last.series:
            continue  # an older one of this file, which is in it, or a new one that is about to be
        if row.number > last.number + 1:
            _add_fault(
                gathered,
                SHORTENED,
                last.sequence,
                f"{path} ends with checkpoint {last.number:,}; checkpoint {row.number:,} was written",
                row,
            )
        elif row.number == last.number and row.line.encode() != last.raw:
            _add_fault(
                gathered, CHANGED, last.sequence, f"the last line of {path} is not the one that was written", row
            )
        elif row.number == last.number + 1:
            _add_witness(gathered, row)
    now = {row.series: row.number for row in series_of_here()}
    gathered.was_rolled_back = now.get(last.series, last.number) < last.number
    gathered.was_rolled_back |= connection.vendor == "sqlite" and last.series not in now


def _add_fault(gathered: Gathered, kind: str, sequence: int, message: str, row: CheckpointSeries) -> None:
    gathered.faults.append(Fault(kind, sequence, message))
    _add_witness(gathered, row)


def _add_witness(gathered: Gathered, row: CheckpointSeries) -> None:
    """The line that the database has kept is as good as one in the file, if it is signed."""
    try:
        kept = form.parse(row.line.encode())
    except CheckpointError:
        return
    if kept.is_signed_by(known_keys()):
        gathered.others.append(kept.witness())
        gathered.breaks += [each for each in kept.breaks if each not in gathered.breaks]


# --- copies ----------------------------------------------------------------------------------------------------------


def _listed(gathered: Gathered) -> Iterator[tuple[copies.Copies, dict[str, list[int]]]]:
    """Each place, with the numbers of its copies by their series."""
    for where in copies.places():
        try:
            known = copies.numbers(where.names())
        except (TransientError, PermanentError) as error:
            gathered.notes.append(f"Copies of checkpoints could not be compared: {error}.")
            continue
        yield where, known


def _from_copies(
    gathered: Gathered, where: copies.Copies, listed: dict[str, list[int]], last: Checkpoint | None
) -> None:
    """The newest copy of a series stands for all before it, each of which is named by the next."""
    for series, known in listed.items():
        newest = known[-1]
        try:
            one = _signed(where, series, newest)
        except CheckpointError as error:
            gathered.faults.append(Fault(CHANGED, 0, f"copy {newest:,} of the checkpoints {series} {error}"))
            continue
        gathered.breaks += [each for each in one.breaks if each not in gathered.breaks]
        if gone := _first_that_is_gone(where, series, known, gathered.breaks):
            gathered.faults.append(Fault(SHORTENED, 0, gone))
        if last is not None and series == last.series and newest > last.number:
            message = f"the file ends with checkpoint {last.number:,}; there is a copy of checkpoint {newest:,}"
            gathered.faults.append(Fault(SHORTENED, last.sequence, message))
        mine = _same_of_file(one)
        if mine is not None and mine != one.raw:
            message = f"checkpoint {newest:,} is not what its copy is"
            gathered.faults.append(Fault(CHANGED, one.sequence, message))
        gathered.others.append(_first_contradiction(where, series, known, one).witness())


def _first_that_is_gone(where: copies.Copies, series: str, known: Sequence[int], breaks: Sequence[Break]) -> str:
    """Says which number is not there, between others; empty: none but what somebody has accepted.

    Whoever accepts a trail goes on behind the highest number that is known, so that some may be left out before.
    """
    accepted = {each.message for each in breaks}
    for number, after in pairwise(known) if known[-1] - known[0] + 1 != len(known) else ():
        gone = f"copy {number + 1:,} of the checkpoints {series} is gone"
        if after != number + 1 and gone not in accepted and not _is_accepting(where, series, after):
            return gone
    return ""


def _is_accepting(where: copies.Copies, series: str, number: int) -> bool:
    try:
        return _signed(where, series, number).cause == ACCEPTED
    except CheckpointError:
        return False


def _signed(where: copies.Copies, series: str, number: int) -> Checkpoint:
    one = copies.read_copy(where, series, number)
    if not one.is_signed_by(known_keys()):
        raise CheckpointError("is not signed by this installation")
    return one


def _same_of_file(copy: Checkpoint) -> bytes | None:
    from exportadmin.audit.checkpoints.file import lines

    mark = f'"number":{copy.number},'.encode()
    for raw in lines(settings.CHECKPOINTS_FILE):
        if mark in raw and copy.series.encode() in raw:
            return raw
    return None


def _first_contradiction(where: copies.Copies, series: str, known: Sequence[int], newest: Checkpoint) -> Checkpoint:
    """Of a series whose newest copy the trail contradicts, the first that it does: it names the entry.

    All before it agree, and all after it do not: so a few have to be read.
    """
    if _agrees(newest):
        return newest
    low, high, found = 0, len(known) - 1, newest
    while low < high:
        middle = (low + high) // 2
        try:
            one = _signed(where, series, known[middle])
        except CheckpointError:
            return found
        if _agrees(one):
            low = middle + 1
        else:
            high, found = middle, one
    return found


def _agrees(one: Checkpoint) -> bool:
    return not one.sequence or AuditEntry.objects.filter(sequence=one.sequence, hash=one.hash).exists()
