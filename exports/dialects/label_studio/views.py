"""What Label Studio's SDK calls. Views parse, call an action, and answer as the SDK reads."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import User
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from connections.access.authentication import refuse_token
from connections.access.lookup import get_object, token_of
from connections.access.permissions import DOWNLOAD, MANAGE, START, VIEW, projects_for, require_audited
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import BusyError, NotFoundError, UserError
from exportadmin.runs import statuses
from exports import actions
from exports.delivery.files import is_errors_file
from exports.dialects.label_studio.base import RELEASE, LabelStudioView
from exports.dialects.label_studio.bodies import (
    PAGE_SIZE,
    Convert,
    CreateExport,
    CreateQuery,
    DownloadQuery,
    EasyQuery,
    ExportsQuery,
    ProjectQuery,
    ProjectsQuery,
    Refresh,
    body_of,
    checked_ordering,
    described,
    described_easily,
)
from exports.dialects.label_studio.formats import (
    JSON,
    SNAPSHOT,
    ExportType,
    export_type,
    options_of,
    type_of,
    with_images,
)
from exports.dialects.label_studio.saved_views import conditions_of, task_view
from exports.dialects.label_studio.shapes import (
    CREATED,
    FAILED,
    IN_PROGRESS,
    export_json,
    formats_json,
    is_shown,
    project_json,
    status_of,
    whoami_json,
)
from exports.dialects.label_studio.sign_in import CHANNEL, BodyAuthentication, KeyAuthentication
from exports.dialects.label_studio.task_ids import row_ids_of
from exports.dialects.label_studio.tokens import REFRESH, access_jwt, refresh_jwt, token_of_jwt
from exports.dialects.same_request import same_request
from exports.handing_out import require_in_all_audited
from exports.idempotency import scope_of
from exports.links import downloads
from exports.models import Artifact, ExportReport
from exports.run.waiting import wait_for_end
from exports.spec.conversion import conversion_spec
from exports.spec.spec import ExportSpec

MOST_LISTED: Final = 100
# what is asked for while it is being made; the SDK gives an answer a minute
WAIT_SECONDS: Final = 50.0


class SnapshotView(LabelStudioView):
    """About one snapshot, or all of a project."""

    def snapshot(self, request: Request, project_pk: str, export_pk: str) -> ExportReport:
        """The snapshot of that project. Raises :class:`NotFoundError`."""
        project = self.project(request, project_pk)
        found = get_object(request, _snapshots(), "export", export_pk, column="pk")
        if found.project_id != project.pk or not is_shown(found):
            raise NotFoundError(f"no export {export_pk!r} in this project")
        return found


def _snapshots() -> QuerySet[ExportReport]:
    conversions = ExportReport.objects.select_related("project").order_by("pk")
    reports = ExportReport.objects.filter(format=SNAPSHOT, converted_from=None).select_related("project")
    return reports.prefetch_related(Prefetch("conversions", conversions))


def _shown(*reports: ExportReport) -> list[dict[str, Any]]:
    wanted = {report.created_by_id for report in reports if report.created_by_id}
    people = {user.pk: user for user in User.objects.filter(pk__in=wanted)}
    return [export_json(report, people) for report in reports]


# --- the server and who asks ---------------------------------------------------------------------------------------


class VersionView(LabelStudioView):
    """What runs here."""

    authentication_classes = []
    permission_classes = []
    throttle_classes = []  # it reads nothing, and the SDK begins with it

    def get(self, request: Request) -> Response:
        """Edition *Enterprise*: with it the SDK makes a snapshot for ``as_json`` and its like, with the filters that
        it was given, asks until it is made and then takes the file. With *Community* it would drop the filters without
        a word and hold one request open for the whole export.
        """
        return Response({"release": RELEASE, "edition": "Enterprise", "label-studio-os-package": {"version": RELEASE}})


class WhoAmIView(LabelStudioView):
    """Whose token it is."""

    def get(self, request: Request) -> Response:
        """A person."""
        assert isinstance(request.user, User)
        return Response(whoami_json(request.user))


class RefreshView(LabelStudioView):
    """A refresh token for an access token."""

    authentication_classes = [BodyAuthentication]
    permission_classes = []
    throttle_classes = []  # wrong tokens count; what somebody else at the address does not

    def post(self, request: Request) -> Response:
        """For the next five minutes."""
        token = token_of_jwt(Refresh.read(body_of(request)).validated_data["refresh"], REFRESH)
        if token is None:
            raise refuse_token(request, "unknown, expired or revoked", CHANNEL)
        return Response({"access": access_jwt(token)})


class TokenView(LabelStudioView):
    """A token's key for a refresh token. An access token is taken for none: it would outlive itself."""

    authentication_classes = [KeyAuthentication]

    def post(self, request: Request) -> Response:
        """It ends with the token whose key was sent."""
        token = token_of(request)
        assert token is not None
        return Response({"token": refresh_jwt(token)}, status=201)


