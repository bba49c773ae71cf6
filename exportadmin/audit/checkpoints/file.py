"""The file of checkpoints: lines are added at its end, and nothing else is ever done with it.

A machine that stops in the middle of a line leaves a piece without an end. Nothing was said to be written then: the
next writer takes the piece away, and readers leave it out.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exportadmin.audit.checkpoints.form import (
    ACCEPTED,
    LONGEST,
    NOTHING_BEFORE,
    Break,
    Checkpoint,
    CheckpointError,
    parse,
)
from exportadmin.lib.signing import PublicKey

_PIECE: Final = 1 << 16
# a line takes some milliseconds; what waits for longer goes on without a checkpoint
LOCK_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.02
GONE, SHORTENED, CHANGED = "checkpoints gone", "checkpoints shortened", "checkpoints altered"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the checkpoints themselves. ``sequence``: the last entry that can still be compared there."""

    kind: str
    sequence: int
    message: str


@dataclass(slots=True)
class Scanned:
    """All lines, looked at once: ``size`` bytes. ``last`` is the last that is one; ``faults`` nobody has accepted."""

    lines: int = 0
    size: int = 0
    last: Checkpoint | None = None
    sha256: str = ""
    faults: list[Fault] = field(default_factory=list)
    accepted_faults: int = 0


