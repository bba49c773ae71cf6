"""Reports and plans in REST. Views parse, call an action, render; the rules are in :mod:`exports.actions`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from django.db.models import F, Window
from django.db.models.functions import RowNumber
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.api.lookup import get_project
from connections.access.lookup import token_of
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, NotFoundError, PermanentError, UserError
from exportadmin.lib.heavy import heavy
from exportadmin.lib.rest import Header, Pages, RestView
from exportadmin.runs import statuses
from exportadmin.runs.progress import progress_json
from exports import actions, delivery_actions
from exports.api.lookup import (
    filtered_reports,
    get_whole_report,
    report_answer,
    reports_answer,
    visible_reports,
)
from exports.api.queries import MAX_WAIT_SECONDS, GroupedReportsQuery, ReportsQuery, StatusesQuery, WaitQuery
from exports.api.serializers import (
    CheckValuesSerializer,
    GroupedSerializer,
    LivingLinkSerializer,
    PlanAnswerSerializer,
    ReportSerializer,
    StatusSerializer,
    VerdictSerializer,
)
from exports.api.spec import ConvertSerializer, CreateReportSerializer, DeleteFilesSerializer, PlanSerializer
from exports.display.compared import compared
from exports.display.hidden_names import check_values_shown
from exports.handing_out import others_known
from exports.idempotency import scope_of
from exports.lists import listing
from exports.lookup import get_config, note_hidden_reports
from exports.models import ExportConfig, ExportReport, Link
from exports.models.link import OPEN
from exports.run.waiting import wait_for_end
from exports.spec.conversion import conversion_spec
from exports.spec.spec import ExportSpec

# of one report, where many are asked about
LINKS_SHOWN: Final = 20
ASK_AGAIN_SECONDS: Final = 5
KEY_HEADER: Final = "Idempotency-Key"

_LOCATION: Final = "where to look how it goes"


class _Newest(Pages):
    orderings = ("-created_at", "name")


def _accepted(request: Request, report_id: str) -> Response:
    """202 with the report as it is now, and its address."""
    answer = Response(report_answer(request, get_whole_report(request, report_id)), status=202)
    answer["Location"] = request.build_absolute_uri(reverse("api:report", args=[report_id]))
    return answer


class ReportsView(RestView):
    """Exports: request one, list them."""

    pagination_class = _Newest
    takes = {"get": ReportsQuery}
    problems = {"post": (404, 409)}

    @extend_schema(operation_id="reports_list", responses=ReportSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Reports that one may see, newest first."""
        return self.paged(request, filtered_reports(request, self.params), partial(reports_answer, request))

    @extend_schema(
        operation_id="reports_create",
        request=CreateReportSerializer,
        responses={202: ReportSerializer},
        parameters=[
            Header(KEY_HEADER, {"type": "string", "pattern": "^[!-~]{1,255}$"}, sent=True),
            Header("Location", str, _LOCATION, on=[202]),
        ],
    )
    def post(self, request: Request) -> Response:
        """Request an export. The same request with the same `Idempotency-Key` gives the same report."""
        body = CreateReportSerializer.read(request.data)
        data = body.validated_data
        project = get_project(request, data["project"], field="project")
        described, saved = body.described(), None
        if "config_id" in data:
            if described:
                raise UserError("give a config_id or a description, not both", field="config_id")
            saved = self._saved(project, data["config_id"])
            described = saved.body
        report = actions.request_export(
            project=project,
            spec=ExportSpec.parse(described, project),
            actor=actor_of(request, "rest"),
            name=data.get("name") or (saved.name if saved else ""),
            description=data.get("description", saved.description if saved else ""),
            idempotency_key=request.headers.get(KEY_HEADER),
            saved_config=saved,
        )
        return _accepted(request, report.report_id)

    def _saved(self, project: Any, config_id: str) -> ExportConfig:
        try:
            found = get_config(self.request, config_id)
        except NotFoundError as error:
            error.field = "config_id"
            raise
        if found.project_id != project.pk:
            raise NotFoundError(f"no config {config_id[:80]!r} in this project", field="config_id")
        return found


