"""The frames of a video between its key frames, computed.

A track is a feature that a label's ``segments`` say to be there from one frame to another. Of each frame of its
segments in which it does not stand, what can be told is worked out:

* The geometry of a box, a point, a polygon or a polyline moves straight and evenly from the key frame before to the one
  after it (:meth:`connections.rows.kinds.base.Kind.between`); before the first one and behind the last it stays. Key
  frames are those that ``key_frame_feature_map`` lists, else all frames in which the track stands.
* Over a gap between segments nothing moves on: behind the last key frame of its segment it stays, where the next key
  frame is in another segment. Only a segment that begins before its first key frame is on the way from the key frame
  before the gap to that one, as in Labelbox's own sample (segments 13 to 13 and 18 to 19, key frames 13 and 19).
* What was answered, about a frame or about an object in it, stays as it was at the key frame before: it is what the
  segment is about.
* Of masks, and of outlines whose number of points changes, nothing is made up: such a track has the frames that it has.
  So it is with a track without segments, of which nobody knows when it was there.

Marks that stand under one id in one frame (an object and its further labels) are a track each, told apart by their
classes, where all of them stand in the same frames; else nobody knows which of them are in the frames between.
``key_frame_feature_map`` names the key frames of each track of which frames were computed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

from connections.rows.frames import LAST_FRAME, kind_in_frame
from connections.rows.kinds import KINDS

# annotations that are computed of one label
MOST: Final = 100_000
_Json = dict[str, Any]
# the first and the last frame
_Span = tuple[int, int]


class Computed(NamedTuple):
    """How many annotations were computed, and of how many tracks frames are missing that could not be."""

    annotations: int
    tracks_left: int


def interpolate(annotations: _Json) -> Computed:
    """Enter what can be computed into a label's ``annotations``, in place."""
    frames, segments = annotations.get("frames"), annotations.get("segments")
    if not isinstance(frames, dict):
        return Computed(0, 0)
    if not isinstance(segments, dict):
        segments = {}
    named = annotations.get("key_frame_feature_map")
    listed: _Json = dict(named) if isinstance(named, dict) else {}
    by_number = {int(frame): content for frame, content in frames.items()}
    names = {int(frame): frame for frame in frames}
    is_sure = len(by_number) == len(frames)  # else one frame stands under two texts
    in_lists = any(isinstance((content or {}).get("objects"), list) for content in frames.values())
    found = left = 0
    for track in _tracks(frames):
        spans, is_whole = _spans_of(segments.get(track.identity))
        missing = sum(last - first + 1 for first, last in spans)
        missing -= sum(_is_within(frame, spans) for frame in track.marks)
        if not missing:
            left += not is_whole or (not spans and len(track.marks) > 1)
            continue
        if not is_sure or track.is_mixed or missing > MOST - found:
            left += 1
            continue
        keys = sorted(track.keys(listed.get(track.identity)))
        made = {
            frame: track.at(frame, keys, span)
            for span in spans
            for frame in range(span[0], span[1] + 1)
            if frame not in track.marks
        }
        if None in made.values() or any(track.is_taken(by_number.get(frame)) for frame in made):
            left += 1
            continue
        for frame, mark in made.items():
            if not by_number.get(frame):
                by_number[frame] = {"objects": [] if in_lists else {}, "classifications": []}
            track.put(by_number[frame], mark)
        found += len(made)
        left += not is_whole
        listed[track.identity] = keys
    if found:
        annotations["frames"] = {names.get(frame, str(frame)): by_number[frame] for frame in sorted(by_number)}
        annotations["key_frame_feature_map"] = listed
    return Computed(found, left)


