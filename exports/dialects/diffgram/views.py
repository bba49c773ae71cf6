"""What Diffgram's SDK calls. Views parse, call an action, and answer as the SDK reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.db.models import QuerySet
from django.http import JsonResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.lookup import get_object
from connections.access.permissions import DOWNLOAD, LINK, START, require_audited
from connections.models import Project
from connections.rows.diffgram import DIRECTORY, JOB, PLACES
from connections.rows.review_statuses import statuses_in
from connections.store.models import StoreClass, StoreRow
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exportadmin.lib.times import to_datetime
from exports import actions
from exports.delivery.files import is_errors_file
from exports.dialects.diffgram.base import FORBIDDEN, NO_JOB_ACCESS, NOT_READY, DiffgramView, log_of
from exports.dialects.diffgram.bodies import (
    DATA,
    DONE_ONLY,
    JOBS_A_PAGE,
    MOST_IDS,
    NOT_DONE,
    FilesExist,
    GetLink,
    JobInfo,
    ListDirectories,
    ListFiles,
    ListJobs,
    NameQuery,
    SchemaQuery,
    ToFile,
    Update,
)
from exports.dialects.diffgram.places import directories_of, jobs_of, named, numbered, project_number_of, whole_of
from exports.dialects.diffgram.shapes import COMPLETE, INIT, Shown, schema_json, status_of, whole_job_json
from exports.dialects.diffgram.sign_in import CHANNEL, DIALECT
from exports.dialects.same_request import same_request
from exports.formats.diffgram_info import Place, directory_json, job_json
from exports.formats.diffgram_json import DiffgramJsonFormat
from exports.idempotency import scope_of
from exports.links import actions as link_actions
from exports.links import downloads
from exports.links.tokens import paths_for
from exports.models import Artifact, ExportReport
from exports.run.waiting import wait_for_end
from exports.spec.labels import ALL
from exports.spec.spec import ExportSpec

# an export that is waited for; behind it the server's own patience begins to end
WAIT_SECONDS: Final = 50.0
LINK_SECONDS: Final = 300
_GOES_ON: Final = (
    "it goes on: look for it in the list of exports, or send the same request again within two minutes, which is the"
    " same export"
)
_TOO_LONG: Final = f"not made within {WAIT_SECONDS:.0f} seconds; {_GOES_ON}"
_NO_WAIT: Final = f"nobody waited, as this token waits for an export already, or too many others do; {_GOES_ON}"
MOST_LISTED: Final = 1000
_DONE: Final = sorted(statuses_in(DONE_ONLY))
_SUCCESS: Final[dict[str, Any]] = {"success": True, "error": {}, "info": {}}


# --- what the SDK begins with ----------------------------------------------------------------------------------------


class WorkingDirectoryView(DiffgramView):
    """A directory by its name."""

    takes = {"get": NameQuery}

    def get(self, request: Request, project_string_id: str) -> Response:
        """Without a name all of the project."""
        project = self.project(request, project_string_id)
        name = self.params.get("name")
        found = whole_of(project) if name is None else named(directories_of(project), name)
        if found is None:
            raise UserError("Dataset not found", field="name")
        return Response(_SUCCESS | {"working_dir": directory_json(found)})


class FilesView(DiffgramView):
    """The files of a directory."""

    def post(self, request: Request, project_string_id: str) -> Response:
        """A page of them. Their ids are handed out up to a number, beyond which the SDK would have to send them all
        back to begin."""
        wanted = ListFiles.read(request.data).validated_data["metadata"]
        project = self.project(request, project_string_id)
        rows = _rows_of(project, _directory(project, wanted.get("directory_id")))
        match wanted.get("annotation_status"):
            case "Completed":
                rows = rows.filter(status__in=_DONE)
            case "Not completed":
                rows = rows.exclude(status__in=_DONE)
        count, size, page = rows.count(), wanted["limit"], wanted["page"]
        is_ids = wanted["file_view_mode"] == "ids_only"
        pages = max(1, -(-count // size))
        some = rows.order_by("pk")[(page - 1) * size : page * size]
        if is_ids and count > MOST_IDS:
            some, pages = some.none(), 1
        found = [*some.values_list("number", flat=True)] if is_ids else [_file_json(row) for row in some.defer("body")]
        about = {"next_page": page + 1 if page < pages else None, "total_pages": pages, "page": page}
        return Response({"file_list": found, "metadata": about | {"file_count": count, "limit": size}})


def _directory(project: Project, directory_id: int | None) -> Place:
    """Raises :class:`NotFoundError` for none of the project's."""
    if directory_id is None or directory_id == project.pk * PLACES:
        return whole_of(project)
    found = numbered(directories_of(project), directory_id)
    if found is None:
        raise NotFoundError(f"no directory {directory_id} in this project", field="directory_id")
    return found


