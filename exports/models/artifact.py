"""Artifact: one delivered file."""

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
    # of files with a row a line: how many, and [line, byte offset] pairs to start reading from (a pair a batch)
    lines = models.PositiveBigIntegerField(null=True)
    line_index = models.JSONField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["report", "name"], name="artifact_name_once")]

    def __str__(self) -> str:
        return self.name
