"""Tables of mirrored projects: how far each has been read, and the runs that read it."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

from connections.access.models import ApiToken
from connections.models import Project
from exportadmin.lib.ids import new_id
from exportadmin.runs import statuses
from exportadmin.runs.models import Run

# what may be asked for (auto, full) and what it comes to (incremental, full)
AUTO: Final = "auto"
FULL: Final = "full"
INCREMENTAL: Final = "incremental"
FULL_EVERY_HOURS: Final = 24


class Mirror(models.Model):
    """A project of a platform that is kept in the built-in store.

    ``watermark_ms`` is the platform's own time up to which everything was read (``None``: it was never read whole), and
    moves in the transaction that ends a sync, which asked the platform at ``watermark_asked_at``. ``synced_at`` is when
    the last successful sync asked it: as of then the mirror is up to date. ``full_synced_at`` the same of the last full
    one.
    ``data_type`` and ``details`` are what the platform says of the project, as of the last sync. ``not_understood``
    counts what its rows hold that could not be read as annotations (a text → how often), since the last full sync.
    ``full_every_hours``: how often everything is read, which finds rows that are gone there; 0: each time.
    ``full_due``: at the next sync in any case. ``again``: the platform's ids of rows of which parts, such as masks,
    could not be had → how often in a row. ``held``: after so many syncs in a row the watermark stayed, since what was
    missing in them may be had if it is asked for once more.
    ``sync_first``: exports bring it up to date before they begin, where they do not say otherwise.
    ``options`` are what its syncs ask with, by the names of the platform's ``mirror_options``.
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="mirror")
    watermark_ms = models.BigIntegerField(null=True)
    watermark_asked_at = models.DateTimeField(null=True)
    synced_at = models.DateTimeField(null=True)
    full_synced_at = models.DateTimeField(null=True)
    data_type = models.CharField(max_length=40, blank=True)
    details = models.JSONField(default=dict, blank=True)
    not_understood = models.JSONField(default=dict, blank=True)
    full_every_hours = models.PositiveIntegerField(default=FULL_EVERY_HOURS)
    full_due = models.BooleanField(default=False)
    again = models.JSONField(default=dict, blank=True)
    held = models.PositiveIntegerField(default=0)
    sync_first = models.BooleanField(default=True)
    options = models.JSONField(default=dict, blank=True)

    def __str__(self) -> str:
        return str(self.project)


class SyncRun(Run):
    """One reading of a mirrored project from its platform.

    ``wanted`` is what was asked for, :data:`AUTO` or :data:`FULL`; ``mode`` what it is, empty until it was decided.
    ``asked_at`` is when the platform was asked, ``since_ms`` (its time) after what changes it was asked for.
    ``remote_name`` and ``remote_id`` are those of the export that it makes for us. ``bytes_total`` is the size of what
    was fetched.
    ``summary`` is an import's (:class:`~connections.store.models.ImportRun`) with ``gone``, the rows that left
    tombstones, and ``not_understood``, a text → how often.
    """

    kind: ClassVar[str] = "sync"
    counted_phase: ClassVar[str] = "importing"

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="syncs")
    wanted = models.CharField(max_length=20, default=AUTO)
    mode = models.CharField(max_length=20, blank=True)
    asked_at = models.DateTimeField(null=True)
    since_ms = models.BigIntegerField(null=True)
    remote_name = models.CharField(max_length=200, blank=True)
    remote_id = models.CharField(max_length=200, blank=True)
    bytes_total = models.PositiveBigIntegerField(null=True)
    summary = models.JSONField(null=True)
    created_by_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        verbose_name = "sync"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=Q(status__in=sorted(statuses.ACTIVE)), name="sync_active_once"
            )
        ]
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="sync_newest_project"),
            models.Index(fields=["status", "lease_until"], name="sync_by_status"),
        ]

    def __str__(self) -> str:
        return f"sync {self.public_id}"

    @property
    def label(self) -> str:
        """For the log."""
        return f"sync {self.public_id}"

    @property
    def local_path(self) -> str:
        """Nothing is read in place."""
        return ""
