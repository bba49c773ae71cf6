"""Who has which role in a project."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from connections.models import Membership, Project
from connections.permissions import MANAGE, require
from connections.roles import ROLES
from exportadmin.audit.record import recorded
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import NotFoundError, UserError


def set_role(*, project: Project, user: AbstractBaseUser, role: str, actor: Actor) -> Membership:
    """Give a person a role, or another one. Raises :class:`UserError` for an unknown role."""
    before = Membership.objects.filter(project=project, user_id=user.pk).first()
    event = "membership.changed" if before else "membership.granted"
    person = ("user", str(user.pk), user.get_username())
    was = {"role": before.role} if before else None
    with recorded(event, actor=actor, project=project, obj=person, before=was, details={"role": role}):
        require(actor, MANAGE, project)
        if role not in ROLES:
            raise UserError(f"unknown role {role!r}; known: {', '.join(ROLES)}", field="role")
        membership, _ = Membership.objects.update_or_create(project=project, user_id=user.pk, defaults={"role": role})
    return membership


def remove_member(*, project: Project, user: AbstractBaseUser, actor: Actor) -> None:
    """Take a person out of a project. Raises :class:`NotFoundError` when the person is not in it."""
    person = ("user", str(user.pk), user.get_username())
    with recorded("membership.revoked", actor=actor, project=project, obj=person):
        require(actor, MANAGE, project)
        deleted, _ = Membership.objects.filter(project=project, user_id=user.pk).delete()
        if not deleted:
            raise NotFoundError(f"{user.get_username()} is not a member of {project.name!r}")
