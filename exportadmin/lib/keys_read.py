"""Which keys were met while many rows were read, in memory that a million of them fit into."""

from __future__ import annotations

from array import array
from hashlib import blake2b

import numpy as np


class KeysRead:
    """The keys of all that was read, in 8 bytes each."""

    def __init__(self) -> None:
        self._digests = array("Q")
        self._sorted: np.ndarray[tuple[int], np.dtype[np.uint64]] | None = None

    def add(self, key: str) -> None:
        """One more."""
        self._digests.append(_digest(key))

    def __len__(self) -> int:
        return len(self._digests)

    def distinct(self) -> int:
        """How many keys were read, each counted once."""
        return len(np.unique(np.frombuffer(self._digests, dtype=np.uint64)))

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
