"""What can be done with mirrored projects and syncs: one verb, three channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, Any, Final

from django.db import transaction

from connections.access.permissions import (
    DOWNLOAD,
    MANAGE,
    START,
    require,
    require_audited,
    require_manages_connections,
)
from connections.actions import project_name, save_project
from connections.models import Connection, Project
from connections.platforms import PLATFORMS
from connections.platforms.base import Platform, RemoteProject
from connections.platforms.options import parse_options
from connections.store.imports import files
from connections.sync.lookup import active_sync, mirror_of
from connections.sync.models import AUTO, FULL, Mirror, SyncRun
from exportadmin.audit.record import audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import (
    ConflictError,
    NotFoundError,
    NothingToDoError,
    PermanentError,
    TransientError,
    UnavailableError,
    UserError,
)
from exportadmin.lib.text import check_text
from exportadmin.runs import statuses
from exportadmin.runs.ends import cancelled, request_cancel
from exportadmin.runs.execute import run_in_foreground
from exportadmin.runs.lease import claim
from exportadmin.runs.queue import enqueue

MODES: Final = (AUTO, FULL)
MAX_EXTERNAL_ID: Final = 200
MAX_FULL_EVERY_HOURS: Final = 24 * 366


@dataclass(frozen=True, slots=True)
class Offered:
    """A project there, and the one that mirrors it, where there is one."""

    remote: RemoteProject
    project: Project | None


@dataclass(frozen=True, slots=True)
class Listed:
    """Projects there, and what the platform's list leaves out, in sentences."""

    offered: list[Offered]
    left_out: list[str]


def list_remote_projects(*, connection: Connection, actor: Actor) -> Listed:
    """The projects that the connection's credentials may see, for superusers; asked there each time.

    Raises :class:`UserError` where it is no connection to a platform, or the platform refuses,
    :class:`ConflictError` where it is disabled, :class:`UnavailableError`.
    """
    require_manages_connections(actor, connection)
    with asking(connection) as platform:
        found, left_out = list(platform.projects()), platform.left_out
    mirrors = {project.external_id: project for project in Project.objects.filter(connection=connection)}
    return Listed([Offered(remote, mirrors.get(remote.external_id)) for remote in found], left_out)


def mirror_project(*, connection: Connection, external_id: str, actor: Actor, name: str = "") -> Project:
    """A project that mirrors one of the platform's, still empty, for superusers. ``name``: its name there, if empty.

    Nobody else gets a role in it. Raises as :func:`list_remote_projects`, :class:`ConflictError` where it is mirrored
    already or the name is taken.
    """
    external_id = external_id.strip()
    about = ("project", "", (name.strip() or external_id)[:200])
    remote = None
    if _may_mirror(actor, connection):  # else it is refused below, and nothing was sent anywhere
        remote = _remote_project(connection, external_id)
    with audited("project.mirrored", actor=actor, obj=about, details={"connection": connection.name}) as line:
        require_manages_connections(actor, connection)
        _hold(connection)
        if isinstance(remote, UserError) or remote is None:
            raise remote or NotFoundError(f"no project {external_id!r}", field="external_id")
        project = Project(connection=connection, external_id=external_id, name=project_name(name or remote.name))
        if there := Project.objects.filter(connection=connection, external_id=external_id).first():
            raise ConflictError(
                f"project {external_id!r} of connection {connection.name!r} is mirrored already, as {there.name!r}",
                field="external_id",
            )
        save_project(project)
        Mirror.objects.create(project=project, **described(remote))
        line.project = line.obj = project
        line.after = {"name": project.name, "external_id": external_id}
    return project


