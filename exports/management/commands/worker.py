"""``exportadmin worker``: runs the reports that were asked for, and reaps those that no living process cares for."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import time
from typing import Any, Final

from django.core.cache import caches
from django.db import Error as DatabaseTrouble
from django.db import connection, connections

from exportadmin.lib import env
from exportadmin.lib.command import AppCommand
from exportadmin.lib.processes import RESTART, Signals, forks_die_with_parent
from exportadmin.runs.cluster import HAND_BACK_SECONDS, Cluster
from exports import runs, tasks
from exports.management.commands._ready import refuse_unless_migrated
from exports.run import retention

log = logging.getLogger(__name__)

SEEN_KEY: Final = "worker-seen"  # in the cache "q": seconds since 1970 of the last pass, for /readyz
REAP_SECONDS: Final = env.number("REAP_SECONDS", 3, at_least=1)
STOP_SECONDS: Final = 9.0  # `exportadmin up` kills after ten
# A bell that nobody answers although a worker must be free: the cluster looks alive and is not. Longer than the reaper
# needs to ring again, which comes first.
CANARY_SECONDS: Final = max(60.0, 2 * runs.LEASE.total_seconds())
SENTINEL_SECONDS: Final = 60.0  # it looks twice a second; a locked database makes it wait for up to 20 s


class Command(AppCommand):
    """One cluster on this machine. Ends with 70 when it has to be started anew; ``exportadmin up`` does so."""

    help = "Run queued exports until SIGTERM. Exit code 70: start me again at once."

    def handle(self, *args: Any, **options: Any) -> None:
        """Does not return: the exit code is this process's last word."""
        refuse_unless_migrated()
        importlib.import_module("exports.run.pipeline")  # once, before the forks, instead of in each of them
        forks_die_with_parent()
        cluster = Cluster()
        runs.stop_when(cluster.shared.is_stopping)
        runs.on_reaped.append(tasks.tidy)
        connections.close_all()
        with Signals(signal.SIGTERM, signal.SIGINT) as signals:
            cluster.start()
            code = Watch(cluster).until_stopped(signals)
        logging.shutdown()
        os._exit(code)  # a regular exit would wait for what is left of the pool; the kernel takes it along


class Watch:
    """The main process's own loop: signals, the sentinel's life, the reaper, the canary."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._unanswered_since: float | None = None
        self._first_pass = True
        self._retention = retention.Hourly()

    def until_stopped(self, signals: Signals) -> int:
        """Exit code: 0 stopped as asked, 1 stopped with force, 70 to be started anew."""
        next_pass = 0.0
        while not signals.wait(next_pass - time.monotonic()):
            if not self._cluster.is_alive():
                return RESTART
            if time.monotonic() < next_pass:
                continue
            if self._is_stuck():
                self._cluster.stop(HAND_BACK_SECONDS)
                return RESTART
            next_pass = time.monotonic() + REAP_SECONDS
        return 0 if self._cluster.stop(STOP_SECONDS) else 1

    def _is_stuck(self) -> bool:
        """One pass. Is the cluster standing still?"""
        caches["q"].set(SEEN_KEY, time.time(), timeout=None)
        if self._cluster.shared.unwatched_seconds() > SENTINEL_SECONDS:
            log.error("the cluster's sentinel hangs; the cluster starts anew")
            return True
        try:
            # the first pass rings for everything that waits: what an earlier cluster had taken off the queue is gone
            reaped = runs.reap(after_restart=self._first_pass)
            self._first_pass = False
            waiting = runs.waiting_unanswered(self._cluster.slots)
            self._retention.tick()
        except DatabaseTrouble as error:
            log.warning("the database does not answer: %s", " ".join(str(error).split()))
            connection.close_if_unusable_or_obsolete()
            self._unanswered_since = None
            return False
        except Exception:
            log.exception("the reaper failed; it tries again")
            return False
        if reaped != runs.Reaped():
            log.info("%s", reaped)
        return self._canary(waiting, time.monotonic())

    def _canary(self, waiting: bool, moment: float) -> bool:
        if not waiting:
            self._unanswered_since = None
            return False
        if self._unanswered_since is None:
            self._unanswered_since = moment
        waited = min(moment - self._unanswered_since, self._cluster.shared.quiet_seconds())
        if waited > CANARY_SECONDS:
            log.error("bells go unanswered for %d s while a worker is free; the cluster starts anew", waited)
            return True
        return False
