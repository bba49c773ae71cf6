"""Connections (how a platform or bucket is reached) and projects (what is exported from)."""

from __future__ import annotations

from typing import ClassVar, Final

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import new_id


def is_time_zone(name: str) -> None:
    """A model validator. Raises ``ValidationError`` for a name that is no IANA time zone."""
    try:
        times.zone(name)
    except UserError as error:
        raise ValidationError(error.message) from error


# the kind of the connection to the built-in store
STORE: Final = "store"


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


class ProjectManager(models.Manager["Project"]):
    """Without projects that were deleted and whose rows and files are still being taken away."""

    def get_queryset(self) -> models.QuerySet[Project]:
        """See the class."""
        return super().get_queryset().filter(deleted_at=None)


class Project(models.Model):
    """What is exported from: a project of a source connection.

    ``public_id`` is what stands in rows, URLs and the API; ``external_id`` is the project's own id on its platform (the
    built-in store has none). ``time_zone`` reads times that come without one. With ``deleted_at`` it is gone for
    everybody, and :mod:`connections.deletion` is taking away what belongs to it.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="projects")
    external_id = models.CharField(max_length=200, blank=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[is_time_zone])
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[ProjectManager] = ProjectManager()
    with_deleted: ClassVar[models.Manager[Project]] = models.Manager()

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "name"], condition=Q(deleted_at=None), name="project_name_once"
            ),
            models.UniqueConstraint(
                fields=["connection", "external_id"],
                condition=Q(deleted_at=None) & ~Q(external_id=""),
                name="project_external_id_once",
            ),
        ]
        indexes = [models.Index(fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="project_deleted")]

    def __str__(self) -> str:
        return self.name
