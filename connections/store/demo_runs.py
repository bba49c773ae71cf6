"""The demo project's model run: what an invented model says of some of the rows, right in most of it and not in all.

Predictions are made of what people drew: moved a little, now and then overlooked, and with something that is not there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

from connections.rows.kinds import BOX, POLYGON, TEXT_ENTITY
from connections.rows.media_types import IMAGE, TEXT
from connections.store.import_row import IncomingLabel, IncomingPredictions, IncomingRow, IncomingRun
from exportadmin.lib.ids import derived_id

RUN: Final = IncomingRun(
    run_id=derived_id("demo", "model run"),
    model_id=derived_id("demo", "model"),
    name="v1",
    model_name="Demo detector",
    # 2026-09-28T12:00:00Z
    created_ms=1_790_596_800_000,
    created_by="mei@example.org",
    training_metadata={"epochs": 12, "learning_rate": 0.001},
)
# of the pictures every fourth is in the run, the first too; and all texts
EVERY: Final = 4
_SEEN: Final = {kind.annotation_kind for kind in (BOX, POLYGON, TEXT_ENTITY)}
_SPLITS: Final = ("Training", "Training", "Validation", "Test")
_Json = dict[str, Any]


def with_predictions(rows: Iterator[IncomingRow]) -> Iterator[IncomingRow]:
    """The rows, some of them with what the model says."""
    for row in rows:
        number, medium = row.number or 0, row.media_attributes["asset_type"]
        if row.labels and ((medium == IMAGE and number % EVERY == 1) or medium == TEXT):
            dice = random.Random(row.number).random  # noqa: S311 - predictions, not secrets
            objects = [_moved(mark, dice()) for mark in row.labels[0].objects if _is_seen(mark) and dice() > 0.15]
            if medium == IMAGE and dice() < 0.4:
                sides = {"top": 2.0, "left": 2.0, "height": 20.0, "width": 20.0}
                objects.append(_object("car", BOX.annotation_kind, 0.3 + dice() / 5, bounding_box=sides))
            for place, mark in enumerate(objects):
                mark["feature_id"] = derived_id("demo", "prediction", row.key, str(place))
            split = _SPLITS[number // EVERY % len(_SPLITS)]
            row.predictions.append(IncomingPredictions(RUN, [IncomingLabel(objects=objects)], split))
        yield row


def _is_seen(mark: _Json) -> bool:
    return mark["annotation_kind"] in _SEEN and "polygons" not in mark


def _object(name: str, kind: str, confidence: float, **geometry: Any) -> _Json:
    return {"name": name, "annotation_kind": kind, "confidence": round(confidence, 3), **geometry}


def _moved(mark: _Json, chance: float) -> _Json:
    """As the model sees it: up to three pixels further, or two characters longer."""
    name, kind, confidence = mark["name"], mark["annotation_kind"], 0.5 + chance / 2
    by = round(3 * (1 - chance), 1)
    if kind == TEXT_ENTITY.annotation_kind:
        location = {"start": mark["location"]["start"], "end": mark["location"]["end"] + round(2 * (1 - chance))}
        return _object(name, kind, confidence, location=location)
    if kind == BOX.annotation_kind:
        sides = mark["bounding_box"]
        return _object(
            name, kind, confidence, bounding_box={**sides, "left": sides["left"] + by, "top": sides["top"] + by}
        )
    ring = [{"x": point["x"] + by, "y": point["y"]} for point in mark["polygon"]]
    return _object(name, kind, confidence, polygon=ring)
