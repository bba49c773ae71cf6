"""What Diffgram's re-import asks of an export file, as far as it is known, for tests: :func:`complaints`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

METADATA = {"readme", "label_map", "label_colour_map", "export_info", "attribute_groups_reference"}
_BASE = {"id", "type", "attribute_groups", "label_file_id"}
_IN_FRAMES = {"frame_number", "global_frame_number", "local_sequence_number", "number", "interpolated"}
_BOUNDS = ("x_min", "y_min", "x_max", "y_max")
_OF_TYPE = {
    "box": {*_BOUNDS},
    "polygon": {*_BOUNDS, "points"},
    "point": {"points"},
    "line": {"points"},
    "cuboid": {"front_face", "rear_face"},
    "ellipse": {"center_x", "center_y", "width", "height"},
    "global": set(),
}


def complaints(document: dict[str, Any], *, types: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """What is not as it asks; ``types`` are further types of instances that may be there."""
    return list(_complaints(document, types))


def _complaints(document: dict[str, Any], types: set[str]) -> Iterator[str]:
    for key in METADATA - document.keys():
        yield f"{key} is missing"
    for key in document.keys() - METADATA:
        if not key.isdecimal():
            yield f"{key!r} is no file id"
    entries = {key: value for key, value in document.items() if key not in METADATA}
    if document["export_info"]["export_format_version"] != "1.0":
        yield "another version"
    if document["export_info"]["file_list_length"] != len(entries):
        yield "file_list_length is not the number of entries"
    labels = document["label_map"]
    if labels.keys() != document["label_colour_map"].keys():
        yield "label_map and label_colour_map have other labels"
    groups = {str(one["id"]): one for one in document["attribute_groups_reference"]}
    for key, entry in entries.items():
        for complaint in _of_entry(key, entry, labels, groups, types):
            yield f"{key}: {complaint}"


def _of_entry(key: str, entry: dict[str, Any], labels: Any, groups: Any, types: set[str]) -> Iterator[str]:
    file = entry["file"]
    if file["id"] != int(key):
        yield "another file id"
    if not file["original_filename"] or not file["blob_url"]:
        yield "no original_filename or blob_url"
    if file["type"] not in ("image", "video"):
        yield f"a file of type {file['type']}"
    instances = [(one, False) for one in entry.get("instance_list", [])]
    if file["type"] == "video":
        if "video" not in entry or "instance_list" in entry:
            yield "no entry of a video"
        instances += [(one, False) for one in entry["parent_instance_list"]]
        for sequence in entry["sequence_list"]:
            instances += [(one, True) for one in sequence["instance_list"]]
            frames = [one["frame_number"] for one in sequence["instance_list"]]
            if frames != sorted(set(frames)) or not set(sequence["keyframe_list"]) <= set(frames):
                yield "frames of a sequence out of order"
            if {one["label_file_id"] for one in sequence["instance_list"]} != {sequence["label_file_id"]}:
                yield "a sequence of several labels"
    identities = [one["id"] for one, _ in instances]
    if len(set(identities)) != len(identities) or not all(type(one) is int for one in identities):
        yield "ids of instances that are the same, or no whole numbers"
    for one, is_framed in instances:
        yield from _of_instance(one, is_framed, labels, groups, types)


def _of_instance(one: dict[str, Any], is_framed: bool, labels: Any, groups: Any, types: set[str]) -> Iterator[str]:
    missing = (_BASE | (_IN_FRAMES if is_framed else set()) | _OF_TYPE.get(one["type"], set())) - one.keys()
    if missing:
        yield f"an instance of type {one['type']} without {sorted(missing)}"
        return
    if one["type"] not in _OF_TYPE.keys() | types:
        yield f"an instance of type {one['type']}"
    if one["label_file_id"] is not None and str(one["label_file_id"]) not in labels:
        yield f"label file {one['label_file_id']} is not in label_map"
    if one["type"] in ("box", "polygon") and not all(type(one[side]) is int for side in _BOUNDS):
        yield "sides that are no whole pixels"
    if one["type"] == "box" and not any(one[side] for side in _BOUNDS):
        yield "a box without a side"
    if not all(corner.keys() == {"x", "y"} for corner in one.get("points", [])):
        yield "points that are not x and y"
    if is_framed and not all(type(one[key]) is int for key in ("number", "frame_number")):
        yield "an instance without number or frame_number"
    for key, value in (one["attribute_groups"] or {}).items():
        group = groups.get(key)
        if group is None:
            yield f"attribute group {key} is not in attribute_groups_reference"
            continue
        options = {each["id"]: each["name"] for each in group["attribute_template_list"]}
        chosen = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
        if any(options.get(each["id"]) != each["name"] for each in chosen):
            yield f"an option that attribute group {key} does not have"
