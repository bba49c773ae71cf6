"""An export that the project's platform makes itself, step by step: asked for once, waited for, fetched or proved.

*As it is* its files are fetched, checked and delivered byte for byte through our sink. *There* the platform delivers
them itself: what is new in that place afterwards is read and hashed there, where a connection of the project's reaches
it, and what lies here is the manifest alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from django.utils import timezone

from connections.models import Connection
from connections.platforms.base import NothingThereError, Platform, Ready, RemoteFile, Waiting, Wanted
from connections.platforms.leftovers import taken_away
from connections.platforms.remote import KEY as REMOTE
from connections.platforms.remote import RemoteRun
from connections.sinks.base import DeliveredFileError, Draft
from connections.sinks.there import HEAD, OBJECTS, DeliveryThere, ObjectThere, objects_at, read_object
from connections.use import check_usable
from exportadmin.lib.errors import PermanentError, TransientError, UserError
from exportadmin.lib.signing import installation_key
from exportadmin.lib.times import MIN_MS, to_datetime
from exportadmin.runs import statuses
from exportadmin.runs.ends import end
from exportadmin.runs.errors import LeaseLost, NotYet
from exportadmin.runs.lease import RunLease
from exports import check_values
from exports.delivery import manifest
from exports.delivery.destination import check_destination, key_of, sink_for
from exports.delivery.files import WrittenFile, file_name
from exports.delivery.publication import Published, adopt_published
from exports.models import ExportReport
from exports.run import scratch
from exports.run.pipeline import check_permission, draft_of, finish, head_of, record_start
from exports.spec.platform_export import PlatformExport, platform_of
from exports.spec.spec import ExportSpec

DELIVERING, PROVING = "delivering", "proving"
BLOCK: Final = 1 << 20
# what lay in a platform's own place before: kept on the run's row, so there is an end
MOST_BEFORE: Final = 5_000
BEFORE: Final = "before"
BEGUN: Final = "begun"
# new objects of one export, each of which is read and hashed
MOST_NEW: Final = 5_000
_WAIT: Final = timedelta(seconds=5)
# an export that was given up here is waited for so long
_GIVEN_UP_KEPT: Final = timedelta(hours=1)
_WITHOUT_FILES: Final = (statuses.CANCELLED, statuses.FAILED, statuses.ERRORED)
EXAMPLES: Final = 5
# notes of check values: what could not be compared with what was asked for
NO_STATUS: Final = "rows that do not say their status, which was not checked"
NO_TIME: Final = "rows that do not say when they were updated, which was not checked"
NOT_TOLD: Final = "files that say nothing of their rows, which were not checked"


def run(report: ExportReport, lease: RunLease) -> None:
    """Go on from where it is, to the end. Raises ``NotYet`` while the platform works."""
    lease.check(now=True)
    with taken_away(report, lease):
        _carry_out(report, lease)


def _carry_out(report: ExportReport, lease: RunLease) -> None:
    sink = sink_for(report)
    if (adopted := adopt_published(sink, report)) is not None:  # an earlier attempt died before it could say so
        sink.discard(key_of(report))
        scratch.discard(report.report_id)
        finish(report, lease, adopted)
        return
    check_permission(report, lease)
    wanted = _spec_of(report)
    if wanted.is_there:
        _look_at_connection(report, lease)
        _await_others(report, wanted)
    else:
        check_destination(report)
    if report.state.get(BEGUN) != report.attempts:  # between two looks at what the platform does nobody is told
        record_start(report)
    platform = platform_of(report.project)
    remote = RemoteRun(
        platform,
        report.project.external_id,
        wanted.wanted("" if wanted.remote_id else report.remote_name, report.description),
        lease,
        _state(report, wanted, lease),
    )
    try:
        try:
            ready = remote.advance()
        finally:
            _keep_remote_id(report, remote, lease)
        with scratch.folder_for(report, goes_on=True) as folder:
            if ready.place and not wanted.is_there:
                raise PermanentError(
                    f"{platform.title} delivered that export to {ready.place}: there is no file of it to fetch"
                )
            if wanted.is_there:
                _prove(report, remote, ready, folder)
            else:
                _deliver(report, remote, folder)
    except NothingThereError as nothing:
        if not end(report, lease, statuses.SKIPPED, f"nothing there: {platform.title} says {str(nothing)!r}"):
            raise LeaseLost(f"report {report.report_id} was taken over") from None


def _spec_of(report: ExportReport) -> PlatformExport:
    wanted = ExportSpec.from_json(report.config, report.project).platform_export
    if wanted is None:
        raise PermanentError("its description does not say what the platform is to make")
    return wanted


def _look_at_connection(report: ExportReport, lease: RunLease) -> None:
    """One that was taken from the project since proves nothing; the platform delivers all the same."""
    if report.destination is not None:
        try:
            check_usable(report.destination, report.project)
        except UserError:
            lease.save(destination=None)


def _await_others(report: ExportReport, wanted: PlatformExport) -> None:
    """Into one place one export at a time, whosever they are: else nobody could tell what belongs to which.

    Raises ``NotYet`` while an older one is not done.
    """
    if BEGUN in report.state:
        return
    place = _place(report, wanted)
    older = ExportReport.objects.filter(is_there=True, status__in=statuses.ACTIVE, pk__lt=report.pk)
    for other in older.select_related("project__connection"):
        theirs = _place(other, _spec_of(other))
        if place.startswith(theirs) or theirs.startswith(place):
            raise NotYet(_WAIT, {"waits": True}, f"another export into {theirs} has to be done first")
    _await_given_up(report, place)


def _await_given_up(report: ExportReport, place: str) -> None:
    """What was cancelled or given up here goes on there, and would land among this one's files.

    Raises ``NotYet`` while one of the last hour into this place is not done there.
    """
    ended = {"status__in": _WITHOUT_FILES, "finished_at__gte": timezone.now() - _GIVEN_UP_KEPT}
    given_up = ExportReport.objects.filter(is_there=True, **ended).exclude(remote_name="")
    for other in given_up.select_related("project__connection"):
        theirs = _place(other, _spec_of(other))
        if not (place.startswith(theirs) or theirs.startswith(place)) or not other.state.get(REMOTE):
            continue
        platform, project = platform_of(other.project), other.project.external_id
        waiting = f"export {other.report_id} into {theirs} ended here without its files, and {platform.title}"
        try:
            remote_id = other.remote_id or platform.find(project, other.remote_name)
            if remote_id and isinstance(standing := platform.look(project, remote_id), Waiting):
                raise NotYet(_WAIT, {"waits": True}, f"{waiting} is still at it (it says {standing.word!r})")
        except TransientError as error:
            raise NotYet(_WAIT, {"waits": True}, f"{waiting} does not say whether it is done: {error}") from None
        except PermanentError:  # it is not there any more, or nobody may ask: nothing is to be waited for
            continue


def place_of(report: ExportReport) -> str:
    """Where the platform delivers it itself: ``s3://bucket/folder/``. Raises ``UserError``, ``PermanentError``."""
    return _place(report, _spec_of(report))