# --- projects ------------------------------------------------------------------------------------------------------


class ProjectsView(LabelStudioView):
    """Projects that the token may see."""

    takes = {"get": ProjectsQuery}

    def get(self, request: Request) -> Response:
        """A page of them; behind the last one there is none."""
        projects = projects_for(request.user, VIEW, token_of(request)).order_by("pk")
        if "title" in self.params:
            projects = projects.filter(name__icontains=self.params["title"])
        page, size = self.params.get("page", 1), self.params.get("page_size", PAGE_SIZE)
        count, start = projects.count(), (page - 1) * size
        if start >= count and page > 1:
            raise NotFoundError("Invalid page.")
        here = request.build_absolute_uri()
        found = [project_json(project) for project in projects[start : start + size]]
        more = replace_query_param(here, "page", page + 1) if start + size < count else None
        fewer = replace_query_param(here, "page", page - 1) if page > 1 else None
        return Response({"count": count, "next": more, "previous": fewer, "results": found})


class ProjectView(LabelStudioView):
    """One project."""

    takes = {"get": ProjectQuery}

    def get(self, request: Request, project_pk: str) -> Response:
        """With its figures."""
        return Response(project_json(self.project(request, project_pk)))


# --- exports -------------------------------------------------------------------------------------------------------


class ExportsView(SnapshotView):
    """Snapshots of a project."""

    takes = {"get": ExportsQuery, "post": CreateQuery}

    def get(self, request: Request, project_pk: str) -> Response:
        """The newest, newest first, whoever made them and through whichever channel."""
        checked_ordering(self.params)
        project = self.project(request, project_pk)
        gone = {"files_removed_at": None}
        reports = _snapshots().filter(project=project, **gone).exclude(status=statuses.CANCELLED)
        return Response(_shown(*reports.order_by("-created_at", "-pk")[:MOST_LISTED]))

    def post(self, request: Request, project_pk: str) -> Response:
        """Answers at once; a worker makes it. The same request again within two minutes, while nothing has changed, is
        the same snapshot: the SDK sends it up to three times.
        """
        sent = CreateExport.read(body_of(request)).validated_data
        project = self.project(request, project_pk)
        if "interpolate_key_frames" in self.params:
            options = sent.setdefault("serialization_options", {})
            options.setdefault("interpolate_key_frames", self.params["interpolate_key_frames"])
        body = described(sent, self._view(request, project, sent))
        (about,) = _shown(requested(request, project, body, sent.get("title", "")))
        options = dict.fromkeys(("task_filter_options", "annotation_filter_options", "serialization_options"))
        return Response(about | options, status=201)

    @staticmethod
    def _view(request: Request, project: Project, sent: dict[str, Any]) -> dict[str, Any]:
        """The filter of the view that was named. Raises :class:`UserError`: of one that there is not, nothing is
        exported."""
        number = sent.get("task_filter_options", {}).get("view")
        if number is None:
            return {}
        try:
            return conditions_of(task_view(request, str(number), project))
        except NotFoundError:
            message = f"there is no view {number} of project {project.pk}"
            raise UserError(message, field="task_filter_options.view") from None