def change_mirror(
    *,
    project: Project,
    actor: Actor,
    full_every_hours: int | None = None,
    sync_first: bool | None = None,
    options: Mapping[str, Any] | None = None,
) -> Mirror:
    """Other settings; those that are ``None`` stay, and so do options that are not given; an empty one is taken out.

    After other options the next sync reads everything. Nothing new: nothing recorded. Raises :class:`UserError`.
    """
    given = {"full_every_hours": full_every_hours, "sync_first": sync_first, "options": options}
    given = {field: value for field, value in given.items() if value is not None}
    now = mirror_of(project)
    before = {field: getattr(now, field, None) for field in given}
    with (
        suppress(NothingToDoError),
        audited(
            "project.mirror_changed", actor=actor, project=project, obj=project, before=before, after=given
        ) as line,
    ):
        require(actor, MANAGE, project)
        # who merges options reads those that are there until this is committed
        mirror = Mirror.objects.select_for_update().get(pk=_mirror(project).pk)
        if options is not None:
            given["options"] = _merged(mirror, project, options)
        after = {field: value for field, value in given.items() if value != getattr(mirror, field)}
        if not after:
            raise NothingToDoError("the mirror is so already")
        line.before, line.after = {field: getattr(mirror, field) for field in after}, after
        hours: Any = after.get("full_every_hours", 0)
        if not 0 <= hours <= MAX_FULL_EVERY_HOURS:
            raise UserError(
                f"full_every_hours is {hours}; expected 0 (each sync is a full one) to {MAX_FULL_EVERY_HOURS:,}",
                field="full_every_hours",
            )
        Mirror.objects.filter(pk=mirror.pk).update(**after, **({"full_due": True} if "options" in after else {}))
    return _mirror(project)


def _merged(mirror: Mirror, project: Project, options: Mapping[str, Any]) -> dict[str, Any]:
    kind = PLATFORMS.get(project.connection.kind)
    offered = kind.mirror_options if kind is not None else ()
    title = kind.title if kind is not None else "its platform"
    given = {name: None if value in ("", []) else value for name, value in options.items()}
    read = parse_options(given, offered, title=title, name="options", field="options")
    if kind is not None and read:
        right = [one.name for one in kind(project.connection).mirror_options_of(project.external_id)]
        for name in read:
            if name not in right:
                raise UserError(
                    f"options.{name} is not for {project.external_id!r}; known for it: {', '.join(right) or 'none'}",
                    field="options",
                )
    return {name: value for name, value in mirror.options.items() if name not in given} | read


def request_sync(*, project: Project, actor: Actor, mode: str = AUTO) -> SyncRun:
    """Queue a sync of a mirrored project; a worker runs it. ``mode`` is one of :data:`MODES`.

    Whoever may start exports may ask. Raises :class:`UserError` for a project that mirrors nothing,
    :class:`ConflictError` while another sync of it is active.
    """
    run = _new(project, actor, mode)
    with _requested(run, actor):
        run.save(force_insert=True)
        enqueue(run)
    return run


