"""The operations that Labelbox's SDK sends, by their names: each gives the ``data`` of its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from connections.access.lookup import get_object, get_project, not_found, token_of
from connections.access.permissions import VIEW, projects_for
from connections.models import Project
from exportadmin.audit.checkpoints.identity import installation_id
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, UserError
from exportadmin.lib.heavy import heavy_work
from exportadmin.runs import statuses
from exports import actions
from exports.delivery.reading import removed_text
from exports.dialects.labelbox.bodies import (
    FORMAT,
    CatalogInput,
    ExportInput,
    ModelRunInput,
    ProjectInput,
    SliceInput,
    catalog_body,
    model_run_body,
    place_in,
    project_body,
    slice_body,
)
from exports.dialects.labelbox.catalog import (
    batches,
    datasets,
    find_dataset,
    find_model,
    find_model_run,
    find_slice,
    models,
    project_of_catalog,
    revisions_of,
    rows_of_slice,
    runs_of_model,
    slices,
)
from exports.dialects.labelbox.chunks import Chunk, chunk_at, write_address
from exports.dialects.labelbox.documents import PAGE_SIZE, Call, UnknownOperationError, checked_id
from exports.dialects.labelbox.shapes import (
    CANCELABLE_TYPE,
    TASK_TYPE,
    WITH_STATUS,
    batch_json,
    dataset_json,
    model_run_json,
    organization_json,
    project_json,
    slice_json,
    task_json,
    user_json,
)
from exports.dialects.labelbox.sign_in import CHANNEL
from exports.dialects.same_request import same_request
from exports.lookup import note_hidden_reports
from exports.models import Artifact, ExportReport
from exports.results.preview import errors_artifact, rows_artifact
from exports.spec.catalog import settle
from exports.spec.spec import ExportSpec

Data = dict[str, Any]
_STREAMS: Final = ("RESULT", "ERRORS")
ROWS_ON_A_PAGE: Final = 10_000


def answer(call: Call) -> Data:
    """Raises what operations raise: :class:`UserError` and its kin."""
    operation = OPERATIONS.get(call.name)
    if operation is None:
        raise UnknownOperationError(
            f"operation {call.name[:80]!r} is not known here; known: {', '.join(OPERATIONS)}", field="query"
        )
    return operation(call)


# --- who asks --------------------------------------------------------------------------------------------------------


def _person(call: Call) -> User:
    assert isinstance(call.request.user, User)
    return call.request.user


def _user(call: Call) -> Data:
    return {"user": user_json(_person(call))}


def _organization(call: Call) -> Data:
    return {"organization": organization_json(installation_id())}


# --- projects --------------------------------------------------------------------------------------------------------


def _project(call: Call) -> Data:
    return {"project": project_json(get_project(call.request, call.id_of("project")))}


def _projects(call: Call) -> Data:
    found = projects_for(call.request.user, VIEW, token_of(call.request)).order_by("pk")
    wanted = call.where("projects")
    _only_by(wanted, ("deleted", "name", "id"), "projects")
    if wanted.pop("deleted", False) is not False:
        return {"projects": []}
    columns = {"name": "name", "id": "public_id"}
    found = found.filter(**{columns[key]: checked_id(value, key) for key, value in wanted.items()})
    return {"projects": list(map(project_json, found[call.page("projects")]))}


def _only_by(wanted: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
    for key in wanted:
        if key not in known:
            raise UserError(f"{what} are not found by {key!r} here; known: {', '.join(known)}", field="query")


def _here(call: Call) -> str:
    """The address of this dialect, as the caller writes it."""
    return call.request.build_absolute_uri("/dialects/labelbox")


# --- datasets, batches, slices, models -------------------------------------------------------------------------------


def _dataset(call: Call) -> Data:
    return {"dataset": dataset_json(*find_dataset(call.request, call.id_of("dataset")))}


def _datasets(call: Call) -> Data:
    wanted = call.where("datasets")
    _only_by(wanted, ("deleted", "name"), "datasets")
    if wanted.pop("deleted", False) is not False:
        return {"datasets": []}
    name = checked_id(wanted["name"], "name") if "name" in wanted else None
    return {"datasets": [dataset_json(*one) for one in datasets(call.request, name)[call.page("datasets")]]}


def _batches(call: Call) -> Data:
    """A page of a project's, behind the one whose id is the cursor."""
    project = get_project(call.request, call.id_of("project"))
    found, wanted = batches(project), call.where("batches")
    _only_by(wanted, ("id", "after", "first"), "batches")
    if "id" in wanted:
        found = found.filter(batch_id=checked_id(wanted["id"], "batches.id"))
    if wanted.get("after") is not None:
        found = found.filter(batch_id__gt=checked_id(wanted["after"], "batches.after"))
    first = PAGE_SIZE if wanted.get("first") is None else min(_number(wanted["first"], "first"), PAGE_SIZE)
    nodes = [batch_json(*one) for one in found[: first + 1]]
    cursor = nodes[first - 1]["id"] if 0 < first < len(nodes) else None
    page = {"nodes": nodes[:first], "pageInfo": {"endCursor": cursor}}
    return {"project": {"id": project.public_id, "batches": page}}


