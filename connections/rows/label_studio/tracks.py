"""The boxes of a video's frames as Label Studio's tracks: a region a track, with an entry for each frame that has one.

Label Studio draws a track on from an entry to the next, so that from the last frame before a gap on it is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connections.rows.frames import answers_of, objects_of
from connections.rows.kinds import CLASSIFICATION, KINDS, VIDEO_BOX
from connections.rows.label_studio.percents import percent
from connections.rows.label_studio.places import REGION_ANSWER, LeftOut, NoSizeError, Picture

_Json = dict[str, Any]
TRACK: Final = "videorectangle"
_BOX: Final = VIDEO_BOX.annotation_kind


def tracks_of(frames: Mapping[str, Any], picture: Picture, media: Mapping[str, Any], left_out: LeftOut) -> list[_Json]:
    """The tracks of a label's ``frames``; what is no box, and answers of frames, is entered into ``left_out``.

    ``media`` are the row's media attributes. Raises :class:`NoSizeError`.
    """
    found: dict[tuple[str, str], dict[int, Mapping[str, float]]] = {}
    for mark in objects_of({"frames": frames}):
        sides = mark.get("bounding_box")
        left_out += [(REGION_ANSWER, answer["name"]) for answer in mark.get("classifications") or ()]
        if mark["annotation_kind"] != _BOX or type(sides) is not dict:
            left_out.append((KINDS.of_mark(mark).key, mark["name"]))
        else:
            found.setdefault((mark["feature_id"], mark["name"]), {})[mark["frame"]] = sides
    left_out += [(CLASSIFICATION.key, answer["name"]) for answer in answers_of({"frames": frames})]
    if found and picture is None:
        raise NoSizeError("percent of a picture whose size is not known")
    return [_track(*named, boxes, picture, media) for named, boxes in found.items() if picture]


def _track(
    identity: str,
    name: str,
    boxes: Mapping[int, Mapping[str, float]],
    picture: tuple[int, int],
    media: Mapping[str, Any],
) -> _Json:
    width, height = picture
    told: Any = media.get("frame_rate")
    rate = told if type(told) in (int, float) and told > 0 else None
    frames = sorted(boxes)
    count = media.get("frame_count")
    count = count if type(count) is int else frames[-1]
    value: _Json = {
        "framesCount": count,
        "duration": count / rate if rate else 0,
        "sequence": [
            {
                "frame": frame,
                "enabled": frame + 1 in boxes,
                "rotation": 0,
                "x": percent(boxes[frame]["left"], width),
                "y": percent(boxes[frame]["top"], height),
                "width": percent(boxes[frame]["width"], width),
                "height": percent(boxes[frame]["height"], height),
                "time": frame / rate if rate else 0,
            }
            for frame in frames
        ],
    }
    if name:
        value["labels"] = [name]
    return {
        "value": value,
        "id": identity,
        "from_name": TRACK,
        "to_name": "video",
        "type": TRACK,
        "origin": "manual",
    }
