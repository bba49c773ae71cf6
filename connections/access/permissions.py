"""Who may do what in a project: one question, :func:`can`, asked by every channel and again when a queued run starts.

It stands beside the project, since pictures (:mod:`connections.views`) ask it too; :mod:`exports.permissions` hands
it on. A "no" to seeing is shown as 404: a stranger does not learn that the thing exists.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Model, Q, QuerySet

from connections.access.models import ApiToken, Membership
from connections.access.roles import AUDIT, DOWNLOAD, LINK, MANAGE, ROLES, SCOPES, START, VERBS, VIEW
from connections.models import STORE, Connection, ConnectionGrant, Project
from exportadmin.audit.models import REFUSED
from exportadmin.audit.record import record
from exportadmin.lib.actor import SYSTEM, USER, Actor
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError

__all__ = [
    "AUDIT",
    "DOWNLOAD",
    "LINK",
    "MANAGE",
    "START",
    "VERBS",
    "VIEW",
    "Person",
    "ProjectVerbs",
    "can",
    "can_create_projects",
    "can_in_all",
    "connections_for",
    "is_superuser",
    "may_in_all",
    "may_test",
    "projects_for",
    "projects_of",
    "require",
    "require_audited",
    "require_can_create_projects",
    "require_manages_connections",
    "require_may_test",
    "verbs_anywhere",
    "verbs_by_project",
    "verbs_in",
]

Person = AbstractBaseUser | AnonymousUser


def can(user: Person, verb: str, project: Project | None, token: ApiToken | None = None) -> bool:
    """May ``user`` (with ``token``, where the call came with one) do ``verb`` in ``project``?

    ``project=None`` asks for "in every project": superusers only. Raises ``ValueError`` for an unknown verb: a slip of
    the pen is not a "no".
    """
    if verb not in VERBS:
        raise ValueError(f"unknown verb {verb!r}")
    if not user.is_active or user.pk is None or (project is not None and project.deleted_at is not None):
        return False
    if token is not None and not _token_allows(token, verb, project):
        return False
    if getattr(user, "is_superuser", False):
        return True
    if project is None:
        return False
    role = Membership.objects.filter(project=project, user_id=user.pk).values_list("role", flat=True).first()
    return role is not None and verb in ROLES[role][0]


def can_in_all(user: Person, verb: str, projects: Collection[str], token: ApiToken | None = None) -> bool:
    """:func:`can` in each of these projects, by public id; of one that was deleted only superusers may."""
    if not projects or can(user, verb, None, token):
        return True
    return projects_for(user, verb, token).filter(public_id__in=projects).count() == len(set(projects))


def verbs_in(user: Person, project: Project) -> frozenset[str]:
    """All verbs for which :func:`can` says yes, in one query (none for superusers): for pages with many buttons."""
    if not user.is_active or user.pk is None or project.deleted_at is not None:
        return frozenset()
    if getattr(user, "is_superuser", False):
        return VERBS
    role = Membership.objects.filter(project=project, user_id=user.pk).values_list("role", flat=True).first()
    return frozenset() if role is None else ROLES[role][0]


def verbs_anywhere(user: Person) -> frozenset[str]:
    """What the person may do in one project or another, for pages over many; one query, none for superusers."""
    if not user.is_active or user.pk is None:
        return frozenset()
    if getattr(user, "is_superuser", False):
        return VERBS
    roles = Membership.objects.filter(user_id=user.pk).order_by().values_list("role", flat=True).distinct()
    return frozenset(verb for role in roles for verb in ROLES[role][0])


@dataclass(frozen=True, slots=True)
class ProjectVerbs:
    """What one person may do in each project, by the project's key, and ``anywhere``. The projects are there: nothing
    of a deleted one is listed.
    """

    of_all: frozenset[str]
    roles: Mapping[int, str]

    def __getitem__(self, project: int) -> frozenset[str]:
        return ROLES[self.roles[project]][0] if project in self.roles else self.of_all

    @property
    def anywhere(self) -> frozenset[str]:
        """In one project or another."""
        return self.of_all.union(*(ROLES[role][0] for role in set(self.roles.values())))


def verbs_by_project(user: Person) -> ProjectVerbs:
    """For pages that list things of many projects; one query, none for superusers."""
    if not user.is_active or user.pk is None:
        return ProjectVerbs(frozenset(), {})
    if getattr(user, "is_superuser", False):
        return ProjectVerbs(VERBS, {})
    roles = Membership.objects.filter(user_id=user.pk).order_by().values_list("project_id", "role")
    return ProjectVerbs(frozenset(), dict(roles))


def can_create_projects(user: Person, token: ApiToken | None = None) -> bool:
    """May they make projects? Superusers and whoever manages one; not with a token that is bound to a project."""
    if token is not None and not _token_allows(token, MANAGE, None):
        return False
    return MANAGE in verbs_anywhere(user)


def projects_for(user: Person, verb: str, token: ApiToken | None = None) -> QuerySet[Project]:
    """The projects for which :func:`can` says yes, as a query: for lists."""
    if verb not in VERBS:
        raise ValueError(f"unknown verb {verb!r}")
    projects = Project.objects.all()
    if not user.is_active or user.pk is None:
        return projects.none()
    if token is not None:
        if not any(verb in SCOPES[scope][0] for scope in token.scopes if scope in SCOPES):
            return projects.none()
        if token.project_id is not None:
            projects = projects.filter(pk=token.project_id)
    if getattr(user, "is_superuser", False):
        return projects
    roles = [role for role, (verbs, _) in ROLES.items() if verb in verbs]
    return projects.filter(memberships__user_id=user.pk, memberships__role__in=roles)


def projects_of(actor: Actor, verb: str) -> QuerySet[Project]:
    """Those for which :func:`require` raises nothing."""
    if _is_trusted(actor):
        return Project.objects.all()
    user, token = _account(actor)
    if user is None or (actor.token_id is not None and token is None):
        return Project.objects.none()
    return projects_for(user, verb, token)


def connections_for(user: Person, token: ApiToken | None = None) -> QuerySet[Connection]:
    """The connections that somebody may know of: superusers all, others those that projects which they may see are
    mirrored through, or were granted.
    """
    connections = Connection.objects.exclude(kind=STORE)
    if can(user, VIEW, None, token):
        return connections
    seen = projects_for(user, VIEW, token)
    granted = ConnectionGrant.objects.filter(project__in=seen)
    mirrored = seen.order_by().values("connection")
    return connections.filter(Q(pk__in=granted.values("connection")) | Q(pk__in=mirrored))


def may_test(user: Person, connection: Connection, token: ApiToken | None = None) -> bool:
    """Superusers, and the admins of a project that may use it."""
    if can(user, MANAGE, None, token):
        return True
    return connection.grants.filter(project__in=projects_for(user, MANAGE, token)).exists()


def require(actor: Actor, verb: str, project: Project) -> None:
    """Raise unless the actor may: :class:`NotFoundError` to a stranger, :class:`DeniedError` to someone who may see.

    The system and whoever sits at the machine's own shell may do everything.
    """
    if _is_trusted(actor):
        return
    user, token = _account(actor)
    if user is None or (actor.token_id is not None and token is None):
        raise NotFoundError(f"no project {project.public_id!r}")
    if can(user, verb, project, token):
        return
    if can(user, VIEW, project, token):
        raise DeniedError(f"{actor.name} may not {verb} in project {project.name!r}", about={"project": project})
    raise NotFoundError(f"no project {project.public_id!r}")


def may_in_all(actor: Actor, verb: str, projects: Collection[str]) -> bool:
    """:func:`can_in_all`, of an actor."""
    if not projects or _is_trusted(actor):
        return True
    user, token = _account(actor)
    if user is None or (actor.token_id is not None and token is None):
        return False
    return can_in_all(user, verb, projects, token)


def require_audited(actor: Actor, verb: str, project: Project, *, event: str, obj: Model | None = None) -> None:
    """As :func:`require`; a refusal is recorded as ``event`` that was tried. For what is recorded only as it begins."""
    try:
        require(actor, verb, project)
    except UserError as refusal:
        with transaction.atomic():
            record(event, actor=actor, project=project, obj=obj, outcome=REFUSED, reason=refusal.message)
        refusal.is_recorded = True  # type: ignore[attr-defined]
        raise


def require_can_create_projects(actor: Actor) -> None:
    """As :func:`require`, for :func:`can_create_projects`. Raises :class:`DeniedError`."""
    if _is_trusted(actor):
        return
    user, token = _account(actor)
    if user is None or (actor.token_id is not None and token is None) or not can_create_projects(user, token):
        raise DeniedError(
            "projects are made by superusers and by admins of a project; a token needs the scope admin and no project"
        )


def require_manages_connections(actor: Actor, connection: Connection | None = None) -> None:
    """As :func:`require`: making, changing and granting connections is for superusers."""
    if not _is_trusted(actor):
        _require_of_connection(actor, connection, lambda user, token: can(user, MANAGE, None, token))


def require_may_test(actor: Actor, connection: Connection) -> None:
    """As :func:`require`, for :func:`may_test`."""
    if not _is_trusted(actor):
        _require_of_connection(actor, connection, lambda user, token: may_test(user, connection, token))


def _require_of_connection(
    actor: Actor, connection: Connection | None, allows: Callable[[Person, ApiToken | None], bool]
) -> None:
    user, token = _account(actor)
    is_known = user is not None and (actor.token_id is None or token is not None)
    if is_known and user is not None and allows(user, token):
        return
    if connection is None:
        raise DeniedError("connections are made by superusers; a token needs the scope admin and no project")
    if is_known and user is not None and connections_for(user, token).filter(pk=connection.pk).exists():
        raise DeniedError(
            f"{actor.name} may use connection {connection.name!r}, but not do this: it is for superusers "
            "(a test also for admins of a project that may use it); a token needs the scope admin",
            about={"obj": connection},
        )
    raise NotFoundError(f"no connection {connection.public_id!r}")


def is_superuser(actor: Actor) -> bool:
    """Is there a superuser's account behind the actor?"""
    if actor.user_id is None:
        return False
    return get_user_model().objects.filter(pk=actor.user_id, is_superuser=True, is_active=True).exists()


def _is_trusted(actor: Actor) -> bool:
    return actor.kind == SYSTEM or (actor.kind == USER and actor.channel == "shell" and actor.user_id is None)


def _account(actor: Actor) -> tuple[AbstractBaseUser | None, ApiToken | None]:
    user = get_user_model().objects.filter(pk=actor.user_id).first() if actor.user_id is not None else None
    token = ApiToken.objects.filter(pk=actor.token_id).first() if actor.token_id is not None else None
    return user, token


def _token_allows(token: ApiToken, verb: str, project: Project | None) -> bool:
    if token.project_id is not None and (project is None or project.pk != token.project_id):
        return False
    return any(verb in SCOPES[scope][0] for scope in token.scopes if scope in SCOPES)
