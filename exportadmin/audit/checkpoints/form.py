"""One checkpoint: a line of canonical JSON, signed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from exportadmin.audit.canonical import canonical
from exportadmin.audit.models import GENESIS
from exportadmin.audit.verify import TAG, Witness
from exportadmin.lib import times
from exportadmin.lib.errors import ExportAdminError, UserError
from exportadmin.lib.signing import ALGORITHM, PublicKey, SigningKey

VERSION: Final = 1
PURPOSE: Final = "exportadmin audit checkpoint"
# entries that one line tells of: with their tags it has 16 KB
MOST_ENTRIES: Final = 2_000
# bytes; each break that was accepted makes a line longer
LONGEST: Final = 1 << 20
INTERVAL, DELIVERY, EXPORT, ACCEPTED = "interval", "delivery", "export", "accepted"
CAUSES: Final = (INTERVAL, DELIVERY, EXPORT, ACCEPTED)
_TAGS: Final = re.compile(rf"(?:[0-9a-f]{{{TAG}}})*", re.ASCII)
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_SIGNATURE: Final = {"algorithm", "key_id", "public_key", "value"}


class CheckpointError(ExportAdminError):
    """A line that is no checkpoint. The message goes on after its number."""


@dataclass(frozen=True, slots=True)
class Break:
    """Somebody (``by``) accepted a trail that is not the one that was witnessed, or checkpoints that are not whole.

    What was witnessed up to ``at_ms`` of entries from ``sequence`` on is no longer compared. ``lines_sha256`` is that
    of all lines before, as they were then. ``kind`` and ``message`` are those of the verdict; ``why``: in their words.
    """

    at_ms: int
    sequence: int
    kind: str
    message: str
    why: str
    by: str
    lines_sha256: str

    def covers(self, sequence: int, at_ms: int | None) -> bool:
        """Is what was witnessed of that entry then not compared any more?"""
        return sequence >= self.sequence and at_ms is not None and at_ms <= self.at_ms


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """``number`` counts the lines of one file from 1; ``previous`` is the sha256 of the line before.

    ``series`` tells files apart, and the installations that went on with one. Entries ``first`` to ``sequence`` have
    ``tags``; ``hash`` is whole. ``breaks`` are all that were ever accepted, so that the newest line tells of them.
    """

    series: str
    number: int
    previous: str
    at_ms: int
    installation: str
    cause: str
    first: int
    sequence: int
    hash: str
    tags: str
    breaks: tuple[Break, ...]
    raw: bytes
    key: PublicKey

    @property
    def sha256(self) -> str:
        """Of the line, without its end."""
        return hashlib.sha256(self.raw).hexdigest()

    def is_signed_by(self, keys: Sequence[PublicKey]) -> bool:
        """Is its signature one of these keys?"""
        document = json.loads(self.raw)
        value = document.pop("signature")["value"]
        return self.key in keys and self.key.has_signed(PURPOSE, canonical(document), value)

    def witness(self) -> Witness:
        """For the one who walks the trail."""
        name = f"checkpoint {self.number:,}"
        return Witness(self.sequence, self.hash, name, self.at_ms, self.first if self.tags else None, self.tags)


def write(
    *,
    series: str,
    number: int,
    previous: str,
    at_ms: int,
    installation: str,
    cause: str,
    sequence: int,
    hash: str,
    tags: str,
    breaks: Sequence[Break],
    key: SigningKey,
) -> Checkpoint:
    """Sign one. ``tags`` end with that of ``sequence``."""
    document: dict[str, Any] = {
        "checkpoint": VERSION,
        "series": series,
        "number": number,
        "previous": previous,
        "at": times.iso_utc(at_ms),
        "installation": installation,
        "cause": cause,
        "first": sequence + 1 - len(tags) // TAG,
        "sequence": sequence,
        "hash": hash,
        "tags": tags,
        "breaks": [{**asdict(each), "at_ms": None, "at": times.iso_utc(each.at_ms)} for each in breaks],
    }
    for each in document["breaks"]:
        del each["at_ms"]
    document["signature"] = {
        "algorithm": ALGORITHM,
        "key_id": key.public.key_id,
        "public_key": key.public.text,
        "value": key.sign(PURPOSE, canonical(document)),
    }
    return parse(canonical(document))


def parse(raw: bytes) -> Checkpoint:
    """Back from a line. Whether its signature is good, and whose, it does not ask. Raises :class:`CheckpointError`."""
    try:
        document = json.loads(raw)
        if not isinstance(document, dict) or canonical(document) != raw:
            raise CheckpointError("is not in canonical form")
        return _parsed(document, raw)
    except (ValueError, TypeError, RecursionError, UserError):
        raise CheckpointError("is not JSON of a checkpoint") from None


def _parsed(document: Mapping[str, Any], raw: bytes) -> Checkpoint:
    if document.get("checkpoint") != VERSION:
        raise CheckpointError(f"has version {document.get('checkpoint')!r}; this program reads {VERSION}")
    if set(document) != _MEMBERS:
        raise CheckpointError("has not the members of a checkpoint")
    numbers = {name: document[name] for name in ("number", "first", "sequence")}
    texts = {name: document[name] for name in ("series", "previous", "installation", "cause", "hash", "tags")}
    signature = document["signature"]
    if (
        any(type(value) is not int for value in numbers.values())
        or any(type(value) is not str for value in texts.values())
        or not _HASH.fullmatch(texts["hash"])
        or not _HASH.fullmatch(texts["previous"])
        or not _TAGS.fullmatch(texts["tags"])
        or numbers["sequence"] + 1 - numbers["first"] != len(texts["tags"]) // TAG
        or (texts["tags"] and texts["hash"][:TAG] != texts["tags"][-TAG:])
        or texts["cause"] not in CAUSES
        or not isinstance(signature, dict)
        or set(signature) != _SIGNATURE
        or not isinstance(signature["public_key"], str)
        or not _HASH.fullmatch(signature["public_key"])
        or not isinstance(signature["value"], str)
    ):
        raise CheckpointError("holds something that no checkpoint has")
    breaks = tuple(_break(each) for each in document["breaks"])
    at_ms = times.parse_ms(document["at"])
    key = PublicKey(signature["public_key"])
    return Checkpoint(**numbers, **texts, at_ms=at_ms, breaks=breaks, raw=raw, key=key)


def _break(document: Mapping[str, Any]) -> Break:
    given = {**document, "at_ms": times.parse_ms(document["at"])}
    del given["at"]
    if type(given["sequence"]) is not int or any(type(given[name]) is not str for name in _TEXTS):
        raise CheckpointError("tells of a break in a form that is none")
    return Break(**given)


_TEXTS: Final = ("kind", "message", "why", "by", "lines_sha256")
_MEMBERS: Final = {
    *("checkpoint", "series", "number", "previous", "at", "installation", "cause"),
    *("first", "sequence", "hash", "tags", "breaks", "signature"),
}
NOTHING_BEFORE: Final = GENESIS
