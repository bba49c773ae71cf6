"""Views (tabs): saved configs of the format that a snapshot has, whose filter a view can say. Nothing else is kept."""

from __future__ import annotations

from itertools import count
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.lookup import get_object
from connections.access.permissions import VIEW
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import NotFoundError, UserError
from exports import actions
from exports.dialects.label_studio.base import LabelStudioView
from exports.dialects.label_studio.bodies import ViewBody, ViewQuery, ViewsQuery, body_of
from exports.dialects.label_studio.filters import items_of, parse_data
from exports.dialects.label_studio.formats import SNAPSHOT
from exports.dialects.label_studio.sign_in import CHANNEL
from exports.models import ExportConfig
from exports.spec.labels import ALL
from exports.spec.spec import ExportSpec, beside_filter


def task_view(request: Request, number: str, project: Project | None = None, verb: str = VIEW) -> ExportConfig:
    """The config that is this view, of that project. Raises :class:`NotFoundError`."""
    configs = ExportConfig.objects.select_related("project__connection")
    config = get_object(request, configs, "view", number, verb=verb, column="pk")
    if view_json(config) is None or (project is not None and config.project_id != project.pk):
        raise NotFoundError(f"no view {number!r}")
    return config


def view_json(config: ExportConfig) -> dict[str, Any] | None:
    """``None``: it is no view."""
    body = config.body
    if body.get("format") != SNAPSHOT or any(body.get(key) for key in beside_filter()):
        return None
    items = items_of(body.get("filter", {}))
    if items is None:
        return None
    data = {"title": config.name, "filters": {"conjunction": "and", "items": items}, "ordering": []}
    return {"id": config.pk, "data": data, "order": 0, "user": config.created_by_id, "project": config.project_id}


class ViewsView(LabelStudioView):
    """Views of a project."""

    takes = {"get": ViewsQuery}

    def get(self, request: Request) -> Response:
        """All of them, in the order in which they were made."""
        project = self.project(request, str(self.params["project"]))
        found = map(view_json, project.configs.order_by("pk"))
        return Response([view for view in found if view is not None])

    def post(self, request: Request) -> Response:
        """A new one: a saved config, in the list of which it stands."""
        sent = ViewBody.read(body_of(request)).validated_data
        if "project" not in sent:
            raise UserError("the number of a project is missing", field="project")
        project = self.project(request, str(sent["project"]))
        title, spec = _read(project, sent.get("data", {}))
        config = actions.save_config(project=project, name=title, spec=spec, actor=actor_of(request, CHANNEL))
        return Response(view_json(config), status=201)


class ViewView(LabelStudioView):
    """One view."""

    takes = {"get": ViewQuery, "patch": ViewQuery, "delete": ViewQuery}

    def get(self, request: Request, view_pk: str) -> Response:
        """As it is kept."""
        return Response(view_json(task_view(request, view_pk)))

    def patch(self, request: Request, view_pk: str) -> Response:
        """Another filter in its place."""
        sent = ViewBody.read(body_of(request)).validated_data
        config = task_view(request, view_pk)
        if sent.get("project", config.project_id) != config.project_id:
            raise UserError("a view stays in its project", field="project")
        if "data" in sent:
            data = {"title": config.name, **sent["data"]}
            if "filters" not in data:  # as there: what is not sent stays
                data["filters"] = {"items": items_of(config.body.get("filter", {}))}
            title, spec = _read(config.project, data)
            config = actions.change_config(
                config=config, name=title, spec=spec, actor=actor_of(request, CHANNEL), description=config.description
            )
        return Response(view_json(config))

    def delete(self, request: Request, view_pk: str) -> Response:
        """Snapshots that were made with it stay."""
        actions.delete_config(config=task_view(request, view_pk), actor=actor_of(request, CHANNEL))
        return Response(status=204)


def _read(project: Project, data: dict[str, Any]) -> tuple[str, ExportSpec]:
    title, conditions = parse_data(data)
    title = title or _free_title(project)
    return title, ExportSpec.parse({"format": SNAPSHOT, "labels": ALL.text, "filter": conditions}, project)


def _free_title(project: Project) -> str:
    """For a view without one: a config has a name that no other of its project has."""
    taken = set(project.configs.filter(name__startswith="View ").values_list("name", flat=True))
    return next(name for number in count(project.configs.count() + 1) if (name := f"View {number}") not in taken)