def _rows_of(project: Project, directory: Place) -> QuerySet[StoreRow]:
    rows = StoreRow.objects.filter(project=project)
    return rows.filter(dataset_id=directory.key) if directory.key else rows


def _file_json(row: StoreRow) -> dict[str, Any]:
    def moment(ms: int) -> str:
        return to_datetime(ms).strftime("%Y-%m-%d %H:%M:%S.%f")

    return {
        "id": row.number,
        "hash": row.digest,
        "type": row.media_type or "image",
        "state": "added",
        "created_time": moment(row.created_ms),
        "time_last_updated": moment(row.updated_ms),
        "ann_is_complete": row.status in _DONE,
        "original_filename": row.external_id or row.global_key,
        "count_instances_changed": None,
    }


class FilesExistView(DiffgramView):
    """Whether files are there."""

    def post(self, request: Request, project_string_id: str) -> Response:
        """All of them?"""
        wanted = sorted(set(FilesExist.read(request.data).validated_data["file_id_list"]))
        project = self.project(request, project_string_id, START)
        rows = StoreRow.objects.filter(project=project)
        there = sum(
            rows.filter(number__in=wanted[start : start + 5000]).count() for start in range(0, len(wanted), 5000)
        )
        return Response(_SUCCESS | {"result": {"exists": there == len(wanted)}})


class LabelsView(DiffgramView):
    """The labels of a project."""

    takes = {"get": SchemaQuery}

    def get(self, request: Request, project_string_id: str) -> Response:
        """Name → label file."""
        project = self.project(request, project_string_id)
        classes = StoreClass.objects.filter(project=project, is_question=False).order_by("number")
        return Response({"log": _SUCCESS, "name_to_file_id": dict(classes.values_list("name", "number"))})


class SchemasView(DiffgramView):
    """The schemas of labels."""

    def get(self, request: Request, project_string_id: str) -> Response:
        """There is one."""
        return Response([schema_json(self.project(request, project_string_id))])


class DirectoriesView(DiffgramView):
    """The directories of a project."""

    def post(self, request: Request, project_string_id: str) -> Response:
        """All of it first, then its datasets."""
        wanted = ListDirectories.read(request.data).validated_data
        project = self.project(request, project_string_id)
        directories, part = directories_of(project), (wanted.get("nickname") or "").lower()
        found = [one for one in directories if part in one.name.lower()]
        listed = [directory_json(one) for one in found[: wanted["limit"]]]
        about = {"directory_list": listed, "default_directory": directory_json(directories[0])}
        return Response({"log": _SUCCESS, **about})


# --- jobs ------------------------------------------------------------------------------------------------------------


class JobView(DiffgramView):
    """One job, by a number that says of which project it is."""

    def post(self, request: Request, job_id: int) -> Response:
        """Whether there is none, or it is none of theirs, is one answer, as there."""
        JobInfo.read(request.data)
        projects = Project.objects.select_related("connection")
        number = str(project_number_of(job_id))
        try:
            project = get_object(request, projects, "project", number, column="pk", project_of=lambda one: one)
        except NotFoundError as error:
            raise DeniedError(FORBIDDEN, about=error.about) from None
        place = numbered(jobs_of(project), job_id)
        if place is None:
            raise DeniedError(FORBIDDEN, about={"project": project})
        return Response({"log": _SUCCESS, "job": whole_job_json(place, whole_of(project))})

    @classmethod
    def wrong_keys(cls) -> str:
        return NO_JOB_ACCESS


