"""``/healthz``: this process lives. ``/readyz``: the installation can do its work, and if not, which part cannot.

Both are asked by machines every few seconds: they need no sign-in, tell no names and no secrets, and are bounded in
time and in number. Workers are those of all machines.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_q.models import OrmQ

from connections.sinks import SINKS
from exportadmin.lib.text import one_line
from exportadmin.runs import statuses
from exportadmin.runs.limits import STALL_SECONDS
from exportadmin.runs.models import run_models
from exportadmin.runs.worker_seen import WORKER_SECONDS, Workers, workers

log = logging.getLogger(__name__)
Found = TypeVar("Found")

DATABASE_SECONDS: Final = 2.0
# the worker itself starts its cluster anew before this
TASK_SECONDS: Final = 2 * STALL_SECONDS
KEPT_SECONDS: Final = 1.0
# it is written to find out, so pages do not ask each time
ARTIFACTS_SECONDS: Final = 10.0
# a store that hangs must not hold a page for long
ARTIFACTS_WAIT_SECONDS: Final = 3.0
_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Queue:
    """What waits. Ages are seconds; ``None``: nothing waits."""

    queued: int
    running: int
    oldest_run_seconds: float | None
    tasks: int
    oldest_task_seconds: float | None
    workers: Workers


@login_not_required
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """200 as long as this process answers. Asks nobody."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8", headers=_NO_STORE)


@login_not_required
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 or 503, with each check: ``{"status", "checks": {"database", "worker", "queue", "artifacts"}}``."""
    checks = kept.checks()
    is_ready = all(check["ok"] for check in checks.values())
    body = {"status": "ready" if is_ready else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if is_ready else 503, headers=_NO_STORE)


class ProbesMiddleware:
    """Answers both before hosts, https and sessions are looked at: a probe comes by address, in plain http, and a
    cookie that it brings must not make us ask the database."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, or pass the request on."""
        view = {"/healthz": live, "/readyz": ready}.get(request.path_info)
        return view(request) if view is not None else self.get_response(request)


def look_at_queue() -> Queue:
    """A query on small ends of indexes for each kind of run, and one more. Raises what the database says."""
    queued = running = 0
    oldest: datetime | None = None
    for model in run_models():
        found = model._default_manager.filter(status__in=statuses.ACTIVE).order_by().values("status")
        for row in found.annotate(count=Count("pk"), oldest=Min("created_at")):
            if row["status"] == statuses.RUNNING:
                running += row["count"]
                continue
            queued += row["count"]
            oldest = min(oldest or row["oldest"], row["oldest"])
    now = timezone.now()
    tasks = OrmQ.objects.filter(lock__lte=now).aggregate(count=Count("pk"), oldest=Min("lock"))
    return Queue(
        queued=queued,
        running=running,
        oldest_run_seconds=_age(oldest, now) if oldest else None,
        tasks=tasks["count"],
        oldest_task_seconds=_age(tasks["oldest"], now) if tasks["oldest"] else None,
        workers=workers(),
    )


def _age(moment: Any, now: Any) -> float:
    return float(round(max((now - moment).total_seconds(), 0.0), 1))


# --- the checks ------------------------------------------------------------------------------------------------------


def check_all() -> dict[str, dict[str, Any]]:
    """Each check by name: ``ok``, figures, and a ``reason`` where it is not."""
    database, queue = _ask_database()
    return {"database": database, "worker": _worker(queue), "queue": _queue(queue), "artifacts": _artifacts()}


def _artifacts() -> dict[str, Any]:
    """Without the folder or the store's address: everybody may ask."""
    if not settings.ARTIFACTS_STORE:
        why_not = look_at_artifacts()
    else:
        try:
            why_not = artifacts_prober.ask(ARTIFACTS_WAIT_SECONDS) and "the store does not take them"
        except TimeoutError:
            why_not = "the store does not answer"
    return {"ok": False, "reason": f"deliveries cannot be written: {why_not}"} if why_not else {"ok": True}


def look_at_artifacts() -> str:
    """Why nothing can be delivered to this installation; empty: nothing is known of that."""
    return SINKS["local"](None, {}).why_not()


