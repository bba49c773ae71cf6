"""Views (tabs): saved configs that say nothing but what a view can: the format that a snapshot has, and a filter."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.lookup import get_object
from connections.access.permissions import VIEW
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import NotFoundError, UserError
from exports import config_actions
from exports.dialects.label_studio.base import LabelStudioView
from exports.dialects.label_studio.bodies import ViewBody, ViewQuery, ViewsQuery, body_of
from exports.dialects.label_studio.filters import in_utc, items_of, parse_data
from exports.dialects.label_studio.formats import SNAPSHOT
from exports.dialects.label_studio.sign_in import CHANNEL
from exports.models import ExportConfig
from exports.spec.labels import ALL
from exports.spec.spec import ExportSpec


def task_view(request: Request, number: str, project: Project | None = None, verb: str = VIEW) -> ExportConfig:
    """The config that is this view, of that project. Raises :class:`NotFoundError`."""
    configs = ExportConfig.objects.select_related("project__connection")
    config = get_object(request, configs, "view", number, verb=verb, column="pk")
    if _shown(config) is None or (project is not None and config.project_id != project.pk):
        raise NotFoundError(f"no view {number!r}")
    return config


def view_json(config: ExportConfig, plain: Mapping[str, Any]) -> dict[str, Any] | None:
    """``None``: it is no view. What a config says beyond its filter and ``plain`` a snapshot made with it would not
    have."""
    if not _is_plain(config.body, plain):
        return None
    items = items_of(conditions_of(config))
    if items is None:
        return None
    data = {"title": config.name, "filters": {"conjunction": "and", "items": items}, "ordering": []}
    return {"id": config.pk, "data": data, "order": 0, "user": config.created_by_id, "project": config.project_id}


def conditions_of(config: ExportConfig) -> dict[str, Any]:
    """The filter of a view, with its times in UTC: without a zone they are of the project's."""
    return in_utc(config.body.get("filter", {}), config.project.time_zone)


def _plain(project: Project) -> dict[str, Any]:
    return _spec({}, project).to_json()


def _is_plain(body: Mapping[str, Any], plain: Mapping[str, Any]) -> bool:
    if body.get("format") != SNAPSHOT:
        return False
    for key, value in body.items():
        if key == "filter" or value == plain.get(key):
            continue
        # an option that came later is what it is by default
        if key != "options" or {**plain[key], **value} != plain[key]:
            return False
    return True


class ViewsView(LabelStudioView):
    """Views of a project."""

    takes = {"get": ViewsQuery}

    def get(self, request: Request) -> Response:
        """All of them, in the order in which they were made."""
        project = self.project(request, str(self.params["project"]))
        plain = _plain(project)
        found = [view_json(config, plain) for config in project.configs.order_by("pk")]
        return Response([view for view in found if view is not None])

    def post(self, request: Request) -> Response:
        """A new one: a saved config, in the list of which it stands."""
        sent = ViewBody.read(body_of(request)).validated_data
        if "project" not in sent:
            raise UserError("the number of a project is missing", field="project")
        project = self.project(request, str(sent["project"]))
        title, conditions = parse_data(sent.get("data", {}))
        title, spec = title or _free_title(project), _spec(conditions, project)
        config = config_actions.save_config(project=project, name=title, spec=spec, actor=actor_of(request, CHANNEL))
        return Response(_shown(config), status=201)


class ViewView(LabelStudioView):
    """One view."""

    takes = {"get": ViewQuery, "patch": ViewQuery, "delete": ViewQuery}

    def get(self, request: Request, view_pk: str) -> Response:
        """As it is kept."""
        return Response(_shown(task_view(request, view_pk)))

    def patch(self, request: Request, view_pk: str) -> Response:
        """Another title or filter in its place; what is not sent stays, as there."""
        sent = ViewBody.read(body_of(request)).validated_data
        config = task_view(request, view_pk)
        if sent.get("project", config.project_id) != config.project_id:
            raise UserError("a view stays in its project", field="project")
        if "data" in sent:
            title, conditions = parse_data({"title": config.name, **sent["data"]})
            body = {**config.body, "filter": conditions} if "filters" in sent["data"] else config.body
            config = config_actions.change_config(
                config=config,
                name=title or _free_title(config.project),
                spec=ExportSpec.parse(body, config.project),
                actor=actor_of(request, CHANNEL),
                description=config.description,
            )
        return Response(_shown(config))

    def delete(self, request: Request, view_pk: str) -> Response:
        """Snapshots that were made with it stay."""
        config_actions.delete_config(config=task_view(request, view_pk), actor=actor_of(request, CHANNEL))
        return Response(status=204)


def _shown(config: ExportConfig) -> dict[str, Any] | None:
    return view_json(config, _plain(config.project))


def _spec(conditions: Mapping[str, Any], project: Project) -> ExportSpec:
    return ExportSpec.parse({"format": SNAPSHOT, "labels": ALL.text, "filter": conditions}, project)


def _free_title(project: Project) -> str:
    """For a view without one: a config has a name that no other of its project has."""
    taken = set(project.configs.filter(name__startswith="View ").values_list("name", flat=True))
    return next(name for number in count(project.configs.count() + 1) if (name := f"View {number}") not in taken)
