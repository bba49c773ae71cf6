"""Slice: a saved selection of data rows. It holds none: what it selects is asked when it is exported."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from connections.models import Project
from exportadmin.lib.ids import new_id


class Slice(models.Model):
    """``filter`` selects among the catalog of ``project`` (:mod:`exports.spec.scope`): those of its conditions whose
    meaning hangs on a time zone are read in ``time_zone``, the project's when it was saved.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="slices")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    filter = models.JSONField(default=dict)
    time_zone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name", "pk"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="slice_name_once")]

    def __str__(self) -> str:
        return self.name