def _place(report: ExportReport, wanted: PlatformExport) -> str:
    return platform_of(report.project).delivers_to(wanted.wanted(report.remote_name))


def _state(report: ExportReport, wanted: PlatformExport, lease: RunLease) -> dict[str, Any]:
    """What the run's row keeps, with what has to be there before the platform is asked."""
    state: dict[str, Any] = {**report.state, BEGUN: report.attempts}
    if wanted.remote_id:
        if REMOTE not in state:
            state[REMOTE] = {"remote_id": wanted.remote_id}
            lease.save(state=state, remote_name=_name_there(report, wanted.remote_id))
    elif wanted.is_there and report.destination is not None and BEFORE not in state:
        state[BEFORE] = _versions(report.destination, _place(report, wanted))
        lease.save(state=state)
    return state


def _name_there(report: ExportReport, remote_id: str) -> str:
    """As the platform lists it in this very project: its keys may open the exports of other projects, too, which are
    none of this one's business. Raises ``PermanentError`` where it does not.
    """
    platform = platform_of(report.project)
    for one in platform.exports(report.project.external_id):
        if one.remote_id == remote_id:
            return one.name[:200]
    raise PermanentError(f"{platform.title} lists no export {remote_id!r} in this project")


def _keep_remote_id(report: ExportReport, remote: RemoteRun, lease: RunLease) -> None:
    if remote.remote_id and report.remote_id != remote.remote_id:
        lease.save(remote_id=remote.remote_id)


# --- as it is --------------------------------------------------------------------------------------------------------


