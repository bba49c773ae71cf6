"""Labelbox as a platform."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.conf import settings

from connections.adapters import PRIVATE_ADDRESS, ConnectionField, SecretField, Step
from connections.models import Connection
from connections.platforms import fields
from connections.platforms.base import (
    ERROR_LINES,
    Failed,
    Made,
    NothingThereError,
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
from connections.platforms.labelbox import names
from connections.platforms.labelbox.names import CATALOG, DATASET, MODEL_RUN, PROJECT, SLICE, Thing, thing
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.lib.masking import scrub
from exportadmin.lib.text import check_line
from exportadmin.lib.times import parse_ms, to_datetime

if TYPE_CHECKING:
    from connections.platforms.labelbox.client import Client

NDJSON: Final = "ndjson"
# of a sync: with the masks in its rows, so no file of Labelbox's own any more
ROWS: Final = "rows"
MAX_NAME: Final = 200
YES, NO = "yes", "no"
_YES_NO: Final = ((NO, "No"), (YES, "Yes"))
_UNDER_WAY: Final = frozenset({"in_progress", "cancelling"})
_ENDED: Final = frozenset({"failed", "canceled", "cancelled"})
_COMPLETE: Final = "complete"
_SECOND: Final = 1000
_Json = dict[str, Any]

_BOUNDS: Final = {
    "last_activity_before": ("last_activity", "max"),
    "label_created_after": ("label_created", "min"),
    "label_created_before": ("label_created", "max"),
}
_TIME: Final = (
    "such as 2024-01-31 or 2024-01-31T10:00:00+02:00; UTC where no offset is written; a day is its first moment"
)
_EMBEDDINGS_HELP: Final = "they are most of a file"
_SEVERAL: Final = (
    RemoteOption(
        "project_ids",
        "Labels of projects",
        "of a dataset, a slice or the catalog: ids of the projects whose labels are in the rows, 30 at most; without "
        "any there are no labels",
        many=True,
        most=names.MOST_PROJECTS,
    ),
    RemoteOption("all_projects", "Labels of all projects", "of a dataset, a slice or the catalog", choices=_YES_NO),
    RemoteOption(
        "model_run_ids",
        "Model runs",
        "of a dataset, a slice or the catalog: ids of the model runs that are in the rows, 30 at most",
        many=True,
        most=names.MOST_PROJECTS,
    ),
    RemoteOption("all_model_runs", "All model runs", "of a dataset, a slice or the catalog", choices=_YES_NO),
)


class LabelboxPlatform(Platform):
    """See ``client.py`` for the wire, ``stream.py``, ``rows.py`` and ``masks.py`` for the files."""

    key = "labelbox"
    title = "Labelbox"
    help = "Mirrors projects, datasets, slices and model runs of Labelbox, and has exports made there."
    importer = "ndjson"
    tells_changes = True
    changes_are_activity = True
    statuses: ClassVar[Mapping[str, str]] = names.STATUSES
    connection_fields: ClassVar[tuple[ConnectionField, ...]] = (
        ConnectionField(
            "endpoint",
            "Endpoint",
            "of its GraphQL API, such as https://api.labelbox.com/graphql; another installation's is "
            "https://host/dialects/labelbox/graphql",
            default=names.DEFAULT_ENDPOINT,
            parse=names.endpoint,
        ),
        ConnectionField(
            PRIVATE_ADDRESS,
            "Private address",
            "host:port of an API within your own network; empty: public addresses only",
            parse=fields.private_address,
            warning="Whoever may use this connection then reaches that address from this machine.",
        ),
    )
    connection_secrets: ClassVar[tuple[SecretField, ...]] = (
        SecretField("api_key", "API key", "as Labelbox shows it once", is_required=True, parse=fields.secret),
    )
    remote_formats: ClassVar[tuple[RemoteFormat, ...]] = (
        RemoteFormat(NDJSON, "NDJSON", "Labelbox's own rows, one a line; links to masks in it end after 30 days"),
    )
    remote_options: ClassVar[tuple[RemoteOption, ...]] = (
        RemoteOption("data_row_details", "Details of data rows", "its times, dataset and maker", choices=_YES_NO),
        RemoteOption("metadata_fields", "Metadata", "fields of the data row", choices=_YES_NO),
        RemoteOption("attachments", "Attachments", "of the data row", choices=_YES_NO),
        RemoteOption("embeddings", "Embeddings", _EMBEDDINGS_HELP, choices=_YES_NO),
        RemoteOption("project_details", "Details of projects", "status, batch, priority, history", choices=_YES_NO),
        RemoteOption("label_details", "Details of labels", "who made them and when", choices=_YES_NO),
        RemoteOption("performance_details", "Performance", "seconds, consensus and benchmark scores", choices=_YES_NO),
        RemoteOption("interpolated_frames", "Every frame of a video", "not its key frames alone", choices=_YES_NO),
        RemoteOption("predictions", "Predictions", "of a model run", choices=_YES_NO),
        RemoteOption("model_run_details", "Details of model runs", "of a model run: the split", choices=_YES_NO),
        *_SEVERAL,
        RemoteOption("last_activity_before", "Last activity before", f"or at that time; {_TIME}"),
        RemoteOption("label_created_after", "Label created after", f"or at that time; {_TIME}"),
        RemoteOption("label_created_before", "Label created before", f"or at that time; {_TIME}"),
        RemoteOption(
            "data_row_ids", "Data rows", f"their ids, {names.MOST_IDS:,} at most", many=True, most=names.MOST_IDS
        ),
        RemoteOption(
            "global_keys",
            "Global keys",
            f"of data rows, {names.MOST_IDS:,} at most; not with ids of data rows",
            many=True,
            most=names.MOST_IDS,
        ),
        RemoteOption(
            "batch_ids",
            "Batches",
            f"of a project: their ids, {names.MOST_IDS:,} at most",
            many=True,
            most=names.MOST_IDS,
        ),
        RemoteOption(
            "media_type_override",
            "Media type",
            "as what rows are exported, where Labelbox takes them for another",
            choices=tuple((one, one) for one in names.MEDIA_TYPES),
            unset="As Labelbox has it",
        ),
    )
    mirror_options: ClassVar[tuple[RemoteOption, ...]] = (
        RemoteOption("embeddings", "Embeddings", f"left out: no; {_EMBEDDINGS_HELP}", choices=_YES_NO),
        *(
            replace(
                one,
                help=f"{one.help}. Labels of the first are a row's own; those of the others are carried, and a row "
                "that is not in the first has none of its own",
            )
            if one.name == "project_ids"
            else one
            for one in _SEVERAL
            if one.name != "all_projects"  # which of them would be a row's own?
        ),
    )

    @property
    def place(self) -> str:
        return str(self.connection.config.get("endpoint") or names.DEFAULT_ENDPOINT)

    @classmethod
    def test(cls, connection: Connection) -> Iterator[Step]:
        from connections.platforms.labelbox import steps

        yield from steps.run(connection)

    @cached_property
    def client(self) -> Client:
        """Whoever only asks what there is to connect to does not load it."""
        from connections.platforms.labelbox.client import Client

        return Client(self.connection)

    # --- what there is -----------------------------------------------------------------------------------------------

    def projects(self) -> Iterator[RemoteProject]:
        """Projects, datasets, slices, model runs and the catalog, in this order."""
        client = self.client
        self.left_out = []
        for sort, listed in (
            (PROJECT, client.projects),
            (DATASET, client.datasets),
            (SLICE, client.slices),
            (MODEL_RUN, self._model_runs),
        ):
            things = f"{sort.noun.partition(' ')[2]}s"
            try:
                found = [item for item in listed() if isinstance(item.get("id"), str) and item["id"]]
            except PermanentError as error:
                if sort is PROJECT:
                    raise
                self.left_out.append(f"No {things} are listed: {error}.")  # a key may not see all of them
                continue
            if count := client.cut.get(things):
                example = f"{sort.prefix}ID" if sort.prefix else "as it stands there, with nothing before it"
                self.left_out.append(cut_after(count, things, example))
            for item in found:
                yield _described(Thing(sort, item["id"]), item)
        yield _described(thing(names.THE_CATALOG), {})

    def _model_runs(self) -> Iterator[_Json]:
        """Of all models, as far as there is time: somebody waits."""
        client, until = self.client, monotonic() + settings.PLATFORM_ANSWER_SECONDS
        models = [model for model in client.models() if isinstance(model.get("id"), str)]
        if count := client.cut.get("models"):
            self.left_out.append(cut_after(count, "models, whose runs are listed,", f"{MODEL_RUN.prefix}ID"))
        for number, model in enumerate(models):
            if monotonic() > until:
                self.left_out.append(
                    f"The platform takes too long: the runs of {len(models) - number:,} of its {len(models):,} models "
                    f"are not listed. One of them is mirrored by its id ({MODEL_RUN.prefix}ID)."
                )
                return
            runs = client.model_runs(model["id"])
            if count := client.cut.get("modelRuns"):
                self.left_out.append(cut_after(count, f"runs of model {model['id']}", f"{MODEL_RUN.prefix}ID"))
            for run in runs:
                yield {**run, "model": model.get("name")}

    def project(self, external_id: str) -> RemoteProject:
        there = thing(external_id)
        if there.sort is CATALOG:
            return _described(there, {})
        ask = {
            PROJECT.prefix: self.client.project,
            DATASET.prefix: self.client.dataset,
            SLICE.prefix: self.client.slice,
            MODEL_RUN.prefix: self.client.model_run,
        }[there.sort.prefix]
        return _described(there, ask(there.id))

    def tells_changes_of(self, external_id: str) -> bool:
        return "last_activity" in thing(external_id).sort.filters

    def mirror_options_of(self, external_id: str) -> Sequence[RemoteOption]:
        return [one for one in self.mirror_options if one.name in thing(external_id).sort.options]

    def offered_to(self, external_id: str) -> tuple[Mapping[str, str], Sequence[RemoteOption]]:
        sort = thing(external_id).sort
        options = [
            one for one in self.remote_options if _FILTER_OF.get(one.name, one.name) in sort.filters | sort.options
        ]
        return self.statuses if "statuses" in sort.filters else {}, options

    # --- exports -----------------------------------------------------------------------------------------------------

    def for_sync(self, name: str, since_ms: int | None, options: Mapping[str, Any] = MappingProxyType({})) -> Wanted:
        since = None if since_ms is None else since_ms // _SECOND * _SECOND
        return Wanted(name, ROWS, "A mirror by Export Admin", updated_after_ms=since, options=options)

    def most_by_id(self, external_id: str) -> int:
        return names.MOST_IDS if "data_row_ids" in thing(external_id).sort.filters else 0

    def for_rows(self, name: str, ids: Sequence[str], options: Mapping[str, Any] = MappingProxyType({})) -> Wanted:
        return self.for_sync(name, None, {**options, "data_row_ids": list(ids)})

    def joined(self, file: RemoteFile | None, other: RemoteFile, ids: Sequence[str], folder: Path) -> RemoteFile:
        from connections.platforms.labelbox import rows

        return rows.joined(file, other, frozenset(ids), folder)

    def project_in_rows(self, external_id: str, options: Mapping[str, Any]) -> str:
        """Of a dataset, a slice and the catalog, the first of those whose labels were asked for."""
        there = thing(external_id)
        return there.id if there.sort is PROJECT else next(iter(options.get("project_ids") or ()), "")

    def check_wanted(self, wanted: Wanted) -> Wanted:
        wanted = super().check_wanted(wanted)
        check_line(wanted.name, "name")
        if not 0 < len(wanted.name) <= MAX_NAME:
            raise UserError(f"name has {len(wanted.name)} characters: 1 to {MAX_NAME} are right", field="name")
        if wanted.format not in (NDJSON, ROWS):
            raise UserError(f"unknown format {wanted.format[:60]!r}; Labelbox makes {NDJSON}", field="format")
        if len(wanted.statuses) > 1:
            raise UserError("Labelbox takes one status at most: leave the others out", field="statuses")
        for status in wanted.statuses:
            if status not in names.STATUSES:
                known = ", ".join(names.STATUSES)
                raise UserError(f"unknown status {status[:60]!r}; Labelbox has {known}", field="statuses")
        if wanted.updated_after_ms is not None and wanted.updated_after_ms % _SECOND:
            raise UserError("updated_after: Labelbox takes whole seconds", field="updated_after")
        options = wanted.options
        if options.get("data_row_ids") and options.get("global_keys"):
            raise UserError("data_row_ids and global_keys are one or the other", field="options")
        for one in ("data_row_ids", "global_keys", "batch_ids", "project_ids", "model_run_ids"):
            _check_ids(one, options.get(one))
        for low, high in (
            (wanted.updated_after_ms, names.bound(options, "last_activity_before")),
            (names.bound(options, "label_created_after"), names.bound(options, "label_created_before")),
        ):
            if low is not None and high is not None and low > high:
                raise UserError(f"the time after {_iso(low)} and before {_iso(high)} is none", field="options")
        return wanted

    def check_for(self, external_id: str, wanted: Wanted) -> Wanted:
        wanted = self.check_wanted(wanted)
        if wanted.format != NDJSON:
            raise UserError(f"unknown format {wanted.format[:60]!r}; Labelbox makes {NDJSON}", field="format")
        self._check_sort(external_id, wanted)
        return wanted

    def _check_sort(self, external_id: str, wanted: Wanted) -> None:
        """Raises :class:`UserError` for what is documented for another sort of thing alone."""
        sort = thing(external_id).sort
        given = {name for name, value in wanted.options.items() if value and value != NO}
        for name, used in (("statuses", wanted.statuses), ("updated_after", wanted.updated_after_ms is not None)):
            if used and _FILTER_OF.get(name, name) not in sort.filters:
                raise UserError(_not_of(name, sort), field=name)
        for name in sorted(given):
            if _FILTER_OF.get(name, name) not in sort.filters | sort.options:
                raise UserError(_not_of(name, sort), field="options")

    def doubts_of(self, external_id: str, wanted: Wanted) -> list[str]:
        sort, options = thing(external_id).sort, wanted.options
        if sort.flags and not any(options.get(name) not in (None, [], NO) for name in (*sort.lists, *sort.flags)):
            return [
                f"rows of {sort.noun} have no annotations without project_ids, all_projects, model_run_ids or "
                "all_model_runs"
            ]
        return []

    def ask(self, external_id: str, wanted: Wanted) -> Made:
        try:
            wanted = self.check_wanted(wanted)
            self._check_sort(external_id, wanted)
        except UserError as error:  # of a mirror's options nobody asked before
            raise PermanentError(error.message) from None
        there = thing(external_id)
        given = {
            "taskName": _task_name(external_id, wanted.name),
            "isStreamableReady": True,
            "streamable": True,
            "filters": _filters(there, wanted),
            "params": _params(there, wanted),
        }
        task_id, server_ms = self.client.create(there.sort, given)
        return Made(task_id, server_ms)

    def find(self, external_id: str, name: str) -> str | None:
        found = [one for one in self._exports(external_id) if one.name == name]
        if not found and (count := self.client.cut.get("createdTasks")):
            raise PermanentError(
                f"it may be there: of the tasks of the key's user {count:,} were read, and there may be more. Nothing "
                f"was asked for twice; take a key of a user with fewer, or look there for {name!r}, and start anew"
            )
        return found[-1].remote_id if found else None

    def look(self, external_id: str, remote_id: str, wanted: Wanted | None = None) -> Standing:
        told = self.client.task(remote_id)
        return Waiting("nothing of this export", is_known=False) if told is None else _standing(told)

    def fetch(
        self, external_id: str, remote_id: str, wanted: Wanted, folder: Path, on_bytes: OnBytes
    ) -> list[RemoteFile]:
        from connections.platforms.labelbox import masks, rows, stream
        from connections.platforms.labelbox.client import ERRORS, RESULT

        there, path, errors = thing(external_id), folder / "fetched", folder / "errors"
        size = stream.fetch(self.client, remote_id, RESULT, path, on_bytes)
        failed = self.client.size(remote_id, ERRORS)
        lines = failed.lines if failed is not None else 0
        noted = {}
        if lines:
            try:
                stream.fetch(self.client, remote_id, ERRORS, errors, lambda count: on_bytes(0))
                noted[rows.errors_of(errors, lines)] = lines
            except PermanentError as error:  # the rows are here all the same
                noted[f"{rows.ERROR_LINES}, which could not be had: {error}"] = lines
        deferred, deferred_rows = 0, list[str]()
        if size is None:
            if lines:
                raise PermanentError(f"it has no rows, but {lines:,} {next(iter(noted))}")
            raise NothingThereError("Labelbox has no row that the request selects")
        if wanted.format != ROWS:
            file = rows.checked(path, there, wanted)
        elif masks.have_to_be_fetched(path):
            made = folder / "with_masks"
            put_in = masks.put_in(self.client, remote_id, path, made, on_bytes)
            deferred, deferred_rows = put_in.deferred, put_in.deferred_rows
            noted |= put_in.notes()
            path.unlink()
            file = rows.named(made, size.lines)
        else:
            file = rows.named(path, size.lines)
        is_known = "" not in deferred_rows and len(deferred_rows) <= names.MOST_IDS
        file = replace(file, notes={**file.notes, **noted}, deferred=deferred)
        file = replace(file, deferred_rows=deferred_rows if is_known else None)
        return [replace(file, missing=lines, missing_as=ERROR_LINES)]

    def rows_of(self, file: RemoteFile, wanted: Wanted) -> Iterator[RemoteRow]:
        from connections.platforms.labelbox import rows

        yield from rows.told(file.path)

    def exports(self, external_id: str) -> list[RemoteExport]:
        """Of this thing, as far as a task tells: by the name that we gave it, or by its metadata. Of a slice none is
        listed: no row tells that it is of one, so none could be handed out.
        """
        return [] if thing(external_id).sort is SLICE else self._exports(external_id)

    def _exports(self, external_id: str) -> list[RemoteExport]:
        found = []
        for item in self.client.tasks():
            task_id, name = item.get("id"), item.get("name")
            name = name if isinstance(name, str) else ""
            is_ours = name.endswith(_suffix(external_id))
            if isinstance(task_id, str) and (is_ours or _is_export_of(item, external_id)):
                others = {key: value for key, value in item.items() if key not in ("id", "name", "status", "createdAt")}
                found.append(
                    RemoteExport(
                        task_id,
                        name.removesuffix(_suffix(external_id)),
                        _standing(item),
                        _moment(item.get("createdAt")),
                        scrub(others),
                    )
                )
        return sorted(found, key=lambda one: -(one.created_ms or 0))


_FILTER_OF: Final = {"updated_after": "last_activity", **{name: filter for name, (filter, _) in _BOUNDS.items()}}


def _not_of(name: str, sort: names.Sort) -> str:
    having = [
        one.noun for one in names.SORTS if _FILTER_OF.get(name, name) in one.filters | one.options and one is not sort
    ]
    return f"{name} is not for {sort.noun}: Labelbox has it for {' and '.join(having)}"


# --- what is sent ----------------------------------------------------------------------------------------------------


def _params(there: Thing, wanted: Wanted) -> _Json:
    """All of them by name. Rows of a sync have all that can be had, but no frames between key frames, and embeddings
    where they were asked for.
    """
    sort, options, is_sync = there.sort, wanted.options, wanted.format == ROWS
    given: _Json = {"mediaTypeOverride": options.get("media_type_override") or None}
    for name, sent in sort.parts.items():
        default = YES if is_sync and name not in ("interpolated_frames", "embeddings") else NO
        given[sent] = (options.get(name) or default) == YES
    for name, sent in sort.lists.items():
        given[sent] = list(options.get(name) or ()) or None
    for name, sent in sort.flags.items():
        given[sent] = options.get(name) == YES
    for name, sent in sort.undocumented.items():  # of model runs, where any are asked for
        has_runs = given["modelRunIds"] or given["allModelRuns"]
        given[sent] = (options.get(name) or (YES if is_sync and has_runs else NO)) == YES
    return given


def _filters(there: Thing, wanted: Wanted) -> _Json:
    if there.sort is SLICE:
        return {"sliceId": there.id}
    if there.sort is MODEL_RUN:
        return {"modelRunId": there.id}
    options, query = wanted.options, []
    bounds: dict[str, dict[str, int]] = {"last_activity": {}, "label_created": {}}
    if wanted.updated_after_ms is not None:
        bounds["last_activity"]["min"] = wanted.updated_after_ms
    for name, (filter, end) in _BOUNDS.items():
        if (moment := names.bound(options, name)) is not None:
            bounds[filter][end] = moment
    for filter, ends in bounds.items():
        if ends:
            query.append({"type": names.MOMENTS[filter], "value": _between(ends)})
    for name, type_ in names.ID_FILTERS.items():
        if ids := options.get(name):
            query.append({"ids": list(ids), "operator": "is", "type": type_})
    for status in wanted.statuses:
        if status == "ToLabel":
            query.append({"type": "task_queue_not_exist"})
        else:
            query.append({"type": "task_queue_status", "status": status})
    if there.sort is DATASET:
        query.append({"ids": [there.id], "operator": "is", "type": "dataset"})
    search = {"searchQuery": {"scope": None, "query": query}}
    return {"projectId": there.id, **search} if there.sort is PROJECT else search


def _between(ends: Mapping[str, int]) -> _Json:
    """In UTC, whoever's key it is."""
    named: _Json = {"timezone": "UTC"}
    if len(ends) == 2:
        value = {name: _iso(ends[name]) for name in ("min", "max")}
        return {"operator": "BETWEEN", **named, "value": value}
    ((name, moment),) = ends.items()
    operator = "GREATER_THAN_OR_EQUAL" if name == "min" else "LESS_THAN_OR_EQUAL"
    return {"operator": operator, **named, "value": _iso(moment)}


