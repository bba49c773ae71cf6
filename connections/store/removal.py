"""Rows leave the built-in store: gone with all that belongs to them, and a tombstone in the place of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction

from connections.models import Project
from connections.store.models import (
    FormerRow,
    StoreCoco,
    StoreCsv,
    StoreLabelStudio,
    StorePredictions,
    StoreProject,
    StoreRow,
    StoreTombstone,
)
from exportadmin.lib import times

# rows a transaction: imports and runs of the same database get their turn in between
BATCH: Final = 500


@dataclass(slots=True)
class Removal:
    """Deletes rows of a project, as they were at revision ``seen``: a row that was written since is ``kept``.

    ``reason`` and ``deleted_by`` stand on each tombstone. ``revision`` is the project's after the last deletion.
    """

    project: Project
    seen: int
    reason: str
    deleted_by: str
    deleted: int = 0
    kept: int = 0
    revision: int | None = None

    @transaction.atomic
    def remove(self, row_pks: Sequence[int]) -> None:
        """Delete these, at most :data:`BATCH` of them, in one transaction."""
        if not row_pks:
            return
        # the same lock as imports take: see StoreProject
        store = StoreProject.objects.select_for_update().get(project=self.project)
        rows = StoreRow.objects.filter(pk__in=row_pks, project=self.project, revision__lte=self.seen)
        found = list(rows.values_list("pk", "row_id", "global_key", "added_revision", "number", "external_id"))
        self.kept += len(row_pks) - len(found)
        if not found:
            return
        store.revision += 1
        store.written_ms = times.now_ms()
        store.save(update_fields=["revision", "written_ms"])
        StoreTombstone.objects.bulk_create(
            StoreTombstone(
                project=self.project,
                global_key=key,
                row_id=row_id,
                added_revision=added,
                revision=store.revision,
                deleted_ms=store.written_ms,
                deleted_by=self.deleted_by,
                reason=self.reason,
            )
            for _, row_id, key, added, *_ in found
        )
        FormerRow.objects.bulk_create(
            FormerRow(
                project=self.project,
                number=number,
                global_key=key,
                row_id=row_id,
                external_id=external_id,
                since_revision=added,
                until_revision=store.revision,
            )
            for _, row_id, key, added, number, external_id in found
        )
        pks = [pk for pk, *_ in found]
        for model in (StoreCoco, StoreCsv, StoreLabelStudio, StorePredictions):
            model.objects.filter(row_id__in=pks).delete()
        StoreRow.objects.filter(pk__in=pks).delete()
        self.deleted += len(found)
        self.revision = store.revision
