"""Diffgram as a platform: what is mirrored is a job, or a directory, of the project that a connection's key is of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from connections.adapters import PRIVATE_ADDRESS, ConnectionField, SecretField, Step
from connections.models import Connection
from connections.platforms import fields
from connections.platforms.base import (
    COMPLETE,
    IN_FILE,
    Failed,
    Made,
    NothingThereError,
    NotMadeYetError,
    OnBytes,
    Platform,
    Ready,
    RemoteExport,
    RemoteFile,
    RemoteFormat,
    RemoteOption,
    RemoteProject,
    RemoteRow,
    Standing,
    Waiting,
    Wanted,
    cut_after,
)
from connections.platforms.diffgram import names
from connections.platforms.diffgram.names import DIRECTORY, JOB, TASK, Place, place_of
from exportadmin.lib.errors import ExportAdminError, PermanentError, TransientError, UserError
from exportadmin.lib.masking import scrub
from exportadmin.lib.text import check_line
from exportadmin.lib.times import from_datetime, parse_ms

if TYPE_CHECKING:
    from connections.platforms.diffgram.client import Client

FORMAT: Final = "json"
KIND: Final = "Annotations"
YES, NO = "yes", "no"
FILE_COUNT: Final = "File Count (file_list_length)"
TASK_COUNT: Final = "File Count (file_list_length), which counts a job's tasks"
TASKS, TASKS_COMPLETE = "tasks of the job (stat_count_tasks)", "complete tasks of the job (stat_count_complete)"
FILES, FILES_COMPLETE = "files of the directory", "files of the directory that are marked complete"
INIT, _COMPLETE, _FAILED = "init", "complete", "failed"
MAX_NAME: Final = 200
# what it says of an export of nothing
_EMPTY: Final = "File List is Empty"
_STUCK: Final = (
    "Diffgram makes an export within one of its processes: one that broke, or was stopped, leaves it so for ever, "
    "without a reason, and there is no way to end it there. Try again; its server's log may tell more"
)
_MEANINGS: Final = (
    "Of a job: files whose task in it is complete. Of a directory: files that are marked complete, which a new task on "
    "a file takes back. Of one task: it changes nothing."
)
MOST_NAMED: Final = 20
_Json = dict[str, Any]


class DiffgramPlatform(Platform):
    """See ``client.py`` for the wire and ``rows.py`` for the files."""

    key = "diffgram"
    title = "Diffgram"
    help = "Mirrors jobs and directories of a project of Diffgram, and has exports made there."
    importer = "diffgram_json"
    stand_ins: ClassVar[Mapping[str, str]] = names.STAND_INS
    keeps_what_it_makes = True
    keeps_names = False
    connection_fields: ClassVar[tuple[ConnectionField, ...]] = (
        ConnectionField(
            "base_address",
            "Base address",
            f"the host, such as {names.DEFAULT_ADDRESS}; a path may follow, as in https://host/dialects/diffgram",
            default=names.DEFAULT_ADDRESS,
            parse=names.base_address,
        ),
        ConnectionField(
            "project_string_id",
            "Project",
            "its project_string_id, as in the addresses of its pages, such as demo-project; a key is of one project",
            is_required=True,
            parse=names.project_string_id,
        ),
        ConnectionField(
            "client_id",
            "Client id",
            "of the project's key, such as LIVE__0123456789abcdefghij",
            is_required=True,
            parse=names.client_id,
        ),
        ConnectionField(
            PRIVATE_ADDRESS,
            "Private address",
            "host:port of a Diffgram within your own network; empty: public addresses only",
            parse=fields.private_address,
            warning="Whoever may use this connection then reaches that address from this machine.",
        ),
    )
    connection_secrets: ClassVar[tuple[SecretField, ...]] = (
        SecretField(
            "client_secret", "Client secret", "what belongs to the client id", is_required=True, parse=fields.secret
        ),
    )
    remote_formats: ClassVar[tuple[RemoteFormat, ...]] = (
        RemoteFormat(FORMAT, "JSON", "Diffgram's own, an entry a file; it makes no other"),
    )
    figures = {FILE_COUNT: IN_FILE, TASK_COUNT: IN_FILE, TASKS_COMPLETE: COMPLETE, FILES_COMPLETE: COMPLETE}
    # tasks are not files, and what is complete it counts after the export was made
    loose_figures = frozenset({TASK_COUNT, TASKS_COMPLETE, FILES_COMPLETE})
    mirror_options: ClassVar[tuple[RemoteOption, ...]] = (
        RemoteOption(
            "complete_only",
            "Complete files only",
            f"{_MEANINGS} None chosen: no, so that the mirror has all rows; Diffgram's own page takes yes",
            choices=((NO, "No"), (YES, "Yes")),
        ),
        RemoteOption(
            "archive",
            "Archive the export there",
            "takes it out of Diffgram's list once it is here, for good. None chosen: yes",
            choices=((YES, "Yes"), (NO, "No")),
        ),
    )
    remote_options: ClassVar[tuple[RemoteOption, ...]] = (
        RemoteOption(
            "complete_only",
            "Complete files only",
            f"{_MEANINGS} None chosen: yes, as Diffgram's own page has it; its SDK takes no",
            choices=((YES, "Yes"), (NO, "No")),
        ),
        RemoteOption(TASK, "Task", "the number of one task, whose file alone is exported, such as 12; empty: all"),
        RemoteOption(
            "archive",
            "Archive the export there",
            "takes it out of Diffgram's list once it is here, for good. None chosen: no",
            choices=((NO, "No"), (YES, "Yes")),
        ),
    )

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._is_viewer = False

    @property
    def place(self) -> str:
        return f"{super().place}/{self.connection.config.get('project_string_id', '')}"

    @classmethod
    def test(cls, connection: Connection) -> Iterator[Step]:
        from connections.platforms.diffgram import steps

        yield from steps.run(connection)

    @cached_property
    def client(self) -> Client:
        """Whoever only asks what there is to connect to does not load it."""
        from connections.platforms.diffgram.client import Client

        return Client(self.connection)

    # --- jobs and directories ----------------------------------------------------------------------------------------

    def projects(self) -> Iterator[RemoteProject]:
        from connections.platforms.diffgram.client import number_of

        self.left_out = []
        for job in self.client.jobs():
            if isinstance(number := job.get("id"), int):
                yield _of_job(Place("job", number), job)
        for directory in self.client.directories():
            if (number := number_of(directory)) is not None:
                yield _of_directory(Place("directory", number), directory)
        for things, example in (("jobs", "job:42"), ("directories", "directory:7")):
            if count := self.client.cut.get(things):
                self.left_out.append(cut_after(count, things, example))

    def project(self, external_id: str) -> RemoteProject:
        place = place_of(external_id)
        if place.source == JOB:
            return _of_job(place, self.client.job(place.number))
        return _of_directory(place, self.client.directory(place.number))

    # --- exports -----------------------------------------------------------------------------------------------------

    def for_sync(self, name: str, since_ms: int | None, options: Mapping[str, Any] = MappingProxyType({})) -> Wanted:
        usual = {"complete_only": NO, "archive": YES}
        return Wanted(name, FORMAT, options=usual | {key: value for key, value in options.items() if value})

    def check_wanted(self, wanted: Wanted) -> Wanted:
        """With Diffgram's own choice filled in: complete files only."""
        wanted = super().check_wanted(wanted)
        check_line(wanted.name, "name")
        if not 0 < len(wanted.name) <= MAX_NAME:
            raise UserError(f"name has {len(wanted.name)} characters: 1 to {MAX_NAME} are right", field="name")
        if wanted.format != FORMAT:
            raise UserError(f"format is {wanted.format[:60]!r}; Diffgram makes {FORMAT} alone", field="format")
        if wanted.statuses:
            raise UserError(
                "Diffgram knows complete and not complete: choose complete_only, and leave statuses out",
                field="statuses",
            )
        if wanted.updated_after_ms is not None:
            raise UserError("Diffgram cannot be asked for what changed since", field="updated_after")
        task = wanted.options.get(TASK)
        if task and not (isinstance(task, str) and task.isascii() and task.isdigit() and len(task) <= 18):
            raise UserError(f"task is {str(task)[:60]!r}: it is the number of a task, such as 12", field=TASK)
        usual = {"complete_only": YES, "archive": NO}
        return replace(wanted, options=usual | {key: value for key, value in wanted.options.items() if value})

    def ask(self, external_id: str, wanted: Wanted) -> Made:
        told = self.client.create(_body(external_id, self.check_wanted(wanted)))
        return Made(str(told["id"]), _moment(told.get("created_time")))

    def before(self, external_id: str, wanted: Wanted) -> Mapping[str, Any]:
        """Its ids grow: the highest that is there, and when that was made."""
        with self.client.exports() as exports:
            newest = max(exports, key=_number, default=None)
        return {} if newest is None else {"highest": newest["id"], "created_ms": _moment(newest.get("created_time"))}

    def find_unnamed(
        self, external_id: str, wanted: Wanted, before: Mapping[str, Any], others: Collection[str]
    ) -> str | None:
        body = _body(external_id, self.check_wanted(wanted))
        highest, since = before.get("highest", -1), before.get("created_ms")
        found: list[int] = []
        with self.client.exports() as exports:
            for item in exports:
                created = _moment(item.get("created_time"))
                is_new = item["id"] > highest and (since is None or created is None or created >= since)
                if is_new and str(item["id"]) not in others and _is_as(item, body):
                    found.append(item["id"])
        return str(min(found)) if found else None

    def left_there(self, wanted: Wanted) -> Wanted:
        return replace(wanted, options={**wanted.options, "archive": NO})

    def look(self, external_id: str, remote_id: str, wanted: Wanted | None = None) -> Standing:
        told = self._told(remote_id)
        reason = told.get("status_text")
        if told.get("status") == _FAILED and isinstance(reason, str) and reason.startswith(_EMPTY):
            raise NothingThereError(_shown(reason))
        return _standing(told)

    def _told(self, remote_id: str) -> _Json:
        """How it stands: a Viewer's key may only look into the list, which has no archived ones."""
        from connections.platforms.diffgram.client import RefusedError

        if not self._is_viewer:
            try:
                return self.client.status(remote_id)
            except RefusedError as error:
                if error.status != 403:
                    raise
                self._is_viewer = True
        with self.client.exports() as exports:
            for item in exports:
                if str(item["id"]) == remote_id:
                    return item
        raise PermanentError(f"the list of exports has no {remote_id} (any more)")

    def fetch(
        self, external_id: str, remote_id: str, wanted: Wanted, folder: Path, on_bytes: OnBytes
    ) -> list[RemoteFile]:
        from connections.platforms.diffgram import rows

        told = self._told(remote_id)
        path = folder / "fetched"
        notes = self._download(remote_id, path, on_bytes)
        # of an export that others had made, nobody knows what they asked for
        asked = _body(external_id, self.check_wanted(wanted)) if wanted.format else {}
        length = told.get("file_list_length")
        length = length if isinstance(length, int) else None
        file = rows.checked(path, remote_id, asked, length)
        figures, more = self._figures(told, length)
        missing, why = self._missing(told, file, length)
        notes = {**file.notes, **notes, **more}
        if missing:  # that is why it has fewer
            notes.pop(rows.SHARED, None)
            notes[why] = missing
        return [replace(file, notes=notes, told=figures, missing=missing)]

    def _download(self, remote_id: str, path: Path, on_bytes: OnBytes) -> dict[str, int]:
        """From where it is stored; where nobody gets at that, through Diffgram, which may have two buckets and then has
        none for itself. What was in the way is noted.
        """
        from connections.platforms.diffgram.client import TooLargeFileError

        try:
            self.client.fetch_by_address(remote_id, path, on_bytes)
        except (NotMadeYetError, TooLargeFileError):
            raise
        except (PermanentError, TransientError) as at_address:
            try:
                self.client.fetch_as_data(remote_id, path, on_bytes)
            except (NotMadeYetError, TooLargeFileError):
                raise
            except (PermanentError, TransientError) as as_data:
                message = f"by its address: {at_address}; as data: {as_data}"
                if isinstance(at_address, TransientError) or isinstance(as_data, TransientError):
                    raise TransientError(message) from None
                raise PermanentError(message) from None
            return {AS_DATA: 1}
        return {}

    def _figures(self, told: _Json, length: int | None) -> tuple[dict[str, int], dict[str, int]]:
        """What Diffgram counts, by what it calls that, and what is to be noted of it."""
        source, of = told.get("source"), _of(told)
        figures: dict[str, int] = {} if length is None else {TASK_COUNT if source == JOB else FILE_COUNT: length}
        notes: dict[str, int] = {}
        try:
            if source == JOB and of is not None:
                job = self.client.job(of)
                for key, text in ((STAT_TASKS, TASKS), (STAT_COMPLETE, TASKS_COMPLETE)):
                    if isinstance(job.get(key), int):
                        figures[text] = job[key]
            elif source == DIRECTORY and of is not None:
                for status, text in (("All", FILES), ("Completed", FILES_COMPLETE)):
                    if (count := self.client.count_files(of, status)) is not None:
                        figures[text] = count
        except ExportAdminError:  # the file is here, and whole: what else it counts is told or not
            notes[NO_FIGURES] = 1
        expected = figures.get(TASKS_COMPLETE if source == JOB else FILES_COMPLETE)
        if told.get("ann_is_complete") is True and expected is not None and length is not None and expected != length:
            notes[OTHER_COUNT] = abs(expected - length)
        return figures, notes

    def _missing(self, told: _Json, file: RemoteFile, length: int | None) -> tuple[int, str]:
        """It says that all is done, and why one of its files is not in it: the last that broke. Of a job it counts
        tasks, of which several may be on one file; of a directory or a task whatever it counted more is missing.
        """
        reason = told.get("status_text")
        short = max(0, (length or 0) - (file.rows or 0))
        if reason is None and (told.get("source") == JOB or not short):
            return 0, ""
        said = _shown(reason) if isinstance(reason, str) and reason else "no reason"
        words = f"files not in the export, which Diffgram calls complete, and says of the last: {said}"
        return max(1, short), f"{words}{self._named(told, file)}"

    def _named(self, told: _Json, file: RemoteFile) -> str:
        """Of a directory it lists the files; whose tasks a job has it does not."""
        from connections.platforms.diffgram import rows

        directory = _of(told)
        if told.get("source") != DIRECTORY or directory is None:
            return ""
        status = "Completed" if told.get("ann_is_complete") is True else "All"
        try:
            listed = set(self.client.file_numbers(directory, status))
        except ExportAdminError:
            return ""
        missing = sorted(listed - set(rows.numbers_in(file.path)))
        more = ", …" if len(missing) > MOST_NAMED else ""
        return f" (missing: {', '.join(map(str, missing[:MOST_NAMED]))}{more})" if missing else ""

    def tidy(self, external_id: str, remote_id: str, wanted: Wanted) -> None:
        from connections.platforms.diffgram.client import RefusedError

        if remote_id and wanted.options.get("archive") == YES:
            try:
                self.client.archive(remote_id)
            except RefusedError as error:  # it is not there any more
                if error.status in (401, 403):
                    raise

    def rows_of(self, file: RemoteFile, wanted: Wanted) -> Iterator[RemoteRow]:
        from connections.platforms.diffgram import rows

        for number in rows.numbers_in(file.path):
            yield RemoteRow(str(number))

    def exports(self, external_id: str) -> list[RemoteExport]:
        place = place_of(external_id)
        with self.client.exports() as exports:
            of_place = [item for item in exports if _is_of(item, place)]
        return [
            RemoteExport(
                str(item["id"]), _name(item), _standing(item), _moment(item.get("created_time")), _details(item)
            )
            for item in sorted(of_place, key=_number, reverse=True)
        ]