def _slice(call: Call) -> Data:
    return {"getSavedQuery": slice_json(find_slice(call.request, call.id_of("getSavedQuery")))}


def _slices(call: Call) -> Data:
    return {"catalogSavedQueries": list(map(slice_json, slices(call.request)))}


def _slice_rows(call: Call) -> Data:
    """All are read for each page, so there are many on one, whatever ``first`` says: the SDK takes what comes."""
    wanted = call.where("getDataRowIdentifiersBySavedQuery")
    _only_by(wanted, ("savedQueryId", "after", "first"), "data rows of a slice")
    found = find_slice(call.request, checked_id(wanted.get("savedQueryId"), "savedQueryId"))
    after = wanted.get("after")
    begin, total, nodes = 0 if after is None else _number(after, "from"), 0, []
    with heavy_work():
        for row_id, global_key in rows_of_slice(found, actor_of(call.request, CHANNEL)):
            if begin <= total < begin + ROWS_ON_A_PAGE:
                nodes.append({"id": row_id, "globalKey": global_key or None})
            total += 1
    has_more = begin + len(nodes) < total and bool(nodes)
    page = {"endCursor": str(begin + len(nodes)) if has_more else None, "hasNextPage": has_more}
    return {"getDataRowIdentifiersBySavedQuery": {"totalCount": total, "nodes": nodes, "pageInfo": page}}


def _embeddings(call: Call) -> Data:
    """Rows have them; no list of them is kept."""
    return {"embeddings": []}


def _metadata_ontology(call: Call) -> Data:
    """As :func:`_embeddings`."""
    return {"customMetadataOntology": []}


def _model_run(call: Call) -> Data:
    return {"modelRun": model_run_json(find_model_run(call.request, call.id_of("modelRun")))}


def _models(call: Call) -> Data:
    return {"models": models(call.request)[call.page("models")]}


def _model(call: Call) -> Data:
    return {"model": find_model(call.request, call.id_of("model"))}


def _model_runs(call: Call) -> Data:
    found = runs_of_model(call.request, call.id_of("model"))
    return {"model": {"modelRuns": list(map(model_run_json, found[call.page("modelRuns")]))}}


# --- exports ---------------------------------------------------------------------------------------------------------


def _input(call: Call, serializer: type[ExportInput]) -> Mapping[str, Any]:
    """The checked input of a mutation. Raises ``ValidationError``."""
    try:
        sent: Mapping[str, Any] = serializer.read(call.variable("input")).validated_data
    except ValidationError as error:
        raise ValidationError({"input": error.detail}) from None
    return sent


def _export_project(call: Call) -> Data:
    sent = _input(call, ProjectInput)
    project = get_project(call.request, sent["filters"]["projectId"])
    return {"exportDataRowsInProject": _requested(call, project, sent, project_body(sent, _here(call)))}


def _export_catalog(call: Call) -> Data:
    sent = _input(call, CatalogInput)
    body = catalog_body(sent, _here(call))
    project = project_of_catalog(call.request, body["scope"], body["filter"])
    return {"exportDataRowsInCatalog": _requested(call, project, sent, body)}


def _export_slice(call: Call) -> Data:
    sent = _input(call, SliceInput)
    project = find_slice(call.request, sent["filters"]["sliceId"]).project
    return {"exportDataRowsInSlice": _requested(call, project, sent, slice_body(sent, _here(call)))}


def _export_model_run(call: Call) -> Data:
    sent = _input(call, ModelRunInput)
    project = find_model_run(call.request, sent["filters"]["modelRunId"]).project
    return {"exportDataRowsInModelRun": _requested(call, project, sent, model_run_body(sent, _here(call)))}


