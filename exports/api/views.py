"""Configs, reports and plans in REST. Views parse, call an action, render; the rules are in ``exports.actions``."""

from __future__ import annotations

import threading
import time
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.views import PAGING, seen_project, token_of
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, NotFoundError, UserError
from exportadmin.lib.rest import Pages, ProblemSerializer, StrictQuery, query
from exportadmin.lib.times import parse_ms, to_datetime
from exports import actions, plan, statuses
from exports.api.serializers import (
    ConfigBodySerializer,
    ConfigSerializer,
    CreateReportSerializer,
    GroupedSerializer,
    PlanAnswerSerializer,
    PlanSerializer,
    ReportSerializer,
    StatusSerializer,
    VerdictSerializer,
)
from exports.asked import Asked
from exports.formats import FORMATS
from exports.models import ExportConfig, ExportReport
from exports.permissions import START, VIEW, projects_for, require
from exports.representation import progress_json, report_json

MAX_IDS = 200
MAX_WAIT_SECONDS = 30
LOOK_EVERY_SECONDS = 0.5
# a waiting request holds a thread of the web server; beyond this many, a wait answers at once
_WAITING = threading.BoundedSemaphore(3)

_PAGE = [OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)]
PROBLEMS = {400: ProblemSerializer, 403: ProblemSerializer, 404: ProblemSerializer, 409: ProblemSerializer}


def visible_reports(request: Request) -> QuerySet[ExportReport]:
    """The reports that the one who asks may see."""
    return (
        ExportReport.objects.filter(project__in=projects_for(request.user, VIEW, token_of(request)))
        .select_related("project", "retry_of")
        .prefetch_related("artifacts")
    )


def seen_report(request: Request, report_id: str) -> ExportReport:
    """The report, if it may be seen. Raises :class:`NotFoundError` otherwise."""
    report = visible_reports(request).filter(report_id=report_id).first() if "\x00" not in report_id else None
    if report is None:
        raise NotFoundError(f"no report {report_id[:80]!r}")
    return report


def _valid(serializer: serializers.Serializer[Any]) -> Any:
    serializer.is_valid(raise_exception=True)
    return serializer


class ReportsView(StrictQuery):
    """Exports: request one, list them."""

    query_params = {"get": (*PAGING, "project", "status", "group", "format", "created_after", "created_before", "q")}

    @extend_schema(
        operation_id="reports_list",
        responses=ReportSerializer(many=True),
        parameters=[
            *_PAGE,
            OpenApiParameter("project", str),
            OpenApiParameter("status", str, enum=list(statuses.WORDS)),
            OpenApiParameter("group", str, enum=["completed", "in_progress"]),
            OpenApiParameter("format", str),
            OpenApiParameter("created_after", str),
            OpenApiParameter("created_before", str),
            OpenApiParameter("q", str, description="part of the name"),
        ],
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        pages = Pages()
        page = pages.paginate_queryset(filtered_reports(request), request, view=self)
        return pages.get_paginated_response([report_json(report) for report in page or []])

    @extend_schema(
        operation_id="reports_create",
        request=CreateReportSerializer,
        responses={202: ReportSerializer, **PROBLEMS},
        parameters=[OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)],
    )
    def post(self, request: Request) -> Response:
        """Request an export: 202 and where to look. The same ``Idempotency-Key`` gives the same report."""
        body = _valid(CreateReportSerializer(data=request.data))
        said = body.validated_data
        project = seen_project(request, said["project"])
        saved = None
        described = body.described()
        if "config_id" in said:
            if described:
                raise UserError("give a config_id or a description, not both", field="config_id")
            saved = ExportConfig.objects.filter(project=project, public_id=said["config_id"]).first()
            if saved is None:
                raise NotFoundError("no such config in this project", field="config_id")
            described = saved.body
        report = actions.request_export(
            project=project,
            asked=Asked.parse(described, project),
            actor=actor_of(request, "rest"),
            name=said.get("name") or (saved.name if saved else ""),
            description=said.get("description", ""),
            idempotency_key=request.headers.get("Idempotency-Key"),
            saved_config=saved,
        )
        answer = Response(report_json(seen_report(request, report.report_id)), status=202)
        answer["Location"] = request.build_absolute_uri(reverse("api:report", args=[report.report_id]))
        return answer


class GroupedReportsView(StrictQuery):
    """The latest reports in two groups, as labelling platforms list them."""

    query_params = {"get": ("project",)}
    LATEST = 50

    @extend_schema(
        operation_id="reports_grouped", responses=GroupedSerializer, parameters=[OpenApiParameter("project", str)]
    )
    def get(self, request: Request) -> Response:
        """At most 50 of each."""
        reports = filtered_reports(request)
        active = reports.filter(status__in=statuses.ACTIVE)[: self.LATEST]
        ended = reports.filter(status__in=statuses.TERMINAL)[: self.LATEST]
        return Response(
            {"completed": [report_json(one) for one in ended], "in_progress": [report_json(one) for one in active]}
        )


