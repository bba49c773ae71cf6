"""What can be done with imports: one verb, three channels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any, Final, Protocol

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connections.access import quotas
from connections.access.lookup import is_valid_key, not_found
from connections.access.permissions import DOWNLOAD, MANAGE, require, require_audited, require_can_create_projects
from connections.actions import store_project
from connections.models import STORE, Project
from connections.rows.review_statuses import known_status
from connections.store.importers import IMPORTERS
from connections.store.importers.detect import detect
from connections.store.imports import files
from connections.store.imports.runner import AUTO
from connections.store.models import MAX_DATASET, MAX_RUN_NAME, ImportRun
from exportadmin.audit.record import audited, record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError, UserError
from exportadmin.lib.text import check_text
from exportadmin.lib.uploads import content_range
from exportadmin.runs import statuses
from exportadmin.runs.ends import cancelled, end, request_cancel
from exportadmin.runs.execute import run_in_foreground
from exportadmin.runs.lease import claim
from exportadmin.runs.queue import enqueue

MAX_FILE_NAME: Final = 255
# it becomes a folder in names of files
_DATASET: Final = re.compile(r"\w(?:[\w .()@+-]*[\w)@+-])?")


class StagedFile(Protocol):
    """A file that was received and lies in our home."""

    name: str
    path: Path
    size: int

    def move_to(self, target: Path) -> None: ...


@dataclass(frozen=True, slots=True)
class ImportSpec:
    """What was asked: ``project`` is a name or an id, ``format`` a key of the importers or ``auto``.

    ``dataset`` goes in front of the rows' keys; ``replace``: a row takes the place of one with its key whose picture is
    another.
    """

    project: str
    file_name: str
    format: str = AUTO
    status: str = ""
    dataset: str = ""
    replace: bool = False
    model_run: str = ""

    def check(self) -> None:
        """Raises :class:`UserError` for what cannot be done."""
        if self.format != AUTO:
            IMPORTERS.pick(self.format, field="format")
            self.check_model_run(self.format)
        if self.model_run:
            check_text(self.model_run, "model_run")
            if len(self.model_run) > MAX_RUN_NAME:
                raise UserError(f"a model run's name has 1 to {MAX_RUN_NAME} characters", field="model_run")
        if self.status:
            known_status(self.status, field="status")
        if not 0 < len(self.file_name) <= MAX_FILE_NAME or not self.file_name.isprintable():
            raise UserError(f"a file name has 1 to {MAX_FILE_NAME} printable characters", field="file_name")
        check_text(self.file_name, "file_name")
        if self.dataset and (len(self.dataset) > MAX_DATASET or not _DATASET.fullmatch(self.dataset)):
            raise UserError(
                f"a data set's name has 1 to {MAX_DATASET} letters, digits, blanks and _.()@+-, a letter first",
                field="dataset",
            )

    def check_model_run(self, format_key: str) -> None:
        """Does the format take a model run, and is one named? Raises :class:`UserError`."""
        title, needs = IMPORTERS[format_key].title, IMPORTERS[format_key].needs_model_run
        if needs and not self.model_run:
            raise UserError(f"{title}: name the model run that made these predictions", field="model_run")
        if self.model_run and not needs:
            raise UserError(
                f"{title}: its rows name their model runs themselves; leave model_run out", field="model_run"
            )


def request_import(*, spec: ImportSpec, actor: Actor, file: StagedFile) -> ImportRun:
    """Queue the import of a file that is here; a worker runs it. The project is made where the actor may make it."""
    spec.check()
    _check_size(file.size, "file")
    if spec.format == AUTO:
        spec.check_model_run(detect(file.path, name=spec.file_name))
    run = _new(spec, actor, bytes_total=file.size, bytes_received=file.size)
    with files.made_folder(run):
        file.move_to(files.source_of(run))
        if _may_import(spec, actor):  # else it is refused below, and nothing was sent anywhere
            files.share_source(run)  # takes as long as a store likes: in no transaction
        with _requested(spec, actor, run):
            run.save(force_insert=True)
            enqueue(run)
    return run


def begin_upload(*, spec: ImportSpec, actor: Actor, bytes_total: int) -> ImportRun:
    """An import whose file comes in parts (:func:`receive_part`)."""
    spec.check()
    _check_size(bytes_total, "bytes")
    run = _new(spec, actor, bytes_total=bytes_total, status=ImportRun.UPLOADING)
    with _requested(spec, actor, run):
        run.save(force_insert=True)
    return run


def receive_part(*, run: ImportRun, actor: Actor, part: str, stream: IO[bytes]) -> ImportRun:
    """A part of the file: ``part`` is ``bytes FIRST-LAST/TOTAL`` (from 0, both ends included), ``stream`` its bytes.

    Parts come in order; raises :class:`ConflictError` that names the byte to go on with. With the last one the import
    is queued.
    """
    require(actor, MANAGE, run.project)
    first, last, total = content_range(part)
    if total != run.bytes_total or not 0 <= first <= last < total:
        raise UserError(
            f"bytes {first}-{last}/{total} are no part of a file of {run.bytes_total:,} bytes", field="Content-Range"
        )
    if run.status != ImportRun.UPLOADING:
        raise ConflictError(f"import {run.public_id} is {run.status}: its file is complete")
    if first != run.bytes_received:
        raise ConflictError(f"expected the part that begins at byte {run.bytes_received}", field="Content-Range")
    # takes as long as the caller likes: in no transaction
    name = files.write_part(run, first, last - first + 1, stream)
    received = last + 1
    with transaction.atomic():
        values: dict[str, Any] = {"bytes_received": received, "received_at": timezone.now()}
        if name:
            values["parts"] = [*run.parts, name]
        if received == total:
            values["status"] = statuses.QUEUED
        mine = ImportRun.objects.filter(pk=run.pk, status=ImportRun.UPLOADING, bytes_received=first)
        if not mine.update(**values):
            raise ConflictError(f"import {run.public_id} was changed meanwhile: ask for its bytes_received")
        if received == total:
            enqueue(run)
    run.refresh_from_db()
    return run


def import_here(
    *, spec: ImportSpec, path: Path, actor: Actor, on_progress: Callable[[int, int | None], None] | None = None
) -> ImportRun:
    """Run an import in this process and wait for its end; the file is read where it lies.

    ``on_progress`` gets rows done and rows in all.
    """
    spec.check()
    if not path.is_file():
        raise UserError(f"there is no file {path}", field="file")
    if spec.format == AUTO:
        spec.check_model_run(detect(path))
    size = path.stat().st_size
    run = _new(spec, actor, bytes_total=size, bytes_received=size, local_path=str(path.absolute()))
    with _requested(spec, actor, run):
        run.save(force_insert=True)
        lease = claim(ImportRun, run.pk, foreground=True)  # before the commit: no worker can be first
    if lease is None:
        raise ConflictError(f"{run.label} could not be claimed")
    lease.on_progress = on_progress
    run_in_foreground(lease)
    run.refresh_from_db()
    return run


def cancel_import(*, run: ImportRun, actor: Actor) -> ImportRun:
    """Stop it: at once while it waits, within seconds while it runs; rows that were written stay.

    Raises :class:`ConflictError` after its end. Asking twice is no error.
    """
    with audited("import.cancel_requested", actor=actor, project=run.project, obj=run):
        require(actor, MANAGE, run.project)
        current = request_cancel(run)
    return cancelled(current)


def read_refused(*, run: ImportRun, actor: Actor) -> IO[bytes]:
    """The file with every refused row, about to be handed out. Raises :class:`NotFoundError` when there is none."""
    require_audited(actor, DOWNLOAD, run.project, event="import.refused_read", obj=run)
    file = files.open_refused(run) if run.status in statuses.TERMINAL else None
    if file is None:
        raise NotFoundError(f"import {run.public_id} has no refused rows to read")
    with transaction.atomic():
        record("import.refused_read", actor=actor, project=run.project, obj=run)
    return file


def end_abandoned_uploads() -> None:
    """Uploads to which nothing came for a day, and what dead requests left on disk."""
    before = timezone.now() - timedelta(seconds=files.ABANDONED_SECONDS)
    for run in ImportRun.objects.filter(status=ImportRun.UPLOADING, received_at__lt=before):
        if ImportRun.objects.filter(pk=run.pk, bytes_received=run.bytes_received).update(cancel_requested=True):
            end(run, None, statuses.CANCELLED, "nothing of its file came for a day")
    files.sweep_staged(settings.UPLOADS_DIR)


# --- inside ----------------------------------------------------------------------------------------------------------


@contextmanager
def _requested(spec: ImportSpec, actor: Actor, run: ImportRun) -> Iterator[None]:
    """The transaction in which an import comes to be, with its line in the trail and, perhaps, its project."""
    about = ("import", run.public_id, run.file_name)
    details = {"format": spec.format, "bytes": run.bytes_total, "dataset": spec.dataset, "replace": spec.replace}
    if spec.model_run:
        details["model_run"] = spec.model_run
    with (
        quotas.counted() as keys,
        audited("import.requested", actor=actor, obj=about, details=details) as line,
    ):
        line.project = run.project = project = _project(spec.project.strip(), actor)
        # whoever deletes the project takes the same lock: this run is seen there, or there is no project here
        if not Project.objects.select_for_update(no_key=True).filter(pk=project.pk).values_list("pk"):
            raise NotFoundError(f"project {project.name!r} was deleted already", field="project")
        if quotas.hold(project, actor):
            quotas.check_day("IMPORTS", project, actor, what="imports", keys=keys)
        yield


def _may_import(spec: ImportSpec, actor: Actor) -> bool:
    try:
        _found(spec.project.strip(), actor)
    except UserError:
        return False
    return True


def _found(wanted: str, actor: Actor) -> Project | None:
    """By id or name; ``None``: there is none, and the actor may make one. Raises :class:`UserError`."""
    message = f"no project {wanted[:80]!r}"
    found = None
    if is_valid_key(wanted):
        everything = Project.objects.select_related("connection")
        found = everything.filter(public_id=wanted).first() or everything.filter(name=wanted).first()
    if found is not None:
        try:
            require(actor, MANAGE, found)
        except NotFoundError:
            raise not_found("project", wanted, obj=found, project=found) from None
    else:
        try:
            require_can_create_projects(actor)
        except DeniedError:  # the answer is the same for a project that may not be seen
            raise NotFoundError(message, field="project") from None
    if found is not None and found.connection.kind != STORE:
        raise UserError(f"project {found.name!r} is no project of the built-in store", field="project")
    return found


def _project(wanted: str, actor: Actor) -> Project:
    """As :func:`_found`, and made by name where there is none."""
    found = _found(wanted, actor)
    try:
        return found or store_project(wanted, actor)
    except UserError as error:
        error.field = "project" if error.field == "name" else error.field
        raise


def _new(spec: ImportSpec, actor: Actor, **columns: Any) -> ImportRun:
    return ImportRun(
        file_name=spec.file_name,
        format=spec.format,
        default_status=spec.status,
        dataset=spec.dataset,
        replace=spec.replace,
        model_run=spec.model_run,
        created_by_id=actor.user_id,
        created_by_name=actor.name,
        requested_by=actor.user_id,
        created_by_token_id=actor.token_id,
        **columns,
    )


def _check_size(size: int, field: str) -> None:
    if not 0 < size <= settings.IMPORT_MAX_BYTES:
        raise UserError(
            f"the file has {size:,} bytes; 1 to {settings.IMPORT_MAX_BYTES:,} can be imported"
            " (EXPORTADMIN_IMPORT_MAX_BYTES)",
            field=field,
        )
