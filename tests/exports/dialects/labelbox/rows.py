"""Rows of every medium as Labelbox documents them, masks as they stand in ours, for the dialect and the platform."""

from __future__ import annotations

import copy
from typing import Any

from connections.rows.masks import compressed

_Json = dict[str, Any]
_TIME = "2024-04-08T16:21:26.000+00:00"


def _mark(name: str, kind: str, **geometry: Any) -> _Json:
    return {
        "feature_id": f"f-{name}",
        "feature_schema_id": f"s-{name}",
        "name": name,
        "value": name,
        "annotation_kind": kind,
        "classifications": [],
        **geometry,
    }


def _answer(name: str, **answer: Any) -> _Json:
    return {"feature_id": f"f-{name}", "feature_schema_id": f"s-{name}", "name": name, "value": name, **answer}


def _option(name: str, *below: _Json) -> _Json:
    return _answer(name, classifications=list(below))


def _row(number: int, medium: str, annotations: _Json, *, kind: str = "Default", **media: Any) -> _Json:
    return {
        "data_row": {
            "id": f"row-{number}",
            "external_id": f"{medium}.file",
            "global_key": f"{number}-{medium}",
            "row_data": f"https://storage.example.test/{number}",
            "details": {
                "dataset_id": "ds-1",
                "dataset_name": "Everything",
                "created_at": _TIME,
                "updated_at": _TIME,
                "last_activity_at": _TIME,
                "created_by": "uploader@example.test",
            },
        },
        "media_attributes": {"asset_type": medium, **media},
        "attachments": [{"type": "TEXT_URL", "value": "https://storage.example.test/note.txt"}],
        "metadata_fields": [
            {
                "schema_id": "m-1",
                "schema_name": "tag",
                "schema_kind": "CustomMetadataString",
                "value": "street",
            }
        ],
        "embeddings": [
            {"id": "e-1", "name": "CLIP", "dimensions": 2, "is_custom": False, "values": [{"value": [-0.41, 0.3]}]}
        ],
        "projects": {
            "p": {
                "name": "Everything",
                "labels": [
                    {
                        "label_kind": kind,
                        "version": "1.0.0",
                        "id": f"label-{number}",
                        "label_details": {
                            "created_at": _TIME,
                            "updated_at": _TIME,
                            "created_by": "labeler@example.test",
                            "content_last_updated_at": _TIME,
                            "reviews": [],
                        },
                        "performance_details": {
                            "seconds_to_create": 139,
                            "seconds_to_review": 75,
                            "skipped": False,
                            "consensus_score": 0.87,
                        },
                        "annotations": annotations,
                    }
                ],
                "project_tags": [],
                "project_details": {
                    "task_name": "Done",
                    "batch_id": "batch-1",
                    "batch_name": "First",
                    "workflow_status": ("TO_LABEL", "IN_REVIEW", "IN_REWORK", "DONE")[number % 4],
                    "priority": 5,
                    "selected_label_id": f"label-{number}",
                    "workflow_history": [
                        {
                            "action": "Move",
                            "created_at": _TIME,
                            "created_by": "labeler@example.test",
                            "next_task_name": "Initial labeling task",
                            "next_task_id": "t-1",
                        }
                    ],
                },
            }
        },
    }


def _runs(counts: list[int]) -> _Json:
    return {"size": [4, 6], "counts": compressed(counts, 4, 6)}


def _box(top: float, left: float, height: float, width: float) -> _Json:
    return {"top": top, "left": left, "height": height, "width": width}