def requested(request: Request, project: Project, body: dict[str, Any], title: str) -> ExportReport:
    """The report of a request, which may be one of a moment ago."""
    spec = ExportSpec.parse(body, project)
    found, key = same_request(request, "label_studio", project, [title, spec.to_json()])
    return found or actions.request_export(
        project=project,
        spec=spec,
        actor=actor_of(request, CHANNEL),
        name=title or f"{project.name[:150].replace(' ', '-')}-at-{timezone.now():%Y-%m-%d-%H-%M}",
        idempotency_key=key,
    )


class ExportView(SnapshotView):
    """One snapshot."""

    def get(self, request: Request, project_pk: str, export_pk: str) -> Response:
        """How it goes."""
        return Response(_shown(self.snapshot(request, project_pk, export_pk))[0])

    def delete(self, request: Request, project_pk: str, export_pk: str) -> Response:
        """Its files and those of its conversions are removed; one that is not made yet is not made."""
        report = self.snapshot(request, project_pk, export_pk)
        if status_of(report) == FAILED:
            raise UserError(f"export {report.pk} failed: it has no files that could be deleted, and its report stays")
        actor = actor_of(request, CHANNEL)
        parts = (*report.conversions.all(), report)
        active = [one for one in parts if one.status in statuses.ACTIVE]
        kept = [one for one in parts if one.is_delivered and one.files_removed_at is None]
        # whether it may is asked for all of them before any is touched
        for one in active:
            require_audited(actor, START, report.project, event="export.cancel_requested", obj=one)
        for one in kept:
            require_audited(actor, MANAGE, report.project, event="export.deleted", obj=one)
            if not one.is_ours:
                raise UserError(f"export {one.pk} was delivered into a folder that is not ours to empty")
        for one in active:
            actions.cancel(report=one, actor=actor)
        for one in kept:
            actions.remove_files(report=one, actor=actor, why=_WHY_DELETED)
        return Response(status=204)


_WHY_DELETED: Final = "deleted through Label Studio's API"


class ConvertView(SnapshotView):
    """Another format of a snapshot."""

    def post(self, request: Request, project_pk: str, export_pk: str) -> Response:
        """Answers at once; a worker makes it, of what the snapshot holds, once."""
        sent = Convert.read(body_of(request)).validated_data
        report = self.snapshot(request, project_pk, export_pk)
        wanted = export_type(sent["export_type"], "export_type")
        if sent["download_resources"]:
            wanted = with_images(wanted)
        if status_of(report) in (CREATED, IN_PROGRESS):
            raise UserError(f"export {report.pk} is {status_of(report)}: convert it when it is completed")
        if status_of(report) == FAILED:
            raise UserError(f"export {report.pk} failed: it holds nothing that could be converted")
        if wanted.name == JSON:
            raise UserError("the snapshot itself is JSON: download it", field="export_type")
        if any(type_of(one) == wanted.name and status_of(one) != FAILED for one in _kept(report)):
            raise UserError(f"Conversion to {wanted.name} already started")
        spec = conversion_spec(report, {"format": wanted.format, "options": options_of(wanted, report)})
        name = f"{report.name[:150]} as {wanted.name}"
        # two that ask at the same moment ask for the same conversion
        attempt = sum(type_of(one) == wanted.name for one in report.conversions.all())
        made = actions.convert_report(
            report=report,
            spec=spec,
            actor=actor_of(request, CHANNEL),
            name=name,
            idempotency_key=f"label_studio.{report.report_id}.{wanted.name}.{attempt}",
        )
        return Response({"export_type": wanted.name, "converted_format": made.pk})


def _kept(report: ExportReport) -> list[ExportReport]:
    return [one for one in report.conversions.all() if is_shown(one)]


class DownloadView(SnapshotView):
    """A snapshot's file, or that of a conversion."""

    takes = {"get": DownloadQuery}

    def get(self, request: Request, project_pk: str, export_pk: str) -> HttpResponseBase:
        """Whole or from anywhere in it; recorded before the first byte. A conversion that is being made is waited for:
        the SDK asks for its file at once.
        """
        report = self.snapshot(request, project_pk, export_pk)
        wanted = export_type(self.params.get("exportType", JSON), "exportType")
        if wanted.name != JSON:
            report = _converted(report, wanted)
        return handed_out(request, report)


