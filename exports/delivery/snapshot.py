"""What a delivery of rows says beyond the rows, so that they can be read back later exactly as they were.

It stands in the manifest under ``snapshot``: the project's name and ontology of that moment, and for every row its
number and its first COCO annotation id, which the row itself does not hold.
"""

from __future__ import annotations

import base64
import dataclasses
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import orjson

from connections.rows.batch import OntologyClass, RowBatch
from exportadmin.lib.errors import PermanentError

_PAIR: Final = np.dtype("<i8")
_BLOCK: Final = 1 << 16  # bytes inflated at once


class RowNumbers:
    """``(number, first annotation id)`` of the rows as they pass: differences, deflated, some bits a row.

    The annotation id is 0 where the source hands out none.
    """

    def __init__(self) -> None:
        self._packer = zlib.compressobj(6)
        self._last = np.zeros((1, 2), _PAIR)
        self._packed: list[bytes] = []

    def add(self, batch: RowBatch) -> None:
        """The next rows."""
        pairs = np.zeros((len(batch), 2), _PAIR)
        pairs[:, 0] = batch.numbers
        if batch.annotation_starts:
            pairs[:, 1] = batch.annotation_starts
        differences = np.diff(pairs, axis=0, prepend=self._last)
        self._last = pairs[-1:]
        self._packed.append(self._packer.compress(differences.tobytes()))

    def text(self) -> str:
        """All of them; call it once, at the end."""
        return base64.b64encode(b"".join([*self._packed, self._packer.flush()])).decode("ascii")


def read_numbers(text: str) -> Iterator[tuple[int, int]]:
    """Back from :meth:`RowNumbers.text`, in memory that does not grow. Raises :class:`PermanentError`."""
    last = np.zeros(2, _PAIR)
    try:
        unpacker, packed = zlib.decompressobj(), base64.b64decode(text, validate=True)
        while block := unpacker.decompress(packed, _BLOCK):
            packed = unpacker.unconsumed_tail
            if not unpacker.eof and len(block) % 16:
                more = unpacker.decompress(packed, 16 - len(block) % 16)
                packed, block = unpacker.unconsumed_tail, block + more
            pairs = np.cumsum(np.frombuffer(block, _PAIR).reshape(-1, 2), axis=0) + last
            last = pairs[-1]
            yield from map(tuple, pairs.tolist())
    except (ValueError, zlib.error) as error:
        raise PermanentError(f"the manifest's numbers of rows cannot be read ({error}): it was changed") from None


def to_json(
    project_name: str, ontology: Sequence[OntologyClass], project_extra: Mapping[str, Any], numbers: RowNumbers
) -> dict[str, Any]:
    """The manifest's ``snapshot``."""
    return {
        "project_name": project_name,
        # as text: a manifest's keys are sorted, and these have an order of their own
        "project_extra": orjson.dumps(project_extra).decode(),
        "ontology": [dataclasses.asdict(each) for each in ontology],
        "numbers": numbers.text(),
    }


def project_extra_of(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Back from :func:`to_json`."""
    extra: dict[str, Any] = orjson.loads(snapshot["project_extra"])
    return extra


def ontology_of(snapshot: Mapping[str, Any]) -> list[OntologyClass]:
    """Back from :func:`to_json`."""
    return [OntologyClass(**each) for each in snapshot["ontology"]]
