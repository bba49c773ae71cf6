"""Tables of the built-in store.

A row is kept as the JSON text that an export will print, validated once on the way in, with its COCO and CSV fragments
beside it in tables of their own (in the wide row they cost 1.5 times as much), and the task where it came from Label
Studio. Times are whole milliseconds (UTC), as filters and platforms have them.

A project's *revision* is a counter that each transaction which writes or deletes rows raises by one, under the lock on
the project's row here. So its order is the order of the commits, whatever the clocks say: who has seen revision N has
seen every row of a revision up to N, and none beyond.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from connections.access.models import ApiToken
from connections.models import Project
from exportadmin.lib.ids import new_id
from exportadmin.runs import statuses
from exportadmin.runs.models import Run

PLACE_BITS = 40
MAX_PLACE = (1 << PLACE_BITS) - 1
# a row whose number is at most this has its number as its place, so that rows lie in the order of their numbers; the
# others are placed behind these, as they come
MAX_NUMBER_AS_PLACE = (1 << (PLACE_BITS - 2)) - 1
# the largest number that a source's id may be: COCO prints it as it is
MAX_ID = 2**63 - 1
# ids of sources that are not taken over: so there are always numbers to hand out behind every id below them
HANDED_OUT = range(1 << 52, (1 << 52) + (1 << PLACE_BITS))
MAX_ROW_ID = 64
MAX_RUN_ID = 64
MAX_DATASET = 100
MAX_RUN_NAME = 200
# names and ids of datasets, names of batches
MAX_GROUP_NAME = 500


def row_pk(project_pk: int, place: int) -> int:
    """The primary key of a row: project and place in one integer. Raises ``ValueError`` beyond the project's share."""
    if not 0 <= place <= MAX_PLACE:
        raise ValueError(f"the place {place} of a row is beyond {MAX_PLACE}")
    return (project_pk << PLACE_BITS) | place


def can_be_kept(source_id: object) -> bool:
    """Is this an id of a source's that COCO exports can print as it is, if nobody else has it?"""
    return type(source_id) is int and 0 <= source_id <= MAX_ID and source_id not in HANDED_OUT


class StoreClass(models.Model):
    """A class or question of a project's ontology. ``number`` is for ever: exports print it as COCO category id."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="classes")
    number = models.PositiveBigIntegerField()
    name = models.CharField(max_length=500)
    is_question = models.BooleanField(default=False)
    supercategory = models.CharField(max_length=500, blank=True)
    extra = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name_plural = "store classes"
        ordering = ["is_question", "number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "is_question", "number"], name="class_number_once"),
            models.UniqueConstraint(fields=["project", "is_question", "name"], name="class_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class StoreProject(models.Model):
    """What the store keeps of a project beside its rows: what an import brought that belongs to no row.

    ``next_annotation`` hands out COCO annotation ids, ``next_number`` row numbers (COCO image ids); both are behind
    every id below :data:`HANDED_OUT` that was kept or reserved. ``next_place`` places rows that have no number to lie
    by. ``has_embeddings`` once a row has brought any, ``has_source_ids`` once a row has brought an id of its own.
    ``media_types`` are those of its rows that were ever written: where there is one, no row is asked for it.
    ``revision`` is that of the last transaction that wrote or deleted rows, ``written_ms`` when that was (0: never).
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="store")
    next_number = models.BigIntegerField(default=1)
    next_annotation = models.BigIntegerField(default=1)
    next_place = models.BigIntegerField(default=MAX_NUMBER_AS_PLACE + 1)
    has_embeddings = models.BooleanField(default=False)
    has_source_ids = models.BooleanField(default=False)
    media_types = models.JSONField(default=list, blank=True)
    revision = models.BigIntegerField(default=0)
    written_ms = models.BigIntegerField(default=0)
    source_extra = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return str(self.project)


