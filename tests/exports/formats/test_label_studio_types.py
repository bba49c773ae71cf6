"""Which of Label Studio's export types a labeling config can fill."""

from __future__ import annotations

import pytest

from exports.formats.label_studio_types import listed_types, types_of

TABLES = {"JSON", "JSON_MIN", "CSV", "TSV"}
COCO = {"COCO", "COCO_WITH_IMAGES", "YOLO", "YOLO_WITH_IMAGES"}
OBB = {"YOLO_OBB", "YOLO_OBB_WITH_IMAGES"}
BRUSH = {"BRUSH_TO_NUMPY", "BRUSH_TO_PNG", "BRUSH_TO_COCO"}
IMAGE = '<Image name="image" value="$image"/>'


def control(tag: str, to: str = "image", *labels: str) -> str:
    inside = "".join(f'<Label value="{label}"/>' for label in labels)
    return f'<{tag} name="{tag.lower()}" toName="{to}">{inside}</{tag}>'


def view(*tags: str) -> str:
    return f"<View>{''.join(tags)}</View>"


BENCH = view(
    IMAGE,
    control("Choices"),
    control("RectangleLabels", "image", "a"),
    control("PolygonLabels"),
    control("BrushLabels"),
)
EVERYTHING = TABLES | COCO | OBB | BRUSH | {"VOC", "CONLL2003", "ASR_MANIFEST"}


def test_pictures_with_boxes_polygons_and_brushes_have_these_in_this_order():
    listed = listed_types(BENCH, EVERYTHING)
    assert [one["name"] for one in listed] == [
        "JSON", "JSON_MIN", "CSV", "TSV", "COCO", "COCO_WITH_IMAGES", "VOC", "YOLO", "YOLO_WITH_IMAGES", "YOLO_OBB",
        "YOLO_OBB_WITH_IMAGES", "BRUSH_TO_NUMPY", "BRUSH_TO_PNG", "BRUSH_TO_COCO", "CONLL2003", "ASR_MANIFEST",
        "DOCLANG",
    ]  # fmt: skip
    assert [one["name"] for one in listed if one.get("disabled")] == ["CONLL2003", "ASR_MANIFEST", "DOCLANG"]
    assert listed[0].keys() == {"title", "description", "link", "name"}
    assert listed[4]["tags"] == ["image segmentation", "object detection", "keypoints"]


def test_what_this_installation_has_no_format_for_is_disabled():
    listed = listed_types(BENCH, TABLES | {"COCO"})
    assert [one["name"] for one in listed if not one.get("disabled")] == ["JSON", "JSON_MIN", "CSV", "TSV", "COCO"]
    assert len(listed) == 17


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (view(IMAGE, control("Choices")), set()),
        (view(IMAGE, control("RectangleLabels")), COCO | OBB | {"VOC"}),
        (view(IMAGE, control("Rectangle"), control("Labels")), COCO | OBB | {"VOC"}),
        (view(IMAGE, control("Rectangle")), set()),
        (view(IMAGE, control("PolygonLabels")), COCO | OBB),
        (view(IMAGE, control("KeyPointLabels"), control("RectangleLabels")), COCO | OBB | {"VOC"}),
        (view(IMAGE, control("BrushLabels")), BRUSH),
        (view(IMAGE, control("Brush"), control("Labels")), BRUSH),
        (view('<Image name="image" valueList="$images"/>', control("RectangleLabels")), set()),
        (view('<Text name="text" value="$text"/>', control("Labels", "text")), {"CONLL2003"}),
        (view('<Text name="text" value="$text" valueType="url"/>', control("Labels", "text")), set()),
        (view('<Audio name="audio" value="$audio"/>', control("TextArea", "audio")), {"ASR_MANIFEST"}),
        (view('<Audio name="audio" value="$audio"/>', control("Labels", "audio")), set()),
        (
            view(IMAGE, '<Image name="two" value="$two"/>', control("RectangleLabels"), control("Choices", "two")),
            set(),
        ),
        (view(IMAGE, '<Text name="hint" value="$hint"/>', control("RectangleLabels")), COCO | OBB | {"VOC"}),
        ("<View><Image", set()),
        ("", set()),
    ],
)
def test_a_config_has_the_types_that_it_can_fill(config, found):
    assert types_of(config) == TABLES | found
