"""Texts, with their spans marked by colour and by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from connections.rows.labels import kept_of
from connections.rows.media import is_address
from connections.rows.media_types import TEXT
from connections.rows.spans import SpanError, span_of, text_of
from exports.results.previews.base import Figure, Mark, Preview
from exports.results.previews.drawing import Budget, Colour
from exports.results.previews.marked_text import MarkedText, Span, mark_text
from exports.results.previews.reading import PreviewRow, cut, kind_of, mapping, name_of, whole

MOST_TOKENS = 60


@dataclass(slots=True)
class TextFigure(Figure):
    """``tokens`` are the pieces of a text that lies elsewhere, as its annotations carry them: colour, class, piece."""

    text: MarkedText | None = None
    address: str = ""
    tokens: list[tuple[Colour, str, str]] = field(default_factory=list)


class TextPreview(Preview):
    key = TEXT
    template = "exports/previews/text.html"

    def figure(self, row: PreviewRow, budget: Budget) -> TextFigure:
        figure = TextFigure()
        text = _text(row)
        if text is None:
            figure.address = cut(row.content)
            figure.tokens = [token for work in row.works for mark in work.objects for token in _token(mark, budget)]
            figure.note(len(figure.tokens) - MOST_TOKENS, "piece", "pieces", "more are in the rows")
            del figure.tokens[MOST_TOKENS:]
        else:
            spans, broken = list[Span](), 0
            for work in row.works:
                for mark in work.objects:
                    try:
                        begin, end, _ = span_of({**mark, "name": name_of(mark), "annotation_kind": kind_of(mark)}, text)
                    except SpanError:
                        broken += 1
                    else:
                        colour = budget.colour_of(name_of(mark))
                        spans.append(Span(begin, end, name_of(mark), colour, work.is_prediction))
            figure.text = mark_text(text, spans, budget)
            figure.notes += figure.text.notes
            figure.note(broken, "mark", "marks", "cannot be shown: no place in the text that can be read")
        figure.take(self.lines(row.works, budget))
        return figure

    def place(self, mark: Mark) -> str:
        return place_in_text(mark)


def place_in_text(mark: Mark) -> str:
    """``characters 112–128: “research suggests”``, both included."""
    location = mapping(mark.get("location"))
    begin, end = whole(location.get("start")), whole(location.get("end"))
    if begin is None or end is None:
        value = mapping(kept_of("label_studio", mark).get("value"))
        begin, end = whole(value.get("start")), whole(value.get("end"))
        return "" if begin is None or end is None else f"characters {begin}–{end}"
    token = location.get("token")
    return f"characters {begin}–{end}" + (f": “{cut(token, 80)}”" if isinstance(token, str) and token else "")


def _text(row: PreviewRow) -> str | None:
    """``None`` where it lies elsewhere."""
    if row.content and not is_address(row.content) and not kept_of("label_studio", row.document):
        return row.content
    marks = [
        {**mark, "annotation_kind": kind_of(mark), "name": name_of(mark)} for work in row.works for mark in work.objects
    ]
    try:
        return text_of(
            {**row.document, "data_row": {"row_data": row.content}, "media_attributes": {"asset_type": "text"}}, marks
        )
    except (KeyError, TypeError, AttributeError, ValueError):
        return None


def _token(mark: Mark, budget: Budget) -> Iterator[tuple[Colour, str, str]]:
    token = mapping(mark.get("location")).get("token")
    if isinstance(token, str) and token:
        yield budget.colour_of(name_of(mark)), name_of(mark), cut(token)
