"""Pictures: the picture itself where it is kept here, with what is marked in it."""

from __future__ import annotations

from dataclasses import dataclass

from connections.rows.media_types import IMAGE
from connections.store.stored_media import kept_picture
from exports.results.previews.base import Figure, Mark, Preview
from exports.results.previews.drawing import Budget, draw
from exports.results.previews.picture import Picture, canvas, notes_of, place_of, side
from exports.results.previews.reading import PreviewRow


@dataclass(slots=True)
class ImageFigure(Figure):
    picture: Picture | None = None


class ImagePreview(Preview):
    key = IMAGE
    template = "exports/previews/image.html"

    def figure(self, row: PreviewRow, budget: Budget) -> ImageFigure:
        drawing = draw(
            (mark for work in row.works if not work.is_prediction for mark in work.objects),
            budget,
            (mark for work in row.works if work.is_prediction for mark in work.objects),
        )
        kept = kept_picture(row.project, row.content)
        size = row.media.get("width"), row.media.get("height")
        if not all(map(side, size)) and kept is not None:
            size = kept.size() or size
        figure = ImageFigure(picture=canvas("", size, drawing, kept.address if kept else ""))
        notes_of(drawing.left_out, figure.notes)
        figure.take(self.lines(row.works, budget))
        return figure

    def place(self, mark: Mark) -> str:
        return place_of(mark)