class GroupedReportsView(RestView):
    """The latest reports in two groups, as labelling platforms list them."""

    takes = {"get": GroupedReportsQuery}
    problems = {"get": (404,)}
    LATEST = 50

    @extend_schema(operation_id="reports_grouped", responses=GroupedSerializer)
    def get(self, request: Request) -> Response:
        """The latest 50 that have ended, in whatever way, and the latest 50 that have not; `is_cut`: there are more."""
        reports = filtered_reports(request, self.params).order_by("-created_at", "-pk")
        groups = {"completed": listing.ended(reports), "in_progress": listing.in_progress(reports)}
        latest = {group: list(found[: self.LATEST + 1]) for group, found in groups.items()}
        return Response(
            {group: reports_answer(request, found[: self.LATEST]) for group, found in latest.items()}
            | {"is_cut": {group: len(found) > self.LATEST for group, found in latest.items()}}
        )


class ReportStatusesView(RestView):
    """The status of many reports in one call."""

    takes = {"get": StatusesQuery}

    @extend_schema(operation_id="reports_status", responses=StatusSerializer(many=True))
    def get(self, request: Request) -> Response:
        """In the order asked. An id that there is not, or that may not be seen, is `unknown`."""
        wanted: list[str] = self.params["ids"]
        found = {report.report_id: report for report in visible_reports(request).filter(report_id__in=wanted)}
        if unknown := set(wanted) - set(found):
            note_hidden_reports(request, unknown, "rest")
        links = _open_links(found.values())
        return Response([_short(one, found.get(one), links.get(one, [])) for one in wanted])


def _open_links(reports: Iterable[ExportReport]) -> dict[str, list[Link]]:
    """By report id, the newest first; one query."""
    nth = Window(RowNumber(), partition_by=F("artifact__report"), order_by=[F("created_at").desc(), F("pk").desc()])
    living = Link.objects.filter(Link.in_state(OPEN), artifact__report__in=reports)
    newest = living.annotate(nth=nth).filter(nth__lte=LINKS_SHOWN).select_related("artifact__report")
    found: dict[str, list[Link]] = {}
    for link in newest.order_by("-created_at", "-pk"):
        found.setdefault(link.artifact.report.report_id, []).append(link)
    return found


def _short(report_id: str, report: ExportReport | None, links: list[Link]) -> dict[str, Any]:
    return {
        "report_id": report_id,
        "status": "unknown" if report is None else report.status,
        "progress": None if report is None else progress_json(report),
        "error": "" if report is None else report.error,
        "links": LivingLinkSerializer(links, many=True).data,
    }


class PlanView(RestView):
    """What an export would deliver."""

    problems = {"post": (404, 409)}

    @extend_schema(operation_id="reports_plan", request=PlanSerializer, responses=PlanAnswerSerializer)
    @heavy
    def post(self, request: Request) -> Response:
        """Counts by status and class, rows and bytes expected, what would stop it. Nothing is run."""
        body = PlanSerializer.read(request.data)
        project = get_project(request, body.validated_data["project"], field="project")
        spec = ExportSpec.parse(body.described(), project)
        try:
            planned = actions.plan_export(project=project, spec=spec, actor=actor_of(request, "rest"))
        except PermanentError as error:  # what would end the run: told now, in the same words
            raise ConflictError(str(error)) from error
        return Response(planned.answer)


class ReportView(RestView):
    """One report."""

    @extend_schema(operation_id="reports_get", responses=ReportSerializer)
    def get(self, request: Request, report_id: str) -> Response:
        """A report as it is now."""
        return Response(report_answer(request, get_whole_report(request, report_id)))


class WaitView(RestView):
    """Long poll."""

    takes = {"get": WaitQuery}

    @extend_schema(
        operation_id="reports_wait",
        responses=ReportSerializer,
        parameters=[
            Header("Retry-After", str, "seconds, where too many wait already: ask again then", on=[200], required=False)
        ],
    )
    def get(self, request: Request, report_id: str) -> Response:
        """The report when it has ended, or after `seconds`, whichever is first; at once when many wait already."""
        report = get_whole_report(request, report_id)
        waiter = scope_of(actor_of(request, "rest"))
        waited = wait_for_end(report, self.params.get("seconds", MAX_WAIT_SECONDS), waiter)
        report = get_whole_report(request, report_id)
        answer = Response(report_answer(request, report))
        if report.status in statuses.ACTIVE and not waited:
            # answered at once: whoever asks again at once would do so for ever
            answer["Retry-After"] = str(ASK_AGAIN_SECONDS)
        return answer