# what Diffgram counts
STAT_TASKS, STAT_COMPLETE = "stat_count_tasks", "stat_count_complete"
AS_DATA: Final = "file taken through Diffgram, since nobody gets at its address"
NO_FIGURES: Final = "Diffgram's own counts of the job or directory, which could not be had"
OTHER_COUNT: Final = "difference between what is complete there by now and what was exported"


def _body(external_id: str, wanted: Wanted) -> _Json:
    """What is asked for. All is ``null``: what ``false`` means differs."""
    place, task = place_of(external_id), wanted.options.get(TASK)
    return {
        "kind": KIND,
        "source": TASK if task else place.source,
        "file_comparison_mode": "latest",
        "job_id": place.number if place.source == JOB else None,
        "directory_id": place.number if place.source == DIRECTORY else None,
        **({"task_id": int(task)} if task else {}),
        "masks": False,
        "ann_is_complete": True if wanted.options.get("complete_only") == YES else None,
        "return_type": "url",
        "wait_for_export_generation": False,
    }


def _is_as(item: _Json, body: Mapping[str, Any]) -> bool:
    same = all(
        item.get(key) == body[key] for key in ("kind", "source", "masks", "ann_is_complete", "file_comparison_mode")
    )
    return same and _of(item) == body.get(f"{body['source']}_id")


