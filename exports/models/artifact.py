"""Artifact: one delivered file, and where its rows begin."""

from __future__ import annotations

from django.db import models

from exportadmin.lib.ids import new_id
from exports.models.report import ExportReport


class Artifact(models.Model):
    """``name`` is the file's name inside the report's location; bytes and sha256 were taken while it was written."""

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    report = models.ForeignKey(ExportReport, on_delete=models.CASCADE, related_name="artifacts")
    name = models.CharField(max_length=255)
    media_type = models.CharField(max_length=100)
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    # of files with a row a line: how many
    lines = models.PositiveBigIntegerField(null=True)
    # of the file when its sha256 was last found right (exports.delivery.integrity)
    state = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["report", "name"], name="artifact_name_once")]

    def __str__(self) -> str:
        return self.name

    @property
    def trail_details(self) -> dict[str, str]:
        """With each entry about the file: of which export it is, also when neither is there any more."""
        return {"report": self.report.report_id}


class LineIndex(models.Model):
    """Where reading of a file with a row a line can begin: [line, byte offset] pairs, one a batch, in their order.

    A table of its own: it may be large, and only who reads rows needs it.
    """

    artifact = models.OneToOneField(Artifact, on_delete=models.CASCADE, primary_key=True, related_name="line_index")
    entries = models.JSONField()

    def __str__(self) -> str:
        return f"lines of {self.artifact}"
