"""Label Studio as a platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from connections.adapters import PRIVATE_ADDRESS, ConnectionField, SecretField, Step
from connections.models import Connection
from connections.platforms import fields
from connections.platforms.base import (
    Failed,
    Made,
    MediaSession,
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
from connections.platforms.label_studio import names
from exportadmin.lib.errors import PermanentError, TransientError, UserError
from exportadmin.lib.masking import scrub
from exportadmin.lib.text import check_line
from exportadmin.lib.times import parse_ms, to_datetime

if TYPE_CHECKING:
    from connections.platforms.label_studio.client import Client

JSON: Final = "JSON"
MAX_NAME: Final = 200
YES, NO = "yes", "no"
_YES_NO: Final = ((NO, "No"), (YES, "Yes"))
_BOTH: Final = "Both"
_ONLY: Final = (("only", "Only those"), ("exclude", "All but those"))
_COMPLETED, _FAILED = "completed", "failed"
_UNDER_WAY: Final = frozenset({"created", "in_progress"})
# what it says of a project that is shown
_SHOWN: Final = (
    "task_number",
    "num_tasks_with_annotations",
    "total_annotations_number",
    "total_predictions_number",
    "skipped_annotations_number",
    "ground_truth_number",
    "created_at",
    "label_config",
)
# a server that makes this many tasks a second is slow, and not dead
SLOWEST: Final = 100.0
_STUCK: Final = (
    "a snapshot of Label Studio's that broke, or whose server was stopped, says so for ever and has no reason; often "
    "it is a text of one task that cannot be written. Its server's log may tell which"
)
_STUCK_CONVERSION: Final = (
    "a conversion of Label Studio's that broke says so for ever, and cannot be begun again for that snapshot"
)
_BROKE: Final = "traceback_obj"  # what its answer names where a conversion broke and its own report of that did, too
_Json = dict[str, Any]

_FORMATS: Final = (
    (JSON, "JSON", "all that it knows of each task"),
    ("JSON_MIN", "JSON-MIN", "an object an annotation, without places"),
    ("CSV", "CSV", "a line an annotation"),
    ("TSV", "TSV", "a line an annotation, with tabs"),
    ("COCO", "COCO", "boxes, polygons and key points; regions of other sorts are left out"),
    ("COCO_WITH_IMAGES", "COCO with images", "as COCO, with the pictures that it can get"),
    ("VOC", "Pascal VOC", "a file a picture, boxes alone"),
    ("YOLO", "YOLO", "a file a picture"),
    ("YOLO_WITH_IMAGES", "YOLO with images", "as YOLO, with the pictures that it can get"),
    ("YOLO_OBB", "YOLO, turned boxes", "a file a picture"),
    ("YOLO_OBB_WITH_IMAGES", "YOLO, turned boxes with images", "with the pictures that it can get"),
    ("BRUSH_TO_PNG", "Brush labels as PNG", "a mask a region"),
    ("BRUSH_TO_NUMPY", "Brush labels as NumPy", "a mask a region"),
    ("BRUSH_TO_COCO", "Brush labels as COCO", "a contour each"),
    ("CONLL2003", "CoNLL 2003", "texts and their spans"),
    ("ASR_MANIFEST", "ASR manifest", "sound and its transcripts"),
)
_SERIALIZED: Final = (
    RemoteOption("predictions", "Predictions", "models' work: whole, or their ids", choices=_YES_NO),
    RemoteOption("drafts", "Drafts", "work that nobody has handed in: whole, or their ids", choices=_YES_NO),
)
_KEEP: Final = RemoteOption(
    "keep", "Keep the snapshot there", "else it is deleted there once it is here; its files stay", choices=_YES_NO
)
_ANNOTATIONS: Final = (
    ("usual", "Neither skipped nor ground truth"),
    ("ground_truth", "Ground truth"),
    ("skipped", "Skipped"),
)


class LabelStudioPlatform(Platform):
    """See ``client.py`` for the wire and ``rows.py`` for the files."""

    key = "label_studio"
    title = "Label Studio"
    help = "Mirrors projects of Label Studio, and has snapshots made there."
    importer = "label_studio_json"
    untold: ClassVar[Mapping[str, str]] = names.UNTOLD
    tells_changes = True
    keeps_what_it_makes = True
    connection_fields: ClassVar[tuple[ConnectionField, ...]] = (
        ConnectionField(
            "base_address",
            "Base address",
            f"where its pages are, such as {names.EXAMPLE}; a path may follow, as in "
            "https://host/dialects/label_studio",
            is_required=True,
            parse=names.base_address,
        ),
        ConnectionField(
            PRIVATE_ADDRESS,
            "Private address",
            "host:port of a Label Studio within your own network; empty: public addresses only",
            parse=fields.private_address,
            warning="Whoever may use this connection then reaches that address from this machine.",
        ),
    )
    connection_secrets: ClassVar[tuple[SecretField, ...]] = (
        SecretField(
            "token",
            "Token",
            "a personal access token (begins with eyJ), or a legacy token, such as 0123456789abcdef0123",
            is_required=True,
            parse=names.token,
        ),
    )
    remote_formats: ClassVar[tuple[RemoteFormat, ...]] = tuple(RemoteFormat(*one) for one in _FORMATS)
    mirror_options: ClassVar[tuple[RemoteOption, ...]] = (*_SERIALIZED, _KEEP)
    remote_options: ClassVar[tuple[RemoteOption, ...]] = (
        RemoteOption("view", "View", "the id of a tab of its data manager: its filters say which tasks, such as 12"),
        RemoteOption("annotated", "Tasks with an annotation", "none chosen: both", choices=_ONLY, unset=_BOTH),
        RemoteOption("finished", "Finished tasks", "none chosen: both", choices=_ONLY, unset=_BOTH),
        RemoteOption("skipped", "Tasks with a skipped annotation", "none chosen: both", choices=_ONLY, unset=_BOTH),
        RemoteOption("annotations", "Annotations", "none chosen: all of them", many=True, choices=_ANNOTATIONS),
        *_SERIALIZED,
        RemoteOption("completed_by", "Who annotated", "name and e-mail address, or the id", choices=_YES_NO),
        RemoteOption("interpolate_key_frames", "Every frame of a track", "not its key frames alone", choices=_YES_NO),
        _KEEP,
    )

    @classmethod
    def test(cls, connection: Connection) -> Iterator[Step]:
        from connections.platforms.label_studio import steps

        yield from steps.run(connection)

    @cached_property
    def client(self) -> Client:
        """Whoever only asks what there is to connect to does not load it."""
        from connections.platforms.label_studio.client import Client

        return Client(self.connection)

    def media_session(self, external_id: str) -> MediaSession:
        from connections.platforms.label_studio.client import Client

        return Client(self.connection).media_session(external_id)

    # --- projects ----------------------------------------------------------------------------------------------------

    def projects(self) -> Iterator[RemoteProject]:
        self.left_out = []
        for item in self.client.projects():
            if isinstance(item.get("id"), int):
                yield _project(item)
        if count := self.client.projects_cut:
            self.left_out.append(cut_after(count, "projects", "such as 12"))

    def project(self, external_id: str) -> RemoteProject:
        return _project(self.client.project(external_id) | {"id": external_id})

    # --- snapshots ---------------------------------------------------------------------------------------------------

    def for_sync(self, name: str, since_ms: int | None, options: Mapping[str, Any] = MappingProxyType({})) -> Wanted:
        return Wanted(
            name, JSON, "A mirror by Export Admin", updated_after_ms=since_ms, options={**options, "completed_by": YES}
        )

    def check_wanted(self, wanted: Wanted) -> Wanted:
        wanted = super().check_wanted(wanted)
        check_line(wanted.name, "name")
        if not 0 < len(wanted.name) <= MAX_NAME:
            raise UserError(f"name has {len(wanted.name)} characters: 1 to {MAX_NAME} are right", field="name")
        if wanted.statuses:
            raise UserError("Label Studio's tasks have no statuses: leave statuses out", field="statuses")
        if not wanted.format:
            known = ", ".join(one.key for one in self.remote_formats)
            raise UserError(f"format is missing: Label Studio knows {known}", field="format")
        view = wanted.options.get("view")
        if view and not (isinstance(view, str) and view.isascii() and view.isdigit() and len(view) <= 18):
            raise UserError(
                f"view is {str(view)[:60]!r}: it is the number of one of its views, such as 12", field="view"
            )
        if view and wanted.updated_after_ms is not None:
            raise UserError("updated_after is a view of its own: say it in that view instead", field="updated_after")
        return wanted

    def doubts(self, wanted: Wanted) -> list[str]:
        if any(wanted.format == one.key for one in self.remote_formats):
            return []
        known = ", ".join(one.key for one in self.remote_formats)
        return [f"Label Studio documents {known}; whether it makes {wanted.format!r} will be seen"]

    def ask(self, external_id: str, wanted: Wanted) -> Made:
        wanted = self.check_wanted(wanted)
        made = self.client.create(external_id, self._body(external_id, wanted))
        # what it says of a failed one later may be that it is under way, for ever
        failure = f"the snapshot failed while it was made; {_WHY_FAILED}" if made.get("status") == _FAILED else ""
        return Made(str(made["id"]), _moment(made.get("created_at")), failure)

    def _body(self, external_id: str, wanted: Wanted) -> _Json:
        options = wanted.options
        tasks: _Json = {name: options[name] for name in ("annotated", "finished", "skipped") if options.get(name)}
        if wanted.updated_after_ms is not None:
            tasks["view"] = self._own_view(external_id, wanted.name, wanted.updated_after_ms)
        elif options.get("view"):
            tasks["view"] = self._their_view(external_id, int(options["view"]))
        body: _Json = {"title": wanted.name}
        if tasks:
            body["task_filter_options"] = tasks
        if chosen := options.get("annotations"):
            body["annotation_filter_options"] = {name: name in chosen for name, _ in _ANNOTATIONS}
        whole = {"only_id": False}
        serialized: _Json = {name: whole for name in ("drafts", "predictions") if options.get(name) == YES}
        if options.get("completed_by") == YES:
            serialized["annotations__completed_by"] = whole
        if options.get("interpolate_key_frames") == YES:
            serialized["interpolate_key_frames"] = True
        if serialized:
            body["serialization_options"] = serialized
        return body

    def _own_view(self, external_id: str, name: str, since_ms: int) -> int:
        """Of what was updated since. One that was made for an answer that was lost is taken."""
        for view in self.client.views(external_id):
            if _title(view) == name and isinstance(view.get("id"), int):
                return int(view["id"])
        moment = to_datetime(since_ms).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        item = {"filter": "filter:tasks:updated_at", "operator": "greater", "type": "Datetime", "value": moment}
        data = {"title": name, "filters": {"conjunction": "and", "items": [item]}}
        return self.client.create_view(external_id, data)

    def _their_view(self, external_id: str, view_id: int) -> int:
        """One that is not the project's is ignored there, and the whole project comes."""
        known = {view["id"]: _title(view) for view in self.client.views(external_id) if isinstance(view.get("id"), int)}
        if view_id not in known:
            listed = ", ".join(f"{one} ({title})" if title else str(one) for one, title in sorted(known.items())[:20])
            raise PermanentError(f"project {external_id} has no view {view_id}; it has {listed or 'none'}")
        return view_id

    def find(self, external_id: str, name: str) -> str | None:
        found = [one for one in self.exports(external_id) if one.name == name]
        return found[-1].remote_id if found else None

    def look(self, external_id: str, remote_id: str, wanted: Wanted | None = None) -> Standing:
        told = self.client.export(external_id, remote_id)
        standing = _standing(told)
        if isinstance(standing, Waiting):
            return Waiting(
                standing.word,
                standing.is_known,
                if_stuck=_STUCK if standing.is_known else "",
                patience=partial(self._patience, external_id),
            )
        if not isinstance(standing, Ready) or wanted is None or wanted.format in ("", JSON):
            return standing
        entry = _conversion(told, wanted.format)
        if entry is None:  # a download converts, or says that it has to be done before
            return standing
        word = f"{wanted.format} {entry.get('status')}"[:80]
        if entry.get("status") == _FAILED:
            return Failed(word, _last_line(entry.get("traceback")))
        if entry.get("status") == _COMPLETED:
            return Ready(word, server_ms=standing.server_ms)
        return Waiting(
            word,
            is_known=entry.get("status") in _UNDER_WAY,
            if_stuck=_STUCK_CONVERSION,
            patience=partial(self._patience, external_id),
        )

    def _patience(self, external_id: str) -> float:
        """It tells no progress: a large project takes its time."""
        try:
            tasks = self.client.project(external_id).get("task_number")
        except (TransientError, PermanentError):  # it may be that how it stands is all that it tells now
            return 0.0
        return tasks / SLOWEST if isinstance(tasks, int) else 0.0

    def fetch(
        self, external_id: str, remote_id: str, wanted: Wanted, folder: Path, on_bytes: OnBytes
    ) -> list[RemoteFile]:
        from connections.platforms.label_studio import rows

        told = self.client.export(external_id, remote_id)
        path, converted = folder / "fetched", folder / "converted"
        if wanted.format not in ("", JSON):  # first: it may have to be made, and is asked for again then
            self._download_converted(external_id, remote_id, wanted.format, told, converted, on_bytes)
        self.client.download(external_id, remote_id, JSON, path, on_bytes, goes_on=True)
        held = rows.snapshot(path, told, wanted)
        if wanted.format not in ("", JSON):
            converted.replace(path)
        return [rows.made_of(path, wanted, held)]

    def _download_converted(
        self, external_id: str, remote_id: str, format: str, told: _Json, path: Path, on_bytes: OnBytes
    ) -> None:
        """Some servers convert at each download, others keep what was converted before, which is asked for once.

        Raises :class:`NotMadeYetError` where it is being made.
        """
        from connections.platforms.label_studio.client import RefusedError

        try:
            self.client.download(external_id, remote_id, format, path, on_bytes, goes_on=False)
        except RefusedError as error:
            if error.status != 404:
                raise
            entry = _conversion(told, format)
            if entry is not None and entry.get("status") == _COMPLETED:
                raise PermanentError(f"it says that {format} is made, and has no file of it") from None
            self._convert(external_id, remote_id, format)
            raise NotMadeYetError(f"{format} is being made") from None

    def _convert(self, external_id: str, remote_id: str, format: str) -> None:
        from connections.platforms.label_studio.client import RefusedError
        from exportadmin.lib.http import TransientStatusError

        try:
            self.client.convert(external_id, remote_id, format)
        except RefusedError as error:
            if error.status == 400 and "already started" in error.detail:
                return  # somebody was first; how it stands is looked at
            raise PermanentError(f"it does not convert to {format}: {error}") from None
        except TransientStatusError as error:
            if _BROKE.encode() in error.body:
                raise PermanentError(f"the conversion to {format} broke there: {_STUCK_CONVERSION}") from None
            raise

    def rows_of(self, file: RemoteFile, wanted: Wanted) -> Iterator[RemoteRow]:
        from connections.platforms.label_studio import rows

        yield from rows.told(file.path)

    def exports(self, external_id: str) -> list[RemoteExport]:
        found = []
        for item in self.client.exports(external_id):
            if isinstance(item.get("id"), int):
                title, created = item.get("title"), _moment(item.get("created_at"))
                others = {
                    name: value for name, value in item.items() if name not in ("id", "title", "status", "created_at")
                }
                found.append(
                    RemoteExport(
                        str(item["id"]),
                        title if isinstance(title, str) else "",
                        _standing(item),
                        created,
                        scrub(others),
                    )
                )
        return sorted(found, key=lambda one: -(one.created_ms or 0))

    def tidy(self, external_id: str, remote_id: str, wanted: Wanted) -> None:
        if wanted.updated_after_ms is not None:
            for view in self.client.views(external_id):
                if _title(view) == wanted.name and isinstance(view.get("id"), int):
                    self.client.delete_view(view["id"])
        if wanted.options.get("keep") != YES:
            for one in self._named(external_id, remote_id, wanted.name):
                self.client.delete(external_id, one)

    def _named(self, external_id: str, remote_id: str, name: str) -> set[str]:
        """The snapshots of that name, which is ours alone: two where one was asked for again. A number is none of ours
        by itself: the server may have been set up anew since.
        """
        from connections.platforms.label_studio.client import RefusedError

        named = {one.remote_id for one in self.exports(external_id) if one.name == name}
        if remote_id and remote_id not in named:  # it lists the newest alone
            try:
                is_ours = self.client.export(external_id, remote_id).get("title") == name
            except RefusedError as error:
                if error.status != 404:
                    raise
                is_ours = False
            named |= {remote_id} if is_ours else set()
        return named