class _Track:
    """One feature: its ``marks`` by frame, which are objects, or answers. ``is_mixed``: several of them could be one
    another's."""

    def __init__(self, identity: str, *, is_answer: bool) -> None:
        self.identity = identity
        self.is_answer = is_answer
        self.marks: dict[int, Mapping[str, Any]] = {}
        self.is_mixed = False

    def add(self, frame: int, mark: Mapping[str, Any]) -> None:
        """The next one, in the order of the frames."""
        self.is_mixed |= frame in self.marks
        self.marks[frame] = mark

    def keys(self, listed: Any) -> set[int]:
        keys = {frame for frame in listed if type(frame) is int} if isinstance(listed, list) else set()
        return keys & self.marks.keys() or set(self.marks)

    def at(self, frame: int, keys: list[int], span: _Span) -> _Json | None:
        """As it is in a frame of a span, between key frames; ``None`` where that cannot be told."""
        place = bisect_right(keys, frame)
        before, after = keys[max(place - 1, 0)], keys[min(place, len(keys) - 1)]
        if span[0] <= before and span[1] < after:
            after = before  # the next one is behind a gap
        first, second = self.marks[before], self.marks[after]
        if self.is_answer:
            return dict(first)
        share = 0.0 if before == after else (frame - before) / (after - before)
        shape = KINDS.of(kind_in_frame(first.get("annotation_kind"))).between(first, second, share)
        return None if shape is None else {**first, **shape}

    def is_taken(self, content: Mapping[str, Any] | None) -> bool:
        """Has another mark its place in the frame?"""
        objects = (content or {}).get("objects")
        return not self.is_answer and isinstance(objects, dict) and self.identity in objects

    def put(self, content: _Json, mark: Any) -> None:
        if self.is_answer:
            content["classifications"] = [*(content.get("classifications") or ()), mark]
        elif isinstance(content.get("objects"), list):
            content["objects"].append({"feature_id": self.identity, **mark})
        else:
            content["objects"] = {**(content.get("objects") or {}), self.identity: mark}


def _tracks(frames: Mapping[str, Any]) -> Iterator[_Track]:
    """In the order in which their ids begin."""
    by_id: dict[tuple[bool, str], list[tuple[int, Mapping[str, Any]]]] = {}
    for frame, content in sorted(((int(frame), content or {}) for frame, content in frames.items()), key=_first):
        objects = content.get("objects") or {}
        marks = objects.items() if isinstance(objects, dict) else ((each.get("feature_id"), each) for each in objects)
        answers = ((answer.get("feature_id"), answer) for answer in content.get("classifications") or ())
        for is_answer, (identity, mark) in chain(((False, each) for each in marks), ((True, each) for each in answers)):
            if identity:
                by_id.setdefault((is_answer, identity), []).append((frame, mark))
    for (is_answer, identity), found in by_id.items():
        is_one = len({frame for frame, _ in found}) == len(found)
        tracks: dict[Any, _Track] = {}
        for frame, mark in found:
            key = None if is_one else (mark.get("name"), "is_further_label" in mark)
            tracks.setdefault(key, _Track(identity, is_answer=is_answer)).add(frame, mark)
        in_other_frames = len({frozenset(track.marks) for track in tracks.values()}) > 1
        for track in tracks.values():
            track.is_mixed |= in_other_frames
            yield track


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def _spans_of(segments: Any) -> tuple[Sequence[_Span], bool]:
    """``(spans, are they all)``: a track's segments in their order, those that touch each other as one. What is no
    frame is no part of them: before 0, behind the last one that a file may hold, and spans that end before they begin.
    """
    if segments is None:
        return (), True
    if not isinstance(segments, list):
        return (), False
    spans: list[_Span] = []
    is_whole = True
    for given in segments:
        if not (isinstance(given, list) and [int, int] == [*map(type, given)]):
            is_whole = False
            continue
        first, last = max(given[0], 0), min(given[1], LAST_FRAME)
        is_whole &= [first, last] == given and first <= last
        if first <= last:
            spans.append((first, last))
    joined: list[_Span] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return joined, is_whole


def _is_within(frame: int, spans: Sequence[_Span]) -> bool:
    place = bisect_right(spans, (frame, LAST_FRAME))
    return bool(place) and frame <= spans[place - 1][1]
