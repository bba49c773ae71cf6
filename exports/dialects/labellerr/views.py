"""What Labellerr's SDK calls. Views parse, call an action, and answer as the SDK reads.

Success is 200 with ``response``; the SDK takes nothing else for one. A refusal has its sentence under ``error``, which
the SDK shows to its user.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, Final

import orjson
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.api.lookup import get_project
from connections.access.lookup import manages_connections, token_of
from connections.access.permissions import VIEW, projects_for
from connections.connection_actions import grant_connection
from connections.models import Connection, Project
from connections.store.overview import overview
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, NotFoundError, UserError
from exportadmin.lib.rest import Problem
from exports import actions
from exports.api.lookup import get_whole_report, visible_reports
from exports.dialects.base import DialectView
from exports.dialects.labellerr.bodies import Call, CreateExport, DownloadCall, ProjectCall, ReportIds, described
from exports.dialects.labellerr.shapes import export_json, export_status, project_json, unknown_json
from exports.dialects.labellerr.sign_in import CHANNEL, LabellerrAuthentication
from exports.links import actions as link_actions
from exports.links.tokens import paths_for
from exports.lists.listing import ended, in_progress, within
from exports.lookup import note_hidden_reports
from exports.models import ExportReport
from exports.spec.spec import ExportSpec

# a request sent again within this time is the SDK's own retry
SAME_REQUEST: Final = timedelta(minutes=2)
LINK_SECONDS: Final = 3600
MOST_LISTED: Final = 1000
_MESSAGE: Final = "200: Success"


class LabellerrView(DialectView):
    """Signed in by Labellerr's headers alone: a browser's session opens nothing here."""

    channel = CHANNEL
    authentication_classes = [LabellerrAuthentication]
    takes = {"get": Call}

    @staticmethod
    def error_response(problem: Problem, request: Any) -> Response:
        """``error`` for people, ``code`` and ``field`` for scripts."""
        error = {"message": problem.detail, "code": problem.code} | ({"field": problem.field} if problem.field else {})
        body = {"message": f"{problem.status}: {problem.detail}", "response": None, "error": error}
        return Response(
            body | {"tracking_id": getattr(request, "request_id", "")},
            status=problem.status,
            headers=dict(problem.headers),
        )

    def answer(self, request: Request, response: Any, **more: Any) -> Response:
        """The envelope of every success."""
        tracking_id = getattr(request._request, "request_id", "")
        return Response({"message": _MESSAGE, "response": response, **more, "error": None, "tracking_id": tracking_id})


class ProjectView(LabellerrView):
    """One project."""

    def get(self, request: Request, project_id: str) -> Response:
        """What kind of data it holds."""
        return self.answer(request, project_json(get_project(request, project_id)))


class ProjectsView(LabellerrView):
    """All projects that the token may see."""

    def get(self, request: Request) -> Response:
        """A list."""
        found = projects_for(request.user, VIEW, token_of(request)).order_by("name", "pk")
        return self.answer(request, list(map(project_json, found)))


class CreateExportView(LabellerrView):
    """Request an export."""

    takes = {"post": ProjectCall}

    def post(self, request: Request) -> Response:
        """Answers at once with a ``report_id``; the same request within two minutes has the same one."""
        sent = CreateExport.read(request.data).validated_data
        project = get_project(request, self.params["project_id"], field="project_id")
        body = described(sent)
        self._grant(request, project, body["destination"])
        spec = ExportSpec.parse(body, project)
        _must_match_something(project, spec)
        report = actions.request_export(
            project=project,
            spec=spec,
            actor=actor_of(request, CHANNEL),
            name=sent["export_name"],
            description=sent["export_description"],
            idempotency_key=self._key(request, project, sent),
        )
        return self.answer(request, {"report_id": report.report_id})

    def _grant(self, request: Request, project: Project, destination: dict[str, str]) -> None:
        """A superuser who names a connection for a project grants it: the SDK has no call for that."""
        wanted = destination.get("connection")
        if wanted is None or not manages_connections(request):
            return
        connection = Connection.objects.filter(public_id=wanted, kind=destination["kind"]).first()
        if connection is not None and not connection.grants.filter(project=project).exists():
            grant_connection(connection=connection, project=project, actor=actor_of(request, CHANNEL))

    def _key(self, request: Request, project: Project, sent: dict[str, Any]) -> str:
        """That of the request before, where it was the same and not long ago."""
        asked = [project.public_id, token_of(request).pk, sent]  # type: ignore[union-attr]
        digest = hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
        now = timezone.now()
        before = ExportReport.objects.filter(
            project=project,
            requested_by=request.user.pk,
            created_at__gt=now - SAME_REQUEST,
            idempotency_key__startswith=f"labellerr.{digest}.",
        ).first()
        if before is not None and before.idempotency_key is not None:
            return before.idempotency_key
        # two that come at the same moment have the same key
        return f"labellerr.{digest}.{int(now.timestamp() // SAME_REQUEST.total_seconds())}"


def _must_match_something(project: Project, spec: ExportSpec) -> None:
    """As there: a filter by status that matches nothing is an error. Raises :class:`UserError`."""
    by_status = overview(project.public_id).by_status
    if not any(by_status.get(status) for status in spec.beside["statuses"]):
        raise UserError("No files found with the given status", field="statuses")


class ListExportsView(LabellerrView):
    """All exports of a project."""

    takes = {"get": ProjectCall}

    def get(self, request: Request) -> Response:
        """In two groups, newest first; ``is_cut`` where there are more than are listed."""
        project = get_project(request, self.params["project_id"], field="project_id")
        reports = ExportReport.objects.filter(project=project).order_by("-created_at", "-pk")
        groups = {"completed": ended(reports), "inProgress": in_progress(reports)}
        found = {group: list(few[: MOST_LISTED + 1]) for group, few in groups.items()}
        listed: dict[str, Any] = {group: list(map(export_json, few[:MOST_LISTED])) for group, few in found.items()}
        return self.answer(request, listed | {"is_cut": any(len(few) > MOST_LISTED for few in found.values())})


class StatusView(LabellerrView):
    """How several exports go."""

    takes = {"post": ProjectCall}

    def post(self, request: Request) -> Response:
        """Under ``response`` and under ``status``: which of them the SDK reads depends on its release."""
        wanted = ReportIds.read(request.data).validated_data["report_ids"]
        project = get_project(request, self.params["project_id"], field="project_id")
        reports = within(visible_reports(request), Project.objects.filter(pk=project.pk))
        found = {report.report_id: report for report in reports.filter(report_id__in=wanted)}
        if unknown := set(wanted) - set(found):
            seen = visible_reports(request).filter(report_id__in=unknown).values_list("report_id", flat=True)
            note_hidden_reports(request, unknown - set(seen), CHANNEL)
        items = [export_json(found[one]) if one in found else unknown_json(one) for one in wanted]
        return self.answer(request, items, status=items)


class DownloadUrlView(LabellerrView):
    """Where the bytes of an export are."""

    takes = {"get": DownloadCall}

    def get(self, request: Request) -> Response:
        """A signed link of an hour that answers with the file itself; ``url`` is ``null`` where files lie elsewhere."""
        project = get_project(request, self.params["project_id"], field="project_id")
        report = get_whole_report(request, self.params["report_id"])
        if report.project_id != project.pk:
            raise NotFoundError(f"no report {report.report_id!r} in this project", field="report_id")
        if report.destination_id is not None:
            # the SDK asks for an address as soon as any export is done, and goes on for ever where it is refused
            return self.answer(request, {"url": None, "s3_path": report.location})
        if not report.is_delivered:
            reason = report.error or report.status
            raise ConflictError(f"export {report.report_id} is {export_status(report)}: {reason}")
        files = list(report.artifacts.all())
        link, token = link_actions.issue_link(artifact=files[0], actor=actor_of(request, CHANNEL), seconds=LINK_SECONDS)
        url = request.build_absolute_uri(paths_for(token)["file_url"])
        return self.answer(
            request,
            {
                "url": url,
                "download_url": url,
                "expires_in": LINK_SECONDS,
                "expires_at": int(link.expires_at.timestamp() * 1000),
                "file_name": files[0].name,
                "bytes": files[0].bytes,
                "sha256": files[0].sha256,
                "other_files": [file.name for file in files[1:]],
            },
        )


class NothingHereView(LabellerrView):
    """Every other address below BASE_URL."""

    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Whatever the parameters are, there is nothing to read them for."""
        self.check_throttles(request)

    def get(self, request: Request, rest: str = "") -> Response:
        """In JSON, as everything here."""
        raise NotFoundError("there is no such address in this dialect of Labellerr's API")

    post = put = patch = delete = get
