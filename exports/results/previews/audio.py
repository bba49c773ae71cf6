"""Recordings: a time line of their segments and of single moments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from connections.rows.labels import kept_of
from connections.rows.media_types import AUDIO
from exports.results.previews.base import Figure, Preview
from exports.results.previews.drawing import Budget
from exports.results.previews.picture import notes_of
from exports.results.previews.reading import PreviewRow, Work, mapping, number
from exports.results.previews.timeline import Timeline, draw_timeline
from exports.results.previews.tracks import Feature, features_of, tracks_of


@dataclass(slots=True)
class AudioFigure(Figure):
    timeline: Timeline | None = None


class AudioPreview(Preview):
    """Moments are taken for milliseconds."""

    key = AUDIO
    template = "exports/previews/audio.html"

    def figure(self, row: PreviewRow, budget: Budget) -> AudioFigure:
        figure = AudioFigure()
        left_out: Counter[str] = Counter()
        features = [feature for work in row.works for feature in chain(features_of(work, left_out), _regions(work))]
        in_time = {id(feature.mark) for feature in features}
        if tracks := tracks_of(features, budget):
            figure.timeline = draw_timeline(tracks, 0, 0, clock, budget)
            figure.notes += figure.timeline.notes
        notes_of(left_out, figure.notes)
        lines = (each.line(track, "", clock) for each, track in zip(features, tracks, strict=True))
        figure.take(chain(lines, self.lines(row.works, budget, without=in_time)))
        return figure


def clock(milliseconds: int) -> str:
    """``1:05.250``: minutes, seconds, and what is left where it is not 0."""
    seconds, rest = divmod(milliseconds, 1_000)
    text = f"{seconds // 60}:{seconds % 60:02d}"
    return f"{text}.{rest:03d}".rstrip("0") if rest else text


def _regions(work: Work) -> Iterator[Feature]:
    """Label Studio's, which have seconds."""
    for mark in work.objects:
        value = mapping(kept_of("label_studio", mark).get("value"))
        begin, end = number(value.get("start")), number(value.get("end"))
        if begin is not None and end is not None and 0 <= begin <= end < 10**9:
            yield Feature(work, mark, False, ranges=[(round(begin * 1_000), round(end * 1_000))])
