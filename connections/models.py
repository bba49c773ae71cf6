"""Connections (how a platform or bucket is reached) and projects (what is exported from)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import models

from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import new_id


def is_time_zone(name: str) -> None:
    """A model validator. Raises ``ValidationError`` for a name that is no IANA time zone."""
    try:
        times.zone(name)
    except UserError as error:
        raise ValidationError(error.message) from error


class Connection(models.Model):
    """A stored way to reach a platform or a place to deliver to.

    ``kind`` is a key of :data:`exports.sources.SOURCES` or of :data:`connections.sinks.SINKS`.
    """

    name = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=40)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Project(models.Model):
    """What is exported from: a project of a source connection.

    ``public_id`` is what stands in rows, URLs and the API; ``time_zone`` reads times that come without one.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(max_length=200, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[is_time_zone])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
