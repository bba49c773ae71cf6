"""Web pages: answers about them, and their source as text. What others wrote is never rendered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connections.rows.media import is_address
from connections.rows.media_types import HTML
from exportadmin.lib.formatting import number
from exports.results.previews.base import Figure, Preview
from exports.results.previews.drawing import Budget
from exports.results.previews.reading import PreviewRow

MOST_SOURCE: Final = 2_000


@dataclass(slots=True)
class HtmlFigure(Figure):
    """``source`` is the beginning of the page's HTML, where the row holds it."""

    source: str = ""


class HtmlPreview(Preview):
    key = HTML
    template = "exports/previews/html.html"

    def figure(self, row: PreviewRow, budget: Budget) -> HtmlFigure:
        figure = HtmlFigure()
        if row.content.lstrip().startswith("<") or not is_address(row.content):
            figure.source = row.content[:MOST_SOURCE]
            if len(row.content) > MOST_SOURCE:
                figure.notes.append(
                    f"The first {number(MOST_SOURCE)} of {number(len(row.content))} characters are shown"
                )
        figure.take(self.lines(row.works, budget))
        return figure