class StoreRow(models.Model):
    """One data row with its annotations.

    ``body`` is the row's canonical JSON with marked parts (:mod:`connections.rows.body`); ``class_counts`` counts its
    annotations (:class:`connections.rows.batch.RowBatch`); ``digest`` tells a changed row from the same one again.
    ``annotation_start`` and ``annotation_room`` are the block of COCO annotation ids that belongs to this row;
    ``annotation_ids`` those that its annotations say themselves, separated by blanks.
    ``label_flags`` and ``label_creators`` are what :mod:`connections.rows.labels` makes of its labels.

    ``dataset_id``, ``dataset_name``, ``batch_id`` and ``batch_name`` are what the row prints. They stand here, not in
    tables of their own, since what a filter keeps has to be what the row says, also where a platform renamed a
    dataset after the row was read; what there is of them is counted along the rows (:mod:`connections.store.overview`).

    ``row_id``, ``created_ms``, ``updated_ms``, ``activity_ms`` and the labels' times are those of whoever the row came
    from, where it said them. Ours: ``revision`` of the last change, ``added_revision`` of the first writing, and
    ``written_ms``, the time of the last change.
    """

    # project and place in one integer (:func:`row_pk`): a project's rows lie side by side in the table, in canonical
    # order, so that an export is one walk along the table with no index between
    id = models.BigIntegerField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveBigIntegerField()
    row_id = models.CharField(max_length=MAX_ROW_ID)
    global_key = models.CharField(max_length=500)
    external_id = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=40)
    media_type = models.CharField(max_length=20, blank=True)
    batch_id = models.CharField(max_length=64, blank=True)
    batch_name = models.CharField(max_length=MAX_GROUP_NAME, blank=True)
    dataset_id = models.CharField(max_length=MAX_GROUP_NAME, blank=True)
    dataset_name = models.CharField(max_length=MAX_GROUP_NAME, blank=True)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    activity_ms = models.BigIntegerField()
    written_ms = models.BigIntegerField()
    revision = models.BigIntegerField()
    added_revision = models.BigIntegerField()
    label_times = models.TextField(blank=True)
    label_first_ms = models.BigIntegerField(null=True)
    label_last_ms = models.BigIntegerField(null=True)
    label_flags = models.PositiveSmallIntegerField(default=0)
    label_creators = models.TextField(blank=True)
    annotation_count = models.PositiveIntegerField()
    annotation_start = models.BigIntegerField()
    annotation_room = models.PositiveIntegerField()
    annotation_ids = models.TextField(blank=True)
    digest = models.CharField(max_length=32)
    class_counts = models.TextField(blank=True)
    body = models.TextField()
    embeddings = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "global_key"], name="row_key_once"),
            # of the project only: the same rows may have been imported into another one as well
            models.UniqueConstraint(fields=["project", "row_id"], name="row_id_once"),
            # a smaller number is the row's place, which is once
            models.UniqueConstraint(
                fields=["project", "number"],
                condition=models.Q(number__gt=MAX_NUMBER_AS_PLACE),
                name="row_large_number_once",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "revision"], name="row_revision"),
            models.Index(fields=["project", "status"], name="row_status"),
            # a dataset or batch of a large project is found without a look at the others' rows
            models.Index(fields=["project", "dataset_id", "id"], name="row_dataset"),
            models.Index(fields=["project", "dataset_name", "id"], name="row_dataset_name"),
            models.Index(fields=["project", "batch_id", "id"], name="row_batch"),
            models.Index(
                fields=["project", "external_id"], name="row_external_id", condition=models.Q(external_id__gt="")
            ),
        ]

    def __str__(self) -> str:
        return self.global_key


class StoreCoco(models.Model):
    """A row's COCO image object, its annotation objects joined by commas, and the entries of other lists that are about
    the image (:mod:`connections.rows.coco_lists`)."""

    row = models.OneToOneField(StoreRow, on_delete=models.CASCADE, primary_key=True, related_name="coco")
    image = models.TextField()
    annotations = models.TextField(blank=True)
    lists = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.image[:80]


class StoreCsv(models.Model):
    """A row's CSV lines; ``safe`` only where the spreadsheet-safe profile differs from the exact one."""

    row = models.OneToOneField(StoreRow, on_delete=models.CASCADE, primary_key=True, related_name="csv")
    exact = models.TextField()
    safe = models.TextField(null=True)  # noqa: DJ001 - NULL is "the same as exact", which an empty text cannot say

    def __str__(self) -> str:
        return self.exact[:80]


class StoreLabelStudio(models.Model):
    """A row that came from Label Studio as the task that its own JSON export has; there only where that is the same
    whatever is asked of it (:func:`connections.rows.label_studio.tasks.stored_task`)."""

    row = models.OneToOneField(StoreRow, on_delete=models.CASCADE, primary_key=True, related_name="label_studio")
    task = models.TextField()

    def __str__(self) -> str:
        return self.task[:80]


