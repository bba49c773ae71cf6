"""Tables of the built-in store.

A row is kept as the JSON text that an export will print, validated once on the way in, with its COCO and CSV fragments
beside it in tables of their own (SPEED.md §8: in the wide row they cost 1.5 times as much). Times are whole
milliseconds (UTC), as filters and platforms have them.
"""

from __future__ import annotations

from django.db import models

from connections.models import Project

NUMBER_BITS = 40
MAX_NUMBER = (1 << NUMBER_BITS) - 1
# a larger image id of a source is not taken over: the numbers behind it belong to rows to come
MAX_WANTED_NUMBER = 1 << (NUMBER_BITS - 1)


def row_pk(project_pk: int, number: int) -> int:
    """The primary key of a row: project and number in one integer. Raises ``ValueError`` beyond the project's share."""
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"row number {number} is beyond {MAX_NUMBER}")
    return (project_pk << NUMBER_BITS) | number


class StoreClass(models.Model):
    """A class or question of a project's ontology. ``number`` is for ever: exports print it as COCO category id."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="classes")
    number = models.PositiveBigIntegerField()
    name = models.CharField(max_length=500)
    is_question = models.BooleanField(default=False)
    supercategory = models.CharField(max_length=500, blank=True)
    extra = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["is_question", "number"]
        constraints = [
            models.UniqueConstraint(fields=["project", "is_question", "number"], name="class_number_once"),
            models.UniqueConstraint(fields=["project", "is_question", "name"], name="class_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class StoreProject(models.Model):
    """What the store keeps of a project beside its rows: what an import brought that belongs to no row.

    ``next_annotation`` hands out COCO annotation ids; ``next_number`` row numbers (COCO image ids). ``has_embeddings``
    once a row has brought any.
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="store")
    next_number = models.BigIntegerField(default=1)
    next_annotation = models.BigIntegerField(default=1)
    has_embeddings = models.BooleanField(default=False)
    source_extra = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return str(self.project)


class StoreRow(models.Model):
    """One data row with its annotations.

    ``body`` is the row's canonical JSON with marked parts (:mod:`connections.rows.body`); ``marks`` counts its
    annotations (:class:`exports.sources.base.RowBatch`); ``digest`` tells a changed row from the same one again.
    ``annotation_start`` and ``annotation_room`` are the block of COCO annotation ids that belongs to this row.
    """

    # project and number in one integer: a project's rows lie side by side in the table, in canonical order, so that an
    # export is one walk along the table with no index between
    id = models.BigIntegerField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rows", db_index=False)
    number = models.PositiveBigIntegerField()
    row_id = models.CharField(max_length=64, unique=True)
    global_key = models.CharField(max_length=500)
    external_id = models.CharField(max_length=500, blank=True)
    status = models.CharField(max_length=40)
    batch_id = models.CharField(max_length=64, blank=True)
    created_ms = models.BigIntegerField()
    updated_ms = models.BigIntegerField()
    activity_ms = models.BigIntegerField()
    label_times = models.TextField(blank=True)
    label_first_ms = models.BigIntegerField(null=True)
    label_last_ms = models.BigIntegerField(null=True)
    annotation_count = models.PositiveIntegerField()
    annotation_start = models.BigIntegerField()
    annotation_room = models.PositiveIntegerField()
    digest = models.CharField(max_length=32)
    marks = models.TextField(blank=True)
    body = models.TextField()
    embeddings = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "global_key"], name="row_key_once"),
        ]
        indexes = [
            models.Index(fields=["project", "updated_ms"], name="row_updated"),
            models.Index(fields=["project", "status"], name="row_status"),
        ]

    def __str__(self) -> str:
        return self.global_key


class StoreCoco(models.Model):
    """A row's COCO image object, and its annotation objects joined by commas."""

    row = models.OneToOneField(StoreRow, on_delete=models.CASCADE, primary_key=True, related_name="coco")
    image = models.TextField()
    annotations = models.TextField(blank=True)

    def __str__(self) -> str:
        return self.image[:80]


class StoreCsv(models.Model):
    """A row's CSV lines; ``safe`` only where the spreadsheet-safe profile differs from the exact one."""

    row = models.OneToOneField(StoreRow, on_delete=models.CASCADE, primary_key=True, related_name="csv")
    exact = models.TextField()
    safe = models.TextField(null=True)  # noqa: DJ001 - NULL is "the same as exact", which an empty text cannot say

    def __str__(self) -> str:
        return self.exact[:80]
