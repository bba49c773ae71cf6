"""What a row's labels say of themselves: who made them, which were skipped, which are ground truth.

A label says that it was *skipped* in ``performance_details.skipped``. It is *ground truth* when its ``label_kind`` is
``Benchmark``, when ``performance_details.benchmark_reference_label`` is true or its own id, or when another label of
the row names it there (so Labelbox writes: the labels that are compared name the one that they are compared with).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from connections.rows.frames import answers_of, objects_of

Label = Mapping[str, Any]

# the bits that :func:`label_flags` sets
SEVERAL: Final = 1
SKIPPED: Final = 2
GROUND_TRUTH: Final = 4
# a label that is no ground truth, or was skipped
NO_GROUND_TRUTH: Final = 8
# a label that was not skipped
FINISHED: Final = 16
ALL_FLAGS: Final = SEVERAL | SKIPPED | GROUND_TRUTH | NO_GROUND_TRUTH | FINISHED

_NO = frozenset({"", "0", "false", "no", "null", "none"})
_NOTHING: dict[str, Any] = {}


def labels_of(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The labels of the row's one project."""
    ((_, project),) = document["projects"].items()
    labels: list[dict[str, Any]] = project["labels"]
    return labels


def kept_of(source: str, part: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a row, label or annotation keeps of its ``source`` beyond our shape; empty where that is no object."""
    extra = part.get("source_extra")
    kept = extra.get(source) if isinstance(extra, dict) else None
    return kept if isinstance(kept, dict) else _NOTHING


def is_skipped(label: Label) -> bool:
    """Did whoever made it skip the row, or cancel the work? ``"false"`` and ``0`` mean what they say."""
    return _is_true((label.get("performance_details") or _NOTHING).get("skipped"))


def ground_truths(labels: Sequence[Label]) -> frozenset[int]:
    """The places of the labels that are ground truth, skipped or not."""
    places = set()
    named = []
    for place, label in enumerate(labels):
        reference = (label.get("performance_details") or _NOTHING).get("benchmark_reference_label")
        if label.get("label_kind") == "Benchmark" or reference is True:
            places.add(place)
        elif reference:
            named.append(str(reference))
    if named:
        places.update(place for place, label in enumerate(labels) if label["id"] in named)
    return frozenset(places)


def creator_of(label: Label) -> str:
    """Who made it; empty where nobody says."""
    return (label.get("label_details") or _NOTHING).get("created_by") or ""


def label_flags(labels: Sequence[Label]) -> int:
    """The bits that tell for most rows, without looking inside, which of their labels an export takes."""
    if not labels:
        return 0
    if len(labels) == 1:  # of nearly every row
        (label,) = labels
        details = label.get("performance_details") or _NOTHING
        is_plain = not details.get("skipped") and "benchmark_reference_label" not in details
        if is_plain and label.get("label_kind") != "Benchmark":
            return NO_GROUND_TRUTH | FINISHED
    flags = SEVERAL if len(labels) > 1 else 0
    true = ground_truths(labels)
    for place, label in enumerate(labels):
        skipped = is_skipped(label)
        flags |= GROUND_TRUTH if place in true and not skipped else NO_GROUND_TRUTH
        flags |= SKIPPED if skipped else FINISHED
    return flags


def creators_text(labels: Sequence[Label]) -> str:
    """The different creators of the labels as a JSON list, sorted; empty without labels."""
    if not labels:
        return ""
    if len(labels) == 1:
        return _list_of_one(creator_of(labels[0]))
    return orjson.dumps(sorted({creator_of(label) for label in labels})).decode()


@lru_cache(maxsize=1024)
def _list_of_one(text: str) -> str:
    return orjson.dumps([text]).decode()


def count_of(label: Label) -> int:
    """Its annotations: objects, and answers on the level of the label or of a frame."""
    return len(objects_of(label["annotations"])) + len(answers_of(label["annotations"]))


def _is_true(value: object) -> bool:
    return value.strip().lower() not in _NO if isinstance(value, str) else bool(value)