class ReportStatusesView(StrictQuery):
    """The status of many reports in one call."""

    query_params = {"get": ("ids",)}

    @extend_schema(
        operation_id="reports_status",
        responses=StatusSerializer(many=True),
        parameters=[OpenApiParameter("ids", str, required=True, description=f"comma separated, at most {MAX_IDS}")],
    )
    def get(self, request: Request) -> Response:
        """In the order asked; an id that there is not, or may not be seen, is ``unknown``."""
        wanted = [part.strip() for part in request.query_params.get("ids", "").split(",") if part.strip()]
        if not wanted or len(wanted) > MAX_IDS:
            raise UserError(f"ids: 1 to {MAX_IDS} report ids, separated by commas", field="ids")
        if any("\x00" in one for one in wanted):
            raise UserError("ids: U+0000 is in no report id", field="ids")
        found = {report.report_id: report for report in visible_reports(request).filter(report_id__in=wanted)}
        return Response([_short(one, found.get(one)) for one in wanted])


def _short(report_id: str, report: ExportReport | None) -> dict[str, Any]:
    if report is None:
        return {"report_id": report_id, "status": "unknown", "progress": None, "error": ""}
    return {
        "report_id": report_id,
        "status": report.status,
        "progress": progress_json(report),
        "error": report.error,
    }


class PlanView(StrictQuery):
    """What an export would deliver."""

    @extend_schema(operation_id="reports_plan", request=PlanSerializer, responses=PlanAnswerSerializer)
    def post(self, request: Request) -> Response:
        """Counts, expected size, what would stop it; nothing is run."""
        body = _valid(PlanSerializer(data=request.data))
        project = seen_project(request, body.validated_data["project"])
        require(actor_of(request, "rest"), START, project)
        return Response(plan.plan(project, Asked.parse(body.described(), project)))


class ReportView(StrictQuery):
    """One report."""

    @extend_schema(operation_id="reports_get", responses=ReportSerializer)
    def get(self, request: Request, report_id: str) -> Response:
        """As it is now."""
        return Response(report_json(seen_report(request, report_id)))


class WaitView(StrictQuery):
    """Long poll."""

    query_params = {"get": ("seconds",)}

    @extend_schema(
        operation_id="reports_wait",
        responses=ReportSerializer,
        parameters=[OpenApiParameter("seconds", OpenApiTypes.NUMBER, description=f"0 to {MAX_WAIT_SECONDS}")],
    )
    def get(self, request: Request, report_id: str) -> Response:
        """The report when it has ended, or after ``seconds``, whichever is first."""
        report = seen_report(request, report_id)
        until = time.monotonic() + _seconds(request.query_params.get("seconds", str(MAX_WAIT_SECONDS)))
        if _WAITING.acquire(blocking=False):
            try:
                while report.status in statuses.ACTIVE and (left := until - time.monotonic()) > 0:
                    time.sleep(min(LOOK_EVERY_SECONDS, left))
                    report.refresh_from_db(fields=["status"])
            finally:
                _WAITING.release()
        return Response(report_json(seen_report(request, report_id)))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_SECONDS:
        raise UserError(f"seconds is {text[:20]!r}; expected 0 to {MAX_WAIT_SECONDS}", field="seconds")
    return seconds


class CancelView(StrictQuery):
    """Stop a run."""

    @extend_schema(operation_id="reports_cancel", request=None, responses={202: ReportSerializer, **PROBLEMS})
    def post(self, request: Request, report_id: str) -> Response:
        """At once while it waits, within seconds while it runs."""
        actions.cancel(report=seen_report(request, report_id), actor=actor_of(request, "rest"))
        return Response(report_json(seen_report(request, report_id)), status=202)


class RetryView(StrictQuery):
    """Run again."""

    @extend_schema(operation_id="reports_retry", request=None, responses={202: ReportSerializer, **PROBLEMS})
    def post(self, request: Request, report_id: str) -> Response:
        """The same frozen description, as a new report."""
        again = actions.retry(report=seen_report(request, report_id), actor=actor_of(request, "rest"))
        answer = Response(report_json(seen_report(request, again.report_id)), status=202)
        answer["Location"] = request.build_absolute_uri(reverse("api:report", args=[again.report_id]))
        return answer


