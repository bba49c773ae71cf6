"""Label Studio's export types as it lists them for a project: which of them its labeling config can fill.

Label Studio's rules: with data under more than one key only the first four; COCO and YOLO where regions are drawn on a
picture (points alone are not enough), VOC where boxes are, brush files where something is brushed, CoNLL where a text
has spans, the ASR manifest where a sound has a text.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from connections.platforms.label_studio.labeling_config import controls_of

_SEGMENTATION, _DETECTION, _POINTS = "image segmentation", "object detection", "keypoints"


@dataclass(frozen=True, slots=True)
class _Type:
    name: str
    title: str
    description: str
    tags: tuple[str, ...] = ()


_TYPES: Final = (
    _Type("JSON", "JSON", "All tasks with their data and annotations, in the shape in which they are imported."),
    _Type("JSON_MIN", "JSON-MIN", "The data of each task beside what each control says, without the frame around it."),
    _Type("CSV", "CSV", "A line an annotation, a column a control and a key of the data, separated by commas."),
    _Type("TSV", "TSV", "A line an annotation, a column a control and a key of the data, separated by tabs."),
    _Type(
        "CONLL2003",
        "CONLL2003",
        "A token a line with the tag of its span.",
        ("sequence labeling", "text tagging", "named entity recognition"),
    ),
    _Type(
        "COCO",
        "COCO",
        "One file with the images, categories and annotations of all tasks.",
        (_SEGMENTATION, _DETECTION, _POINTS),
    ),
    _Type("COCO_WITH_IMAGES", "COCO with Images", "COCO, and the pictures.", (_SEGMENTATION, _DETECTION, _POINTS)),
    _Type("VOC", "Pascal VOC XML", "An XML file a picture with its boxes.", (_SEGMENTATION, _DETECTION)),
    _Type("YOLO", "YOLO", "A text file a picture, a line an object.", (_SEGMENTATION, _DETECTION, _POINTS)),
    _Type("YOLO_WITH_IMAGES", "YOLO with Images", "YOLO, and the pictures.", (_SEGMENTATION, _DETECTION, _POINTS)),
    _Type("YOLO_OBB", "YOLOv8 OBB", "YOLO with the four corners of turned boxes.", (_SEGMENTATION, _DETECTION)),
    _Type(
        "YOLO_OBB_WITH_IMAGES",
        "YOLOv8 OBB with Images",
        "YOLO with turned boxes, and the pictures.",
        (_SEGMENTATION, _DETECTION),
    ),
    _Type("BRUSH_TO_NUMPY", "Brush labels to NumPy", "An array a brushed region.", (_SEGMENTATION,)),
    _Type("BRUSH_TO_PNG", "Brush labels to PNG", "A grey picture a brushed region.", (_SEGMENTATION,)),
    _Type("ASR_MANIFEST", "ASR Manifest", "A line a transcript, for NVIDIA's NeMo.", ("speech recognition",)),
    _Type("BRUSH_TO_COCO", "Brush labels to COCO", "COCO with brushed regions.", (_SEGMENTATION, "brush annotations")),
    _Type("DOCLANG", "DocLang (.dclx)", "Archives of document pages.", ("document", "doclang")),
)
_OF_ANY_CONFIG: Final = frozenset({"JSON", "JSON_MIN", "CSV", "TSV"})
_COCO: Final = frozenset({"COCO", "COCO_WITH_IMAGES", "YOLO", "YOLO_WITH_IMAGES"})
_OBB: Final = frozenset({"YOLO_OBB", "YOLO_OBB_WITH_IMAGES"})
_BRUSH: Final = frozenset({"BRUSH_TO_NUMPY", "BRUSH_TO_PNG", "BRUSH_TO_COCO"})


def listed_types(config: str, available: Collection[str]) -> list[dict[str, Any]]:
    """As the API has them: those that the config can fill and that are ``available`` first, then the others, which are
    ``disabled``; each group in Label Studio's order."""
    usable = types_of(config) & set(available)
    listed: list[dict[str, Any]] = []
    for one in sorted(_TYPES, key=lambda one: one.name not in usable):
        entry: dict[str, Any] = {"title": one.title, "description": one.description, "link": "", "name": one.name}
        if one.tags:
            entry["tags"] = list(one.tags)
        if one.name not in usable:
            entry["disabled"] = True
        listed.append(entry)
    return listed


def types_of(config: str) -> set[str]:
    """Names of the types that a labeling config can fill."""
    controls = controls_of(config)
    shown = [one for control in controls for one in control.about]
    if len({one.key for one in shown}) > 1:
        return set(_OF_ANY_CONFIG)
    answers = {control.tag for control in controls}
    media = {one.tag for one in shown if not (one.tag == "Text" and one.is_address)}
    has_labels = "Labels" in answers
    on_picture = "Image" in media and not any(one.is_list for one in shown)
    found = set(_OF_ANY_CONFIG)
    boxes = "RectangleLabels" in answers or ("Rectangle" in answers and has_labels)
    drawn = boxes or "PolygonLabels" in answers
    if on_picture and drawn:
        found |= _OBB
        # points have no categories of their own
        if "KeyPointLabels" not in answers or "RectangleLabels" in answers:
            found |= _COCO
    if on_picture and boxes:
        found.add("VOC")
    if on_picture and ("BrushLabels" in answers or ("Brush" in answers and has_labels)):
        found |= _BRUSH
    if "Text" in media and has_labels:
        found.add("CONLL2003")
    if media & {"Audio", "AudioPlus"} and "TextArea" in answers:
        found.add("ASR_MANIFEST")
    return found
