"""ExportConfig: a saved description of an export. It makes no file."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from connections.models import Project
from exportadmin.lib.ids import new_id


class ExportConfig(models.Model):
    """``body`` is the frozen-able description: the JSON of :class:`exports.spec.spec.ExportSpec`."""

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="configs")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    body = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name
