"""Videos: a time line of what is tracked in them, and the shapes of some frames in which somebody set them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from connections.rows.media_types import VIDEO
from exportadmin.lib.formatting import number
from exports.results.previews.base import Figure, Mark, Preview
from exports.results.previews.drawing import Budget, draw
from exports.results.previews.picture import Picture, as_image, canvas, notes_of, place_of
from exports.results.previews.reading import PreviewRow, Work, mapping, objects, whole
from exports.results.previews.timeline import Timeline, draw_timeline
from exports.results.previews.tracks import features_of, tracks_of

# frames of a row whose shapes are drawn
MOST_FRAMES: Final = 6


@dataclass(slots=True)
class VideoFigure(Figure):
    timeline: Timeline | None = None
    frames: list[Picture] = field(default_factory=list)


class VideoPreview(Preview):
    key = VIDEO
    template = "exports/previews/video.html"

    def figure(self, row: PreviewRow, budget: Budget) -> VideoFigure:
        figure = VideoFigure()
        left_out: Counter[str] = Counter()
        features = [feature for work in row.works for feature in features_of(work, left_out)]
        tracks = tracks_of(features, budget)
        if tracks:
            figure.timeline = draw_timeline(tracks, 1, whole(row.media.get("frame_count")) or 1, number, budget)
            figure.notes += figure.timeline.notes
        key_frames = sorted({frame for each in features if not each.is_answer for frame in each.keys})
        chosen = _spread(key_frames)
        size = row.media.get("width"), row.media.get("height")
        for frame in chosen:
            drawing = draw(_shapes(row.works, frame, False), budget, _shapes(row.works, frame, True))
            left_out += drawing.left_out
            if picture := canvas(f"Frame {number(frame)}", size, drawing):
                figure.frames.append(picture)
        if len(key_frames) > len(chosen):
            figure.notes.append(f"{len(chosen)} of {number(len(key_frames))} frames that somebody set are drawn")
        notes_of(left_out, figure.notes)
        in_time = {id(feature.mark) for feature in features}
        lines = (each.line(track, "frames", number) for each, track in zip(features, tracks, strict=True))
        figure.take(chain(lines, self.lines(row.works, budget, without=in_time)))
        return figure

    def place(self, mark: Mark) -> str:
        return place_of(mark) or "the whole video"


def _spread(frames: Sequence[int]) -> list[int]:
    """The first, the last and some between."""
    if len(frames) <= MOST_FRAMES:
        return list(frames)
    return [frames[place * (len(frames) - 1) // (MOST_FRAMES - 1)] for place in range(MOST_FRAMES)]


def _shapes(works: Sequence[Work], frame: int, is_prediction: bool) -> Iterator[dict[str, Any]]:
    for work in works:
        if work.is_prediction == is_prediction:
            content = mapping(mapping(work.annotations.get("frames")).get(str(frame)))
            yield from map(as_image, objects(content.get("objects")))
