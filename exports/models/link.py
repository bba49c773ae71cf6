"""Signed links to artifacts, and the downloads made through any channel."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from exportadmin.lib.ids import new_id
from exports.models.artifact import Artifact

COMPLETE, BROKEN_OFF, FELL_SILENT = "complete", "broken off", "fell silent"
# whoever asked was sent on to the place where the file lies: how that ended nobody here knows
HANDED_OVER = "handed over"
ENDINGS: Final = (COMPLETE, BROKEN_OFF, FELL_SILENT, HANDED_OVER)
SILENCE: Final = timedelta(minutes=2)
# what may have become of a link
OPEN, USED, EXPIRED, REVOKED, REMOVED = "open", "used", "expired", "revoked", "removed"


class Link(models.Model):
    """An address that hands out one artifact without sign-in, until it ends.

    The secret half of the address is shown once; kept is only its HMAC under the installation's key, so that neither
    a copy of the database nor a guess makes a link. ``used_at`` ends a one-time link.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="links")
    signature = models.CharField(max_length=64)
    one_time = models.BooleanField(default=False)
    for_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_by_name = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["-created_at", "-id"], name="link_newest")]

    def __str__(self) -> str:
        return f"link to {self.artifact}"

    @property
    def state(self) -> str:
        """Of the states that fit, the one that whoever opens the address is told. Reads the artifact's report."""
        if self.revoked_at is not None:
            return REVOKED
        if self.one_time and self.used_at is not None:
            return USED
        if self.expires_at <= timezone.now():
            return EXPIRED
        return OPEN if self.artifact.report.files_removed_at is None else REMOVED

    @staticmethod
    def in_state(state: str) -> Q:
        """The links whose :attr:`state` it is. Raises ``KeyError`` for a state that is none."""
        now = timezone.now()
        kept = Q(artifact__report__files_removed_at=None)
        used = Q(one_time=True, used_at__isnull=False)
        living = Q(revoked_at=None) & ~used & Q(expires_at__gt=now)
        conditions = {
            OPEN: living & kept,
            USED: Q(revoked_at=None) & used,
            EXPIRED: Q(revoked_at=None) & ~used & Q(expires_at__lte=now),
            REVOKED: Q(revoked_at__isnull=False),
            REMOVED: living & ~kept,
        }
        return conditions[state]

    @property
    def seconds_left(self) -> int:
        """Whole seconds until the link ends; 0 when it has, for whatever reason."""
        return int((self.expires_at - timezone.now()).total_seconds()) if self.state == OPEN else 0


class DeletedLink(models.Model):
    """What is kept of a link whose project was deleted: whoever has its address is told that the file is gone."""

    public_id = models.CharField(max_length=64, unique=True)
    for_user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return self.public_id


class Download(models.Model):
    """One handing-out of an artifact's bytes: recorded before the first byte, completed when it ended.

    ``ending`` is empty while it runs (or when the process died), else one of :data:`ENDINGS`. While it runs,
    ``last_seen_at`` and ``bytes_sent`` are written now and then; one that shows no life for :data:`SILENCE` is over.
    """

    public_id = models.CharField(max_length=64, unique=True, default=new_id, editable=False)
    artifact = models.ForeignKey(Artifact, on_delete=models.CASCADE, related_name="downloads")
    link = models.ForeignKey(Link, null=True, on_delete=models.SET_NULL, related_name="downloads")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_name = models.CharField(max_length=200)
    channel = models.CharField(max_length=20)
    started_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    first_byte = models.PositiveBigIntegerField(default=0)
    bytes_requested = models.PositiveBigIntegerField()
    bytes_sent = models.PositiveBigIntegerField(default=0)
    ending = models.CharField(max_length=20, blank=True)

    class Meta:
        ordering = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.artifact} to {self.actor_name}"

    @staticmethod
    def running() -> Q:
        """Those that have not ended and were seen of late."""
        return Q(ended_at=None, last_seen_at__gt=timezone.now() - SILENCE)

    @property
    def ending_text(self) -> str:
        """How it ended, for people."""
        is_silent = self.last_seen_at <= timezone.now() - SILENCE
        return (self.ending or (FELL_SILENT if is_silent else "running")).capitalize()