def artifacts_note(*, with_folder: bool) -> str:
    """For pages: why exports to this machine fail; empty where they do not."""
    check = kept.artifacts()
    if check["ok"]:
        return ""
    place = f"s3://{settings.ARTIFACTS_STORE}" if settings.ARTIFACTS_STORE else str(settings.ARTIFACTS_DIR)
    shown = f" ({place})" if with_folder else ""
    advice = "" if settings.ARTIFACTS_STORE else " Free some space, or have it made writable."
    return f"Exports to this installation fail, {check['reason']}{shown}.{advice}"


def _worker(queue: Queue | None) -> dict[str, Any]:
    if queue is None:
        return {"ok": False, "reason": "not known"}
    seconds = queue.workers.seen_seconds
    if seconds is None:
        return {"ok": False, "seen_seconds_ago": None, "reason": "no worker was ever seen"}
    if seconds > WORKER_SECONDS:
        return {"ok": False, "seen_seconds_ago": round(seconds, 1), "reason": "the worker is silent"}
    return {"ok": True, "seen_seconds_ago": round(seconds, 1)}


def _queue(queue: Queue | None) -> dict[str, Any]:
    if queue is None:
        return {"ok": False, "reason": "not known"}
    figures: dict[str, Any] = {
        "queued": queue.queued,
        "running": queue.running,
        "oldest_run_seconds": queue.oldest_run_seconds,
        "oldest_task_seconds": queue.oldest_task_seconds,
    }
    # a long queue is no fault while all workers are at work
    a_worker_is_free = queue.running < queue.workers.slots
    if a_worker_is_free and (queue.oldest_task_seconds or 0) > TASK_SECONDS:
        return {"ok": False, **figures, "reason": "no worker takes the tasks although one is free"}
    return {"ok": True, **figures}


class Prober(Generic[Found]):
    """Looks in a thread of its own: a server that hangs costs one thread, however often we are asked."""

    def __init__(self, look: Callable[[], Found]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._lookup: Future[Found] | None = None

    def ask(self, seconds: float) -> Found:
        """Raises ``TimeoutError``, or what looking raises."""
        with self._lock:
            if self._lookup is None or self._lookup.done():
                self._lookup = Future()
                # a daemon: a server that hangs must not keep this process from ending
                threading.Thread(target=self._look_for, args=(self._lookup,), name="readyz", daemon=True).start()
            lookup = self._lookup
        return lookup.result(timeout=seconds)

    def _look_for(self, lookup: Future[Found]) -> None:
        try:
            lookup.set_result(self._look())
        except BaseException as error:  # whoever asked gets it
            lookup.set_exception(error)
        finally:
            connection.close()  # this thread's own


# looked up when they are called
prober = Prober(lambda: look_at_queue())
artifacts_prober = Prober(lambda: look_at_artifacts())


def _ask_database() -> tuple[dict[str, Any], Queue | None]:
    started = time.monotonic()
    try:
        queue = prober.ask(DATABASE_SECONDS)
    except TimeoutError:
        return {"ok": False, "reason": f"no answer within {DATABASE_SECONDS:g} s"}, None
    except Error as error:
        log.warning("not ready: %s", one_line(error))
        return {"ok": False, "reason": "it does not answer"}, None
    return {"ok": True, "milliseconds": round((time.monotonic() - started) * 1000, 1)}, queue


class Kept:
    """The last checks, for some seconds: nobody has to sign in for them, so a flood of requests must not become a flood
    of queries."""

    def __init__(self) -> None:
        self._found: tuple[float, dict[str, dict[str, Any]]] | None = None
        self._artifacts: tuple[float, dict[str, Any]] | None = None

    def checks(self) -> dict[str, dict[str, Any]]:
        """Made anew when they are too old."""
        if self._found is None or time.monotonic() - self._found[0] > KEPT_SECONDS:
            checks = check_all()
            self._found = (time.monotonic(), checks)
        return self._found[1]

    def artifacts(self) -> dict[str, Any]:
        """That one alone, for pages, which need no other."""
        if self._artifacts is None or time.monotonic() - self._artifacts[0] > ARTIFACTS_SECONDS:
            self._artifacts = (time.monotonic(), _artifacts())
        return self._artifacts[1]

    def forget(self) -> None:
        """Make them anew next time."""
        self._found = self._artifacts = None


kept = Kept()
