"""Which keys a file has already used: on disk, so that memory stays flat however many rows there are."""

from __future__ import annotations

from typing import Final

from connections.store.scratch import scratch_database

_BITS: Final = 26
_PLACES: Final = (1 << _BITS) - 1


class SeenKeys:
    """Remembers keys with the position at which each stood first.

    A filter in memory (8 MiB) answers for nearly all new keys; the table on disk, which is filled in batches and gets
    its index only when it is first needed, answers for keys that the filter has perhaps seen. At a million keys the
    filter asks in vain about once in ten thousand.
    """

    _BATCH = 1_000

    def __init__(self) -> None:
        self._bits = bytearray(1 << (_BITS - 3))
        self._waiting: list[tuple[str, str]] = []
        self._database = scratch_database()
        self._database.execute("CREATE TABLE seen (key TEXT, position TEXT)")
        self._database.execute("BEGIN")
        self._indexed = False

    def first_position(self, key: str, position: str) -> str | None:
        """``None`` for a new key, which is entered; else the position at which the key stood first."""
        bits, mixed = self._bits, hash(key)
        # three places of the filter, each a byte and a bit
        a, b, c = mixed & _PLACES, mixed >> 19 & _PLACES, mixed >> 38 & _PLACES
        bit_a, bit_b, bit_c = 1 << (a & 7), 1 << (b & 7), 1 << (c & 7)
        a, b, c = a >> 3, b >> 3, c >> 3
        if bits[a] & bit_a and bits[b] & bit_b and bits[c] & bit_c:
            first = self._look_up(key)
            if first is not None:
                return first
        else:
            bits[a] |= bit_a
            bits[b] |= bit_b
            bits[c] |= bit_c
        self._waiting.append((key, position))
        if len(self._waiting) >= self._BATCH:
            self._flush()
        return None

    def _look_up(self, key: str) -> str | None:
        self._flush()
        if not self._indexed:
            self._database.execute("CREATE INDEX seen_key ON seen (key)")
            self._indexed = True
        found = self._database.execute("SELECT position FROM seen WHERE key = ?", (key,)).fetchone()
        return None if found is None else str(found[0])

    def _flush(self) -> None:
        self._database.executemany("INSERT INTO seen VALUES (?, ?)", self._waiting)
        self._waiting.clear()

    def close(self) -> None:
        """Give the space back."""
        self._database.close()