def _iso(ms: int) -> str:
    return f"{to_datetime(ms):%Y-%m-%dT%H:%M:%S}+0000"


def _check_ids(name: str, ids: object) -> None:
    most = names.MOST_IDS if name in names.ID_FILTERS else names.MOST_PROJECTS
    if ids is None:
        return
    if not isinstance(ids, Sequence) or isinstance(ids, str) or not all(isinstance(one, str) and one for one in ids):
        raise UserError(f"{name} is a list of texts, or left out", field="options")
    if len(ids) > most:
        raise UserError(f"{name} has {len(ids):,} entries; Labelbox takes {most:,} at most", field="options")


def _suffix(external_id: str) -> str:
    return f" [{external_id}]"


def _task_name(external_id: str, name: str) -> str:
    """Once there, and it says whose rows they are, which a task does not tell otherwise."""
    return f"{name}{_suffix(external_id)}"


# --- what comes back -------------------------------------------------------------------------------------------------


def _described(there: Thing, told: _Json) -> RemoteProject:
    """A name is once in a connection: what is no project says what it is."""
    sort, name, media_type = there.sort, told.get("name"), told.get("allowedMediaType")
    name = name if isinstance(name, str) and name else there.id
    if sort is CATALOG:
        name = "Catalog"
    elif sort is not PROJECT:
        name = f"{name} ({sort.noun.partition(' ')[2]})"
    shown = {key: value for key, value in told.items() if key not in ("id", "name", "allowedMediaType")}
    return RemoteProject(
        f"{sort.prefix}{there.id}",
        name,
        media_type.lower() if isinstance(media_type, str) else sort.noun.partition(" ")[2],
        scrub(shown),
    )


