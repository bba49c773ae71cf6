"""``/metrics`` for Prometheus, computed from the database when it is asked for, so that every process says the same.

Nine queries whatever there is to count, kept for five seconds. Whoever may not see them is told that there is nothing.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error
from django.db.models import Count, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from connections.access.tokens import find_token
from exportadmin.audit import verdicts
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.noise import record_refused
from exportadmin.lib.errors import HiddenError, TooManyError
from exportadmin.lib.rest import WrongKeyThrottle
from exportadmin.lib.text import one_line
from exportadmin.operations.health import look_at_queue
from exportadmin.runs import statuses
from exportadmin.runs.worker_seen import WORKER_SECONDS
from exports.models import Download, ExportReport

log = logging.getLogger(__name__)

KEPT_SECONDS = 5.0
SCOPE: Final = "admin"
RUNNING: Final = "running"  # of a download that has no end yet
_PROXY_HEADERS: Final = ("X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via")


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, as text. Raises :class:`HiddenError` and :class:`Http404` for everybody else.

    Raises :class:`TooManyError` for who keeps trying: a wrong token is counted with those of REST.
    """
    if not may_see(request):
        if "Authorization" not in request.headers:
            raise HiddenError("no such page")
        throttle = WrongKeyThrottle()
        if not throttle.allow_request(request, None):
            raise TooManyError("too many wrong tokens from this address", retry_after=throttle.wait())
        record_refused("token.refused", actor=actor_of(request, "metrics"), reason="it does not open the metrics")
        raise Http404("no such page")
    return HttpResponse(kept.text(), content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})


def may_see(request: HttpRequest) -> bool:
    """This machine itself, the metrics token, or a superuser's API token of scope ``admin``."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "token"):
        return _is_this_machine(request)
    key = key.strip()
    if settings.METRICS_TOKEN and constant_time_compare(key, settings.METRICS_TOKEN):
        return True
    token = find_token(key)
    return (
        token is not None
        and SCOPE in token.scopes
        and token.project_id is None
        and bool(getattr(token.user, "is_superuser", False))
    )


def _is_this_machine(request: HttpRequest) -> bool:
    """What came through a proxy on this machine comes from anywhere."""
    if any(name in request.headers for name in _PROXY_HEADERS):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


class ExportsCollector(Collector):
    """Everything that we count."""

    def describe(self) -> list[Metric]:
        """Nothing: else registering it would collect once, to learn the names."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What Prometheus reads. Without the database: only that it is away."""
        try:
            found = [*_reports(), *_queue(), *_downloads(), *_audit()]
        except Error as error:
            log.warning("no metrics: %s", one_line(error))
            found = []
        yield GaugeMetricFamily("exportadmin_database_up", "1: the database answers.", value=float(bool(found)))
        yield from found


def _reports() -> Iterator[Metric]:
    counted: dict[str, Any] = {
        row["status"]: row
        for row in ExportReport.objects.order_by()
        .values("status")
        .annotate(count=Count("pk"), rows=Sum("rows_done"), size=Sum("bytes_done"))
    }
    reports = GaugeMetricFamily("exportadmin_reports", "Reports by status.", labels=["status"])
    for status in statuses.TITLES:
        reports.add_metric([status], counted.get(status, {}).get("count", 0))
    yield reports
    delivered = [row for status, row in counted.items() if status in statuses.SUCCESSFUL]
    yield CounterMetricFamily(
        "exportadmin_delivered_rows", "Rows in all deliveries.", value=sum(row["rows"] or 0 for row in delivered)
    )
    yield CounterMetricFamily(
        "exportadmin_delivered_bytes", "Bytes in all deliveries.", value=sum(row["size"] or 0 for row in delivered)
    )


def _queue() -> Iterator[Metric]:
    queue = look_at_queue()
    seconds = queue.workers.seen_seconds
    is_up = seconds is not None and seconds <= WORKER_SECONDS
    yield GaugeMetricFamily("exportadmin_worker_up", "1: a worker lives, on whatever machine.", value=float(is_up))
    if seconds is not None:
        yield GaugeMetricFamily("exportadmin_worker_seen_seconds", "Since a worker last said so.", value=seconds)
    for name, description, value in (
        ("queue_oldest_run_seconds", "Age of the oldest queued run; 0: none.", queue.oldest_run_seconds),
        ("queue_tasks", "Tasks that no worker has taken yet.", queue.tasks),
        ("queue_oldest_task_seconds", "Age of the oldest of them; 0: none.", queue.oldest_task_seconds),
    ):
        yield GaugeMetricFamily(f"exportadmin_{name}", description, value=value or 0)


def _downloads() -> Iterator[Metric]:
    counted = list(Download.objects.order_by().values("ending").annotate(count=Count("pk"), size=Sum("bytes_sent")))
    downloads = CounterMetricFamily("exportadmin_downloads", "Downloads by how they ended.", labels=["ending"])
    for row in counted:
        downloads.add_metric([row["ending"] or RUNNING], row["count"])
    yield downloads
    sent = sum(row["size"] or 0 for row in counted)
    yield CounterMetricFamily("exportadmin_download_bytes", "Bytes sent in downloads.", value=sent)


def _audit() -> Iterator[Metric]:
    trail = verdicts.state()
    yield GaugeMetricFamily("exportadmin_audit_head_sequence", "Entries of the audit trail.", value=trail.head[0])
    if trail.verdict is not None:
        description = "1: the trail and its checkpoints were whole when they were verified last."
        yield GaugeMetricFamily("exportadmin_audit_unbroken", description, value=float(not trail.is_broken))
        description = "When that was, in seconds since 1970."
        yield GaugeMetricFamily("exportadmin_audit_verified_seconds", description, value=trail.verdict.at_ms / 1000)
    if trail.checkpoint is not None:
        description = "When the last checkpoint of the trail was written, in seconds since 1970."
        yield GaugeMetricFamily(
            "exportadmin_audit_checkpoint_seconds", description, value=trail.checkpoint.at_ms / 1000
        )


class _Kept:
    """The last text, for some seconds; who comes while it is made waits for it instead of making another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._text = b""
        self._until = 0.0
        self._registry = CollectorRegistry()
        self._registry.register(ExportsCollector())

    def text(self) -> bytes:
        with self._lock:
            if time.monotonic() >= self._until:
                self._text = generate_latest(self._registry)
                self._until = time.monotonic() + KEPT_SECONDS
            return self._text

    def forget(self) -> None:
        """Tests."""
        self._until = 0.0


kept = _Kept()
