"""What is written down when a long answer has ended, when there is nobody left to tell of a fault."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.db import InterfaceError, OperationalError, connection

log = logging.getLogger(__name__)


def write_late(what: str, write: Callable[[], object]) -> None:
    """Call ``write``, once more where the connection to the database did not live as long. Never raises."""
    try:
        try:
            write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise
            connection.close()
            write()
    except Exception:
        log.exception("%s: its end could not be written down", what)
