"""Who has which role in a project."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from connections.access.keys import end_unfounded
from connections.access.lookup import find_user
from connections.access.models import Membership
from connections.access.permissions import MANAGE, is_superuser, require
from connections.access.roles import ADMIN, ROLES
from connections.models import Project
from exportadmin.audit.record import audited
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, NotFoundError, UserError


def add_member(*, project: Project, username: str, role: str, actor: Actor) -> Membership:
    """Give a person who has none a role. Raises :class:`UserError` for a name of nobody and for a member."""
    require(actor, MANAGE, project)  # before the name is looked up: nobody else learns which accounts there are
    if not username:
        raise UserError("whose role is it? Give a user name", field="username")
    user = find_user(username)
    if user is None or not user.is_active:
        raise UserError(f"there is no user {username[:80]!r}, or the account is disabled", field="username")
    if Membership.objects.filter(project=project, user_id=user.pk).exists():
        raise UserError(f"{user.get_username()} is a member already: change the role in the list", field="username")
    return set_role(project=project, user=user, role=role, actor=actor)


def set_role(*, project: Project, user: AbstractBaseUser, role: str, actor: Actor) -> Membership:
    """Give a person a role, or another one.

    Raises :class:`UserError` for an unknown role, :class:`ConflictError` where it would leave no admin.
    """
    before = Membership.objects.filter(project=project, user_id=user.pk).first()
    event = "membership.changed" if before else "membership.granted"
    person = ("user", str(user.pk), user.get_username())
    was = {"role": before.role} if before else None
    with audited(event, actor=actor, project=project, obj=person, before=was, details={"role": role}):
        require(actor, MANAGE, project)
        if role not in ROLES:
            raise UserError(f"unknown role {role!r}; known: {', '.join(ROLES)}", field="role")
        if role != ADMIN:
            _leave_an_admin(project, user, actor)
        membership, _ = Membership.objects.update_or_create(project=project, user_id=user.pk, defaults={"role": role})
        if before is not None:
            end_unfounded(user, actor=actor, why=f"role {role} in {project.name}")
    return membership


def remove_member(*, project: Project, user: AbstractBaseUser, actor: Actor) -> None:
    """Take a person out of a project.

    Raises :class:`NotFoundError` when the person is not in it, :class:`ConflictError` where it would leave no admin.
    """
    person = ("user", str(user.pk), user.get_username())
    with audited("membership.revoked", actor=actor, project=project, obj=person):
        require(actor, MANAGE, project)
        _leave_an_admin(project, user, actor)
        deleted, _ = Membership.objects.filter(project=project, user_id=user.pk).delete()
        if not deleted:
            raise NotFoundError(f"{user.get_username()} is not a member of {project.name!r}")
        end_unfounded(user, actor=actor, why=f"no role in {project.name} any more")


def _leave_an_admin(project: Project, user: AbstractBaseUser, actor: Actor) -> None:
    """Refuse what would lock everybody out of a project by accident; superusers may, they get in anyway."""
    # of two admins who take the role from each other at the same moment, the second waits here and is refused
    Project.objects.select_for_update().get(pk=project.pk)
    admins = Membership.objects.filter(project=project, role=ADMIN, user__is_active=True)
    if not admins.filter(user_id=user.pk).exists() or admins.exclude(user_id=user.pk).exists():
        return
    if not is_superuser(actor):
        raise ConflictError(
            f"{user.get_username()} is the last admin of {project.name!r}: make someone else its admin first",
            field="role",
            about={"project": project},
        )