class VerifyView(StrictQuery):
    """Take the check values again."""

    @extend_schema(operation_id="reports_verify", request=None, responses={200: VerdictSerializer, **PROBLEMS})
    def post(self, request: Request, report_id: str) -> Response:
        """Reads the delivered files."""
        report = seen_report(request, report_id)
        if not report.is_delivered or report.files_removed_at:
            raise ConflictError(f"report {report.report_id} has no files to verify")
        return Response(actions.verify_report(report=report, actor=actor_of(request, "rest")).to_json())


class ConfigsView(StrictQuery):
    """Saved configs."""

    query_params = {"get": (*PAGING, "project")}

    @extend_schema(
        operation_id="configs_list",
        responses=ConfigSerializer(many=True),
        parameters=[*_PAGE, OpenApiParameter("project", str)],
    )
    def get(self, request: Request) -> Response:
        """Newest first."""
        configs = visible_configs(request)
        if wanted := request.query_params.get("project"):
            configs = configs.filter(project=seen_project(request, wanted))
        pages = Pages()
        page = pages.paginate_queryset(configs, request, view=self)
        return pages.get_paginated_response(ConfigSerializer(page or [], many=True).data)

    @extend_schema(
        operation_id="configs_create", request=ConfigBodySerializer, responses={201: ConfigSerializer, **PROBLEMS}
    )
    def post(self, request: Request) -> Response:
        """Save one."""
        body = _valid(ConfigBodySerializer(data=request.data))
        said = body.validated_data
        config = actions.save_config(
            project=seen_project(request, said["project"]),
            name=said["name"],
            description=said.get("description", ""),
            body=body.described(),
            actor=actor_of(request, "rest"),
        )
        answer = Response(ConfigSerializer(config).data, status=201)
        answer["Location"] = request.build_absolute_uri(reverse("api:config", args=[config.public_id]))
        return answer


class ConfigView(StrictQuery):
    """One saved config."""

    @extend_schema(operation_id="configs_get", responses=ConfigSerializer)
    def get(self, request: Request, config_id: str) -> Response:
        """As it is."""
        return Response(ConfigSerializer(self._seen(request, config_id)).data)

    @extend_schema(
        operation_id="configs_replace", request=ConfigBodySerializer, responses={200: ConfigSerializer, **PROBLEMS}
    )
    def put(self, request: Request, config_id: str) -> Response:
        """Replace the description; the project stays."""
        config = self._seen(request, config_id)
        body = _valid(ConfigBodySerializer(data=request.data))
        said = body.validated_data
        if seen_project(request, said["project"]) != config.project:
            raise UserError("a config stays in its project", field="project")
        changed = actions.change_config(
            config=config,
            name=said["name"],
            description=said.get("description", ""),
            body=body.described(),
            actor=actor_of(request, "rest"),
        )
        return Response(ConfigSerializer(changed).data)

    @extend_schema(operation_id="configs_delete", responses={204: None, **PROBLEMS})
    def delete(self, request: Request, config_id: str) -> Response:
        """Forget it; reports stay."""
        actions.delete_config(config=self._seen(request, config_id), actor=actor_of(request, "rest"))
        return Response(status=204)

    def _seen(self, request: Request, config_id: str) -> ExportConfig:
        found = visible_configs(request).filter(public_id=config_id).first() if "\x00" not in config_id else None
        if found is None:
            raise NotFoundError("no such config")
        return found


def visible_configs(request: Request) -> QuerySet[ExportConfig]:
    """The configs that the one who asks may see."""
    visible = projects_for(request.user, VIEW, token_of(request))
    return ExportConfig.objects.filter(project__in=visible).select_related("project")


def filtered_reports(request: Request) -> QuerySet[ExportReport]:
    """The list's filters, from an allow-list."""
    reports = visible_reports(request)
    asked = query(request)
    if "project" in asked:
        reports = reports.filter(project=seen_project(request, asked["project"]))
    if "status" in asked:
        if asked["status"] not in statuses.WORDS:
            known = ", ".join(statuses.WORDS)
            raise UserError(f"unknown status {asked['status'][:40]!r}; known: {known}", field="status")
        reports = reports.filter(status=asked["status"])
    if "group" in asked:
        groups = {"completed": statuses.TERMINAL, "in_progress": statuses.ACTIVE}
        if asked["group"] not in groups:
            raise UserError("group is completed or in_progress", field="group")
        reports = reports.filter(status__in=groups[asked["group"]])
    if "format" in asked:
        FORMATS.pick(asked["format"], field="format")
        reports = reports.filter(format=asked["format"])
    if "created_after" in asked:
        reports = reports.filter(created_at__gte=to_datetime(parse_ms(asked["created_after"], field="created_after")))
    if "created_before" in asked:
        reports = reports.filter(created_at__lte=to_datetime(parse_ms(asked["created_before"], field="created_before")))
    if "q" in asked:
        reports = reports.filter(name__icontains=asked["q"])
    return reports
