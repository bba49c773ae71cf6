"""Which predictions of a picture and class meet which labels: the matching of COCO's evaluation.

Predictions in the order of their scores take each the free label that they overlap most, if by enough. A label that is
a crowd (``iscrowd``) can be met by any number of them, and neither it nor they are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from connections.rows.results import runs_of

BOXES: Final = "boxes"
OUTLINES: Final = "outlines"


class Thing(NamedTuple):
    """A label or a prediction: ``box`` is ``[left, top, width, height]``, ``outline`` COCO's segmentation (of a box
    nothing). ``score`` is that of a prediction, 0 where it has none."""

    box: Sequence[float]
    outline: Any
    is_crowd: bool = False
    score: float = 0.0


@dataclass(slots=True)
class Matches:
    """``label_of``: for each prediction the place of the label that it meets, or ``None``; ``ignored`` are those that
    meet a crowd. ``missed`` are places of labels that none meets."""

    label_of: list[int | None]
    ignored: set[int] = field(default_factory=set)
    missed: list[int] = field(default_factory=list)

    @property
    def extra(self) -> list[int]:
        """Places of predictions that meet no label."""
        return [place for place, label in enumerate(self.label_of) if label is None]

    @property
    def matched(self) -> int:
        """How many meet a label that is no crowd."""
        return len(self.label_of) - len(self.extra) - len(self.ignored)


def match(
    labels: Sequence[Thing],
    predictions: Sequence[Thing],
    *,
    iou: float,
    by: str = BOXES,
    size: tuple[int, int] | None = None,
) -> Matches:
    """Of one picture (``size`` is its height and width, needed by :data:`OUTLINES`) and one class.

    Raises ``ValueError`` or ``TypeError`` for an outline that cannot be painted.
    """
    found = Matches([None] * len(predictions))
    # COCO looks at crowds last
    order = sorted(range(len(labels)), key=lambda place: labels[place].is_crowd)
    free = {place for place in order if not labels[place].is_crowd}
    if labels and predictions:
        overlaps = _overlaps(labels, predictions, by, size)
        for place in sorted(range(len(predictions)), key=lambda place: -predictions[place].score):
            best, least = None, min(iou, 1 - 1e-10)
            for candidate in order:
                is_crowd = labels[candidate].is_crowd
                if not is_crowd and candidate not in free:
                    continue
                if is_crowd and best is not None and not labels[best].is_crowd:
                    break
                if overlaps[place, candidate] >= least:
                    best, least = candidate, overlaps[place, candidate]
            found.label_of[place] = best
            if best is not None and labels[best].is_crowd:
                found.ignored.add(place)
            elif best is not None:
                free.discard(best)
    found.missed = sorted(free)
    return found


def _overlaps(labels: Sequence[Thing], predictions: Sequence[Thing], by: str, size: tuple[int, int] | None) -> Any:
    """The overlap of each prediction with each label: shared pixels by all, of a crowd by those of the prediction."""
    crowds = [int(label.is_crowd) for label in labels]
    if by == BOXES:
        boxes = [np.array([each.box for each in things], np.float64) for things in (predictions, labels)]
        return coco_mask.iou(*boxes, crowds)
    assert size is not None
    runs = [[runs_of(each.outline, each.box, size) for each in things] for things in (predictions, labels)]
    return coco_mask.iou(*runs, crowds)
