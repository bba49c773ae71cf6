"""The COCO ids of a row's annotations: which they want, which of these they keep, which they are given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from connections.rows.coco import may_state_ids, stated_id
from connections.rows.frames import objects_of
from connections.store.import_row import IncomingLabel
from connections.store.models import HANDED_OUT, can_be_kept

_Object = dict[str, Any]


@dataclass(slots=True)
class Wanted:
    """What the objects of a row want, by label: for each the id that its label lists for it, else the one that it
    states; a label of which nobody says any has none. ``are_stated``: does any object state one itself?
    """

    by_label: list[Sequence[int | None]]
    are_listed: list[bool]
    are_stated: bool

    @classmethod
    def by(cls, labels: Sequence[IncomingLabel]) -> Wanted | None:
        """``None`` where no object wants any, as of nearly all rows that are not from COCO."""
        by_label: list[Sequence[int | None]] = []
        are_listed: list[bool] = []
        any_wanted = any_stated = False
        for label in labels:
            try:
                may_state = may_state_ids(label.objects)
                # a list of another length is that of other objects
                is_listed = bool(label.annotation_ids) and len(label.annotation_ids) == len(label.objects)
                any_stated = any_stated or may_state
                if is_listed:
                    by_label.append(label.annotation_ids)
                else:
                    by_label.append(list(map(stated_id, label.objects)) if may_state else ())
            except (AttributeError, TypeError):  # one is not as it should be, which rendering finds
                by_label.append(())
                is_listed = False
            are_listed.append(is_listed)
            any_wanted = any_wanted or bool(by_label[-1])
        return cls(by_label, are_listed, any_stated) if any_wanted else None

    def ids(self) -> Iterator[int]:
        """All that are wanted."""
        return (each for wanted in self.by_label for each in wanted if each is not None)


@dataclass(slots=True)
class AnnotationIds:
    """``kept`` are those that they wanted and keep, in their order. ``clashing``: ids that cannot be kept, each with
    the one that is given instead."""

    wanted: Wanted
    kept: Mapping[int, Any] = field(default_factory=dict)
    are_all_kept: bool = False
    clashing: list[tuple[int, int]] = field(default_factory=list)
    # by label, what of the wanted ids is kept
    _keeps: list[list[int | None]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        wanted: Wanted,
        labels: Sequence[Mapping[str, Any]],
        taken: set[int],
        own: Callable[[], Iterable[int]],
    ) -> AnnotationIds:
        """Of the ``labels`` of a row document; ``taken`` are ids that are given, ``own`` those that the row has."""
        count = sum([len(objects_of(label["annotations"])) for label in labels])
        everyone = [*chain.from_iterable(wanted.by_label)]
        different = dict.fromkeys(everyone)
        if (
            len(different) == len(everyone) == count
            and None not in different
            and taken.isdisjoint(different)
            and max(different) < HANDED_OUT.start  # type: ignore[type-var,operator]
        ):  # as nearly always
            return cls(wanted, different, are_all_kept=True)  # type: ignore[arg-type]
        kept: dict[int, None] = {}
        keeps: list[list[int | None]] = []
        having = frozenset(own())
        for ids in wanted.by_label:
            keeps.append([])
            for identity in ids:
                if identity in kept or (identity in taken and identity not in having) or not can_be_kept(identity):
                    keeps[-1].append(None)
                else:
                    assert identity is not None
                    kept[identity] = None
                    keeps[-1].append(identity)
        return cls(wanted, kept, bool(count) and len(kept) == count, [], keeps)

    @property
    def are_as_stated(self) -> bool:
        """Does every object state the id that it has?"""
        return self.are_all_kept and not any(self.wanted.are_listed)

    def numbered(self, labels: Sequence[Mapping[str, Any]], start: int) -> list[Sequence[int]]:
        """By label, the ids of its objects: from ``start`` on for those that keep none. An object that states another
        one states it from now on."""
        if self.are_all_kept:
            return self.wanted.by_label  # type: ignore[return-value]
        found: list[Sequence[int]] = []
        given = following(labels, start)
        for label, wanted, keeps, block in zip(labels, self.wanted.by_label, self._keeps, given, strict=True):
            if not wanted:
                found.append(block)
                continue
            numbers = [free if number is None else number for free, number in zip(block, keeps, strict=True)]
            for mark, before, number in zip(label["annotations"]["objects"], wanted, numbers, strict=True):
                if before is not None and before != number:
                    self.clashing.append((before, number))
                    if stated_id(mark) is not None:
                        mark["source_extra"] = {**mark["source_extra"], "coco_id": number}
            found.append(numbers)
        return found


def following(labels: Sequence[Mapping[str, Any]], start: int) -> list[Sequence[int]]:
    """By label, the ids of its objects where they are counted on from ``start``; the objects of frames count."""
    found: list[Sequence[int]] = []
    for label in labels:
        annotations = label["annotations"]
        found.append(range(start, start + len(annotations["objects"])))
        start += len(objects_of(annotations))
    return found
