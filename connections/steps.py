"""A test of a connection, step by step: what the kind finds out, without secrets, and with an end in any case."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from connections.adapters import FAILED, ConnectionKind, Step
from connections.models import Connection
from exportadmin.lib.errors import BusyError, ExportAdminError, PermanentError
from exportadmin.lib.masking import HIDDEN, scrub_text

log = logging.getLogger(__name__)

# each request of a step has an end of its own; no step is begun after so many seconds
MOST_SECONDS: Final = 120.0
MOST_CHARACTERS: Final = 1000
# of four threads: pages are answered by the others
AT_ONCE: Final = 2
_places = threading.BoundedSemaphore(AT_ONCE)
# a shorter secret may be part of any word
_SHORTEST: Final = 4


@contextmanager
def one_of_few() -> Iterator[None]:
    """Raises :class:`BusyError` while others are tested: each holds a thread as long as its other side takes."""
    if not _places.acquire(blocking=False):
        raise BusyError("other connections are being tested or asked; try again in a few seconds")
    try:
        yield
    finally:
        _places.release()


def run_steps(kind: type[ConnectionKind], connection: Connection) -> Iterator[Step]:
    """The steps, as they end. Raises nothing: whatever goes wrong is a failed step."""
    deadline = time.monotonic() + MOST_SECONDS
    secrets = _known_secrets(connection)
    try:
        for step in kind.test(connection):
            yield _shown(step, secrets)
            if time.monotonic() > deadline:
                yield Step("time", "Time", FAILED, f"the test was given up after {MOST_SECONDS:g} seconds")
                return
    except ExportAdminError as error:
        yield _shown(Step("end", "Go on", FAILED, str(error)), secrets)
    except Exception as error:
        # neither its text nor its traceback: they may be a library's, and hold anything
        log.error("the test of connection %s stopped: %s", connection.public_id, type(error).__name__)  # noqa: TRY400
        yield Step("end", "Go on", FAILED, "stopped by a fault in Export Admin; its log has the kind of it")


def _known_secrets(connection: Connection) -> tuple[str, ...]:
    try:
        return tuple(sorted(connection.secrets().values(), key=len, reverse=True))
    except PermanentError:  # the kind's own step says so
        return ()


def _shown(step: Step, secrets: tuple[str, ...]) -> Step:
    """Should a store repeat a secret in its answer, it is not repeated here."""

    def clean(text: str) -> str:
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                text = text.replace(secret, HIDDEN)
        return scrub_text(text)[:MOST_CHARACTERS]

    return replace(step, message=clean(step.message), advice=clean(step.advice))
