"""What the last look for leftovers found at each place that files are delivered to."""

from __future__ import annotations

from typing import Final

from django.db import models

from connections.models import Connection

DRAFT, FOLDER, UNKNOWN = "draft", "folder", "unknown"
# what a leftover is → (title, what becomes of it)
LEFTOVERS: Final[dict[str, tuple[str, str]]] = {
    DRAFT: ("Half-made delivery", "files and uploads that a run left; taken away when they are a day old"),
    FOLDER: ("Files without a delivery", "of a report that delivered nothing, or whose files were removed"),
    UNKNOWN: ("Not known here", "kept: it may belong to another installation, or to another database of this one"),
}


class SinkSweep(models.Model):
    """``place`` is the connection's public id, empty for this installation. ``found`` has the first of ``found_total``
    that lie there still, ``[{"kind", "report_id", "address", "changed_at": ISO 8601, "error"}]``; ``removed`` were
    taken away. ``error``: why it could not be looked at; then the rest is of the look before.
    """

    place = models.CharField(max_length=64, unique=True, blank=True)
    connection = models.OneToOneField(Connection, null=True, on_delete=models.CASCADE, related_name="+")
    swept_at = models.DateTimeField()
    error = models.TextField(blank=True)
    found = models.JSONField(default=list)
    found_total = models.PositiveIntegerField(default=0)
    removed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["place"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Of the place, for people."""
        return self.connection.name if self.connection else "This installation"
