"""Names for the files of an archive: none of them twice, none that a file system reads as something else."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import Final
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

# nearly all names, which need nothing done to them
_PLAIN: Final = re.compile(
    r"(?:(?!(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:/|$))[a-z0-9_-]{1,100}(?:/(?!$)|$)){1,8}", re.ASCII | re.IGNORECASE
)
# what a file system takes for something else, and what turns or hides the text around it
_UNUSABLE: Final = re.compile(
    r'[\\:*?"<>|\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff]+'
)
# Windows takes them for devices, whatever comes behind a dot
_DEVICES: Final = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
_MAX_PART_BYTES: Final = 150
# of 255 that file systems take
_MAX_LEAF_BYTES: Final = 200
_MAX_PARTS: Final = 8


def stem_of(file_name: object) -> str:
    """A relative path without the extension; ``""`` where nothing of it can be used. Its parts are never ``..``."""
    text = str(file_name)
    if _PLAIN.fullmatch(stem := text.rpartition(".")[0]):
        return stem
    parts = [*filter(None, map(_usable, text.replace("\\", "/").split("/")))]
    if parts and "." in parts[-1]:
        parts[-1] = _usable(parts[-1].rpartition(".")[0])
    return "/".join(parts[-_MAX_PARTS:])


def _usable(part: str) -> str:
    part = _UNUSABLE.sub("_", part).strip(". ")
    if _DEVICES.fullmatch(part):
        part = f"_{part}"
    return _end_of(part, _MAX_PART_BYTES)


def flat(stem: str) -> str:
    """A stem without folders, which stand in its name; cut so that a number and an extension have room beside it."""
    name = stem.replace("/", "_")
    return name if len(name) * 4 <= _MAX_LEAF_BYTES else _end_of(name, _MAX_LEAF_BYTES)


def _end_of(text: str, most: int) -> str:
    """The end, which is what tells pictures apart, in at most so many bytes."""
    return text.encode()[-most:].decode(errors="ignore").lstrip(". ")


class Marks:
    """A set of numbers of 64 bits, of which it remembers eight bytes each."""

    def __init__(self) -> None:
        # sorted; each at least twice as long as the next one
        self._known: list[NDArray[np.uint64]] = []

    def are_known(self, marks: Sequence[int]) -> list[bool]:
        """Which of them it has."""
        wanted = np.array(marks, np.uint64)
        found = np.zeros(len(wanted), np.bool_)
        for known in self._known:
            places = np.searchsorted(known, wanted)
            found |= known[np.minimum(places, len(known) - 1)] == wanted
        are_known: list[bool] = found.tolist()
        return are_known

    def remember(self, new: Collection[int]) -> None:
        """Numbers that it does not have, none of them twice."""
        if not new:
            return
        self._known.append(np.sort(np.fromiter(new, np.uint64, len(new))))
        while len(self._known) > 1 and len(self._known[-2]) < 2 * len(self._known[-1]):
            last = self._known.pop()
            self._known[-1] = np.sort(np.concatenate([self._known[-1], last]), kind="stable")


class UniqueNames(Marks):
    """No two names that it gives are the same, also where capitals and small letters are (macOS, Windows)."""

    def take(self, names: Sequence[str], numbers: Sequence[int]) -> list[str]:
        """The names, and where one was given before or is empty, with the row's number in front of its last part."""
        marks = list(map(_mark, names))
        found = self.are_known(marks)
        taken: set[int] = set()
        given: list[str] = []
        for name, number, mark, is_known in zip(names, numbers, marks, found, strict=True):
            while is_known or mark in taken or not name:
                folder, slash, leaf = name.rpartition("/")
                name = f"{folder}{slash}{number:012d}-{leaf}".rstrip("-")
                mark = _mark(name)
                (is_known,) = self.are_known([mark])
            taken.add(mark)
            given.append(name)
        self.remember(taken)
        return given


def mark_of(text: str) -> int:
    """64 bits that are a text's own, for :class:`Marks`."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def _mark(name: str) -> int:
    """Of names that some file system takes for the same one it is the same."""
    alike = name.lower() if name.isascii() else normalize("NFKC", normalize("NFKC", name).casefold())
    return mark_of(alike)
