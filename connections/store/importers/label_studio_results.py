"""The results of one Label Studio annotation put together: objects with their classes and answers, and the rest.

An ``id`` belongs to the shape, which is a result that lies somewhere. Every other result with that id says something of
it: its classes (``labels``), or an answer to a question (choices, texts, ratings, numbers, dates, taxonomies …).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from connections.rows.checks import BadMark
from connections.rows.label_studio.regions import ANSWERS
from connections.store.importers.label_studio_answers import (
    answers_of,
    place_of,
    relation_of,
    unknown_answer_of,
)
from connections.store.importers.label_studio_regions import (
    SHAPES,
    NoSizeError,
    Shape,
    carried,
    has_place,
    identity_of,
    is_carried,
    is_carried_object,
    labels_of,
    said_size,
    same_place,
    shape_by_place,
    size_beside,
    without_place,
)

_Json = dict[str, Any]


@dataclass(slots=True)
class Results:
    """What an annotation says. ``picture`` is ``(width, height)`` where one of its results says it; ``unlabelled``
    counts the objects without a class, ``carried`` are the types of those that we have no word for. ``places``: the
    ``id()`` of what a result became → its place in the list."""

    objects: list[_Json] = field(default_factory=list)
    classifications: list[_Json] = field(default_factory=list)
    relationships: list[_Json] = field(default_factory=list)
    picture: tuple[int, int] | None = None
    unlabelled: int = 0
    carried: list[str] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)


def results_of(result: list[Any], task: _Json) -> Results:
    """The results of one of the task's annotations. Raises :class:`BadMark` that names a bad one by its place in the
    list, from 1."""
    return _Reading(result, task).read()


def all_results(task: _Json) -> Iterator[Any]:
    """What annotations, drafts and predictions of a task say."""
    for key in ("annotations", "completions", "drafts", "predictions"):
        several = task.get(key)
        for each in several if type(several) is list else ():
            result = each.get("result") if type(each) is dict else None
            if type(result) is list:
                yield from result


class _Reading:
    __slots__ = ("answers", "found", "labels_apart", "result", "shapes", "task", "unknown")

    def __init__(self, result: list[Any], task: _Json) -> None:
        self.result, self.task = result, task
        self.found = Results()
        # beside each object: the result that is its shape, and the classes that this and others give it
        self.shapes: list[tuple[_Json, list[str]]] = []
        self.answers: list[tuple[_Json, _Json]] = []
        # what can only be told when all shapes are known, with its place in the list
        self.labels_apart: list[tuple[int, _Json]] = []
        self.unknown: list[tuple[int, _Json]] = []

    def read(self) -> Results:
        """Raises :class:`BadMark`."""
        found, shapes, add_shape, shape_of = self.found, self.shapes, self._add_shape, SHAPES.get
        places = found.places
        index = 0
        try:
            for index, region in enumerate(self.result):
                if type(region) is not dict:
                    raise BadMark("is not an object")
                kind: Any = region.get("type")
                shape = shape_of(kind) if type(kind) is str else None
                if shape is not None:
                    places[id(add_shape(region, kind, shape))] = index
                else:
                    self._add_other(index, region, kind)
        except (BadMark, KeyError) as error:
            raise _about(index, error) from None
        if self.labels_apart or self.unknown or self.answers or len(shapes) > 1:
            self._put_together()
        if [True for _, labels in shapes if len(labels) != 1]:
            found.objects = _with_further_labels(found.objects, [labels for _, labels in shapes])
            found.unlabelled = [len(labels) for _, labels in shapes].count(0)
        if found.picture is None:
            found.picture = next(filter(None, map(said_size, self.result)), None)
        return found

    def _size_beside(self, region: _Json) -> tuple[int, int] | None:
        return size_beside(region, chain(self.result, all_results(self.task)))

    def _add_shape(self, region: _Json, kind: str, shape: Shape) -> _Json:
        """A shape that says no size lies in the picture that another result on it says."""
        value = region["value"]
        if type(value) is not dict:
            raise BadMark("value is not an object")
        labels: Any = value.get(kind)
        if not (type(labels) is list and len(labels) == 1 and type(labels[0]) is str and labels[0]):
            labels = labels_of(value, kind)
        try:
            mark = shape(region, value, labels)
        except NoSizeError:
            beside = self._size_beside(region)
            if beside is None:
                raise
            region = {**region, "original_width": beside[0], "original_height": beside[1]}
            mark = shape(region, value, labels)
        found = self.found
        found.objects.append(mark)
        self.shapes.append((region, labels))
        if found.picture is None:
            found.picture = int(region["original_width"]), int(region["original_height"])
        return mark

    def _add_other(self, index: int, region: _Json, kind: Any) -> None:
        if type(kind) is not str or not kind:
            raise BadMark("has no type")
        if kind in ANSWERS:
            answers = answers_of(region, kind)
            self.found.places[id(answers[0])] = index
            self.answers += [(answer, region) for answer in answers]
        elif kind == "relation":
            relation = relation_of(region)
            self.found.relationships.append(relation)
            self.found.places[id(relation)] = index
        elif kind == "labels":
            self.labels_apart.append((index, region))
        elif is_carried(kind):
            self._carry(index, region)
        else:
            self.unknown.append((index, region))

    def _put_together(self) -> None:
        # id → its shape's place in the lists; that under None is nobody's
        identities: list[str | None] = [mark.get("feature_id") for mark in self.found.objects]
        places = {identity: place for place, identity in enumerate(identities)}
        same: list[int] = []
        if len(places) < len(identities):  # some have one id, or none
            places.clear()
            for place, identity in enumerate(identities):
                first = places.setdefault(identity, place)
                if identity and first != place and same_place(self.shapes[first][0], self.shapes[place][0]):
                    self._classify(self.found.places[id(self.found.objects[place])], first, *self.shapes[place])
                    same.append(place)
        for index, region in self.labels_apart:
            with _at(index):
                self._label(index, region, places)
        for index, region in self.unknown:
            with _at(index):
                self._take_unknown(index, region, places)
        for answer, region in self.answers:
            self._answer(answer, region, places)
        for place in reversed(same):
            del self.found.objects[place], self.shapes[place]

    def _carry(self, index: int, region: _Json) -> None:
        value, kind = region.get("value"), region["type"]
        labels: list[str] = []
        if type(value) is dict:
            with suppress(BadMark):  # what is no label is kept all the same
                labels = labels_of(value, kind)
        mark = carried(region, kind, labels)
        self.found.objects.append(mark)
        self.found.places[id(mark)] = index
        self.found.carried.append(kind)
        self.shapes.append((region, labels))

    def _label(self, index: int, region: _Json, places: dict[str | None, int]) -> None:
        """``<Labels>`` beside ``<Rectangle>``: two results with one id, the shape and its classes. Without a shape it
        is one itself: a span of text or sound, or what lies in a picture as a box, polygon or brush does."""
        identity, value = identity_of(region), region.get("value")
        if identity not in places:
            kind = shape_by_place(value)
            if kind is not None and self._size_beside(region) is not None:
                self.found.places[id(self._add_shape(region, kind, SHAPES[kind]))] = index
            else:
                self._carry(index, region)
            if identity:
                places[identity] = len(self.shapes) - 1
        elif type(value) is dict:
            self._classify(index, places[identity], region, labels_of(value, "labels"))

    def _classify(self, index: int, place: int, region: _Json, labels: list[str]) -> None:
        """The shape at ``place`` has these classes too, says ``region``, which is kept beside it."""
        mark, (shape, known) = self.found.objects[place], self.shapes[place]
        names = list(dict.fromkeys([*known, *labels]))
        self.shapes[place] = shape, names
        if names:
            mark["name"] = mark["value"] = names[0]
        said = without_place(region, shape)
        mark["source_extra"]["label_studio"].setdefault("label_results", []).append(said)
        self.found.places[id(said)] = index

    def _take_unknown(self, index: int, region: _Json, places: dict[str | None, int]) -> None:
        """The result of a control that we do not know: of a region that is there already it says something, else it
        is one if it lies somewhere."""
        identity, kind = identity_of(region), region["type"]
        if identity in places or not has_place(region.get("value")):
            answer = unknown_answer_of(region, kind)
            self.found.places[id(answer)] = index
            self._answer(answer, region, places)
            return
        self._carry(index, region)
        if identity:
            places[identity] = len(self.shapes) - 1

    def _answer(self, answer: _Json, region: _Json, places: dict[str | None, int]) -> None:
        """An answer with the id of a shape is about that (``perRegion``), any other about the whole task."""
        place = places.get(identity_of(region))
        if place is not None:
            self.found.objects[place]["classifications"].append(answer)
            return
        self.found.classifications.append(answer)
        lies = place_of(region)
        if lies:
            kept = answer["source_extra"]["label_studio"]
            kept["value"] = {**lies, **kept.get("value", {})}


@contextmanager
def _at(index: int) -> Iterator[None]:
    try:
        yield
    except (BadMark, KeyError) as error:
        raise _about(index, error) from None


def _about(index: int, error: Exception) -> BadMark:
    return BadMark(f"region {index + 1}: {error if isinstance(error, BadMark) else f'has no {error.args[0]}'}")


def _with_further_labels(objects: list[_Json], classes: list[list[str]]) -> list[_Json]:
    """An object a class: before each shape those of its further classes, which are the same shape once more. Whoever
    paints them in their order ends with the first label."""
    ids = {mark.get("feature_id") for mark in objects}
    found: list[_Json] = []
    for mark, names in zip(objects, classes, strict=True):
        if len(names) < 2:
            found.append(mark)
            continue
        kept = mark["source_extra"]["label_studio"]
        kept["labels"] = names
        for name in names[1:]:
            further = {**mark, "name": name, "value": name, "classifications": [], "is_further_label": True}
            further["source_extra"] = {"label_studio": {"value": kept.get("value")}} if is_carried_object(mark) else {}
            if "feature_id" in mark:
                number = 2
                while (identity := f"{mark['feature_id']}-{number}") in ids:
                    number += 1
                ids.add(identity)
                further["feature_id"] = identity
            found.append(further)
        found.append(mark)
    return found
