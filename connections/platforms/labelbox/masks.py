"""Masks of an export: pictures behind addresses that die, fetched and put into the rows as runs of pixels.

A picture holds one mask (``mask``), or all of a label or a frame, each in a colour of its own (``composite_mask``); it
is fetched once for all of them. The key goes along to the platform's own host alone. What cannot be had stays in its
row as it came, and is counted with its reason; the next full sync, of which the addresses are new, tries it again.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

import numpy as np
import orjson
from PIL import Image, UnidentifiedImageError
from pycocotools import mask as coco_mask

from connections.platforms.labelbox.client import Client
from exportadmin.lib.errors import ExportAdminError, TransientError
from exportadmin.lib.json_stream import MAX_ELEMENT_BYTES

AT_ONCE: Final = 8
AHEAD: Final = 2 * AT_ONCE
MAX_BYTES: Final = 32 * 1024 * 1024
MAX_PIXELS: Final = 100_000_000
MOST_PICTURES: Final = 1_000_000
# so many in a row that may be had later are the platform's trouble, not theirs
MOST_FAILURES: Final = 16
NOT_HAD: Final = "masks that could not be had"
_MARKS: Final = re.compile(rb'"(?:composite_)?mask"\s*:\s*\{[^{}]*"url"')
_LONGEST_MARK: Final = 4096
_BLOCK: Final = 1 << 20
_Json = dict[str, Any]
Colour: TypeAlias = tuple[int, int, int] | None


def have_to_be_fetched(path: Path) -> bool:
    """Does a file of rows name pictures of masks?"""
    before = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if _MARKS.search(before + block):
                return True
            before = block[-_LONGEST_MARK:]
    return False


def put_in(client: Client, path: Path, made: Path, on_progress: Callable[[], None]) -> Counter[str]:
    """Write the rows of a file with their masks in them to ``made``; what could not be had, a text → how often.

    ``on_progress`` is called at each picture. Raises ``TransientError`` where the platform does not answer any more.
    """
    with closing(_Pictures(client, on_progress)) as pictures, path.open("rb") as file, made.open("wb") as out:
        for line in _lines(file):
            if len(line) <= MAX_ELEMENT_BYTES and _MARKS.search(line):
                line = _with_masks(line, pictures)
            out.write(line)
    return pictures.not_had


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """One that is longer than any row may be comes in pieces."""
    while line := file.readline(MAX_ELEMENT_BYTES + 1):
        yield line


def _with_masks(line: bytes, pictures: _Pictures) -> bytes:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:  # whoever reads the file says so
        return line
    wanted: dict[str, list[tuple[_Json, Colour]]] = {}
    for mark in _marks_of(row):
        url, colour = _picture_of(mark, pictures)
        if url:
            wanted.setdefault(url, []).append((mark, colour))
    for url, content in pictures.fetch(wanted):
        colours = [colour for _, colour in wanted[url]]
        found = [content] * len(colours) if isinstance(content, str) else runs_of(content, colours)
        for (mark, _), mask in zip(wanted[url], found, strict=True):
            if isinstance(mask, str):
                pictures.miss(mask)
            else:
                _replace(mark, mask)
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
    """``{"size": [height, width], "counts": …}`` of the pixels of each colour, or why there is none."""
    colours = list(colours)
    try:
        with Image.open(BytesIO(png), formats=["PNG"]) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return [f"its picture has more than {MAX_PIXELS:,} pixels"] * len(colours)
            shades = np.asarray(picture.convert("RGBA"), dtype=np.uint32)
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return ["what came is no whole PNG picture"] * len(colours)
    codes = shades[..., 0] << 16 | shades[..., 1] << 8 | shades[..., 2]
    return [_runs(codes, shades[..., 3], colour) for colour in colours]


def _runs(codes: Any, opacity: Any, colour: Colour) -> _Json | str:
    if colour is None:
        pixels = (codes != 0) & (opacity != 0)
    else:
        pixels = codes == (colour[0] << 16 | colour[1] << 8 | colour[2])
    if not pixels.any():
        return "its picture has no pixel of that colour" if colour else "its picture is empty"
    rle = coco_mask.encode(np.asfortranarray(pixels, dtype=np.uint8))
    return {"size": [int(side) for side in rle["size"]], "counts": rle["counts"].decode("ascii")}


class _Pictures:
    """A few are fetched at once; ``not_had``: texts → how often."""

    def __init__(self, client: Client, on_progress: Callable[[], None]) -> None:
        self.not_had: Counter[str] = Counter()
        self._on_progress = on_progress
        self._failures = self._count = 0
        # a session for each that is fetched at once
        self._spare = deque(client.masks() for _ in range(AT_ONCE))
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="masks")

    def close(self) -> None:
        """Nothing more is fetched."""
        self._pool.shutdown(cancel_futures=True)

    def miss(self, reason: str) -> None:
        """Count one that could not be had."""
        self.not_had[f"{NOT_HAD} ({reason})"] += 1

    def fetch(self, addresses: Iterable[str]) -> Iterator[tuple[str, bytes | str]]:
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
            self._on_progress()
            self._failures = self._failures + 1 if isinstance(content, TransientError) else 0
            if isinstance(content, TransientError):
                if self._failures >= MOST_FAILURES:
                    raise TransientError(f"{MOST_FAILURES} masks, one after another: {content}")
                yield url, str(content)
            else:
                yield url, content

    def _one(self, url: str) -> bytes | TransientError | str:
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