def rows() -> list[_Json]:
    """One of each, numbered from 1."""
    occlusion = _answer("occlusion", radio_answer=_option("partial"))
    radio = _answer("question", radio_answer=_option("first", _answer("sub", radio_answer=_option("sub_first"))))
    checklist = _answer("checklist", checklist_answers=[_option("one"), _option("two")])
    free = _answer("free_text", text_answer={"content": "free form text…"})
    image = {
        "objects": [
            {
                **_mark("box", "ImageBoundingBox"),
                "classifications": [occlusion],
                "bounding_box": _box(4.0, 6.5, 9.0, 3),
            },
            _mark(
                "polygon",
                "ImagePolygon",
                polygon=[{"x": 1.5, "y": 1.0}, {"x": 9.0, "y": 1.0}, {"x": 9.0, "y": 8.25}, {"x": 1.5, "y": 1.0}],
            ),
            # two columns of one picture, and one which overlaps both: no pixel has two colours
            _mark("mask", "ImageSegmentationMask", mask=_runs([0, 4, 20])),
            {**_mark("mask", "ImageSegmentationMask", mask=_runs([4, 4, 16])), "feature_id": "m2"},
            {**_mark("mask", "ImageSegmentationMask", mask=_runs([2, 4, 18])), "feature_id": "m3"},
            _mark("point", "ImagePoint", point={"x": 3.25, "y": 2.0}),
            _mark("line", "ImagePolyline", line=[{"x": 5.0, "y": 0.5}, {"x": 0.5, "y": 3.0}]),
        ],
        "classifications": [radio, checklist, free],
        "relationships": [
            {
                **_mark("near", "UnidirectionalRelationship"),
                "unidirectional_relationship": {"source": "f-box", "target": "f-polygon"},
            }
        ],
    }
    track = [_mark("car", "VideoBoundingBox", bounding_box=_box(98.0, 146.0 + 2 * at, 243.0, 236.0)) for at in (0, 6)]
    pixels = [{**_mark("water", "VideoSegmentationMask", mask=_runs([at, 4, 20 - at]))} for at in (0, 3)]
    video = {
        "frames": {
            "13": {"objects": {"f-car": track[0], "f-water": pixels[0]}, "classifications": []},
            "19": {"objects": {"f-car": track[1], "f-water": pixels[1]}, "classifications": []},
        },
        "segments": {"f-car": [[13, 13], [18, 19]], "f-water": [[13, 19]]},
        "key_frame_feature_map": {"f-car": [13, 19], "f-water": [13, 19]},
        "classifications": [radio],
    }
    text = {
        "objects": [_mark("person", "TextEntity", location={"start": 10, "end": 20, "token": "um dolor si"})],
        "classifications": [free],
        "relationships": [],
    }
    conversation = {
        "objects": [
            _mark(
                "ner",
                "ConversationalTextEntity",
                conversational_location={"message_id": "0", "location": {"start": 0, "end": 8}},
            )
        ],
        "classifications": [
            _answer("intent", message_id="0", conversational_radio_answer=_option("asks")),
        ],
        "relationships": [],
    }
    document = {
        "objects": [
            _mark(
                "title",
                "DocumentEntityToken",
                location={"groups": [{"id": "g-1", "page_number": 1, "tokens": ["t-1", "t-2"], "text": "A title"}]},
            ),
            _mark(
                "figure",
                "DocumentBoundingBox",
                page_number=2,
                bounding_box=_box(48.0, 61.0, 100.0, 200.0),
                page_dimensions={"height": 792.0, "width": 612.0},
            ),
        ],
        "classifications": [],
        "relationships": [],
    }
    audio = {"classifications": [radio], "segments": {}, "timestamp": {}}
    web_page = {"objects": [], "classifications": [checklist], "relationships": []}
    comparison = {
        "objects": [
            _mark(
                "best",
                "MessageSingleSelection",
                selected_message={"message_id": "m-1", "model_config_name": "model-a", "parent_message_id": "m-0"},
            ),
            _mark(
                "good",
                "MessageMultiSelection",
                selected_messages={
                    "messages": [{"message_id": "m-1", "model_config_name": "model-a"}],
                    "parent_message_id": "m-0",
                },
            ),
            _mark(
                "order",
                "MessageRanking",
                ranked_messages={
                    "ranked_messages": [{"message_id": "m-1", "model_config_name": "model-a", "order": 1}],
                    "parent_message_id": "m-0",
                },
            ),
        ],
        "classifications": [],
        "relationships": [],
    }
    made = [
        _row(1, "image", image, height=4, width=6, mime_type="image/jpeg", exif_rotation=1),
        _row(2, "video", video, kind="Video", height=4, width=6, frame_rate=30, frame_count=40),
        _row(3, "text", text),
        _row(4, "conversational", conversation, message_count=4),
        _row(5, "document", document),
        _row(6, "audio", audio),
        _row(7, "html", web_page),
        _row(8, "llm", comparison),
    ]
    unlabelled = _row(9, "image", {})
    unlabelled["projects"]["p"]["labels"] = []
    return [
        *made,
        unlabelled,
        _row(10, "geospatial", _on_a_map(), tile_layer_url="https://tiles.example.test/{z}/{x}/{y}"),
    ]


def _on_a_map() -> _Json:
    ring = [[18.5, 54.5], [18.75, 54.5], [18.75, 54.625], [18.5, 54.5]]
    shapes = {
        "GeoBoundingBox": ("Polygon", [[*ring[:3], [18.5, 54.625], ring[0]]]),
        "GeoPolygon": ("Polygon", [ring]),
        "GeoPolyline": ("LineString", ring[:3]),
        "GeoPoint": ("Point", ring[0]),
    }
    objects = [
        _mark(kind.lower(), kind, geojson={"type": type_, "coordinates": coordinates})
        for kind, (type_, coordinates) in shapes.items()
    ]
    return {"objects": objects, "classifications": [], "relationships": []}


def with_consensus(lines: list[_Json], model: str, run: str) -> list[_Json]:
    """Every other labelled row with the labels of two, and in a run of a model."""
    for number, line in enumerate(lines[::2]):
        project = line["projects"]["p"]
        if not project["labels"]:
            continue
        (first,) = project["labels"]
        second = copy.deepcopy(first) | {"id": f"{first['id']}-again"}
        second["label_details"]["created_by"] = "another@example.test"
        for label in (first, second):
            label["performance_details"] |= {
                "consensus_label_count": 2,
                "consensus_labels": [first["id"], second["id"]],
            }
        project["labels"].append(second)
        project["project_details"]["consensus_expected_label_count"] = 2
        annotations = copy.deepcopy(first["annotations"])
        for mark in annotations.get("objects", ()):
            mark["confidence"] = 0.75
        found = {name: first[name] for name in ("label_kind", "version")}
        found |= {"id": f"prediction-{number}", "annotations": annotations}
        of_run = {
            "name": "v1",
            "run_data_row_id": f"rdr-{number}",
            "annotation_group_id": f"ag-{number}",
            "labels": project["labels"],
            "predictions": [found],
            "split": ("Training", "Validation", "Test")[number % 3],
        }
        line["experiments"] = {model: {"name": "A model", "runs": {run: of_run}}}
    return lines
