"""Projects, members and tokens in REST. Views parse, call an action, render."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from connections import actions
from connections.access import passwords
from connections.access.api.lookup import get_project
from connections.access.api.serializers import (
    ChangeProjectSerializer,
    CreateProjectSerializer,
    DeletedProjectSerializer,
    DeleteProjectQuery,
    IssuedTokenSerializer,
    IssueTokenSerializer,
    MemberSerializer,
    ProjectSerializer,
    RoleSerializer,
    TokenSerializer,
)
from connections.access.lookup import is_valid_key, token_of
from connections.access.members import remove_member, set_role
from connections.access.models import ApiToken, Membership
from connections.access.permissions import MANAGE, VIEW, can, projects_for
from connections.access.tokens import issue_token, revoke_token, unseen_token
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, NotFoundError
from exportadmin.lib.rest import Header, Pages, RestView


class _ByName(Pages):
    orderings = ("name", "created_at")


class ProjectsView(RestView):
    """Projects: make one, list those that one may see."""

    pagination_class = _ByName
    problems = {"post": (409,)}

    @extend_schema(operation_id="projects_list", responses=ProjectSerializer(many=True))
    def get(self, request: Request) -> Response:
        """The projects that one may see."""
        projects = projects_for(request.user, VIEW, token_of(request)).select_related("connection")
        return self.paged(request, projects, lambda page: ProjectSerializer(page, many=True).data)

    @extend_schema(
        operation_id="projects_create",
        request=CreateProjectSerializer,
        responses={201: ProjectSerializer},
        parameters=[Header("Location", str, "the project's own address", on=[201])],
    )
    def post(self, request: Request) -> Response:
        """Make an empty project of the built-in store. For superusers, and admins of any project."""
        data: dict[str, Any] = CreateProjectSerializer.read(request.data).validated_data
        project = actions.create_project(actor=actor_of(request, "rest"), **data)
        answer = Response(ProjectSerializer(project).data, status=201)
        answer["Location"] = request.build_absolute_uri(reverse("api:project", args=[project.public_id]))
        return answer


class ProjectView(RestView):
    """One project."""

    problems = {"get": (409,), "patch": (409,), "delete": (409,)}
    takes = {"delete": DeleteProjectQuery}

    @extend_schema(operation_id="projects_get", responses=ProjectSerializer)
    def get(self, request: Request, project_id: str) -> Response:
        """A project, by id or name."""
        return Response(ProjectSerializer(get_project(request, project_id)).data)

    @extend_schema(operation_id="projects_change", request=ChangeProjectSerializer, responses=ProjectSerializer)
    def patch(self, request: Request, project_id: str) -> Response:
        """Another name, description or time zone."""
        project = get_project(request, project_id)
        data: dict[str, Any] = ChangeProjectSerializer.read(request.data).validated_data
        changed = actions.change_project(project=project, actor=actor_of(request, "rest"), **data)
        return Response(ProjectSerializer(changed).data)

    @extend_schema(operation_id="projects_delete", responses={202: DeletedProjectSerializer})
    def delete(self, request: Request, project_id: str) -> Response:
        """Delete it with its rows, exports, files, configs, links, roles and tokens. It is gone at once."""
        project = get_project(request, project_id)
        confirm: str = self.params["confirm"]
        gone = actions.delete_project(project=project, confirm=confirm, actor=actor_of(request, "rest"))
        return Response({"id": project.public_id, "name": project.name, **asdict(gone)}, status=202)


class MembersView(RestView):
    """Who has which role."""

    @extend_schema(operation_id="members_list", responses=MemberSerializer(many=True))
    def get(self, request: Request, project_id: str) -> Response:
        """Who has which role in a project. Superusers need none."""
        project = get_project(request, project_id)
        members = Membership.objects.filter(project=project).select_related("user").order_by("user__username")
        return Response(MemberSerializer(members, many=True).data)


class MemberView(RestView):
    """One person's role."""

    @extend_schema(operation_id="members_set", request=RoleSerializer, responses=MemberSerializer)
    def put(self, request: Request, project_id: str, username: str) -> Response:
        """Give a person a role, or another one."""
        project = get_project(request, project_id)
        role = RoleSerializer.read(request.data).validated_data["role"]
        user = self._user(request, project, username)
        membership = set_role(project=project, user=user, role=role, actor=actor_of(request, "rest"))
        return Response(MemberSerializer(membership).data)

    @extend_schema(operation_id="members_remove", responses={204: None})
    def delete(self, request: Request, project_id: str, username: str) -> Response:
        """Take a person out of a project."""
        project = get_project(request, project_id)
        user = self._user(request, project, username)
        remove_member(project=project, user=user, actor=actor_of(request, "rest"))
        return Response(status=204)

    def _user(self, request: Request, project: Project, username: str) -> AbstractBaseUser:
        # asked before the name is looked up: nobody else learns which accounts there are
        if not can(request.user, MANAGE, project, token_of(request)):
            message = f"managing members of {project.name!r} takes the role admin, and the scope admin"
            raise DeniedError(message, about={"project": project})
        found = get_user_model().objects.filter(username=username).first() if is_valid_key(username) else None
        if found is None:
            raise NotFoundError(f"no user {username[:80]!r}")
        return found


# a token manages no tokens; in the document's own form, which the library passes on as it is
_SIGNED_IN: Any = [{"cookieAuth": []}]


class TokensView(RestView):
    """Tokens: issue one, list them."""

    pagination_class = Pages
    problems = {"post": (404,)}

    @extend_schema(operation_id="tokens_list", responses=TokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        """One's own tokens; superusers see all, a token sees itself."""
        return self.paged(request, _tokens(request), lambda page: TokenSerializer(page, many=True).data)

    @extend_schema(
        operation_id="tokens_issue",
        request=IssueTokenSerializer,
        responses={201: IssuedTokenSerializer},
        auth=_SIGNED_IN,
    )
    def post(self, request: Request) -> Response:
        """Issue one for oneself, signed in as oneself. Its key is in this answer and nowhere else."""
        data: dict[str, Any] = IssueTokenSerializer.read(request.data).validated_data
        wanted = data.get("project")
        passwords.give(request, data.get("password", ""), "rest")
        token, key = issue_token(
            user=cast(AbstractBaseUser, request.user),
            name=data["name"],
            scopes=data["scopes"],
            actor=actor_of(request, "rest"),
            project=get_project(request, wanted, field="project") if wanted else None,
            expires_in_days=data.get("expires_in_days"),
        )
        return Response({**TokenSerializer(token).data, "key": key}, status=201)


class RevokeTokenView(RestView):
    """The end of a token."""

    @extend_schema(operation_id="tokens_revoke", request=None, responses=TokenSerializer, auth=_SIGNED_IN)
    def post(self, request: Request, token_id: str) -> Response:
        """End a token now, signed in as oneself. Twice is no error."""
        token = _tokens(request).filter(public_id=token_id).first() if is_valid_key(token_id) else None
        if token is None:
            raise unseen_token(token_id)
        return Response(TokenSerializer(revoke_token(token=token, actor=actor_of(request, "rest"))).data)


def _tokens(request: Request) -> QuerySet[ApiToken]:
    tokens = ApiToken.objects.select_related("user", "project")
    own = token_of(request)
    if own is not None:  # its user's others may be bound to projects that it must not know
        return tokens.filter(pk=own.pk)
    return tokens if can(request.user, VIEW, None) else tokens.filter(user_id=cast(int, request.user.pk))
