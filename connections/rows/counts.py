"""A row's annotations counted.

``"b3:2 B4:1 p5:1 c1:1"`` is two boxes of class 3, a further label 4 of one of them (a capital), a polygon of class 5
and an answer to question 1; an object without a class has the number :data:`NO_CLASS`. ``@relationships:1`` behind them
is what a row holds beside its annotations, by the names of :data:`BESIDE`. The text stands beside each row, so that
check values by class come from counting equal texts in C and reading each distinct text once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from connections.rows.frames import answers_of, objects_of
from connections.rows.kinds import CLASSIFICATION, KINDS, MASK, OTHER, VIDEO_MASK
from connections.rows.kinds.base import Kind
from connections.rows.labels import kept_of
from connections.rows.labels import labels_of as labels_of

# no class of an ontology has it
NO_CLASS: Final = -1
# how counts by class, and counts of what a format left out, call objects without a class, and further labels
UNLABELLED: Final = "unlabelled"
FURTHER_LABELS: Final = "further_labels"
# what a row holds beside its annotations: answers inside an object (those below an answer are part of it),
# relationships, and what models and unfinished work said in Label Studio
REGION_ANSWERS: Final = "region_answers"
RELATIONSHIPS: Final = "relationships"
PREDICTIONS: Final = "predictions"
DRAFTS: Final = "drafts"
BESIDE: Final = (REGION_ANSWERS, RELATIONSHIPS, PREDICTIONS, DRAFTS)
_MARK: Final = "@"
_MASKS: Final = (MASK, VIDEO_MASK)


class Counted(NamedTuple):
    """What annotations are counted by: ``number`` is that of the class or question. See
    :class:`connections.store.import_row.IncomingLabel` for objects without a class and for further labels."""

    kind: Kind
    number: int
    is_further_label: bool = False


class Counts(NamedTuple):
    """``text`` is as above, ``total`` how many annotations there are; ``classes`` and ``questions`` are the names that
    they have."""

    text: str
    total: int
    classes: frozenset[str]
    questions: frozenset[str]


def count_annotations(
    document: Mapping[str, Any], class_numbers: Mapping[str, int], question_numbers: Mapping[str, int]
) -> Counts:
    """Over all labels of the row, sorted by kind (in the order of :data:`KINDS`) and number.

    Objects and the answers on the level of a label or of a frame are annotations; what else the row holds stands behind
    them. Raises ``KeyError`` when a class or question has no number.
    """
    objects_by: dict[tuple[str, str, bool], int] = {}
    answers_by: dict[str, int] = {}
    total = region_answers = relationships = 0
    of, masks = KINDS.by_annotation_kind.get, _MASKS
    for label in labels_of(document):
        annotations = label["annotations"]
        objects = objects_of(annotations)
        for mark in objects:
            kind = of(mark["annotation_kind"], OTHER)
            if kind in masks:
                kind = kind.of_mark(mark)
            key = (kind.letter, mark["name"], "is_further_label" in mark)
            objects_by[key] = objects_by.get(key, 0) + 1
            answered = mark.get("classifications")
            if answered:
                region_answers += len(answered)
        answers = answers_of(annotations)
        for answer in answers:
            name = answer["name"]
            answers_by[name] = answers_by.get(name, 0) + 1
        total += len(objects) + len(answers)
        relationships += len(annotations.get("relationships") or ())
    counts: dict[tuple[int, int, str], int] = {}
    places = KINDS.places
    for (letter, name, is_further), count in objects_by.items():
        number = class_numbers[name] if name else NO_CLASS
        place = (places[letter], number, letter.upper() if is_further else letter)
        counts[place] = counts.get(place, 0) + count
    for name, count in answers_by.items():
        counts[places[CLASSIFICATION.letter], question_numbers[name], CLASSIFICATION.letter] = count
    text = " ".join([f"{letter}{number}:{counts[_, number, letter]}" for _, number, letter in sorted(counts)])
    predictions = drafts = 0
    of_label_studio = kept_of("label_studio", document)
    if PREDICTIONS in of_label_studio or DRAFTS in of_label_studio:
        predictions, drafts = (_length(of_label_studio.get(key)) for key in (PREDICTIONS, DRAFTS))
    if region_answers or relationships or predictions or drafts:
        beside = zip(BESIDE, (region_answers, relationships, predictions, drafts), strict=True)
        text = " ".join([*filter(None, [text]), *(f"{_MARK}{name}:{count}" for name, count in beside if count)])
    classes = frozenset([name for _, name, _ in objects_by if name])
    return Counts(text, total, classes, frozenset(answers_by))


def _length(found: Any) -> int:
    return len(found) if isinstance(found, list) else 0


def add_up(texts: Counter[str]) -> Counter[Counted]:
    """Texts with how often each was met → the annotations."""
    by_name: dict[str, int] = {}
    for text, times in texts.items():
        for mark in text.split():
            name, _, count = mark.partition(":")
            if name[0] == _MARK:
                break
            by_name[name] = by_name.get(name, 0) + int(count) * times
    sums: Counter[Counted] = Counter()
    for name, total in by_name.items():
        kind = KINDS.by_letter.get(name[0].lower(), OTHER)
        sums[Counted(kind, int(name[1:]), name[0].isupper())] += total
    return sums


def renumbered(text: str, numbers: Mapping[tuple[bool, int], int]) -> str:
    """A row's counts by other numbers: ``numbers`` maps (is it a question, number) to what it is now."""
    marks = []
    for mark in text.split():
        name, _, count = mark.partition(":")
        if name[0] != _MARK and (number := int(name[1:])) != NO_CLASS:
            kind = KINDS.by_letter.get(name[0].lower(), OTHER)
            mark = f"{name[0]}{numbers[kind.is_question, number]}:{count}"
        marks.append(mark)
    return " ".join(marks)


def sum_of_counts(texts: Sequence[str]) -> str:
    """Counts of one row in several projects, by the same numbers, as one."""
    if len(texts) < 2:
        return "".join(texts)
    sums: dict[str, int] = {}
    for text in texts:
        for mark in text.split():
            name, _, count = mark.partition(":")
            sums[name] = sums.get(name, 0) + int(count)
    in_order = sorted(sums, key=lambda name: name[0] == _MARK)  # what is beside annotations stands behind them
    return " ".join([f"{name}:{sums[name]}" for name in in_order])


def add_up_beside(texts: Counter[str]) -> Counter[str]:
    """Texts with how often each was met → what the rows hold beside their annotations, by the names of
    :data:`BESIDE`."""
    sums: Counter[str] = Counter()
    for text, times in texts.items():
        _, _, beside = text.partition(_MARK)
        for mark in beside.split():
            name, _, count = mark.removeprefix(_MARK).partition(":")
            sums[name] += int(count) * times
    return sums
