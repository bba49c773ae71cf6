"""Label Studio's ``export_type``s, and ours: a type that this installation has no format for is not offered."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from exportadmin.lib.errors import UserError
from exports.formats import FORMATS
from exports.models import ExportReport

SNAPSHOT: Final = "label_studio_json"
JSON: Final = "JSON"


@dataclass(frozen=True, slots=True)
class ExportType:
    """``name`` is what is sent; ``format`` and ``options`` are ours."""

    name: str
    format: str
    options: Mapping[str, str] = field(default_factory=dict)


# the order of classes there
_ALPHABETICAL: Final = {"classes": "alphabetical"}
_YOLO: Final = {"shapes": "mixed", **_ALPHABETICAL}
_PICTURES: Final = {"images": "with"}
_ALL: Final = (
    ExportType(JSON, SNAPSHOT),
    ExportType("JSON_MIN", "label_studio_json_min"),
    ExportType("CSV", "label_studio_csv"),
    ExportType("TSV", "label_studio_tsv"),
    ExportType("COCO", "label_studio_coco"),
    ExportType("COCO_WITH_IMAGES", "label_studio_coco", _PICTURES),
    ExportType("VOC", "voc"),
    ExportType("YOLO", "yolo", _YOLO),
    ExportType("YOLO_WITH_IMAGES", "yolo", _YOLO | _PICTURES),
    ExportType("YOLO_OBB", "yolo_obb", _ALPHABETICAL),
    ExportType("YOLO_OBB_WITH_IMAGES", "yolo_obb", _ALPHABETICAL | _PICTURES),
    ExportType("BRUSH_TO_NUMPY", "brush_to_numpy"),
    ExportType("BRUSH_TO_PNG", "brush_to_png"),
    ExportType("BRUSH_TO_COCO", "brush_to_coco"),
    ExportType("CONLL2003", "conll2003"),
    ExportType("ASR_MANIFEST", "asr_manifest"),
)


def export_types() -> dict[str, ExportType]:
    """By name, those that there is a format of ours for."""
    return {one.name: one for one in _ALL if one.format in FORMATS}


def export_type(name: str, field: str) -> ExportType:
    """Raises :class:`UserError`."""
    known = export_types()
    if name not in known:
        raise UserError(f"{name[:60]} is not supported export format; known: {', '.join(known)}", field=field)
    return known[name]


def with_images(wanted: ExportType) -> ExportType:
    """The same with its pictures, under the name of its own that most have; of a format that has none, itself."""
    if named := export_types().get(f"{wanted.name}_WITH_IMAGES"):
        return named
    has_pictures = "images" in {option.name for option in FORMATS.pick(wanted.format).options}
    return dataclasses.replace(wanted, options={**wanted.options, **_PICTURES}) if has_pictures else wanted


def options_of(wanted: ExportType, snapshot: ExportReport) -> dict[str, str]:
    """For a conversion: what the snapshot was made with, as far as the format has the same options."""
    known = {option.name for option in FORMATS.pick(wanted.format).options}
    kept = {name: value for name, value in snapshot.config.get("options", {}).items() if name in known}
    return kept | dict(wanted.options)


def type_of(report: ExportReport) -> str:
    """The ``export_type`` by which a report's format is known there; empty: by none."""
    options = report.config.get("options", {})
    return next(
        (
            one.name
            for one in reversed(_ALL)  # what differs by options alone stands behind
            if one.format == report.format and all(options.get(key) == value for key, value in one.options.items())
        ),
        "",
    )
