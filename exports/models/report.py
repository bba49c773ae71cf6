"""ExportReport: one run of a config, and all that is known of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from connections.access.models import ApiToken
from connections.models import Connection, Project
from exportadmin.lib.ids import new_id
from exportadmin.runs import statuses
from exportadmin.runs.models import Run
from exports.models.config import ExportConfig


class ExportReport(Run):
    """``config`` is what was asked, frozen when it was asked: the JSON of :class:`exports.spec.spec.ExportSpec`.

    ``revision`` is the one of the project that the run's snapshot saw: what came after it is of a later one.
    The delivery lies at ``destination`` (``None``: this machine); ``location`` is for its sink alone to read.
    ``is_ours``: it may be removed by us (the shell delivers into folders that are somebody's own).

    ``made_by`` is the platform that made the files, empty: this program did. Then ``remote_id`` is its own id of the
    export, ``remote_name`` the name under which it has it. ``is_there``: it delivered them into a place of its own;
    what lies here is the manifest alone, and the files are reached through ``destination``, which proves them
    (``None``: we have no way to them, and nothing of them is proved).
    """

    kind: ClassVar[str] = "export"

    report_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="reports")
    saved_config = models.ForeignKey(ExportConfig, null=True, blank=True, on_delete=models.SET_NULL)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    # a key of exports.formats.FORMATS, or "<platform>:<its own format>"
    format = models.CharField(max_length=250)
    config = models.JSONField()
    check_values = models.JSONField(null=True)
    revision = models.BigIntegerField(null=True)
    destination = models.ForeignKey(Connection, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    location = models.TextField(blank=True)
    is_ours = models.BooleanField(default=True)
    created_by_token = models.ForeignKey(ApiToken, null=True, on_delete=models.SET_NULL, related_name="+")
    # 100 equal requests are one run: the caller's key, whose it is, and a digest of what was asked with it
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 - NULL: no key, not unique
    idempotency_scope = models.CharField(max_length=80, blank=True)
    idempotency_digest = models.CharField(max_length=64, blank=True)
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries")
    # a conversion: of which report's delivery, which stays as long as this report does
    converted_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="conversions"
    )
    # public ids of the projects that it reads beside its own: whoever takes its rows away needs the right in each
    other_projects = models.JSONField(default=list)
    made_by = models.CharField(max_length=40, blank=True)
    remote_id = models.CharField(max_length=200, blank=True)
    remote_name = models.CharField(max_length=200, blank=True)
    is_there = models.BooleanField(default=False)
    # of what a platform made: its files tell of their rows, so that rows_done is a count, also where it is 0
    are_rows_counted = models.BooleanField(default=False)
    # of the manifest as it was delivered
    manifest_sha256 = models.CharField(max_length=64, blank=True)
    # since when it is left out of the lists that other platforms' own clients ask for
    archived_at = models.DateTimeField(null=True)
    files_removed_at = models.DateTimeField(null=True)
    files_removed_why = models.CharField(max_length=200, blank=True)
    # since when, and why, its files are known not to be what was delivered (exports.delivery.integrity)
    altered_at = models.DateTimeField(null=True)
    altered_why = models.TextField(blank=True)
    # when a proof of the delivery last ended, whatever came of it
    proved_at = models.DateTimeField(null=True)
    proof_result = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="report_newest"),
            models.Index(fields=["project", "-created_at", "-id"], name="report_newest_project"),
            # lists of one status: without these SQLite takes report_by_status and sorts all that it finds there
            models.Index(fields=["status", "-created_at", "-id"], name="report_newest_status"),
            models.Index(fields=["project", "status", "-created_at", "-id"], name="report_newest_project_status"),
            # what was delivered last
            models.Index(fields=["status", "-finished_at", "-id"], name="report_delivered_status"),
            models.Index(fields=["status", "lease_until"], name="report_by_status"),
            models.Index(fields=["altered_at"], name="report_altered", condition=models.Q(altered_at__isnull=False)),
            models.Index(
                fields=["proved_at", "id"],
                name="report_to_prove",
                condition=models.Q(is_ours=True, files_removed_at=None, status__in=sorted(statuses.SUCCESSFUL)),
            ),
            # which of a platform's exports are known here
            models.Index(fields=["project", "remote_id"], name="report_remote", condition=~models.Q(remote_id="")),
            # what /metrics adds up at each scrape
            models.Index(fields=["status", "rows_done", "bytes_done"], name="report_sums"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["idempotency_scope", "idempotency_key"], name="idempotency_key_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.report_id})"

    @property
    def label(self) -> str:
        """For the log."""
        return f"report {self.report_id}"

    @property
    def is_delivered(self) -> bool:
        """Was it delivered? (The files may have been removed since: ``files_removed_at``.)"""
        return self.status in statuses.SUCCESSFUL

    @property
    def rows_known(self) -> int | None:
        """So many rows were done; ``None``: a platform makes the files, and none of their rows was counted here."""
        return self.rows_done if self.are_rows_counted or not self.made_by else self.rows_done or None

    @property
    def bytes_known(self) -> int | None:
        """As :attr:`rows_known`: what a platform delivered where we cannot look has a size that nobody knows."""
        return self.bytes_done if self.is_proved or not self.made_by else self.bytes_done or None

    @property
    def size_shown(self) -> int | None:
        """Bytes for lists: of what was delivered, or is being written; ``None``: there are none, or nobody knows."""
        if self.is_delivered:
            return self.bytes_known
        return (self.bytes_done or None) if self.status == statuses.RUNNING else None

    @property
    def shown_state(self) -> str:
        """A key of :data:`exports.display.report_states.REPORT_STATES`: its status, or what is known beyond it."""
        if self.altered_at is not None:
            return "altered"
        return "unproved" if self.is_delivered and not self.is_proved else self.status

    @property
    def is_proved(self) -> bool:
        """Were the delivered bytes seen by us? What a platform delivered where we cannot look were not."""
        return self.is_delivered and not (self.is_there and self.destination_id is None)
