"""A row's annotations counted.

``"b3:2 B4:1 p5:1 c1:1"`` is two boxes of class 3, a further label 4 of one of them (a capital), a polygon of class 5
and an answer to question 1; an object without a class has the number :data:`NO_CLASS`. The text stands beside each row,
so that check values by class come from counting equal texts in C and reading each distinct text once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from connections.rows.frames import answers_of, objects_of
from connections.rows.kinds import CLASSIFICATION, KINDS, OTHER
from connections.rows.kinds.base import Kind
from connections.rows.labels import labels_of as labels_of

# no class of an ontology has it
NO_CLASS: Final = -1
# how counts by class, and counts of what a format left out, call objects without a class, and further labels
UNLABELLED: Final = "unlabelled"
FURTHER_LABELS: Final = "further_labels"


class Counted(NamedTuple):
    """What annotations are counted by: ``number`` is that of the class or question. See
    :class:`connections.store.import_row.IncomingLabel` for objects without a class and for further labels."""

    kind: Kind
    number: int
    is_further_label: bool = False


def count_annotations(
    document: Mapping[str, Any], class_numbers: Mapping[str, int], question_numbers: Mapping[str, int]
) -> tuple[str, int]:
    """``(text, how many)`` over all labels of the row, sorted by kind (in the order of :data:`KINDS`) and number.

    Objects and the answers on the level of a label or of a frame count; answers inside an object belong to it,
    relationships are no annotations. Raises ``KeyError`` when a class or question has no number.
    """
    objects_by: dict[tuple[str, str, bool], int] = {}
    answers_by: dict[str, int] = {}
    total = 0
    for label in labels_of(document):
        annotations = label["annotations"]
        objects = objects_of(annotations)
        for mark in objects:
            key = (mark["annotation_kind"], mark["name"], "is_further_label" in mark)
            objects_by[key] = objects_by.get(key, 0) + 1
        answers = answers_of(annotations)
        for answer in answers:
            name = answer["name"]
            answers_by[name] = answers_by.get(name, 0) + 1
        total += len(objects) + len(answers)
    counts: dict[tuple[int, int, str], int] = {}
    places, of = KINDS.places, KINDS.of
    for (annotation_kind, name, is_further), count in objects_by.items():
        letter = of(annotation_kind).letter
        number = class_numbers[name] if name else NO_CLASS
        place = (places[letter], number, letter.upper() if is_further else letter)
        counts[place] = counts.get(place, 0) + count
    for name, count in answers_by.items():
        counts[places[CLASSIFICATION.letter], question_numbers[name], CLASSIFICATION.letter] = count
    return " ".join([f"{letter}{number}:{counts[_, number, letter]}" for _, number, letter in sorted(counts)]), total


def add_up(texts: Counter[str]) -> Counter[Counted]:
    """Texts with how often each was met → what was counted."""
    sums: Counter[Counted] = Counter()
    for text, times in texts.items():
        for mark in text.split():
            name, _, count = mark.partition(":")
            kind = KINDS.by_letter.get(name[0].lower(), OTHER)
            sums[Counted(kind, int(name[1:]), name[0].isupper())] += int(count) * times
    return sums
