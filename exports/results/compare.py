"""Two deliveries of one project row by row: read as streams, in memory that is flat but for 16 bytes a row.

A row is known by its id and compared by its bytes: equal bytes are an equal row. Of each row of the older file two
64-bit digests are kept, of its id and of its bytes; the newer file passes by them. The digests are keyed anew each
time, so nobody can prepare rows that look alike. Of 2,000,000 rows the chance that any two ids share a digest is below
one in four million.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from connections.rows.backup import without_project
from exportadmin.lib.errors import ConflictError
from exportadmin.lib.heavy import check_time
from exports.models import Artifact, ExportReport
from exports.results import reader

MOST_ROWS: Final = 2_000_000
MOST_BYTES: Final = 2_000_000_000
NAMED: Final = 10
# rows of the newer file that are looked up together
TOGETHER: Final = 4_096
# how every row of ours begins; a row that does not is parsed
_ID = re.compile(rb'\{"data_row":\{"id":"([^"\\]+)"')

Digests = NDArray[np.uint64]


@dataclass(slots=True)
class Compared:
    """Counts, and the first :data:`NAMED` row ids of what differs."""

    unchanged: int = 0
    changed: int = 0
    added: int = 0
    removed: int = 0
    changed_ids: list[str] = field(default_factory=list)
    added_ids: list[str] = field(default_factory=list)
    removed_ids: list[str] = field(default_factory=list)


def comparable(report: ExportReport, artifact: Artifact | None) -> Artifact:
    """The file to read. Raises :class:`ConflictError` in words for a format without rows and for a file too large."""
    if artifact is None:
        raise ConflictError(
            f"rows can be compared between json and ndjson results only; {report.name} is {report.format}"
        )
    if (artifact.lines or 0) > MOST_ROWS or artifact.bytes > MOST_BYTES:
        raise ConflictError(
            f"{report.name} is too large to be compared row by row here: at most {MOST_ROWS:,} rows and "
            f"{MOST_BYTES // 1_000_000:,} MB; download both files and compare them there"
        )
    return artifact


def compare(older: Artifact, newer: Artifact) -> Compared:
    """Raises :class:`~exportadmin.lib.errors.GoneError` when a file is not as delivered, :class:`ConflictError` when a
    line of it is no row."""
    digest = _digester(secrets.token_bytes(16))
    ids, bodies = _sorted(older, digest)
    seen = np.zeros(len(ids), bool)
    found = Compared()
    for batch in _batches(newer):
        names = [name for name, _ in batch]
        wanted = np.array([digest(name) for name in names], np.uint64)
        states = np.array([digest(line) for _, line in batch], np.uint64)
        places = np.searchsorted(ids, wanted)
        known = np.zeros(len(names), bool)
        inside = places < len(ids)
        known[inside] = ids[places[inside]] == wanted[inside]
        same = np.zeros(len(names), bool)
        same[known] = bodies[places[known]] == states[known]
        seen[places[known]] = True
        found.unchanged += int(same.sum())
        found.changed += int((known & ~same).sum())
        found.added += int((~known).sum())
        _name(found.changed_ids, names, known & ~same)
        _name(found.added_ids, names, ~known)
    found.removed = int((~seen).sum())
    if found.removed:
        found.removed_ids = _removed(older, ids, seen, digest)
    return found


def _digester(key: bytes) -> Callable[[bytes], int]:
    keyed = hashlib.blake2b(digest_size=8, key=key)

    def digest(text: bytes) -> int:
        one = keyed.copy()
        one.update(text)
        return int.from_bytes(one.digest(), "little")

    return digest


def _sorted(artifact: Artifact, digest: Callable[[bytes], int]) -> tuple[Digests, Digests]:
    """Digests of ids in order, and of the rows beside them."""
    kept = np.empty((2, artifact.lines or 0), np.uint64)
    count = 0
    for batch in _batches(artifact):
        if count + len(batch) > kept.shape[1]:
            kept = np.concatenate([kept, np.empty((2, max(count, len(batch))), np.uint64)], axis=1)
        kept[0, count : count + len(batch)] = [digest(name) for name, _ in batch]
        kept[1, count : count + len(batch)] = [digest(line) for _, line in batch]
        count += len(batch)
    order = np.argsort(kept[0, :count])
    return kept[0, :count][order], kept[1, :count][order]


def _batches(artifact: Artifact) -> Iterator[list[tuple[bytes, bytes]]]:
    """``(row id, line)`` of every row."""
    batch: list[tuple[bytes, bytes]] = []
    size = 0
    with closing(reader.read_rows(artifact)) as stream:
        for place, line in enumerate(stream.lines()):
            if not batch:
                check_time()
            if not place:  # which row is the first of a file says nothing of the row
                line = _without_project(line)
            batch.append((_row_id(line), line))
            size += len(line)
            if len(batch) >= TOGETHER or size >= reader.BLOCK * 8:
                yield batch
                batch, size = [], 0
    if batch:
        yield batch


def _without_project(line: bytes) -> bytes:
    try:
        return without_project(line)
    except (orjson.JSONDecodeError, AttributeError):
        return line  # is no row: who wants its id says so


def _row_id(line: bytes) -> bytes:
    if found := _ID.match(line):
        return found[1]
    try:
        row: Any = orjson.loads(line)
        return str(row["data_row"]["id"]).encode("utf-8", "surrogatepass")
    except (orjson.JSONDecodeError, TypeError, KeyError):
        raise ConflictError("one of the files holds a line that is not a row, so they cannot be compared") from None


def _name(ids: list[str], names: list[bytes], chosen: NDArray[np.bool_]) -> None:
    for place in np.flatnonzero(chosen)[: NAMED - len(ids)].tolist():
        ids.append(names[place].decode("utf-8", "replace"))


def _removed(older: Artifact, ids: Digests, seen: NDArray[np.bool_], digest: Callable[[bytes], int]) -> list[str]:
    """Their names, from a second reading that stops when there are enough."""
    missing = set(ids[~seen].tolist()) if int((~seen).sum()) <= TOGETHER else None
    found: list[str] = []
    for batch in _batches(older):
        for name, _ in batch:
            key = digest(name)
            gone = key in missing if missing is not None else not seen[np.searchsorted(ids, np.uint64(key))]
            if gone:
                found.append(name.decode("utf-8", "replace"))
                if len(found) == NAMED:
                    return found
    return found
