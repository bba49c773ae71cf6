"""Which rows an export delivered, by their numbers: found without a look into its files, which may be gone."""

from __future__ import annotations

from django.db import models

from connections.models import Project
from exports.models.report import ExportReport


class DeliveredRows(models.Model):
    """Some thousand rows of one delivery (:mod:`exports.delivery.row_numbers`), whose numbers lie from ``first`` to
    ``last``; ``members`` says which of the numbers between. ``project`` is the report's, or another one that it read
    too; ``revision`` is that project's at the moment of the reading, ``None`` where there are none."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    report = models.ForeignKey(ExportReport, on_delete=models.CASCADE, related_name="delivered_rows")
    first = models.PositiveBigIntegerField()
    last = models.PositiveBigIntegerField()
    rows = models.PositiveIntegerField()
    members = models.BinaryField()
    revision = models.BigIntegerField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["project", "first", "last"], name="delivered_rows_between")]

    def __str__(self) -> str:
        return f"{self.rows} rows of {self.report}"
