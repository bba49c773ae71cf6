"""That an entry is in the trail, for somebody who may not read the trail.

The hashes of all entries, in their order, are the leaves of a Merkle tree (RFC 9162, section 2.1). A *path* holds the
few hashes that lead from one leaf to the tree's root; who trusts the root needs no other entry, and learns of none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import TrailError, head
from exportadmin.lib.heavy import check_time

PAGE = 20_000


@dataclass(frozen=True, slots=True)
class Inclusion:
    """Of entries in the trail as it was when its head was entry ``sequence`` with ``hash``; all in hexadecimal.

    ``paths`` are of the entries that were asked for, in their order, each from leaf to root.
    """

    sequence: int
    hash: str
    root: str
    paths: list[list[str]]


def inclusion(sequences: Sequence[int]) -> Inclusion:
    """Of these entries. Reads the hash of every entry: a second for some hundred thousand of them.

    Raises :class:`TrailError` where the trail has gaps or does not end with its head.
    """
    last, last_hash = head()
    leaves = _leaves(last)
    if (
        len(leaves) != last
        or not last
        or leaves[-1] != _leaf(last_hash)
        or not 0 < min(sequences) <= max(sequences) <= last
    ):
        raise TrailError("the trail is not whole, so nothing is proved by it: `exportadmin verify_audit` says more")
    root, paths = merkle([sequence - 1 for sequence in sequences], leaves)
    return Inclusion(last, last_hash, root.hex(), [[one.hex() for one in path] for path in paths])


def merkle(places: Sequence[int], leaves: list[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """``(root, paths)`` of the leaves in these places, which are counted from 0."""
    level, at = leaves, list(places)
    paths: list[list[bytes]] = [[] for _ in places]
    while len(level) > 1:
        check_time()
        for path, place in zip(paths, at, strict=True):
            if (sibling := place ^ 1) < len(level):
                path.append(level[sibling])
        pairs = zip(level[::2], level[1::2], strict=False)
        alone = level[-1:] if len(level) % 2 else []
        level = [hashlib.sha256(b"\1" + left + right).digest() for left, right in pairs] + alone
        at = [place // 2 for place in at]
    return level[0], paths


def _leaves(last: int) -> list[bytes]:
    leaves: list[bytes] = []
    entries = AuditEntry.objects.filter(sequence__lte=last).order_by("sequence")
    after = 0
    while page := list(entries.filter(sequence__gt=after).values_list("sequence", "hash")[:PAGE]):
        check_time()
        leaves += [_leaf(text) for _, text in page]
        after = page[-1][0]
    return leaves


def _leaf(text: str) -> bytes:
    try:
        return hashlib.sha256(b"\0" + bytes.fromhex(text)).digest()
    except ValueError:
        raise TrailError("the trail holds a hash that is none: `exportadmin verify_audit` says more") from None
