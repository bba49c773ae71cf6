"""Masks of an export: pictures behind addresses that die, fetched and put into the rows as runs of pixels.

A picture holds one mask (``mask``), or all of a label or a frame, each in a colour of its own (``composite_mask``); it
is fetched once for all of them. The key goes along to the platform's own host alone. What cannot be had stays in its
row as it came, and is counted with its reason and one address; the next full sync, of which the addresses are new,
tries it again. What may be had later is counted apart, with the ids of its rows: whoever syncs asks for those again.
Where many fail one after another it is left, and begun again a little later; at the last time the rest is left out.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from connections.platforms.labelbox.client import Client, shown
from connections.platforms.labelbox.names import MOST_IDS
from connections.rows.composite_masks import MOST_PIXELS
from connections.rows.masks import compressed
from exportadmin.lib import json_stream
from exportadmin.lib.errors import ExportAdminError, TransientError, UserError
from exportadmin.lib.json_stream import MAX_ELEMENT_BYTES, RowRefused

AT_ONCE: Final = 8
AHEAD: Final = 2 * AT_ONCE
MAX_BYTES: Final = 32 * 1024 * 1024
MOST_RUNS: Final = 4_000_000
MOST_PICTURES: Final = 1_000_000
# so many in a row that may be had later are the platform's trouble, not theirs
MOST_FAILURES: Final = 16
# so often it is left for that, and begun again
MOST_STOPS: Final = 2
NOT_HAD: Final = "masks that could not be had"
_MARKS: Final = re.compile(rb'"(?:composite_)?mask"\s*:\s*\{[^{}]*"url"')
_LONGEST_MARK: Final = 4096
_BLOCK: Final = 1 << 20
_BAND: Final = 1 << 20  # pixels
_RGB: Final = 0xFFFFFF
# what Pillow raises for a broken file; behind the pixels it reads on without catching what it catches before them
_NO_PICTURE: Final = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    struct.error,
    zlib.error,
)
_Json = dict[str, Any]
Colour: TypeAlias = tuple[int, int, int] | None
# begins and ends of runs, counted in pixels down the columns
_Runs: TypeAlias = list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def have_to_be_fetched(path: Path) -> bool:
    """Does a file of rows name pictures of masks?"""
    before = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if _MARKS.search(before + block):
                return True
            before = block[-_LONGEST_MARK:]
    return False


@dataclass(slots=True)
class NotHad:
    """What could not be had: ``reasons`` → how often, and one of each. ``deferred`` of them may be had later; they are
    of the rows ``deferred_rows``, by their ids (empty: it has none), one more than can be asked for at most.
    """

    reasons: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    deferred: int = 0
    deferred_rows: list[str] = field(default_factory=list)

    def add(self, reason: str | TransientError, row_id: str, url: str) -> None:
        """One more."""
        text = f"{NOT_HAD} ({reason})"
        self.reasons[text] = self.reasons.get(text, 0) + 1
        self.examples.setdefault(text, f"that of row {row_id[:80]!r}{f' at {shown(url)}' if url else ''}")
        if isinstance(reason, TransientError):
            self.deferred += 1
            if row_id not in self.deferred_rows[-1:] and len(self.deferred_rows) <= MOST_IDS:
                self.deferred_rows.append(row_id)

    def notes(self) -> dict[str, int]:
        """A text → how often."""
        return {f"{text}, such as {self.examples[text]}": count for text, count in self.reasons.items()}


@dataclass(slots=True)
class _Place:
    """How far the rows of a file of so many ``bytes`` were written, all with what could be had of their masks.
    ``stops``: how often it was left since many failed one after another.
    """

    task_id: str
    bytes: int
    read: int = 0
    written: int = 0
    received: int = 0
    stops: int = 0
    not_had: NotHad = field(default_factory=NotHad)


def put_in(client: Client, task_id: str, path: Path, made: Path, on_bytes: Callable[[int], None]) -> NotHad:
    """Write the rows of a file with their masks in them to ``made``.

    ``on_bytes`` is told of each picture, first of those that an attempt before put in: it goes on behind their rows.
    Raises ``TransientError`` where the platform does not answer any more, :data:`MOST_STOPS` times at most.
    """
    kept, size = made.with_name(f"{made.name}.place"), path.stat().st_size
    try:
        return _put_in(client, path, made, kept, _read(kept, _Place(task_id, size), made), on_bytes)
    except TransientError:
        place = _read(kept, _Place(task_id, size), made)
        place.stops += 1
        kept.write_bytes(orjson.dumps(asdict(place)))
        raise


def _put_in(
    client: Client, path: Path, made: Path, kept: Path, place: _Place, on_bytes: Callable[[int], None]
) -> NotHad:
    on_bytes(place.received)
    with (
        closing(_Pictures(client, on_bytes, place)) as pictures,
        path.open("rb") as file,
        made.open("r+b" if place.read else "wb") as out,
    ):
        file.seek(place.read)
        out.seek(place.written)
        out.truncate()
        before = place.received
        for line in _lines(file):
            place.read += len(line)
            has_masks = len(line) <= MAX_ELEMENT_BYTES and _MARKS.search(line)
            if has_masks:
                line = _with_masks(line, pictures)
            place.written += out.write(line)
            if has_masks:
                out.flush()
                place.received = before + pictures.received
                kept.write_bytes(orjson.dumps(asdict(place)))
    return place.not_had


def _read(kept: Path, fresh: _Place, made: Path) -> _Place:
    """What an attempt before came to, of this very file."""
    try:
        told = orjson.loads(kept.read_bytes())
        place = _Place(**{**told, "not_had": NotHad(**told["not_had"])})
        is_same = (place.task_id, place.bytes) == (fresh.task_id, fresh.bytes) and place.written <= made.stat().st_size
    except (OSError, orjson.JSONDecodeError, TypeError, KeyError):
        return fresh
    return place if is_same else fresh


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """One that is longer than any row may be comes in pieces."""
    while line := file.readline(MAX_ELEMENT_BYTES + 1):
        yield line


def _with_masks(line: bytes, pictures: _Pictures) -> bytes:
    try:
        # as strictly as whoever reads the file, who says what is wrong: written anew that would not be seen
        row = json_stream.parse(next(json_stream.lines(BytesIO(line))))
    except (UserError, RowRefused, StopIteration):
        return line
    data_row = row.get("data_row") if isinstance(row, dict) else None
    row_id = data_row.get("id") if isinstance(data_row, dict) else None
    pictures.row_id = row_id if isinstance(row_id, str) else ""
    wanted: dict[str, list[tuple[_Json, Colour]]] = {}
    for mark in _marks_of(row):
        url, colour = _picture_of(mark, pictures)
        if url:
            wanted.setdefault(url, []).append((mark, colour))
    for url, content in pictures.fetch(wanted):
        colours = [colour for _, colour in wanted[url]]
        found: Sequence[_Json | str | TransientError]
        found = runs_of(content, colours) if isinstance(content, bytes) else [content] * len(colours)
        for (mark, _), mask in zip(wanted[url], found, strict=True):
            if isinstance(mask, dict):
                _replace(mark, mask)
            else:
                pictures.miss(mask, url)
    return orjson.dumps(row) + b"\n"


def _replace(mark: _Json, mask: _Json) -> None:
    """Where the address stood, so that keys keep their order."""
    items = [("mask", mask) if key in ("composite_mask", "mask") else (key, value) for key, value in mark.items()]
    mark.clear()
    mark.update(items)


def _marks_of(row: Any) -> Iterator[_Json]:
    """All that have a mask, wherever they stand."""
    rest = [row]
    while rest:
        value = rest.pop()
        if isinstance(value, dict):
            if isinstance(value.get("composite_mask"), dict) or isinstance(value.get("mask"), dict):
                yield value
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)


def _picture_of(mark: _Json, pictures: _Pictures) -> tuple[str, Colour]:
    """An address, where it names one, and the colour of its pixels there (``None``: whatever is not black)."""
    composite = mark.get("composite_mask")
    if not isinstance(composite, dict):
        url = mark["mask"].get("url")
        return url if isinstance(url, str) and "counts" not in mark["mask"] else "", None
    url, colour = composite.get("url"), composite.get("color_rgb")
    if isinstance(url, str) and isinstance(colour, list) and len(colour) == 3 and all(map(_is_shade, colour)):
        return url, (int(colour[0]), int(colour[1]), int(colour[2]))
    pictures.miss("it has no address, or no colour")
    return "", None


def _is_shade(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 255 and value == int(value)


def runs_of(png: bytes, colours: Iterable[Colour]) -> list[_Json | str]:
    """``{"size": [height, width], "counts": …}`` of the pixels of each colour, or why there is none.

    The picture is looked at once, a band of columns at a time, in which all runs of one colour are found together.
    """
    colours = list(colours)
    try:
        with Image.open(BytesIO(png), formats=["PNG"]) as picture:
            width, height = picture.size
            if width * height > MOST_PIXELS:
                larger = f"its picture of {width:,} x {height:,} pixels has more than {MOST_PIXELS:,}"
                return [larger] * len(colours)
            found = _found_in(picture, frozenset(colours))
    except _NO_PICTURE:
        return ["what came is no whole PNG picture"] * len(colours)
    if found is None:
        return [f"its picture is noise: the masks in it have more than {MOST_RUNS:,} runs"] * len(colours)
    return [_mask_of(found[colour], height, width, colour) for colour in colours]


def _found_in(picture: Image.Image, colours: frozenset[Colour]) -> dict[Colour, _Runs] | None:
    """``None``: there are more than :data:`MOST_RUNS`, as of noise."""
    width, height = picture.size
    codes = {one: one[0] | one[1] << 8 | one[2] << 16 for one in colours if one is not None}
    found: dict[Colour, _Runs] = {colour: [] for colour in colours}
    across, kept = max(1, _BAND // height), 0
    for left in range(0, width, across):
        band = picture.crop((left, 0, min(left + across, width), height)).convert("RGBA")
        pixels = np.asarray(band).view("<u4")[..., 0].T.ravel()
        begins = np.concatenate(([0], np.flatnonzero(pixels[1:] != pixels[:-1]) + 1))
        ends, values = np.append(begins[1:], pixels.size), pixels[begins]
        shades = values & _RGB
        there = set(np.unique(shades).tolist())
        for colour, runs in found.items():
            if colour is None:
                of_it = (shades != 0) & (values > _RGB)
            elif codes[colour] in there:
                of_it = shades == codes[colour]
            else:
                continue
            runs.append((begins[of_it] + left * height, ends[of_it] + left * height))
            kept += len(runs[-1][0])
        if kept > MOST_RUNS:
            return None
    return found


def _mask_of(runs: _Runs, height: int, width: int, colour: Colour) -> _Json | str:
    if not any(begins.size for begins, _ in runs):
        return "its picture has no pixel of that colour" if colour else "its picture is empty"
    begins, ends = (np.concatenate(side) for side in zip(*runs, strict=True))
    # those that touch are one: at the edge of a band, or where they differ in their opacity alone
    is_apart = begins[1:] != ends[:-1]
    begins, ends = begins[np.append(True, is_apart)], ends[np.append(is_apart, True)]
    counts = np.diff(np.column_stack((begins, ends)).ravel(), prepend=0, append=height * width)
    if not counts[-1]:
        counts = counts[:-1]
    return {"size": [height, width], "counts": compressed(counts, height, width)}


class _Pictures:
    """A few are fetched at once, for the row ``row_id``; ``received``: bytes. What cannot be had is added to that of
    ``place``.
    """

    def __init__(self, client: Client, on_bytes: Callable[[int], None], place: _Place) -> None:
        self.row_id = ""
        self.received = 0
        self._not_had, self._is_last = place.not_had, place.stops >= MOST_STOPS
        self._given_up: TransientError | None = None
        self._on_bytes = on_bytes
        self._failures = self._count = 0
        # a session for each that is fetched at once
        self._spare = deque(client.masks() for _ in range(AT_ONCE))
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="masks")

    def close(self) -> None:
        """Nothing more is fetched."""
        self._pool.shutdown(cancel_futures=True)

    def miss(self, reason: str | TransientError, url: str = "") -> None:
        """Count one that could not be had."""
        self._not_had.add(reason, self.row_id, url)

    def fetch(self, addresses: Iterable[str]) -> Iterator[tuple[str, bytes | TransientError | str]]:
        """Each address with its content, or why there is none, in order. Raises ``TransientError``."""
        rest = iter(addresses)
        waiting: deque[tuple[str, Future[bytes | TransientError | str]]] = deque()
        while True:
            while len(waiting) < AHEAD and (url := next(rest, None)) is not None:
                waiting.append((url, self._pool.submit(self._one, url)))
            if not waiting:
                return
            url, future = waiting.popleft()
            content = future.result()
            size = len(content) if isinstance(content, bytes) else 0
            self.received += size
            self._on_bytes(size)
            self._failures = self._failures + 1 if isinstance(content, TransientError) else 0
            if isinstance(content, TransientError) and self._failures >= MOST_FAILURES and self._given_up is None:
                told = TransientError(f"{MOST_FAILURES} masks, one after another: {content}")
                if not self._is_last:
                    raise told
                self._given_up = told
            yield url, content

    def _one(self, url: str) -> bytes | TransientError | str:
        if self._given_up is not None:
            return self._given_up
        self._count += 1
        if self._count > MOST_PICTURES:
            return f"no more than {MOST_PICTURES:,} pictures are fetched"
        get = self._spare.popleft()
        try:
            return get(url, MAX_BYTES)
        except TransientError as error:
            return error
        except ExportAdminError as error:
            return str(error)
        finally:
            self._spare.append(get)
