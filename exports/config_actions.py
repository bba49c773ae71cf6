"""What can be done with saved configs, as :mod:`exports.actions` does it with exports."""

from __future__ import annotations

from django.db import IntegrityError

from connections.access.permissions import START, require
from connections.connection_actions import must_work
from connections.models import Project
from exportadmin.audit.record import audited
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import (
    ConflictError,
    GoneError,
    UserError,
)
from exportadmin.lib.ids import derived_id
from exports.actions import usable_name
from exports.delivery.destination import connection_of
from exports.idempotency import scope_of, usable_key
from exports.models import ExportConfig
from exports.spec.scope import SETTLED as SCOPE_SETTLED
from exports.spec.spec import ExportSpec, beside_filter


def save_config(
    *,
    project: Project,
    name: str,
    spec: ExportSpec,
    actor: Actor,
    description: str = "",
    idempotency_key: str | None = None,
) -> ExportConfig:
    """Keep a description under a name. Raises :class:`UserError`.

    With an ``idempotency_key`` (of the one who uses it) the same description sent again gives the same config; another
    one under the same key raises :class:`ConflictError`.
    """
    config = ExportConfig(project=project, created_by_id=actor.user_id)
    if idempotency_key is not None:
        config.public_id = derived_id("config", scope_of(actor), usable_key(idempotency_key))
        require(actor, START, project)
        if (before := ExportConfig.objects.filter(public_id=config.public_id).first()) is not None:
            _fill(config, name, description, spec)
            return _saved_before(before, config)
    _must_be_reached(project, spec, actor)
    try:
        with audited("config.created", actor=actor, project=project) as line:
            require(actor, START, project)
            connection_of(spec.destination, project, hold=True)
            _fill(config, name, description, spec)
            _must_be_alone(config)
            config.save(force_insert=True)
            line.obj, line.after = config, config.body
    except IntegrityError:
        # another request with this key was faster by a moment
        if (before := ExportConfig.objects.filter(public_id=config.public_id).first()) is not None:
            return _saved_before(before, config)
        raise
    return config


def _saved_before(before: ExportConfig, config: ExportConfig) -> ExportConfig:
    """``before``, where it is what ``config`` would be."""
    fields = ("project_id", "name", "description", "body")
    if any(getattr(before, field) != getattr(config, field) for field in fields):
        which = f"config {before.name!r}" if before.project_id == config.project_id else "another config"
        raise ConflictError(f"the same form saved {which} already", field="Idempotency-Key")
    return before


def change_config(
    *, config: ExportConfig, name: str, spec: ExportSpec, actor: Actor, description: str = ""
) -> ExportConfig:
    """Put another description in its place; reports that ran with the old one keep theirs.

    Raises :class:`GoneError` when the config was deleted meanwhile: it must not come back by being saved.
    """
    _must_be_reached(config.project, spec, actor)
    with audited("config.changed", actor=actor, project=config.project, obj=config, before=config.body) as line:
        require(actor, START, config.project)
        connection_of(spec.destination, config.project, hold=True)
        _fill(config, name, description, spec)
        _must_be_alone(config)
        if not ExportConfig.objects.select_for_update().filter(pk=config.pk).first():
            raise GoneError(f"config {config.name!r} was deleted meanwhile")
        config.save(force_update=True)
        line.after = config.body
    return config


def _must_be_reached(project: Project, spec: ExportSpec, actor: Actor) -> None:
    """A config names its destination for good: is it one that works? Asks over the network, so in no transaction."""
    require(actor, START, project)
    if (connection := connection_of(spec.destination, project)) is not None:
        must_work(connection=connection, project=project, actor=actor)


def delete_config(*, config: ExportConfig, actor: Actor) -> None:
    """Forget a saved description; reports stay."""
    with audited("config.deleted", actor=actor, project=config.project, obj=config, before=config.body):
        require(actor, START, config.project)
        config.delete()


def _must_be_alone(config: ExportConfig) -> None:
    """Two configs of one name in a project could not be told from each other. Holds the project: of two that are saved
    at once the second is refused. Raises :class:`UserError`.
    """
    list(Project.objects.select_for_update(no_key=True).filter(pk=config.project_id).values_list("pk"))
    if ExportConfig.objects.filter(project=config.project_id, name=config.name).exclude(pk=config.pk).exists():
        raise UserError(
            f"project {config.project.name!r} has a config {config.name!r} already: give this one another name, or "
            "change that one",
            field="name",
        )


def _fill(config: ExportConfig, name: str, description: str, spec: ExportSpec) -> None:
    config.name = usable_name(name, "")
    config.description = description
    # as it can be sent again: without what was not asked, too
    not_asked = {SCOPE_SETTLED, *(key for key in beside_filter() if not spec.beside.get(key))}
    if spec.platform_export is not None:
        not_asked.add("format")
    config.body = {
        key: value for key, value in spec.to_json().items() if key not in {"resolved", "time_zone", *not_asked}
    }
