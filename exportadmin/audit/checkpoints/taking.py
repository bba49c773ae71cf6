"""Writing checkpoints.

Each is first kept in the database (:class:`~exportadmin.audit.models.CheckpointSeries`), so that all entries that it
tells of are on the disk before it is, and then written into the file. Where the trail is not the one that was witnessed
last, or the file is not what the database knows of it, nothing is written until somebody accepts that: a checkpoint of
a trail that was set back would hide it.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction

from exportadmin.audit.checkpoints import form
from exportadmin.audit.checkpoints.file import OpenFile, held
from exportadmin.audit.checkpoints.form import Break, Checkpoint, CheckpointError
from exportadmin.audit.checkpoints.identity import installation_id
from exportadmin.audit.models import GENESIS, AuditEntry, CheckpointSeries
from exportadmin.audit.record import TrailError, head
from exportadmin.audit.trails import Head
from exportadmin.audit.verify import TAG
from exportadmin.lib import times
from exportadmin.lib.errors import ExportAdminError
from exportadmin.lib.ids import new_id
from exportadmin.lib.signing import installation_key, known_keys

log = logging.getLogger(__name__)

# also when nothing happens, so that a head's age can be told
LONGEST_SILENCE_MS: Final = 3_600_000


class DiffersError(TrailError):
    """The trail is not the one that was witnessed, or the checkpoints are not those that were written."""


def place() -> str:
    """This machine and its file, as the database knows them."""
    return f"{platform.node()}:{settings.CHECKPOINTS_FILE}"


def series_of_here() -> list[CheckpointSeries]:
    """What the database knows of files of this place. On SQLite there is no other."""
    known = CheckpointSeries.objects.order_by("-at_ms", "-number")
    return list(known if connection.vendor == "sqlite" else known.filter(place=place()))


def take(cause: str, *, unless_younger_ms: int = 0) -> Head:
    """Witness the trail as it is now; outside of any transaction. Gives back the head that was witnessed last.

    Nothing is written where all of the trail is witnessed (and, with :data:`~.form.INTERVAL`, that is not long ago), or
    the last checkpoint is younger than ``unless_younger_ms``. Raises :class:`DiffersError`, ``OSError`` of the file,
    and what the database says.
    """
    with held(settings.CHECKPOINTS_FILE) as file, _on_disk():
        last = _caught_up(file)
        now_ms = times.now_ms()
        if last is not None and unless_younger_ms and 0 <= now_ms - last.at_ms < unless_younger_ms:
            return last.sequence, last.hash
        is_silent = last is None or (cause == form.INTERVAL and now_ms - last.at_ms >= LONGEST_SILENCE_MS)
        while True:
            following = _next(last, cause, even_without_entries=is_silent)
            if following is None:
                return (last.sequence, last.hash) if last else (0, GENESIS)
            file.append(following.raw)
            last, is_silent = following, False


def take_quietly(cause: str) -> Head | None:
    """:func:`take` beside something more important, which goes on without it: then the log says why."""
    try:
        return take(cause)
    except DiffersError as error:
        log.critical("no checkpoint of the audit trail: %s", error)
    except (OSError, DatabaseError, ExportAdminError):
        log.exception("the checkpoint of the audit trail could not be written")
    return None


def take_accepted(broken: Break, *, base: int, before: Checkpoint | None, number: int) -> Checkpoint:
    """The checkpoint that says that a break was accepted, at entry ``base``, up to which all is as it was witnessed.

    ``before`` is the last line of the file, ``number`` what the new one counts. Raises as :func:`take` does.
    """
    with held(settings.CHECKPOINTS_FILE) as file, _on_disk():
        file.last()
        with transaction.atomic(durable=True):
            hashed = GENESIS if base == 0 else _hash_of(base)
            if hashed is None:
                raise DiffersError(f"entry {base} is not there")
            known = {each for row in CheckpointSeries.objects.all() for each in _breaks_of(row)}
            breaks = sorted({*known, *(before.breaks if before else ()), broken}, key=lambda each: each.at_ms)
            for row in series_of_here():
                row.delete()
            one = _sign(before, form.ACCEPTED, base, hashed, "", number=number, breaks=tuple(breaks))
            _keep(one)
        file.append(one.raw)
        return one


@contextmanager
def _on_disk() -> Iterator[None]:
    """What is committed inside lasts through a loss of power, and with it all that was committed before.

    SQLite's log is else synced now and then only, and a checkpoint must not know of more than the database.
    """
    is_ours = connection.vendor == "sqlite" and not connection.in_atomic_block
    if is_ours:
        _pragma("FULL")
    try:
        yield
    finally:
        if is_ours:
            _pragma("NORMAL")


def _pragma(how: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA synchronous={how}")


def _caught_up(file: OpenFile) -> Checkpoint | None:
    """The file's last checkpoint, after the one was added that a dead process had kept in the database only."""
    raw = file.last()
    try:
        last = None if raw is None else form.parse(raw)
    except CheckpointError as error:
        raise DiffersError(f"the last line of {settings.CHECKPOINTS_FILE} {error}") from None
    if last is not None and not last.is_signed_by(known_keys()):
        raise DiffersError(f"the last line of {settings.CHECKPOINTS_FILE} is not signed by this installation")
    known = series_of_here()
    if last is None:
        first = known[0] if len(known) == 1 else None
        if not known or (first is not None and first.number == 1):
            return _add(file, first)
        raise DiffersError(f"{settings.CHECKPOINTS_FILE} is gone: checkpoint {known[0].number:,} was written there")
    row = next((row for row in known if row.series == last.series), None)
    ahead = 0 if row is None else row.number - last.number
    # the first line of a new series in an old file
    pending = next((each for each in known if _follows(each, last)), None)
    if pending is not None:
        return _add(file, pending)
    if ahead > 0 and row is not None:
        raise DiffersError(
            f"{settings.CHECKPOINTS_FILE} ends with checkpoint {last.number:,}; checkpoint {row.number:,} was written"
        )
    return last