def _deliver(report: ExportReport, remote: RemoteRun, folder: Path) -> None:
    lease, started = remote.lease, timezone.now()
    seen = remote.fetch(folder)
    seen = [check_rows(remote.platform, file, remote.wanted, lease) for file in seen]
    sink = sink_for(report)
    lease.progress(phase=DELIVERING, bytes_done=0)
    with draft_of(sink, report) as draft:
        if (late := adopt_published(sink, report)) is not None:
            finish(report, lease, late)
            return
        written = [_copy(report, draft, file, nth, lease) for nth, file in enumerate(seen, 1 if len(seen) > 1 else 0)]
        values = check_values.of_platform(report.made_by, seen, written)
        head = {**head_of(report, started, None), HEAD: _told(report)}
        lease.check(now=True)
        raw = manifest.build(head, values, written, installation_key())
        delivery = draft.commit(raw)
    finish(report, lease, Published(delivery, values, written, None, raw))


def _copy(report: ExportReport, draft: Draft, file: RemoteFile, nth: int, lease: RunLease) -> WrittenFile:
    """Byte for byte, under a name that is made here; ``nth`` of several, 0: the only one."""
    name = file_name(report, _extension(file.name), part=str(nth) if nth else "")
    out = draft.open_file(name, file.media_type)
    with file.path.open("rb") as source:
        while chunk := source.read(BLOCK):
            out.write(chunk)
            lease.progress(bytes_done=out.bytes)
            lease.check()
    return WrittenFile(**asdict(out.close()))


def check_rows(platform: Platform, file: RemoteFile, wanted: Wanted, lease: RunLease) -> RemoteFile:
    """The post-condition: every row of the file satisfies what was asked for, as far as the file tells; as far as it
    does not, that is noted. Raises ``PermanentError`` with the first five that do not.
    """
    if not wanted.format or not (wanted.statuses or wanted.updated_after_ms is not None):
        return file
    notes: Counter[str] = Counter(file.notes)
    rows = 0
    statuses_wanted = frozenset(wanted.statuses)
    after = MIN_MS if wanted.updated_after_ms is None else wanted.updated_after_ms
    wrong: Counter[str] = Counter()
    examples: list[str] = []
    for row in platform.rows_of(file, wanted):
        reason, rows = "", rows + 1
        if statuses_wanted and row.status is None:
            notes[NO_STATUS] += 1
        if wanted.updated_after_ms is not None and row.updated_ms is None:
            notes[NO_TIME] += 1
        if statuses_wanted and row.status is not None and row.status not in statuses_wanted:
            reason = f"status {row.status!r}"
            wrong["status"] += 1
        elif row.updated_ms is not None and row.updated_ms < after:  # equal: some mean "at that time or later"
            reason = f"updated {_time(row.updated_ms)}"
            wrong["updated_after"] += 1
        if reason and len(examples) < EXAMPLES:
            examples.append(f"{row.row_id} ({reason})")
        lease.check()
    if not wrong:
        if not rows and file.rows != 0:
            notes[NOT_TOLD] += 1
        return replace(file, notes=notes)
    asked = [f"statuses {', '.join(wanted.statuses)}"] if wrong["status"] else []
    if wrong["updated_after"]:
        asked.append(f"updates since {_time(after)}")
    more = ", …" if wrong.total() > EXAMPLES else ""
    raise PermanentError(
        f"{platform.title}, checking the rows: it was asked for {' and '.join(asked)} alone, and {wrong.total():,} "
        f"rows of what it made are others: {', '.join(examples)}{more}; nothing was delivered"
    )


def _time(ms: int) -> str:
    return to_datetime(ms).isoformat(timespec="milliseconds")


# --- there -----------------------------------------------------------------------------------------------------------


