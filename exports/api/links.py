"""Signed links in REST."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access import passwords
from connections.access.lookup import token_of
from connections.access.permissions import LINK, can
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.rest import Pages, RestView
from exports.api.lookup import get_whole_report, visible_links
from exports.api.queries import LinksQuery
from exports.api.serializers import IssuedLinkSerializer, LinkSerializer
from exports.api.spec import IssueLinkSerializer
from exports.links import actions as link_actions
from exports.links.tokens import paths_for, person_named
from exports.lookup import get_artifact, get_link
from exports.models import Artifact


class ArtifactLinksView(RestView):
    """Links to one file."""

    problems = {"post": (409, 410)}

    @extend_schema(operation_id="links_issue", request=IssueLinkSerializer, responses={201: IssuedLinkSerializer})
    def post(self, request: Request, artifact_id: str) -> Response:
        """Issue a link that works without sign-in. Its address is in this answer and nowhere else."""
        artifact = get_artifact(request, artifact_id)
        data: dict[str, Any] = IssueLinkSerializer.read(request.data).validated_data
        passwords.give(request, data.get("password", ""), "rest")
        link, token = link_actions.issue_link(
            artifact=artifact,
            actor=actor_of(request, "rest"),
            seconds=data["seconds"],
            one_time=data["one_time"],
            for_user=self._person(request, artifact, data.get("for_user")),
        )
        found = {key: request.build_absolute_uri(path) for key, path in paths_for(token).items()}
        return Response({**LinkSerializer(link).data, **found}, status=201)

    def _person(self, request: Request, artifact: Artifact, name: str | None) -> AbstractBaseUser | None:
        # who may not issue links is refused by the action, and does not learn here which accounts there are
        if not name or not can(request.user, LINK, artifact.report.project, token_of(request)):
            return None
        return person_named(name)


class LinksView(RestView):
    """Links, without their addresses."""

    pagination_class = Pages
    takes = {"get": LinksQuery}

    @extend_schema(operation_id="links_list", responses=LinkSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Links to files that one may see, newest first."""
        links = visible_links(request)
        if "report" in self.params:
            links = links.filter(artifact__report=get_whole_report(request, self.params["report"]))
        return self.paged(request, links, lambda page: LinkSerializer(page, many=True).data)


class RevokeLinkView(RestView):
    """The end of a link."""

    @extend_schema(operation_id="links_revoke", request=None, responses=LinkSerializer)
    def post(self, request: Request, link_id: str) -> Response:
        """End a link now. Twice is no error."""
        link = link_actions.revoke_link(link=get_link(request, link_id), actor=actor_of(request, "rest"))
        return Response(LinkSerializer(link).data)
