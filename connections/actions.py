"""What can be done with connections, projects and the built-in store: one verb, three channels."""

from __future__ import annotations

import unicodedata
from copy import copy

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from connections import deletion
from connections.access import time_zones
from connections.access.models import Membership
from connections.access.permissions import MANAGE, is_superuser, require, require_can_create_projects
from connections.access.roles import ADMIN
from connections.models import STORE, Connection, Project
from exportadmin.audit.record import audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, NotFoundError, UserError
from exportadmin.lib.text import check_text

STORE_NAME = "Built-in store"
MAX_NAME = 200
MAX_DESCRIPTION = 2000
# control characters, line and paragraph separators
NO_NAME = ("Cc", "Zl", "Zp")
SETTINGS = ("name", "description", "time_zone")
SHOWN_RUNS = 3


def create_project(*, name: str, actor: Actor, description: str = "", time_zone: str = "UTC") -> Project:
    """A new project of the built-in store, empty. Whoever makes it and is no superuser becomes its admin.

    Raises :class:`ConflictError` for a name that is taken, :class:`UserError` for values that cannot be.
    """
    name = name.strip()
    with audited("project.created", actor=actor, obj=("project", "", name)) as entry:
        require_can_create_projects(actor)
        project = Project(
            connection=_store_connection(),
            name=project_name(name),
            description=_description(description),
            time_zone=time_zones.known(time_zone),
        )
        save_project(project)
        if actor.user_id is not None and not is_superuser(actor):
            member = Membership.objects.create(project=project, user_id=actor.user_id, role=ADMIN).user
            person = ("user", str(member.pk), member.get_username())
            record("membership.granted", actor=actor, project=project, obj=person, details={"role": ADMIN})
        entry.project = entry.obj = project
        entry.after = {field: getattr(project, field) for field in SETTINGS}
    return project


def store_project(name: str, actor: Actor) -> Project:
    """The project of that name in the built-in store, made if there is none. Raises :class:`UserError`."""
    name = project_name(name)
    found = _stored(name)
    if found is not None:
        return found
    try:
        return create_project(name=name, actor=actor)
    except ConflictError:  # made by somebody else this moment
        if (found := _stored(name)) is None:
            raise
        return found


def change_project(
    *,
    project: Project,
    actor: Actor,
    name: str | None = None,
    description: str | None = None,
    time_zone: str | None = None,
) -> Project:
    """Other settings; those that are ``None`` stay. Nothing new: nothing recorded.

    Under a new name old lines of the trail keep the old one. A new zone reads times without one from now on; reports
    keep what was resolved when they were requested. Raises as :func:`create_project`.
    """
    given = {"name": name, "description": description, "time_zone": time_zone}
    wanted = {field: text.strip() for field, text in given.items() if text is not None}
    after = {field: text for field, text in wanted.items() if text != getattr(project, field)}
    if not after:
        require(actor, MANAGE, project)
        return project
    before = {field: getattr(project, field) for field in after}
    checks = {"name": project_name, "description": _description, "time_zone": time_zones.known}
    changed = copy(project)
    with audited("project.changed", actor=actor, project=project, obj=project, before=before, after=after):
        require(actor, MANAGE, project)
        for field, text in after.items():
            setattr(changed, field, checks[field](text))
        save_project(changed, update_fields=list(after))
    for field in after:
        setattr(project, field, getattr(changed, field))
    return project


def delete_project(*, project: Project, confirm: str, actor: Actor) -> deletion.Contents:
    """Delete a project with all that belongs to it: rows, exports and their files, configs, links, roles and tokens.

    It is gone for everybody at once; the rows and files are taken away afterwards (:mod:`connections.deletion`). Its
    lines in the trail stay. ``confirm`` is its name. Raises :class:`UserError` for another one,
    :class:`ConflictError` while runs of it are active, :class:`NotFoundError` when somebody else was faster.
    """
    before = {field: getattr(project, field) for field in SETTINGS}
    with audited("project.deleted", actor=actor, project=project, obj=project, before=before) as entry:
        require(actor, MANAGE, project)
        # whoever begins a run takes the same lock: it is seen here, or it finds no project
        if not Project.objects.select_for_update().filter(pk=project.pk).values_list("pk"):
            raise NotFoundError(f"project {project.name!r} was deleted already")
        if confirm != project.name:
            raise UserError(f"type the project's name, {project.name!r}, to confirm that it goes", field="confirm")
        if runs := deletion.active_runs(project):
            shown = ", ".join(runs[:SHOWN_RUNS]) + (", …" if len(runs) > SHOWN_RUNS else "")
            raise ConflictError(f"project {project.name!r} is in use: cancel or await {shown}")
        gone = deletion.contents_of(project)
        deletion.close(project)
        Project.objects.filter(pk=project.pk).update(deleted_at=Now())
        entry.details |= {f"{name}_count": count for name, count in gone.counts.items()}
        entry.details["left_behind"] = gone.left_behind
    return gone


def save_project(project: Project, update_fields: list[str] | None = None) -> None:
    """A new one, or these fields of one. Raises :class:`ConflictError` for a name that is taken."""
    try:
        with transaction.atomic():
            project.save(force_insert=update_fields is None, update_fields=update_fields)
    except IntegrityError:
        if not Project.objects.filter(connection=project.connection, name=project.name).exclude(pk=project.pk).exists():
            raise
        raise ConflictError(f"there is a project called {project.name!r} already", field="name") from None


def _store_connection() -> Connection:
    connection, _ = Connection.objects.get_or_create(name=STORE_NAME, defaults={"kind": STORE})
    return connection


def _stored(name: str) -> Project | None:
    return Project.objects.filter(connection__kind=STORE, name=name).order_by("pk").first()


def project_name(name: str) -> str:
    """Without blanks around it. Raises :class:`UserError` for what cannot be one."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or any(unicodedata.category(char) in NO_NAME for char in name):
        raise UserError(
            f"{name[:60]!r} cannot be a project name: 1 to {MAX_NAME} characters, no control characters",
            field="name",
        )
    return check_text(name, "name")


def _description(text: str) -> str:
    """Without blanks around it. Raises :class:`UserError` for what cannot be stored."""
    text = text.strip()
    if len(text) > MAX_DESCRIPTION:
        raise UserError(
            f"the description has {len(text):,} characters; at most {MAX_DESCRIPTION:,} are kept", field="description"
        )
    return check_text(text, "description")
