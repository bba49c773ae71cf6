"""TriedPath: where a connection leads that a platform's client makes in two calls, of which the first says where."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import models
from django.utils import timezone

KEPT: Final = timedelta(minutes=15)


class TriedPath(models.Model):
    """``digest`` is of the keys that were sent with ``path``, and of whose they were."""

    digest = models.CharField(max_length=64, primary_key=True)
    path = models.CharField(max_length=2000)
    tried_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.path

    @classmethod
    def remember(cls, digest: str, path: str) -> None:
        """For some minutes; what is older goes."""
        now = timezone.now()
        cls.objects.filter(tried_at__lt=now - KEPT).delete()
        cls.objects.update_or_create(digest=digest, defaults={"path": path, "tried_at": now})

    @classmethod
    def of(cls, digest: str) -> str | None:
        """The path; ``None``: none is remembered."""
        known = cls.objects.filter(digest=digest, tried_at__gte=timezone.now() - KEPT)
        return known.values_list("path", flat=True).first()