def _requested(call: Call, project: Project, sent: Mapping[str, Any], body: Mapping[str, Any]) -> Data:
    """The task of a request, which may be one of a moment ago."""
    actor, name = actor_of(call.request, CHANNEL), sent.get("taskName") or ""
    try:
        spec = ExportSpec.parse(body, project)
        asked = [name, *_meant(spec, project, actor)]
        report, key = same_request(call.request, "labelbox", project, asked)
        if report is None:
            report = actions.request_export(project=project, spec=spec, actor=actor, name=name, idempotency_key=key)
    except UserError as error:
        error.field = error.field and place_in(sent, error.field)
        raise
    return {"taskId": report.report_id, "isStreamable": True}


def _meant(spec: ExportSpec, project: Project, actor: Actor) -> list[Any]:
    """What makes two requests the same: of the catalog also what the scope means now (a slice may be another one by
    now, a project new), and that none of its projects has changed."""
    if not spec.selection.scope.is_of_catalog:
        return [spec.to_json()]
    with suppress(UserError):  # the request itself is refused, and that is recorded
        spec = settle(spec, project, actor)
    return [spec.to_json(), revisions_of(project)]


# --- tasks -----------------------------------------------------------------------------------------------------------


def _tasks(request: Request) -> QuerySet[ExportReport]:
    """Those that the token may see, newest first."""
    projects = projects_for(request.user, VIEW, token_of(request))
    reports = ExportReport.objects.filter(format=FORMAT, project__in=projects)
    return reports.select_related("project").order_by("-created_at", "-pk")


def _created_tasks(call: Call) -> Data:
    """All of the one who asks, or one of them: nobody else's are found by the SDK."""
    person = _person(call)
    if (asked := call.id_of("user")) != str(person.pk):
        is_number = asked.isascii() and asked.isdecimal() and len(asked) <= 18
        raise not_found("user", asked, obj=User.objects.filter(pk=asked).first() if is_number else None)
    found = _tasks(call.request).filter(requested_by=person.pk)
    return {"user": {"createdTasks": _listed(call, "createdTasks", found)}}


def _organization_tasks(call: Call) -> Data:
    return {"organization": {"tasks": _listed(call, "tasks", _tasks(call.request))}}


def _listed(call: Call, field: str, found: QuerySet[ExportReport]) -> list[Data]:
    """A page of tasks that satisfy what their field is compared with."""
    wanted = call.where(field)
    _only_by(wanted, ("id", "name", "status"), "tasks")
    if "status" in wanted:
        status = checked_id(wanted["status"], f"{field}.status")
        if status not in WITH_STATUS:
            known = ", ".join(WITH_STATUS)
            raise UserError(f"status {status[:60]!r} is unknown; known: {known}", field=f"{field}.status")
        found = found.filter(WITH_STATUS[status])
    if "name" in wanted:
        found = found.filter(name=checked_id(wanted["name"], f"{field}.name"))
    if "id" in wanted:
        wanted_id = checked_id(wanted["id"], f"{field}.id")
        found = found.filter(report_id=wanted_id)
        if not found and not _tasks(call.request).filter(report_id=wanted_id):
            note_hidden_reports(call.request, [wanted_id], CHANNEL)
    return list(map(task_json, found[call.page(field)]))


def _task(call: Call) -> ExportReport:
    """That of ``where``, a variable or a field of the text."""
    wanted = call.where("task")
    if isinstance(where := wanted.get("where"), Mapping):
        wanted = dict(where)
    _only_by(wanted, ("id",), "tasks")
    return _find_task(call, checked_id(wanted.get("id"), "variables.where.id"))


def _find_task(call: Call, task_id: str) -> ExportReport:
    """Raises :class:`NotFoundError`."""
    reports = ExportReport.objects.filter(format=FORMAT).select_related("project")
    return get_object(call.request, reports, "task", task_id, column="report_id")


def _task_created_by(call: Call) -> Data:
    person = _task(call).requested_by
    found = None if person is None else User.objects.filter(pk=person).first()
    return {"task": {"createdBy": user_json(found, asks=found == call.request.user) if found else None}}


def _task_organization(call: Call) -> Data:
    _task(call)
    return {"task": _organization(call)}


def _cancelable_types(call: Call) -> Data:
    return {"cancelableTaskTypes": [TASK_TYPE, CANCELABLE_TYPE]}


