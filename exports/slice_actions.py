"""What can be done with slices, saved selections of data rows; as :mod:`exports.actions` does it with exports."""

from __future__ import annotations

from typing import Any

from connections.access.permissions import START, require
from connections.models import Project
from exportadmin.audit.record import audited
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import GoneError, UserError
from exportadmin.lib.text import check_text
from exports.actions import usable_name
from exports.models import Slice
from exports.spec.slices import parse_slice_filter


def save_slice(*, project: Project, name: str, filter: object, actor: Actor, description: str = "") -> Slice:
    """Keep a selection under a name, once in a project. Raises :class:`UserError`."""
    made = Slice(project=project, created_by_id=actor.user_id)
    with audited("slice.created", actor=actor, project=project) as line:
        require(actor, START, project)
        _fill(made, name, description, filter)
        made.save(force_insert=True)
        line.obj, line.after = made, _described(made)
    return made


def change_slice(*, slice: Slice, name: str, filter: object, actor: Actor, description: str = "") -> Slice:
    """Put another selection in its place; what was exported with the old one keeps that.

    Raises :class:`GoneError` when it was deleted meanwhile.
    """
    before = _described(slice)
    with audited("slice.changed", actor=actor, project=slice.project, obj=slice, before=before) as line:
        require(actor, START, slice.project)
        _fill(slice, name, description, filter)
        if not Slice.objects.select_for_update().filter(pk=slice.pk).first():
            raise GoneError(f"slice {slice.name!r} was deleted meanwhile")
        slice.save(force_update=True)
        line.after = _described(slice)
    return slice


def delete_slice(*, slice: Slice, actor: Actor) -> None:
    """Forget it; exports of it stay."""
    with audited("slice.deleted", actor=actor, project=slice.project, obj=slice, before=_described(slice)):
        require(actor, START, slice.project)
        slice.delete()


def _described(slice: Slice) -> dict[str, Any]:
    return {"name": slice.name, "filter": slice.filter, "time_zone": slice.time_zone}


def _fill(slice: Slice, name: str, description: str, filter_: object) -> None:
    """Holds the project: of two of one name that are saved at once the second is refused."""
    slice.name = usable_name(name, "")
    slice.description = check_text(description, "description")
    slice.filter = parse_slice_filter(filter_, slice.project)
    slice.time_zone = slice.project.time_zone
    list(Project.objects.select_for_update(no_key=True).filter(pk=slice.project_id).values_list("pk"))
    if Slice.objects.filter(project=slice.project_id, name=slice.name).exclude(pk=slice.pk).exists():
        raise UserError(
            f"project {slice.project.name!r} has a slice {slice.name!r} already: give this one another name, or change "
            "that one",
            field="name",
        )