_WHY_FAILED: Final = (
    "Label Studio says no reason. Often it is a text of one task that cannot be written, or a view of a column that is "
    "not there; its server's log may tell"
)


def _project(told: _Json) -> RemoteProject:
    from connections.platforms.label_studio import labeling_config

    title, config = told.get("title"), told.get("label_config")
    config = config if isinstance(config, str) else ""
    return RemoteProject(
        str(told["id"]),
        title if isinstance(title, str) and title else f"Project {told['id']}",
        labeling_config.data_type_of(config),
        scrub({name: told[name] for name in _SHOWN if name in told}),
        tuple(labeling_config.classes_of(config)),
    )


def _standing(told: _Json) -> Standing:
    """A word that the contract does not have is never taken for made."""
    status = told.get("status")
    if status == _COMPLETED:
        return Ready(status, server_ms=_moment(told.get("created_at")))
    if status == _FAILED:
        return Failed(status, _WHY_FAILED)
    return Waiting(str(status)[:80], is_known=status in _UNDER_WAY)


def _conversion(told: _Json, format: str) -> _Json | None:
    """The newest of that format: after a failed one another may be there."""
    listed = told.get("converted_formats")
    found = [
        one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("export_type") == format and isinstance(one.get("id"), int)
    ]
    return max(found, key=lambda one: int(one["id"]), default=None)


def _title(view: _Json) -> str:
    data = view.get("data")
    title = data.get("title") if isinstance(data, dict) else None
    return title if isinstance(title, str) else ""


def _last_line(traceback: object) -> str:
    """What broke."""
    from connections.platforms.label_studio.client import shown

    lines = traceback.strip().splitlines() if isinstance(traceback, str) else []
    return shown(lines[-1]) if lines else "it says no reason"


def _moment(value: object) -> int | None:
    try:
        return parse_ms(value) if isinstance(value, str) else None
    except UserError:
        return None
