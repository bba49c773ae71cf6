"""The same rows as each labelling platform would have them, and an oracle of what a filter keeps of them.

A row is known by its number. What a platform does not tell of it (:attr:`Platform.untold`, ``stand_ins``) is not in its
form of the row.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

from connections.rows.review_statuses import REVIEW_STATUSES, WORKFLOW_GROUPS
from exports.spec.conditions.labelling import LABELLED, UNLABELLED
from tests.support.diffgram_server import image
from tests.support.label_studio_server import iso
from tests.support.labelbox_server import labelled_row

BEGIN: Final = 1_758_600_000_000
MINUTE: Final = 60_000
# what every platform can say of where a row stands
STATUSES: Final = ("to_label", "review", "accepted")
_Json = dict[str, Any]


@dataclass(frozen=True)
class SameRow:
    """``status`` is ours; a row ``to_label`` has no annotation, the others one of class ``car`` or ``person``.

    Times are ms, whole minutes; ``label_ms`` is when its one label was made.
    """

    number: int
    status: str
    name: str
    created_ms: int
    label_ms: int
    updated_ms: int

    @property
    def is_labelled(self) -> bool:
        return self.status != "to_label"


def same_rows(count: int, seed: int = 14) -> list[SameRow]:
    """``count`` rows, the same ones for the same seed."""
    chance, rows = random.Random(seed), []
    for number in range(1, count + 1):
        times = sorted(BEGIN + MINUTE * chance.randrange(count) for _ in range(3))
        rows.append(SameRow(number, chance.choice(STATUSES), chance.choice(("car", "person")), *times))
    return rows


# --- as platforms have them -------------------------------------------------------------------------------------------


def as_labellerr(row: SameRow) -> _Json:
    corners = [{"x": 10.5, "y": 10}, {"x": 110, "y": 10}, {"x": 60, "y": 90.25}]
    answer = {"question_type": "polygon", "question_name": row.name, "answer_id": f"a-{row.number}", "answer": corners}
    return {
        "file_id": f"file-{row.number}",
        "file_name": f"{row.number}.jpg",
        "file_metadata": {"image_width": 640, "image_height": 480},
        "created_at": row.created_ms,
        "file_status": {"to_label": "None"}.get(row.status, row.status),
        "latest_answer": [answer] if row.is_labelled else [],
        "updated_at": 0,
    }


def as_label_studio(row: SameRow) -> _Json:
    value = {"x": 10.0, "y": 10.0, "width": 5.0, "height": 20.0, "rotation": 0, "rectanglelabels": [row.name]}
    size = {"original_width": 640, "original_height": 480, "image_rotation": 0, "to_name": "image"}
    annotation = {
        "id": 100_000 + row.number,
        "completed_by": {"id": 1, "email": "ann@example.com", "first_name": "", "last_name": ""},
        "result": [{"id": "r1", "type": "rectanglelabels", "from_name": "box", **size, "value": value}],
        "was_cancelled": False,
        "ground_truth": row.status == "accepted",
        "created_at": iso(row.label_ms),
        "updated_at": iso(row.label_ms),
        "task": row.number,
    }
    return {
        "id": row.number,
        "data": {"image": f"https://img.example.test/{row.number}.jpg"},
        "annotations": [annotation] if row.is_labelled else [],
        "predictions": [],
        "drafts": [],
        "meta": {},
        "created_at": iso(row.created_ms),
        "updated_at": iso(row.updated_ms),
        "project": 1,
    }


def as_labelbox(row: SameRow) -> _Json:
    found = labelled_row(
        row.number, status={"to_label": "TO_LABEL", "review": "IN_REVIEW", "accepted": "DONE"}[row.status]
    )
    times = {"created_at": row.created_ms, "updated_at": row.updated_ms, "last_activity_at": row.updated_ms}
    found["data_row"] |= {"id": f"row-{row.number}", "details": {name: iso(ms) for name, ms in times.items()}}
    label = {
        "label_kind": "Default",
        "version": "1.0.0",
        "id": f"label-{row.number}",
        "label_details": {"created_at": iso(row.label_ms), "updated_at": iso(row.label_ms)},
        "annotations": {
            "objects": [
                {
                    "name": row.name,
                    "annotation_kind": "ImageBoundingBox",
                    "bounding_box": {"top": 12.0, "left": 20.0, "height": 42.0, "width": 14.0},
                }
            ],
            "classifications": [],
            "relationships": [],
        },
    }
    found["projects"]["one"]["labels"] = [label] if row.is_labelled else []
    return found


def as_diffgram(row: SameRow) -> _Json:
    found = image(row.number, complete=row.status == "accepted")
    found["file"]["created_time"] = datetime.fromtimestamp(row.created_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    box = {"id": row.number, "type": "box", "label_file_id": 901 if row.name == "car" else 902}
    corners = {"x_min": 10, "y_min": 20, "x_max": 110, "y_max": 90}
    found["instance_list"] = [box | corners] if row.is_labelled else []
    return found


# --- filters ----------------------------------------------------------------------------------------------------------


def filters(count: int) -> st.SearchStrategy[_Json]:
    """Filters about what all of them have; ``numbers`` stands for the rows' ids, which each platform names its own
    way."""
    moment = st.integers(-2, count + 2).map(lambda minute: BEGIN + MINUTE * minute)
    window = st.tuples(st.none() | moment, st.none() | moment).filter(any).map(sorted_window)
    return st.fixed_dictionaries(
        {},
        optional={
            "numbers": st.lists(st.integers(1, count), min_size=1, max_size=count, unique=True),
            "statuses": st.lists(st.sampled_from(list(REVIEW_STATUSES)), min_size=1, unique=True),
            "workflow_status": st.lists(st.sampled_from(WORKFLOW_GROUPS), min_size=1, unique=True),
            "labelling": st.lists(st.sampled_from([UNLABELLED, LABELLED]), min_size=1, unique=True),
            "with_annotations": st.booleans(),
            "updated_after": moment,
            "last_activity_at": window,
            "label_created_at": window,
        },
    )


def sorted_window(window: tuple[int | None, int | None]) -> list[int | None]:
    first, last = window
    return [last, first] if first is not None and last is not None and first > last else [first, last]


def kept(rows: list[SameRow], wanted: Mapping[str, Any]) -> set[int]:
    """The numbers of the rows that satisfy a filter, by no code of the product's."""
    return {row.number for row in rows if all(_TESTS[key](row, value) for key, value in wanted.items())}


def _within(ms: int, window: list[int | None]) -> bool:
    first, last = window
    return (first is None or ms >= first) and (last is None or ms <= last)


_TESTS: Final[dict[str, Callable[[SameRow, Any], bool]]] = {
    "numbers": lambda row, numbers: row.number in numbers,
    "statuses": lambda row, statuses: row.status in statuses,
    "workflow_status": lambda row, groups: (
        {"to_label": "ToLabel", "review": "InReview", "accepted": "Done"}[row.status] in groups
    ),
    "labelling": lambda row, states: (LABELLED if row.is_labelled else UNLABELLED) in states,
    "with_annotations": lambda row, wanted: row.is_labelled is wanted,
    "updated_after": lambda row, ms: row.updated_ms > ms,
    "last_activity_at": lambda row, window: _within(row.updated_ms, window),
    "label_created_at": lambda row, window: row.is_labelled and _within(row.label_ms, window),
}
