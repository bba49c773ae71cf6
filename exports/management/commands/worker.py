"""``exportadmin worker``: carries out what was asked for, and reaps runs that no living process cares for."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connections

from connections import deletion
from connections.access.sessions import SessionStore
from connections.platforms import PLATFORMS, leftovers
from connections.sinks import SINKS
from connections.store.importers import IMPORTERS
from connections.store.imports.actions import end_abandoned_uploads
from connections.sync import fetched
from exportadmin.audit import nightly as trail_nightly
from exportadmin.audit import noise
from exportadmin.audit.checkpoints import copies
from exportadmin.audit.checkpoints.taking import AtIntervals
from exportadmin.lib import counts
from exportadmin.lib.command import AppCommand
from exportadmin.lib.processes import Signals, forks_die_with_parent, share_with_forks
from exportadmin.runs import stop
from exportadmin.runs.cluster import Cluster
from exportadmin.runs.runners import RUNNERS
from exportadmin.runs.worker import Hourly, InBackground, WorkerLoop
from exports.formats import FORMATS
from exports.idempotency import forget_keys
from exports.management.commands._ready import refuse_unless_migrated
from exports.run import nightly, retention
from exports.sources import SOURCES


class Command(AppCommand):
    """One cluster on this machine. Ends with 70 when it has to be started anew; ``exportadmin up`` does so."""

    help = "Carry out queued runs until SIGTERM. Exit code 70: start me again at once."

    def handle(self, *args: Any, **options: Any) -> None:
        """Does not return: the exit code is this process's last word."""
        refuse_unless_migrated()
        for registry in (RUNNERS, SOURCES, FORMATS, IMPORTERS, SINKS, PLATFORMS):
            list(registry.values())  # loads them once, before the forks, instead of in each of them
        share_with_forks()
        forks_die_with_parent()
        cluster = Cluster()
        stop.listen_to(cluster.shared.is_stopping)
        connections.close_all()
        with Signals(signal.SIGTERM, signal.SIGINT) as signals:
            cluster.start()
            trail = trail_nightly.Nightly()
            chores: list[Callable[[], object]] = [
                InBackground(retention.Hourly().tick),
                deletion.Sweep().tick,
                Hourly(end_abandoned_uploads),
                Hourly(fetched.sweep),
                InBackground(leftovers.tick),
                Hourly(forget_keys),
                nightly.Nightly().tick,
                noise.sum_up,
                Hourly(counts.forget_old),
                AtIntervals(trail.suspect).tick,
                InBackground(trail.tick),
                InBackground(copies.Sweep().tick),
                Hourly(SessionStore.clear_expired),
            ]
            code = WorkerLoop(cluster, chores).until_stopped(signals)
        logging.shutdown()
        os._exit(code)  # a regular exit would wait for what is left of the pool; the kernel takes it along
