"""Predictions meet labels as in COCO's own evaluation, box by box and pixel by pixel."""

from __future__ import annotations

import contextlib
import io
import random
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from exports.model_runs.matching import BOXES, OUTLINES, Thing, match

HEIGHT, WIDTH = 40, 50


def some_box(chance: random.Random) -> list[float]:
    return [chance.randrange(0, 30), chance.randrange(0, 25), chance.randrange(1, 20), chance.randrange(1, 15)]


def pixels(box: list[float], chance: random.Random) -> dict[str, Any]:
    left, top, width, height = map(int, box)
    painted = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    painted[top : top + height, left : left + width] = 1
    painted[chance.randrange(HEIGHT) :, chance.randrange(WIDTH)] = 1
    runs = coco_mask.encode(painted)
    return {"size": [HEIGHT, WIDTH], "counts": runs["counts"].decode()}


def scene(seed: int) -> tuple[list[Thing], list[Thing]]:
    """Few places, so that much overlaps; scores that are often the same; some crowds."""
    chance = random.Random(seed)
    labels, predictions = [], []
    for _ in range(chance.randrange(7)):
        box = some_box(chance)
        labels.append(Thing(box, pixels(box, chance), is_crowd=chance.random() < 0.2))
    for _ in range(chance.randrange(9)):
        near = chance.choice(labels).box if labels and chance.random() < 0.7 else some_box(chance)
        box = [max(0, side + chance.choice((-2, -1, 0, 0, 1, 2))) for side in near]
        box[2:] = [max(1, side) for side in box[2:]]
        predictions.append(Thing(box, pixels(box, chance), score=chance.choice((0.1, 0.5, 0.5, 0.9))))
    return labels, predictions


def as_coco_counts(labels: list[Thing], predictions: list[Thing], iou: float, by: str) -> tuple[int, int, int]:
    """``(matched, missed, extra)`` of COCOeval."""
    said = [
        {"id": place, "image_id": 1, "category_id": 1, "bbox": list(map(float, one.box)), "segmentation": one.outline,
         "area": float(coco_mask.area(one.outline)), "iscrowd": int(one.is_crowd)}
        for place, one in enumerate(labels, 1)
    ]  # fmt: skip
    results = [
        {"image_id": 1, "category_id": 1, "score": one.score}
        | ({"bbox": list(map(float, one.box))} if by == BOXES else {"segmentation": one.outline})
        for one in predictions
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": 1, "height": HEIGHT, "width": WIDTH}],
            "categories": [{"id": 1, "name": "x"}],
            "annotations": said,
        }
        truth.createIndex()
        found = truth.loadRes(results) if results else COCO()
        if not results:
            return 0, sum(not one.is_crowd for one in labels), 0
        judge = COCOeval(truth, found, "bbox" if by == BOXES else "segm")
        judge.params.iouThrs = np.array([iou])
        judge.params.maxDets = [100]
        judge.params.areaRng, judge.params.areaRngLbl = [[0, 1e10]], ["all"]
        judge.evaluate()
    (one,) = judge.evalImgs
    met, is_ignored = one["dtMatches"][0] > 0, one["dtIgnore"][0].astype(bool)
    missed = (one["gtMatches"][0] == 0) & (np.array(one["gtIgnore"]) == 0)
    return int((met & ~is_ignored).sum()), int(missed.sum()), int((~met & ~is_ignored).sum())


@pytest.mark.parametrize("by", [BOXES, OUTLINES])
@pytest.mark.parametrize("iou", [0.1, 0.5, 0.75])
def test_counts_are_those_of_cocos_own_evaluation(by, iou):
    seen = set()
    for seed in range(150):
        labels, predictions = scene(seed)
        found = match(labels, predictions, iou=iou, by=by, size=(HEIGHT, WIDTH))
        ours = found.matched, len(found.missed), len(found.extra)
        assert ours == as_coco_counts(labels, predictions, iou, by), (seed, labels, predictions)
        seen.add(ours)
    assert len(seen) > 15  # they are not all alike


def test_a_box_and_its_own_rectangle_are_the_same_pixels():
    label, prediction = Thing([3.0, 4.0, 5.0, 6.0], []), Thing([3.0, 4.0, 5.0, 6.0], [], score=0.5)
    assert match([label], [prediction], iou=1.0, by=OUTLINES, size=(20, 20)).matched == 1


def test_each_label_is_met_once_and_the_higher_score_has_it():
    labels = [Thing([0, 0, 10, 10], [])]
    predictions = [Thing([0, 0, 10, 9], [], score=0.2), Thing([0, 0, 10, 8], [], score=0.8)]
    found = match(labels, predictions, iou=0.5)
    assert (found.label_of, found.extra, found.missed) == ([None, 0], [0], [])
