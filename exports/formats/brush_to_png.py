"""``brush_to_png``: a grey picture a mask, as Label Studio writes what is brushed."""

from __future__ import annotations

from connections.rows.painting import Canvas
from exports.formats.brush_files import BrushFiles
from exports.formats.pngwriter import Picture


class BrushToPngFormat(BrushFiles):
    """8 bit grey: 255 inside the mask, 0 outside."""

    key = "brush_to_png"
    title = "Brush to PNG as Label Studio writes it"
    as_of = "Label Studio"
    help = (
        "A zip with a grey picture a mask, called task-…-annotation-…-by-…-control-class-0.png, for scripts made for "
        "Label Studio's exports. Unlike theirs: index.ndjson says which row and picture each is of; a pixel is in the "
        "mask (255) or not (0), without shades; masks that would be called alike have different names. Other kinds are "
        "left out. For one picture a row with all classes: PNG class masks."
    )
    suffix = ".png"
    _picture: Picture | None = None

    def canvas(self, width: int, height: int) -> Canvas:
        if self._picture is not None and self._picture.size == (width, height):
            self._picture.clear()
        else:
            self._picture = Picture(width, height, wide=False)
        canvas: Canvas = self._picture.canvas
        return canvas

    def painted(self) -> bytes:
        assert self._picture is not None
        return self._picture.png()
