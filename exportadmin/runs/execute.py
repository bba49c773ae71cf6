"""A run from its claim to its end: by a worker (:func:`take_turn`) or in the shell (:func:`run_in_foreground`)."""

from __future__ import annotations

import errno
import logging
import random
import time
from datetime import timedelta
from typing import Final

from django.db import InterfaceError, OperationalError

from exportadmin.lib.errors import ExportAdminError, TransientError
from exportadmin.lib.text import one_line
from exportadmin.runs import limits, queue, statuses, stop, turns
from exportadmin.runs.ends import end
from exportadmin.runs.errors import Cancelled, LeaseLost, NotYet
from exportadmin.runs.lease import RunLease, claim
from exportadmin.runs.runners import RUNNERS, runner_of

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 10.0


def take_turn(kind: str, pk: int) -> str:
    """The task of django-q2: carry out the run whose turn it is, which need not be the one that the task was sent for.
    Safe to run twice, late, or never.

    What comes back is for django-q2's list only: one of "stopping", "nothing to do", "done".
    """
    if stop.requested():
        return execute(kind, pk)
    lease = turns.claim_next()
    if lease is None:
        return execute(kind, pk)  # a run that its worker has left may be taken over by its own task
    with lease:
        carry_out(lease)
    return "done"


def execute(kind: str, pk: int) -> str:
    """Claim this one run, carry it out, end it. Answers as :func:`take_turn`."""
    model = RUNNERS[kind].model
    if stop.requested():
        queue.forget_task(model, pk)
        return "stopping"
    lease = claim(model, pk)
    if lease is None:
        return "nothing to do"
    with lease:
        carry_out(lease)
    return "done"


def run_in_foreground(lease: RunLease) -> None:
    """Carry a claimed run out in this process and wait for its end; left in any other way, it is cancelled."""
    with lease:
        message = "stopped in the shell before it was done"
        try:
            carry_out(lease)
        except KeyboardInterrupt:
            message = "interrupted at the terminal"
            raise
        finally:
            if not lease.is_over and not lease.is_lost:
                end(lease.run, lease, statuses.CANCELLED, message)


def carry_out(lease: RunLease) -> None:
    """One attempt; whatever comes of it becomes a state of the run. Does not raise.

    A database that failed it leaves the run to the reaper: nothing can be written now, or it would be wrong.
    """
    run = lease.run
    try:
        _until_done(lease)
    except LeaseLost as lost:
        log.warning("%s: %s", run.label, lost)
    except Cancelled:
        _end(lease, statuses.CANCELLED, "")
    except NotYet as wait:
        lease.requeue(after=wait.after, error=str(wait), state=wait.state, counts=False)
    except TransientError as error:
        if lease.foreground:
            _end(lease, statuses.FAILED, str(error))
        elif lease.attempt >= limits.MAX_ATTEMPTS:
            _end(lease, statuses.FAILED, f"{error} (tried {lease.attempt} times)")
        else:
            lease.requeue(after=_delay(lease.attempt, error), error=str(error))
    except (OperationalError, InterfaceError) as error:
        message = f"the database failed it ({one_line(error)})"
        log.warning("%s: %s", run.label, message)
        if lease.foreground:
            _end(lease, statuses.FAILED, message)
        else:
            # the process that saw the reason is the only one that knows it: it waits for a short outage to be over
            lease.record_error(message, patience=limits.LEASE.total_seconds())
    except ExportAdminError as error:
        _end(lease, statuses.FAILED, str(error))
    except OSError as error:
        log.exception("%s", run.label)
        _end(lease, statuses.FAILED, _disk_reason(error))
    except (Exception, SystemExit) as error:
        log.exception("%s", run.label)
        message = f"stopped by a fault in Export Admin ({type(error).__name__}); the log has the details"
        _end(lease, statuses.ERRORED, message)


def _until_done(lease: RunLease) -> None:
    """In the shell nobody else needs the process: it waits itself."""
    while True:
        try:
            runner_of(lease.run).run(lease.run, lease)
        except NotYet as wait:
            if not lease.foreground:
                raise
            lease.save(state=wait.state)
            until = time.monotonic() + wait.after.total_seconds()
            while (left := until - time.monotonic()) > 0:
                lease.check()
                time.sleep(min(left, 1.0))
        else:
            return


def _end(lease: RunLease, status: str, error: str) -> None:
    """The end; where it cannot be written, the reason why stays on the row for the reaper."""
    try:
        end(lease.run, lease, status, error)
    except Exception as trouble:
        log.exception("%s: its end (%s) could not be written", lease.run.label, status)
        reason = f"{error or status}; its end could not be written ({type(trouble).__name__})"
        lease.record_error(reason, patience=limits.LEASE.total_seconds())


def _delay(attempt: int, error: TransientError) -> timedelta:
    """Growing, with jitter, never less than the other side asked for, and bounded."""
    own = FIRST_DELAY_SECONDS * 3 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret
    return timedelta(seconds=min(max(own, error.retry_after or 0.0), limits.LONGEST_WAIT.total_seconds()))


def _disk_reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full: free some space and run it again"
    return f"the machine refused: {error.strerror or type(error).__name__}"
