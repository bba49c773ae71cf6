"""Copies of checkpoints at a place that others than this machine keep, an object each: ``<series>/<number>.json``.

An app above registers the place. A copy is written once and never over another one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from django.conf import settings

from exportadmin.audit.checkpoints.file import lines
from exportadmin.audit.checkpoints.form import Checkpoint, CheckpointError, parse
from exportadmin.lib.errors import ExportAdminError
from exportadmin.lib.registry import Registry

log = logging.getLogger(__name__)

_DIGITS: Final = 12
_END: Final = ".json"


class Copies(Protocol):
    """The place. Everything raises ``TransientError`` and ``PermanentError``."""

    def names(self, beginning: str = "") -> list[str]:
        """Of all copies, in order; those that begin so."""
        ...

    def read(self, name: str) -> bytes:
        """One of them."""
        ...

    def put(self, name: str, line: bytes) -> None:
        """Write one where there is none. Raises :class:`TakenError` where there is another."""
        ...


class TakenError(ExportAdminError):
    """There is another copy of that name."""


# key → the place, or ``None`` where this installation has none
PLACES: Final[Registry[Callable[[], Copies | None]]] = Registry("place of checkpoints", {})


def places() -> Iterator[Copies]:
    """All that this installation has."""
    for find in PLACES.values():
        found = find()
        if found is not None:
            yield found


def name_of(one: Checkpoint) -> str:
    """Of its copy."""
    return f"{one.series}/{one.number:0{_DIGITS}}{_END}"


def numbers(names: list[str]) -> dict[str, list[int]]:
    """Series → the numbers of its copies, in order. What is named otherwise is none."""
    found: dict[str, list[int]] = {}
    for name in names:
        series, _, rest = name.partition("/")
        number = rest.removesuffix(_END)
        if series and len(number) == _DIGITS and number.isascii() and number.isdigit():
            found.setdefault(series, []).append(int(number))
    return {series: sorted(known) for series, known in found.items()}


def read_copy(place: Copies, series: str, number: int) -> Checkpoint:
    """Raises :class:`CheckpointError` for one that is none, and as the place does."""
    one = parse(place.read(f"{series}/{number:0{_DIGITS}}{_END}").removesuffix(b"\n"))
    if (one.series, one.number) != (series, number):
        raise CheckpointError("is of another number")
    return one


class Sweep:
    """For the worker: copies what is not copied yet, in order. Asks other machines, which may take their time."""

    def __init__(self) -> None:
        # key of a place → inode of the file, and its bytes that are copied there
        self._done: dict[str, tuple[int, int]] = {}

    def tick(self) -> None:
        """Everything up to the file's end, or to the first failure: then it goes on there next time."""
        for key, find in PLACES.items():
            try:
                at = settings.CHECKPOINTS_FILE.stat()
                inode, done = self._done.get(key, (at.st_ino, 0))
                if inode != at.st_ino or at.st_size < done:
                    done = 0  # it is another file, or was cut: none of its lines is known to be copied
                self._done[key] = at.st_ino, done
                if at.st_size <= done:
                    continue
                if (place := find()) is not None:
                    self._copy(key, place)
            except FileNotFoundError:
                continue
            except TakenError as error:
                log.critical("a checkpoint was not copied: %s; see `exportadmin verify_audit`", error)
            except (ExportAdminError, OSError) as error:
                log.warning("checkpoints were not copied: %s", error)

    def _copy(self, key: str, place: Copies) -> None:
        copied: dict[str, int] = {}
        inode, done = self._done[key]
        for raw in lines(settings.CHECKPOINTS_FILE, done):
            one = parse(raw)
            if one.series not in copied:
                copied[one.series] = max(numbers(place.names(f"{one.series}/")).get(one.series, [0]))
            if one.number > copied[one.series]:
                place.put(name_of(one), raw + b"\n")
            done += len(raw) + 1
            self._done[key] = inode, done
