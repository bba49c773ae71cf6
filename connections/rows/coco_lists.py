"""Entries of lists that COCO does not know, of one image: how they are kept beside its row and read back by an export.

``source_extra.coco_lists`` of a row is ``{"scene_annotations": [{"image_id": 1, …}, …], …}``. The fragment holds each
entry with the name of its list, so that an export sorts them by list without parsing any.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

# neither stands raw in JSON text
_BETWEEN: Final = b"\x1e"
_BEHIND_NAME: Final = b"\x1f"


def render_lists(document: Mapping[str, Any], *, number: int) -> bytes:
    """The fragment of a complete row, empty for nearly all. Every entry's ``image_id`` is ``number``."""
    extra = document.get("source_extra")
    lists = extra.get("coco_lists") if extra else None
    if not lists:
        return b""
    return _BETWEEN.join(
        orjson.dumps(name)
        + _BEHIND_NAME
        + orjson.dumps({**entry, "image_id": number} if "image_id" in entry else entry)
        for name, entries in lists.items()
        for entry in entries
    )


def read_lists(fragments: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """``(name of a list as JSON text, an entry)`` of all the fragments."""
    text = _BETWEEN.join(filter(None, fragments))
    if text:
        for part in text.split(_BETWEEN):
            name, _, entry = part.partition(_BEHIND_NAME)
            yield name, entry
