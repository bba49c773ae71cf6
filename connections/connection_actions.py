"""What can be done with connections: one verb, three channels.

Superusers make them and grant them to projects, whose people use them within their roles and read no secret
(:mod:`connections.use`). Every action asks for permission, changes and records in one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from connections import declared as declared_values
from connections.access.permissions import require_manages_connections, require_may_test
from connections.adapters import FAILED, PASSED, RUNNING, STOPPED, ConnectionKind, Step
from connections.kinds import connection_kind
from connections.models import Connection, ConnectionGrant, ConnectionSecret, Project
from connections.steps import one_of_few, run_steps
from connections.use import used_by
from exportadmin.audit.models import REFUSED
from exportadmin.audit.record import Line, audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, NotFoundError, UserError
from exportadmin.lib.masking import CHANGED, NOT_SET, SET, UNCHANGED, Masked
from exportadmin.lib.text import check_line

MAX_CONNECTION_NAME: Final = 120


def create_connection(
    *, kind: str, name: str, actor: Actor, config: object = None, secrets: object = None
) -> Connection:
    """A new connection, for superusers. ``config`` and ``secrets`` are mappings by the fields that the kind declares.

    Raises :class:`ConflictError` for a name that is taken, :class:`UserError` for what cannot be.
    """
    with audited("connection.created", actor=actor, obj=("connection", "", name.strip()[:MAX_CONNECTION_NAME])) as line:
        require_manages_connections(actor)
        declared = connection_kind(kind)
        connection = Connection(kind=kind, name=_connection_name(name), created_by=actor.name)
        connection.config = declared_values.parse_config(declared, config)
        given = {field: text for field, text in declared_values.parse_secrets(declared, secrets).items() if text}
        declared_values.check_whole(declared, connection.config, list(given))
        _save_connection(connection)
        changes = _put_secrets(connection, given, actor)
        line.obj, line.after = (
            connection,
            {"name": connection.name, "kind": kind, "config": connection.config} | changes,
        )
    return connection


def check_connection(*, kind: str, config: object, secrets: object) -> None:
    """Could one be made of this? Nothing is kept. Raises as :func:`create_connection`."""
    declared = connection_kind(kind)
    read = declared_values.parse_config(declared, config)
    given = [field for field, text in declared_values.parse_secrets(declared, secrets).items() if text]
    declared_values.check_whole(declared, read, given)


def change_connection(
    *, connection: Connection, actor: Actor, name: str | None = None, config: object = None, secrets: object = None
) -> Connection:
    """Another name, other settings, other secrets; what is not given stays. Nothing new: nothing recorded.

    An empty setting goes back to its default, an empty secret is forgotten. What was found out by a test is forgotten
    with the settings that it was of. Raises as :func:`create_connection`, :class:`NotFoundError` where it is deleted.
    """
    with _changed(connection, actor, "connection.changed") as change:
        current = change.connection
        change.line.before = {"name": current.name, "config": current.config}
        if name is not None:
            current.name = _connection_name(name)
        before = current.config
        current.config = declared_values.parse_config(change.kind, config, before)
        _must_stay_in_reach(change.kind, current, before)
        change.line.after = {"name": current.name, "config": current.config}
        change.change_secrets(secrets, actor)
    return connection


def _must_stay_in_reach(kind: type[ConnectionKind], connection: Connection, before: Mapping[str, object]) -> None:
    """What was delivered is found by these fields. Raises :class:`ConflictError` that names what would be lost."""
    moved = [name for name in kind.place_fields if connection.config.get(name) != before.get(name)]
    if not moved:
        return
    if uses := [use for use in used_by(connection) if use.holds_files]:
        raise ConflictError(
            f"{moved[0]} cannot be changed: connection {connection.name!r} leads to what lies there "
            f"({'; '.join(map(str, uses))}). Make another connection, or remove the files first",
            field=f"config.{moved[0]}",
        )


def rotate_secret(*, connection: Connection, secrets: object, actor: Actor) -> Connection:
    """Other secrets in the place of those that are given; the others stay. Raises as :func:`change_connection`."""
    with _changed(connection, actor, "connection.secret_rotated") as change:
        if not secrets:
            known = ", ".join(field.name for field in change.kind.connection_secrets)
            raise UserError(f"no secret was given; known: {known or 'none'}", field="secrets")
        change.change_secrets(secrets, actor)
    return connection


def disable_connection(*, connection: Connection, actor: Actor) -> Connection:
    """Nothing new is begun through it; what was delivered can still be read. Twice is no error."""
    return _set_disabled(connection, actor, "connection.disabled", timezone.now())


def enable_connection(*, connection: Connection, actor: Actor) -> Connection:
    """The opposite of :func:`disable_connection`."""
    return _set_disabled(connection, actor, "connection.enabled", None)


def delete_connection(*, connection: Connection, actor: Actor) -> None:
    """Delete it with its secrets and grants. Its lines in the trail stay, and reports keep its name.

    Raises :class:`ConflictError` that names what uses it, :class:`NotFoundError` when somebody else was faster.
    """
    before = {"name": connection.name, "kind": connection.kind, "config": connection.config}
    with audited("connection.deleted", actor=actor, obj=connection, before=before):
        require_manages_connections(actor, connection)
        _locked(connection)
        if uses := used_by(connection):
            raise ConflictError(f"connection {connection.name!r} is in use: {'; '.join(map(str, uses))}")
        connection.stored_secrets.all().delete()
        connection.grants.all().delete()
        Connection.objects.filter(pk=connection.pk).update(deleted_at=Now(), test_result={})


def grant_connection(*, connection: Connection, project: Project, actor: Actor) -> ConnectionGrant:
    """Let the people of a project use it, within their roles. Twice is no error."""
    with audited("connection.granted", actor=actor, project=project, obj=connection):
        require_manages_connections(actor, connection)
        _locked(connection)
        if not Project.objects.filter(pk=project.pk).exists():
            raise NotFoundError(f"no project {project.public_id!r}")
        grant, _ = ConnectionGrant.objects.get_or_create(
            connection=connection, project=project, defaults={"granted_by": actor.name}
        )
    return grant


def revoke_connection(*, connection: Connection, project: Project, actor: Actor) -> None:
    """Take it from a project: nothing new is begun, and configs that name it do not run.

    Raises :class:`NotFoundError` where it was not granted.
    """
    with audited("connection.revoked", actor=actor, project=project, obj=connection):
        require_manages_connections(actor, connection)
        deleted, _ = ConnectionGrant.objects.filter(connection=connection, project=project).delete()
        if not deleted:
            raise NotFoundError(f"connection {connection.name!r} is not granted to project {project.name!r}")


def test_connection(*, connection: Connection, actor: Actor) -> Iterator[Step]:
    """Begin a test; the iterator carries it out, a step at a time. Each step is kept (``test_result``) as it ends.

    For superusers, and for admins of a project that may use the connection. Whoever stops iterating stops the test.
    The first step raises :class:`BusyError` while many are under way.
    """
    try:
        require_may_test(actor, connection)
        kind = connection_kind(connection.kind)
    except UserError as refusal:
        with transaction.atomic():
            record("connection.tested", actor=actor, obj=connection, outcome=REFUSED, reason=refusal.message)
        refusal.is_recorded = True  # type: ignore[attr-defined]
        raise
    return _tested(connection, kind, actor, None)


def must_work(*, connection: Connection, project: Project, actor: Actor) -> None:
    """Test a connection that something of the project is about to name for good; within no transaction.

    Whoever may do that was asked before. Raises :class:`ConflictError` with the steps that failed.
    """
    steps = list(_tested(connection, connection_kind(connection.kind), actor, project))
    failed = [f"{step.title}: {step.message}. {step.advice}".strip(" .") for step in steps if step.state == FAILED]
    if failed:
        raise ConflictError(
            f"connection {connection.name!r} does not pass its test ({'; '.join(failed)})", field="destination"
        )


def _tested(
    connection: Connection, kind: type[ConnectionKind], actor: Actor, project: Project | None
) -> Iterator[Step]:
    with one_of_few():
        yield from _kept_steps(connection, kind, actor, project)


def _kept_steps(
    connection: Connection, kind: type[ConnectionKind], actor: Actor, project: Project | None
) -> Iterator[Step]:
    started = timezone.now()
    steps: list[Step] = []
    state = RUNNING

    def keep() -> None:
        result = {"state": state, "tested_by": actor.name, "steps": [asdict(step) for step in steps]}
        # unless it was changed or tested anew meanwhile: then this is of something else
        Connection.objects.filter(pk=connection.pk, tested_at=started).update(test_result=result)
        connection.tested_at, connection.test_result = started, result

    Connection.objects.filter(pk=connection.pk).update(tested_at=started)
    keep()
    try:
        for step in run_steps(kind, connection):
            steps.append(step)
            keep()
            yield step
        state = FAILED if any(step.state == FAILED for step in steps) else PASSED
    finally:
        if state == RUNNING:
            state = STOPPED
        keep()
        with transaction.atomic():
            record(
                "connection.tested",
                actor=actor,
                project=project,
                obj=connection,
                outcome="done" if state == PASSED else "failed",
                reason="; ".join(f"{step.title}: {step.message}" for step in steps if step.state == FAILED),
                details={"result": state, "steps": {step.key: step.state for step in steps}},
            )


@dataclass(slots=True)
class _Change:
    """A change under way: of the connection as it is now, which is of this kind."""

    connection: Connection
    kind: type[ConnectionKind]
    line: Line
    has_new_secrets: bool = False

    def change_secrets(self, given: object, actor: Actor) -> None:
        """Put those that were given in the place of what is stored; the line is told what became of each."""
        secrets = declared_values.parse_secrets(self.kind, given)
        stored = {secret.field: secret for secret in self.connection.stored_secrets.select_related("connection")}
        new = {field: text for field, text in secrets.items() if _is_new(stored.get(field), text)}
        was = {f"secrets.{field}": Masked(SET if field in stored else NOT_SET) for field in secrets}
        now = {name: Masked(UNCHANGED if word == SET else word) for name, word in was.items()}
        self.line.before = {**(self.line.before or {}), **was}
        self.line.after = {**(self.line.after or {}), **now, **_put_secrets(self.connection, new, actor)}
        self.has_new_secrets = bool(new)


def _is_new(stored: ConnectionSecret | None, text: str) -> bool:
    if not text:
        return stored is not None
    return stored is None or not stored.holds(text)


class _NothingNewError(Exception):
    """Rolls back what changes nothing."""


@contextmanager
def _changed(connection: Connection, actor: Actor, event: str) -> Iterator[_Change]:
    """Saved and recorded at the end, in one transaction; nothing new: neither. ``connection`` is then as it is now."""
    with suppress(_NothingNewError), audited(event, actor=actor, obj=connection) as line:
        require_manages_connections(actor, connection)
        current = _locked(connection)
        before = (current.name, current.config)
        change = _Change(current, connection_kind(current.kind), line)
        yield change
        names = list(current.stored_secrets.values_list("field", flat=True))
        declared_values.check_whole(change.kind, current.config, names)
        if (current.name, current.config) == before and not change.has_new_secrets:
            raise _NothingNewError
        if current.config != before[1] or change.has_new_secrets:  # what a test found out is of what was before
            current.tested_at, current.test_result = None, {}
        fields = ["name", "config", "tested_at", "test_result"]
        _save_connection(current, update_fields=fields)
        line.obj = current
        for field in fields:
            setattr(connection, field, getattr(current, field))


def _locked(connection: Connection) -> Connection:
    """As it is now, held until the transaction ends. Raises :class:`NotFoundError`."""
    current = Connection.objects.select_for_update(no_key=True).filter(pk=connection.pk).first()
    if current is None:
        raise NotFoundError(f"connection {connection.name!r} was deleted already")
    return current


def _put_secrets(connection: Connection, secrets: Mapping[str, str], actor: Actor) -> dict[str, Masked]:
    """Keep them, or forget the empty ones; what the trail is told of each."""
    told = {}
    for field, text in secrets.items():
        stored = connection.stored_secrets.filter(field=field).first()
        if not text:
            connection.stored_secrets.filter(field=field).delete()
            told[f"secrets.{field}"] = Masked(NOT_SET)
            continue
        secret = stored or ConnectionSecret(connection=connection, field=field)
        secret.put(text)
        secret.set_at, secret.set_by = timezone.now(), actor.name
        secret.save()
        told[f"secrets.{field}"] = Masked(CHANGED if stored else SET)
    return told


def _set_disabled(connection: Connection, actor: Actor, event: str, at: datetime | None) -> Connection:
    with audited(event, actor=actor, obj=connection):
        require_manages_connections(actor, connection)
        current = _locked(connection)
        if (current.disabled_at is None) != (at is None):
            current.disabled_at = at
            current.save(update_fields=["disabled_at"])
        connection.disabled_at = current.disabled_at
    return connection


def _save_connection(connection: Connection, update_fields: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            connection.save(force_insert=update_fields is None, update_fields=update_fields)
    except IntegrityError:
        if not Connection.objects.filter(name=connection.name).exclude(pk=connection.pk).exists():
            raise
        raise ConflictError(f"there is a connection called {connection.name!r} already", field="name") from None


def _connection_name(name: str) -> str:
    """Without blanks around it. Raises :class:`UserError` for what cannot be one."""
    name = check_line(name.strip(), "name")
    if not 0 < len(name) <= MAX_CONNECTION_NAME:
        raise UserError(
            f"a connection has a name of 1 to {MAX_CONNECTION_NAME} characters; this has {len(name)}", field="name"
        )
    return name