class CancelView(RestView):
    """Stop a run."""

    problems = {"post": (409,)}

    @extend_schema(operation_id="reports_cancel", request=None, responses={202: ReportSerializer})
    def post(self, request: Request, report_id: str) -> Response:
        """Cancel: at once while it waits, within seconds while it runs. Twice is no error."""
        actions.cancel(report=get_whole_report(request, report_id), actor=actor_of(request, "rest"))
        return Response(report_answer(request, get_whole_report(request, report_id)), status=202)


class ArchiveView(RestView):
    """Leave a report out of other platforms' lists."""

    @extend_schema(operation_id="reports_archive", request=None, responses=ReportSerializer)
    def post(self, request: Request, report_id: str) -> Response:
        """Lists that other platforms' own clients ask for leave it out; nothing else changes. Twice is no error."""
        actions.archive(report=get_whole_report(request, report_id), actor=actor_of(request, "rest"))
        return Response(report_answer(request, get_whole_report(request, report_id)))


class UnarchiveView(RestView):
    """Put a report back into other platforms' lists."""

    @extend_schema(operation_id="reports_unarchive", request=None, responses=ReportSerializer)
    def post(self, request: Request, report_id: str) -> Response:
        """Those lists have it again. Twice is no error."""
        actions.unarchive(report=get_whole_report(request, report_id), actor=actor_of(request, "rest"))
        return Response(report_answer(request, get_whole_report(request, report_id)))


class RetryView(RestView):
    """Run again."""

    problems = {"post": (409,)}

    @extend_schema(
        operation_id="reports_retry",
        request=None,
        responses={202: ReportSerializer},
        parameters=[Header("Location", str, _LOCATION, on=[202])],
    )
    def post(self, request: Request, report_id: str) -> Response:
        """The same frozen description once more, as a new report."""
        again = actions.retry(report=get_whole_report(request, report_id), actor=actor_of(request, "rest"))
        return _accepted(request, again.report_id)


class DeleteFilesView(RestView):
    """Take delivered files away."""

    problems = {"post": (409,)}

    @extend_schema(operation_id="reports_delete_files", request=DeleteFilesSerializer, responses=ReportSerializer)
    def post(self, request: Request, report_id: str) -> Response:
        """Delete the delivered files for good; report, check values and trail stay."""
        report = get_whole_report(request, report_id)
        why = DeleteFilesSerializer.read(request.data).validated_data.get("why") or "deleted by hand"
        actions.remove_files(report=report, actor=actor_of(request, "rest"), why=why)
        return Response(report_answer(request, get_whole_report(request, report_id)))


class ConvertView(RestView):
    """What was delivered, in another format."""

    problems = {"post": (409, 410)}

    @extend_schema(
        operation_id="reports_convert",
        request=ConvertSerializer,
        responses={202: ReportSerializer},
        parameters=[
            Header(KEY_HEADER, {"type": "string", "pattern": "^[!-~]{1,255}$"}, sent=True),
            Header("Location", str, _LOCATION, on=[202]),
        ],
    )
    def post(self, request: Request, report_id: str) -> Response:
        """The rows of a delivered json or ndjson, exactly as they were, as a new report in another format."""
        report = get_whole_report(request, report_id)
        body = ConvertSerializer.read(request.data)
        made = actions.convert_report(
            report=report,
            spec=conversion_spec(report, body.described()),
            actor=actor_of(request, "rest"),
            name=body.validated_data.get("name", ""),
            description=body.validated_data.get("description", ""),
            idempotency_key=request.headers.get(KEY_HEADER),
        )
        return _accepted(request, made.report_id)


class CheckValuesView(RestView):
    """What was counted, beside what the platform said."""

    problems = {"get": (409,)}

    @extend_schema(operation_id="reports_check_values", responses=CheckValuesSerializer)
    def get(self, request: Request, report_id: str) -> Response:
        """The counts to compare before one relies on an export: its file's, and those of its platform."""
        report = get_whole_report(request, report_id)
        found = compared(report)
        if found is None:
            raise ConflictError(f"report {report.report_id} has no check values: it is {report.status}")
        known = others_known(request.user, [report], token_of(request))
        return Response({"check_values": check_values_shown(report, known), "compared": found.to_json()})


class VerifyView(RestView):
    """Take the check values again."""

    problems = {"post": (409, 410)}

    @extend_schema(operation_id="reports_verify", request=None, responses=VerdictSerializer)
    @heavy
    def post(self, request: Request, report_id: str) -> Response:
        """Read the delivered files and compare them with what was written down."""
        report = get_whole_report(request, report_id)
        return Response(delivery_actions.verify_report(report=report, actor=actor_of(request, "rest")).to_json())
