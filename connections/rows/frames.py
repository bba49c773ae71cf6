"""All that a label's ``annotations`` hold, wherever it stands in them.

Labelbox keeps a video's marks by frame: ``"frames": {"13": {"objects": {"<id>": {…}}, "classifications": […]}}``, those
of a scan by view and frame (``groups``), and what is said of a stretch of sound by its millisecond (``timestamp``).
Each object and each answer of each of them is an annotation; here they have the key ``frame`` (``group``,
``timestamp``), and the ``annotation_kind`` of a video's mark, so that no format takes the place in a frame for one in a
picture. Of a label that holds nothing but ``segments``, each feature that they are about is an annotation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connections.rows.kinds.base import Annotation
from connections.rows.kinds.segment import SEGMENT

# the numbers of frames have at most 18 digits
LAST_FRAME: Final = 10**18 - 1
# where a label's annotations stand beside its objects and answers
BESIDE: Final = frozenset({"frames", "groups", "timestamp", "segments"})
_DEEPEST: Final = 8
_Place = dict[str, Any]


def objects_of(annotations: Mapping[str, Any]) -> Sequence[Annotation]:
    """The label's objects, then those that stand beside them."""
    objects: Sequence[Annotation] = annotations.get("objects") or ()
    if BESIDE.isdisjoint(annotations):
        return objects
    return [*objects, *objects_beside(annotations), *_lone_segments(annotations)]


def answers_of(annotations: Mapping[str, Any]) -> Sequence[Annotation]:
    """The label's answers, then those that stand beside them."""
    answers: Sequence[Annotation] = annotations.get("classifications") or ()
    return answers if BESIDE.isdisjoint(annotations) else [*answers, *answers_beside(annotations)]


def objects_beside(annotations: Mapping[str, Any]) -> Iterator[Annotation]:
    """Those of frames, groups and moments."""
    for place, content in _in_frames(annotations):
        objects = content.get("objects") or {}
        named = objects.items() if isinstance(objects, Mapping) else (("", each) for each in objects)
        for feature_id, mark in named:
            kind = kind_in_frame(mark.get("annotation_kind"))
            yield {**place, "feature_id": feature_id, **mark, "annotation_kind": kind}
    if timestamp := annotations.get("timestamp"):
        for place, found in _in_moments(timestamp, {}):
            if "annotation_kind" in found:
                yield {**place, "feature_id": "", **found}


def kind_in_frame(kind: str | None) -> str:
    """Of what stands in a frame, the ``annotation_kind``: that of a video's mark, whatever a file calls it."""
    return "Video" + kind.removeprefix("Image") if kind and kind.startswith("Image") else kind or ""


def answers_beside(annotations: Mapping[str, Any]) -> Iterator[Annotation]:
    """Those of frames, groups and moments."""
    for place, content in _in_frames(annotations):
        for answer in content.get("classifications") or ():
            yield {**place, "feature_id": "", **answer}
    if timestamp := annotations.get("timestamp"):
        for place, found in _in_moments(timestamp, {}):
            if "annotation_kind" not in found:
                yield {**place, "feature_id": "", **found}


def elsewhere(annotations: Mapping[str, Any]) -> tuple[Sequence[Annotation], Sequence[Annotation]]:
    """The objects and the answers that stand neither in the label itself nor in its frames."""
    if BESIDE.isdisjoint(annotations):
        return (), ()
    near = {key: annotations[key] for key in ("objects", "classifications", "frames") if key in annotations}
    return objects_of(annotations)[len(objects_of(near)) :], answers_of(annotations)[len(answers_of(near)) :]


def _in_frames(annotations: Mapping[str, Any]) -> Iterator[tuple[_Place, Mapping[str, Any]]]:
    """Each frame's place and what it holds; a group's own answers are in no frame."""
    for frame, content in (annotations.get("frames") or {}).items():
        yield {"frame": int(frame)}, content or {}
    for name, group in (annotations.get("groups") or {}).items():
        yield {"group": name}, {"classifications": group.get("classifications")}
        for frame, content in (group.get("frames") or {}).items():
            yield {"group": name, "frame": int(frame)}, content or {}


def _in_moments(value: Any, place: _Place, depth: int = 0) -> Iterator[tuple[_Place, Mapping[str, Any]]]:
    """What ``timestamp`` holds, whatever it is wrapped in: Labelbox does not document that. An object has an
    ``annotation_kind``, an answer a name and an ``…_answer`` or ``…_answers``; a key that is a number is a moment."""
    if depth > _DEEPEST:
        return
    if isinstance(value, list):
        for each in value:
            yield from _in_moments(each, place, depth + 1)
    elif isinstance(value, dict):
        if type(value.get("name")) is str and ("annotation_kind" in value or any(map(_is_answer, value))):
            yield place, value
            return
        for key, each in value.items():
            is_moment = key.isascii() and key.isdecimal() and len(key) < 19
            yield from _in_moments(each, {**place, "timestamp": int(key)} if is_moment else place, depth + 1)


def _is_answer(key: str) -> bool:
    return key.endswith(("_answer", "_answers"))


def _lone_segments(annotations: Mapping[str, Any]) -> Iterator[Annotation]:
    """The features of ``segments``, where the label says nothing else of anything."""
    segments = annotations.get("segments")
    if not segments or annotations.get("objects") or annotations.get("classifications"):
        return
    beside = (objects_beside(annotations), answers_beside(annotations))
    if any(next(each, None) is not None for each in beside):
        return
    for feature_id, spans in segments.items():
        for name, own in spans.items() if isinstance(spans, dict) else ((feature_id, spans),):
            if own:
                yield {"feature_id": name, "name": "", "annotation_kind": SEGMENT, "segments": own}