def lines(path: Path, after: int = 0, until: int | None = None) -> Iterator[bytes]:
    """Each whole line that begins at these bytes, without its end. A file that is not there has none.

    Raises ``OSError``.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        at = file.seek(after)
        while (until is None or at < until) and (line := file.readline(LONGEST)):
            at += len(line)
            if line.endswith(b"\n"):
                yield line[:-1]
            elif len(line) == LONGEST:  # no line of ours
                yield line


def scan(path: Path, keys: tuple[PublicKey, ...]) -> Scanned:
    """Look at all lines, in flat memory. Each names the one before, so a good signature of the last is one of all.

    Raises ``OSError``.
    """
    found = Scanned()
    digest = hashlib.sha256()
    for raw in lines(path):
        found.lines += 1
        found.size += len(raw) + 1
        try:
            one = parse(raw)
        except CheckpointError as error:
            found.faults.append(_fault(found, f"line {found.lines:,} of {path} {error}"))
        else:
            message = _wrong_place(found.last, one)
            if found.last is not None and (message or one.cause == ACCEPTED or found.last.key != one.key):
                _check_signature(found, keys)
            if one.cause == ACCEPTED:
                _accept(found, one, digest.hexdigest())
            elif message:
                found.faults.append(_fault(found, f"line {found.lines:,} of {path}: {message}"))
            found.last = one
        digest.update(raw + b"\n")
    found.sha256 = digest.hexdigest()
    _check_signature(found, keys)
    return found


def signed_breaks(path: Path, keys: tuple[PublicKey, ...], scanned: Scanned) -> tuple[Break, ...]:
    """All that were accepted, as the last line that we have signed tells of them: anybody can add one that is not."""
    last = scanned.last
    if last is None or not scanned.faults or last.is_signed_by(keys):
        return last.breaks if last else ()
    found: tuple[Break, ...] = ()
    for one in _parsed(path, scanned):
        if one.is_signed_by(keys):
            found = one.breaks
    return found


def witnessed(
    path: Path, keys: tuple[PublicKey, ...], scanned: Scanned, breaks: Sequence[Break]
) -> Iterator[Checkpoint]:
    """Those that can be compared, in the order of their entries: of a file with faults each by its own signature.

    ``breaks`` are those that somebody has accepted. Lines that were added since the file was scanned tell of entries
    that whoever walks the trail may not have seen: they are left out.
    """
    is_whole = not scanned.faults and not scanned.accepted_faults
    reached = 0
    for one in _parsed(path, scanned):
        if any(each.covers(one.sequence, one.at_ms) for each in breaks):
            continue
        if one.sequence >= reached and (is_whole or one.is_signed_by(keys)):
            reached = one.sequence
            yield one


def _parsed(path: Path, scanned: Scanned) -> Iterator[Checkpoint]:
    for raw in lines(path, until=scanned.size):
        try:
            yield parse(raw)
        except CheckpointError:
            continue


def _fault(found: Scanned, message: str) -> Fault:
    return Fault(CHANGED, found.last.sequence if found.last else 0, message)


def _accept(found: Scanned, one: Checkpoint, lines_sha256: str) -> None:
    """What was wrong before is known to whoever accepted it, if those lines are still what they were then."""
    if one.breaks and one.breaks[-1].lines_sha256 == lines_sha256:
        found.accepted_faults += len(found.faults)
        found.faults.clear()
    else:
        found.faults.append(_fault(found, f"the lines before line {found.lines:,} are not what was accepted there"))


def _wrong_place(last: Checkpoint | None, one: Checkpoint) -> str:
    number, previous = (last.number, last.sha256) if last else (0, NOTHING_BEFORE)
    if one.number > number + 1:
        gone = (
            f"checkpoint {number + 1:,} is" if one.number == number + 2 else f"{number + 1:,} to {one.number - 1:,} are"
        )
        return f"{gone} gone before checkpoint {one.number:,}"
    if one.number <= number:
        return f"checkpoint {one.number:,} stands behind checkpoint {number:,}"
    if one.previous != previous:
        return f"checkpoint {one.number:,} does not follow the one before it: that one was changed"
    if last is not None and one.sequence < last.sequence:
        return f"checkpoint {one.number:,} ends before the one before it"
    return ""


def _check_signature(found: Scanned, keys: tuple[PublicKey, ...]) -> None:
    last = found.last
    if last is None or last.is_signed_by(keys):
        return
    why = (
        "does not match its signature" if last.key in keys else f"is signed by key {last.key.key_id}, which is not ours"
    )
    found.faults.append(Fault(CHANGED, last.sequence, f"checkpoint {last.number:,} {why}"))


def size(path: Path) -> int:
    """Bytes; 0: there is no file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def copy_as_of(path: Path, target: Path, *, size: int, known: Mapping[str, int]) -> None:
    """The lines of the moment at which the database was copied: later ones tell of entries that are not in the copy.

    Those are the first ``size`` bytes, as long as the file was before, and what the copy knows of (series → number),
    which may be a little more. Raises ``OSError``.
    """
    if not path.exists():
        return
    done = 0
    with open(target, "xb", opener=_private) as copy:
        for raw in lines(path):
            if done >= size:
                try:
                    one = parse(raw)
                except CheckpointError:
                    return
                if one.number > known.get(one.series, 0):
                    return
            done += copy.write(raw + b"\n")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class OpenFile:
    """The file, held for one writer."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def last(self) -> bytes | None:
        """Its last line; a piece behind it is taken away. Raises ``OSError``."""
        size = os.fstat(self._descriptor).st_size
        tail = b""
        at = size
        while at > 0 and tail.rstrip(b"\n").count(b"\n") < 2 and len(tail) <= 2 * LONGEST:
            step = min(_PIECE, at)
            at -= step
            tail = os.pread(self._descriptor, step, at) + tail
        whole, end, piece = tail.rpartition(b"\n")
        if piece:
            os.ftruncate(self._descriptor, size - len(piece))
        return whole.rpartition(b"\n")[2] if end else None

    def append(self, line: bytes) -> None:
        """Write it, to the disk itself. Raises ``OSError``; then nothing of it stays."""
        size = os.fstat(self._descriptor).st_size
        rest = line + b"\n"
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            os.fsync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise


def _lock(descriptor: int) -> None:
    """Raises ``BlockingIOError`` where another process does not let go of it: one that is frozen stops nobody."""
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


@contextmanager
def held(path: Path) -> Iterator[OpenFile]:
    """Open for adding lines, for one writer on this machine at a time; made where there is none. Raises ``OSError``."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        if is_new:
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        _lock(descriptor)
        yield OpenFile(descriptor)
    finally:
        os.close(descriptor)
