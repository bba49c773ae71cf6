"""How a sync is carried out: asked for, fetched, its rows written, what is gone taken away, the watermark moved.

Where it is stands on the run's row before each step, and each batch of rows commits with how far it came: killed
anywhere, the next attempt goes on, asks the platform nothing twice, and leaves nothing out.

**The watermark** is the platform's own time at the asking. It moves in the transaction that ends a sync of which no row
was refused; after one with refused rows it stays, so that they come again. Where the platform left rows out it stays
once, so that they are asked for once more; what is missing then too is left to the next full sync, and so it is at once
in a full sync that somebody asks for. The next sync asks for what changed since the watermark less ``SYNC_OVERLAP``:
whether a platform's filter means *after* or *from … on*, nothing is left out, and what comes twice is the same row
again. A platform that does not tell its clock is taken to have ours; where the answer that told it was lost, the
watermark stays.

**A row** is the platform's id: one whose picture has another name or size there takes the place of what it was.

**Rows that are gone** are those that a full sync did not bring and that nothing wrote since it began. What the platform
leaves out by mistake would be lost with its ids, so more than a few of them, and more than a share, are taken away only
in a full sync that somebody asked for; and all of them, where the platform says that it has no rows, only when it said
so twice. Otherwise the sync fails, and says what would be right.

**A task with several pictures** is read as a whole: rows a picture that it has no more are taken away by any sync that
brings it, and so is the row that it was alone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connections.access.permissions import START
from connections.access.requester import check_requester
from connections.platforms.base import (
    MISSING,
    FilterIgnoredError,
    NothingThereError,
    Platform,
    RemoteFile,
    RemoteProject,
    Wanted,
)
from connections.platforms.leftovers import take_away, taken_away
from connections.platforms.remote import KEY as REMOTE
from connections.platforms.remote import RemoteRun
from connections.store.import_row import IncomingClass, IncomingRow
from connections.store.importers import IMPORTERS
from connections.store.importers.base import Importer
from connections.store.imports import files
from connections.store.imports.files import RefusedLog
from connections.store.imports.writing import COUNTS, STATE, verdict, write_file
from connections.store.known_project import KnownProject
from connections.store.models import StoreProject, StoreRow
from connections.store.notes import CARRIED, OTHER, Note, Notes
from connections.store.removal import Removal
from connections.sync import fetched
from connections.sync.actions import described, platform_of
from connections.sync.again import (
    AGAIN,
    AGAIN_ERROR,
    MOST_AGAIN,
    NOT_NOW,
    ONCE_MORE,
    REMOTE_AGAIN,
    deferred_error,
    rows_again,
    times_again,
)
from connections.sync.checks import RowChecks, ignores_the_filter
from connections.sync.ending import finish, rows_gone, summary_of_nothing
from connections.sync.gone import find_gone, find_replaced, remove_gone, without_parts_of
from connections.sync.models import FULL, INCREMENTAL, Mirror, SyncRun
from exportadmin.audit.record import record
from exportadmin.lib.actor import system
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.lib.keys_read import KeysRead
from exportadmin.runs import statuses
from exportadmin.runs.errors import NotYet
from exportadmin.runs.lease import RunLease
from exportadmin.runs.runners import Runner

IMPORTING, REMOVING = "importing", "taking away what is gone"
# so many rows may be gone in any full sync; of more, this share of the mirror
FEW_GONE: Final = 20
SHARE_GONE: Final = 0.2
# of rows that the mirror has and a file does not
MOST_NAMED: Final = 20
# between the two times that a platform is asked whether it has no rows at all
CONFIRM_AFTER: Final = timedelta(seconds=30)
# beside what a platform counts of what it exported
FOUND: Final = "rows in its file"
# the watermark stays for what is missing so often in a row
MOST_HELD: Final = 1
NEXT_IS_FULL: Final = "The next sync will be a full one; to have each be one, set full_every_hours of this mirror to 0"


class SyncRunner(Runner[SyncRun]):
    """Of kind ``sync``."""

    model = SyncRun

    def run(self, run: SyncRun, lease: RunLease) -> None:
        """See the module."""
        lease.check(now=True)
        if not lease.foreground:
            check_requester(run, START, run.project, "sync this project")
        with taken_away(run, lease):
            try:
                self._carry_out(run, lease)
            except FilterIgnoredError as error:
                lease.check(now=True)
                Mirror.objects.filter(project=run.project).update(full_due=True)
                raise PermanentError(f"{error}. {NEXT_IS_FULL}") from None

    def _carry_out(self, run: SyncRun, lease: RunLease) -> None:
        platform = platform_of(run.project.connection)
        if not run.state:
            self._begin(run, lease, platform)
        elif run.attempts > run.state["attempts"]:
            self._resume(run, lease)
        try:
            self._fetch(run, lease, platform)
        except NothingThereError as answer:
            self._nothing_there(run, lease, platform, str(answer))
            return
        file = run.state["file"]
        if run.mode == FULL and file["rows"] == 0:
            if file["missing"]:  # that is no answer that there are none
                raise PermanentError(_all_missing(platform, file))
            self._nothing_there(run, lease, platform, "a file without any")
            return
        log = RefusedLog(run, keep=run.state.get("refused_bytes", 0), skip=run.state.get("refused_by_importer", 0))
        with log:
            _Reading(run, lease, platform, log).carry_out()

    def _begin(self, run: SyncRun, lease: RunLease, platform: Platform) -> None:
        """Decide what to ask for, and keep it."""
        asked_at = timezone.now()
        remote = _project(run, platform)
        mirror = Mirror.objects.get(project=run.project)
        since_ms = _since(run, mirror, platform, asked_at)
        store = StoreProject.objects.filter(project=run.project).first()
        with transaction.atomic():
            lease.save(
                mode=FULL if since_ms is None else INCREMENTAL,
                since_ms=since_ms,
                asked_at=asked_at,
                remote_name=f"exportadmin-sync-{run.public_id}",
                state={
                    "attempts": run.attempts,
                    "described": described(remote),
                    "options": mirror.options,
                    "classes": [[one.name, one.is_question] for one in remote.classes],
                    AGAIN: [] if since_ms is None else rows_again(mirror, platform),
                    "revision": store.revision if store else 0,
                },
            )
            self._tell(run, "started", {"mode": run.mode, "attempt": run.attempts})

    def _resume(self, run: SyncRun, lease: RunLease) -> None:
        with transaction.atomic():
            lease.save(state={**run.state, "attempts": run.attempts})
            self._tell(run, "resumed", {"mode": run.mode, "attempt": run.attempts})

    def _fetch(self, run: SyncRun, lease: RunLease, platform: Platform) -> None:
        """The file is at hand. Raises ``NotYet`` while the platform makes it, ``NothingThereError``."""
        if fetched.file_of(run) is not None:
            return
        ids = run.state.get(AGAIN) or []
        other = None
        if ids and AGAIN_ERROR not in run.state:
            # both are made before one is fetched: else it would be fetched anew each time that the other is looked at
            with suppress(NothingThereError):
                self._advanced(run, lease, platform)
            other = self._made_again(run, lease, platform, ids)
        try:
            file = self._made(run, lease, platform)
        except NothingThereError:
            if other is None:
                raise
            file = platform.joined(None, other, ids, fetched.folder_for(run))
        else:
            file = file if other is None else platform.joined(file, other, ids, fetched.folder_for(run))
        digest = fetched.digest_of(file.path)
        state = run.state
        # another file than the one that was begun: from its first row
        if state.get("file", {}).get("digest") != digest:
            state = {name: value for name, value in state.items() if name not in STATE}
        lease.save(
            bytes_total=file.bytes,
            state={
                **state,
                "file": {
                    "name": file.path.name,
                    "bytes": file.bytes,
                    "digest": digest,
                    "rows": file.rows,
                    "rows_by_status": dict(file.rows_by_status or {}),
                    "notes": dict(file.notes),
                    "told": dict(file.told),
                    "missing": file.missing,
                    "deferred": file.deferred,
                    "deferred_rows": file.deferred_rows if file.deferred_rows is None else list(file.deferred_rows),
                    "missing_as": file.missing_as,
                },
            },
        )

    def _made(self, run: SyncRun, lease: RunLease, platform: Platform) -> RemoteFile:
        """What changed, or everything. Raises as :meth:`_fetch`."""
        return _only(self._advanced(run, lease, platform).fetch(fetched.folder_for(run)), platform)

    def _advanced(self, run: SyncRun, lease: RunLease, platform: Platform) -> RemoteRun:
        """The export of that, which is there to be fetched. Raises as :meth:`_fetch`."""
        remote = RemoteRun(platform, run.project.external_id, _wanted(run, platform), lease, run.state)
        try:
            remote.advance()
        finally:
            if remote.remote_id != run.remote_id and not lease.is_lost:
                lease.save(remote_id=remote.remote_id)
        return remote

    def _made_again(self, run: SyncRun, lease: RunLease, platform: Platform, ids: list[str]) -> RemoteFile | None:
        """The rows that are asked for by their ids; ``None``: there are none any more, or something is wrong with that:
        it is kept, and they are asked for once more by the next sync. Raises ``NotYet``.
        """
        wanted = platform.for_rows(f"{run.remote_name}-{AGAIN}", ids, run.state.get("options", {}))
        remote = RemoteRun(platform, run.project.external_id, wanted, lease, run.state, key=REMOTE_AGAIN)
        folder = fetched.folder_for(run) / AGAIN
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            remote.advance()
            return _only(remote.fetch(folder), platform)
        except NothingThereError:
            return None
        except PermanentError as error:
            lease.save(state={**run.state, AGAIN_ERROR: f"rows that were to be asked for again: {error}"})
            return None

    def _nothing_there(self, run: SyncRun, lease: RunLease, platform: Platform, answer: str) -> None:
        """The platform has no row that was asked for, and says so."""
        summary = summary_of_nothing()
        rows = StoreRow.objects.filter(project=run.project, revision__lte=run.state["revision"])
        if run.mode == INCREMENTAL or not rows.exists():
            error = run.state.get(AGAIN_ERROR, "")
            again = times_again(run, Mirror.objects.get(project=run.project), ())
            finish(run, lease, summary, statuses.PARTIAL if error else statuses.COMPLETED, error, again=again)
            return
        if run.wanted != FULL:
            raise PermanentError(
                f"{platform.title} says that it has no rows ({answer}), and the mirror has {rows.count():,}: nothing "
                "was taken away. If it is right, ask for a full sync"
            )
        if not run.state.get("is_empty"):
            lease.check(now=True)
            take_away(run)
            others = {name: value for name, value in run.state.items() if name not in (REMOTE, "file")}
            state = others | {"is_empty": True}
            lease.save(remote_name=f"{run.remote_name}-again")
            raise NotYet(CONFIRM_AFTER, state, f"{platform.title} says that it has no rows; it is asked once more")
        _take_away(run, lease, platform, KeysRead(), summary)
        finish(run, lease, summary, statuses.COMPLETED, "")

    def _tell(self, run: SyncRun, verb: str, details: dict[str, Any]) -> None:
        record(f"sync.{verb}", actor=system("worker"), project=run.project, obj=run, details=details)

    def ended(self, run: SyncRun) -> None:
        """The file goes; refused rows stay, as far as they were counted."""
        files.cut_refused(run, run.state.get("refused_bytes", 0))
        summary = run.summary or {}
        details = {name: summary[name] for name in (*COUNTS, "gone") if name in summary}
        record(
            f"sync.{run.status}",
            actor=system("worker"),
            project=run.project,
            obj=run,
            outcome="done" if run.status in statuses.SUCCESSFUL | {statuses.CANCELLED} else "failed",
            reason=run.error,
            details={"mode": run.mode, **details},
        )
        transaction.on_commit(lambda: fetched.remove(run))

    def clean_up(self, run: SyncRun) -> None:
        """Nothing: what was fetched is gone on with, also of a file that is not whole."""

    def reason_not_to_resume(self, run: SyncRun) -> str:
        """Any worker may."""
        return ""


class _Reading:
    """The rows of the file that was fetched, and what follows from them."""

    def __init__(self, run: SyncRun, lease: RunLease, platform: Platform, log: RefusedLog) -> None:
        self.run, self.lease, self.platform, self.log = run, lease, platform, log
        self.keys, self.wholes, self.refused = KeysRead(), KeysRead(), KeysRead()
        self.has_unknown_refused = False
        self.known = KnownProject(run.project, reserved=run.state.get("reserved"))
        path = fetched.file_of(run)
        assert path is not None
        named = platform.project_in_rows(run.project.external_id, run.state.get("options", {}))
        self.importer: Importer = IMPORTERS.pick(platform.importer)(
            path,
            default_status=None,
            project_key=named or run.project.public_id,
            takes_that_project_alone=bool(named),
            on_read=self._on_read,
            on_refused=self._on_refused,
            project=self.known,
        )
        for name, is_question in run.state.get("classes", ()):
            self.importer.classes.append(IncomingClass(name, is_question=is_question))
        self.checks = RowChecks(
            platform, self.importer, _wanted(run, platform), by_id=frozenset(run.state.get(AGAIN, ()))
        )
        # what is known of rows of which parts could not be had, and which of them came
        self.mirror = Mirror.objects.get(project=run.project)
        self.came = set[str]()

    def carry_out(self) -> None:
        """Until the run has ended."""
        run, lease = self.run, self.lease
        file = run.state["file"]
        self.checks.check_counts(file["rows_by_status"])
        rows = file["rows"]
        if rows is None:
            rows = self.importer.survey().rows_total
        lease.progress(phase=IMPORTING, rows_expected=rows)
        reason = f"{self.platform.title} has other rows of it now ({run.label})"
        summary = write_file(
            run, lease, self.importer, self.known, self.log, rows=self._rows(), replace=True, reason_gone=reason
        )
        self.checks.end()
        notes = Notes(summary["notes"])
        if run.mode == INCREMENTAL and (note := ignores_the_filter(run, self.platform, summary)):
            notes.add(OTHER, note)
        replaced = find_replaced(run.project, self.keys, self.wholes, seen=run.state["revision"])
        _remove(run, lease, replaced, reason, summary, counter="replaced")
        for text, count in file["notes"].items():
            notes.add(OTHER, text, count=count)
        if run.mode == FULL and file["missing"]:
            notes.add(OTHER, "full sync of which rows are missing: what is gone was not looked for")
            self._name_absent(notes)
        elif run.mode == FULL and self.has_unknown_refused:
            notes.add(OTHER, "full sync with refused rows whose ids are not known: what is gone was not looked for")
        elif run.mode == FULL:
            _take_away(run, lease, self.platform, self.keys, summary, refused=self.refused)
        if file.get("told"):
            summary["told"] = {**file["told"], FOUND: file["rows"]}
        summary |= {
            "gone": rows_gone(run),
            "not_understood": _not_understood(summary["notes"]),
            "notes": notes.as_json(),
            "note_counts": notes.counts(),
        }
        status, error = verdict(run, summary)
        tells_changes = self.platform.tells_changes_of(run.project.external_id)
        again, is_held = times_again(run, self.mirror, file["deferred_rows"] or (), self.came), False
        if file["missing"] or (file["deferred"] and file["deferred_rows"] is None):
            is_held = run.wanted != FULL and self.mirror.held < MOST_HELD
        if status == statuses.COMPLETED and file["missing"]:
            what = MISSING[file["missing_as"]].format(file["missing"])
            status, error = statuses.PARTIAL, f"{self.platform.title} {what}"
            if tells_changes:
                error += f". {ONCE_MORE if is_held else NOT_NOW}"
        elif status == statuses.COMPLETED and (error := deferred_error(file, again, is_held=is_held)):
            status = statuses.PARTIAL
        elif status == statuses.COMPLETED and AGAIN_ERROR in run.state:
            status, error = statuses.PARTIAL, run.state[AGAIN_ERROR]
        if any(times > MOST_AGAIN for times in again.values()) and tells_changes:
            self._note_given_up(notes, again)
            summary |= {"notes": notes.as_json(), "note_counts": notes.counts()}
        refused_bytes = self.log.flush()
        finish(run, lease, summary, status, error, refused_bytes=refused_bytes, is_held=is_held, again=again)

    @staticmethod
    def _note_given_up(notes: Notes, again: dict[str, int]) -> None:
        lasting = [row_id for row_id, times in again.items() if times > MOST_AGAIN]
        text = f"rows of which parts could not be had {MOST_AGAIN + 1} times in a row: the next full sync tries again"
        notes.add(OTHER, text, count=len(lasting), example=", ".join(lasting[:MOST_NAMED]))

    def _name_absent(self, notes: Notes) -> None:
        """Which of them are missing the platform may not say: those that the mirror has are named."""
        absent = find_gone(self.run.project, self.keys, seen=self.run.state["revision"])
        if absent:
            named = (
                StoreRow.objects.filter(pk__in=absent[:MOST_NAMED]).order_by("pk").values_list("global_key", flat=True)
            )
            more = ", …" if len(absent) > MOST_NAMED else ""
            text = "rows of the mirror that are not in the file, and stay: they are missing, or gone there"
            notes.add(OTHER, text, count=len(absent), example=f"{', '.join(named)}{more}")

    def _rows(self) -> Iterator[IncomingRow]:
        for row in self.importer.rows_with_notes():
            self.keys.add(row.key)
            if row.part_of or row.is_whole:
                self.wholes.add(row.part_of or row.key)
            self.checks.look_at(row)
            if row.row_id is not None and row.row_id in self.mirror.again:
                self.came.add(row.row_id)
            yield row

    def _on_read(self, position: int) -> None:
        self.lease.check()
        self.lease.progress(bytes_done=position)

    def _on_refused(self, position: str, reason: str, value: Any = None) -> None:
        keys = self.importer.keys_of(value)
        self.has_unknown_refused |= not keys
        for key in keys:
            self.keys.add(key)
            self.refused.add(key)
        self.log.add(position, reason, value)


def _since(run: SyncRun, mirror: Mirror, platform: Platform, now: datetime) -> int | None:
    """After what changes to ask for, in the platform's time; ``None``: for everything."""
    if run.wanted == FULL or mirror.watermark_ms is None or not platform.tells_changes_of(run.project.external_id):
        return None
    last = mirror.full_synced_at
    if last is None or mirror.full_due or now - last >= timedelta(hours=mirror.full_every_hours):
        return None
    return mirror.watermark_ms - int(settings.SYNC_OVERLAP * 1000)