class JobsView(DiffgramView):
    """The jobs of a project."""

    def post(self, request: Request) -> Response:
        """A page of them, the newest first."""
        wanted = ListJobs.read(request.data).validated_data["metadata"]
        project = self.project(request, wanted["project_string_id"])
        part, states = (wanted.get("search") or "").lower(), wanted.get("status") or ["All"]
        named_so = [one for one in jobs_of(project) if part in one.name.lower()]
        found = [one for one in named_so if "All" in states or one.status in states]
        start = (wanted["page_number"] - 1) * JOBS_A_PAGE
        about = {"total_job_number": len(found), "number_of_pages": -(-len(found) // JOBS_A_PAGE)}
        whole = whole_of(project)
        few = [job_json(one, whole) for one in found[start : start + min(wanted["limit"], JOBS_A_PAGE)]]
        return Response({"log": _SUCCESS, "Job_list": few, "metadata": about})

    @classmethod
    def wrong_keys(cls) -> str:
        return NO_JOB_ACCESS


# --- exports ---------------------------------------------------------------------------------------------------------


class ExportView(DiffgramView):
    """About one export."""

    def export(self, request: Request, project: Project, number: int | str) -> ExportReport:
        """That of the project. Raises :class:`NotFoundError` where there is none, :class:`UserError` for one of another
        project that they may see."""
        found = get_object(request, _exports(), "export", str(number), column="pk")
        if found.project_id != project.pk:
            raise UserError("Permission error, invalid project export match", field="project_permissions")
        return found


def _exports() -> QuerySet[ExportReport]:
    reports = ExportReport.objects.filter(format=DiffgramJsonFormat.key, converted_from=None)
    return reports.select_related("project")


class ToFileView(DiffgramView):
    """Make an export."""

    def post(self, request: Request, project_string_id: str) -> HttpResponseBase:
        """At once with what is known of it, or once it is made: with its data, or an address of them. One that is not
        made in time goes on, and is told of as not ready. The same request again within two minutes, while nothing has
        changed, is the same export, unless it was archived.
        """
        sent = ToFile.read(request.data).validated_data
        project = self.project(request, project_string_id, START)
        actor = actor_of(request, CHANNEL)
        waits = sent["wait_for_export_generation"]
        if waits:  # what is to be handed out is asked before anything is made
            require_audited(actor, DOWNLOAD, project, event="artifact.downloaded")
            if sent.get("return_type") != DATA:
                require_audited(actor, LINK, project, event="link.issued")
        report = _requested(request, project, sent)
        has_waited = not waits or wait_for_end(report, WAIT_SECONDS, scope_of(actor))
        report.refresh_from_db()
        about = Shown(project).export(report)
        if not waits:
            return Response({"success": True, "export": about})
        if about["status"] != COMPLETE:
            body = log_of({"export": NOT_READY}, export=about)
            if about["status"] == INIT:
                body["log"]["info"] = {"wait": _TOO_LONG if has_waited else _NO_WAIT}
            return Response(body, status=400)
        return _handed_out(request, report, sent.get("return_type"))


def _requested(request: Request, project: Project, sent: dict[str, Any]) -> ExportReport:
    """The report of a request, which may be one of a moment ago."""
    chosen, conditions = _chosen(project, sent)
    body = {"format": DiffgramJsonFormat.key, "labels": ALL.text, "filter": conditions}
    spec, name = ExportSpec.parse(body, project), f"Diffgram export of {chosen}"[:200]
    found, key = same_request(request, DIALECT, project, [name, spec.to_json()])
    if found is not None and found.archived_at is None:
        return found
    actor = actor_of(request, CHANNEL)
    return actions.request_export(project=project, spec=spec, actor=actor, name=name, idempotency_key=key)


def _chosen(project: Project, sent: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """``(name, filter)`` of what an export is of. Raises :class:`UserError` and :class:`DeniedError`."""
    complete_only = sent.get("ann_is_complete")
    groups = {"workflow_status": sorted(DONE_ONLY)} if complete_only else {}
    if sent["source"] == JOB:
        job_id = sent.get("job_id")
        job = None if job_id is None else numbered(jobs_of(project), job_id)
        if job is None:
            is_elsewhere = job_id is not None and project_number_of(job_id) != project.pk
            raise DeniedError("Permission" if is_elsewhere else "No job", about={"project": project})
        return f"job {job.name}", {"batch_ids": [job.key], **groups}
    if sent["source"] == DIRECTORY:
        directory = _directory(project, sent.get("directory_id"))
        if complete_only is False:
            groups = {"workflow_status": sorted(NOT_DONE)}
        return f"directory {directory.name}", ({"dataset_ids": [directory.key]} if directory.key else {}) | groups
    number = sent.get("task_id")
    if number is None or not StoreRow.objects.filter(project=project, number=number).exists():
        raise UserError("Invalid task id", field="task_id")
    return f"task {number}", {"row_numbers": [number, number]}


def _handed_out(request: Request, report: ExportReport, return_type: str | None) -> HttpResponseBase:
    """The file of an export that is made, or its address as a JSON text."""
    actor = actor_of(request, CHANNEL)
    files = report.artifacts.select_related("report__project").order_by("pk")
    artifact: Artifact = next(one for one in files if not is_errors_file(one.name))
    if return_type == DATA:
        return downloads.respond(request._request, artifact, actor=actor)
    _, token = link_actions.issue_link(artifact=artifact, actor=actor, seconds=LINK_SECONDS)
    return JsonResponse(request.build_absolute_uri(paths_for(token)["file_url"]), safe=False)


class ExportsView(DiffgramView):
    """The exports of a project."""

    def get(self, request: Request, project_string_id: str) -> Response:
        """Without those that were archived, newest first, whoever asked for them and through whichever channel."""
        project = self.project(request, project_string_id)
        shown = Shown(project)
        reports = _exports().filter(project=project, archived_at=None).order_by("-pk")[:MOST_LISTED]
        return Response({"success": True, "export_list": [shown.export(report) for report in reports]})


class LinkView(ExportView):
    """Fetch an export that is made. Its errors stand at the top, where others lie in ``log``."""

    @classmethod
    def by_field(cls, error: dict[str, Any]) -> dict[str, Any]:
        if error.keys() == {"project_permissions"}:
            return {"error": error, "info": {}, "success": False}
        return super().by_field(error)

    def post(self, request: Request, project_string_id: str) -> HttpResponseBase:
        """Its data, or an address of them that is good for five minutes, without keys."""
        sent = GetLink.read(request.data).validated_data
        project = self.project(request, project_string_id, DOWNLOAD)
        report = self.export(request, project, sent["id"])
        if status_of(report) != COMPLETE:
            about = Shown(project).export(report)
            body = {"error": {"export": NOT_READY}, "export": about, "info": {}, "success": False}
            return Response(body, status=400)
        return _handed_out(request, report, sent["return_type"])


class StatusView(ExportView):
    """How an export goes."""

    def get(self, request: Request, project_string_id: str, export_id: int) -> Response:
        """Whatever its state."""
        project = self.project(request, project_string_id)
        report = self.export(request, project, export_id)
        return Response({"success": True, "export": Shown(project).export(report)})


class UpdateView(ExportView):
    """Archive an export."""

    def post(self, request: Request, project_string_id: str) -> Response:
        """It leaves the list; whoever has its id still gets it."""
        sent = Update.read(request.data).validated_data
        project = self.project(request, project_string_id, START)
        actions.archive(report=self.export(request, project, sent["id"]), actor=actor_of(request, CHANNEL))
        return Response(_SUCCESS)


class NothingHereView(DiffgramView):
    """Every other address."""

    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever the parameters are, there is nothing to read them for."""
        self.check_throttles(request)

    def get(self, request: Request, rest: str = "") -> Response:
        """In JSON, as everything here."""
        raise NotFoundError("there is no such address in this dialect of Diffgram's API")

    post: Callable[..., Response] = get
    put: Callable[..., Response] = get
    patch: Callable[..., Response] = get
    delete: Callable[..., Response] = get
