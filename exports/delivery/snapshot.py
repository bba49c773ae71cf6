"""What a delivery of rows says beyond the rows, so that they can be read back later exactly as they were.

It stands in the manifest under ``snapshot``: the project's name and ontology of that moment, and for every row its
number and its first COCO annotation id, which the row itself does not hold. Where rows were read from several projects
``origins`` names these, and every row has its number in each of them besides.
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

_NUMBER: Final = np.dtype("<i8")
# of a row in a project that it was not read from
NOWHERE: Final = -1
_BLOCK: Final = 1 << 16  # bytes inflated at once


class RowNumbers:
    """``(number, first annotation id, its numbers in the projects …)`` of the rows as they pass: differences, deflated,
    some bits a row.

    The annotation id is 0 where the source hands out none. ``projects`` are the keys of those by which rows say their
    origins.
    """

    def __init__(self, projects: Sequence[int] = ()) -> None:
        self._projects = projects
        self._packer = zlib.compressobj(6)
        self._last = np.zeros((1, 2 + len(projects)), _NUMBER)
        self._packed: list[bytes] = []

    def add(self, batch: RowBatch) -> None:
        """The next rows."""
        numbers = np.zeros((len(batch), self._last.shape[1]), _NUMBER)
        numbers[:, 0] = batch.numbers
        if batch.annotation_starts:
            numbers[:, 1] = batch.annotation_starts
        for place, project in enumerate(self._projects, start=2):
            numbers[:, place] = [origin.get(project, NOWHERE) for origin in batch.origins]
        differences = np.diff(numbers, axis=0, prepend=self._last)
        self._last = numbers[-1:]
        self._packed.append(self._packer.compress(differences.tobytes()))

    def text(self) -> str:
        """All of them; call it once, at the end."""
        return base64.b64encode(b"".join([*self._packed, self._packer.flush()])).decode("ascii")


def read_numbers(text: str, projects: int = 0) -> Iterator[tuple[int, ...]]:
    """Back from :meth:`RowNumbers.text`, of so many projects, in memory that does not grow. Raises
    :class:`PermanentError`."""
    width = 2 + projects
    size = width * _NUMBER.itemsize
    last = np.zeros(width, _NUMBER)
    try:
        unpacker, packed = zlib.decompressobj(), base64.b64decode(text, validate=True)
        while block := unpacker.decompress(packed, _BLOCK):
            packed = unpacker.unconsumed_tail
            if not unpacker.eof and len(block) % size:
                more = unpacker.decompress(packed, size - len(block) % size)
                packed, block = unpacker.unconsumed_tail, block + more
            numbers = np.cumsum(np.frombuffer(block, _NUMBER).reshape(-1, width), axis=0) + last
            last = numbers[-1]
            yield from map(tuple, numbers.tolist())
    except (ValueError, zlib.error) as error:
        raise PermanentError(f"the manifest's numbers of rows cannot be read ({error}): it was changed") from None


def to_json(
    project_name: str,
    ontology: Sequence[OntologyClass],
    project_extra: Mapping[str, Any],
    numbers: RowNumbers,
    origins: Sequence[str] = (),
) -> dict[str, Any]:
    """The manifest's ``snapshot``. ``origins``: the public ids of the projects by which ``numbers`` were kept."""
    return {
        **({"origins": list(origins)} if origins else {}),
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