def _standing(task: _Json) -> Standing:
    """Any case of a known word is that word; an unknown one is never taken for made."""
    status = task.get("status")
    word = str(status)[:80]
    known = word.casefold()
    if known == _COMPLETE:
        return Ready(word, server_ms=_moment(task.get("createdAt")))
    if known in _ENDED:
        return Failed(word, _reason(task))
    percent = task.get("completionPercentage")
    is_told = isinstance(percent, int | float) and not isinstance(percent, bool)
    progress = min(max(percent / 100, 0.0), 1.0) if is_told and percent is not None else None
    return Waiting(word, is_known=known in _UNDER_WAY, progress=progress)


def _reason(task: _Json) -> str:
    from connections.platforms.labelbox.client import shown

    metadata = task.get("metadata")
    inner = metadata.get("error") if isinstance(metadata, dict) else None
    told = task.get("errors") or task.get("result") or inner
    return shown(told) if isinstance(told, str) else "Labelbox says no reason"


def _is_export_of(task: _Json, external_id: str) -> bool:
    """Does its metadata name the thing's id? What it may hold is not documented."""
    if "export" not in str(task.get("type")).lower():
        return False
    there, rest = thing(external_id), [task.get("metadata")]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
        elif value == there.id and there.sort is not CATALOG:
            return True
    return False


def _moment(value: object) -> int | None:
    try:
        return parse_ms(value) if isinstance(value, str) else None
    except UserError:
        return None