def _project(run: SyncRun, platform: Platform) -> RemoteProject:
    step = f"{platform.title}, looking at the project"
    try:
        return platform.project(run.project.external_id)
    except TransientError as error:
        raise TransientError(f"{step}: {error}", retry_after=error.retry_after) from None
    except PermanentError as error:
        raise PermanentError(f"{step}: {error}") from None


def _wanted(run: SyncRun, platform: Platform) -> Wanted:
    return platform.for_sync(run.remote_name, run.since_ms, run.state.get("options", {}))


def _all_missing(platform: Platform, file: dict[str, Any]) -> str:
    """Why a file without rows is not taken for what the platform has: its own reason stands in the notes."""
    notes = "; ".join(file["notes"])
    return (
        f"{platform.title} could not export {file['missing']:,} rows, and its file has none: nothing was taken away"
        + (f" ({notes})" if notes else "")
    )


def _only(made: list[RemoteFile], platform: Platform) -> RemoteFile:
    if len(made) != 1:
        raise PermanentError(f"{platform.title} made {len(made)} files for a sync; one is expected")
    return made[0]


def _take_away(
    run: SyncRun,
    lease: RunLease,
    platform: Platform,
    keys: KeysRead,
    summary: dict[str, Any],
    refused: KeysRead | None = None,
) -> None:
    """Rows that are gone there; counted in the run's ``state`` as each batch of them goes."""
    lease.progress(phase=REMOVING)
    seen = run.state["revision"]
    gone = find_gone(run.project, keys, seen=seen)
    if refused is not None:
        gone = without_parts_of(refused, gone)
    if not gone:
        return
    before = StoreRow.objects.filter(project=run.project, revision__lte=seen).count()
    allowed = max(FEW_GONE, int(SHARE_GONE * before))
    if len(gone) > allowed and run.wanted != FULL and not run.state.get("gone"):
        raise PermanentError(
            f"{len(gone):,} of {before:,} rows of the mirror are not among those that {platform.title} sent, which is "
            f"more than {allowed:,}: nothing was taken away. If it is right, ask for a full sync"
        )
    _remove(run, lease, gone, f"not in {platform.title} any more ({run.label})", summary, counter="gone")


def _remove(
    run: SyncRun, lease: RunLease, gone: array[int], reason: str, summary: dict[str, Any], *, counter: str
) -> None:
    removal = Removal(run.project, seen=run.state["revision"], reason=reason, deleted_by=run.created_by_name)
    for count in remove_gone(removal, gone):
        state = {**run.state, counter: run.state.get(counter, 0) + count}
        lease.save(state=state, summary={**summary, "gone": rows_gone(run) + count, "not_understood": {}})
        lease.check()


def _not_understood(notes: list[Note]) -> dict[str, int]:
    return {note["text"]: note["count"] for note in notes if note["kind"] == CARRIED}