def _is_of(item: _Json, place: Place) -> bool:
    if item.get("source") == TASK:
        task = item.get(TASK)
        job = task.get("job_id") if isinstance(task, dict) else None
        return place.source == JOB and job == place.number
    return item.get("source") == place.source and _of(item) == place.number


def _of(item: Mapping[str, Any]) -> int | None:
    """The number of the job, directory or task that an export is of. A job's has a directory, too: where it puts
    things."""
    of = item.get(str(item.get("source")))
    number = of.get("id", of.get("directory_id")) if isinstance(of, dict) else None
    return number if isinstance(number, int) else None


def _number(item: Mapping[str, Any]) -> int:
    number: int = item["id"]
    return number


def _of_job(place: Place, told: _Json) -> RemoteProject:
    shown = ("status", "type", "stat_count_tasks", "stat_count_complete", "time_created", "time_completed")
    return _project(place, told.get("name"), told, shown)


def _of_directory(place: Place, told: _Json) -> RemoteProject:
    return _project(place, told.get("nickname"), told, ("created_time", "jobs_to_sync"))


def _project(place: Place, name: object, told: _Json, shown: tuple[str, ...]) -> RemoteProject:
    named = name if isinstance(name, str) and name else ""
    title = f"{place.source} {place.number}"
    details = {"source": place.source, **{key: told[key] for key in shown if told.get(key) not in (None, "None")}}
    return RemoteProject(str(place), f"{named} ({title})" if named else title, details=scrub(details))


