"""Rows that are gone there: those of the mirror that a full sync did not bring leave tombstones."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final

import numpy as np
from django.db import transaction

from connections.models import Project
from connections.store.models import StoreRow
from connections.store.removal import BATCH, Removal

_AT_ONCE: Final = 2_000


class KeysRead:
    """The keys of all rows that were read, in 8 bytes each."""

    def __init__(self) -> None:
        self._digests = array("Q")
        self._sorted: np.ndarray[tuple[int], np.dtype[np.uint64]] | None = None

    def add(self, key: str) -> None:
        """One more."""
        self._digests.append(_digest(key))

    def __len__(self) -> int:
        return len(self._digests)

    def missing(self, keys: list[str]) -> list[bool]:
        """Of each key: was it not read?"""
        if self._sorted is None:
            self._sorted = np.sort(np.frombuffer(self._digests, dtype=np.uint64))
        if not len(self._sorted):
            return [True] * len(keys)
        asked = np.array([_digest(key) for key in keys], dtype=np.uint64)
        places = np.searchsorted(self._sorted, asked)
        places[places == len(self._sorted)] = 0
        missing: list[bool] = (self._sorted[places] != asked).tolist()
        return missing


def _digest(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")


def find_gone(project: Project, keys: KeysRead, *, seen: int) -> array[int]:
    """The primary keys of the rows that were not read, of those that were not written since revision ``seen``."""
    gone = array("q")
    rows = StoreRow.objects.filter(project=project, revision__lte=seen).order_by("pk")
    last = -1
    while chunk := list(rows.filter(pk__gt=last).values_list("pk", "global_key")[:_AT_ONCE]):
        last = chunk[-1][0]
        missing = keys.missing([key for _, key in chunk])
        gone.extend(pk for (pk, _), is_missing in zip(chunk, missing, strict=True) if is_missing)
    return gone


def remove_gone(removal: Removal, gone: array[int]) -> Iterator[int]:
    """In transactions of bounded size; yields within each, how many it deleted."""
    for start in range(0, len(gone), BATCH):
        with transaction.atomic():
            before = removal.deleted
            removal.remove(gone[start : start + BATCH])
            yield removal.deleted - before