def sync_now(
    *,
    project: Project,
    actor: Actor,
    mode: str = AUTO,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> SyncRun:
    """As :func:`request_sync`, in this process, until its end. ``on_progress`` gets rows done and rows in all."""
    run = _new(project, actor, mode)
    with _requested(run, actor):
        run.save(force_insert=True)
        lease = claim(SyncRun, run.pk, foreground=True)  # before the commit: no worker can be first
    if lease is None:
        raise ConflictError(f"{run.label} could not be claimed")
    lease.on_progress = on_progress
    run_in_foreground(lease)
    run.refresh_from_db()
    return run


def cancel_sync(*, run: SyncRun, actor: Actor) -> SyncRun:
    """Stop it: at once while it waits, within seconds while it runs; rows that were written stay.

    Raises :class:`ConflictError` after its end. Asking twice is no error.
    """
    with audited("sync.cancel_requested", actor=actor, project=run.project, obj=run):
        require(actor, START, run.project)
        current = request_cancel(run)
    return cancelled(current)


def read_refused(*, run: SyncRun, actor: Actor) -> IO[bytes]:
    """The file with every refused row, about to be handed out. Raises :class:`NotFoundError` when there is none."""
    require_audited(actor, DOWNLOAD, run.project, event="sync.refused_read", obj=run)
    file = files.open_refused(run) if run.status in statuses.TERMINAL else None
    if file is None:
        raise NotFoundError(f"sync {run.public_id} has no refused rows to read")
    with transaction.atomic():
        record("sync.refused_read", actor=actor, project=run.project, obj=run)
    return file


def platform_of(connection: Connection) -> Platform:
    """What the connection reaches. Raises :class:`UserError` where that is no platform, :class:`ConflictError` where it
    is disabled.
    """
    kind = PLATFORMS.get(connection.kind)
    if kind is None:
        raise UserError(
            f"connection {connection.name!r} is none to a labelling platform; known: {', '.join(sorted(PLATFORMS))}",
            field="connection",
        )
    if connection.disabled_at is not None:
        raise ConflictError(f"connection {connection.name!r} is disabled", field="connection")
    return kind(connection)


def described(remote: RemoteProject) -> dict[str, Any]:
    """What a mirror keeps of what the platform says of the project."""
    return {"data_type": remote.data_type[:40], "details": dict(remote.details)}


@contextmanager
def asking(connection: Connection) -> Iterator[Platform]:
    """The platform, whose failures become refusals: :class:`UserError`, :class:`UnavailableError`."""
    try:
        yield platform_of(connection)
    except TransientError as error:
        raise UnavailableError(f"connection {connection.name!r}: {error}", field="connection") from None
    except PermanentError as error:
        raise UserError(f"connection {connection.name!r}: {error}", field="connection") from None


# --- inside ----------------------------------------------------------------------------------------------------------


def _may_mirror(actor: Actor, connection: Connection) -> bool:
    try:
        require_manages_connections(actor, connection)
    except UserError:
        return False
    return True


def _remote_project(connection: Connection, external_id: str) -> RemoteProject | UserError:
    """What is there, or why there is nothing: that is said within the action."""
    try:
        if not 0 < len(check_text(external_id, "external_id")) <= MAX_EXTERNAL_ID:
            raise UserError(f"an external_id has 1 to {MAX_EXTERNAL_ID} characters", field="external_id")
        with asking(connection) as platform:
            return platform.project(external_id)
    except UserError as error:
        return error


def _hold(connection: Connection) -> None:
    """Until the transaction ends it is not deleted, and no other project of it is made."""
    now = Connection.objects.select_for_update(no_key=True).filter(pk=connection.pk).first()
    if now is None:
        raise NotFoundError(f"connection {connection.name!r} was deleted already", field="connection")


def _mirror(project: Project) -> Mirror:
    mirror = mirror_of(project)
    if mirror is None:
        raise UserError(f"project {project.name!r} mirrors no project of a platform", field="project")
    return mirror


def _new(project: Project, actor: Actor, mode: str) -> SyncRun:
    return SyncRun(
        project=project,
        wanted=mode,
        created_by_id=actor.user_id,
        created_by_name=actor.name,
        requested_by=actor.user_id,
        created_by_token_id=actor.token_id,
    )


@contextmanager
def _requested(run: SyncRun, actor: Actor) -> Iterator[None]:
    """The transaction in which a sync comes to be, with its line in the trail."""
    project = run.project
    with audited("sync.requested", actor=actor, project=project, obj=run, details={"mode": run.wanted}):
        require(actor, START, project)
        if run.wanted not in MODES:
            raise UserError(f"unknown mode {run.wanted!r}; known: {', '.join(MODES)}", field="mode")
        _mirror(project)
        platform_of(project.connection)
        # whoever deletes the project takes the same lock, and so does whoever asks for another sync
        if not Project.objects.select_for_update(no_key=True).filter(pk=project.pk).values_list("pk"):
            raise NotFoundError(f"project {project.name!r} was deleted already", field="project")
        if (active := active_sync(project)) is not None:
            raise ConflictError(
                f"{active.label} of project {project.name!r} is {active.status} already: await it, or cancel it"
            )
        with transaction.atomic():
            yield