def _prove(report: ExportReport, remote: RemoteRun, ready: Ready, folder: Path) -> None:
    lease, started, platform = remote.lease, timezone.now(), remote.platform
    place = platform.delivers_to(remote.wanted)
    if ready.place and not f"{ready.place.rstrip('/')}/".startswith(place):
        raise PermanentError(f"{platform.title} was to deliver to {place}, and says it delivered to {ready.place}")
    objects: dict[str, str] = {}
    written: list[WrittenFile] = []
    seen: list[RemoteFile] = []
    connection = report.destination
    if connection is not None:
        lease.progress(phase=PROVING, bytes_done=0)
        new = _new_objects(connection, place, remote.state.get(BEFORE, {}))
        if not new:
            raise PermanentError(
                f"{platform.title} says {ready.word!r}, but nothing in {place} is new or changed since it was asked"
            )
        for each in new:
            name = _name_of(each.key, place, objects)
            objects[name] = each.key
            file = _hash(connection, each, name, folder / str(len(objects)), lease)
            written.append(file)
            seen.append(_count(platform, file, folder / str(len(objects)), remote.wanted, lease))
    values = check_values.of_platform(report.made_by, seen, written, are_seen=connection is not None)
    told = {**_told(report), "place": place, OBJECTS: objects, "proved": connection is not None}
    sink = sink_for(report)
    with draft_of(sink, report) as draft:
        if (late := adopt_published(sink, report)) is not None:
            finish(report, lease, late)
            return
        lease.check(now=True)
        raw = manifest.build({**head_of(report, started, None), HEAD: told}, values, written, installation_key())
        kept = draft.commit(raw)
    finish(report, lease, Published(DeliveryThere(kept, connection), values, written, None, raw))


def _versions(connection: Connection, place: str) -> dict[str, str]:
    versions = {}
    for each in objects_at(connection, place):
        versions[each.key] = each.version
        if len(versions) > MOST_BEFORE:
            raise PermanentError(
                f"more than {MOST_BEFORE:,} objects lie in {place} already: name a folder of its own for this export, "
                "so that what belongs to it can be told"
            )
    return versions


def _new_objects(connection: Connection, place: str, before: Mapping[str, str]) -> list[ObjectThere]:
    new = []
    for each in objects_at(connection, place):
        if before.get(each.key) != each.version:
            new.append(each)
        if len(new) > MOST_NEW:
            raise PermanentError(
                f"more than {MOST_NEW:,} objects in {place} are new or changed since it was asked: one export makes "
                "few, so others write there too; name a folder of its own for this export"
            )
    return new


def _name_of(key: str, place: str, taken: Mapping[str, str]) -> str:
    """A plain file name, of which there is one in this delivery."""
    _, _, path = place.removeprefix("s3://").partition("/")
    name = "".join("_" if char in "/\\" or not char.isprintable() else char for char in key.removeprefix(path))
    name = name if name not in ("", ".", "..", "manifest.json") else f"_{name}"
    return name if name not in taken else f"{len(taken) + 1}_{name}"


def _hash(connection: Connection, each: ObjectThere, name: str, spool: Path, lease: RunLease) -> WrittenFile:
    """Read whole, once; what was read lies at ``spool`` then. Raises ``PermanentError`` where it changes meanwhile."""
    digest, size = hashlib.sha256(), 0
    try:
        with spool.open("wb") as out:
            for chunk in read_object(connection, each.key, BLOCK):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
                lease.progress(bytes_done=size)
                lease.check()
    except DeliveredFileError as error:
        raise PermanentError(f"{name} {error}: it was listed a moment ago") from None
    if size != each.bytes:
        raise PermanentError(f"{name} has {size:,} bytes; {each.bytes:,} were listed a moment ago: it is being changed")
    return WrittenFile(name, _media_type(name), size, digest.hexdigest())


def _count(platform: Platform, file: WrittenFile, path: Path, wanted: Wanted, lease: RunLease) -> RemoteFile:
    """What the file tells, where it tells of rows; the post-condition is checked of them."""
    spooled = RemoteFile(path, file.name, file.media_type, file.bytes)
    spooled = check_rows(platform, spooled, wanted, lease)
    rows, by_status = 0, Counter[str]()
    for row in platform.rows_of(spooled, wanted):
        rows += 1
        by_status.update([row.status] if row.status is not None else [])
        lease.check()
    path.unlink()
    if not rows:
        return spooled
    told = by_status if by_status.total() == rows else None
    return replace(spooled, rows=rows, rows_by_status=told)


# --- both ------------------------------------------------------------------------------------------------------------


def _told(report: ExportReport) -> dict[str, Any]:
    """What the manifest says of who made the files; what was asked for stands in its ``config``."""
    return {"platform": report.made_by, "remote_id": report.remote_id, "remote_name": report.remote_name}


def _extension(name: str) -> str:
    suffix = "".join(char for char in Path(name).suffix.lower() if char.isascii() and char.isalnum())
    return suffix or "bin"


_MEDIA_TYPES: Final = {"json": "application/json", "csv": "text/csv", "zip": "application/zip", "png": "image/png"}


def _media_type(name: str) -> str:
    return _MEDIA_TYPES.get(_extension(name), "application/octet-stream")
