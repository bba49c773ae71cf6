"""All that a label's ``annotations`` hold, those of the frames of a video too.

Labelbox keeps a video's marks by frame: ``"frames": {"13": {"objects": {"<id>": {…}}, "classifications": […]}}``. Each
object and each answer of each frame is an annotation; here they have the key ``frame``, and the ``annotation_kind`` of
a video's mark, so that no format takes the place in a frame for one in a picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connections.rows.kinds.base import Annotation


def objects_of(annotations: Mapping[str, Any]) -> Sequence[Annotation]:
    """The label's objects, then those of its frames."""
    objects: Sequence[Annotation] = annotations.get("objects") or ()
    return [*objects, *_objects_in(annotations["frames"])] if annotations.get("frames") else objects


def answers_of(annotations: Mapping[str, Any]) -> Sequence[Annotation]:
    """The label's answers, then those of its frames."""
    answers: Sequence[Annotation] = annotations.get("classifications") or ()
    return [*answers, *_answers_in(annotations["frames"])] if annotations.get("frames") else answers


def _objects_in(frames: Mapping[str, Any]) -> Iterator[Annotation]:
    for frame, content in frames.items():
        objects = (content or {}).get("objects") or {}
        named = objects.items() if isinstance(objects, Mapping) else (("", each) for each in objects)
        for feature_id, mark in named:
            kind: str = mark.get("annotation_kind") or ""
            if kind.startswith("Image"):
                kind = "Video" + kind.removeprefix("Image")
            yield {"frame": int(frame), "feature_id": feature_id, **mark, "annotation_kind": kind}


def _answers_in(frames: Mapping[str, Any]) -> Iterator[Annotation]:
    for frame, content in frames.items():
        for answer in (content or {}).get("classifications") or ():
            yield {"frame": int(frame), "feature_id": "", **answer}
