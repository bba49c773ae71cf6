"""Saved configs in REST."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access.api.lookup import get_project
from connections.access.api.serializers import ProjectQuery
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.rest import Header, Pages, RestView
from exports import config_actions
from exports.api.lookup import visible_configs
from exports.api.serializers import ConfigSerializer
from exports.api.spec import ConfigBodySerializer
from exports.display.representation import config_json
from exports.lookup import get_config
from exports.models import ExportConfig
from exports.spec.spec import ExportSpec


class _Newest(Pages):
    orderings = ("-created_at", "name")


class ConfigsView(RestView):
    """Saved configs: save one, list them."""

    pagination_class = _Newest
    takes = {"get": ProjectQuery}
    problems = {"post": (404,)}

    @extend_schema(operation_id="configs_list", responses=ConfigSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Configs that one may see, newest first."""
        configs = visible_configs(request)
        if "project" in self.params:
            configs = configs.filter(project=get_project(request, self.params["project"], field="project"))
        return self.paged(request, configs, _show)

    @extend_schema(
        operation_id="configs_create",
        request=ConfigBodySerializer,
        responses={201: ConfigSerializer},
        parameters=[Header("Location", str, "the config's own address", on=[201])],
    )
    def post(self, request: Request) -> Response:
        """Keep a description under a name. Nothing is run."""
        body = ConfigBodySerializer.read(request.data)
        data = body.validated_data
        project = get_project(request, data["project"], field="project")
        config = config_actions.save_config(
            project=project,
            name=data["name"],
            description=data.get("description", ""),
            spec=ExportSpec.parse(body.described(), project),
            actor=actor_of(request, "rest"),
        )
        answer = Response(config_json(config), status=201)
        answer["Location"] = request.build_absolute_uri(reverse("api:config", args=[config.public_id]))
        return answer


class ConfigView(RestView):
    """One saved config."""

    @extend_schema(operation_id="configs_get", responses=ConfigSerializer)
    def get(self, request: Request, config_id: str) -> Response:
        """A config as it is."""
        return Response(config_json(get_config(request, config_id)))

    @extend_schema(operation_id="configs_replace", request=ConfigBodySerializer, responses=ConfigSerializer)
    def put(self, request: Request, config_id: str) -> Response:
        """Put another description in its place; the project stays."""
        config = get_config(request, config_id)
        body = ConfigBodySerializer.read(request.data)
        data = body.validated_data
        if get_project(request, data["project"], field="project") != config.project:
            raise UserError("a config stays in its project", field="project")
        changed = config_actions.change_config(
            config=config,
            name=data["name"],
            description=data.get("description", ""),
            spec=ExportSpec.parse(body.described(), config.project),
            actor=actor_of(request, "rest"),
        )
        return Response(config_json(changed))

    @extend_schema(operation_id="configs_delete", responses={204: None})
    def delete(self, request: Request, config_id: str) -> Response:
        """Forget it; reports that ran with it stay."""
        config_actions.delete_config(config=get_config(request, config_id), actor=actor_of(request, "rest"))
        return Response(status=204)


def _show(configs: list[ExportConfig]) -> list[dict[str, Any]]:
    return [config_json(config) for config in configs]