class StoreModelRun(models.Model):
    """A run of a model over rows of a project. ``run_id`` is the source's where it said one; it names the run in
    addresses. ``created_ms`` is ``None`` where nobody said when it was."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="model_runs", db_index=False)
    run_id = models.CharField(max_length=MAX_RUN_ID)
    name = models.CharField(max_length=500)
    model_id = models.CharField(max_length=MAX_RUN_ID)
    model_name = models.CharField(max_length=500)
    created_ms = models.BigIntegerField(null=True)
    created_by = models.CharField(max_length=200, blank=True)
    training_metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["project", "run_id"], name="model_run_once")]

    def __str__(self) -> str:
        return f"{self.model_name} / {self.name}"


class StorePredictions(models.Model):
    """What a model run says of a row that is in it; of many rows nothing.

    ``body`` are its predictions as a JSON list with marked parts, as labels stand in a row
    (:func:`connections.rows.body.render_labels`); ``class_counts`` counts them as those of a row, ``unscored`` those
    of them that have no confidence; ``used`` are the numbers of their classes
    (:func:`connections.rows.backup.used_ids`). ``digest`` is of ``body``. ``revision`` is the project's at
    the last change.
    """

    run = models.ForeignKey(StoreModelRun, on_delete=models.CASCADE, related_name="rows", db_index=False)
    row = models.ForeignKey(StoreRow, on_delete=models.CASCADE, related_name="predictions")
    run_data_row_id = models.CharField(max_length=64)
    annotation_group_id = models.CharField(max_length=64, blank=True)
    split = models.CharField(max_length=40, blank=True)
    annotation_count = models.PositiveIntegerField()
    class_counts = models.TextField(blank=True)
    unscored = models.TextField(blank=True)
    used = models.TextField(blank=True)
    digest = models.CharField(max_length=32)
    revision = models.BigIntegerField()
    body = models.TextField()

    class Meta:
        verbose_name_plural = "store predictions"
        indexes = [models.Index(fields=["run", "revision"], name="predictions_revision")]
        constraints = [models.UniqueConstraint(fields=["run", "row"], name="predictions_once")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.row_id}"


class StoreTombstone(models.Model):
    """What stays of a row that was deleted, until a row with its key comes again.

    ``added_revision`` is that of the row's first writing: who had seen the project before that never saw the row.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tombstones", db_index=False)
    global_key = models.CharField(max_length=500)
    row_id = models.CharField(max_length=MAX_ROW_ID)
    added_revision = models.BigIntegerField()
    revision = models.BigIntegerField()
    deleted_ms = models.BigIntegerField()
    deleted_by = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500)

    class Meta:
        ordering = ["project", "revision", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "global_key"], name="tombstone_key_once"),
        ]
        indexes = [
            models.Index(fields=["project", "revision"], name="tombstone_revision"),
        ]

    def __str__(self) -> str:
        return self.global_key


class FormerRow(models.Model):
    """What a row was called that is gone, or called otherwise since; it stays when a row with its key comes again.

    In the revisions from ``since_revision`` up to, but not with, ``until_revision``, ``number`` was that of a row with
    these names: exports keep the numbers of the rows that they delivered.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="former_rows", db_index=False)
    number = models.PositiveBigIntegerField()
    global_key = models.CharField(max_length=500)
    row_id = models.CharField(max_length=MAX_ROW_ID)
    external_id = models.CharField(max_length=500, blank=True)
    since_revision = models.BigIntegerField()
    until_revision = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["project", "global_key"], name="former_key"),
            models.Index(fields=["project", "row_id"], name="former_row_id"),
            models.Index(fields=["project", "number"], name="former_number"),
            models.Index(
                fields=["project", "external_id"], name="former_external_id", condition=models.Q(external_id__gt="")
            ),
        ]

    def __str__(self) -> str:
        return self.global_key


class ImportRun(Run):
    """Rows from one file into one project.

    ``format`` is a key of the importers, or ``auto`` until it was found. ``default_status``: the review status of every
    row, whatever the file says; empty: as the file says. ``dataset`` goes in front of every key: ``north/task-1``.
    ``replace``: a row whose picture is another one than that of the row with its key takes its place; else it is
    refused. ``model_run`` is the name of the run whose predictions the file holds, where its format is one of those.
    The file lies in our home until the run has ended, or at ``local_path``: somebody's own, read in place by
    their shell. ``bytes_received`` of ``bytes_total`` have arrived; ``parts`` are their names where an installation
    keeps them in a store, in their order.
    ``summary`` counts what was done so far: ``{"rows", "created", "updated", "unchanged", "annotations",
    "predictions", "refused_count", "pieces_refused", "note_counts", "notes"}``; ``rows = created + updated +
    unchanged + refused_count``. Notes are as in :mod:`connections.store.notes`.
    """

    kind: ClassVar[str] = "import"
    counted_phase: ClassVar[str] = "importing"
    UPLOADING: ClassVar[str] = "uploading"
    waiting_statuses: ClassVar[tuple[str, ...]] = (UPLOADING, statuses.QUEUED)

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="imports")
    file_name = models.CharField(max_length=255)
    format = models.CharField(max_length=40)
    default_status = models.CharField(max_length=40, blank=True)
    dataset = models.CharField(max_length=MAX_DATASET, blank=True)
    replace = models.BooleanField(default=False)
    model_run = models.CharField(max_length=MAX_RUN_NAME, blank=True)
    local_path = models.TextField(blank=True)
    bytes_total = models.PositiveBigIntegerField()
    bytes_received = models.PositiveBigIntegerField(default=0)
    received_at = models.DateTimeField(auto_now_add=True)
    parts = models.JSONField(default=list, blank=True)
    summary = models.JSONField(null=True)
    created_by_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name = "import"
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="import_newest_project"),
            models.Index(fields=["status", "lease_until"], name="import_by_status"),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def label(self) -> str:
        """For the log."""
        return f"import {self.public_id}"
