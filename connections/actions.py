"""What can be done with connections, projects and the built-in store: one verb, three channels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.db import transaction

from connections.access import time_zones
from connections.access.permissions import MANAGE, require
from connections.models import Connection, Project
from connections.rows.review_statuses import known_status
from connections.store.importers import IMPORTERS, detect
from connections.store.models import StoreProject
from connections.store.upsert import WriteSummary, write_rows
from exportadmin.audit.record import audited, record
from exportadmin.lib import times
from exportadmin.lib.actor import Actor, system
from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_text
from exports.sources.store import StoreSource

STORE_NAME = "Built-in store"
MAX_NAME = 200


def store_project(name: str, actor: Actor | None = None) -> Project:
    """The project of that name in the store, made (and recorded) if there is none. Raises :class:`UserError`."""
    actor = actor or system("shell")
    name = _project_name(name)
    with transaction.atomic():
        connection, _ = Connection.objects.get_or_create(name=STORE_NAME, defaults={"kind": StoreSource.key})
        project, made = Project.objects.get_or_create(name=name, defaults={"connection": connection})
        if made:
            record("project.created", actor=actor, project=project, obj=project)
    if project.connection.kind != StoreSource.key:
        raise UserError(f"project {name!r} belongs to connection {project.connection}; rows cannot be imported there")
    return project


def change_project(*, project: Project, time_zone: str, actor: Actor) -> Project:
    """The zone in which times without one are read from now on; reports keep what was resolved when they were asked.

    Nothing new: nothing recorded. Raises :class:`UserError` for a zone that there is not.
    """
    if time_zone.strip() == project.time_zone:
        require(actor, MANAGE, project)
        return project
    before, after = {"time_zone": project.time_zone}, {"time_zone": time_zone.strip()}
    with audited("project.changed", actor=actor, project=project, obj=project, before=before, after=after):
        require(actor, MANAGE, project)
        project.time_zone = time_zones.known(time_zone)
        project.save(update_fields=["time_zone"])
    return project


def _project_name(name: str) -> str:
    """Without blanks around it. Raises :class:`UserError` for what cannot be one."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or any(ord(char) < 32 for char in name):
        raise UserError(
            f"{name[:60]!r} cannot be a project name: 1 to {MAX_NAME} characters, no control characters",
            field="project",
        )
    check_text(name, "project")
    return name


@dataclass(slots=True)
class ImportResult:
    """``rows = created + updated + unchanged + refused_count``; ``finished_at`` is later than every row's time."""

    project: Project
    format: str
    summary: WriteSummary
    finished_at_ms: int

    def to_json(self) -> dict[str, Any]:
        """For ``--json`` and REST."""
        return {
            "project": {"id": self.project.public_id, "name": self.project.name},
            "format": self.format,
            **asdict(self.summary),
            "finished_at": times.iso_utc(self.finished_at_ms),
        }


def import_rows(
    *,
    project_name: str,
    path: Path,
    actor: Actor,
    format: str = "auto",
    status: str | None = None,
    on_progress: Callable[[int, int | None], None] | None = None,
) -> ImportResult:
    """Import a file into a project of the built-in store, which is made if there is none.

    The file's structure is surveyed first: one that is cut off or not what it should be raises :class:`UserError`
    before anything is written, not even the project. ``on_progress`` gets rows done and rows in all. Rows go in by
    batches; an import that dies half way has written whole rows only, and running it again completes it.
    """
    if status is not None:
        known_status(status, field="status")
    if not path.is_file():
        raise UserError(f"there is no file {path}", field="file")
    key = detect(path) if format == "auto" else format
    importer_class = IMPORTERS.pick(key, field="format")
    survey = importer_class(path, default_status=status, project_key="").survey()
    project_name = _project_name(project_name)  # before PostgreSQL is asked for a name that it cannot hold
    existing = Project.objects.filter(name=project_name).first()
    if existing is not None:
        require(actor, MANAGE, existing)
    project = store_project(project_name, actor)
    file = ("file", "", path.name)
    with transaction.atomic():
        record("import.started", actor=actor, project=project, obj=file, details={"format": key})
    importer = importer_class(path, default_status=status, project_key=project.public_id)

    def progress(done: int) -> None:
        if on_progress is not None:
            on_progress(done, survey.rows_total)

    try:
        summary = write_rows(
            project,
            importer.rows(),
            classes=importer.classes,
            keys_are_once=importer.keys_are_once,
            on_progress=progress,
        )
    except BaseException as error:
        with transaction.atomic():
            reason = str(error) or type(error).__name__
            record("import.failed", actor=actor, project=project, obj=file, outcome="failed", reason=reason)
        raise
    _add_refused(summary, importer)
    summary.warnings[:0] = importer.warnings
    if importer.project_extra:
        with transaction.atomic():
            store = StoreProject.objects.select_for_update().get(project=project)
            store.source_extra = {**store.source_extra, **importer.project_extra}
            store.save(update_fields=["source_extra"])
    counts = {name: getattr(summary, name) for name in ("rows", "created", "updated", "unchanged", "refused_count")}
    with transaction.atomic():
        record("import.completed", actor=actor, project=project, obj=file, details=counts)
    finished = times.now_ms()
    while times.now_ms() == finished:  # the promise of finished_at: the next change is later than this
        time.sleep(0.0002)
    return ImportResult(project, key, summary, finished)


def _add_refused(summary: WriteSummary, importer: Any) -> None:
    """Put what the importer refused before the store's own refusals, so that the summary adds up."""
    for entry in importer.refused:
        summary.refused.append(entry)
    summary.refused_count += importer.rows_refused
    summary.rows += importer.rows_refused
    summary.pieces_refused = importer.refused_count - importer.rows_refused
