"""A row as a person reads it: its facts as text, and the preview of its medium."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from connections.models import Project
from connections.rows.media import is_address
from connections.rows.media_types import MEDIA_TYPES
from exports.results.previews import preview_of
from exports.results.previews.base import Figure
from exports.results.previews.drawing import Budget
from exports.results.previews.reading import (
    MOST_CHARACTERS,
    PreviewRow,
    answer_text,
    cut,
    mapping,
    name_of,
    objects,
    read_row,
)
from exports.templatetags.text import plural

MOST_ANSWERS = 12
# of a text or JSON that the row itself holds
MOST_OF_CONTENT = 60


@dataclass(frozen=True, slots=True)
class RowView:
    """``template`` shows ``figure``. ``answers`` are those about the whole row, of its labels."""

    number: int
    title: str
    facts: list[tuple[str, str]]
    answers: list[tuple[str, str]]
    more_answers: int
    template: str
    figure: Figure


def row_view(document: Mapping[str, Any], number: int, project: Project, budget: Budget) -> RowView:
    """Takes any JSON object: a row may come from anywhere."""
    row = read_row(document, project)
    preview = preview_of(row.medium)
    figure = preview.figure(row, budget)
    answers = [
        (name_of(answer), cut(answer_text(answer) or "–"))
        for work in row.works
        if not work.is_prediction
        for answer in work.answers
        if "message_id" not in answer
    ]
    data_row = row.data_row
    return RowView(
        number=number,
        title=cut(data_row.get("global_key") or data_row.get("external_id") or data_row.get("id") or f"Row {number}"),
        facts=list(_facts(row, figure)),
        answers=answers[:MOST_ANSWERS],
        more_answers=max(0, len(answers) - MOST_ANSWERS),
        template=preview.template,
        figure=figure,
    )


def _facts(row: PreviewRow, figure: Figure) -> Iterator[tuple[str, str]]:
    data_row, media = row.data_row, row.media
    yield "Row id", cut(data_row.get("id") or "–")
    for project in objects(row.document.get("projects")):
        if status := mapping(project.get("project_details")).get("workflow_status"):
            yield "Review status", cut(status)
            break
    if row_data := data_row.get("row_data"):
        yield "Content", cut(row_data, MOST_CHARACTERS if is_address(str(row_data)) else MOST_OF_CONTENT)
    if row.medium:
        yield "Medium", MEDIA_TYPES[row.medium].title
    elif kind := media.get("asset_type") or media.get("mime_type"):
        yield "Kind", cut(kind)
    width, height = media.get("width"), media.get("height")
    if width and height:
        yield "Size", cut(f"{width} × {height} px")
    if dataset := mapping(data_row.get("details")).get("dataset_name"):
        yield "Dataset", cut(dataset)
    labels = sum(not work.is_prediction for work in row.works)
    counts = plural(figure.total, "annotation,annotations")
    yield "Labelled", f"{plural(labels, 'label,labels')}, {counts}" if labels else "not yet"
    if predictions := len(row.works) - labels:
        yield "Predicted", plural(predictions, "prediction,predictions")