def _follows(row: CheckpointSeries, last: Checkpoint) -> bool:
    return row.number == last.number + 1 and form.parse(row.line.encode()).previous == last.sha256


def _add(file: OpenFile, row: CheckpointSeries | None) -> Checkpoint | None:
    if row is None:
        return None
    kept = form.parse(row.line.encode())
    file.append(kept.raw)
    return kept


def _next(last: Checkpoint | None, cause: str, *, even_without_entries: bool) -> Checkpoint | None:
    """The one that follows, kept in the database already; ``None``: nothing is left to be witnessed."""
    with transaction.atomic(durable=True):
        known = last.sequence if last else 0
        newest = head()
        if last is not None and known and _hash_of(known) != last.hash:
            what = "is not there any more" if newest[0] < known else "is another one now"
            raise DiffersError(
                f"entry {known}, which checkpoint {last.number:,} has witnessed, {what}: see `exportadmin verify_audit`"
            )
        until = min(newest[0], known + form.MOST_ENTRIES)
        if until <= known and not even_without_entries:
            return None
        found = AuditEntry.objects.filter(sequence__gt=known, sequence__lte=until).order_by("sequence")
        entries = list(found.values_list("sequence", "hash"))
        hashed = entries[-1][1] if entries else last.hash if last else GENESIS
        if [sequence for sequence, _ in entries] != list(range(known + 1, until + 1)) or (
            until == newest[0] and hashed != newest[1]
        ):
            raise DiffersError("the trail is not whole: see `exportadmin verify_audit`")
        tags = "".join(each[:TAG] for _, each in entries)
        one = _sign(last, cause, max(known, until), hashed, tags)
        _keep(one)
        return one


def _sign(
    last: Checkpoint | None,
    cause: str,
    sequence: int,
    hashed: str,
    tags: str,
    *,
    number: int | None = None,
    breaks: tuple[Break, ...] | None = None,
) -> Checkpoint:
    installation = installation_id()
    # a copy of an installation goes on with its file as another one
    goes_on = last is not None and last.installation in ("", installation)
    return form.write(
        series=last.series if last is not None and goes_on else new_id(),
        number=number or (last.number + 1 if last else 1),
        previous=last.sha256 if last else form.NOTHING_BEFORE,
        # a clock that was put back must not make a later line look older, or as old as a break
        at_ms=max(times.now_ms(), last.at_ms + (last.cause == form.ACCEPTED) if last else 0),
        installation=installation,
        cause=cause,
        sequence=sequence,
        hash=hashed,
        tags=tags,
        breaks=breaks if breaks is not None else last.breaks if last else (),
        key=installation_key(),
    )


def _keep(one: Checkpoint) -> None:
    CheckpointSeries.objects.update_or_create(
        series=one.series,
        defaults={
            "place": place(),
            "number": one.number,
            "sequence": one.sequence,
            "at_ms": one.at_ms,
            "line": one.raw.decode(),
        },
    )


def _breaks_of(row: CheckpointSeries) -> tuple[Break, ...]:
    try:
        kept = form.parse(row.line.encode())
    except CheckpointError:
        return ()
    return kept.breaks if kept.is_signed_by(known_keys()) else ()


def _hash_of(sequence: int) -> str | None:
    return AuditEntry.objects.filter(sequence=sequence).values_list("hash", flat=True).first()


class AtIntervals:
    """For the worker's loop. ``on_difference`` is called where the trail is not the one that was witnessed."""

    def __init__(
        self, on_difference: Callable[[], object] = lambda: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._on_difference = on_difference
        self._clock = clock
        self._next = clock()

    def tick(self) -> None:
        """A few queries now and then. Raises what the database says."""
        if self._clock() < self._next:
            return
        interval = settings.CHECKPOINT_MINUTES * 60
        self._next = self._clock() + interval
        try:
            # what a delivery made is as good; half: ticks are not on the second
            take(form.INTERVAL, unless_younger_ms=interval * 500)
        except DiffersError as error:
            log.critical("no checkpoint of the audit trail: %s", error)
            self._on_difference()
        except (OSError, ExportAdminError):
            log.exception("the checkpoint of the audit trail could not be written")
