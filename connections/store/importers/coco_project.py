"""What a COCO file says that belongs to no image: its categories, info, licenses, and what COCO does not know."""

from __future__ import annotations

from typing import Any, Final

import orjson

from connections.store.import_row import IncomingClass
from connections.store.importers.coco_ids import identity_of
from connections.store.notes import CARRIED, CHANGED, NOT_KEPT, Notes
from exportadmin.lib import json_stream
from exportadmin.lib.errors import UserError
from exportadmin.lib.json_stream import Element, RowRefused

MAX_EXTRA_BYTES: Final = 1024 * 1024
MAX_ALL_EXTRA_BYTES: Final = 8 * MAX_EXTRA_BYTES


class Categories:
    """The classes of the file; a category that is not in order is an error of the whole file."""

    def __init__(self) -> None:
        self.classes: list[IncomingClass] = []
        self.names: dict[int | str, str] = {}
        self.notes = Notes()
        self._used: set[str] = set()

    def add(self, element: Element) -> None:
        position = element.position("category")
        try:
            category = json_stream.parse(element, "category")
            if type(category) is not dict:
                raise RowRefused(position, "a category is an object; this is none")
            identity = identity_of(category, "id", "the category's id", position)
        except RowRefused as refused:
            raise UserError(str(refused), field="file") from None
        name = category.get("name")
        if type(name) is not str or not name or len(name) > 500:
            raise UserError(f"{position}: a category needs a name of 1 to 500 characters", field="file")
        if identity in self.names:
            raise UserError(
                f"{position}: the category id {identity!r} is already that of {self.names[identity]!r}", field="file"
            )
        if name in self._used:
            numbered = f"{name} ({identity})"
            example = f"{position}: {name!r} is called {numbered!r}"
            self.notes.add(CHANGED, "categories whose name stands twice, called by their id too", example=example)
            if numbered in self._used:
                raise UserError(f"{position}: the name {numbered!r} stands twice", field="file")
            name = numbered
        self._used.add(name)
        self.names[identity] = name
        above = category.get("supercategory")
        is_number = type(identity) is int and identity >= 0
        extra = {key: kept for key, kept in category.items() if key not in ("id", "name", "supercategory")}
        if not is_number:
            extra["id"] = identity
        if above is not None and type(above) is not str:
            extra["supercategory"] = above
        self.classes.append(
            IncomingClass(
                name=name,
                number=int(identity) if is_number else None,
                supercategory=above if type(above) is str else "",
                extra=extra,
            )
        )


class Others:
    """What belongs to no image: info, licenses, lists that COCO does not know. Bounded."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self._counts: dict[str, int] = {}
        self._bytes: dict[str, int] = {}
        self._left_out: dict[str, int] = {}
        self._whole_left_out: list[str] = []

    def begin(self, name: str) -> None:
        self._counts[name] = 0
        self.kept[name] = []

    def add(self, name: str, raw: bytes) -> None:
        self._counts[name] += 1
        if self._has_room(name, len(raw)):
            self.kept[name].append(orjson.loads(raw))
        else:
            self._left_out[name] = self._left_out.get(name, 0) + 1

    def add_whole(self, name: str, raw: bytes) -> None:
        if self._has_room(name, len(raw)):
            self.kept[name] = orjson.loads(raw)
        else:
            self._whole_left_out.append(name)

    def _has_room(self, name: str, count: int) -> bool:
        if name in self._left_out:
            return False
        used = self._bytes.get(name, 0) + count
        if used > MAX_EXTRA_BYTES or sum(self._bytes.values()) + count > MAX_ALL_EXTRA_BYTES:
            return False
        self._bytes[name] = used
        return True

    def note(self, notes: Notes) -> None:
        """What there is to say of them; lists whose entries all went to their images are emptied."""
        for name, count in self._counts.items():
            if not count:
                if name != "licenses":
                    del self.kept[name]
                continue
            left_out = self._left_out.get(name, 0)
            if left_out:
                notes.add(NOT_KEPT, f"entries of {name!r}: of more than 1 MiB the rest is dropped", count=left_out)
            if name != "licenses" and count > left_out:
                text = f"entries of {name!r}, not part of COCO, kept with the project"
                notes.add(CARRIED, text, count=count - left_out)
        for name in self.kept:
            if name not in self._counts and name != "info":
                notes.add(CARRIED, "entries of the file itself, not part of COCO, kept with the project", example=name)
        for name in self._whole_left_out:
            notes.add(NOT_KEPT, "entries of the file itself that take more than 1 MiB", example=name)