def _standing(told: _Json) -> Standing:
    """A word that the contract does not have is never taken for made."""
    status = told.get("status")
    if status == _COMPLETE:
        return Ready(status, server_ms=_moment(told.get("created_time")))
    reason = told.get("status_text")
    if status == _FAILED:
        return Failed(status, _shown(reason) if reason else "")
    percent = told.get("percent_complete")
    is_number = isinstance(percent, int | float) and not isinstance(percent, bool)
    progress = min(max(float(percent) / 100, 0.0), 1.0) if is_number else None  # type: ignore[arg-type]
    if status == INIT:
        return Waiting(status, progress=progress, if_stuck=f"{_STUCK}{f' ({_shown(reason)})' if reason else ''}")
    return Waiting(str(status)[:80], is_known=False, progress=progress)


def _name(item: _Json) -> str:
    """Diffgram has none: what it is of."""
    source = str(item.get("source"))[:40]
    of = item.get(source)
    named = (of.get("name") or of.get("nickname") or of.get("id")) if isinstance(of, dict) else ""
    complete = {True: ", complete only", False: ", ann_is_complete false"}.get(item.get("ann_is_complete"), "")  # type: ignore[arg-type]
    return f"{source} {named}{complete}".strip()[:MAX_NAME]


def _details(item: _Json) -> _Json:
    shown = ("source", "kind", "ann_is_complete", "file_list_length", "status_text", "percent_complete", "masks")
    found: _Json = scrub({key: item[key] for key in shown if item.get(key) is not None})
    return found


def _moment(value: object) -> int | None:
    """Of a list ``Mon, 01 Apr 2024 00:00:00 GMT``; elsewhere as ISO 8601 has it, without a zone: UTC."""
    from email.utils import parsedate_to_datetime

    if not isinstance(value, str):
        return None
    try:
        return from_datetime(parsedate_to_datetime(value)) if "," in value else parse_ms(value)
    except (ValueError, TypeError, UserError):
        return None


def _shown(value: object) -> str:
    from connections.platforms.diffgram.client import shown

    return shown(value)
