"""Projects, members and tokens in REST. Views parse, call an action, render."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections.api.serializers import (
    IssuedTokenSerializer,
    IssueTokenSerializer,
    MemberSerializer,
    ProjectSerializer,
    RoleSerializer,
    TokenSerializer,
)
from connections.members import remove_member, set_role
from connections.models import ApiToken, Membership, Project
from connections.permissions import VIEW, can, projects_for
from connections.tokens import issue_token, revoke_token
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import NotFoundError
from exportadmin.lib.rest import Pages, StrictQuery

PAGING = ("cursor", "page_size")


def token_of(request: Request) -> ApiToken | None:
    """The token that the request came with."""
    return request.auth if isinstance(request.auth, ApiToken) else None


def seen_project(request: Request, project: str) -> Project:
    """The project by id or name, if the one who asks may see it. Raises :class:`NotFoundError` otherwise."""
    visible = projects_for(request.user, VIEW, token_of(request)).select_related("connection")
    found = visible.filter(public_id=project).first() if "\x00" not in project else None
    if found is None and "\x00" not in project:
        found = visible.filter(name=project).first()
    if found is None:
        raise NotFoundError(f"no project {project[:80]!r}")
    return found


class _ByName(Pages):
    ordering = ("name",)


class ProjectsView(StrictQuery):
    """The projects that one may see."""

    query_params = {"get": PAGING}

    @extend_schema(
        operation_id="projects_list",
        responses=ProjectSerializer(many=True),
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
    )
    def get(self, request: Request) -> Response:
        """List, by name."""
        pages = _ByName()
        projects = projects_for(request.user, VIEW, token_of(request)).select_related("connection")
        page = pages.paginate_queryset(projects, request, view=self)
        return pages.get_paginated_response(ProjectSerializer(page or [], many=True).data)


class ProjectView(StrictQuery):
    """One project."""

    @extend_schema(operation_id="projects_get", responses=ProjectSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """By id or name."""
        return Response(ProjectSerializer(seen_project(request, project_id)).data)


class MembersView(StrictQuery):
    """Who has which role."""

    @extend_schema(operation_id="members_list", responses=MemberSerializer(many=True))
    def get(self, request: Request, project_id: str) -> Response:
        """List."""
        project = seen_project(request, project_id)
        members = Membership.objects.filter(project=project).select_related("user")
        return Response(MemberSerializer(members, many=True).data)


class MemberView(StrictQuery):
    """One person's role."""

    @extend_schema(operation_id="members_set", request=RoleSerializer, responses=MemberSerializer)
    def put(self, request: Request, project_id: str, username: str) -> Response:
        """Give or change a role."""
        project = seen_project(request, project_id)
        body = RoleSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        membership = set_role(
            project=project, user=_user(username), role=body.validated_data["role"], actor=actor_of(request, "rest")
        )
        return Response(MemberSerializer(membership).data)

    @extend_schema(operation_id="members_remove", responses={204: None})
    def delete(self, request: Request, project_id: str, username: str) -> Response:
        """Take out."""
        project = seen_project(request, project_id)
        remove_member(project=project, user=_user(username), actor=actor_of(request, "rest"))
        return Response(status=204)


class TokensView(StrictQuery):
    """One's own tokens; superusers see all."""

    query_params = {"get": PAGING}

    @extend_schema(
        operation_id="tokens_list",
        responses=TokenSerializer(many=True),
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
    )
    def get(self, request: Request) -> Response:
        """List, newest first."""
        pages = Pages()
        page: list[ApiToken] | None = pages.paginate_queryset(_tokens(request), request, view=self)
        return pages.get_paginated_response(TokenSerializer(page or [], many=True).data)

    @extend_schema(operation_id="tokens_issue", request=IssueTokenSerializer, responses={201: IssuedTokenSerializer})
    def post(self, request: Request) -> Response:
        """Issue one for oneself; the key is in this answer only."""
        body = IssueTokenSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        said: dict[str, Any] = body.validated_data
        project = seen_project(request, said["project"]) if said.get("project") else None
        token, key = issue_token(
            user=cast(AbstractBaseUser, request.user),
            name=said["name"],
            scopes=said["scopes"],
            actor=actor_of(request, "rest"),
            project=project,
            expires_in_days=said.get("expires_in_days"),
        )
        return Response({**TokenSerializer(token).data, "key": key}, status=201)


class RevokeTokenView(StrictQuery):
    """The end of a token."""

    @extend_schema(operation_id="tokens_revoke", request=None, responses=TokenSerializer)
    def post(self, request: Request, token_id: str) -> Response:
        """Revoke; twice is no error."""
        token = _tokens(request).filter(public_id=token_id).first()
        if token is None:
            raise NotFoundError("no such token")
        return Response(TokenSerializer(revoke_token(token=token, actor=actor_of(request, "rest"))).data)


def _tokens(request: Request) -> Any:
    tokens = ApiToken.objects.select_related("user", "project")
    if can(request.user, VIEW, None) and token_of(request) is None:
        return tokens
    return tokens.filter(user_id=request.user.pk or 0)


def _user(username: str) -> AbstractBaseUser:
    found = get_user_model().objects.filter(username=username).first() if "\x00" not in username else None
    if found is None:
        raise NotFoundError(f"no user {username[:80]!r}")
    return found
