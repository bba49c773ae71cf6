"""Train, validation and test: which rows of a data set go where, settled by the row alone."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from exports.formats.base import TextOption

NONE: Final = "none"
SPLITS: Final = ("train", "val", "test")
SPLIT: Final = TextOption(
    "split",
    (NONE, "80/10/10"),
    "Shares of train, val and test, such as 80/10/10 or 80/20; none: all of it is train. A row goes by its id and the "
    "seed, so it stays where it is when others come or go.",
    pattern=r"none|[1-9][0-9]{0,3}(?:/[0-9]{1,4}){1,2}",
    expected="none, or two or three shares such as 80/20 or 80/10/10",
    max_length=14,
)
SEED: Final = TextOption(
    "seed",
    ("0",),
    "Any word or number: another one divides the rows in another way.",
    pattern=r"[A-Za-z0-9_.-]{1,40}",
    expected="1 to 40 letters from a to z, digits, dots, hyphens or underscores",
    max_length=40,
)
_WHOLE: Final = 1 << 64


class Splits:
    """Of one run; ``split`` and ``seed`` are the values of the two options. ``counts`` are the rows of each."""

    def __init__(self, split: str, seed: str) -> None:
        self._lead = f"{seed}|".encode()
        shares = [] if split == NONE else [int(share) for share in split.split("/")]
        # where in the range of a hash each ends; a share of 0 has no part of it
        self._ends = [
            (name, sum(shares[: place + 1]) * _WHOLE // sum(shares))
            for place, (name, share) in enumerate(zip(SPLITS, shares, strict=False))
            if share
        ]
        self.counts: dict[str, int] = {name: 0 for name, _ in self._ends} or {SPLITS[0]: 0}

    @property
    def is_divided(self) -> bool:
        """Is there more than train alone?"""
        return len(self.counts) > 1

    def of(self, row_id: str) -> str:
        """The split of a row, which is counted."""
        name = SPLITS[0]
        if len(self._ends) > 1:
            place = int.from_bytes(sha256(self._lead + row_id.encode()).digest()[:8], "big")
            name = next(name for name, end in self._ends if place < end)
        self.counts[name] += 1
        return name
