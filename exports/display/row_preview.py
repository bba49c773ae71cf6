"""A row as a person reads it: its facts as text, and its picture with what is marked in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from connections.models import Project
from connections.store.stored_media import kept_picture
from exports.results.drawing import Budget, Drawing, draw
from exports.templatetags.text import plural

MOST_CHARACTERS = 300
MOST_ANSWERS = 12
LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class Picture:
    """``width`` and ``height`` are pixels; ``address`` is empty where the picture is not kept here."""

    width: float
    height: float
    address: str
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class RowView:
    """``left_out``: (how many marks, why they are not drawn)."""

    number: int
    title: str
    facts: list[tuple[str, str]]
    answers: list[tuple[str, str]]
    more_answers: int
    picture: Picture | None
    left_out: list[tuple[int, str]]


def row_view(document: Mapping[str, Any], number: int, project: Project, budget: Budget) -> RowView:
    """Takes any JSON object: a row may come from anywhere."""
    data_row, media = _mapping(document.get("data_row")), _mapping(document.get("media_attributes"))
    labels = list(_labels(document))
    objects = [mark for label in labels for mark in _list(_mapping(label.get("annotations")).get("objects"))]
    answers = [pair for label in labels for pair in _answers(_mapping(label.get("annotations")).get("classifications"))]
    drawing = draw(objects, budget)
    return RowView(
        number=number,
        title=_cut(data_row.get("global_key") or data_row.get("external_id") or data_row.get("id") or f"Row {number}"),
        facts=list(_facts(data_row, media, document, len(labels), len(objects))),
        answers=answers[:MOST_ANSWERS],
        more_answers=max(0, len(answers) - MOST_ANSWERS),
        picture=_picture(data_row, media, project, drawing),
        left_out=[(count, why) for why, count in drawing.left_out.most_common()],
    )


def _picture(
    data_row: Mapping[str, Any], media: Mapping[str, Any], project: Project, drawing: Drawing
) -> Picture | None:
    kind = str(media.get("asset_type") or media.get("mime_type") or "")
    if not (kind.startswith("image") or (drawing.shapes and not kind)):
        return None
    kept = kept_picture(project, data_row.get("row_data"))
    size = _side(media.get("width")), _side(media.get("height"))
    if not all(size) and kept is not None and (known := kept.size()):
        size = known
    width, height = (side or _side(far) for side, far in zip(size, drawing.extent, strict=True))
    if not width or not height:
        return None
    return Picture(width, height, kept.address if kept else "", drawing)


def _side(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 1 <= value <= LARGEST else 0


def _facts(
    data_row: Mapping[str, Any], media: Mapping[str, Any], document: Mapping[str, Any], labels: int, marks: int
) -> Iterator[tuple[str, str]]:
    yield "Row id", _cut(data_row.get("id") or "–")
    details = next(iter(_mapping(document.get("projects")).values()), None)
    status = _mapping(_mapping(details).get("project_details")).get("workflow_status")
    if status:
        yield "Review status", _cut(status)
    if row_data := data_row.get("row_data"):
        yield "Content", _cut(row_data)
    width, height = media.get("width"), media.get("height")
    if width and height:
        yield "Size", _cut(f"{width} × {height} px")
    elif kind := media.get("asset_type") or media.get("mime_type"):
        yield "Kind", _cut(kind)
    if dataset := _mapping(data_row.get("details")).get("dataset_name"):
        yield "Dataset", _cut(dataset)
    yield "Labelled", f"{plural(labels, 'label,labels')}, {plural(marks, 'mark,marks')}" if labels else "not yet"


def _labels(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for project in _mapping(document.get("projects")).values():
        for label in _list(_mapping(project).get("labels")):
            if isinstance(label, Mapping):
                yield label


def _answers(kept: Any) -> Iterator[tuple[str, str]]:
    for answer in _list(kept):
        if isinstance(answer, Mapping):
            yield _cut(answer.get("name") or "–"), _cut(_answer_text(answer) or "–")


def _answer_text(answer: Mapping[str, Any]) -> str:
    if isinstance(text := answer.get("text_answer"), Mapping):
        return str(text.get("content", ""))
    if isinstance(radio := answer.get("radio_answer"), Mapping):
        return str(radio.get("name", ""))
    if "checklist_answers" in answer:
        return ", ".join(str(_mapping(one).get("name", "")) for one in _list(answer["checklist_answers"]))
    said = [_mapping(value).get("content") for key, value in answer.items() if key.endswith("_answer")]
    return ", ".join(one if isinstance(one, str) else orjson.dumps(one).decode() for one in said if one is not None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 1] + "…"
