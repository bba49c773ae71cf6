"""What in a COCO file refers to its images, annotations and categories by id: it follows where these get another id.

Which keys refer to what is known by their names: ``…image_id`` to images, ``…annotation_id``, ``…_ann``, ``parent_id``
and ``group_id`` to annotations, ``neg_category_ids`` and its like to categories; in what is called relations or links,
``subject``, ``object``, ``source``, ``target``, ``from`` and ``to`` refer to annotations too. A value that is no id of
the file, or whose id was kept, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from connections.store import coco_head
from connections.store.importers.coco_ids import id_of
from connections.store.notes import Notes

Lookup = Callable[[int | str], int | None]

_IMAGE: Final = re.compile(r"(?:.*_)?im(?:age|g)_?ids?\Z", re.IGNORECASE)
_ANNOTATION: Final = re.compile(
    r"(?:(?:.*_)?ann(?:o|otation)?s?_ids?|.*_ann|parent(?:_ids?)?|children(?:_ids)?|child_ids?|group_id"
    r"|(?:prev|previous|next)_id)\Z",
    re.IGNORECASE,
)
_RELATION: Final = re.compile(r"relation|link", re.IGNORECASE)
_IN_RELATION: Final = re.compile(r"(?:subject|object|source|target|from|to)(?:_ids?)?\Z", re.IGNORECASE)
_CATEGORY: Final = re.compile(r"(?:(?:neg|pos|exhaustive|not_exhaustive)_)?category_ids?\Z", re.IGNORECASE)
# an entry's own, and what an export of ours put beside it
_NEVER: Final = frozenset({"id", "source_id"})
# lists that others refer to, which are settled first
_REFERRED_TO: Final = frozenset({"licenses", "videos"})


# keys of a file are few; in one that makes them up, the others are looked at each time
_MOST_KEYS_KNOWN: Final = 10_000


def kept(_: int | str) -> int | None:
    """A lookup where every id is kept."""
    return None


class References:
    """``images``, ``annotations`` and ``categories`` tell the new id of an old one; ``None`` where it is kept
    (:func:`kept`: all of them are). ``followed`` counts what was changed. Without ``is_needed`` nothing has another id.
    """

    def __init__(self, images: Lookup, annotations: Lookup, categories: Lookup) -> None:
        self._images = images
        self._annotations = annotations
        self._categories = categories
        self._lists: dict[str, Lookup] = {}
        # (key, in a relation?) → what it refers to
        self._known: dict[tuple[str, bool], Lookup | None] = {}
        self.followed = 0
        self.is_needed = False

    @classmethod
    def of_categories(cls, moved: Mapping[int | str, int]) -> References:
        """No image and no annotation gets another id."""
        references = cls(kept, kept, moved.get)
        references.is_needed = bool(moved)
        return references

    def add_list(self, name: str, moved: Mapping[int | str, int]) -> None:
        """Entries of a list have other ids: to those of ``videos`` refers ``video_id``, of ``licenses`` ``license``."""
        one = f"{name[:-3]}y" if name.endswith("ies") else name.removesuffix("s")
        self.is_needed = True
        self._known.clear()
        for key in (f"{one}_id", f"{one}_ids", *(["license"] if name == "licenses" else [])):
            self._lists[key] = moved.get

    def follow_in_row(self, source_extra: dict[str, Any]) -> None:
        """Change the references of a row, or of one of its objects, in place: what it keeps of COCO."""
        coco, lists = source_extra.get("coco"), source_extra.get("coco_lists")
        if type(coco) is dict:
            self.follow(coco)
        for name, entries in lists.items() if type(lists) is dict else ():
            for entry in entries if type(entries) is list else ():
                self.follow_in_list(name, entry)

    def follow(self, holder: dict[str, Any], *, in_relation: bool = False) -> None:
        """Change the references within ``holder`` in place."""
        for key, value in holder.items():
            if key in _NEVER:
                continue
            known = (key, in_relation)
            if known in self._known:
                lookup = self._known[known]
            else:
                lookup = self._lookup(key, in_relation)
                if len(self._known) < _MOST_KEYS_KNOWN:
                    self._known[known] = lookup
            if lookup is not None and lookup is not kept:
                holder[key] = self._followed(value, lookup)
            if type(value) in (dict, list):
                relation = in_relation or _RELATION.search(key) is not None
                for each in value if type(value) is list else [value]:
                    if type(each) is dict:
                        self.follow(each, in_relation=relation)

    def follow_in_list(self, name: str, entry: Any) -> None:
        """Change the references of an entry of the list ``name`` in place."""
        if type(entry) is dict:
            self.follow(entry, in_relation=_RELATION.search(name) is not None)

    def _lookup(self, key: str, in_relation: bool) -> Lookup | None:
        if key in self._lists:
            return self._lists[key]
        if _IMAGE.match(key):
            return self._images
        if _CATEGORY.match(key):
            return self._categories
        if _ANNOTATION.match(key) or (in_relation and _IN_RELATION.match(key)):
            return self._annotations
        return None

    def _followed(self, value: Any, lookup: Lookup) -> Any:
        if type(value) is list:
            return [self._followed(each, lookup) for each in value]
        identity = id_of(value)
        number = None if identity is None else lookup(identity)
        if number is None or number == identity:
            return value
        self.followed += 1
        return number


def settle_head(head: dict[str, Any], known: dict[str, Any], references: References, notes: Notes) -> dict[str, Any]:
    """What a file keeps with the project, with the ids that its entries and what they refer to have there.

    ``known`` is what the project has. Which entries of lists have another id is entered into ``references``.
    """
    settled: dict[str, Any] = {}
    for name in sorted(head, key=lambda name: name not in _REFERRED_TO):
        value = head[name]
        if type(value) is list:
            for entry in value:
                references.follow_in_list(name, entry)
        here = {name: known[name]} if name in known else {}
        _, moved = coco_head.merge_heads(here, {name: value}, notes)
        if ids := moved.get(name):
            references.add_list(name, ids)
            value = [
                {**entry, "id": ids[entry["id"]], "source_id": entry["id"]}
                if type(entry) is dict and type(entry.get("id")) in (int, str) and entry["id"] in ids
                else entry
                for entry in value
            ]
        settled[name] = value
    return {name: settled[name] for name in head}
