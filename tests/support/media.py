"""Labels of every medium, as Labelbox's own exports have them."""

from __future__ import annotations

from typing import Any

from tests.support.rows import mask

_Json = dict[str, Any]

_SIDES = {"top": 48.0, "left": 58.0, "height": 65.0, "width": 12.0}
_LINE = [{"x": 147.692, "y": 118.154}, {"x": 150.692, "y": 160.154}]
_COMPOSITE = {"url": "https://api.example.test/api/v1/tasks/t/masks/c/index/1", "color_rgb": [123, 103, 152]}
_MESSAGE = {"message_id": "m1", "model_config_name": "one"}

# geometry of each kind in a frame of a video
IN_FRAMES: list[_Json] = [
    {"annotation_kind": "VideoBoundingBox", "bounding_box": _SIDES},
    {"annotation_kind": "VideoPolygon", "polygon": [*_LINE, {"x": 1.0, "y": 2.0}]},
    {"annotation_kind": "VideoPolyline", "line": _LINE},
    {"annotation_kind": "VideoPoint", "point": {"x": 1.5, "y": 2.0}},
    {"annotation_kind": "VideoSegmentationMask", "composite_mask": _COMPOSITE},
    {"annotation_kind": "VideoSegmentationMask", "mask": mask(height=30, width=40)["mask"]},
]
# geometry of each kind that stands among a label's objects
OBJECTS: list[_Json] = [
    {"annotation_kind": "ImageSegmentationMask", "composite_mask": _COMPOSITE},
    {"annotation_kind": "ImageSegmentationMask", "mask": {"url": "https://api.example.test/api/v1/projects/p/mask"}},
    {"annotation_kind": "TextEntity", "location": {"start": 112, "end": 128, "token": "research suggests"}},
    {"annotation_kind": "TextEntity", "location": {"start": 0, "end": 0}},
    {
        "annotation_kind": "ConversationalTextEntity",
        "conversational_location": {"message_id": "0", "location": {"start": 0, "end": 8}},
    },
    {
        "annotation_kind": "DocumentEntityToken",
        "location": {
            "groups": [{"id": "2f4336f4", "page_number": 1, "tokens": ["3f984bf3", "3bf00b56"], "text": "Metal, one"}]
        },
    },
    {
        "annotation_kind": "DocumentBoundingBox",
        "page_number": 1,
        "bounding_box": _SIDES,
        "page_dimensions": {"height": 792.0, "width": 612.0},
    },
    {"annotation_kind": "MessageSingleSelection", "selected_message": {**_MESSAGE, "parent_message_id": "m0"}},
    {
        "annotation_kind": "MessageMultiSelection",
        "selected_messages": {"messages": [_MESSAGE], "parent_message_id": "m0"},
    },
    {
        "annotation_kind": "MessageRanking",
        "ranked_messages": {"ranked_messages": [{**_MESSAGE, "order": 1}], "parent_message_id": "m0"},
    },
    {
        "annotation_kind": "GeoBoundingBox",
        "geojson": {"type": "Polygon", "coordinates": [[[-99.2, 19.4], [-99.2, 19.5], [-99.1, 19.5], [-99.2, 19.4]]]},
    },
    {
        "annotation_kind": "GeoPolygon",
        "geojson": {"type": "Polygon", "coordinates": [[[-99.2, 19.4], [-99.2, 19.5], [-99.1, 19.5], [-99.2, 19.4]]]},
    },
    {
        "annotation_kind": "GeoPolyline",
        "geojson": {"type": "LineString", "coordinates": [[-99.2, 19.4], [-99.1, 19.5]]},
    },
    {"annotation_kind": "GeoPoint", "geojson": {"type": "Point", "coordinates": [-99.2, 19.4]}},
]


def named(mark: _Json, number: int = 1, name: str = "thing") -> _Json:
    """An object with its ids."""
    return {
        "feature_id": f"f{number}",
        "feature_schema_id": "s1",
        "name": name,
        "value": name,
        "classifications": [],
        **mark,
    }


def radio(key: str = "radio_answer", name: str = "kind", **more: Any) -> _Json:
    """An answer to a question."""
    chosen = {"feature_id": "a", "feature_schema_id": "sa", "name": "yes", "value": "yes", "classifications": []}
    return {"feature_id": f"q-{name}", "feature_schema_id": "sq", "name": name, "value": name, **more, key: chosen}


def about_message(name: str = "tone") -> list[_Json]:
    """Answers about a message of a conversation, one of each sort."""
    option = {"name": "polite", "value": "polite", "classifications": []}
    return [
        radio("conversational_radio_answer", name, message_id="0"),
        {"feature_id": "q2", "name": f"{name} too", "message_id": "0", "conversational_checklist_answers": [option]},
        {"feature_id": "q3", "name": f"{name} text", "message_id": "1", "conversational_text_answer": {"content": "x"}},
    ]


def frame_by_frame(*frames: int, **marks: _Json) -> _Json:
    """``frames`` of a label: each object, by its feature id, in every one of them."""
    return {
        str(frame): {
            "objects": {identity: {"feature_id": identity, **mark} for identity, mark in marks.items()},
            "classifications": [],
        }
        for frame in frames
    }


def annotations_of(medium: str) -> _Json:
    """What a label of that medium holds: each kind of it, and an answer."""
    if medium == "video":
        marks = {f"f{number}": named(mark, number) for number, mark in enumerate(IN_FRAMES, 1)}
        return {
            "frames": frame_by_frame(13, 19, **marks),
            "segments": {"f1": [[13, 19]]},
            "key_frame_feature_map": {"f1": [13, 19]},
            "classifications": [radio()],
        }
    if medium == "audio":
        moments = {"1500": {"classifications": [radio(name="speaker")]}}
        return {"classifications": [radio()], "segments": {"q-speaker": [[1500, 2400]]}, "timestamp": moments}
    prefixes = {
        "text": "TextEntity",
        "conversational": "Conversational",
        "document": "Document",
        "geospatial": "Geo",
        "llm": "Message",
        "image": "Image",
    }
    marks = [mark for mark in OBJECTS if mark["annotation_kind"].startswith(prefixes.get(medium, "none"))]
    answers = [radio()] + (about_message() if medium in ("conversational", "llm") else [])
    objects = [named(mark, number) for number, mark in enumerate(marks, 1)]
    return {"objects": objects, "classifications": answers, "relationships": []}


MEDIA = ("image", "video", "audio", "text", "conversational", "document", "html", "geospatial", "llm")


def row_of(medium: str, annotations: _Json | None = None, key: str = "") -> _Json:
    """A row of that medium as ndjson has it, with one label."""
    label = {
        "label_kind": "Video" if medium == "video" else "Default",
        "version": "1.0.0",
        "id": "l1",
        "annotations": annotations_of(medium) if annotations is None else annotations,
    }
    key = key or medium
    return {
        "data_row": {"id": f"d-{key}", "global_key": key, "row_data": f"https://e.test/{key}"},
        "media_attributes": {"asset_type": medium, "height": 30, "width": 40},
        "projects": {"p": {"name": "P", "labels": [label]}},
    }
