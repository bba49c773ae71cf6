"""The frames of a video between its key frames, computed.

A track is a feature that a label's ``segments`` say to be there from one frame to another. Of each frame of its
segments in which it does not stand, what can be told is worked out:

* The geometry of a box, a point, a polygon or a polyline moves straight and evenly from the key frame before to the one
  after it (:meth:`connections.rows.kinds.base.Kind.between`); before the first one and behind the last it stays. Key
  frames are those that ``key_frame_feature_map`` lists, else all frames in which the track stands.
* What was answered, about a frame or about an object in it, stays as it was at the key frame before: it is what the
  segment is about.
* Of masks, and of outlines whose number of points changes, nothing is made up: such a track has the frames that it has.
  So it is with a track without segments, of which nobody knows when it was there.

``key_frame_feature_map`` names the key frames of each track of which frames were computed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from connections.rows.frames import kind_in_frame
from connections.rows.kinds import KINDS

# annotations that are computed of one label
MOST: Final = 100_000
_Json = dict[str, Any]


class Computed(NamedTuple):
    """How many annotations were computed, and of how many tracks frames are missing that could not be."""

    annotations: int
    tracks_left: int


def interpolate(annotations: _Json) -> Computed:
    """Enter what can be computed into a label's ``annotations``, in place."""
    frames, segments = annotations.get("frames"), annotations.get("segments")
    if not isinstance(frames, dict) or not isinstance(segments, dict):
        return Computed(0, 0)
    named = annotations.get("key_frame_feature_map")
    listed: _Json = dict(named) if isinstance(named, dict) else {}
    by_number = {int(frame): content for frame, content in frames.items()}
    if len(by_number) < len(frames):  # one frame under two texts
        return Computed(0, 0)
    names = {int(frame): frame for frame in frames}
    found = left = 0
    for identity, track in _tracks(by_number).items():
        wanted = _frames_of(segments.get(identity), MOST - found, without=track.marks)
        if wanted is None:
            left += len(track.marks) > 1
            continue
        if not wanted:
            continue
        keys = sorted(track.keys(listed.get(identity)))
        made = {frame: track.at(frame, keys) for frame in wanted}
        if None in made.values():
            left += 1
            continue
        for frame, mark in made.items():
            if not by_number.get(frame):
                by_number[frame] = {"objects": {}, "classifications": []}
            track.put(by_number[frame], identity, mark)
        found += len(made)
        listed[identity] = keys
    if found:
        annotations["frames"] = {names.get(frame, str(frame)): by_number[frame] for frame in sorted(by_number)}
        annotations["key_frame_feature_map"] = listed
    return Computed(found, left)


class _Track:
    """One feature: its ``marks`` by frame, which are objects, or answers."""

    def __init__(self, *, is_answer: bool) -> None:
        self.is_answer = is_answer
        self.marks: dict[int, Mapping[str, Any]] = {}

    def keys(self, listed: Any) -> set[int]:
        keys = {frame for frame in listed if type(frame) is int} if isinstance(listed, list) else set()
        return keys & self.marks.keys() or set(self.marks)

    def at(self, frame: int, keys: list[int]) -> _Json | None:
        """As it is in a frame between; ``None`` where that cannot be told."""
        place = bisect_right(keys, frame)
        before, after = keys[max(place - 1, 0)], keys[min(place, len(keys) - 1)]
        first, second = self.marks[before], self.marks[after]
        if self.is_answer:
            return dict(first)
        share = 0.0 if before == after else (frame - before) / (after - before)
        shape = KINDS.of(kind_in_frame(first.get("annotation_kind"))).between(first, second, share)
        return None if shape is None else {**first, **shape}

    def put(self, content: _Json, identity: str, mark: Any) -> None:
        if self.is_answer:
            content["classifications"] = [*(content.get("classifications") or ()), mark]
        elif isinstance(content.get("objects"), list):
            content["objects"].append(mark)
        else:
            content["objects"] = {**(content.get("objects") or {}), identity: mark}


def _tracks(frames: Mapping[int, Any]) -> dict[str, _Track]:
    """By feature id, in the order in which they begin."""
    tracks: dict[str, _Track] = {}
    for frame in sorted(frames):
        content = frames[frame] or {}
        objects = content.get("objects") or {}
        marks = objects.items() if isinstance(objects, dict) else ((each.get("feature_id"), each) for each in objects)
        for identity, mark in marks:
            if identity:
                tracks.setdefault(identity, _Track(is_answer=False)).marks[frame] = mark
        for answer in content.get("classifications") or ():
            if identity := answer.get("feature_id"):
                tracks.setdefault(identity, _Track(is_answer=True)).marks[frame] = answer
    return tracks


def _frames_of(segments: Any, most: int, *, without: Mapping[int, Any]) -> list[int] | None:
    """The frames of a track's segments that it does not stand in; ``None`` where it has no segments that are any, or
    too many frames."""
    if not isinstance(segments, list) or not segments:
        return None
    spans: list[range] = []
    for span in segments:
        if not (isinstance(span, list) and len(span) == 2 and type(span[0]) is int and type(span[1]) is int):
            return None
        spans.append(range(span[0], span[1] + 1))
    if sum(map(len, spans)) > most + len(without):
        return None
    return sorted({frame for span in spans for frame in span} - without.keys())
