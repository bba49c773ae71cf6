"""What a label says by frames of a video, or by moments of a recording.

Labelbox keeps a video's marks by frame: ``"frames": {"13": {"objects": {"<id>": {…}}, "classifications": […]}}``, with
``"segments": {"<id>": [[13, 19]]}`` and ``"key_frame_feature_map": {"<id>": [13, 19]}`` beside them; the views of a
scan each have frames of their own (``groups``), and a recording has ``segments`` and ``timestamp``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from connections.rows.frames import answers_beside, objects_beside
from exports.results.previews.base import Line, Mark, answer_line, what_of
from exports.results.previews.drawing import Budget
from exports.results.previews.picture import place_of
from exports.results.previews.reading import (
    Work,
    answer_text,
    answers_text,
    confidence_of,
    cut,
    mapping,
    name_of,
    objects,
    sequence,
    whole,
)
from exports.results.previews.timeline import Range, Track, joined


@dataclass(slots=True)
class Feature:
    """One thing in time: ``mark`` is the first that is met of it, ``moments`` are all that tell of it; ``keys`` are
    those at which somebody set it."""

    work: Work
    mark: Mark
    is_answer: bool
    moments: list[int] = field(default_factory=list)
    ranges: Sequence[Range] = ()
    keys: Sequence[int] = ()

    @property
    def title(self) -> str:
        """What its lane is called."""
        name = name_of(self.mark)
        return f"{name}: {cut(answer_text(self.mark), 80)}" if self.is_answer else name

    def line(self, track: Track, what: str, unit: Callable[[int], str]) -> Callable[[], Line]:
        """For the table, made when it is wanted."""
        return partial(self._line, track, what, unit)

    def _line(self, track: Track, what: str, unit: Callable[[int], str]) -> Line:
        where = f"{what} {track.told(unit)}".strip()
        if self.is_answer:
            return answer_line(self.work, self.mark, where)
        try:
            place = place_of(self.mark)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
            place = "cannot be read"
        if place and self.moments:
            where += f"; in {unit(self.moments[0])} {place}"
        answers = answers_text(self.mark.get("classifications"))
        confidence = confidence_of(self.mark)
        return Line(name_of(self.mark), track.colour, what_of(self.mark), where, answers, self.work, confidence)


def tracks_of(features: Sequence[Feature], budget: Budget) -> list[Track]:
    """A lane each. Answers are told in their lanes' names."""
    return [
        Track(each.title, budget.colour_of(name_of(each.mark)), each.work.is_prediction, each.ranges, each.keys)
        for each in features
    ]


def features_of(work: Work, left_out: Counter[str]) -> Iterator[Feature]:
    """Those of the label's frames or moments, each with its segments and the moments at which it was set."""
    found: dict[str, Feature] = {}
    for key, content in _frames(work):
        moment = whole(key)
        if moment is None or not isinstance(content, Mapping):
            left_out["in a frame that has no number or no content"] += 1
            continue
        marks = content.get("objects")
        named = marks.items() if isinstance(marks, Mapping) else ((None, each) for each in sequence(marks))
        for feature_id, mark in named:
            if isinstance(mark, Mapping):
                _seen(found, work, feature_id or mark.get("feature_id") or _identity(mark), mark, moment, False)
            else:
                left_out["that cannot be read"] += 1
        for answer in objects(content.get("classifications")):
            _seen(found, work, answer.get("feature_id") or _identity(answer), answer, moment, True)
    timestamp = {"timestamp": work.annotations.get("timestamp")}
    for is_answer, marks in ((False, objects_beside(timestamp)), (True, answers_beside(timestamp))):
        for mark in marks:
            if (moment := whole(mark.get("timestamp"))) is None:
                left_out["at a moment that has no number"] += 1
            else:
                _seen(found, work, mark.get("feature_id") or _identity(mark), mark, moment, is_answer)
    segments = mapping(work.annotations.get("segments"))
    key_frames = mapping(work.annotations.get("key_frame_feature_map"))
    for feature_id, feature in found.items():
        feature.moments.sort()
        feature.ranges = _ranges(segments.get(feature_id)) or joined(feature.moments)
        feature.keys = _keys(key_frames.get(feature_id)) or feature.moments
    names = list(dict.fromkeys(name_of(feature.mark) for feature in found.values()))
    yield from sorted(found.values(), key=lambda feature: names.index(name_of(feature.mark)))
    if segments:
        yield from _without_moments(work, segments, found)


def _frames(work: Work) -> Iterator[tuple[str, object]]:
    yield from mapping(work.annotations.get("frames")).items()
    for group in objects(work.annotations.get("groups")):
        yield from mapping(group.get("frames")).items()


def _identity(mark: Mark) -> str:
    """Of what has no id: an answer that is the same is the same answer."""
    return f"{name_of(mark)}: {answer_text(mark)}"


def _without_moments(work: Work, segments: Mapping[str, object], found: Mapping[str, Feature]) -> Iterator[Feature]:
    """Segments of what the label has no frame of: its own objects and answers, else nothing but an id."""
    named = {str(mark.get("feature_id")): (mark, False) for mark in work.objects}
    named |= {str(answer.get("feature_id")): (answer, True) for answer in work.answers}
    for feature_id, ranges in segments.items():
        if feature_id not in found and (told := _ranges(ranges)):
            mark, is_answer = named.get(feature_id, ({"name": cut(feature_id, 40)}, False))
            yield Feature(work, mark, is_answer, ranges=told)


def _seen(found: dict[str, Feature], work: Work, identity: object, mark: Mark, moment: int, is_answer: bool) -> None:
    feature = found.get(str(identity))
    if feature is None:  # of a hundred thousand frames most tell of what is known
        feature = found[str(identity)] = Feature(work, mark, is_answer)
    feature.moments.append(moment)


def _ranges(value: object) -> list[Range]:
    """``[[1, 9], [12, 12]]``; what is no pair of numbers is left out."""
    pairs = ((whole(pair[0]), whole(pair[1])) for pair in sequence(value) if isinstance(pair, list) and len(pair) == 2)
    return [(begin, end) for begin, end in pairs if begin is not None and end is not None and begin <= end]


def _keys(value: object) -> list[int]:
    """A list of frames, or an object that says of each whether it is one."""
    if isinstance(value, Mapping):
        value = [key for key, is_key in value.items() if is_key is True]
    return sorted({moment for each in sequence(value) if (moment := whole(each)) is not None})