def _converted(report: ExportReport, wanted: ExportType) -> ExportReport:
    """The newest conversion to this type that did not fail; where there is none, that with pictures, which whoever asks
    for them by ``download_resources`` calls the same. Raises :class:`NotFoundError`."""
    kept = _kept(report)
    same = [one for name in (with_images(wanted).name, wanted.name) for one in kept if type_of(one) == name]
    if not same:
        raise NotFoundError(f"{wanted.name} format is not converted yet")
    return next((one for one in reversed(same) if status_of(one) != FAILED), same[-1])


def handed_out(request: Request, report: ExportReport) -> HttpResponseBase:
    """The main file of a report, which is waited for by whoever may have it. Raises :class:`NotFoundError` where it has
    none."""
    actor = actor_of(request, CHANNEL)
    require_in_all_audited(actor, report, event="artifact.downloaded")
    # whoever asks only what an answer would be is told that there is none yet
    if request.method != "HEAD" and not wait_for_end(report, WAIT_SECONDS, scope_of(actor)):
        raise BusyError(f"export {report.pk} is being made, and too many wait already: ask again in a few seconds")
    report.refresh_from_db()
    status = status_of(report)
    if status in (CREATED, IN_PROGRESS):
        raise BusyError(f"export {report.pk} is still being made: ask again")
    if status == FAILED:
        raise NotFoundError(f"export {report.pk} failed: {report.error or report.status}")
    files = [one for one in report.artifacts.select_related("report__project") if not is_errors_file(one.name)]
    return _download(request, files[0])


def _download(request: Request, artifact: Artifact) -> HttpResponseBase:
    answer = downloads.respond(request._request, artifact, actor=actor_of(request, CHANNEL))
    if answer.status_code in (200, 206):
        answer["filename"] = artifact.name
    return answer


class EasyExportView(LabelStudioView):
    """An export without a snapshot: one that is waited for."""

    takes = {"get": EasyQuery}

    def get(self, request: Request, project_pk: str) -> HttpResponseBase:
        """Its file. What is not made in time goes on; the same request again gets it."""
        project = self.project(request, project_pk)
        require_audited(actor_of(request, CHANNEL), DOWNLOAD, project, event="artifact.downloaded")
        names = [name for name in ("export_type", "exportType") if name in self.params]
        if len(names) == 2:
            raise UserError("export_type and exportType are the same: give one of them", field="exportType")
        wanted = export_type(self.params[names[0]] if names else JSON, names[0] if names else "exportType")
        if self.params.get("download_resources"):
            wanted = with_images(wanted)
        numbers = [*self.params.get("ids", ()), *self.params.get("ids[]", ())]
        row_ids = row_ids_of(project, numbers) if numbers else None
        return handed_out(request, requested(request, project, described_easily(self.params, wanted, row_ids), ""))


class FilesView(SnapshotView):
    """Files of snapshots that are there."""

    def get(self, request: Request, project_pk: str) -> Response:
        """Names and addresses of the newest."""
        project = self.project(request, project_pk)
        reports = _snapshots().filter(project=project, files_removed_at=None, status__in=statuses.SUCCESSFUL)
        here = request.build_absolute_uri(f"/dialects/label_studio/api/projects/{project.pk}/exports/")
        files = [
            {"name": file.name, "url": f"{here}{report.pk}/download"}
            for report in reports.prefetch_related("artifacts").order_by("-created_at", "-pk")[:MOST_LISTED]
            for file in report.artifacts.all()[:1]
        ]
        return Response({"export_files": files})


class FormatsView(LabelStudioView):
    """What there is to be had."""

    def get(self, request: Request, project_pk: str) -> Response:
        """Those that the project's labeling config can fill first."""
        return Response(formats_json(self.project(request, project_pk)))


class NothingHereView(LabelStudioView):
    """Every other address."""

    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever the parameters are, there is nothing to read them for."""
        self.check_throttles(request)

    def get(self, request: Request, rest: str = "") -> Response:
        """In JSON, as everything here."""
        raise NotFoundError("there is no such address in this dialect of Label Studio's API")

    post = put = patch = delete = get