def _cancel(call: Call) -> Data:
    wanted = checked_id(call.variable("id"), "variables.id")
    report = _find_task(call, wanted)
    if report.status not in statuses.ACTIVE:
        raise ConflictError(f"task {report.report_id} has ended: {report.status}")
    actions.cancel(report=report, actor=actor_of(call.request, CHANNEL))
    return {"cancelBulkOperationJob": {"success": True}}


# --- streams ---------------------------------------------------------------------------------------------------------


def _stream(call: Call) -> Artifact | None:
    """The file that is streamed; ``None``: no row is in it."""
    report, wanted = _task(call), call.variable("streamType")
    if wanted not in _STREAMS:
        raise UserError(
            f"streamType {str(wanted)[:60]!r} is unknown; known: {', '.join(_STREAMS)}", field="variables.streamType"
        )
    if not report.is_delivered:
        return None
    if report.files_removed_at is not None:
        raise ConflictError(removed_text(report))
    files = report.artifacts.select_related("line_index", "report__project")
    found = rows_artifact(report) if wanted == "RESULT" else errors_artifact(report, files)
    return found if found is not None and found.lines else None


def _header(call: Call) -> Data:
    file = _stream(call)
    header = None if file is None else {"totalSize": file.bytes, "totalLines": file.lines}
    return {"task": {"exportMetadataHeader": header}}


def _file_from_offset(call: Call) -> Data:
    return _file(call, "exportFileFromOffset", "offset")


def _file_from_line(call: Call) -> Data:
    return _file(call, "exportFileFromLine", "line")


def _file(call: Call, field: str, by: str) -> Data:
    file = _stream(call)
    if file is None:
        return {"task": {field: None}}
    chunk = chunk_at(file, **{by: _number(call.variable(by), by)})
    return {"task": {field: _chunk_json(call, file, chunk)}}


def _number(value: Any, name: str) -> int:
    """A UInt64: as a number, or as a text, which the SDK makes of an offset. Raises :class:`UserError`."""
    text = str(value) if type(value) in (int, str) else ""
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise UserError(f"{name} is no whole number of at most 18 digits", field=f"variables.{name}")
    return int(text)


def _chunk_json(call: Call, file: Artifact, chunk: Chunk) -> Data:
    token = token_of(call.request)
    assert token is not None
    address = write_address(token.public_id, file, chunk)
    return {
        "offsets": {"start": str(chunk.offset), "end": str(chunk.offset + chunk.size - 1)},
        "lines": {"start": str(chunk.line), "end": str(chunk.line + chunk.lines - 1)},
        "file": f"{_here(call)}/chunks/{address}",
    }


OPERATIONS: Final[Mapping[str, Callable[[Call], Data]]] = {
    "CurrentUserPyApi": _user,
    "GetUserPyApi": _user,
    "GetOrganizationPyApi": _organization,
    "GetProjectPyApi": _project,
    "GetProjectsPyApi": _projects,
    "GetDatasetPyApi": _dataset,
    "GetDatasetsPyApi": _datasets,
    "GetProjectBatchesPyApi": _batches,
    "getProjectBatchPyApi": _batches,
    "getSavedQueryPyApi": _slice,
    "GetCatalogSavedQueriesPyApi": _slices,
    "getDataRowIdenfifiersBySavedQueryPyApi": _slice_rows,  # written so
    "GetEmbeddingsPyApi": _embeddings,
    "GetMetadataOntologyBetaPyApi": _metadata_ontology,
    "GetModelRunPyApi": _model_run,
    "GetModelsPyApi": _models,
    "GetModelPyApi": _model,
    "GetModelModelRunsPyApi": _model_runs,
    "exportDataRowsInProjectPyApi": _export_project,
    "exportDataRowsInCatalogPyApi": _export_catalog,
    "exportDataRowsInSlicePyApi": _export_slice,
    "exportDataRowsInModelRunPyApi": _export_model_run,
    "GetUserCreatedTasksPyApi": _created_tasks,
    "GetOrganizationTasksPyApi": _organization_tasks,
    "GetTaskCreatedByPyApi": _task_created_by,
    "GetTaskOrganizationPyApi": _task_organization,
    "GetCancelableTaskTypesPyApi": _cancelable_types,
    "CancelTaskPyApi": _cancel,
    "GetExportMetadataHeaderPyApi": _header,
    "GetExportFileFromOffsetPyApi": _file_from_offset,
    "GetExportFileFromLinePyApi": _file_from_line,
}
