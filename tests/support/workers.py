"""Marks of workers, as they leave them."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from exportadmin.runs.worker_seen import WorkerMark


def worker_was_seen(seconds_ago: float = 0.0, worker_id: str = "w1", host: str = "here", slots: int = 2) -> None:
    """One of so many slots."""
    seen_at = timezone.now() - timedelta(seconds=seconds_ago)
    WorkerMark.objects.update_or_create(
        worker_id=worker_id, defaults={"host": host, "slots": slots, "seen_at": seen_at}
    )
