"""People in REST, for superusers. Views parse, call an action, render."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from connections.access import invitations, passwords, people
from connections.access.api.serializers import OwnPassword
from connections.access.lookup import find_user, token_of
from connections.access.permissions import MANAGE, can
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, NotFoundError
from exportadmin.lib.rest import Pages, RestView, StrictSerializer, Text

# in the document's own form: a token manages nobody
_SIGNED_IN: Any = [{"cookieAuth": []}]


class PersonRoleSerializer(serializers.Serializer[Any]):
    """A role in a project."""

    project = serializers.CharField(source="project.public_id")
    project_name = serializers.CharField(source="project.name")
    role = serializers.CharField()


class PersonSerializer(serializers.ModelSerializer[User]):
    """An account. `has_password`: it was chosen; without, somebody is invited."""

    has_password = serializers.BooleanField(source="has_usable_password", read_only=True)
    created_at = serializers.DateTimeField(source="date_joined", read_only=True)
    roles = PersonRoleSerializer(source="memberships", many=True, read_only=True)

    class Meta:
        model = User
        fields = [
            "username",
            "first_name",
            "last_name",
            "email",
            "is_active",
            "is_superuser",
            "has_password",
            "created_at",
            "last_login",
            "roles",
        ]
        read_only_fields = fields


class InvitedSerializer(serializers.Serializer[Any]):
    """An invitation: its address is in this answer and nowhere else, and works once."""

    username = serializers.CharField()
    url = serializers.CharField()
    good_for_hours = serializers.IntegerField()


class InviteSerializer(StrictSerializer):
    """Whom to invite."""

    username = Text(max_length=150)
    first_name = Text(required=False, allow_blank=True, max_length=150)
    last_name = Text(required=False, allow_blank=True, max_length=150)
    email = Text(required=False, allow_blank=True, max_length=254)
    password = OwnPassword()


class InviteAgainSerializer(StrictSerializer):
    """What a new invitation asks for."""

    password = OwnPassword()


class _People(Pages):
    orderings = ("username", "date_joined")


class _PeopleView(RestView):
    """For superusers; a token sees people where it has scope admin and no project."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Asked before a name is looked up: nobody else learns which accounts there are."""
        super().initial(request, *args, **kwargs)
        if not can(request.user, MANAGE, None, token_of(request)):
            raise DeniedError("people are managed by superusers")

    def person(self, username: str) -> User:
        """The account of that name."""
        found = find_user(username)
        if found is None:
            raise NotFoundError(f"no user {username[:80]!r}")
        return found

    def shown(self, user: User) -> Response:
        """As it is now."""
        return Response(PersonSerializer(User.objects.prefetch_related("memberships__project").get(pk=user.pk)).data)

    def invited(self, request: Request, user: User, invitation: str, status: int) -> Response:
        """The address, once."""
        url = request.build_absolute_uri(invitations.path_for(invitation))
        body = {"username": user.get_username(), "url": url, "good_for_hours": invitations.hours()}
        return Response(InvitedSerializer(body).data, status=status)


class PeopleView(_PeopleView):
    """People: invite one, list them."""

    pagination_class = _People

    @extend_schema(operation_id="people_list", responses=PersonSerializer(many=True))
    def get(self, request: Request) -> Response:
        """All accounts, with their roles."""
        found = User.objects.prefetch_related("memberships__project")
        return self.paged(request, found, lambda page: PersonSerializer(page, many=True).data)

    @extend_schema(
        operation_id="people_invite", request=InviteSerializer, responses={201: InvitedSerializer}, auth=_SIGNED_IN
    )
    def post(self, request: Request) -> Response:
        """Make an account without a password; behind the link of the answer its person chooses one."""
        data: dict[str, Any] = dict(InviteSerializer.read(request.data).validated_data)
        passwords.give(request, data.pop("password", ""), "rest")
        user, invitation = invitations.invite(actor=actor_of(request, "rest"), **data)
        return self.invited(request, user, invitation, 201)


class PersonView(_PeopleView):
    """One person."""

    @extend_schema(operation_id="people_get", responses=PersonSerializer)
    def get(self, request: Request, username: str) -> Response:
        """An account, by user name."""
        return self.shown(self.person(username))


class DisableView(_PeopleView):
    """The end of an account's work."""

    problems = {"post": (409,)}

    @extend_schema(operation_id="people_disable", request=None, responses=PersonSerializer, auth=_SIGNED_IN)
    def post(self, request: Request, username: str) -> Response:
        """Nobody signs in with it any more; its sessions, tokens and open links end. Twice is no error."""
        actor = actor_of(request, "rest")
        return self.shown(people.set_active(user=self.person(username), is_active=False, actor=actor))


class EnableView(_PeopleView):
    """The other way round."""

    @extend_schema(operation_id="people_enable", request=None, responses=PersonSerializer, auth=_SIGNED_IN)
    def post(self, request: Request, username: str) -> Response:
        """They may sign in again. What has ended stays ended. Twice is no error."""
        actor = actor_of(request, "rest")
        return self.shown(people.set_active(user=self.person(username), is_active=True, actor=actor))


class InvitationView(_PeopleView):
    """Another invitation."""

    problems = {"post": (409,)}

    @extend_schema(
        operation_id="people_invite_again",
        request=InviteAgainSerializer,
        responses={201: InvitedSerializer},
        auth=_SIGNED_IN,
    )
    def post(self, request: Request, username: str) -> Response:
        """A link behind which they choose a password; the one that there may be opens nothing any more."""
        user = self.person(username)
        data = InviteAgainSerializer.read(request.data).validated_data
        passwords.give(request, data.get("password", ""), "rest")
        return self.invited(
            request, user, invitations.invite_again(user=user, actor=actor_of(request, "rest")), status=201
        )
